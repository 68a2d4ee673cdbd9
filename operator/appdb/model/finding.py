"""What reading a source has to say about it, and where.

Values only. A finding is told to a person; it never changes the schema.
"""

from dataclasses import dataclass
from enum import StrEnum

from appdb.model.value import value


@value(frozen=True, slots=True, kw_only=True, order=True)
class Span:
    """A place in the source: path as given, line and column counted from 1."""

    path: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class Severity(StrEnum):
    """How bad: an error blocks the schema, a warning or an information does not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One remark about the source, like a line of a compiler.

    `code` is stable, upper-case and documented (`PRISMA_SYNTAX`); `span` is missing only
    where the remark is about the source as a whole.
    """

    code: str
    severity: Severity
    message: str
    span: Span | None = None

    def __str__(self) -> str:
        place = f"{self.span}: " if self.span else ""
        return f"{place}{self.severity} {self.code}: {self.message}"


class Confidence(StrEnum):
    """How sure a fact is.

    exact: read as written; derived: by the ORM's own rule; assumed: by convention or
    because something was missing; unknown: could not be read.
    """

    EXACT = "exact"
    DERIVED = "derived"
    ASSUMED = "assumed"
    UNKNOWN = "unknown"


@value(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Why a fact stands in the schema: the place, the rule (`prisma.default`) and how sure."""

    span: Span
    rule: str
    confidence: Confidence = Confidence.EXACT

"""What an analysis of a source yields: the value that crosses the process border.

Values only. It holds no source text beyond names and SQL expressions.
"""

from collections import Counter
from dataclasses import dataclass, field

from appdb.model.ddl import DdlStatement
from appdb.model.finding import Finding, Severity
from appdb.model.migrator import Migrator
from appdb.model.schema import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """A front end that found something, and the version its rules were taken for (`6`)."""

    name: str
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """The schema that a source declares and everything there is to say about it.

    `digest` is `sha256:<hex>` over the sorted paths and bytes of the source;
    `statements` load in their order into an empty database; `files` counts the files
    that were read, `bytes` their size. `migrators` are folders of migrations that the
    application brings along; their files declare nothing here.
    """

    digest: str
    files: int
    bytes: int
    frameworks: tuple[Framework, ...] = ()
    schema: Schema = field(default_factory=Schema)
    statements: tuple[DdlStatement, ...] = ()
    findings: tuple[Finding, ...] = ()
    migrators: tuple[Migrator, ...] = ()

    @property
    def declares_nothing(self) -> bool:
        """True when no front end found a table or anything else to make."""
        return not (self.statements or self.schema.tables or self.schema.enums)

    @property
    def is_blocked(self) -> bool:
        """True when an error stands in the way of using the schema."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)

    def count(self, severity: Severity) -> int:
        """Count the findings of one severity."""
        return Counter(finding.severity for finding in self.findings)[severity]

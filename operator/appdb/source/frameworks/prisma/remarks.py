"""Collects what the front end has to say, with the place it is about.

An error here means that Prisma itself would refuse the schema, or that it could not be
understood. The codes are stable and documented in docs/support.md.
"""

from enum import StrEnum

from appdb.model.finding import Finding, Severity
from appdb.source.frameworks.prisma.text import SourceText


class Code(StrEnum):
    """The kinds of remarks."""

    SYNTAX = "PRISMA_SYNTAX"
    DUPLICATE = "PRISMA_DUPLICATE"
    NAME = "PRISMA_NAME"
    TYPE = "PRISMA_TYPE"
    NATIVE_TYPE = "PRISMA_NATIVE_TYPE"
    ATTRIBUTE = "PRISMA_ATTRIBUTE"
    DEFAULT = "PRISMA_DEFAULT"
    KEY = "PRISMA_KEY"
    INDEX = "PRISMA_INDEX"
    RELATION = "PRISMA_RELATION"
    DATASOURCE = "PRISMA_DATASOURCE"
    PROVIDER = "PRISMA_PROVIDER"
    EXTENSION = "PRISMA_EXTENSION"
    SEVERAL = "PRISMA_SEVERAL_SCHEMAS"


class Invalid(Exception):  # noqa: N818 - a signal inside the front end, turned into a finding
    """A construct that Prisma refuses; `at` counts as offsets of its attribute do."""

    def __init__(self, code: Code, at: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.at = at
        self.message = message


class Remarks:
    """The findings so far, in the order in which they were made."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def error(self, code: Code, source: SourceText, at: int, message: str) -> None:
        self._add(code, Severity.ERROR, source, at, message)

    def warning(self, code: Code, source: SourceText, at: int, message: str) -> None:
        self._add(code, Severity.WARNING, source, at, message)

    def info(self, code: Code, source: SourceText, at: int, message: str) -> None:
        self._add(code, Severity.INFO, source, at, message)

    def _add(self, code: Code, severity: Severity, source: SourceText, at: int, text: str) -> None:
        self.findings.append(
            Finding(code=str(code), severity=severity, message=text, span=source.span(at))
        )

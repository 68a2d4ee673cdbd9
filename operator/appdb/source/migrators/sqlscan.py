"""What is told of a migration's text without reading it as statements. Pure."""

import re
from collections.abc import Iterable

from appdb.model.finding import Finding, Severity, Span
from appdb.model.migrator import Tool
from appdb.source.project import SourceFile

_MAKES_SCHEMA = re.compile(rb"\bcreate\s+schema\b", re.IGNORECASE)


def makes_schemas(files: Iterable[SourceFile]) -> bool:
    """Tell whether a file makes a schema; rather too often true."""
    return any(_MAKES_SCHEMA.search(file.content) for file in files)


def of_another_database(folder: str, path: str, tool: Tool, database: str) -> Finding:
    """Say that migrations are not for Postgres."""
    return Finding(
        code="MIGRATIONS_OF_ANOTHER_DATABASE",
        severity=Severity.INFO,
        message=f"the migrations of {tool} in {folder or '.'} are for {database[:40]}; they do "
        "not count here",
        span=Span(path=path, line=1),
    )

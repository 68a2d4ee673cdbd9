"""A schema from migrations alone, where no front end reads the models of an application.

A folder of SQL says what the tables are once all of it ran; what that is, Postgres has to
tell (see `appdb.postgres.replay`). Pure.
"""

from collections.abc import Iterable
from dataclasses import replace

from appdb.model.analysis import Analysis
from appdb.model.ddl import DdlKind, DdlStatement
from appdb.model.identifiers import quoted
from appdb.model.migrator import Migrator
from appdb.source.filekind import Kind
from appdb.source.frameworks.sql.read import read_files
from appdb.source.project import SourceFile


def only_declaring(found: Analysis) -> Migrator | None:
    """Return the migrator whose SQL is all that says what the tables are; None for others."""
    if found.frameworks or found.is_blocked or len(found.migrators) != 1:
        return None
    migrator = found.migrators[0]
    replay = migrator.replay
    is_usable = replay is not None and not replay.refusal and not migrator.obstacle
    return migrator if is_usable else None


def with_prerequisites(found: Analysis, migrator: Migrator) -> Analysis:
    """Return an analysis that declares what the application itself may not make."""
    replay = migrator.replay
    if replay is None:
        return found
    extensions = (
        DdlStatement(
            kind=DdlKind.EXTENSION, sql=f"CREATE EXTENSION IF NOT EXISTS {quoted(name)}", name=name
        )
        for name in replay.extensions
    )
    schemas = (
        DdlStatement(kind=DdlKind.NAMESPACE, sql=f"CREATE SCHEMA {quoted(name)}", name=name)
        for name in replay.schemas
    )
    return replace(found, statements=(*extensions, *schemas))


def declared_by(texts: Iterable[str]) -> tuple[DdlStatement, ...]:
    """Return statements that Postgres told of, each with what it makes."""
    content = ";\n".join(texts).encode()
    file = SourceFile(path="schema.sql", content=content, kind=Kind.SQL)
    read = read_files([file], is_only_source=True)
    return tuple(replace(each, evidence=None) for each in read.statements)

"""Makes the app's first tables: all statements in one transaction, with the app's rights.

Runs over a session that logged in as the app does, so the source can never do more than
the app itself could. Each statement is sent by the extended protocol, which takes exactly
one: text that hides a second statement is an error, not a second statement.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from appdb.errors import AppDBError, Conflict, DDLFailed, Unavailable
from appdb.model.ddl import DdlKind, DdlStatement
from appdb.postgres.connect import Session, place
from appdb.postgres.silence import end_silent
from appdb.postgres.sqlstate import statement_error
from appdb.postgres.statements import cut_off, together

_READ_TABLES = """
SELECT n.nspname, c.relname,
    (SELECT count(*) FROM pg_attribute a
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '_appdb')
AND NOT EXISTS (SELECT FROM pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """A table of the app and how many columns it has."""

    schema: str
    name: str
    columns: int


async def apply_first_schema(
    session: Session,
    statements: Sequence[DdlStatement],
    *,
    lock_timeout_ms: int = 2_000,
    statement_timeout_ms: int = 30_000,
) -> None:
    """Run all statements or none; unqualified names land in public.

    Schemas and extensions are left out: the app has no right to make them, they are
    wanted of `ensure_inside` (see `operator_made`).

    Raises:
        DDLFailed: naming the object, the place in the source, and what Postgres says.
        LockTimeout, Unreachable, ...: nothing is wrong with the statements; try again.
    """
    limits = {"lock_timeout": lock_timeout_ms, "statement_timeout": statement_timeout_ms}
    try:
        async with together(session):
            await _prepare(session, limits)
            for statement in _app_made(statements):
                await session.execute(_as_written(statement))
    except psycopg.Error as err:
        if session.closed:
            raise statement_error(err, where=place(session), doing="making the tables") from err
        await end_silent(session)
        await _find_failure(session, statements, limits)


def operator_made(statements: Sequence[DdlStatement], kind: DdlKind) -> tuple[str, ...]:
    """Name the schemas or extensions that statements ask for, each once."""
    return tuple(dict.fromkeys(each.name for each in statements if each.kind is kind))


async def read_tables(session: Session) -> tuple[TableRow, ...]:
    """Read the app's tables, those of extensions and of our own ledger left out."""
    try:
        with cut_off(session):
            rows = await (await session.execute(_READ_TABLES)).fetchall()
    except psycopg.Error as err:
        raise statement_error(err, where=place(session), doing="reading the tables") from err
    return tuple(TableRow(schema=s, name=n, columns=c) for s, n, c in rows)


def _app_made(statements: Sequence[DdlStatement]) -> Iterator[DdlStatement]:
    for statement in statements:
        if statement.kind not in {DdlKind.EXTENSION, DdlKind.NAMESPACE}:
            yield statement


async def _find_failure(
    session: Session, statements: Sequence[DdlStatement], limits: dict[str, int]
) -> None:
    """Run again one by one, which tells which statement it is; a pipeline does not.

    What failed by chance succeeds now, and all is well.
    """
    current: DdlStatement | None = None
    try:
        async with together(session) as pipeline:
            await _prepare(session, limits)
            for statement in _app_made(statements):
                current = statement
                await session.execute(_as_written(statement))
                await pipeline.sync()
    except psycopg.Error as err:
        raise _located(err, current, where=place(session)) from err


async def _prepare(session: Session, limits: dict[str, int]) -> None:
    await session.execute("SET LOCAL search_path TO public")
    for setting, milliseconds in limits.items():
        await session.execute(
            sql.SQL("SET LOCAL {} TO {}").format(sql.Identifier(setting), sql.Literal(milliseconds))
        )


def _as_written(statement: DdlStatement) -> bytes:
    """Hand the text over as it is: it was printed or checked by the source layer."""
    return statement.sql.encode()


def _located(err: psycopg.Error, statement: DdlStatement | None, *, where: str) -> AppDBError:
    if statement is None:
        return statement_error(err, where=where, doing="making the tables")
    thing = f"{statement.kind.name.lower()} {statement.name}"
    source = f" ({statement.evidence.span})" if statement.evidence else ""
    known = statement_error(err, where=where, doing=f"making {thing}{source}")
    if isinstance(known, Unavailable | Conflict):
        return known
    said = err.diag.message_primary or "no reason given"
    return DDLFailed(
        f"{thing}{source} cannot be made: {said} (SQLSTATE {err.sqlstate}); nothing was changed;"
        " correct the source"
    )

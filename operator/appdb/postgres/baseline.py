"""Writes down for an application's own migrator that its migrations ran.

Over the app's own login, so that the tables of records are the app's; all in one
transaction, and only rows that are not there. A row is never removed but one of Alembic,
whose table points at the newest revision and at no other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from appdb.errors import DataConflict, InvalidSpec
from appdb.plan.bookkeeping import BookTable, Filled, Row, Value
from appdb.postgres.connect import Session, place
from appdb.postgres.sqlstate import statement_error
from appdb.postgres.statements import cut_off

LOCK_TIMEOUT_MS = 5_000
# Two keys, apart from whoever uses the form with one: "adb" in ASCII, and a number of ours.
_OWN_LOCK = (0x616462, 2)

_READ_COLUMNS = """
SELECT a.attname, a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Rows that a table of records lacks; `stale` are identities that they take the place of."""

    book: BookTable
    rows: tuple[Row, ...]
    stale: tuple[str, ...] = ()
    is_there: bool = True


async def read_missing(session: Session, books: Sequence[BookTable]) -> tuple[Missing, ...]:
    """Tell what is still to be written down; nothing when all is there. Reads only.

    Raises:
        InvalidSpec: a table of that name is of another form.
        DataConflict: its own records say that a migration failed, or name one that the
            source does not have where the newest has to be known.
    """
    doing = "reading the records of the app's migrator"
    try:
        with cut_off(session):
            found = [await _missing_in(session, book) for book in books]
    except psycopg.Error as err:
        raise statement_error(err, where=place(session), doing=doing) from err
    return tuple(each for each in found if each.rows or not each.is_there)


async def write_missing(session: Session, books: Sequence[BookTable]) -> int:
    """Write down what is missing, in one transaction; return the number of rows.

    Raises:
        InvalidSpec, DataConflict: see `read_missing`.
        LockTimeout: the migrator is at work; try again.
    """
    doing = "writing the records of the app's migrator"
    try:
        with cut_off(session):
            async with session.transaction():
                return await _write(session, books)
    except psycopg.Error as err:
        raise statement_error(err, where=place(session), doing=doing) from err


async def _write(session: Session, books: Sequence[BookTable]) -> int:
    timeout = sql.Literal(LOCK_TIMEOUT_MS)
    await session.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(timeout))
    await session.execute("SELECT pg_advisory_xact_lock(%s, %s)", _OWN_LOCK)
    written = 0
    for book in books:
        if book.lock is not None:
            await session.execute("SELECT pg_advisory_xact_lock(%s)", (book.lock,))
        await _make(session, book)
        # Its own tool may be at work: what is missing counts from here on.
        lock = sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(_name(book))
        await session.execute(lock)
        missing = await _missing_in(session, book)
        await _point_on(session, missing)
        await _insert(session, missing)
        written += len(missing.rows)
    return written


async def _missing_in(session: Session, book: BookTable) -> Missing:
    found = await session.execute(_READ_COLUMNS, (book.schema, book.name))
    columns: dict[str, bool] = dict(await found.fetchall())
    if not columns:
        return Missing(book=book, rows=book.rows, is_there=False)
    _require_form(book, columns)
    there = await _rows_there(session, book)
    if not book.identity:
        return Missing(book=book, rows=() if there else book.rows)
    rows = tuple(row for row in book.rows if book.identity_of(row) not in there)
    return Missing(book=book, rows=rows, stale=_stale(book, there) if rows else ())


def _require_form(book: BookTable, columns: dict[str, bool]) -> None:
    lacking = [name for name in (*book.written, *book.identity) if name not in columns]
    unfilled = [name for name, is_needed in columns.items() if is_needed]
    odd = lacking or [name for name in unfilled if name not in book.written]
    if odd:
        verb = "lacks" if lacking else "asks for"
        raise InvalidSpec(
            f"schema.migrator Baseline: table {book.schema}.{book.name} {verb} the column {odd[0]}"
            ", so it is not as this version of the migrator makes it; let the migrator itself bring"
            " it up to date, or use Detect"
        )


async def _rows_there(session: Session, book: BookTable) -> set[Row]:
    """Return the identities of the rows that count."""
    names = [sql.Identifier(name) for name in book.identity]
    identity: list[sql.Composable] = [*names] or [sql.SQL("1")]
    query = sql.SQL("SELECT {}, {} FROM {} WHERE NOT ({})").format(
        sql.SQL(book.failed), sql.SQL(", ").join(identity), _name(book), sql.SQL(book.void)
    )
    rows = await (await session.execute(query)).fetchall()
    failed = next((row for row in rows if row[0]), None)
    if failed is not None:
        raise DataConflict(
            f"schema.migrator Baseline: {book.name} says that migration {failed[1]} failed; settle"
            " it with the migrator (for Prisma: prisma migrate resolve)"
        )
    return {tuple(row[1:]) for row in rows}


def _stale(book: BookTable, there: set[Row]) -> tuple[str, ...]:
    if book.replaces is None:
        return ()
    own = {book.identity_of(row) for row in book.rows}
    names = sorted(str(row[0]) for row in there - own)
    unknown = [name for name in names if name not in book.replaces]
    if unknown:
        raise DataConflict(
            f"schema.migrator Baseline: {book.name} holds {unknown[0]}, which is not in the source;"
            " add the file, or settle it with the migrator"
        )
    return tuple(names)


async def _make(session: Session, book: BookTable) -> None:
    found = await session.execute("SELECT to_regnamespace(quote_ident(%s))", (book.schema,))
    row = await found.fetchone()
    if row is None or row[0] is None:
        statement = sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(book.schema))
        await session.execute(statement)
    parts: list[sql.Composable] = [
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(definition))
        for name, definition in book.columns
    ]
    if book.primary_key is not None:
        key, column = book.primary_key
        parts.append(
            sql.SQL("CONSTRAINT {} PRIMARY KEY ({})").format(
                sql.Identifier(key), sql.Identifier(column)
            )
        )
    await session.execute(
        sql.SQL("CREATE TABLE IF NOT EXISTS {} ({})").format(_name(book), sql.SQL(", ").join(parts))
    )


async def _point_on(session: Session, missing: Missing) -> None:
    if not missing.stale:
        return
    (column,) = missing.book.identity
    query = sql.SQL("DELETE FROM {} WHERE {} = ANY(%s)").format(
        _name(missing.book), sql.Identifier(column)
    )
    await session.execute(query, (list(missing.stale),))


async def _insert(session: Session, missing: Missing) -> None:
    """One statement for all rows, so that a number counted by the server is the same in each."""
    if not missing.rows:
        return
    book = missing.book
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in book.written)
    parameters: list[Any] = []
    rows = [
        sql.SQL("({})").format(sql.SQL(", ").join(_value(value, book, parameters) for value in row))
        for row in missing.rows
    ]
    query = sql.SQL("INSERT INTO {} ({}) VALUES {}").format(
        _name(book), columns, sql.SQL(", ").join(rows)
    )
    await session.execute(query, parameters)


def _value(value: Value, book: BookTable, parameters: list[Any]) -> sql.Composable:
    match value:
        case Filled.NOW:
            return sql.SQL("now()")
        case Filled.NEXT_BATCH:
            counted: LiteralString = "(SELECT coalesce(max(batch), 0) + 1 FROM {})"
            return sql.SQL(counted).format(_name(book))
        case _:
            parameters.append(value)
            return sql.Placeholder()


def _name(book: BookTable) -> sql.Identifier:
    return sql.Identifier(book.schema, book.name)

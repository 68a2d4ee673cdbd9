"""Says what is at stake in steps that wait: how many rows, values or bytes, in words.

Read-only and cheap: small tables are counted, large ones estimated from the statistics.
No value of a row ever leaves this module.
"""

from collections.abc import Iterable, Mapping
from typing import LiteralString

import psycopg
from psycopg import sql

from appdb.model.catalog import Key, Kind
from appdb.plan.hazards import Hazard
from appdb.plan.policy import Judged
from appdb.postgres.connect import Session

# Larger tables are not counted for the sake of a sentence.
COUNT_LIMIT_BYTES = 64 * 1024 * 1024
TIMEOUT_MILLISECONDS = "5000"

_SIZE: LiteralString = """
    SELECT pg_relation_size(c.oid), pg_total_relation_size(c.oid), greatest(c.reltuples, 0)::bigint
    FROM pg_class c WHERE c.oid = to_regclass(%s)
"""
_NULLS: LiteralString = """
    SELECT null_frac FROM pg_stats WHERE schemaname = %s AND tablename = %s AND attname = %s
"""
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


async def weigh(conn: Session, judged: Iterable[Judged]) -> Mapping[Key, str]:
    """Return a sentence for each subject whose change can lose, rewrite or refuse rows.

    Nothing is said of what cannot be read in a moment.
    """
    found: dict[Key, str] = {}
    try:
        async with conn.transaction():
            await conn.execute("SET TRANSACTION READ ONLY")
            await conn.execute(
                "SELECT set_config('statement_timeout', %s, true)", (TIMEOUT_MILLISECONDS,)
            )
            for each in judged:
                text = await _weigh_one(conn, each)
                if text:
                    found[each.unit.subject] = text
    except psycopg.Error:
        # The plan is as good without it.
        return found
    return found


async def largest(conn: Session, tables: Iterable[Key]) -> int:
    """Return the size in bytes of the largest of some tables; 0 where none is there."""
    names = [table.quoted for table in tables]
    query = (
        "SELECT coalesce(max(pg_total_relation_size(c.oid)), 0) FROM pg_class c"
        " WHERE c.oid = ANY (SELECT to_regclass(t) FROM unnest(%s::text[]) t)"
    )
    row = await (await conn.execute(query, (names,))).fetchone()
    return int(row[0]) if row else 0


async def _weigh_one(conn: Session, judged: Judged) -> str:
    key, hazards = judged.unit.subject, judged.hazards
    if not hazards - {Hazard.RENAME}:
        return ""
    if key.kind is not Kind.TABLE and not key.parent:
        return ""
    size = await _size(conn, key.table)
    if size is None:
        return ""
    main, total, estimate = size
    if Hazard.REWRITE in hazards:
        return f"table {key.table} has {in_bytes(total)} to rewrite"
    if main > COUNT_LIMIT_BYTES:
        return await _estimated(conn, key, estimate)
    return await _counted(conn, key)


async def _size(conn: Session, table: Key) -> tuple[int, int, int] | None:
    row = await (await conn.execute(_SIZE, (table.quoted,))).fetchone()
    return (int(row[0]), int(row[1]), int(row[2])) if row else None


async def _counted(conn: Session, key: Key) -> str:
    table = sql.Identifier(key.table.schema, key.table.name)
    if key.kind is not Kind.COLUMN:
        query = sql.SQL("SELECT count(*) FROM {}").format(table)
        return _rows(key, await _number(conn, query), "")
    query = sql.SQL("SELECT count({}) FROM {}").format(sql.Identifier(key.name), table)
    return _rows(key, await _number(conn, query), "")


async def _estimated(conn: Session, key: Key, rows: int) -> str:
    if key.kind is not Kind.COLUMN:
        return _rows(key, rows, "about ")
    found = await conn.execute(_NULLS, (key.schema, key.parent, key.name))
    row = await found.fetchone()
    empty = float(row[0]) if row else 0.0
    return _rows(key, round(rows * (1 - empty)), "about ")


def _rows(key: Key, number: int, about: str) -> str:
    """Return `column has 1,204 non-null values`, or of a table its rows."""
    if key.kind is Kind.COLUMN:
        noun = "value" if number == 1 else "values"
        return f"column has {about}{number:,} non-null {noun}"
    noun = "row" if number == 1 else "rows"
    return f"table {key.table} has {about}{number:,} {noun}"


async def _number(conn: Session, query: sql.Composed) -> int:
    row = await (await conn.execute(query)).fetchone()
    return int(row[0]) if row else 0


def in_bytes(size: int) -> str:
    """Return a size for people: `64 MiB`."""
    value, unit = float(size), _UNITS[0]
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            break
        value /= 1024
    return f"{value:.0f} {unit}"

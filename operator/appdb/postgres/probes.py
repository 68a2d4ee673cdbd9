"""Asks the live rows what a plan needs to know: read-only, bounded in time, keys only.

At most five sample keys leave this module, and never another value of a row.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import psycopg

from appdb.model.catalog import Key
from appdb.model.identifiers import quoted
from appdb.plan.policy import Evidence, Refusal
from appdb.plan.unit import Probe, Unit
from appdb.postgres.connect import Session
from appdb.postgres.ledger import Roles, work_as_owner

SAMPLES = 5
_KEY_LENGTH = 64


async def gather_evidence(
    conn: Session, units: Sequence[Unit], roles: Roles, *, timeout_seconds: int
) -> Evidence:
    """Measure tables and ask every unit's questions in one read-only transaction."""
    if not any(unit.probes or unit.rewrites for unit in units):
        return Evidence()
    refusals: dict[int, tuple[Refusal, ...]] = {}
    async with conn.transaction():
        await conn.execute("SET TRANSACTION READ ONLY")
        await conn.execute(
            "SELECT set_config('statement_timeout', %s, true), set_config('search_path', 'public',"
            " true), set_config('TimeZone', 'UTC', true)",
            (str(timeout_seconds * 1000),),
        )
        await work_as_owner(conn, roles)
        sizes = await _sizes(conn, {table for unit in units for table in unit.rewrites})
        for place, unit in enumerate(units):
            found = [r for probe in unit.probes if (r := await _ask(conn, probe)) is not None]
            if found:
                refusals[place] = tuple(found)
    return Evidence(sizes=sizes, refusals=refusals)


async def _sizes(conn: Session, tables: Iterable[Key]) -> dict[Key, int]:
    sizes = {}
    for table in tables:
        found = await conn.execute(
            "SELECT pg_total_relation_size(to_regclass(%s))", (table.quoted,)
        )
        row = await found.fetchone()
        sizes[table] = int(row[0]) if row and row[0] is not None else 0
    return sizes


async def _ask(conn: Session, probe: Probe) -> Refusal | None:
    try:
        async with conn.transaction():
            count, keys = await _count(conn, probe)
    except (psycopg.errors.DataError, psycopg.errors.RaiseException):
        if probe.expression is None:
            # Columns shown as they will be can ask what cannot be answered yet.
            return None
        count, keys = await _count_failures(conn, probe)
    except psycopg.Error as err:
        if probe.is_assumed and not isinstance(err, psycopg.errors.QueryCanceled):
            return None
        raise
    return Refusal(probe=probe, count=count, sample_keys=keys) if count else None


async def _count(conn: Session, probe: Probe) -> tuple[int, tuple[object, ...]]:
    count = await _number(conn, _count_sql(probe))
    if not count or not probe.keys:
        return count, ()
    found = await conn.execute(_sample_sql(probe).encode(), binary=False)
    return count, tuple(_shown(row) for row in await found.fetchall())


async def _number(conn: Session, query: str) -> int:
    row = await (await conn.execute(query.encode())).fetchone()
    return int(row[0]) if row else 0


def _count_sql(probe: Probe) -> str:
    source, condition, group = probe.source, probe.condition, probe.group
    if group:
        repeats = f"FROM {source} t WHERE {condition} GROUP BY {group} HAVING count(*) > 1"
        return f"SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n {repeats}) r"  # noqa: S608 - quoted names
    if condition == "true":
        # Whether there are rows at all is the question; counting them all may take long.
        return f"SELECT count(*) FROM (SELECT FROM {source} t LIMIT 1000000) t"  # noqa: S608 - see above
    return f"SELECT count(*) FROM {source} t WHERE {condition}"  # noqa: S608 - quoted names, deparsed text


def _sample_sql(probe: Probe) -> str:
    keys = ", ".join(f"t.{quoted(name)}" for name in probe.keys)
    source, condition, tail = probe.source, probe.condition, f"ORDER BY {keys} LIMIT {SAMPLES}"
    if not probe.group:
        return f"SELECT {keys} FROM {source} t WHERE {condition} {tail}"  # noqa: S608 - quoted names
    times = f"count(*) OVER (PARTITION BY {probe.group})"
    inner = f"SELECT *, {times} AS _appdb_n FROM {source} t WHERE {condition}"  # noqa: S608 - quoted names
    return f"SELECT {keys} FROM ({inner}) t WHERE _appdb_n > 1 {tail}"  # noqa: S608 - quoted names


async def _count_failures(conn: Session, probe: Probe) -> tuple[int, tuple[object, ...]]:
    """Count rows on which an expression fails, one by one: Postgres 15 has no softer way."""
    one = f"SELECT ({probe.expression})::text INTO v FROM {probe.source} WHERE ctid = r.place"  # noqa: S608 - quoted names
    every = f"SELECT ctid AS place FROM {probe.source}"  # noqa: S608 - quoted names
    block = (
        "DO $appdb$ DECLARE r record; v text; bad bigint := 0; BEGIN"
        f" FOR r IN {every} LOOP BEGIN {one};"
        " EXCEPTION WHEN data_exception THEN bad := bad + 1;"
        " IF bad <= 5 THEN PERFORM set_config('appdb.bad' || bad, r.place::text, true); END IF;"
        " END; END LOOP; PERFORM set_config('appdb.bad', bad::text, true); END $appdb$"
    )
    await conn.execute(block.encode())
    count = await _number(conn, "SELECT current_setting('appdb.bad')::bigint")
    if not count or not probe.keys:
        return max(count, 1), ()
    places = ", ".join(
        f"current_setting('appdb.bad{n}')::tid" for n in range(1, min(count, SAMPLES) + 1)
    )
    keys = ", ".join(f"t.{quoted(name)}" for name in probe.keys)
    query = f"SELECT {keys} FROM {probe.source} t WHERE ctid IN ({places}) ORDER BY {keys}"  # noqa: S608 - quoted names
    found = await conn.execute(query.encode())
    return count, tuple(_shown(row) for row in await found.fetchall())


def _shown(row: tuple[object, ...]) -> object:
    values = [_plain(value) for value in row]
    return values[0] if len(values) == 1 else values


def _plain(value: object) -> object:
    match value:
        case bool() | int() | None:
            return value
        case UUID() | Decimal() | datetime() | date():
            return str(value)
        case _:
            return str(value)[:_KEY_LENGTH]


async def has_values(conn: Session, column: Key, roles: Roles) -> bool:
    """Tell whether any row holds a value in a column."""
    name = quoted(column.name)
    query = f"SELECT EXISTS (SELECT FROM {column.relation} WHERE {name} IS NOT NULL)"  # noqa: S608 - quoted names
    return await _exists(conn, query, roles)


async def has_rows(conn: Session, table: Key, roles: Roles) -> bool:
    """Tell whether a table holds any row."""
    return await _exists(conn, f"SELECT EXISTS (SELECT FROM {table.quoted})", roles)  # noqa: S608 - quoted names


async def _exists(conn: Session, query: str, roles: Roles) -> bool:
    async with conn.transaction():
        await work_as_owner(conn, roles)
        row = await (await conn.execute(query.encode())).fetchone()
    return bool(row and row[0])

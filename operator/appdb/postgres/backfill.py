"""Fills a column batch by batch: each batch is a transaction of its own and locks only its rows.

Goes over the table by blocks, so that it needs no key and can be cut off and gone on with
anywhere: a filled row is not touched again.
"""

import asyncio
import time
from collections.abc import Callable, Mapping

import psycopg

from appdb.model.identifiers import quoted
from appdb.plan.unit import Backfill
from appdb.postgres.connect import Session
from appdb.postgres.ledger import Roles, work_as_owner

BLOCKS = 256
TELL_SECONDS = 5.0
# A batch is followed by a rest of a tenth of its time, so that others get their turn; a long
# one would pass for the silence of a holder that is gone.
REST, LONGEST_REST_SECONDS = 0.1, 2.0
# An application that locks the same rows in another order: the batch is tried again.
DEADLOCKS = 10


async def fill_column(
    conn: Session,
    fill: Backfill,
    *,
    roles: Roles,
    limits: Mapping[str, str],
    tell: Callable[[str], None],
) -> int:
    """Give every row that holds NULL the expression's value; returns how many it were."""
    column = fill.column
    total = await _blocks(conn, column.relation)
    rows, told = 0, time.monotonic()
    for start in range(0, max(total, 1), BLOCKS):
        began = time.monotonic()
        rows += await _batch(conn, fill, roles, limits, (start, start + BLOCKS))
        if time.monotonic() - told > TELL_SECONDS:
            tell(f"{100 * start // max(total, 1)} % of {column.table} filled, {rows} rows")
            told = time.monotonic()
        await asyncio.sleep(min(REST * (time.monotonic() - began), LONGEST_REST_SECONDS))
    # Rows that moved behind the place where they were looked for.
    return rows + await _batch(conn, fill, roles, limits, None)


async def _blocks(conn: Session, relation: str) -> int:
    found = await conn.execute(
        "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::int", (relation,)
    )
    row = await found.fetchone()
    return int(row[0]) if row else 0


async def _batch(
    conn: Session,
    fill: Backfill,
    roles: Roles,
    limits: Mapping[str, str],
    blocks: tuple[int, int] | None,
) -> int:
    column = fill.column
    name = quoted(column.name)
    only = f" AND {fill.only}" if fill.only else ""
    place = ""
    if blocks is not None:
        place = f" AND ctid >= '({blocks[0]},0)'::tid AND ctid < '({blocks[1]},0)'::tid"
    update = (
        f"UPDATE {column.relation} SET {name} = {fill.expression}"  # noqa: S608 - quoted names
        f" WHERE {name} IS NULL{only}{place}"
    )
    for attempt in range(DEADLOCKS + 1):
        try:
            async with conn.transaction():
                for setting, value in limits.items():
                    await conn.execute("SELECT set_config(%s, %s, true)", (setting, value))
                await work_as_owner(conn, roles)
                cursor = await conn.execute(update.encode(), binary=True)
        except psycopg.errors.DeadlockDetected:
            if attempt == DEADLOCKS:
                raise
        else:
            return max(cursor.rowcount, 0)
    raise AssertionError("the last try raises or returns")

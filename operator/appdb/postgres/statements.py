"""Runs the operator's own statements: one per call, repeated when Postgres says "again".

Statements are composed with `psycopg.sql` by the callers; nothing here makes SQL. What
fails is reported by what it was for, never by its text.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import sql

from appdb.postgres.connect import Session
from appdb.postgres.sqlstate import is_passing, statement_error

T = TypeVar("T")

# Shared catalogs are changed by everybody on the server; the clash lasts milliseconds.
_PAUSES_SECONDS = (0.02, 0.08, 0.3)
_jitter = random.SystemRandom()


def place(session: Session) -> str:
    """Name the server of a session for a message."""
    return f"server {session.info.host}:{session.info.port}"


async def run(session: Session, statement: sql.SQL | sql.Composed, *, doing: str) -> None:
    """Run one statement outside a transaction."""

    async def once() -> None:
        await session.execute(statement)

    await _repeated(session, once, doing=doing)


async def run_together(
    session: Session, statements: Sequence[sql.Composable], *, doing: str
) -> None:
    """Run statements in one transaction and one round trip; all of them or none."""
    if not statements:
        return

    async def once() -> None:
        async with session.pipeline(), session.transaction():
            for statement in statements:
                await session.execute(sql.Composed([statement]))

    await _repeated(session, once, doing=doing)


async def read_row(
    session: Session, query: LiteralString, parameters: dict[str, Any], *, doing: str
) -> tuple[Any, ...]:
    """Fetch the one row of a query that always has one."""

    async def once() -> tuple[Any, ...]:
        row = await (await session.execute(query, parameters)).fetchone()
        if row is None:
            msg = "a query that always has a row had none"
            raise LookupError(msg)
        return row

    return await _repeated(session, once, doing=doing)


async def _repeated(session: Session, once: Callable[[], Awaitable[T]], *, doing: str) -> T:
    for pause in (*_PAUSES_SECONDS, None):
        try:
            return await once()
        except psycopg.Error as err:
            if pause is None or not is_passing(err) or session.closed:
                raise statement_error(err, where=place(session), doing=doing) from err
            await asyncio.sleep(pause * _jitter.uniform(0.5, 1.5))
    raise AssertionError  # the last pause is None and raises

"""Runs the operator's own statements: one per call, repeated when Postgres says "again".

Statements are composed with `psycopg.sql` by the callers; nothing here makes SQL. What
fails is reported by what it was for, never by its text.
"""

import asyncio
import os
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import sql

from appdb.postgres.connect import Session, place
from appdb.postgres.sqlstate import is_passing, statement_error

T = TypeVar("T")

SILENCE_SECONDS = 150.0

# Shared catalogs are changed by everybody on the server; the clash lasts milliseconds.
_PAUSES_SECONDS = (0.02, 0.08, 0.3)
_jitter = random.SystemRandom()


@contextmanager
def cut_off(session: Session) -> Iterator[None]:
    """Break a session that does not answer by the time the server itself would have given up.

    statement_timeout rules while the server lives; a machine or process that is frozen keeps
    the connection open and silent, and cancelling would wait for its answer too.
    """
    timer = asyncio.get_running_loop().call_later(SILENCE_SECONDS, _shut, session)
    try:
        yield
    finally:
        timer.cancel()


@asynccontextmanager
async def together(
    session: Session, *, force_rollback: bool = False
) -> AsyncIterator[psycopg.AsyncPipeline]:
    """Send what is executed inside as one transaction, in as few round trips as can be."""
    with cut_off(session):
        async with (
            session.pipeline() as pipeline,
            session.transaction(force_rollback=force_rollback),
        ):
            yield pipeline


def _shut(session: Session) -> None:
    with suppress(OSError, psycopg.OperationalError):
        duplicate = socket.socket(fileno=os.dup(session.pgconn.socket))
        with duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)


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
        async with together(session):
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
            with cut_off(session):
                return await once()
        except psycopg.Error as err:
            if pause is None or not is_passing(err) or session.closed:
                raise statement_error(err, where=place(session), doing=doing) from err
            await asyncio.sleep(pause * _jitter.uniform(0.5, 1.5))
    raise AssertionError  # the last pause is None and raises

"""One run per database at a time: an advisory lock, taken by asking again and again.

Waiting inside pg_advisory_lock would hold a snapshot that CREATE INDEX CONCURRENTLY of the
other run waits for: the two would deadlock. The lock goes with its session, which the server
ends where it is silent for longer than its holder allows.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import LiteralString

import psycopg

from appdb.errors import LockTimeout
from appdb.model.catalog import Key
from appdb.postgres.connect import Session
from appdb.postgres.silence import end_silent

# "appd", "mig": two numbers, so that it meets no lock of an application by accident.
_CLASS, _ID = 0x61707064, 0x6D6967
POLL_SECONDS = 0.2

_HOLDER: LiteralString = """
    SELECT a.pid, coalesce(a.application_name, ''), coalesce(a.usename, ''),
        extract(epoch FROM clock_timestamp() - a.backend_start)::int
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.classid = %s AND l.objid = %s
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.pid <> pg_backend_pid()
"""
_BLOCKERS: LiteralString = """
    SELECT DISTINCT a.pid, coalesce(a.application_name, ''), coalesce(a.usename, ''),
        coalesce(extract(epoch FROM clock_timestamp() - a.xact_start)::int, 0),
        coalesce(a.state, '')
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.relation = ANY(%s::regclass[]::oid[]) AND l.granted AND l.pid <> pg_backend_pid()
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY 4 DESC LIMIT 3
"""
_LOCKERS: LiteralString = """
    SELECT DISTINCT CASE WHEN a.pid IS NOT NULL
        THEN format('pid %s (role %s, application %s)', a.pid, a.usename,
            coalesce(nullif(a.application_name, ''), 'unnamed'))
        ELSE format('prepared transaction %s of %s', left(p.gid, 40), p.owner) END
    FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
    LEFT JOIN pg_prepared_xacts p ON l.virtualtransaction = '-1/' || p.transaction
    WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.relation >= 16384 AND (a.pid IS NOT NULL OR p.gid IS NOT NULL)
    ORDER BY 1 LIMIT 3
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A session that stands in the way; `seconds` is how long its work has been open."""

    pid: int
    application: str
    user: str
    seconds: int
    state: str = ""

    def __str__(self) -> str:
        name = f" {self.application}" if self.application else ""
        state = f", {self.state}" if self.state else ""
        return f"pid {self.pid}{name} ({self.user}, since {self.seconds} s{state})"


# One statement: between two the process may be paused, with a lock that nobody ends.
_TRY = "SELECT pg_try_advisory_lock(%s, %s), set_config('idle_session_timeout', %s, false)"


@asynccontextmanager
async def run_lock(
    conn: Session,
    *,
    wait_seconds: float,
    on_wait: Callable[[str], None] = lambda _: None,
    longest_silence_ms: int = 0,
) -> AsyncIterator[None]:
    """Hold the database's run lock for the time of the block.

    Raises:
        LockTimeout: another run holds it; the message says who.
    """
    deadline = asyncio.get_running_loop().time() + wait_seconds
    has_told = False
    while not await _try(conn, longest_silence_ms):
        holder = await _holder(conn)
        if not has_told:
            on_wait(f"another run holds the database's lock: {holder}")
            has_told = True
        if asyncio.get_running_loop().time() >= deadline:
            raise LockTimeout(
                f"another run is changing {conn.info.dbname}: {holder}; wait for it to end"
            )
        await end_silent(conn)
        await asyncio.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        with suppress(psycopg.Error):
            await conn.execute("SELECT pg_advisory_unlock(%s, %s)", (_CLASS, _ID))
            await conn.execute("RESET idle_session_timeout")


async def _try(conn: Session, longest_silence_ms: int) -> bool:
    found = await conn.execute(_TRY, (_CLASS, _ID, str(longest_silence_ms)))
    row = await found.fetchone()
    return bool(row and row[0])


async def _holder(conn: Session) -> str:
    found = await conn.execute(_HOLDER, (_CLASS, _ID))
    row = await found.fetchone()
    if row is None:
        return "it has just ended"
    return str(Holder(pid=row[0], application=row[1], user=row[2], seconds=row[3]))


async def name_lockers(conn: Session) -> str:
    """Name up to three who hold locks on tables of the session's database."""
    try:
        found = await conn.execute(_LOCKERS)
    except psycopg.Error:
        return "others"
    return ", ".join(row[0] for row in await found.fetchall()) or "others, which have just ended"


async def read_blockers(conn: Session, tables: Sequence[Key]) -> tuple[Holder, ...]:
    """Name the sessions that hold locks on tables, the oldest first."""
    names = [table.quoted for table in tables]
    try:
        found = await conn.execute(_BLOCKERS, (names,))
    except psycopg.Error:
        return ()
    return tuple(
        Holder(pid=pid, application=name, user=user, seconds=seconds, state=state)
        for pid, name, user, seconds, state in await found.fetchall()
    )

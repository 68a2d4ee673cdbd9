"""One operator at a time at the roles and the door of a database.

An advisory lock in the maintenance database, by the database's name. It holds off a
second leader that does not yet know that it lost; other databases are not held up,
since nobody else changes the same rows of the shared catalogs. Waits for lock_timeout.

The server itself ends a holder that has gone silent, in a transaction or out of it.
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from appdb.errors import LockTimeout
from appdb.postgres.connect import AS_MAINTAINER, LONGEST_SILENCE_MS, Session, place
from appdb.postgres.silence import end_silent
from appdb.postgres.sqlstate import translated
from appdb.postgres.statements import read_row

_ENTER = """
SELECT pg_advisory_lock(%s, %s), set_config('idle_session_timeout', %s, false)
"""
_LEAVE = "SELECT pg_advisory_unlock(%s, %s), set_config('idle_session_timeout', %s, false)"

# Asked under the fence, before a login is given or taken away: is what this run read before
# it came in still so? Raises ConcurrentUpdate when it is not.
Confirm = Callable[[], Awaitable[None]]


async def as_read() -> None:
    """Confirm without a look, where nobody else can have changed what was read."""


# Two keys, so as to keep out of the way of whoever uses the form with one; "adb" in ASCII.
_CLASS = 0x616462

_READ_HOLDER = """
SELECT max(format('pid %%s, role %%s', a.pid, a.usename))
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted
AND l.classid = %(class)s AND l.objid = %(key)s::int8 & 4294967295
"""


def fence_key(database: str) -> tuple[int, int]:
    """Derive the two keys of a database's fence, for pg_advisory_lock(int, int)."""
    digest = hashlib.sha256(database.encode()).digest()
    return _CLASS, int.from_bytes(digest[:4], signed=True)


@asynccontextmanager
async def fenced(session: Session, database: str) -> AsyncIterator[None]:
    """Hold the fence of a database; a session that cannot let it go is closed.

    Raises:
        LockTimeout: another session holds it, and which.
    """
    keys = fence_key(database)
    try:
        with translated(place(session), f"waiting for the fence of database {database}"):
            await session.execute(_ENTER, (*keys, str(LONGEST_SILENCE_MS)))
    except LockTimeout as err:
        holder = await _read_holder(session, keys)
        await end_silent(session)
        raise LockTimeout(
            f"another run on database {database} has not ended, held by {holder}; trying again"
        ) from err
    is_released = False
    try:
        yield
        with translated(place(session), f"leaving the fence of database {database}"):
            await session.execute(_LEAVE, (*keys, str(AS_MAINTAINER.idle_timeout_ms)))
        is_released = True
    finally:
        if not is_released:
            await session.close()


async def _read_holder(session: Session, keys: tuple[int, int]) -> str:
    (holder,) = await read_row(
        session,
        _READ_HOLDER,
        {"class": keys[0], "key": keys[1]},
        doing="reading who holds the fence",
    )
    return holder or "a session that has ended since"

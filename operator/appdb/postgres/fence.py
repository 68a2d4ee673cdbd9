"""One operator at a time at the roles and the door of a database.

An advisory lock in the maintenance database, by the database's name. It holds off a
second leader that does not yet know that it lost; other databases are not held up,
since nobody else changes the same rows of the shared catalogs. Waits for lock_timeout.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from appdb.postgres.connect import Session
from appdb.postgres.sqlstate import translated
from appdb.postgres.statements import place

# The two-key form keeps out of the way of whoever uses the one-key form; "adb" in ASCII.
_CLASS = 0x616462


@asynccontextmanager
async def fenced(session: Session, database: str) -> AsyncIterator[None]:
    """Hold the fence of a database; a session that cannot let it go is closed.

    Raises:
        LockTimeout: another session holds it.
    """
    key = int.from_bytes(hashlib.sha256(database.encode()).digest()[:4], signed=True)
    parameters = {"class": _CLASS, "key": key}
    with translated(place(session), f"waiting for the fence of database {database}"):
        await session.execute("SELECT pg_advisory_lock(%(class)s, %(key)s)", parameters)
    is_released = False
    try:
        yield
        with translated(place(session), f"leaving the fence of database {database}"):
            await session.execute("SELECT pg_advisory_unlock(%(class)s, %(key)s)", parameters)
        is_released = True
    finally:
        if not is_released:
            await session.close()

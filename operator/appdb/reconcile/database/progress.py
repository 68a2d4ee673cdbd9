"""Shows that work is under way, when it takes longer than a moment.

A run that is quick writes status once, at its end, also when many run at once. A slow one
(a server that does not answer, a long change) is shown after some seconds, later while
others wait for their turn; until then an object that was never handled reads as in progress
by itself.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from appdb.api.reasons import Reason
from appdb.errors import AppDBError
from appdb.reconcile.database.report import progress_status
from appdb.reconcile.database.rotation import Turn
from appdb.reconcile.database.work import Work
from appdb.reconcile.results import Stage
from appdb.reconcile.status import StatusWriter

PATIENCE_SECONDS = 5.0
# Beside many others even a quick run takes its time, and one more write makes it no quicker.
PATIENCE_WHEN_BUSY_SECONDS = 15.0


@asynccontextmanager
async def shown_when_slow(work: Work, writer: StatusWriter) -> AsyncIterator[None]:
    """Write a progress status after a while; at the end nothing is being written any more."""
    started = asyncio.Event()
    task = asyncio.create_task(_show(work, writer, started))
    try:
        yield
    finally:
        if not started.is_set():
            task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _show(work: Work, writer: StatusWriter, started: asyncio.Event) -> None:
    is_busy = work.context.is_busy()
    await asyncio.sleep(PATIENCE_WHEN_BUSY_SECONDS if is_busy else PATIENCE_SECONDS)
    started.set()
    database = work.database
    reason, message = _what_is_done(work)
    status = progress_status(
        database.status,
        reason=reason,
        message=message,
        generation=database.metadata.generation,
        now=work.context.now(),
    )
    with suppress(AppDBError):
        await writer.write(status)


def _what_is_done(work: Work) -> tuple[Reason, str]:
    if work.database.status.database is None:
        return Reason.PROVISIONING, "roles, database and Secret are being made"
    if work.turn is not Turn.KEEP and Stage.CREDENTIALS not in work.results:
        return Reason.ROTATING_CREDENTIALS, "the password is being changed"
    return Reason.APPLYING_SCHEMA, "work is under way"

"""Ends sessions of our own login whose process went silent in the middle of a pipeline.

The server ends a session that is silent between two statements, see `LONGEST_SILENCE_MS`; it
has no time-out for one that has sent half of a pipeline. Whoever is held up by one ends it.
"""

from contextlib import suppress

import psycopg

from appdb.postgres.connect import LONGEST_SILENCE_MS, Session

# Statements of a live process follow each other within milliseconds, so that what waits for
# its client for so long has none any more. Of the same login: who it is may end it.
_END = """
SELECT count(pg_terminate_backend(a.pid)) FROM pg_stat_activity a
WHERE a.usename = session_user AND a.application_name = current_setting('application_name')
AND a.pid <> pg_backend_pid() AND a.state <> 'idle' AND a.wait_event = 'ClientRead'
AND a.state_change < clock_timestamp() - make_interval(secs => %s)
"""


async def end_silent(session: Session) -> None:
    """End them; what cannot be ended is left to whoever waits for it."""
    with suppress(psycopg.Error):
        await session.execute(_END, (LONGEST_SILENCE_MS / 1000,))

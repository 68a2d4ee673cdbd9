"""Notices that somebody changed managed tables by hand.

A look costs two catalogs' worth of queries, so it is taken when a round of inspection is
due, when somebody asks, or when there is something to hope for. What is done about what
was found is the engine's to decide, by `schema.driftPolicy`.
"""

from appdb.plan.scope import drift_of
from appdb.postgres.bookroom import ledger_session
from appdb.postgres.connect import Session
from appdb.postgres.inspect import read_catalog
from appdb.postgres.ledger import Roles, read_ledger
from appdb.postgres.sqlstate import translated
from appdb.reconcile.database.decide import is_requested
from appdb.reconcile.database.work import Work


def wants_full_look(work: Work) -> bool:
    """Tell whether the tables themselves are to be looked at, though the source is the same."""
    database, known = work.database, work.database.status
    return (
        work.observed.is_due
        or is_requested(database)
        or known.observed_generation != database.metadata.generation
        or bool(known.schema_ and known.schema_.drift)
    )


async def is_as_left(work: Work) -> bool:
    """Tell whether ledger and tables are as the last run left them.

    A first run that is still to be written down is as it was left, too.
    """
    if work.context.bookkeeping.owes_run(work.key):
        return True
    place = work.place
    async with ledger_session(place.sessions, place.wanted.name) as session:
        with translated(f"database {place.wanted.name}", "looking at the tables"):
            ledger = await read_ledger(session, Roles())
            live = await read_catalog(session)
    if not ledger.is_there:
        return False
    settled = ledger.settled
    is_same = settled is not None and settled.result_fingerprint == live.fingerprint
    if not is_same and drift_of(live, ledger.digests):
        return False
    work.drift = ()
    work.context.bookkeeping.note_as_left(work.key, live.fingerprint)
    return True


async def is_still_as_left(work: Work, session: Session) -> bool:
    """Tell the same over the app's own session, where the ledger was asked before.

    A round of inspection takes one session of a database then, and not two.
    """
    left = work.context.bookkeeping.as_left(work.key)
    if left is None:
        return False
    with translated(f"database {work.place.wanted.name}", "looking at the tables"):
        live = await read_catalog(session)
    if live.fingerprint != left:
        return False
    work.drift = ()
    return True

"""Writes down first runs, a moment after their objects are Ready.

The ledger of a database that is new says what the catalog says; reading that and writing it
down costs as much as the tables themselves, so those who wait for their database go first.
Should the process end before, or somebody change the tables, the next full look finds tables
without a ledger and adopts them as they are.
"""

import logging
from dataclasses import dataclass, field

from appdb.errors import AppDBError
from appdb.model.analysis import Analysis
from appdb.model.catalog import Catalog
from appdb.postgres.apply import Book
from appdb.postgres.bookroom import ledger_session
from appdb.postgres.firstrun import Mark, record_first_run
from appdb.postgres.sessions import AdminSessions
from appdb.reconcile.keys import ObjectKey

log = logging.getLogger(__name__)

DELAY_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstRun:
    """A first run that is done and not yet written down; `left` is what it left."""

    sessions: AdminSessions
    database: str
    analysis: Analysis
    left: Catalog | Mark


@dataclass(slots=True)
class Bookkeeping:
    """The first runs of one process that are still to be written down."""

    _owed: dict[ObjectKey, FirstRun] = field(default_factory=dict)

    def owe(self, key: ObjectKey, run: FirstRun) -> None:
        """Remember a first run."""
        self._owed[key] = run

    def is_owed(self, key: ObjectKey) -> bool:
        """Tell whether the first run of an object is still to be written down."""
        return key in self._owed

    async def settle(self, key: ObjectKey) -> None:
        """Write down what is owed for an object; a failure is left to the next full look."""
        run = self._owed.pop(key, None)
        if run is None:
            return
        try:
            async with ledger_session(run.sessions, run.database) as session:
                is_recorded = await record_first_run(
                    Book(conn=session),
                    run.left,
                    run.analysis.statements,
                    source_digest=run.analysis.digest,
                    frameworks=tuple(each.name for each in run.analysis.frameworks),
                    actor=f"{key.namespace}/{key.name}",
                )
            if not is_recorded:
                log.info("tables changed before their first run was written down")
        except AppDBError as error:
            log.warning("a first run was not written down: %s", error.message)

    def forget(self, key: ObjectKey) -> None:
        """Forget an object that is gone."""
        self._owed.pop(key, None)

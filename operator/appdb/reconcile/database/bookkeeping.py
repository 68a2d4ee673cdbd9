"""Writes down first runs and what happened in them, a moment after their objects are Ready.

The ledger of a database that is new says what the catalog says; reading that and writing it
down costs as much as the tables themselves, so those who wait for their database go first.
Should the process end before, or somebody change the tables, the next full look finds tables
without a ledger and adopts them as they are.
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime

from appdb.cluster.events import EventReason, EventRecorder, Subject
from appdb.errors import AppDBError
from appdb.model.catalog import Catalog
from appdb.model.ddl import DdlStatement
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
    statements: tuple[DdlStatement, ...]
    source_digest: str
    frameworks: tuple[str, ...]
    left: Catalog | Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An Event that is still to be written."""

    subject: Subject
    reason: EventReason
    message: str
    at: datetime


@dataclass(slots=True)
class Bookkeeping:
    """What one process has done and is still to write down."""

    events: EventRecorder
    _runs: dict[ObjectKey, FirstRun] = field(default_factory=dict)
    _happenings: dict[ObjectKey, list[Happening]] = field(default_factory=dict)
    _fingerprints: dict[ObjectKey, str] = field(default_factory=dict)

    def owe_run(self, key: ObjectKey, run: FirstRun) -> None:
        """Remember a first run."""
        self._runs[key] = run

    def owe_event(self, key: ObjectKey, happening: Happening) -> None:
        """Remember an Event."""
        self._happenings.setdefault(key, []).append(happening)

    def owes_run(self, key: ObjectKey) -> bool:
        """Tell whether the first run of an object is still to be written down."""
        return key in self._runs

    def owes(self, key: ObjectKey) -> bool:
        """Tell whether anything about an object is still to be written down."""
        return key in self._runs or key in self._happenings

    def note_as_left(self, key: ObjectKey, fingerprint: str) -> None:
        """Remember the fingerprint of a catalog that the ledger bears out."""
        self._fingerprints[key] = fingerprint

    def as_left(self, key: ObjectKey) -> str | None:
        """Return the fingerprint that the ledger last bore out in the life of this process."""
        return self._fingerprints.get(key)

    async def settle(self, key: ObjectKey) -> None:
        """Write down what is owed for an object; a failure is left to the next full look."""
        for each in self._happenings.pop(key, ()):
            await self.events.post(each.subject, each.reason, each.message, happened=each.at)
        run = self._runs.pop(key, None)
        if run is None:
            return
        try:
            async with ledger_session(run.sessions, run.database) as session:
                is_recorded = await record_first_run(
                    Book(conn=session),
                    run.left,
                    run.statements,
                    source_digest=run.source_digest,
                    frameworks=run.frameworks,
                    actor=f"{key.namespace}/{key.name}",
                )
            if not is_recorded:
                log.info("tables changed before their first run was written down")
        except AppDBError as error:
            log.warning("a first run was not written down: %s", error.message)

    def forget(self, key: ObjectKey) -> None:
        """Forget an object that is gone."""
        self._runs.pop(key, None)
        self._happenings.pop(key, None)
        self._fingerprints.pop(key, None)

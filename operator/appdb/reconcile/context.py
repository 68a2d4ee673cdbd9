"""What every run needs: the adapters, the clocks, and who is told of what happens.

A value made once by the wiring. Time and chance come in here, so that a run can be
repeated in a test.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from appdb.api.appdatabase import AppDatabase
from appdb.cluster.client import Cluster
from appdb.cluster.events import EventRecorder
from appdb.errors import WaitsForTurn
from appdb.model.words import counted
from appdb.postgres.sessions import ServerSessions
from appdb.reconcile.database.bookkeeping import Bookkeeping
from appdb.reconcile.departures import Departures
from appdb.reconcile.keys import ObjectKey
from appdb.reconcile.listing import Listing
from appdb.reconcile.refs import ReferenceMap
from appdb.reconcile.resync import ResyncClock
from appdb.source.isolate import Isolation

# A planner holds the scratch database, the app's login and the ledger; an applier the last two.
PLANNER_SESSIONS = 3
APPLIER_SESSIONS = 2


class Observer(Protocol):
    """Is told what a run found out; the metrics are one."""

    def database_seen(self, database: AppDatabase) -> None:
        """An AppDatabase has this status now."""

    def analyzed(self, frameworks: tuple[str, ...], seconds: float) -> None:
        """A source was read by these front ends, in so many seconds."""

    def schema_changed(self, seconds: float) -> None:
        """Tables were made or changed, in so many seconds."""

    def plan_decided(self, risk: str, decision: str) -> None:
        """A SchemaPlan was made, or somebody decided about it."""

    def connected(self, server: str, *, succeeded: bool) -> None:
        """A session to a server was opened, or was not to be had."""

    def provisioned(self, seconds: float) -> None:
        """An AppDatabase became Ready for the first time, so long after the first look."""

    def server_seen(self, name: str, *, is_up: bool, databases: int) -> None:
        """A DatabaseServer answered or did not."""

    def error_seen(self, key: ObjectKey, reason: str) -> None:
        """A run of this object ended in an error."""

    def gone(self, key: ObjectKey) -> None:
        """An object is no more."""


class Turns:
    """Who may hold several sessions of a server at one time.

    Who plans or applies holds two, and there are so few of them that one session is left for
    the scratch database, which one at a time uses: none of them ever waits for another's. One
    place is never taken by slow steps, so that quick ones do not wait for them.
    """

    def __init__(self) -> None:
        self._planners: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._appliers: dict[tuple[str, int], asyncio.Semaphore] = {}
        self._slow: defaultdict[str, int] = defaultdict(int)
        self._waiting: defaultdict[str, dict[ObjectKey, None]] = defaultdict(dict)

    def planner(self, server: str) -> asyncio.Lock:
        """Return the turn to use the scratch database; a context manager."""
        return self._planners[server]

    def applier(self, server: str, limit: int) -> asyncio.Semaphore:
        """Return the turn to plan and apply, under a bound of sessions; a context manager."""
        places = _places(limit)
        return self._appliers.setdefault((server, limit), asyncio.Semaphore(places))

    @contextmanager
    def slow(
        self, server: str, limit: int, key: ObjectKey, wake: Callable[[ObjectKey], None]
    ) -> Iterator[None]:
        """Hold one of the places for slow steps; the next who waits for it is woken after.

        Raises:
            WaitsForTurn: all of them are taken.
        """
        if self._slow[server] >= max(1, _places(limit) - 1):
            self._waiting[server][key] = None
            raise WaitsForTurn(
                f"{counted(self._slow[server], 'database')} of server {server} "
                f"{'is' if self._slow[server] == 1 else 'are'} being changed by slow steps; it "
                "goes on when one of them is done"
            )
        self._waiting[server].pop(key, None)
        self._slow[server] += 1
        try:
            yield
        finally:
            self._slow[server] -= 1
            if self._waiting[server]:
                following = next(iter(self._waiting[server]))
                del self._waiting[server][following]
                wake(following)


def _places(limit: int) -> int:
    """Return how many may plan or apply at once.

    One session is left for the scratch database and one for all the others.
    """
    return max(1, (limit - 2) // APPLIER_SESSIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The surroundings of all runs of one process.

    `wake` asks for a run of another object; `is_busy` tells whether others wait for their
    turn; `periods` holds the resync period of each server in seconds.
    """

    cluster: Cluster
    listing: Listing
    sessions: ServerSessions
    analysis: Isolation
    events: EventRecorder
    refs: ReferenceMap
    resync: ResyncClock
    observer: Observer
    operator_namespace: str
    turns: Turns
    bookkeeping: Bookkeeping
    departures: Departures
    wake: Callable[[ObjectKey], None]
    is_busy: Callable[[], bool]
    periods: dict[str, float]
    now: Callable[[], datetime]
    clock: Callable[[], float]
    new_password: Callable[[], str]

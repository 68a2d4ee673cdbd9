"""What every run needs: the adapters, the clocks, and who is told of what happens.

A value made once by the wiring. Time and chance come in here, so that a run can be
repeated in a test.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from appdb.api.appdatabase import AppDatabase
from appdb.cluster.client import Cluster
from appdb.cluster.events import EventRecorder
from appdb.postgres.sessions import ServerSessions
from appdb.reconcile.database.bookkeeping import Bookkeeping
from appdb.reconcile.departures import Departures
from appdb.reconcile.keys import ObjectKey
from appdb.reconcile.listing import Listing
from appdb.reconcile.refs import ReferenceMap
from appdb.reconcile.resync import ResyncClock
from appdb.reconcile.turns import Turns
from appdb.source.isolate import Isolation


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

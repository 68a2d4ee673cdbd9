"""What every run needs: the adapters, the clocks, and who is told of what happens.

A value made once by the wiring. Time and chance come in here, so that a run can be
repeated in a test.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from appdb.api.appdatabase import AppDatabase
from appdb.cluster.client import Cluster
from appdb.cluster.events import EventRecorder
from appdb.postgres.sessions import ServerSessions
from appdb.reconcile.keys import ObjectKey
from appdb.reconcile.refs import ReferenceMap
from appdb.reconcile.resync import ResyncClock
from appdb.source.isolate import Isolation


class Observer(Protocol):
    """Is told what a run found out; the metrics are one."""

    def database_seen(self, database: AppDatabase) -> None:
        """An AppDatabase has this status now."""

    def analyzed(self, frameworks: tuple[str, ...], seconds: float) -> None:
        """A source was read by these front ends, in so many seconds."""

    def schema_changed(self, seconds: float) -> None:
        """Tables were made or changed, in so many seconds."""

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


class PlanningLocks:
    """One lock per server: a planner holds several sessions, two could lock each other out."""

    def __init__(self) -> None:
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def __call__(self, server: str) -> asyncio.Lock:
        """Return the lock of a server; a context manager."""
        return self._locks[server]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The surroundings of all runs of one process.

    `wake` asks for a run of another object; `periods` holds the resync period of each
    server in seconds.
    """

    cluster: Cluster
    sessions: ServerSessions
    analysis: Isolation
    events: EventRecorder
    refs: ReferenceMap
    resync: ResyncClock
    observer: Observer
    operator_namespace: str
    planning: PlanningLocks
    wake: Callable[[ObjectKey], None]
    periods: dict[str, float]
    now: Callable[[], datetime]
    clock: Callable[[], float]
    new_password: Callable[[], str]

"""Leader election by a Lease: at most one operator process acts.

A lease is no fence: a paused process may believe in it. What protects the data are the
advisory locks in Postgres and the resourceVersions on what is written. Times follow the
defaults of client-go: 15 s lease, renewed within 10 s, tried every 2 s. They count from
the moment at which a request was sent: others may count from any moment after it.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from appdb.cluster.client import Cluster, Json
from appdb.cluster.resources import LEASES, Resource
from appdb.errors import AppDBError

log = logging.getLogger(__name__)

LEASE_SECONDS = 15
RENEW_WITHIN_SECONDS = 10.0
TRY_EVERY_SECONDS = 2.0

Write = Callable[[Resource, str | None, Json], Awaitable[Json]]


def since_boot() -> float:
    """Return seconds that count on while the machine sleeps, where it has such a clock."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(slots=True)
class Election:
    """One candidate for one Lease.

    `clock` goes on while the process or the machine sleeps, see `since_boot`: another
    holder's lease has run out when its record has not changed for the length of the lease
    by our own clock, so that clocks of machines are never compared.
    """

    cluster: Cluster
    namespace: str
    name: str
    identity: str
    clock: Callable[[], float]
    wall_clock: Callable[[], datetime]
    _seen: tuple[str, str] = ("", "")
    _runs_out_at: float = 0.0
    _renewed_at: float = 0.0
    is_leader: bool = field(default=False)

    async def win(self) -> None:
        """Return once this process holds the lease."""
        while not await self._try():  # noqa: ASYNC110 - another process cannot set our event
            await asyncio.sleep(self._until_next_try())
        log.info("this process leads", extra={"lease": self.name})

    def _until_next_try(self) -> float:
        """Return the usual pause, or less when the lease of another runs out before its end."""
        left = self._runs_out_at - self.clock()
        return min(TRY_EVERY_SECONDS, left) if left > 0 else TRY_EVERY_SECONDS

    async def hold(self) -> None:
        """Renew the lease for ever; return when it is lost."""
        while True:
            await asyncio.sleep(TRY_EVERY_SECONDS)
            left = self._renewed_at + RENEW_WITHIN_SECONDS - self.clock()
            # A request that hangs must not keep a leader believing longer than others wait.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, left)):
                    await self._try()
            if self.is_overdue() or not self.is_leader:
                self.is_leader = False
                return

    def is_overdue(self) -> bool:
        """Tell whether this process leads and may no longer act: soon somebody else may."""
        return self.is_leader and self._is_late(self._renewed_at)

    async def release(self) -> None:
        """Give the lease back, so that the next candidate need not wait for it to run out."""
        if not self.is_leader:
            return
        self.is_leader = False
        live = await self.cluster.get(LEASES, self.namespace, self.name)
        if live is None or live["spec"].get("holderIdentity") != self.identity:
            return
        live["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1}
        await self.cluster.replace(LEASES, self.namespace, live)

    async def _try(self) -> bool:
        try:
            self.is_leader = await self._take()
        except AppDBError as error:
            log.warning("the lease could not be renewed: %s", error.message)
        return self.is_leader

    async def _take(self) -> bool:
        live = await self.cluster.get(LEASES, self.namespace, self.name)
        if live is None:
            body = {"metadata": {"name": self.name}, "spec": self._spec(transitions=0)}
            return await self._send(self.cluster.create, body)
        spec = live["spec"]
        if not self._may_take(spec):
            return False
        moved = spec.get("holderIdentity") != self.identity
        transitions = int(spec.get("leaseTransitions", 0)) + int(moved)
        acquired = None if moved else spec.get("acquireTime")
        live["spec"] = self._spec(transitions=transitions, acquired=acquired)
        return await self._send(self.cluster.replace, live)

    async def _send(self, write: Write, body: Json) -> bool:
        """Write our record; an answer that comes too late wins nothing."""
        sent_at = self.clock()
        await write(LEASES, self.namespace, body)
        self._renewed_at = sent_at
        return not self._is_late(sent_at)

    def _is_late(self, sent_at: float) -> bool:
        return self.clock() - sent_at >= RENEW_WITHIN_SECONDS

    def _may_take(self, spec: dict[str, Any]) -> bool:
        holder = spec.get("holderIdentity") or ""
        if holder in {"", self.identity}:
            return True
        record = (holder, str(spec.get("renewTime")))
        if record != self._seen:
            self._seen = record
            seconds = float(spec.get("leaseDurationSeconds", LEASE_SECONDS))
            self._runs_out_at = self.clock() + seconds
            return False
        return self.clock() >= self._runs_out_at

    def _spec(self, *, transitions: int, acquired: str | None = None) -> dict[str, Any]:
        now = self.wall_clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": LEASE_SECONDS,
            "acquireTime": acquired or now,
            "renewTime": now,
            "leaseTransitions": transitions,
        }

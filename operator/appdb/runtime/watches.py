"""Runs kopf's watches in threads with event loops of their own.

kopf takes the signals of its process and, when it stops, cancels every task of its loop
that is younger than itself; apart from us it can do neither. What the watches see is
handed over to the operator's loop, where all state is.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import kopf

from appdb.runtime.handlers import Deliver, Triggers, register, register_admin_secrets
from appdb.runtime.kopf_settings import configured, configured_for_admin_secrets

STOP_SECONDS = 10.0


class Handover:
    """Brings events to a loop, in order; waking it for each would take longer than their work."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._waiting: list[tuple[Deliver, str | None, Mapping[str, Any]]] = []

    def deliver(self, act: Deliver, change: str | None, body: Mapping[str, Any]) -> None:
        """Have `act` called on the loop; from any thread."""
        with self._lock:
            self._waiting.append((act, change, body))
            is_first = len(self._waiting) == 1
        if is_first:
            self._loop.call_soon_threadsafe(self._call_all)

    def _call_all(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for act, change, body in waiting:
            # A call of its own for each: none takes another with it.
            self._loop.call_soon(act, change, body)


@dataclass(slots=True)
class Watches:
    """All watches of one process; none in `namespaces` means the whole cluster."""

    triggers: Triggers
    namespaces: tuple[str, ...]
    _stop: threading.Event = field(default_factory=threading.Event)
    _ready: "concurrent.futures.Future[Any]" = field(default_factory=concurrent.futures.Future)

    async def run(self) -> None:
        """Watch until `stop`; raises what ended a watch for good, where starting again helps."""
        loop = asyncio.get_running_loop()

        everything, admins = kopf.OperatorRegistry(), kopf.OperatorRegistry()
        handover = Handover(loop)
        register(everything, self.triggers, handover.deliver)
        register_admin_secrets(admins, self.triggers, handover.deliver)
        await asyncio.gather(
            asyncio.to_thread(asyncio.run, self._watch(everything)),
            asyncio.to_thread(asyncio.run, self._watch_admin_secrets(admins)),
        )

    async def ready(self) -> None:
        """Return once everything has been listed for the first time."""
        await asyncio.wrap_future(self._ready)

    def stop(self) -> None:
        """Ask the watches to end; `run` returns soon."""
        self._stop.set()

    async def _watch(self, registry: kopf.OperatorRegistry) -> None:
        settings, login = configured()
        kopf.on.login(registry=registry)(login.read)
        scope: dict[str, Any] = (
            {"namespaces": self.namespaces} if self.namespaces else {"clusterwide": True}
        )
        await kopf.operator(
            registry=registry,
            settings=settings,
            standalone=True,
            stop_flag=self._stop,
            ready_flag=self._ready,
            **scope,
        )

    async def _watch_admin_secrets(self, registry: kopf.OperatorRegistry) -> None:
        """Watch all Secrets of the operator's own namespace: people make them, without our label.

        In kopf a kind has one selector, so these take a second one of it. Nobody waits for it.
        """
        settings, login = configured_for_admin_secrets()
        kopf.on.login(registry=registry)(login.read)
        await kopf.operator(
            registry=registry,
            settings=settings,
            standalone=True,
            stop_flag=self._stop,
            namespaces=(self.triggers.operator_namespace,),
        )

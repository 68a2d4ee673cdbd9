"""Runs kopf's watches in a thread with an event loop of their own.

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

from appdb.runtime.handlers import Deliver, Triggers, register
from appdb.runtime.kopf_settings import configured

STOP_SECONDS = 10.0


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

        def deliver(act: Deliver, change: str | None, body: Mapping[str, Any]) -> None:
            loop.call_soon_threadsafe(act, change, body)

        registry = kopf.OperatorRegistry()
        register(registry, self.triggers, deliver)
        await asyncio.to_thread(asyncio.run, self._watch(registry))

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

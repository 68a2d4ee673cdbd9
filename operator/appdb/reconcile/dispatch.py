"""Runs the keys of the queue, each in a task of its own, until told to drain.

The only place of the operator in which an error that nobody foresaw is caught: it is
logged once with its traceback and the key backs off, so that one object never stops the
others. It decides nothing about objects.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic

from appdb.reconcile.queue import Key, KeyedQueue, Priority

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What a run wants next: seconds until the next one, `None` to be left alone.

    A `failed` run without a delay backs off.
    """

    after_seconds: float | None = None
    failed: bool = False
    priority: Priority = Priority.CHANGE


LEAVE = Again()
RETRY = Again(failed=True)


@dataclass(slots=True)
class Dispatch(Generic[Key]):
    """Hands keys to `run` as long as there is room; `clock` is the event loop's time."""

    queue: KeyedQueue[Key]
    run: Callable[[Key], Awaitable[Again]]
    clock: Callable[[], float]
    width: int = 64
    on_run: Callable[[Key, float, bool], None] = lambda _key, _seconds, _ok: None
    on_crash: Callable[[Key], Awaitable[None]] | None = None
    _tasks: dict[Key, asyncio.Task[None]] = field(default_factory=dict)
    _started: dict[Key, float] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _draining: bool = False

    def add(self, key: Key, *, priority: Priority = Priority.CHANGE) -> None:
        """Ask for a run; returns at once and never fails."""
        self.queue.add(key, now=self.clock(), priority=priority)
        self._wake.set()

    def add_after(
        self, key: Key, delay_seconds: float, *, priority: Priority = Priority.CHANGE
    ) -> None:
        """Ask for a run after a delay."""
        self.queue.add_after(key, delay_seconds, now=self.clock(), priority=priority)
        self._wake.set()

    async def serve(self) -> None:
        """Hand out keys until `drain` is called."""
        while not self._draining:
            self._wake.clear()
            self._start_ready()
            await self._sleep()

    async def drain(self, grace_seconds: float) -> None:
        """Hand out nothing more, wait for the running keys, cancel those that take longer."""
        self._draining = True
        self._wake.set()
        running = list(self._tasks.values())
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=grace_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def longest_run_seconds(self) -> float:
        """Return how long the oldest running key has been running."""
        now = self.clock()
        return max((now - started for started in self._started.values()), default=0.0)

    def _start_ready(self) -> None:
        while len(self._tasks) < self.width:
            key = self.queue.take(now=self.clock())
            if key is None:
                return
            self._started[key] = self.clock()
            self._tasks[key] = asyncio.create_task(self._run_one(key))

    async def _sleep(self) -> None:
        due = self.queue.next_due()
        timeout = None if due is None else max(0.0, due - self.clock())
        try:
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _run_one(self, key: Key) -> None:
        again = RETRY
        try:
            again = await self.run(key)
        except Exception:
            log.exception("a run failed in a way that nobody foresaw", extra={"key": str(key)})
            await self._report_crash(key)
        finally:
            self._finish(key, again)

    async def _report_crash(self, key: Key) -> None:
        if self.on_crash is None:
            return
        try:
            await self.on_crash(key)
        except Exception:
            log.exception("the failure could not be shown", extra={"key": str(key)})

    def _finish(self, key: Key, again: Again) -> None:
        now = self.clock()
        self.on_run(key, now - self._started.pop(key), not again.failed)
        del self._tasks[key]
        self.queue.done(key, now=now)
        if not again.failed:
            self.queue.succeed(key)
        delay = again.after_seconds
        if again.failed and delay is None:
            delay = self.queue.back_off(key)
        if delay is not None:
            self.queue.add_after(key, delay, now=now, priority=again.priority)
        self._wake.set()

"""The process's own web site: `/livez`, `/readyz`, `/metrics`.

It runs in a thread with an event loop of its own, so that it still answers, and says so,
when the operator's loop is blocked. Live means that the operator's loop turns and no run
is stuck; ready means that the process knows its place: leader or stand-by. It shows no
object and no error text.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from appdb.runtime.metrics import Metrics

LONGEST_LAG_SECONDS = 10.0
TICK_SECONDS = 0.5

Check = Callable[[], str | None]
Handler = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(slots=True)
class LoopLag:
    """Measures how late the operator's event loop runs; `clock` never goes back."""

    clock: Callable[[], float]
    on_tick: Callable[[], None]
    _ticked: float = field(init=False)

    def __post_init__(self) -> None:
        self._ticked = self.clock()

    async def watch(self) -> None:
        """Tick for ever, on the loop that is measured."""
        while True:
            self._ticked = self.clock()
            self.on_tick()
            await asyncio.sleep(TICK_SECONDS)

    def seconds(self) -> float:
        """Return how long ago the loop last turned, beyond the tick; from any thread."""
        return max(0.0, self.clock() - self._ticked - TICK_SECONDS)


@dataclass(slots=True, kw_only=True)
class Site:
    """The site; each check returns None, or why the probe fails."""

    is_live: Check
    is_ready: Check
    metrics: Metrics
    host: str
    port: int
    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None
    _started: threading.Event = field(default_factory=threading.Event)
    _error: OSError | None = None

    def start(self) -> None:
        """Listen; `port` is the real one afterwards (0 asks for any).

        Raises:
            OSError: the port is taken.
        """
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Stop listening."""
        if self._loop is None or self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        self._loop = asyncio.new_event_loop()
        runner = web.AppRunner(self._app(), access_log=None, handle_signals=False)
        try:
            self._loop.run_until_complete(self._listen(runner))
        except OSError as error:
            self._error = error
            self._started.set()
            return
        self._started.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _listen(self, runner: web.AppRunner) -> None:
        await runner.setup()
        await web.TCPSite(runner, self.host, self.port).start()
        self.port = int(runner.addresses[0][1])

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/livez", _probe(self.is_live))
        app.router.add_get("/readyz", _probe(self.is_ready))
        app.router.add_get("/metrics", _exposition(self.metrics))
        return app


def _probe(check: Check) -> Handler:
    async def answer(_request: web.Request) -> web.Response:
        why = check()
        return web.Response(status=503 if why else 200, text=(why or "ok") + "\n")

    return answer


def _exposition(metrics: Metrics) -> Handler:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(
            body=metrics.exposition(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    return answer

"""The composition root: builds every part from the settings and runs the process.

The only module that knows all parts. It holds no rule about databases.
"""

import asyncio
import contextlib
import gc
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NoReturn

from appdb.cluster.client import Cluster
from appdb.cluster.events import EventRecorder
from appdb.cluster.lease import Election, since_boot
from appdb.cluster.resources import APP_DATABASES, DATABASE_SERVERS
from appdb.cluster.secrets import new_password
from appdb.errors import AppDBError, Conflict
from appdb.postgres.sessions import DEFAULT_LIMIT, ServerSessions
from appdb.reconcile.context import Context
from appdb.reconcile.database.bookkeeping import Bookkeeping
from appdb.reconcile.database.run import reconcile_database, report_broken
from appdb.reconcile.departures import Departures
from appdb.reconcile.dispatch import Again, Dispatch
from appdb.reconcile.keys import Kind, ObjectKey
from appdb.reconcile.listing import Listing
from appdb.reconcile.plan.run import reconcile_plan
from appdb.reconcile.queue import KeyedQueue, Priority
from appdb.reconcile.refs import ReferenceMap
from appdb.reconcile.resync import ResyncClock
from appdb.reconcile.server.run import note_listed_periods, reconcile_server
from appdb.reconcile.turns import Turns
from appdb.runtime import logs
from appdb.runtime.handlers import Triggers
from appdb.runtime.health import LONGEST_LAG_SECONDS, LoopLag, Site
from appdb.runtime.loop import MortalLoop, mortal_loop
from appdb.runtime.metrics import Metrics
from appdb.runtime.observer import MetricsObserver
from appdb.runtime.watches import STOP_SECONDS, Watches
from appdb.settings import Settings
from appdb.source.isolate import Isolation

log = logging.getLogger(__name__)

DEFAULT_RESYNC_SECONDS = 600.0
CLOCK_SECONDS = 2.0
# The watches have told all that there is when they tell nothing more for so long.
SETTLED_SECONDS = 5.0
# Somebody wrote first: a fresh look at what they wrote is all it takes.
CONFLICT_SECONDS = 0.1
STUCK_SECONDS = 3 * 3600.0
# Objects made since the last collection; a run makes some thousands, few of them in cycles.
YOUNG_OBJECTS = 100_000
LEASE_NAME = "appdb-operator"
LOST_LEASE_EXIT_CODE = 75


def run(settings: Settings) -> None:
    """Run the operator until SIGTERM or SIGINT; exit code 1 when a watch ends for good."""
    logs.configure(level=settings.log_level, form=settings.log_format)
    log.info("the operator starts", extra={"settings": settings.model_dump_json()})
    try:
        with asyncio.Runner(loop_factory=MortalLoop) as runner:
            runner.run(_main(settings))
    except (AppDBError, OSError) as error:
        log.error("the operator cannot run: %s", error)  # noqa: TRY400 - the message says it all
        sys.exit(1)


async def _main(settings: Settings) -> None:
    operator = await Operator.build(settings)
    _spare_collector()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    if operator.election is not None:
        mortal_loop().end_when(operator.election.is_overdue, _end_without_lease)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await operator.serve(stop)


def _spare_collector() -> None:
    """Leave modules and classes out of every collection, which is a twentieth of the work."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


@dataclass(slots=True)
class Operator:
    """All parts of one process."""

    settings: Settings
    cluster: Cluster
    context: Context
    dispatch: Dispatch[ObjectKey]
    triggers: Triggers
    metrics: Metrics
    election: Election | None
    site: Site = field(init=False)
    lag: LoopLag = field(init=False)
    _ready: bool = False

    @classmethod
    async def build(cls, settings: Settings) -> "Operator":
        """Connect to the cluster and put the parts together; nothing runs yet."""
        cluster = await Cluster.connect()
        loop = asyncio.get_running_loop()
        metrics, refs = Metrics(), ReferenceMap()
        periods: dict[str, float] = {}
        resync = ResyncClock(
            period_of=lambda key: periods.get(_server_of(refs, key), DEFAULT_RESYNC_SECONDS)
        )
        queue: KeyedQueue[ObjectKey] = KeyedQueue(
            group_of=lambda key: _group_of(refs, key),
            limit_of=lambda _group: DEFAULT_LIMIT,
            jitter=secrets.SystemRandom().random,
        )
        dispatch: Dispatch[ObjectKey] = Dispatch(
            queue=queue,
            run=lambda key: _run(context, key),
            on_crash=lambda key: _report_crash(context, key),
            clock=loop.time,
            width=settings.workers,
            on_run=lambda key, seconds, ok: metrics.ran(key, seconds, succeeded=ok),
        )
        observer = MetricsObserver(metrics, resync, _utc_now)
        events = EventRecorder(cluster, socket.gethostname(), _utc_now)
        context = Context(
            cluster=cluster,
            listing=Listing(cluster),
            sessions=ServerSessions(
                on_connect=lambda name, ok: observer.connected(name, succeeded=ok)
            ),
            analysis=Isolation(),
            events=events,
            refs=refs,
            resync=resync,
            observer=observer,
            operator_namespace=settings.operator_namespace,
            turns=Turns(),
            bookkeeping=Bookkeeping(events),
            departures=Departures(),
            wake=dispatch.add,
            is_busy=lambda: queue.waiting() > 0,
            periods=periods,
            now=_utc_now,
            clock=loop.time,
            new_password=new_password,
        )
        triggers = Triggers(
            refs=refs,
            add=dispatch.add,
            add_after=dispatch.add_after,
            add_behind=lambda key: dispatch.add(key, priority=Priority.RESYNC),
            is_as_listed=context.listing.is_as_listed,
            forget=context.observer.gone,
            ask=resync.ask,
            leave=lambda key, is_leaving: context.departures.note(key, is_leaving=is_leaving),
            operator_namespace=settings.operator_namespace,
        )
        election = _election(cluster, settings) if settings.leader_election else None
        return cls(settings, cluster, context, dispatch, triggers, metrics, election)

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then drain."""
        loop = asyncio.get_running_loop()
        self.lag = LoopLag(clock=loop.time, on_tick=self._measure)
        self.site = Site(
            is_live=self._why_not_live,
            is_ready=lambda: None if self._ready else "not ready yet",
            metrics=self.metrics,
            host=self.settings.http_host,
            port=self.settings.http_port,
        )
        self.site.start()
        log.info("probes and metrics are served", extra={"port": self.site.port})
        lag = asyncio.create_task(self.lag.watch())
        try:
            await self._lead(stop)
        finally:
            await self._close(lag)

    async def _lead(self, stop: asyncio.Event) -> None:
        if self.election is None:
            await self._operate(stop)
            return
        self._ready = True  # A stand-by is ready to take over.
        if not await _first(self.election.win(), stop):
            return
        lost = asyncio.create_task(self._end_when_lost(self.election))
        try:
            await self._operate(stop)
        finally:
            lost.cancel()
            with contextlib.suppress(AppDBError):
                await self.election.release()

    async def _end_when_lost(self, election: Election) -> None:
        """A process that lost its lease must not act once more: it ends at once."""
        await election.hold()
        _end_without_lease()

    async def _operate(self, stop: asyncio.Event) -> None:
        # What the watches tell is compared with it, so that it must be there before them.
        await self.context.listing.read(self.settings.namespaces)
        listed = self.context.listing.each
        self.triggers.on_listed(listed(APP_DATABASES))
        note_listed_periods(self.context.periods, listed(DATABASE_SERVERS))
        serving = asyncio.create_task(self.dispatch.serve())
        clock = asyncio.create_task(self._resync())
        watches = Watches(triggers=self.triggers, namespaces=self.settings.namespaces)
        watching = asyncio.create_task(watches.run())
        readiness = asyncio.create_task(self._note_ready(watches))
        stopping = asyncio.create_task(stop.wait())
        # The lists come in while the process that reads sources gets warm.
        await self.context.analysis.start()
        await asyncio.wait({watching, serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        log.info("the operator stops", extra={"asked": stop.is_set()})
        watches.stop()
        for task in (clock, readiness, stopping):
            task.cancel()
        await self.dispatch.drain(self.settings.grace_seconds)
        await serving
        async with asyncio.timeout(STOP_SECONDS):
            await watching

    async def _note_ready(self, watches: Watches) -> None:
        await watches.ready()
        self._ready = True
        log.info("the operator is ready")
        await self._part_with_listing()

    async def _part_with_listing(self) -> None:
        """Look at what was gone before the watches began, and let go of the lists after use."""
        listing, before = self.context.listing, -1
        while True:
            await asyncio.sleep(SETTLED_SECONDS)
            count = listing.count_unseen()
            if count == before and not self.dispatch.queue.waiting():
                break
            before = count
        for unseen in listing.unseen():
            self.triggers.on_unseen(*unseen)
        listing.close()

    async def _resync(self) -> None:
        """Ask for a full look at the objects whose time has come, behind all changes."""
        while True:
            await asyncio.sleep(CLOCK_SECONDS)
            refs, clock = self.context.refs, self.context.clock
            for key in self.context.resync.due(refs.keys(), now=clock()):
                if not self.dispatch.queue.failing(key):
                    self.dispatch.add(key, priority=Priority.RESYNC)

    def _measure(self) -> None:
        queue, now = self.dispatch.queue, self.context.clock()
        self.metrics.depth.set(queue.depth())
        self.metrics.oldest.set(queue.oldest_seconds(now=now))
        self.metrics.loop_lag.set(self.lag.seconds())

    def _why_not_live(self) -> str | None:
        if self.lag.seconds() > LONGEST_LAG_SECONDS:
            return "the event loop is blocked"
        if self.dispatch.longest_run_seconds() > STUCK_SECONDS:
            return "a run is stuck"
        return None

    async def _close(self, lag: asyncio.Task[None]) -> None:
        lag.cancel()
        await self.context.analysis.close()
        await self.context.sessions.aclose()
        await self.cluster.close()
        self.site.stop()


def _end_without_lease() -> NoReturn:
    """End at once: nothing is cleaned up, since nothing may be done any more."""
    try:
        log.error("the lease is lost: the process ends", extra={"lease": LEASE_NAME})
        logging.shutdown()
    finally:
        # A signal may have come in the middle of another line of the log.
        os._exit(LOST_LEASE_EXIT_CODE)


async def _run(context: Context, key: ObjectKey) -> Again:
    try:
        match key.kind:
            case Kind.APP_DATABASE:
                return await reconcile_database(context, key)
            case Kind.DATABASE_SERVER:
                return await reconcile_server(context, key)
            case Kind.SCHEMA_PLAN:
                return await reconcile_plan(context, key)
    except AppDBError as error:
        context.observer.error_seen(key, error.reason)
        if isinstance(error, Conflict):
            log.info(error.message, extra={"key": str(key)})
            return Again(after_seconds=CONFLICT_SECONDS, failed=True)
        log.warning(error.message, extra={"key": str(key), "reason": error.reason})
        return Again(failed=True)


async def _report_crash(context: Context, key: ObjectKey) -> None:
    context.observer.error_seen(key, "InternalError")
    if key.kind is Kind.APP_DATABASE:
        await report_broken(context, key)


async def _first(work: Awaitable[None], stop: asyncio.Event) -> bool:
    """Wait for work or for the end; tells whether it was the work."""
    tasks = {asyncio.ensure_future(work), asyncio.create_task(stop.wait())}
    done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    return not stop.is_set() and bool(done)


def _server_of(refs: ReferenceMap, key: ObjectKey) -> str:
    return key.name if key.kind is Kind.DATABASE_SERVER else refs.server_of(key)


def _group_of(refs: ReferenceMap, key: ObjectKey) -> str:
    """Databases of one server share their places; the look at a server has its own."""
    return f"{key.kind}:{_server_of(refs, key)}"


def _election(cluster: Cluster, settings: Settings) -> Election:
    return Election(
        cluster=cluster,
        namespace=settings.operator_namespace,
        name=LEASE_NAME,
        identity=f"{socket.gethostname()}_{secrets.token_hex(4)}",
        clock=since_boot,
        wall_clock=_utc_now,
    )


def _utc_now() -> datetime:
    return datetime.now(tz=UTC)

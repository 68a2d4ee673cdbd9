"""Brings tables that are there already to what the source declares, by the migration engine.

The app's own login changes the tables, the operator's session writes the ledger, and
everything is tried in a scratch database first.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from appdb.api.schema_spec import SchemaMode
from appdb.errors import (
    InvalidSpec,
)
from appdb.model.analysis import Analysis
from appdb.model.catalog import Key
from appdb.plan.hazards import Pace
from appdb.plan.plan import Plan
from appdb.plan.policy import Policy
from appdb.postgres.apply import Book, Outcome, Run, apply_release
from appdb.postgres.bookroom import ledger_session
from appdb.postgres.connect import Session
from appdb.postgres.migrate import Release, plan_release
from appdb.postgres.scratch import SETTINGS as SCRATCH_SETTINGS
from appdb.postgres.scratch import Scratch, ensure_scratch_database, open_to_roles
from appdb.postgres.sessions import AdminSessions
from appdb.postgres.sqlstate import translated
from appdb.postgres.weigh import largest, weigh
from appdb.reconcile.database.own_session import own_session
from appdb.reconcile.database.plans import Plans
from appdb.reconcile.database.policy import policy_of
from appdb.reconcile.database.shelf import Record
from appdb.reconcile.database.work import Work
from appdb.reconcile.turns import PLANNER_SESSIONS

SCRATCH_DATABASE = "_appdb_scratch"
# What one run makes possible the next one does; more than that is a sign of something else.
ROUNDS = 3
# What works through such a table is done in about a second.
SMALL_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What a release came to: the last plan, what was run, and the SchemaPlan in question."""

    plan: Plan
    outcome: Outcome | None = None
    record: Record | None = None


async def release(work: Work, analysis: Analysis) -> Released:
    """Plan, and apply what may run; the outcome is None when nothing was run.

    What ran changes what is left: the rest is planned again, so that the hash somebody
    approves is of the state that stands there.

    Raises:
        InvalidSpec: the server's bound on our sessions is too small for planning.
        AppDBError: planning or applying failed as a whole; nothing is half done.
    """
    place, server = work.place, work.server
    if place.sessions.limit < PLANNER_SESSIONS:
        raise InvalidSpec(
            f"connections.max of DatabaseServer {server.metadata.name} is "
            f"{place.sessions.limit}; changing existing tables takes {PLANNER_SESSIONS}"
        )
    plans = await Plans.read(work)
    policy = policy_of(work.database, server, plans.shelf, analysis.digest)
    name, turns = server.metadata.name, work.context.turns
    async with turns.applier(name, place.sessions.limit), AsyncExitStack() as held:
        held.enter_context(translated(f"database {place.wanted.name}", "changing the tables"))
        engine = _Engine(work=work, plans=plans, policy=policy, held=held)
        released = await engine.go(_declared(work, analysis))
    await plans.tidy()
    return released


def _declared(work: Work, analysis: Analysis) -> Release:
    return Release(
        statements=analysis.statements,
        source_digest=analysis.digest,
        frameworks=tuple(framework.name for framework in analysis.frameworks),
        paths=work.source_paths,
    )


@dataclass(slots=True, kw_only=True)
class _Engine:
    """One release: plans, runs what may run, plans the rest, and leaves it for a decision."""

    work: Work
    plans: Plans
    policy: Policy
    held: AsyncExitStack
    outcome: Outcome | None = None
    record: Record | None = None
    _book: Book | None = None
    _session: Session | None = None

    async def go(self, declared: Release) -> Released:
        plan = await self._plan(declared)
        if self.work.database.spec.schema_.mode is SchemaMode.PLAN_ONLY:
            return await self._previewed(plan)
        for _ in range(ROUNDS):
            if not _is_to_run(plan):
                break
            await self._run(plan)
            if self._has_failed or not (plan.pending or plan.blocked):
                return self._released(plan)
            plan = await self._plan(declared)
        if plan.pending or plan.blocked:
            self.record = await self.plans.propose(plan, lambda: self._weigh(plan))
        return self._released(plan)

    async def _previewed(self, plan: Plan) -> Released:
        if plan.steps or plan.pending or plan.blocked:
            self.record = await self.plans.preview(plan, lambda: self._weigh(plan))
        return self._released(plan)

    def _released(self, plan: Plan) -> Released:
        return Released(plan=plan, outcome=self.outcome, record=self.record)

    @property
    def _has_failed(self) -> bool:
        return self.outcome is not None and bool(self.outcome.failures)

    async def _plan(self, declared: Release) -> Plan:
        place, turns = self.work.place, self.work.context.turns
        server = self.work.server.metadata.name
        session, book = await self._sessions()
        async with lend_scratch(place.sessions, turns.planner(server)) as scratch:
            return await plan_release(session, scratch, declared, self.policy, book=book)

    async def _sessions(self) -> tuple[Session, Book]:
        """Open the app's session and the ledger's, once."""
        place = self.work.place
        if self._session is None or self._book is None:
            book = await self.held.enter_async_context(
                ledger_session(place.sessions, place.wanted.name)
            )
            self._book = Book(conn=book)
            self._session = await self.held.enter_async_context(own_session(self.work))
        return self._session, self._book

    async def _run(self, plan: Plan) -> None:
        session, book = await self._sessions()
        if await _is_slow(session, plan):
            place, context = self.work.place, self.work.context
            name, limit = self.work.server.metadata.name, place.sessions.limit
            self.held.enter_context(context.turns.slow(name, limit, self.work.key, context.wake))
        record = await self.plans.begin(plan) if plan.steps else None
        key = self.work.key
        run = Run(policy=self.policy, book=book, actor=f"{key.namespace}/{key.name}")
        applying = apply_release(session, plan, run)
        outcome = await self.work.context.departures.unless_leaving(key, applying)
        self.outcome = outcome if self.outcome is None else self.outcome.then(outcome)
        if record is not None:
            self.record = await self.plans.finish(record, plan, outcome)

    async def _weigh(self, plan: Plan) -> Mapping[Key, str]:
        session, _ = await self._sessions()
        return await weigh(session, plan.judged)


async def _is_slow(session: Session, plan: Plan) -> bool:
    """Tell whether a step works for the size of a table that is not small."""
    tables = {
        planned.judged.unit.subject.table
        for planned in plan.steps
        if planned.step.pace is not Pace.BRIEF or planned.step.backfill is not None
    }
    return bool(tables) and await largest(session, tables) > SMALL_BYTES


def _is_to_run(plan: Plan) -> bool:
    """Tell whether there is a step to run, or only the ledger to be written.

    Where all is as declared, an old or absent ledger is brought up to date.
    """
    return bool(plan.steps) or (not plan.judged and not plan.is_settled)


@asynccontextmanager
async def lend_scratch(sessions: AdminSessions, turn: asyncio.Lock) -> AsyncIterator[Scratch]:
    """Lend the server's scratch database, which is made when there is none.

    It is opened by the first use, and only in its turn: two plans in it at once would wait
    for each other's names.
    """

    @asynccontextmanager
    async def in_turn() -> AsyncIterator[Session]:
        async with turn:
            async with sessions.maintenance() as session:
                name = await ensure_scratch_database(session, SCRATCH_DATABASE)
            async with sessions.database(name, settings=SCRATCH_SETTINGS) as bench:
                await open_to_roles(bench)
                yield bench

    scratch = Scratch(lend=in_turn)
    try:
        yield scratch
    finally:
        await scratch.rest()

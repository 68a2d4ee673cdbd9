"""Brings tables that are there already to what the source declares, by the migration engine.

The app's own login changes the tables, the operator's session writes the ledger, and
everything is tried in a scratch database first.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from appdb.api.appdatabase import AppDatabase
from appdb.api.quantities import parse_duration, parse_quantity
from appdb.api.schema_spec import SchemaMode, SchemaSpec
from appdb.api.server import DatabaseServer
from appdb.errors import (
    AdoptionRequired,
    DataConflict,
    InvalidSpec,
    PlanPendingApproval,
)
from appdb.model.analysis import Analysis
from appdb.model.words import counted
from appdb.plan.hazards import Hazard, StepClass
from appdb.plan.plan import Plan
from appdb.plan.policy import Allowance, DriftPolicy, Policy, Rename
from appdb.postgres.apply import Book, Outcome, Run, apply_release
from appdb.postgres.migrate import Release, plan_release
from appdb.postgres.provision import app_session
from appdb.postgres.scratch import SETTINGS as SCRATCH_SETTINGS
from appdb.postgres.scratch import Scratch, ensure_scratch_database
from appdb.postgres.sessions import AdminSessions
from appdb.postgres.sqlstate import translated
from appdb.reconcile.context import PLANNER_SESSIONS
from appdb.reconcile.database.wanted import milliseconds
from appdb.reconcile.database.work import Work

SCRATCH_DATABASE = "_appdb_scratch"


async def release(work: Work, analysis: Analysis) -> tuple[Plan, Outcome | None]:
    """Plan, and apply what may run; the outcome is None when nothing was run.

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
    policy = policy_of(work.database, server)
    wanted = work.place.wanted
    declared = Release(
        statements=analysis.statements,
        source_digest=analysis.digest,
        frameworks=tuple(framework.name for framework in analysis.frameworks),
        paths=work.source_paths,
    )
    name, turns = server.metadata.name, work.context.turns
    async with turns.applier(name, place.sessions.limit), AsyncExitStack() as held:
        held.enter_context(translated(f"database {wanted.name}", "changing the tables"))
        async with turns.planner(name), _scratch(place.sessions) as scratch:
            book = Book(conn=await held.enter_async_context(place.sessions.database(wanted.name)))
            session = await held.enter_async_context(app_session(place.sessions, wanted))
            plan = await plan_release(session, scratch, declared, policy, book=book)
        if work.database.spec.schema_.mode is SchemaMode.PLAN_ONLY or not plan.judged:
            return plan, None
        actor = f"{work.key.namespace}/{work.key.name}"
        return plan, await apply_release(session, plan, Run(policy=policy, book=book, actor=actor))


@asynccontextmanager
async def _scratch(sessions: AdminSessions) -> AsyncIterator[Scratch]:
    """Lend the server's scratch database; it is made when there is none."""
    async with sessions.maintenance() as session:
        await ensure_scratch_database(session, SCRATCH_DATABASE)
    async with sessions.database(SCRATCH_DATABASE, settings=SCRATCH_SETTINGS) as bench:
        yield Scratch(conn=bench)


def require_applied(plan: Plan, outcome: Outcome | None) -> None:
    """Tell what was not done.

    Raises:
        DDLFailed, LockTimeout, ...: a step failed; it was taken back.
        DataConflict: rows forbid a step.
        AdoptionRequired: tables that were there before us need more than additions.
        PlanPendingApproval: steps wait for an approval; the message has the hash.
    """
    if outcome is not None and outcome.failures:
        raise outcome.failures[0].error
    if plan.blocked:
        blocked = plan.blocked[0]
        rows = sum(refusal.count for refusal in blocked.refusals)
        of_rows = f"{counted(rows, 'row')} of " if rows else ""
        raise DataConflict(
            f"{of_rows}{blocked.unit.subject.table} forbid a change of {blocked.unit.subject}: "
            f"{blocked.why}"
        )
    if plan.is_adoption and plan.pending:
        raise AdoptionRequired(f"the tables were there before: {_waiting(plan)}")
    if plan.pending:
        first = plan.pending[0]
        raise PlanPendingApproval(
            f"{_waiting(plan)}, first: {first.step.reason} ({first.judged.why}); the old tables "
            "serve on"
        )


def _waiting(plan: Plan) -> str:
    steps = counted(len(plan.pending), "step")
    return f"{steps} not run without an approval of plan {plan.plan_hash}"


def policy_of(database: AppDatabase, server: DatabaseServer) -> Policy:
    """Return the policy of an object under the floor of its server. Pure."""
    spec: SchemaSpec = database.spec.schema_
    allow = {hazard: Allowance(_allowed(spec, hazard)) for hazard in Hazard}
    return Policy(
        allow=allow,
        approved_plan=spec.approved_plan,
        is_review=spec.mode is SchemaMode.REVIEW,
        drift=DriftPolicy(spec.drift_policy.value),
        rewrite_limit_bytes=parse_quantity(spec.rewrite_limit),
        lock_timeout_ms=milliseconds(parse_duration(spec.lock_timeout)),
        max_step_seconds=max(1, round(parse_duration(spec.max_step_duration).total_seconds())),
        max_class=StepClass(server.spec.floor.max_hazard.value),
        renames=tuple(
            Rename(table=each.table, column=each.column, to=each.to) for each in spec.renames
        ),
        backfills=dict(spec.backfill),
        casts=dict(spec.casts),
        extensions=server.spec.allowed_extensions,
    )


def _allowed(spec: SchemaSpec, hazard: Hazard) -> str:
    fields = {name: value.value for name, value in spec.allow if name}
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in hazard.value)
    return str(fields[snake])

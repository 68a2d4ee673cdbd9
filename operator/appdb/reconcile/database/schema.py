"""Brings the tables to what the source declares.

An empty database gets all its tables in one transaction over the login that has just
proved itself. Tables that are there are changed by the migration engine, which plans,
rehearses and asks the rows first. Nothing is dropped here.
"""

from collections import Counter

from appdb.api.appdatabase_status import SchemaStatus
from appdb.api.reasons import Reason
from appdb.api.schema_spec import SchemaMode
from appdb.cluster.events import EventReason
from appdb.errors import AppDBError
from appdb.model.analysis import Analysis
from appdb.model.catalog import Kind
from appdb.model.digest import digest_of_texts
from appdb.model.words import counted
from appdb.plan.plan import Plan
from appdb.postgres.apply import Outcome
from appdb.postgres.connect import Session
from appdb.postgres.ddl import apply_first_schema, read_tables
from appdb.postgres.firstrun import has_ledger
from appdb.reconcile.database.bookkeeping import FirstRun
from appdb.reconcile.database.release import release, require_applied
from appdb.reconcile.database.work import Work
from appdb.reconcile.results import Done, Failed, Stage


async def sync_with_session(work: Work, session: Session) -> None:
    """Do what can be done over the app's session; leaves the stage open for the engine."""
    if work.database.spec.schema_.mode is SchemaMode.OFF:
        _disabled(work, "schema.mode is Off: the tables are left alone")
        return
    if work.database.spec.source is None:
        _disabled(work, "no source is given: the tables are left alone")
        return
    if work.analysis is None:
        return
    try:
        await _first_or_unchanged(work, session, work.analysis)
    except AppDBError as error:
        work.results[Stage.SCHEMA] = Failed(error)


async def sync_with_engine(work: Work) -> None:
    """Change tables that are there; called without a session in hand."""
    if work.analysis is None:
        return
    analysis, desired = work.analysis, _digest(work.analysis)
    try:
        plan, outcome = await release(work, analysis)
        _note(work, plan, outcome, desired)
        require_applied(plan, outcome)
    except AppDBError as error:
        work.results[Stage.SCHEMA] = Failed(error)


async def _first_or_unchanged(work: Work, session: Session, analysis: Analysis) -> None:
    desired = _digest(analysis)
    before = work.database.status.schema_
    tables = await read_tables(session)
    is_applied = before is not None and before.applied_hash == desired and tables
    if is_applied and (not work.observed.is_due or await has_ledger(session)):
        work.results[Stage.SCHEMA] = Done(
            work.reason_before(Stage.SCHEMA, otherwise=Reason.NO_CHANGES), _message(len(tables))
        )
        return
    if tables:
        return
    if work.database.spec.schema_.mode is not SchemaMode.AUTO:
        return
    began = work.context.clock()
    await apply_first_schema(session, analysis.statements)
    work.context.observer.schema_changed(work.context.clock() - began)
    made = await read_tables(session)
    work.schema_status = SchemaStatus(
        desired_hash=desired,
        applied_hash=desired,
        tables=len(made),
        columns=sum(table.columns for table in made),
        last_applied_time=work.context.now(),
    )
    work.results[Stage.SCHEMA] = Done(Reason.APPLIED, _message(len(made)))
    work.events.append((EventReason.SCHEMA_APPLIED, f"made {counted(len(made), 'table')}"))
    place = work.place
    run = FirstRun(sessions=place.sessions, database=place.wanted.name, analysis=analysis)
    work.context.bookkeeping.owe(work.key, run)


def _note(work: Work, plan: Plan, outcome: Outcome | None, desired: str) -> None:
    """Write down for status what a release did and what it left."""
    before = work.database.status.schema_
    complete = plan.is_empty or (
        outcome is not None and not outcome.failures and not plan.pending and not plan.blocked
    )
    applied = outcome.applied if outcome is not None else 0
    tables, columns = _managed(outcome, before)
    work.schema_status = SchemaStatus(
        desired_hash=desired,
        applied_hash=desired if complete else (before.applied_hash if before else ""),
        tables=tables,
        columns=columns,
        last_applied_time=(
            work.context.now() if applied else (before.last_applied_time if before else None)
        ),
        plan_hash="" if complete else plan.plan_hash,
        pending_steps=len(plan.pending),
    )
    if outcome is None and plan.judged:
        work.results[Stage.SCHEMA] = Done(
            Reason.PLAN_ONLY,
            f"schema.mode is PlanOnly: {len(plan.steps) + len(plan.pending)} steps planned, none "
            "run",
        )
        return
    reason = Reason.APPLIED if applied else Reason.NO_CHANGES
    work.results[Stage.SCHEMA] = Done(reason, _message(tables or 0))
    if outcome is not None and applied:
        work.context.observer.schema_changed(outcome.seconds)
        work.events.append(
            (EventReason.SCHEMA_APPLIED, f"{counted(applied, 'step')} changed the tables")
        )


def _managed(outcome: Outcome | None, before: SchemaStatus | None) -> tuple[int | None, int | None]:
    """Count the tables and columns that are ours now; as before when nothing was run."""
    if outcome is None or not outcome.managed:
        return (before.tables, before.columns) if before else (None, None)
    kinds = Counter(key.kind for key in outcome.managed)
    return kinds[Kind.TABLE], kinds[Kind.COLUMN]


def _digest(analysis: Analysis) -> str:
    return digest_of_texts(statement.sql for statement in analysis.statements)


def _disabled(work: Work, message: str) -> None:
    work.results[Stage.SCHEMA] = Done(Reason.DISABLED, message)


def _message(tables: int) -> str:
    verb = "is" if tables == 1 else "are"
    return f"{counted(tables, 'table')} {verb} as the source declares"

"""Brings the tables to what the source declares.

An empty database gets all its tables in one transaction over the login that has just
proved itself. Tables that are there are changed by the migration engine, which plans,
rehearses and asks the rows first. Nothing is dropped here.
"""

from collections import Counter

from appdb.api.appdatabase_status import DRIFT_LIMIT, SchemaStatus
from appdb.api.conditions import find_condition
from appdb.api.meta import NameRef
from appdb.api.reasons import Reason
from appdb.api.schema_spec import DriftPolicy, SchemaMode
from appdb.cluster.events import EventReason
from appdb.errors import AppDBError
from appdb.model.analysis import Analysis
from appdb.model.catalog import Catalog, Kind
from appdb.model.digest import digest_of_texts
from appdb.model.words import counted
from appdb.plan.bookkeeping import Baseline
from appdb.postgres.apply import Outcome
from appdb.postgres.connect import Session
from appdb.postgres.ddl import apply_first_schema, read_tables
from appdb.postgres.firstrun import Mark, read_mark
from appdb.postgres.inspect import read_catalog
from appdb.postgres.sqlstate import translated
from appdb.reconcile.database.bookkeeping import FirstRun
from appdb.reconcile.database.drift import is_as_left, is_still_as_left, wants_full_look
from appdb.reconcile.database.left import require_applied
from appdb.reconcile.database.migrator import proved, record, stood_back, wanted_records
from appdb.reconcile.database.own_session import own_session
from appdb.reconcile.database.plans import Plans
from appdb.reconcile.database.release import Released, release
from appdb.reconcile.database.shelf import Record
from appdb.reconcile.database.work import Work
from appdb.reconcile.results import Done, Failed, Stage

# What somebody did by hand, for people.
_DRIFTED = {"missing": "is missing", "changed": "was changed"}


async def sync_with_session(work: Work, session: Session) -> None:
    """Do what can be done over the app's session; leaves the stage open for the engine."""
    if work.database.spec.schema_.mode is SchemaMode.OFF:
        message = "schema.mode is Off: the tables are left alone"
        await _leave_alone(work, Done(Reason.DISABLED, message))
        return
    left = stood_back(work)
    if left is not None:
        await _leave_alone(work, left)
        return
    if work.database.spec.source is None:
        message = "no source is given: the tables are left alone"
        await _leave_alone(work, Done(Reason.DISABLED, message))
        return
    if work.analysis is None:
        return
    try:
        if wanted_records(work) is None:
            await _first_or_unchanged(work, session, work.analysis)
    except AppDBError as error:
        work.results[Stage.SCHEMA] = Failed(error)


async def sync_with_engine(work: Work) -> None:
    """Change tables that are there; called without a session in hand."""
    if work.analysis is None:
        return
    try:
        records = wanted_records(work)
        if records is None:
            await _change(work, work.analysis)
        else:
            await _with_records(work, records)
    except AppDBError as error:
        work.results[Stage.SCHEMA] = Failed(error)


async def _change(work: Work, analysis: Analysis) -> None:
    desired = _digest(analysis)
    if _is_applied(work, desired) and await is_as_left(work):
        _note_unchanged(work)
        return
    released = await release(work, analysis)
    _note(work, released, desired)
    if work.database.spec.schema_.mode is not SchemaMode.PLAN_ONLY:
        require_applied(released.plan, released.outcome, released.record)


async def _with_records(work: Work, records: Baseline) -> None:
    """Change tables only where the app's own migrator can be told the truth about it."""
    known = work.analysis
    is_applied = known is not None and _is_applied(work, _digest(known))
    analysis = await proved(work, records, is_applied=is_applied)
    async with own_session(work) as session:
        await _first_or_unchanged(work, session, analysis)
    if Stage.SCHEMA not in work.results:
        await _change(work, analysis)
    await record(work, records)


async def _first_or_unchanged(work: Work, session: Session, analysis: Analysis) -> None:
    desired = _digest(analysis)
    tables = () if work.has_made_database else await read_tables(session)
    if _is_applied(work, desired) and tables and await _is_seen_unchanged(work, session):
        _note_unchanged(work)
        return
    if tables or work.database.spec.schema_.mode is not SchemaMode.AUTO:
        return
    began = work.context.clock()
    await apply_first_schema(session, analysis.statements)
    work.context.observer.schema_changed(work.context.clock() - began)
    left = await _left_by_first_run(work, session)
    tables_made, columns_made = _counted(left)
    work.schema_status = SchemaStatus(
        desired_hash=desired,
        applied_hash=desired,
        tables=tables_made,
        columns=columns_made,
        last_applied_time=work.context.now(),
    )
    work.drift = ()
    work.results[Stage.SCHEMA] = Done(Reason.APPLIED, _message(tables_made))
    work.events.append((EventReason.SCHEMA_APPLIED, f"made {counted(tables_made, 'table')}"))
    place = work.place
    run = FirstRun(
        sessions=place.sessions,
        database=place.wanted.name,
        statements=analysis.statements,
        source_digest=analysis.digest,
        frameworks=tuple(each.name for each in analysis.frameworks),
        left=left,
    )
    work.context.bookkeeping.owe_run(work.key, run)


async def _is_seen_unchanged(work: Work, session: Session) -> bool:
    """Tell whether the tables need no look, or have got one and are as the last run left them."""
    return not wants_full_look(work) or await is_still_as_left(work, session)


async def _left_by_first_run(work: Work, session: Session) -> Catalog | Mark:
    """Read what a first run left: all of it, or a mark of it while others wait for databases."""
    with translated(f"database {work.place.wanted.name}", "looking at the tables"):
        if work.context.is_busy():
            return await read_mark(session)
        return await read_catalog(session)


def _counted(left: Catalog | Mark) -> tuple[int, int]:
    """Count tables and columns."""
    if isinstance(left, Mark):
        return left.count("table"), left.count("column")
    kinds = Counter(key.kind for key in left.objects)
    return kinds[Kind.TABLE], kinds[Kind.COLUMN]


def _is_applied(work: Work, desired: str) -> bool:
    """Tell whether the last run left the tables as this source declares them.

    Where steps waited something may have been done to make them harmless, so the engine
    looks again also when the source is back to what it was.
    """
    before = work.database.status.schema_
    synced = find_condition(work.database.status.conditions, Stage.SCHEMA.condition)
    return (
        before is not None
        and before.applied_hash == desired
        and synced is not None
        and synced.is_true
        and synced.reason in {Reason.APPLIED, Reason.NO_CHANGES}
    )


def _note_unchanged(work: Work) -> None:
    before = work.database.status.schema_
    tables = before.tables if before is not None and before.tables is not None else 0
    work.results[Stage.SCHEMA] = Done(
        work.reason_before(Stage.SCHEMA, otherwise=Reason.NO_CHANGES), _message(tables)
    )


def _note(work: Work, released: Released, desired: str) -> None:
    """Write down for status what a release did and what it left."""
    plan, outcome, record = released.plan, released.outcome, released.record
    before = work.database.status.schema_ or SchemaStatus()
    has_failed = outcome is not None and bool(outcome.failures)
    is_preview = work.database.spec.schema_.mode is SchemaMode.PLAN_ONLY and not plan.is_empty
    complete = not (has_failed or is_preview or plan.pending or plan.blocked)
    applied = outcome.applied if outcome is not None else 0
    tables, columns = _managed(outcome, before)
    drift = plan.drift if has_failed or is_preview else plan.standing_drift
    work.drift = tuple(f"{d.key.kind} {d.key} {_DRIFTED[d.what]}" for d in drift)
    if work.database.spec.schema_.drift_policy is DriftPolicy.IGNORE:
        work.drift = ()
    work.schema_status = SchemaStatus(
        desired_hash=desired,
        applied_hash=desired if complete else before.applied_hash,
        tables=tables,
        columns=columns,
        last_applied_time=work.context.now() if applied else before.last_applied_time,
        plan_ref=NameRef(name=record.name) if record is not None else before.plan_ref,
        plan_hash=record.plan.spec.plan_hash if record is not None else before.plan_hash,
        pending_steps=len(plan.pending),
        drift=work.drift[:DRIFT_LIMIT],
    )
    if is_preview:
        shown = f", see SchemaPlan {record.name}" if record is not None else ""
        planned = counted(len(plan.steps) + len(plan.pending), "step")
        work.results[Stage.SCHEMA] = Done(
            Reason.PLAN_ONLY, f"schema.mode is PlanOnly: {planned} planned, none run{shown}"
        )
        return
    reason = Reason.APPLIED if applied else Reason.NO_CHANGES
    work.results[Stage.SCHEMA] = Done(reason, _message(tables or 0))
    if outcome is not None and applied:
        work.context.observer.schema_changed(outcome.seconds)
        work.events.append((EventReason.SCHEMA_APPLIED, _told(applied, record)))


def _told(applied: int, record: Record | None) -> str:
    told = f"{counted(applied, 'step')} changed the tables"
    if record is None or not record.was_applied:
        return told
    return f"{told}, see SchemaPlan {record.name}: {record.plan.spec.summary}"


def _managed(outcome: Outcome | None, before: SchemaStatus) -> tuple[int | None, int | None]:
    """Count the tables and columns that are ours now; as before when nothing was run."""
    if outcome is None or not outcome.managed:
        return before.tables, before.columns
    kinds = Counter(key.kind for key in outcome.managed)
    return kinds[Kind.TABLE], kinds[Kind.COLUMN]


def _digest(analysis: Analysis) -> str:
    return digest_of_texts(statement.sql for statement in analysis.statements)


async def _leave_alone(work: Work, done: Done) -> None:
    """Note that the tables are not ours to change; a plan that waits is void then."""
    work.drift = ()
    work.results[Stage.SCHEMA] = done
    before = work.database.status.schema_
    if before is not None and before.pending_steps:
        await (await Plans.read(work)).tidy()
        work.schema_status = before.model_copy(update={"pending_steps": 0})


def _message(tables: int) -> str:
    verb = "is" if tables == 1 else "are"
    return f"{counted(tables, 'table')} {verb} as the source declares"

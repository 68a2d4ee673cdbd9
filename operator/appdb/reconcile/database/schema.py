"""Brings the tables to what the source declares, over the app's own session.

Nothing is ever dropped here. A database without tables gets them all in one transaction.
"""

from appdb.api.appdatabase_status import SchemaStatus
from appdb.api.reasons import Reason
from appdb.api.schema_spec import SchemaMode
from appdb.cluster.events import EventReason
from appdb.errors import AppDBError, DDLFailed, PlanPendingApproval
from appdb.model.analysis import Analysis
from appdb.model.digest import digest_of_texts
from appdb.postgres.connect import Session
from appdb.postgres.ddl import apply_first_schema, read_tables
from appdb.reconcile.database.work import Work
from appdb.reconcile.results import Done, Failed, Stage


async def sync_schema(work: Work, session: Session) -> None:
    """Bring the tables to the source and note what became of it in `work`."""
    if work.database.spec.schema_.mode is SchemaMode.OFF:
        work.results[Stage.SCHEMA] = Done(
            Reason.DISABLED, "schema.mode is Off: the tables are left alone"
        )
        return
    if work.analysis is None:
        if work.database.spec.source is None:
            work.results[Stage.SCHEMA] = Done(
                Reason.DISABLED, "no source is given: the tables are left alone"
            )
        return
    try:
        await _apply(work, session, work.analysis)
    except AppDBError as error:
        work.results[Stage.SCHEMA] = Failed(error)


async def _apply(work: Work, session: Session, analysis: Analysis) -> None:
    desired = digest_of_texts(statement.sql for statement in analysis.statements)
    before = work.database.status.schema_
    tables = await read_tables(session)
    if before is not None and before.applied_hash == desired and tables:
        work.results[Stage.SCHEMA] = Done(_reason_before(work), _message(len(tables)))
        return
    mode = work.database.spec.schema_.mode
    if mode is SchemaMode.PLAN_ONLY:
        work.results[Stage.SCHEMA] = Done(
            Reason.PLAN_ONLY,
            f"schema.mode is PlanOnly: {len(analysis.statements)} statements planned, none run",
        )
        return
    if mode is SchemaMode.REVIEW:
        raise PlanPendingApproval(
            f"schema.mode is Review: {len(analysis.statements)} statements wait for an approval"
        )
    if tables:
        raise DDLFailed(
            "the source has changed and the database holds tables already; this version "
            "does not change existing tables. The old ones serve on"
        )
    await apply_first_schema(session, analysis.statements)
    made = await read_tables(session)
    work.schema_status = SchemaStatus(
        desired_hash=desired,
        applied_hash=desired,
        tables=len(made),
        columns=sum(table.columns for table in made),
        last_applied_time=work.context.now(),
    )
    work.results[Stage.SCHEMA] = Done(Reason.APPLIED, _message(len(made)))
    work.events.append((EventReason.SCHEMA_APPLIED, f"made {len(made)} tables"))


def _message(tables: int) -> str:
    return f"{tables} tables are as the source declares them"


def _reason_before(work: Work) -> Reason:
    for condition in work.database.status.conditions:
        if condition.type == Stage.SCHEMA.condition and condition.is_true:
            return Reason(condition.reason)
    return Reason.NO_CHANGES

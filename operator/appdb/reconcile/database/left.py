"""Says what a release left undone, as the error that the condition will show. Pure."""

from appdb.api.schemaplan import Decision
from appdb.errors import AdoptionRequired, DataConflict, PlanPendingApproval, PlanRejected
from appdb.model.words import counted
from appdb.plan.plan import Plan
from appdb.postgres.apply import Outcome
from appdb.reconcile.database.proposal import described
from appdb.reconcile.database.shelf import Record


def require_applied(plan: Plan, outcome: Outcome | None, record: Record | None = None) -> None:
    """Tell what was not done.

    Raises:
        DDLFailed, LockTimeout, ...: a step failed; it was taken back.
        DataConflict: rows forbid a step.
        AdoptionRequired: tables that were there before us need more than additions.
        PlanRejected: somebody decided against the steps that are left.
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
    if plan.pending and record is not None and record.is_decided(Decision.REJECTED):
        raise PlanRejected(_rejected(plan, record))
    if plan.is_adoption and plan.pending:
        raise AdoptionRequired(f"the tables were there before: {_waiting(plan, record)}")
    if plan.pending:
        first = plan.pending[0]
        raise PlanPendingApproval(
            f"{_waiting(plan, record)}, first {described(first)} ({first.judged.why}); the old "
            "tables serve on"
        )


def _waiting(plan: Plan, record: Record | None) -> str:
    steps = counted(len(plan.pending), "step")
    name = f"SchemaPlan {record.name}, " if record is not None else "plan "
    return f"{steps} not run without an approval of {name}{plan.plan_hash}"


def _rejected(plan: Plan, record: Record) -> str:
    spec, by = record.plan.spec, record.plan.status.decided_by
    who = f" by {by}" if by else ""
    why = f" ({spec.decided_reason})" if spec.decided_reason else ""
    return (
        f"SchemaPlan {record.name} was rejected{who}{why}: {counted(len(plan.pending), 'step')} "
        "not run, the old tables serve on; change the source, or the decision"
    )

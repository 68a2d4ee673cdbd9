"""Turns what became of the stages into the status of an AppDatabase.

Pure. The rules of kstatus decide what is shown: Ready sums up, Reconciling stands while
work goes on by itself, Stalled while a person must act. Nothing here varies from run to
run when nothing has changed, so an unchanged object is never written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from appdb.api.appdatabase_status import (
    DRIFT_LIMIT,
    AccessStatus,
    AppDatabaseStatus,
    CredentialsStatus,
    DatabaseStatus,
    ProvisioningStatus,
    SchemaStatus,
    ServerStatus,
    SourceStatus,
)
from appdb.api.conditions import Status, find_condition, remove_condition, set_condition
from appdb.api.meta import Condition, NameRef, seconds_between
from appdb.api.reasons import ConditionType, Reason, source_reason, stalled_reason
from appdb.cluster.events import EventReason
from appdb.errors import AppDBError, Retry, one_line
from appdb.reconcile.results import Absent, Done, Failed, Result, Stage, Unchanged, Waits

Conditions = tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a run learned for the fields of status; None keeps what stands there."""

    secret_name: str | None = None
    server: ServerStatus | None = None
    database: DatabaseStatus | None = None
    source: SourceStatus | None = None
    schema: SchemaStatus | None = None
    credentials: CredentialsStatus | None = None
    access: tuple[AccessStatus, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of one object: when it began and ended, and what became of it."""

    generation: int
    requested_at: str
    started: datetime
    ended: datetime
    results: Mapping[Stage, Result]
    facts: Facts = field(default_factory=Facts)
    notes: tuple[str, ...] = ()
    drift: tuple[str, ...] | None = None


def build_status(before: AppDatabaseStatus, run: Run) -> AppDatabaseStatus:
    """Return the status after a run that is neither a deletion nor suspended."""
    conditions = before.conditions
    for stage in Stage:
        conditions = _with_stage(conditions, stage, run)
    failure = first_failure(conditions)
    conditions = _summed_up(_with_drift(conditions, run), failure, run)
    facts = run.facts
    return before.model_copy(
        update={
            "observed_generation": run.generation,
            "last_handled_reconcile_at": run.requested_at or before.last_handled_reconcile_at,
            "conditions": conditions,
            "binding": NameRef(name=facts.secret_name) if facts.secret_name else before.binding,
            "server": facts.server or before.server,
            "database": facts.database or before.database,
            "source": facts.source or before.source,
            "schema_": _schema(facts.schema or before.schema_, run.drift),
            "credentials": facts.credentials or before.credentials,
            "access": before.access if facts.access is None else facts.access,
            "provisioning": _provisioning(before.provisioning, run, is_ready=failure is None),
        }
    )


def failed_status(
    before: AppDatabaseStatus,
    error: AppDBError,
    *,
    generation: int,
    requested_at: str,
    now: datetime,
) -> AppDatabaseStatus:
    """Return the status where all failed: an unreadable spec, a right missing on the cluster."""
    failed = _failed_as_a_whole(before, Reason(error.reason), error.message, generation, now)
    return _handled(failed, requested_at)


def broken_status(
    before: AppDatabaseStatus, *, generation: int, now: datetime
) -> AppDatabaseStatus:
    """Return the status after an error that nobody foresaw; the log has the details."""
    message = "the operator met a case it does not know; it tries again. See the operator's log"
    return _failed_as_a_whole(before, Reason.INTERNAL_ERROR, message, generation, now)


def progress_status(
    before: AppDatabaseStatus, *, reason: Reason, message: str, generation: int, now: datetime
) -> AppDatabaseStatus:
    """Return the status shown while a run takes longer than a moment."""
    ready = find_condition(before.conditions, ConditionType.READY)
    conditions = before.conditions
    if ready is None or not ready.is_true:
        conditions = set_condition(
            conditions,
            ConditionType.READY,
            "Unknown" if ready is None else "False",
            reason=Reason.PENDING if ready is None else Reason.PROGRESSING,
            message=message,
            generation=generation,
            now=now,
        )
    conditions = set_condition(
        conditions,
        ConditionType.RECONCILING,
        "True",
        reason=reason,
        message=message,
        generation=generation,
        now=now,
    )
    provisioning = before.provisioning or ProvisioningStatus(started_at=now)
    return before.model_copy(update={"conditions": conditions, "provisioning": provisioning})


def deleting_status(
    before: AppDatabaseStatus,
    error: AppDBError,
    *,
    generation: int,
    requested_at: str,
    now: datetime,
) -> AppDatabaseStatus:
    """Return the status of an object whose deletion waits for something."""
    reason = Reason(error.reason)
    conditions = before.conditions
    if reason in _DELETION_CONDITIONS:
        conditions = set_condition(
            conditions,
            _DELETION_CONDITIONS[reason],
            "False",
            reason=reason,
            message=error.message,
            generation=generation,
            now=now,
        )
    conditions = set_condition(
        conditions,
        ConditionType.READY,
        "False",
        reason=reason if reason is Reason.PROTECTED else Reason.PROGRESSING,
        message=error.message,
        generation=generation,
        now=now,
    )
    stalled = reason is Reason.PROTECTED
    conditions = set_condition(
        conditions,
        ConditionType.STALLED if stalled else ConditionType.RECONCILING,
        "True",
        reason=reason if stalled else Reason.DEPROVISIONING,
        message=error.message,
        generation=generation,
        now=now,
    )
    changed = {"observed_generation": generation, "conditions": conditions}
    return _handled(before.model_copy(update=changed), requested_at)


def _handled(status: AppDatabaseStatus, requested_at: str) -> AppDatabaseStatus:
    if not requested_at:
        return status
    return status.model_copy(update={"last_handled_reconcile_at": requested_at})


_DELETION_CONDITIONS = {
    Reason.SESSIONS_OPEN: ConditionType.DATABASE_READY,
    Reason.OBJECTS_REMAIN: ConditionType.DATABASE_READY,
    Reason.INSUFFICIENT_PRIVILEGE: ConditionType.DATABASE_READY,
    Reason.UNREACHABLE: ConditionType.SERVER_REACHABLE,
    Reason.TOO_MANY_CONNECTIONS: ConditionType.SERVER_REACHABLE,
    Reason.AUTHENTICATION_FAILED: ConditionType.SERVER_REACHABLE,
    Reason.TLS_FAILED: ConditionType.SERVER_REACHABLE,
    Reason.SERVER_NOT_FOUND: ConditionType.SERVER_REACHABLE,
    Reason.SERVER_CHANGED: ConditionType.SERVER_REACHABLE,
}


def first_failure(conditions: Conditions) -> Condition | None:
    """Return the condition that stands in the way of Ready, in the order of the stages.

    What failed comes before what waits for it.
    """
    found = (find_condition(conditions, stage.condition) for stage in Stage)
    unmet = [each for each in found if each is not None and not each.is_true]
    failed = [each for each in unmet if each.status == "False"]
    return next(iter(failed or unmet), None)


def warnings_of(
    before: AppDatabaseStatus, after: AppDatabaseStatus
) -> tuple[tuple[EventReason, str], ...]:
    """Return the Events for what has just become wrong; what was wrong before is told already."""
    found = []
    for condition in after.conditions:
        reason = _WARNINGS.get((condition.type, condition.reason))
        known = find_condition(before.conditions, condition.type)
        is_news = known is None or (known.reason, known.message) != (
            condition.reason,
            condition.message,
        )
        if reason is not None and is_news:
            found.append((reason, condition.message))
    return tuple(found)


_WARNINGS: Mapping[tuple[str, str], EventReason] = {
    (ConditionType.SERVER_REACHABLE, Reason.UNREACHABLE): EventReason.SERVER_UNREACHABLE,
    (ConditionType.DATABASE_READY, Reason.NAME_CONFLICT): EventReason.NAME_CONFLICT,
    (ConditionType.SOURCE_READY, Reason.INVALID): EventReason.SOURCE_INVALID,
    (ConditionType.SOURCE_READY, Reason.PARSE_FAILED): EventReason.SOURCE_INVALID,
    (ConditionType.SOURCE_READY, Reason.TOO_LARGE): EventReason.SOURCE_INVALID,
    (ConditionType.SCHEMA_SYNCED, Reason.PLAN_PENDING_APPROVAL): EventReason.PLAN_PENDING_APPROVAL,
    (ConditionType.SCHEMA_SYNCED, Reason.DDL_FAILED): EventReason.DDL_FAILED,
    (ConditionType.DRIFTED, Reason.DRIFT_DETECTED): EventReason.DRIFT_DETECTED,
}


def retry_of(results: Mapping[Stage, Result]) -> Retry | None:
    """Return how soon to look again: the most impatient of the failures, None without any."""
    order = (Retry.AT_ONCE, Retry.BACKOFF, Retry.SLOWLY, Retry.ON_CHANGE)
    found = {result.error.retry for result in results.values() if isinstance(result, Failed)}
    return next((retry for retry in order if retry in found), None)


def _with_stage(conditions: Conditions, stage: Stage, run: Run) -> Conditions:
    result = run.results.get(stage, Unchanged())
    status: Status
    match result:
        case Unchanged():
            return conditions
        case Absent():
            return remove_condition(conditions, stage.condition)
        case Waits(on=other):
            if find_condition(conditions, stage.condition) is not None:
                return conditions
            status, reason = "Unknown", Reason.PENDING
            message = f"waits for {other.condition}"
        case Done(reason=reason, message=message):
            status = "True"
        case Failed(error=error):
            status, reason, message = "False", _condition_reason(stage, error), error.message
        case _:
            assert_never(result)
    return _set(conditions, stage.condition, status, reason, message, run)


def _schema(schema: SchemaStatus | None, drift: tuple[str, ...] | None) -> SchemaStatus | None:
    if schema is None or drift is None:
        return schema
    return schema.model_copy(update={"drift": drift[:DRIFT_LIMIT]})


def _with_drift(conditions: Conditions, run: Run) -> Conditions:
    """Drifted stands only while True, and says nothing about Ready."""
    if run.drift is None:
        return conditions
    if not run.drift:
        return remove_condition(conditions, ConditionType.DRIFTED)
    named = ", ".join(run.drift[:5])
    more = f" and {len(run.drift) - 5} more" if len(run.drift) > 5 else ""
    message = (
        f"changed by hand: {named}{more}; undo it, declare it in the source, or set "
        "schema.driftPolicy to Repair"
    )
    return _set(conditions, ConditionType.DRIFTED, "True", Reason.DRIFT_DETECTED, message, run)


def _condition_reason(stage: Stage, error: AppDBError) -> Reason:
    reason = Reason(error.reason)
    return source_reason(reason) if stage is Stage.SOURCE else reason


def _summed_up(conditions: Conditions, failure: Condition | None, run: Run) -> Conditions:
    if failure is None:
        clean = remove_condition(conditions, ConditionType.RECONCILING, ConditionType.STALLED)
        message = _ready_message(clean, run)
        return _set(clean, ConditionType.READY, "True", Reason.PROVISIONED, message, run)
    reason = Reason(failure.reason)
    ready = _set(conditions, ConditionType.READY, "False", reason, failure.message, run)
    stalled = stalled_reason(reason)
    if stalled is not None:
        return _set(ready, ConditionType.STALLED, "True", stalled, failure.message, run)
    retrying = Reason.PROGRESSING_WITH_RETRY
    return _set(ready, ConditionType.RECONCILING, "True", retrying, failure.message, run)


def _ready_message(conditions: Conditions, run: Run) -> str:
    schema = find_condition(conditions, ConditionType.SCHEMA_SYNCED)
    parts = [
        f"log in with the Secret {run.facts.secret_name}" if run.facts.secret_name else "",
        schema.message if schema is not None else "",
        *run.notes,
    ]
    return one_line("; ".join(part for part in parts if part)) or "ready"


def _set(  # noqa: PLR0917 - the parts of one condition, and whose
    conditions: Conditions,
    kind: ConditionType,
    status: Status,
    reason: Reason,
    message: str,
    run: Run,
) -> Conditions:
    return set_condition(
        conditions,
        kind,
        status,
        reason=reason,
        message=message,
        generation=run.generation,
        now=run.ended,
    )


def _failed_as_a_whole(
    before: AppDatabaseStatus, reason: Reason, message: str, generation: int, now: datetime
) -> AppDatabaseStatus:
    conditions = before.conditions
    stalled = stalled_reason(reason)
    for kind, status in (
        (ConditionType.READY, "False"),
        (ConditionType.STALLED if stalled else ConditionType.RECONCILING, "True"),
    ):
        conditions = set_condition(
            conditions,
            kind,
            "True" if status == "True" else "False",
            reason=stalled or reason,
            message=message,
            generation=generation,
            now=now,
        )
    return before.model_copy(update={"observed_generation": generation, "conditions": conditions})


def _provisioning(
    before: ProvisioningStatus | None, run: Run, *, is_ready: bool
) -> ProvisioningStatus:
    started = before.started_at if before and before.started_at else run.started
    if before is not None and before.ready_at is not None:
        return before
    if not is_ready:
        return before or ProvisioningStatus(started_at=started)
    return ProvisioningStatus(
        started_at=started, ready_at=run.ended, seconds=seconds_between(started, run.ended)
    )

"""Tables of what people see: results of the stages in, conditions and kstatus out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appdb import errors
from appdb.api.appdatabase_status import AppDatabaseStatus
from appdb.api.conditions import KStatus, find_condition, kstatus_of
from appdb.api.reasons import ConditionType, Reason, is_allowed
from appdb.api.server import DatabaseServerStatus
from appdb.errors import Retry
from appdb.reconcile.database.report import (
    Facts,
    Run,
    broken_status,
    build_status,
    deleting_status,
    failed_status,
    progress_status,
    retry_of,
)
from appdb.reconcile.results import Absent, Done, Failed, Stage, Unchanged, Waits
from appdb.reconcile.server.report import Learned, build_server_status

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
NEW = AppDatabaseStatus(observed_generation=-1)
ALL_DONE = {
    Stage.SERVER: Done(Reason.CONNECTED, "it answers"),
    Stage.DATABASE: Done(Reason.CREATED, "it is there"),
    Stage.CREDENTIALS: Done(Reason.ISSUED, "it logs in"),
    Stage.SOURCE: Done(Reason.ANALYZED, "2 tables"),
    Stage.SCHEMA: Done(Reason.APPLIED, "2 tables are as declared"),
}
OF_STAGE = {
    Stage.SERVER: [
        errors.ServerNotFound,
        errors.ServerNotAllowed,
        errors.ServerChanged,
        errors.Unreachable,
        errors.TooManyConnections,
        errors.AuthenticationFailed,
        errors.TLSFailed,
    ],
    Stage.DATABASE: [
        errors.NameConflict,
        errors.AdoptionRequired,
        errors.InsufficientPrivilege,
        errors.ExtensionNotAllowed,
    ],
    Stage.CREDENTIALS: [errors.SecretConflict, errors.LoginFailed],
    Stage.SOURCE: [
        errors.SourceNotFound,
        errors.RevisionMismatch,
        errors.SourceTooLarge,
        errors.SourceInvalid,
        errors.ParseFailed,
        errors.NothingDetected,
    ],
    Stage.SCHEMA: [
        errors.PlanPendingApproval,
        errors.PlanRejected,
        errors.AdoptionRequired,
        errors.DDLFailed,
        errors.DataConflict,
        errors.LockTimeout,
        errors.InsufficientPrivilege,
    ],
}
FAILURES = [(stage, kind) for stage, kinds in OF_STAGE.items() for kind in kinds]
# Design: not for these must a person act.
PASSES = {
    "ServerNotFound",
    "Unreachable",
    "TooManyConnections",
    "NotFound",
    "RevisionMismatch",
    "LoginFailed",
    "LockTimeout",
}


def a_run(results, *, at=NOW, **changes) -> Run:
    run = Run(generation=1, requested_at="", started=NOW, ended=at, results=results)
    return replace(run, **changes)


def kstatus(status: AppDatabaseStatus, generation: int = 1) -> KStatus:
    return kstatus_of(
        status.conditions, generation=generation, observed_generation=status.observed_generation
    )


def says(status, kind: ConditionType) -> tuple[str, str] | None:
    found = find_condition(status.conditions, kind)
    return (found.status, found.reason) if found else None


def test_an_object_is_ready_when_every_stage_is_done():
    status = build_status(NEW, a_run(ALL_DONE, facts=Facts(secret_name="shop-db")))

    assert ("True", "Provisioned") == says(status, ConditionType.READY)
    assert KStatus.CURRENT is kstatus(status)
    assert "shop-db" == status.binding.name
    assert NOW == status.provisioning.ready_at


def test_a_stage_that_does_not_apply_is_not_shown_and_not_missed():
    status = build_status(NEW, a_run(ALL_DONE | {Stage.SOURCE: Absent()}))

    assert says(status, ConditionType.SOURCE_READY) is None
    assert KStatus.CURRENT is kstatus(status)


@pytest.mark.parametrize(("stage", "kind"), FAILURES)
def test_a_failure_is_shown_where_the_contract_allows_it(stage: Stage, kind: type):
    status = build_status(NEW, a_run(ALL_DONE | {stage: Failed(kind("what to do next"))}))

    for condition in status.conditions:
        reason, is_true = Reason(condition.reason), condition.is_true
        assert is_allowed(ConditionType(condition.type), reason, true=is_true), condition
    assert "what to do next" == find_condition(status.conditions, ConditionType.READY).message


@pytest.mark.parametrize(("stage", "kind"), FAILURES)
def test_a_failure_stalls_only_when_a_person_must_act(stage: Stage, kind: type):
    status = build_status(NEW, a_run(ALL_DONE | {stage: Failed(kind("what to do next"))}))

    passes = kind.reason in PASSES
    assert KStatus.IN_PROGRESS is kstatus(status) if passes else KStatus.FAILED is kstatus(status)
    assert passes == (says(status, ConditionType.RECONCILING) is not None)
    assert passes == (says(status, ConditionType.STALLED) is None)


@pytest.mark.parametrize(
    ("kind", "shown", "stalled"),
    [
        (errors.SourceTooLarge, "TooLarge", "SourceTooLarge"),
        (errors.SourceInvalid, "Invalid", "SourceInvalid"),
        (errors.ParseFailed, "ParseFailed", "SourceInvalid"),
        (errors.NothingDetected, "NothingDetected", "NothingDetected"),
    ],
)
def test_the_source_says_one_word_and_stalled_another(kind: type, shown: str, stalled: str):
    status = build_status(NEW, a_run(ALL_DONE | {Stage.SOURCE: Failed(kind("fix it"))}))

    assert ("False", shown) == says(status, ConditionType.SOURCE_READY)
    assert ("True", stalled) == says(status, ConditionType.STALLED)


def test_what_failed_is_summed_up_and_not_what_waits_for_it():
    results = {
        Stage.SERVER: Done(Reason.CONNECTED, ""),
        Stage.DATABASE: Waits(Stage.CREDENTIALS),
        Stage.CREDENTIALS: Failed(errors.SecretConflict("taken")),
        Stage.SCHEMA: Waits(Stage.CREDENTIALS),
    }

    status = build_status(NEW, a_run(results))

    assert ("False", "SecretConflict") == says(status, ConditionType.READY)
    assert ("Unknown", "Pending") == says(status, ConditionType.DATABASE_READY)


def test_of_two_failures_the_earlier_stage_is_summed_up():
    failed = {
        Stage.SOURCE: Failed(errors.SourceNotFound("no source")),
        Stage.DATABASE: Failed(errors.NameConflict("taken")),
    }

    status = build_status(NEW, a_run(ALL_DONE | failed))

    assert ("False", "NameConflict") == says(status, ConditionType.READY)


def test_what_stood_there_stays_while_a_stage_waits():
    before = build_status(NEW, a_run(ALL_DONE))
    waits = {stage: Waits(Stage.SERVER) for stage in (Stage.DATABASE, Stage.CREDENTIALS)}
    down = {Stage.SERVER: Failed(errors.Unreachable("down")), **waits}

    status = build_status(before, a_run(down, at=LATER))

    assert ("True", "Created") == says(status, ConditionType.DATABASE_READY)
    assert ("False", "Unreachable") == says(status, ConditionType.READY)


RESULTS = st.fixed_dictionaries(
    {
        stage: st.sampled_from(
            [ALL_DONE[stage], Unchanged(), Waits(Stage.SERVER)]
            + [Failed(kind("next")) for kind in OF_STAGE[stage]]
        )
        for stage in Stage
    }
)


@settings(deadline=None)
@given(RESULTS, RESULTS)
def test_a_second_run_with_the_same_results_writes_nothing(earlier, results):
    before = build_status(build_status(NEW, a_run(earlier)), a_run(results))

    assert before == build_status(before, a_run(results, at=LATER))


@settings(deadline=None)
@given(RESULTS, RESULTS)
def test_kstatus_is_current_exactly_when_ready_is_true(earlier, results):
    status = build_status(build_status(NEW, a_run(earlier)), a_run(results))

    is_ready = says(status, ConditionType.READY)[0] == "True"
    assert is_ready == (kstatus(status) is KStatus.CURRENT)
    both = {
        says(status, kind) is None for kind in (ConditionType.RECONCILING, ConditionType.STALLED)
    }
    assert both == ({True} if is_ready else {True, False})


@settings(deadline=None)
@given(RESULTS)
def test_recovery_leaves_no_trace(results):
    status = build_status(build_status(NEW, a_run(results)), a_run(ALL_DONE, at=LATER))

    assert KStatus.CURRENT is kstatus(status)
    assert {"True"} == {condition.status for condition in status.conditions}


def test_the_first_look_starts_the_clock_and_the_first_ready_stops_it():
    failed = ALL_DONE | {Stage.SERVER: Failed(errors.Unreachable("down"))}
    first = build_status(NEW, a_run(failed))
    ready = build_status(first, a_run(ALL_DONE, at=LATER))
    again = build_status(ready, a_run(ALL_DONE, at=LATER + timedelta(hours=1)))

    assert NOW == first.provisioning.started_at
    assert 300.0 == ready.provisioning.seconds
    assert ready.provisioning == again.provisioning


def test_a_slow_first_run_reads_as_in_progress():
    status = progress_status(
        NEW, reason=Reason.PROVISIONING, message="under way", generation=1, now=NOW
    )

    assert ("Unknown", "Pending") == says(status, ConditionType.READY)
    assert ("True", "Provisioning") == says(status, ConditionType.RECONCILING)
    assert -1 == status.observed_generation
    assert KStatus.IN_PROGRESS is kstatus(status)


def test_a_slow_later_run_does_not_take_ready_away():
    before = build_status(NEW, a_run(ALL_DONE))

    status = progress_status(
        before, reason=Reason.APPLYING_SCHEMA, message="under way", generation=1, now=LATER
    )

    assert ("True", "Provisioned") == says(status, ConditionType.READY)
    assert KStatus.IN_PROGRESS is kstatus(status)


@pytest.mark.parametrize(
    ("error", "kind", "shown"),
    [
        (errors.SessionsOpen("pid 7"), ConditionType.DATABASE_READY, ("False", "SessionsOpen")),
        (errors.ObjectsRemain("a role"), ConditionType.DATABASE_READY, ("False", "ObjectsRemain")),
        (errors.Unreachable("down"), ConditionType.SERVER_REACHABLE, ("False", "Unreachable")),
        (
            errors.ServerNotFound("gone"),
            ConditionType.SERVER_REACHABLE,
            ("False", "ServerNotFound"),
        ),
    ],
)
def test_a_blocked_deletion_says_where_it_is_stuck(error, kind, shown):
    before = build_status(NEW, a_run(ALL_DONE))

    status = deleting_status(before, error, generation=2, requested_at="r", now=LATER)

    assert shown == says(status, kind)
    assert ("True", "Deprovisioning") == says(status, ConditionType.RECONCILING)
    assert "r" == status.last_handled_reconcile_at
    again = deleting_status(status, error, generation=2, requested_at="r", now=LATER)
    assert status == again


def test_a_protected_object_stalls_until_a_person_decides():
    error = errors.Protected("set protect to false")

    status = deleting_status(NEW, error, generation=1, requested_at="", now=NOW)

    assert ("True", "Protected") == says(status, ConditionType.STALLED)
    assert KStatus.FAILED is kstatus(status)


def test_a_spec_that_cannot_be_read_stalls_and_a_bug_does_not():
    wrong = errors.InvalidSpec("spec.limits: no")
    invalid = failed_status(NEW, wrong, generation=1, requested_at="", now=NOW)
    broken = broken_status(NEW, generation=1, now=NOW)

    assert ("True", "InvalidSpec") == says(invalid, ConditionType.STALLED)
    assert ("True", "InternalError") == says(broken, ConditionType.RECONCILING)
    assert broken == broken_status(broken, generation=1, now=LATER)


@pytest.mark.parametrize(
    ("failures", "expected"),
    [
        ([], None),
        ([errors.NameConflict], Retry.ON_CHANGE),
        ([errors.NameConflict, errors.Unreachable], Retry.BACKOFF),
        ([errors.AuthenticationFailed, errors.NameConflict], Retry.SLOWLY),
        ([errors.AuthenticationFailed, errors.SourceNotFound], Retry.BACKOFF),
    ],
)
def test_the_most_impatient_failure_says_when_to_look_again(failures, expected):
    stages = zip(Stage, failures, strict=False)

    assert expected == retry_of({stage: Failed(kind("x")) for stage, kind in stages})


SERVER_ERRORS = [
    None,
    errors.Unreachable("down"),
    errors.AuthenticationFailed("no"),
    errors.ServerChanged("other"),
    errors.TLSFailed("no"),
]
PRIVILEGE_ERRORS = [None, errors.InsufficientPrivilege("ALTER ROLE a CREATEDB")]


@pytest.mark.parametrize(("reach", "privilege"), tuple(product(SERVER_ERRORS, PRIVILEGE_ERRORS)))
def test_a_server_is_told_by_the_same_rules(reach, privilege):
    learned = Learned(reach=reach, privilege=privilege, version="18.4", system_identifier="7")

    def status_of(before, at):
        return build_server_status(before, learned, generation=1, requested_at="", now=at)

    status = status_of(DatabaseServerStatus(observed_generation=-1), NOW)

    for condition in status.conditions:
        kind, reason = ConditionType(condition.type), Reason(condition.reason)
        assert is_allowed(kind, reason, true=condition.is_true), condition
    assert (reach is None and privilege is None) == (kstatus(status) is KStatus.CURRENT)
    assert status == status_of(status, LATER)


def test_a_server_that_is_down_keeps_what_was_known_of_it():
    up = Learned(version="18.4", system_identifier="7", capabilities=("createdb",), databases=2)
    before = build_server_status(DatabaseServerStatus(), up, generation=1, requested_at="", now=NOW)

    down = Learned(reach=errors.Unreachable("down"), databases=3)
    after = build_server_status(before, down, generation=1, requested_at="", now=LATER)

    assert ("18.4", "7", ("createdb",)) == (
        after.version,
        after.system_identifier,
        after.capabilities,
    )
    assert 3 == after.databases

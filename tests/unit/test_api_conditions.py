"""Conditions: how they are set, what kstatus reads, and which reasons there are."""

import inspect
from datetime import UTC, datetime, timedelta

import pytest

from appdb import errors
from appdb.api.conditions import (
    KStatus,
    find_condition,
    kstatus_of,
    remove_condition,
    set_condition,
)
from appdb.api.docs import render_conditions
from appdb.api.reasons import (
    REASONS,
    ConditionType,
    Reason,
    is_allowed,
    source_reason,
    stalled_reason,
)
from support.contract import ROOT

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)

# Design of the contract: what a person must change.
STALLING = {
    "InvalidSpec",
    "ServerNotAllowed",
    "AuthenticationFailed",
    "InsufficientPrivilege",
    "NameConflict",
    "AdoptionRequired",
    "SecretConflict",
    "SourceInvalid",
    "SourceTooLarge",
    "PlanPendingApproval",
    "PlanRejected",
    "DDLFailed",
    "DataConflict",
    "NothingDetected",
    "ExtensionNotAllowed",
    "TLSFailed",
    "ServerChanged",
    "Protected",
    "QuotaDenied",
}


def ready(conditions, status, reason, *, message="", now=NOW, generation=1):
    return set_condition(
        *(conditions, ConditionType.READY, status),
        reason=reason,
        message=message,
        generation=generation,
        now=now,
    )


def with_true(conditions, kind, reason=Reason.PROVISIONING):
    return set_condition(conditions, kind, "True", reason=reason, message="", generation=1, now=NOW)


def test_the_time_moves_with_the_status_only():
    first = ready((), "False", Reason.PROGRESSING, message="one")
    same = ready(first, "False", Reason.SECRET_CONFLICT, message="two", now=LATER, generation=2)
    changed = ready(same, "True", Reason.PROVISIONED, now=LATER)

    assert (NOW, "SecretConflict", "two", 2) == (
        same[0].last_transition_time,
        same[0].reason,
        same[0].message,
        same[0].observed_generation,
    )
    assert LATER == changed[0].last_transition_time


def test_setting_the_same_again_changes_nothing():
    once = ready((), "True", Reason.PROVISIONED)

    assert once == ready(once, "True", Reason.PROVISIONED, now=LATER)


def test_a_message_is_one_line_of_at_most_400_characters():
    message = ready((), "False", Reason.PROGRESSING, message="a\n b" * 500)[0].message

    assert len(message) <= 400
    assert "\n" not in message


def test_the_order_does_not_depend_on_who_came_first():
    kinds = [ConditionType.SCHEMA_SYNCED, ConditionType.READY, ConditionType.SOURCE_READY]
    forward, backward = (), ()
    for kind in kinds:
        forward = with_true(forward, kind)
    for kind in reversed(kinds):
        backward = with_true(backward, kind)

    assert forward == backward
    assert ["Ready", "SourceReady", "SchemaSynced"] == [each.type for each in forward]


def test_a_condition_of_somebody_else_stays():
    foreign = ready((), "True", Reason.PROVISIONED)[0].model_copy(update={"type": "Audited"})

    kept = ready((foreign,), "True", Reason.PROVISIONED)

    assert ["Ready", "Audited"] == [each.type for each in kept]


def test_reconciling_and_stalled_take_each_others_place():
    working = with_true((), ConditionType.RECONCILING)
    stuck = with_true(working, ConditionType.STALLED, Reason.SECRET_CONFLICT)
    again = with_true(stuck, ConditionType.RECONCILING)

    assert ["Stalled"] == [each.type for each in stuck]
    assert ["Reconciling"] == [each.type for each in again]


def test_a_condition_is_removed_by_its_type():
    both = with_true(ready((), "True", Reason.PROVISIONED), ConditionType.RECONCILING)

    left = remove_condition(both, ConditionType.RECONCILING, ConditionType.STALLED)

    assert ["Ready"] == [each.type for each in left]
    assert find_condition(left, ConditionType.RECONCILING) is None


READY = ready((), "True", Reason.PROVISIONED)
NOT_READY = ready((), "False", Reason.PROGRESSING)


@pytest.mark.parametrize(
    ("conditions", "observed", "deleting", "expected"),
    [
        ((), -1, False, KStatus.IN_PROGRESS),
        (READY, 1, False, KStatus.IN_PROGRESS),
        (READY, 2, False, KStatus.CURRENT),
        (READY, 2, True, KStatus.TERMINATING),
        (NOT_READY, 2, False, KStatus.IN_PROGRESS),
        (ready((), "Unknown", Reason.PENDING), 2, False, KStatus.IN_PROGRESS),
        (with_true(READY, ConditionType.RECONCILING), 2, False, KStatus.IN_PROGRESS),
        (with_true(NOT_READY, ConditionType.STALLED), 2, False, KStatus.FAILED),
        (with_true(READY, ConditionType.DRIFTED), 2, False, KStatus.CURRENT),
    ],
)
def test_kstatus_reads_the_state_that_is_meant(conditions, observed, deleting, expected):
    assert expected is kstatus_of(
        conditions, generation=2, observed_generation=observed, is_deleting=deleting
    )


def test_every_reason_has_a_help_text():
    assert list(Reason) == list(REASONS)
    assert [] == [reason for reason, help_ in REASONS.items() if not help_.text.endswith(".")]
    assert [] == [reason for reason, help_ in REASONS.items() if "|" in help_.text]


def test_every_reason_stands_somewhere():
    assert [] == [
        reason for reason, help_ in REASONS.items() if not help_.true_on and not help_.other_on
    ]


def test_a_person_is_called_only_for_what_a_person_must_change():
    assert STALLING == {reason.value for reason, help_ in REASONS.items() if help_.stalls}


def test_every_error_of_ours_shows_as_a_reason_of_the_list():
    classes = [each for _, each in inspect.getmembers(errors, inspect.isclass)]
    reasons = {each.reason for each in classes if issubclass(each, errors.AppDBError)}

    assert set() == reasons - {reason.value for reason in Reason}


@pytest.mark.parametrize(
    ("reason", "stalled"),
    [
        (Reason.INVALID, Reason.SOURCE_INVALID),
        (Reason.PARSE_FAILED, Reason.SOURCE_INVALID),
        (Reason.TOO_LARGE, Reason.SOURCE_TOO_LARGE),
        (Reason.NOTHING_DETECTED, Reason.NOTHING_DETECTED),
        (Reason.TLS_FAILED, Reason.TLS_FAILED),
        (Reason.NOT_FOUND, None),
        (Reason.REVISION_MISMATCH, None),
        (Reason.SERVER_NOT_FOUND, None),
        (Reason.UNREACHABLE, None),
        (Reason.TOO_MANY_CONNECTIONS, None),
        (Reason.LOGIN_FAILED, None),
        (Reason.LOCK_TIMEOUT, None),
        (Reason.SESSIONS_OPEN, None),
    ],
)
def test_stalled_says_it_in_its_own_words_or_not_at_all(reason, stalled):
    assert stalled is stalled_reason(reason)


def test_source_ready_says_it_in_its_own_words():
    assert Reason.INVALID is source_reason(Reason.SOURCE_INVALID)
    assert Reason.TOO_LARGE is source_reason(Reason.SOURCE_TOO_LARGE)
    assert Reason.NOT_FOUND is source_reason(Reason.NOT_FOUND)


@pytest.mark.parametrize(
    ("kind", "reason", "true", "expected"),
    [
        (ConditionType.READY, Reason.PROVISIONED, True, True),
        (ConditionType.READY, Reason.PROVISIONED, False, False),
        (ConditionType.READY, Reason.SECRET_CONFLICT, False, True),
        (ConditionType.STALLED, Reason.UNREACHABLE, True, False),
        (ConditionType.SOURCE_READY, Reason.ANALYZED, True, True),
        (ConditionType.SOURCE_READY, Reason.SECRET_CONFLICT, False, False),
    ],
)
def test_the_contract_says_where_a_reason_may_stand(kind, reason, true, expected):
    assert expected is is_allowed(kind, reason, true=true)


def test_the_page_about_conditions_is_the_generated_one():
    page = (ROOT / "docs" / "conditions.md").read_text(encoding="utf-8")

    assert render_conditions() == page, "run scripts/crds"

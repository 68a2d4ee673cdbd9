"""Tables of when a password changes, which login is next, and what status says of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appdb.api.appdatabase_status import CredentialsStatus
from appdb.api.credentials_spec import RotationSpec
from appdb.cluster.secrets import Mark
from appdb.reconcile.database.rotation import (
    Held,
    Turn,
    credentials_status,
    is_over,
    is_untold,
    new_mark,
    next_moment,
    turn_for,
    turn_of,
    without_previous,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FAR = "99999999999h"


def spec(**fields: str) -> RotationSpec:
    return RotationSpec(**fields)


def known(ago: timedelta = HOUR, trigger: str = "", **more: object) -> CredentialsStatus:
    return CredentialsStatus(last_rotated=NOW - ago, last_trigger=trigger, **more)


@pytest.mark.parametrize(
    ("rotation", "status", "turn"),
    [
        (None, known(), Turn.KEEP),
        (spec(), known(), Turn.KEEP),
        (spec(trigger="a"), None, Turn.KEEP),
        (spec(trigger="a"), CredentialsStatus(), Turn.KEEP),
        (spec(trigger="a"), known(trigger="a"), Turn.KEEP),
        (spec(trigger="a"), known(), Turn.RENEW),
        (spec(trigger="b"), known(trigger="a"), Turn.RENEW),
        (spec(trigger="b", mode="Overlap"), known(trigger="a"), Turn.SWAP),
        (spec(), known(trigger="a"), Turn.KEEP),
        (spec(interval="1h"), known(HOUR), Turn.RENEW),
        (spec(interval="1h", mode="Overlap"), known(HOUR), Turn.SWAP),
        (spec(interval="1h"), known(HOUR - timedelta(seconds=1)), Turn.KEEP),
        (spec(interval="720h"), known(timedelta(days=31)), Turn.RENEW),
        (spec(interval=FAR[:10] + "h"), known(), Turn.KEEP),
        (spec(interval="1h", trigger="a"), known(2 * HOUR, trigger="a"), Turn.RENEW),
        (spec(interval="9h", trigger="b"), known(HOUR, trigger="a"), Turn.RENEW),
    ],
)
def test_a_rotation_is_due_by_trigger_or_by_interval(rotation, status, turn):
    assert turn is turn_of(rotation, status, NOW)


ONE_HOUR = spec(interval="1h")


@pytest.mark.parametrize(
    ("mark", "rotation", "status", "turn"),
    [
        pytest.param(Mark(), ONE_HOUR, known(2 * HOUR), Turn.RENEW, id="never marked"),
        pytest.param(
            Mark(at=NOW, since=NOW - 2 * HOUR),
            ONE_HOUR,
            known(2 * HOUR),
            Turn.KEEP,
            id="killed before status was written",
        ),
        pytest.param(
            Mark(at=NOW, since=NOW - HOUR),
            ONE_HOUR,
            known(5 * HOUR),
            Turn.RENEW,
            id="status was set back by hand",
        ),
        pytest.param(
            Mark(at=NOW - 1.5 * HOUR, since=NOW - 2 * HOUR),
            ONE_HOUR,
            known(2 * HOUR),
            Turn.RENEW,
            id="made for another reason in between",
        ),
        pytest.param(
            Mark(at=NOW, since=NOW - HOUR, trigger="b"),
            spec(trigger="b"),
            known(trigger="a"),
            Turn.KEEP,
            id="the trigger was had, and the process killed",
        ),
        pytest.param(
            Mark(at=NOW, since=NOW - HOUR, trigger="b"),
            spec(trigger="c"),
            known(trigger="a"),
            Turn.RENEW,
            id="another trigger came after the kill",
        ),
        pytest.param(
            Mark(at=NOW + 9 * HOUR, since=NOW - HOUR, trigger="b"),
            spec(trigger="b"),
            known(trigger="a"),
            Turn.RENEW,
            id="a mark from the future is nobody's",
        ),
    ],
)
def test_a_secret_never_has_one_rotation_twice(mark, rotation, status, turn):
    assert turn is turn_for(mark, turn_of(rotation, status, NOW), rotation, status, NOW)


def test_a_first_password_counts_the_trigger_as_handled():
    rotation = spec(trigger="a", interval="2h")
    mark = new_mark(rotation, None, NOW)

    status = credentials_status(rotation, None, Held(mark=mark, is_new=True), NOW)

    assert (NOW, NOW + 2 * HOUR, "a") == (
        status.last_rotated,
        status.next_rotation,
        status.last_trigger,
    )
    assert Turn.KEEP is turn_of(rotation, status, NOW)


def test_a_login_that_was_replaced_has_its_grace_from_the_rotation():
    rotation = spec(trigger="b", mode="Overlap", grace="30m")
    before = known(trigger="a")
    held = Held(mark=new_mark(rotation, before, NOW), is_new=True, previous="shop_user")

    status = credentials_status(rotation, before, held, NOW)

    assert ("shop_user", NOW + HOUR / 2) == (status.previous_login, status.previous_login_until)
    assert not is_over(status, NOW + HOUR / 2 - timedelta(seconds=1))
    assert is_over(status, NOW + HOUR / 2)
    assert without_previous(status).previous_login_until is None


@pytest.mark.parametrize(
    ("grace", "until"),
    [
        (None, NOW + HOUR),
        ("2h", NOW + HOUR),
        ("10m", NOW + timedelta(minutes=10)),
        ("0s", NOW),
        (FAR[:10] + "h", NOW + HOUR),
    ],
)
def test_a_grace_that_has_begun_may_be_shortened_and_never_grows(grace, until):
    before = known(previous_login="old", previous_login_until=NOW + HOUR)
    rotation = spec(**({"grace": grace} if grace else {}))
    held = Held(mark=Mark(at=before.last_rotated), is_new=False)

    status = credentials_status(rotation, before, held, NOW)

    assert ("old", until) == (status.previous_login, status.previous_login_until)
    assert status == credentials_status(rotation, status, held, NOW)


def test_a_grace_without_an_end_that_a_calendar_knows_is_kept_for_ever():
    rotation = spec(trigger="b", mode="Overlap", grace=FAR[:10] + "h")
    held = Held(mark=new_mark(rotation, known(), NOW), is_new=True, previous="old")

    status = credentials_status(rotation, known(), held, NOW)

    assert datetime(9999, 12, 31, tzinfo=UTC) < status.previous_login_until


def test_the_clock_wakes_for_the_rotation_or_for_the_end_of_a_grace():
    status = known(previous_login_until=NOW + 2 * HOUR)

    assert NOW + 2 * HOUR == next_moment(None, status)
    assert NOW + HOUR == next_moment(spec(interval="2h"), status)
    assert next_moment(spec(trigger="a"), known()) is None
    assert next_moment(spec(interval="2h"), None) is None


@given(
    interval=st.sampled_from([None, "1h", "24h"]),
    trigger=st.sampled_from([None, "a", "b"]),
    last_trigger=st.sampled_from(["", "a"]),
    ago=st.timedeltas(timedelta(0), timedelta(days=3)),
)
def test_after_a_rotation_none_is_due_and_a_kill_before_status_repeats_none(
    interval, trigger, last_trigger, ago
):
    fields = {"interval": interval, "trigger": trigger}
    rotation = spec(**{key: value for key, value in fields.items() if value})
    before = known(ago, last_trigger)
    turn = turn_of(rotation, before, NOW)
    mark = new_mark(rotation, before, NOW)

    assert Turn.KEEP is turn_for(mark, turn, rotation, before, NOW)
    held = Held(mark=mark, is_new=True)
    status = credentials_status(rotation, before, held, NOW)
    assert Turn.KEEP is turn_of(rotation, status, NOW)
    assert not is_untold(mark, status, NOW)
    again = credentials_status(rotation, before, replace(held, is_new=False), NOW)
    assert again == status

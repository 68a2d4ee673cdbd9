"""The clock that asks for a full look at objects that nobody changed."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from appdb.reconcile.keys import database_key
from appdb.reconcile.resync import ResyncClock, next_due, phase_of

KEY = database_key("team-a", "shop")
PERIOD = 600.0


def a_clock():
    return ResyncClock(period_of=lambda _key: PERIOD)


@given(st.floats(0, 1e7))
def test_the_next_moment_lies_ahead_and_within_one_period(now):
    assert 0 < next_due(KEY, now=now, period_seconds=PERIOD) - now <= PERIOD + 1e-6


def test_a_thousand_objects_are_spread_over_the_period():
    tenths = Counter(
        int(phase_of(database_key("ns", f"db-{number}"), PERIOD) // (PERIOD / 10))
        for number in range(1000)
    )

    assert set(range(10)) == set(tenths)
    assert 150 > max(tenths.values())


def test_an_object_seen_for_the_first_time_waits_for_its_phase():
    clock = a_clock()

    assert () == clock.due([KEY], now=0)
    assert not clock.is_due(KEY)


def test_an_object_is_asked_for_once_a_period_even_if_nobody_looks():
    clock = a_clock()
    clock.due([KEY], now=0)
    asked = sum(len(clock.due([KEY], now=float(now))) for now in range(0, 3000, 2))

    assert 5 == asked
    assert clock.is_due(KEY)


def test_a_look_settles_what_was_asked_for():
    clock = a_clock()
    clock.due([KEY], now=0)
    clock.due([KEY], now=PERIOD)
    clock.looked(KEY)

    assert not clock.is_due(KEY)


def test_a_forgotten_object_starts_anew():
    clock = a_clock()
    clock.due([KEY], now=0)
    clock.due([KEY], now=PERIOD)
    clock.forget(KEY)

    assert not clock.is_due(KEY)
    assert () == clock.due([KEY], now=2 * PERIOD)

from hypothesis import given, settings
from hypothesis import strategies as st

from appdb.reconcile.keys import database_key
from appdb.reconcile.resync import ResyncClock, next_due, phase_of

KEY = database_key("team-a", "shop")
PERIOD = 600.0


def a_clock(period: float = PERIOD) -> ResyncClock:
    return ResyncClock(period_of=lambda _key: period)


@settings(deadline=None)
@given(st.text(max_size=20), st.floats(0, 1e7), st.floats(1, 1e5))
def test_the_next_moment_is_within_one_period_and_always_at_the_phase(name, now, period):
    key = database_key("n", name)

    due = next_due(key, now=now, period_seconds=period)

    assert now - 1e-3 < due <= now + period + 1e-3
    off = (due - phase_of(key, period)) % period
    assert min(off, period - off) < 1e-3


def test_a_thousand_objects_are_spread_over_the_period():
    phases = [phase_of(database_key("n", f"o{number}"), PERIOD) for number in range(1000)]

    in_each_tenth = [sum(i <= phase // 60 < i + 1 for phase in phases) for i in range(10)]
    assert 1000 == sum(in_each_tenth)
    assert min(in_each_tenth) > 60


def test_a_key_seen_for_the_first_time_is_not_due():
    clock = a_clock()

    assert () == clock.due([KEY], now=5.0)
    assert not clock.is_due(KEY)


def test_a_key_is_due_once_a_period_until_it_was_looked_at():
    clock = a_clock()
    clock.due([KEY], now=0.0)
    moment = next_due(KEY, now=0.0, period_seconds=PERIOD)

    assert (KEY,) == clock.due([KEY], now=moment)
    assert () == clock.due([KEY], now=moment + 1)
    assert clock.is_due(KEY)
    clock.looked(KEY)
    assert not clock.is_due(KEY)
    assert (KEY,) == clock.due([KEY], now=moment + PERIOD)


def test_an_object_that_is_gone_is_forgotten():
    clock = a_clock()
    clock.due([KEY], now=0.0)
    clock.due([KEY], now=2 * PERIOD)

    clock.forget(KEY)

    assert not clock.is_due(KEY)
    assert () == clock.due([KEY], now=4 * PERIOD)


def test_another_period_counts_at_once_and_not_after_the_old_one():
    periods = {KEY: 86_400.0}
    clock = ResyncClock(period_of=periods.__getitem__)
    clock.due([KEY], now=0.0)

    periods[KEY] = 60.0
    assert () == clock.due([KEY], now=1.0)

    moment = next_due(KEY, now=1.0, period_seconds=60.0)
    assert (KEY,) == clock.due([KEY], now=moment)

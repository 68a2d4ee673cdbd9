"""Who may hold several sessions of a server: slow steps never take the last place."""

import pytest

from appdb.errors import WaitsForTurn
from appdb.reconcile.keys import database_key
from appdb.reconcile.turns import Turns

A, B, C = (database_key("team", name) for name in "abc")


def ignored(_key):
    pass


@pytest.mark.parametrize(
    ("limit", "places"), [(3, 1), (4, 1), (5, 1), (6, 2), (8, 3), (16, 7), (64, 31)]
)
def test_sessions_are_left_for_the_scratch_database_and_for_others(limit, places):
    assert places == Turns().applier("main", limit)._value
    assert 2 * places + 1 <= limit


def test_slow_steps_leave_one_place_to_quick_ones():
    turns = Turns()
    with (
        turns.slow("main", 8, A, ignored),
        turns.slow("main", 8, B, ignored),
        pytest.raises(WaitsForTurn, match="2 databases of server main"),
        turns.slow("main", 8, C, ignored),
    ):
        pass


def test_slow_steps_of_another_server_do_not_count():
    turns = Turns()
    with turns.slow("main", 3, A, ignored), turns.slow("other", 3, B, ignored):
        pass


def test_who_waits_is_woken_when_a_place_is_free_and_only_once():
    turns, woken = Turns(), []
    with turns.slow("main", 3, A, woken.append):
        for _ in range(2):
            with pytest.raises(WaitsForTurn), turns.slow("main", 3, B, woken.append):
                pass
    assert [B] == woken

    with turns.slow("main", 3, B, woken.append):
        pass
    assert [B] == woken


def test_a_place_is_free_again_after_a_failure():
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.slow("main", 3, A, ignored):
        raise ZeroDivisionError
    with turns.slow("main", 3, B, ignored):
        pass

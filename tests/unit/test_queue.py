"""The laws of the keyed queue, by example and by property."""

import asyncio
import itertools

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from appdb.reconcile.dispatch import LEAVE, RETRY, Again, Dispatch
from appdb.reconcile.queue import KeyedQueue, Priority


def a_queue(*, limit=100, group_of=lambda _key: "one"):
    return KeyedQueue(group_of=group_of, limit_of=lambda _group: limit, jitter=lambda: 1.0)


def test_a_key_added_twice_runs_once():
    queue = a_queue()
    queue.add("a", now=0)
    queue.add("a", now=1)

    assert "a" == queue.take(now=2)
    assert queue.take(now=2) is None


def test_a_key_added_while_it_runs_runs_exactly_once_more():
    queue = a_queue()
    queue.add("a", now=0)
    queue.take(now=0)
    for _ in range(3):
        queue.add("a", now=1)
    assert queue.take(now=1) is None
    queue.done("a", now=2)

    assert "a" == queue.take(now=2)
    queue.done("a", now=3)
    assert queue.take(now=3) is None


def test_a_change_goes_before_the_round_of_inspection():
    queue = a_queue()
    queue.add("seen", now=0, priority=Priority.RESYNC)
    queue.add("changed", now=1)

    assert ["changed", "seen"] == [queue.take(now=2), queue.take(now=2)]


def test_a_change_lifts_a_key_that_waits_for_inspection():
    queue = a_queue()
    queue.add("a", now=0, priority=Priority.RESYNC)
    queue.add("b", now=0, priority=Priority.RESYNC)
    queue.add("b", now=1)

    assert "b" == queue.take(now=2)


def test_a_full_group_does_not_hold_up_another():
    queue = a_queue(limit=1, group_of=lambda key: key[0])
    for key in ("slow-1", "slow-2", "other"):
        queue.add(key, now=0)

    assert ["slow-1", "other", None] == [queue.take(now=0) for _ in range(3)]


def test_a_delayed_key_runs_when_it_is_due_and_not_before():
    queue = a_queue()
    queue.add_after("a", 5, now=0)

    assert queue.take(now=4.9) is None
    assert "a" == queue.take(now=5)


def test_the_earlier_of_two_delays_counts():
    queue = a_queue()
    queue.add_after("a", 50, now=0)
    queue.add_after("a", 5, now=0)

    assert 5 == queue.next_due()
    assert "a" == queue.take(now=5)
    queue.done("a", now=6)
    assert queue.take(now=60) is None


def test_a_change_overtakes_the_back_off():
    queue = a_queue()
    queue.add_after("a", 300, now=0)
    queue.add("a", now=1)

    assert "a" == queue.take(now=1)
    queue.done("a", now=1)
    assert queue.take(now=400) is None


def test_failures_back_off_from_one_second_to_five_minutes_and_are_forgotten():
    queue = a_queue()

    waits = [queue.back_off("a") for _ in range(12)]
    queue.succeed("a")

    assert [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300] == waits
    assert 1 == queue.back_off("a")


@given(st.lists(st.floats(0, 0.999), min_size=1, max_size=20))
def test_a_back_off_is_never_shorter_than_half_of_its_step(chances):
    source = iter(chances)
    queue = KeyedQueue(group_of=lambda _: "", limit_of=lambda _: 1, jitter=lambda: next(source))

    for n, _ in enumerate(chances):
        step = min(300, 2**n)
        assert step / 2 <= queue.back_off("a") <= step


class QueueMachine(RuleBasedStateMachine):
    """Random adds, takes and ends: no key runs twice at once and no add is lost."""

    def __init__(self):
        super().__init__()
        self.queue = a_queue(limit=2, group_of=lambda key: str(key % 2))
        self.now = 0.0
        self.running = set()
        self.owed = set()

    @rule(key=st.integers(0, 5), priority=st.sampled_from(Priority))
    def add(self, key, priority):
        self.queue.add(key, now=self.now, priority=priority)
        self.owed.add(key)

    @rule(key=st.integers(0, 5), delay=st.floats(0, 10))
    def add_after(self, key, delay):
        self.queue.add_after(key, delay, now=self.now)
        self.owed.add(key)

    @rule()
    def take(self):
        key = self.queue.take(now=self.now)
        if key is None:
            return
        assert key not in self.running
        self.running.add(key)
        if self.queue._delayed.get(key) is None:
            self.owed.discard(key)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def done(self, data):
        key = data.draw(st.sampled_from(sorted(self.running)))
        self.running.remove(key)
        self.queue.done(key, now=self.now)

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds):
        self.now += seconds

    @invariant()
    def groups_stay_within_their_limit(self):
        for group in (0, 1):
            assert 2 >= sum(1 for key in self.running if key % 2 == group)

    def teardown(self):
        for key in list(self.running):
            self.queue.done(key, now=self.now)
        self.now += 100
        seen = set()
        while (key := self.queue.take(now=self.now)) is not None:
            seen.add(key)
            self.queue.done(key, now=self.now)
        assert self.owed <= seen


TestQueueMachine = QueueMachine.TestCase


def a_dispatch(run, **options):
    loop = asyncio.get_running_loop()
    return Dispatch(queue=a_queue(), run=run, clock=loop.time, **options)


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


async def test_an_unforeseen_error_of_one_key_does_not_stop_the_others():
    seen = []

    async def run(key):
        seen.append(key)
        if key == "bad":
            raise ZeroDivisionError
        return LEAVE

    dispatch = a_dispatch(run)
    server = asyncio.create_task(dispatch.serve())
    dispatch.add("bad")
    dispatch.add("good")
    await until(lambda: "good" in seen)

    await dispatch.drain(1)
    await server
    assert dispatch.queue.failing("bad")
    assert not dispatch.queue.failing("good")


async def test_a_run_that_asks_to_be_called_again_is_called_again():
    answers = itertools.chain([Again(after_seconds=0.0), Again(after_seconds=0.0)])
    runs = []

    async def run(key):
        runs.append(key)
        return next(answers, LEAVE)

    dispatch = a_dispatch(run)
    server = asyncio.create_task(dispatch.serve())
    dispatch.add("a")
    await until(lambda: len(runs) == 3)

    await dispatch.drain(1)
    await server


async def test_draining_lets_running_keys_end_and_starts_no_other():
    gate = asyncio.Event()
    ended = []

    async def run(key):
        await gate.wait()
        ended.append(key)
        return LEAVE

    dispatch = a_dispatch(run, width=1)
    server = asyncio.create_task(dispatch.serve())
    dispatch.add("running")
    dispatch.add("waiting")
    await until(lambda: dispatch.queue.waiting() == 1)
    drained = asyncio.create_task(dispatch.drain(10))
    await server
    gate.set()
    await drained

    assert ["running"] == ended


async def test_draining_cancels_what_takes_longer_than_the_grace():
    cancelled = []

    async def run(key):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(key)
            raise
        return RETRY

    dispatch = a_dispatch(run)
    server = asyncio.create_task(dispatch.serve())
    dispatch.add("stuck")
    await until(lambda: dispatch.queue.depth() == 1 and dispatch.queue.waiting() == 0)
    await asyncio.sleep(0)
    await dispatch.drain(0.01)
    await server

    assert ["stuck"] == cancelled


def test_a_run_makes_the_delays_before_it_needless():
    queue = a_queue()
    queue.add("a", now=0)
    queue.add_after("a", 5, now=0)

    assert "a" == queue.take(now=1)
    queue.done("a", now=1)

    assert queue.take(now=10) is None


def test_the_line_of_a_full_group_is_passed_over():
    queue = a_queue(limit=1, group_of=lambda key: key[0])
    for number in range(50):
        queue.add(f"a{number}", now=number)
    queue.add("b0", now=50)

    assert ["a0", "b0", None] == [queue.take(now=60) for _ in range(3)]

"""Elections on a real API server; only the clock is the test's own."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from kubernetes.aio import client

from appdb.cluster.client import Cluster, Json
from appdb.cluster.lease import (
    LEASE_SECONDS,
    RENEW_WITHIN_SECONDS,
    TRY_EVERY_SECONDS,
    Election,
)
from appdb.cluster.resources import LEASES

pytestmark = pytest.mark.cluster


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class LateAnswers(Cluster):
    """The API server, whose answers to writes arrive late by the test's clock."""

    clock: Clock
    late_seconds = 0.0

    async def create(self, *words: Any) -> Json:
        answer = await super().create(*words)
        self.clock.now += self.late_seconds
        return answer

    async def replace(self, *words: Any) -> Json:
        answer = await super().replace(*words)
        self.clock.now += self.late_seconds
        return answer


@pytest.fixture
async def late(login: client.Configuration) -> AsyncIterator[LateAnswers]:
    cluster = LateAnswers(client.ApiClient(configuration=login))
    cluster.clock = Clock()
    yield cluster
    await cluster.close()


def a_candidate(api: Cluster, namespace: str, name: str, clock: Clock) -> Election:
    return Election(
        cluster=api,
        namespace=namespace,
        name="lead",
        identity=name,
        clock=clock,
        wall_clock=lambda: datetime.now(tz=UTC),
    )


async def spec_of(api: Cluster, namespace: str) -> dict:
    live = await api.get(LEASES, namespace, "lead")
    assert live is not None
    return live["spec"]


async def test_the_first_candidate_leads_and_says_so_in_the_lease(api: Cluster, namespace: str):
    first = a_candidate(api, namespace, "first", Clock())

    await first.win()

    assert first.is_leader
    spec = await spec_of(api, namespace)
    assert ("first", LEASE_SECONDS, 0) == (
        spec["holderIdentity"],
        spec["leaseDurationSeconds"],
        spec["leaseTransitions"],
    )


async def test_a_second_candidate_waits_until_the_lease_has_run_out_by_its_own_clock(
    api: Cluster, namespace: str
):
    clock = Clock()
    first, second = (a_candidate(api, namespace, name, clock) for name in ("first", "second"))
    await first.win()

    assert not await second._try()
    clock.now += LEASE_SECONDS - 0.1
    assert not await second._try()
    clock.now += 0.2
    assert await second._try()

    spec = await spec_of(api, namespace)
    assert ("second", 1) == (spec["holderIdentity"], spec["leaseTransitions"])
    assert not await first._try()


async def test_who_waits_asks_again_at_the_moment_at_which_the_lease_runs_out(
    api: Cluster, namespace: str
):
    clock = Clock()
    first, second = (a_candidate(api, namespace, name, clock) for name in ("first", "second"))
    await first.win()
    await second._try()

    assert TRY_EVERY_SECONDS == second._until_next_try()
    clock.now += LEASE_SECONDS - 0.5
    assert not await second._try()
    pause = second._until_next_try()
    assert pytest.approx(0.5) == pause
    clock.now += pause
    assert await second._try()


async def test_a_lease_that_is_renewed_is_not_taken(api: Cluster, namespace: str):
    clock = Clock()
    first, second = (a_candidate(api, namespace, name, clock) for name in ("first", "second"))
    await first.win()
    for _ in range(4):
        assert not await second._try()
        clock.now += 10
        assert await first._try()

    assert not await second._try()
    assert 0 == (await spec_of(api, namespace))["leaseTransitions"]


async def test_a_lease_that_was_given_back_is_taken_at_once(api: Cluster, namespace: str):
    clock = Clock()
    first, second = (a_candidate(api, namespace, name, clock) for name in ("first", "second"))
    await first.win()

    await first.release()

    assert not first.is_leader
    assert await second._try()


async def test_a_stand_by_gives_nothing_back(api: Cluster, namespace: str):
    clock = Clock()
    first, second = (a_candidate(api, namespace, name, clock) for name in ("first", "second"))
    await first.win()
    await second._try()

    await second.release()

    assert "first" == (await spec_of(api, namespace))["holderIdentity"]


async def test_a_leader_whose_lease_was_taken_stops_holding(api: Cluster, namespace: str):
    clock = Clock()
    first, second = (a_candidate(api, namespace, name, clock) for name in ("first", "second"))
    await first.win()
    await second._try()
    clock.now += LEASE_SECONDS + 1
    await second.win()

    async with asyncio.timeout(20):
        await first.hold()

    assert not first.is_leader


async def test_a_leader_that_could_not_renew_in_time_stops_holding(api: Cluster, namespace: str):
    clock = Clock()
    first = a_candidate(api, namespace, "first", clock)
    await first.win()
    clock.now += 11

    async with asyncio.timeout(20):
        await first.hold()

    assert not first.is_leader


async def test_of_candidates_at_one_moment_exactly_one_leads(api: Cluster, namespace: str):
    clock = Clock()
    candidates = [a_candidate(api, namespace, f"c{number}", clock) for number in range(8)]

    await asyncio.gather(*(each._try() for each in candidates))

    leaders = [each.identity for each in candidates if each.is_leader]
    assert 1 == len(leaders)
    assert leaders[0] == (await spec_of(api, namespace))["holderIdentity"]


async def test_the_time_of_a_lease_counts_from_when_it_was_asked_for(
    late: LateAnswers, namespace: str
):
    first = a_candidate(late, namespace, "first", late.clock)
    late.late_seconds = 4.0
    await first.win()

    late.clock.now += RENEW_WITHIN_SECONDS - 4.1
    assert not first.is_overdue()
    late.clock.now += 0.2
    assert first.is_overdue()
    await first._try()
    late.clock.now += RENEW_WITHIN_SECONDS - 4.1
    assert not first.is_overdue()
    late.clock.now += 0.2
    assert first.is_overdue()


async def test_an_answer_that_comes_after_its_time_makes_no_leader(
    late: LateAnswers, namespace: str
):
    first = a_candidate(late, namespace, "first", late.clock)
    late.late_seconds = RENEW_WITHIN_SECONDS

    assert not await first._try()

    assert not first.is_leader
    late.late_seconds = 0.0
    assert await first._try()

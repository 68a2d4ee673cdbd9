"""Laws that hold for any schemas: nothing to do twice, and what is made equals what is declared."""

import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from appdb.plan.plan import Plan
from appdb.plan.policy import Policy, Verdict
from appdb.postgres.inspect import read_catalog
from support.random_schemas import random_rows, random_schema
from support.releases import AUTO, Place, debris, describe, differences, empty

pytestmark = pytest.mark.postgres
some = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
few = settings(some, max_examples=6)
many = settings(some, max_examples=150)


async def with_casts(place: Place, ddl: str) -> Policy:
    """Allow everything, with a cast for each column that needs one."""
    policy = Policy(allow=AUTO)
    plan = await place.plan(ddl, policy)
    casts = {
        str(j.unit.subject): "NULL"
        for j in plan.blocked
        if j.unit.obstacle and j.unit.obstacle.hazard == "cast"
    }
    return replace(policy, casts=casts)


async def becomes_the_other(pair: list[Place], seed: int) -> None:
    live, fresh = pair
    chance = random.Random(seed)
    before, after = random_schema(chance), random_schema(chance)
    await empty(live)
    await empty(fresh)
    await live.release(before)
    policy = await with_casts(live, after)

    plan, outcome = await live.apply(after, policy)

    assert not outcome.failures, (seed, outcome.failures, describe(plan))
    await fresh.release(after)
    wanted, found = await read_catalog(fresh.conn), await read_catalog(live.conn)
    assert [] == differences(wanted, found), (seed, before, after)
    assert 0 == (await live.plan(after, policy)).exit_code, seed


@given(st.integers(0, 10**9))
@some
async def test_a_schema_becomes_any_other(pair18: list[Place], seed: int):
    await becomes_the_other(pair18, seed)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@given(st.integers(0, 10**9))
@many
async def test_many_schemas_become_any_other(pair18: list[Place], seed: int):
    await becomes_the_other(pair18, seed)


def is_still(plan: Plan) -> bool:
    """Nothing runs any more: what is left waits or is blocked."""
    return not any(j.verdict is Verdict.RUNS for j in plan.judged) and not plan.mitigations


async def keeps_its_rows(pair: list[Place], seed: int) -> None:
    live, _ = pair
    chance = random.Random(seed)
    await empty(live)
    first = random_schema(chance)
    await live.release(first)
    await live.run(random_rows(chance, first))
    for _ in range(3):
        before = await live.counts()
        after = random_schema(chance)

        plan, outcome = await live.apply(after)

        assert not outcome.failures, (seed, outcome.failures, describe(plan))
        counts = await live.counts()
        assert before == {name: counts.get(name) for name in before}, seed
        assert [] == debris(await read_catalog(live.conn))
        left = await live.plan(after)
        assert is_still(left), (seed, describe(left))


@given(st.integers(0, 10**9))
@few
async def test_chains_of_releases_keep_every_row(pair18: list[Place], seed: int):
    await keeps_its_rows(pair18, seed)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@given(st.integers(0, 10**9))
@settings(some, max_examples=30)
async def test_many_chains_of_releases_keep_every_row(pair18: list[Place], seed: int):
    await keeps_its_rows(pair18, seed)

"""An approval outlives the process that was carrying it out."""

from collections.abc import Iterator

import psycopg
import pytest

from support.canary import watched_sandbox
from support.planned import await_pending, columns, current, decide, plans, release, shown
from support.sandbox import fresh_namespace
from support.shop import POSTS, PRISMA
from support.team import Team, until

pytestmark = [pytest.mark.faults, pytest.mark.cluster, pytest.mark.slow]

BOTH = PRISMA + POSTS.replace("  title String\n", "  title String\n  note  String?\n")
NEITHER = PRISMA.replace("  name  String?\n", "") + POSTS


@pytest.fixture
def shop(tmp_path) -> Iterator[Team]:
    """A team of a sandbox of its own, whose operator may be killed."""
    with (
        watched_sandbox(tmp_path) as sandbox,
        fresh_namespace(sandbox.control_plane) as name,
    ):
        team = Team(sandbox=sandbox, namespace=name)
        team.apply_source("shop", {"schema.prisma": BOTH})
        team.apply("shop", source={"configMaps": [{"name": "shop"}]})
        team.await_ready("shop")
        yield team


@pytest.mark.timeout(200)
def test_an_approved_plan_that_was_cut_off_goes_on_without_a_second_approval(shop: Team):
    release(shop, NEITHER, lockTimeout="1s")
    plan = await_pending(shop)
    first, second = ("Post", "note"), ("User", "name")
    url = shop.keys("shop")["DATABASE_URL"]

    with psycopg.connect(url) as holder:
        holder.execute(f'LOCK TABLE "{second[0]}" IN ACCESS SHARE MODE')
        decide(shop, plan, "Approved")
        until(lambda: first[1] not in columns(shop, first[0]), say=lambda: shop.tell("shop"))
        shop.sandbox.operator.kill()
        assert ("Approved", "Applying") == shown(plans(shop)[-1])
    shop.sandbox.operator.start()

    shop.await_ready("shop", seconds=60)
    assert second[1] not in columns(shop, second[0])
    assert ("Approved", "Succeeded") == shown(current(shop))
    assert plan["metadata"]["uid"] == current(shop)["metadata"]["uid"]

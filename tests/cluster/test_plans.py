"""SchemaPlans: every change is one, what may hurt waits in one, and a decision is kept."""

import json

import pytest

from appdb.api.names import ANNOTATION_REQUESTED_AT
from support.apiserver import GROUP_PATH
from support.planned import (
    await_pending,
    by_hand,
    columns,
    current,
    decide,
    plans,
    release,
    rows,
    shown,
)
from support.shop import POSTS, PRISMA, PRISMA_HEAD
from support.team import Team, until

pytestmark = pytest.mark.cluster

WITHOUT_NAME = PRISMA.replace("  name  String?\n", "")
WITH_AGE = PRISMA.replace("  name  String?\n", "  name  String?\n  age   Int?\n")


def test_a_safe_change_is_a_plan_that_the_policy_approved(shop: Team):
    release(shop, WITH_AGE)
    done = [("Approved", "Succeeded")]
    until(lambda: [shown(each) for each in plans(shop)] == done, say=lambda: shop.tell("shop"))
    until(lambda: "planRef" in shop.status("shop")["schema"], say=lambda: shop.tell("shop"))

    (plan,) = plans(shop)
    assert "age" in columns(shop)
    assert ("policy", "S", 1) == tuple(
        plan["spec"][key] for key in ("decidedReason", "risk", "stepCount")
    )
    assert plan["spec"]["sourceDigest"] == shop.status("shop")["source"]["digest"]
    assert plan["metadata"]["name"] == shop.status("shop")["schema"]["planRef"]["name"]


def test_a_plan_reads_like_a_review_and_belongs_to_its_database(shop: Team):
    release(shop, WITHOUT_NAME)

    plan = await_pending(shop)
    (step,) = plan["spec"]["steps"]
    assert ("D", ["dropColumn"]) == (step["class"], step["hazards"])
    assert "column has 1 non-null value" == step["evidence"]
    assert "DROP COLUMN" in step["sql"]
    assert "ACCESS EXCLUSIVE" == step["lock"]
    assert {"path": "schema.prisma", "line": 7} == step["origin"]
    assert "destroying data" in plan["spec"]["summary"]
    (owner,) = plan["metadata"]["ownerReferences"]
    assert ("AppDatabase", shop.read("shop")["metadata"]["uid"]) == (owner["kind"], owner["uid"])


def test_an_approved_plan_runs_and_names_who_approved_it(shop: Team):
    release(shop, WITHOUT_NAME)
    plan = await_pending(shop)

    assert 200 == decide(shop, plan, "Approved", "nobody reads it").status
    shop.await_ready("shop")

    after = current(shop)
    assert ["id", "email"] == columns(shop)
    assert ("Approved", "Succeeded") == shown(after)
    assert "reviewer" == after["status"]["decidedBy"]
    assert "PlanApproved" in [reason for reason, _ in shop.events("shop")]
    assert 422 == decide(shop, after, "Rejected").status


def test_a_rejected_plan_keeps_the_old_tables_until_the_source_changes(shop: Team):
    release(shop, WITHOUT_NAME)
    plan = await_pending(shop)

    decide(shop, plan, "Rejected", "the report needs it")
    told = shop.await_says("shop", "Stalled", "True", "PlanRejected")

    assert "the report needs it" in told.message
    assert ("False", "PlanRejected") == shop.says("shop", "Ready")
    release(shop, PRISMA)
    shop.await_ready("shop")
    assert [("Ada",)] == rows(shop, 'SELECT name FROM "User"')
    assert ("Rejected", "Superseded") == shown(plans(shop)[0])


def test_a_tenant_cannot_get_past_a_rejection_by_a_milder_policy_or_the_hash(shop: Team):
    release(shop, WITHOUT_NAME)
    plan = await_pending(shop)
    decide(shop, plan, "Rejected")
    shop.await_says("shop", "Stalled", "True", "PlanRejected")

    shop.apply("shop", schema={"allow": {"dropColumn": "Auto"}})
    shop.request_look("shop")
    shop.apply("shop", schema={"approvedPlan": plan["spec"]["planHash"]})
    shop.request_look("shop")

    assert ("True", "PlanRejected") == shop.says("shop", "Stalled")
    assert "name" in columns(shop)


def test_a_rejection_can_be_taken_back(shop: Team):
    release(shop, WITHOUT_NAME)
    plan = await_pending(shop)
    decide(shop, plan, "Rejected")
    shop.await_says("shop", "Stalled", "True", "PlanRejected")

    decide(shop, plan, "Approved")

    shop.await_ready("shop")
    assert ["id", "email"] == columns(shop)


def test_safe_steps_and_waiting_ones_are_two_plans(shop: Team):
    release(shop, WITHOUT_NAME + POSTS)

    waiting = await_pending(shop)
    done = next(each for each in plans(shop) if each is not waiting and shown(each)[1] != "Pending")
    assert ("Approved", "Succeeded") == shown(done)
    assert ["Post", "User"] == shop.tables("shop")
    assert shop.status("shop")["schema"]["planHash"] == waiting["spec"]["planHash"]
    decide(shop, waiting, "Approved")
    shop.await_ready("shop")
    assert ["id", "email"] == columns(shop)


def test_a_change_by_hand_voids_a_plan_that_waits(shop: Team):
    release(shop, WITHOUT_NAME)
    before = await_pending(shop)

    by_hand(shop, 'ALTER TABLE "User" ADD COLUMN note text')
    shop.apply("shop", schema={"approvedPlan": before["spec"]["planHash"]})
    after = await_pending(shop, beside=before["metadata"]["name"])

    assert "name" in columns(shop)
    assert ("Pending", "Superseded") == shown(plans(shop)[0])
    assert 422 == decide(shop, before, "Approved").status
    decide(shop, after, "Approved")
    shop.await_ready("shop")
    assert ["id", "email", "note"] == columns(shop)


def test_an_approval_in_the_spec_is_used_up_by_its_plan(shop: Team):
    release(shop, WITHOUT_NAME)
    plan = await_pending(shop)
    shop.apply("shop", schema={"approvedPlan": plan["spec"]["planHash"]})
    shop.await_ready("shop")
    release(shop, PRISMA)
    until(lambda: "name" in columns(shop), say=lambda: shop.tell("shop"))
    shop.await_ready("shop")
    by_hand(shop, """UPDATE "User" SET name = 'Grace'""")

    release(shop, WITHOUT_NAME)

    await_pending(shop)
    assert [("Grace",)] == rows(shop, 'SELECT name FROM "User"')


def test_review_shows_even_a_safe_change_before_it_runs(shop: Team):
    release(shop, WITH_AGE, mode="Review")

    plan = await_pending(shop)
    assert "S" == plan["spec"]["risk"]
    assert "age" not in columns(shop)
    decide(shop, plan, "Approved")
    shop.await_ready("shop")
    assert "age" in columns(shop)


def test_a_preview_never_runs_whatever_is_decided(shop: Team):
    release(shop, WITHOUT_NAME, mode="PlanOnly")
    until(
        lambda: shop.says("shop", "SchemaSynced") == ("True", "PlanOnly"),
        say=lambda: shop.tell("shop"),
    )

    plan = current(shop)
    decide(shop, plan, "Approved")
    until(lambda: current(shop)["status"].get("decidedBy") == "reviewer", say=lambda: plans(shop))

    assert "name" in columns(shop)
    assert plan["metadata"]["name"] in (shop.condition("shop", "SchemaSynced") or plan).message


def test_a_plan_that_waits_is_void_where_the_tables_are_no_longer_ours_to_change(shop: Team):
    release(shop, WITHOUT_NAME)
    await_pending(shop)

    shop.apply("shop", schema={"mode": "Off"})
    shop.await_ready("shop")

    assert [("Pending", "Superseded")] == [shown(plan) for plan in plans(shop)]
    assert 0 == shop.status("shop")["schema"].get("pendingSteps", 0)


def test_ten_plans_that_are_over_are_kept(shop: Team):
    names = [f"c{number}" for number in range(12)]
    for number, name in enumerate(names, 1):
        extra = "".join(f"  {each} Int?\n" for each in names[:number])
        release(shop, PRISMA.replace("  name  String?\n", "  name  String?\n" + extra))
        until(lambda name=name: name in columns(shop), say=lambda: shop.tell("shop"))
    until(lambda: len(plans(shop)) == 10, say=lambda: [shown(each) for each in plans(shop)])


def test_a_plan_too_large_for_one_object_has_all_steps_in_a_config_map(shop: Team):
    wide = "".join(
        f"model T{number} {{\n  id Int @id\n  a{number} Int?\n  @@index([a{number}])\n}}\n"
        for number in range(110)
    )
    release(shop, PRISMA + wide, mode="Review")

    plan = await_pending(shop)
    assert plan["spec"]["truncated"]
    assert plan["spec"]["stepCount"] > len(plan["spec"]["steps"])
    path = f"/api/v1/namespaces/{shop.namespace}/configmaps/{plan['metadata']['name']}"
    overflow = shop.api.request("GET", path).body
    assert plan["spec"]["stepCount"] == len(json.loads(overflow["data"]["steps.json"]))
    assert "SchemaPlan" == overflow["metadata"]["ownerReferences"][0]["kind"]


def test_a_look_can_be_asked_for_on_a_plan(shop: Team):
    release(shop, WITHOUT_NAME)
    plan = await_pending(shop)
    path = f"{GROUP_PATH}/namespaces/{shop.namespace}/schemaplans/{plan['metadata']['name']}"

    shop.api.patch(path, {"metadata": {"annotations": {ANNOTATION_REQUESTED_AT: "now"}}})

    until(
        lambda: current(shop)["status"].get("lastHandledReconcileAt") == "now",
        say=lambda: current(shop),
    )


def test_a_plan_that_was_deleted_is_proposed_again(shop: Team):
    release(shop, WITHOUT_NAME)
    plan = await_pending(shop)
    path = f"/apis/appdb.chatbuilds.com/v1alpha1/namespaces/{shop.namespace}/schemaplans"

    shop.api.request("DELETE", f"{path}/{plan['metadata']['name']}")

    def is_another() -> bool:
        return plan["metadata"]["uid"] not in {p["metadata"]["uid"] for p in plans(shop)} and bool(
            plans(shop)
        )

    until(is_another, say=lambda: plans(shop))


def test_a_source_that_goes_to_and_fro_ends_where_it_began_and_loses_nothing(shop: Team):
    for schema in (WITHOUT_NAME, PRISMA, WITHOUT_NAME, PRISMA):
        release(shop, schema)
    shop.await_ready("shop")

    shop.request_look("shop")
    assert [("Ada",)] == rows(shop, 'SELECT name FROM "User"')
    assert ("True", "Provisioned") == shop.says("shop", "Ready")


def test_a_config_map_under_another_name_is_one_change_and_the_old_one_may_go(shop: Team):
    shop.apply_source("shop-8f4k2m", {"schema.prisma": WITH_AGE})
    shop.apply("shop", source={"configMaps": [{"name": "shop-8f4k2m"}]})
    path = f"/api/v1/namespaces/{shop.namespace}/configmaps/shop"
    shop.api.request("DELETE", path)
    shop.await_ready("shop")

    assert [("Approved", "Succeeded")] == [shown(plan) for plan in plans(shop)]
    assert "age" in columns(shop)


def test_several_config_maps_of_one_apply_make_one_plan(team: Team):
    both = {"configMaps": [{"name": "base"}, {"name": "users"}]}
    team.apply_source("base", {"base.prisma": PRISMA_HEAD})
    team.apply_source("users", {"users.prisma": PRISMA.replace(PRISMA_HEAD, "")})
    team.apply("shop", source=both)
    team.await_ready("shop")

    team.apply_source("base", {"base.prisma": PRISMA_HEAD + POSTS})
    team.apply_source("users", {"users.prisma": WITH_AGE.replace(PRISMA_HEAD, "")})
    until(lambda: "Post" in team.tables("shop"), say=lambda: team.tell("shop"))
    team.await_ready("shop")

    assert 1 == len(plans(team))
    assert "age" in columns(team)

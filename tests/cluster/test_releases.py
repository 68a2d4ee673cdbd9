"""Releases of an application on a database with rows: what runs, what waits, what releases it."""

import pytest

from support.planned import columns, release, rows
from support.shop import POSTS, PRISMA, PRISMA_HEAD, PRISMA_TWO, USERS
from support.team import Team, until

pytestmark = pytest.mark.cluster

SOURCE = {"configMaps": [{"name": "shop"}]}
WITHOUT_NAME = PRISMA.replace("  name  String?\n", "")
RENAMED = PRISMA.replace("  name  String?", "  title String?")
REQUIRED = PRISMA.replace("name  String?", "name  String")


def test_a_column_that_leaves_the_source_waits_and_its_values_stay(shop: Team):
    release(shop, WITHOUT_NAME)

    waiting = shop.await_says("shop", "Ready", "False", "PlanPendingApproval")
    assert ("True", "PlanPendingApproval") == shop.says("shop", "Stalled")
    assert shop.status("shop")["schema"]["planHash"] in waiting.message
    assert [("Ada",)] == rows(shop, 'SELECT name FROM "User"')


def test_a_hash_in_the_spec_releases_exactly_that_plan(shop: Team):
    release(shop, WITHOUT_NAME)
    shop.await_says("shop", "Ready", "False", "PlanPendingApproval")
    plan = shop.status("shop")["schema"]["planHash"]

    shop.apply("shop", schema={"approvedPlan": plan})
    shop.await_ready("shop")

    assert ["id", "email"] == columns(shop)
    assert 1 == len(rows(shop, 'SELECT email FROM "User"'))


def test_the_hash_of_another_plan_releases_nothing(shop: Team):
    release(shop, WITHOUT_NAME, approvedPlan=f"sha256:{'0' * 64}")

    shop.await_says("shop", "Ready", "False", "PlanPendingApproval")
    assert "name" in columns(shop)


def test_what_waits_does_not_hold_back_what_is_safe(shop: Team):
    release(shop, WITHOUT_NAME + POSTS)

    shop.await_says("shop", "Ready", "False", "PlanPendingApproval")
    assert ["Post", "User"] == shop.tables("shop")


def test_a_source_that_takes_the_column_back_is_ready_again(shop: Team):
    release(shop, WITHOUT_NAME)
    shop.await_says("shop", "Ready", "False", "PlanPendingApproval")

    release(shop, PRISMA)
    shop.await_ready("shop")

    assert [("Ada",)] == rows(shop, 'SELECT name FROM "User"')


def test_a_declared_rename_keeps_the_values(shop: Team):
    release(shop, RENAMED, renames=[{"table": "User", "column": "name", "to": "title"}])

    until(lambda: "title" in columns(shop), say=lambda: shop.tell("shop"))
    assert [("Ada",)] == rows(shop, 'SELECT title FROM "User"')


def test_rows_that_forbid_a_change_are_told_and_untouched(shop: Team):
    with shop.logged_in("shop") as session:
        session.execute('INSERT INTO "User" (email) VALUES (%s)', ("nameless@b.example",))

    release(shop, REQUIRED)

    told = shop.await_says("shop", "SchemaSynced", "False", "DataConflict")
    assert "1 row" in told.message
    assert "nameless" not in told.message
    assert 2 == len(rows(shop, 'SELECT id FROM "User"'))


def test_a_backfill_in_the_spec_lets_the_same_change_through(shop: Team):
    with shop.logged_in("shop") as session:
        session.execute('INSERT INTO "User" (email) VALUES (%s)', ("nameless@b.example",))

    release(shop, REQUIRED, backfill={"User.name": "'nobody'"})

    names = 'SELECT name FROM "User" ORDER BY id'
    until(lambda: rows(shop, names) == [("Ada",), ("nobody",)], say=lambda: shop.tell("shop"))


def test_a_policy_of_the_spec_lets_a_drop_run_by_itself(shop: Team):
    release(shop, WITHOUT_NAME, allow={"dropColumn": "Auto"})

    until(lambda: columns(shop) == ["id", "email"], say=lambda: shop.tell("shop"))


def test_review_holds_even_the_first_tables_until_their_hash_is_given(team: Team):
    team.apply_source("shop", {"schema.prisma": PRISMA_TWO})
    team.apply("shop", source=SOURCE, schema={"mode": "Review"})
    team.await_says("shop", "Ready", "False", "PlanPendingApproval")

    assert [] == team.tables("shop")
    team.apply("shop", schema={"approvedPlan": team.status("shop")["schema"]["planHash"]})
    team.await_ready("shop")
    assert ["Post", "User"] == team.tables("shop")


def test_plan_only_is_ready_and_changes_nothing(team: Team):
    team.apply_source("shop", {"schema.prisma": PRISMA})
    team.apply("shop", source=SOURCE, schema={"mode": "PlanOnly"})

    team.await_says("shop", "SchemaSynced", "True", "PlanOnly")
    assert [] == team.tables("shop")


def test_the_application_can_neither_read_nor_write_the_ledger(shop: Team):
    query = (
        "SELECT has_schema_privilege('_appdb', 'USAGE'), has_schema_privilege('_appdb', 'CREATE')"
    )

    assert [(False, False)] == rows(shop, query)


def test_a_source_without_its_tables_drops_nothing(shop: Team):
    release(shop, PRISMA_HEAD)

    shop.await_says("shop", "SourceReady", "False", "NothingDetected")
    assert ["User"] == shop.tables("shop")


def test_a_table_made_by_hand_is_left_alone(shop: Team):
    with shop.logged_in("shop") as session:
        session.execute("CREATE TABLE scratchpad (id integer)")

    release(shop, PRISMA_HEAD + USERS + POSTS)
    until(lambda: "Post" in shop.tables("shop"), say=lambda: shop.tell("shop"))

    assert ["Post", "User", "scratchpad"] == shop.tables("shop")

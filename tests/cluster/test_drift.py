"""Tables that somebody changed by hand: noticed, named, and repaired where that is asked for."""

import psycopg
import pytest

from support.planned import by_hand, columns, plans, release, rows, shown
from support.shop import POSTS, PRISMA
from support.team import Team, until

pytestmark = pytest.mark.cluster

HAS_INDEX = "SELECT count(*) FROM pg_indexes WHERE indexname = 'User_email_key'"


def test_drift_is_named_and_leaves_ready_alone(shop: Team):
    by_hand(shop, 'DROP INDEX "User_email_key"')
    shop.request_look("shop")

    told = shop.condition("shop", "Drifted")
    assert told is not None
    assert "User_email_key is missing" in told.message
    assert ("True", "Provisioned") == shop.says("shop", "Ready")
    assert shop.status("shop")["schema"]["drift"]
    assert [(0,)] == rows(shop, HAS_INDEX)
    assert "DriftDetected" in [reason for reason, _ in shop.events("shop")]


def test_drift_that_is_undone_is_no_longer_told(shop: Team):
    by_hand(shop, 'DROP INDEX "User_email_key"')
    shop.request_look("shop")
    assert shop.condition("shop", "Drifted") is not None

    by_hand(shop, 'CREATE UNIQUE INDEX "User_email_key" ON "User" (email)')
    shop.request_look("shop")

    assert shop.condition("shop", "Drifted") is None


def test_drift_after_a_look_that_found_none_is_noticed(shop: Team):
    shop.request_look("shop")
    by_hand(shop, 'DROP INDEX "User_email_key"')

    shop.request_look("shop")

    assert shop.condition("shop", "Drifted") is not None


def test_a_full_look_takes_one_session_of_the_database(shop: Team):
    for _ in range(2):
        shop.request_look("shop")
    before = sessions_so_far(shop)

    shop.request_look("shop")

    until(lambda: sessions_so_far(shop) > before, say=lambda: shop.tell("shop"))
    assert before + 1 == sessions_so_far(shop)


def sessions_so_far(team: Team) -> int:
    """How many sessions of the database have been opened, as the server counts them."""
    query = "SELECT sessions FROM pg_stat_database WHERE datname = %s"
    database = team.status("shop")["database"]["name"]
    with psycopg.connect(team.sandbox.postgres.server.dsn("postgres")) as session:
        row = session.execute(query, (database,)).fetchone()
    assert row is not None
    return int(row[0])


def test_repair_undoes_what_is_safe_to_undo(shop: Team):
    by_hand(shop, 'DROP INDEX "User_email_key"')

    shop.apply("shop", schema={"driftPolicy": "Repair"})
    until(lambda: rows(shop, HAS_INDEX) == [(1,)], say=lambda: shop.tell("shop"))
    shop.await_ready("shop")

    assert shop.condition("shop", "Drifted") is None
    assert ("Approved", "Succeeded") == shown(plans(shop)[-1])


def test_repair_leaves_what_would_lose_values_and_says_so(shop: Team):
    by_hand(shop, 'ALTER TABLE "User" ALTER COLUMN id TYPE bigint')

    shop.apply("shop", schema={"driftPolicy": "Repair"})
    shop.request_look("shop")

    told = shop.condition("shop", "Drifted")
    assert told is not None
    assert "column User.id was changed" in told.message
    assert ("True", "Provisioned") == shop.says("shop", "Ready")
    assert [("bigint",)] == rows(
        shop,
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
        """WHERE attrelid = '"User"'::regclass AND attname = 'id'""",
    )


def test_ignored_drift_is_not_told(shop: Team):
    shop.apply("shop", schema={"driftPolicy": "Ignore"})
    by_hand(shop, 'DROP INDEX "User_email_key"')
    shop.request_look("shop")

    assert shop.condition("shop", "Drifted") is None
    assert [(0,)] == rows(shop, HAS_INDEX)


def test_a_release_beside_drift_changes_only_what_the_source_changed(shop: Team):
    by_hand(shop, 'DROP INDEX "User_email_key"')
    shop.request_look("shop")

    release(shop, PRISMA + POSTS)
    until(lambda: "Post" in shop.tables("shop"), say=lambda: shop.tell("shop"))
    shop.await_ready("shop")
    shop.request_look("shop")

    assert [(0,)] == rows(shop, HAS_INDEX)
    assert shop.condition("shop", "Drifted") is not None


def test_what_somebody_added_by_hand_is_no_drift(shop: Team):
    by_hand(shop, 'ALTER TABLE "User" ADD COLUMN note text', "CREATE TABLE mine (id int)")
    shop.request_look("shop")

    assert shop.condition("shop", "Drifted") is None
    assert "note" in columns(shop)


def test_a_look_at_an_unchanged_object_writes_nothing(shop: Team):
    by_hand(shop, 'DROP INDEX "User_email_key"')
    shop.request_look("shop")
    shop.request_look("shop")
    before = shop.read("shop")

    shop.request_look("shop")

    after = shop.read("shop")
    for live in (before, after):
        live["metadata"].clear()
        live["status"].pop("lastHandledReconcileAt")
    assert before == after

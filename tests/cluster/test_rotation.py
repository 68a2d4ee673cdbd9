"""Passwords change by trigger and by interval, and no application is ever locked out."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from kubernetes.aio import client, config

from appdb.cluster.client import Cluster
from appdb.cluster.resources import SECRETS
from appdb.errors import ConcurrentUpdate
from appdb.local.postgres import EmbeddedPostgres
from support.logins import (
    LONG_AGO,
    credentials,
    keys_of,
    login_roles,
    may_log_in,
    rotate,
    set_credentials,
)
from support.platform import Platform
from support.sandbox import unique_name
from support.team import Team, until

pytestmark = pytest.mark.cluster

OVERLAP = {"mode": "Overlap"}


@pytest.fixture
def shop(team: Team) -> Team:
    """A team whose AppDatabase `shop` is Ready."""
    team.apply("shop")
    team.await_ready("shop")
    return team


def test_a_trigger_that_is_there_at_creation_counts_as_handled(team: Team):
    team.apply("shop", credentials={"rotation": {"trigger": "first"}})
    team.await_ready("shop")
    before = team.keys("shop")

    team.request_look("shop")

    assert before == team.keys("shop")
    assert "first" == credentials(team, "shop")["lastTrigger"]
    assert "nextRotation" not in credentials(team, "shop")


def test_a_trigger_rotates_once_and_open_sessions_live_on(shop: Team):
    before = shop.keys("shop")
    with shop.logged_in("shop") as session:
        rotate(shop, "shop", "one")
        session.execute("CREATE TABLE made_after (id int)")

    after = shop.keys("shop")
    assert (before["username"], True, False) == (
        after["username"],
        may_log_in(after),
        may_log_in(before),
    )
    shop.request_look("shop")
    assert after == shop.keys("shop")
    assert ("True", "Rotated") == shop.says("shop", "CredentialsReady")
    until(
        lambda: "CredentialsRotated" in {reason for reason, _ in shop.events("shop")},
        say=lambda: shop.events("shop"),
    )


def test_an_interval_rotates_when_it_is_over_and_says_when_next(shop: Team):
    shop.apply("shop", credentials={"rotation": {"interval": "1h"}})
    until(lambda: "nextRotation" in credentials(shop, "shop"), say=lambda: shop.tell("shop"))
    before = shop.keys("shop")

    set_credentials(shop, "shop", lastRotated=LONG_AGO)
    shop.request_look("shop")

    after = shop.keys("shop")
    assert before["password"] != after["password"]
    assert may_log_in(after)
    noted = credentials(shop, "shop")
    assert LONG_AGO < noted["lastRotated"] < noted["nextRotation"]


def test_an_overlap_gives_another_login_and_drops_the_old_one_after_the_grace(shop: Team):
    before = shop.keys("shop")
    with shop.logged_in("shop") as session:
        session.execute("CREATE TABLE orders (id int)")
        rotate(shop, "shop", "one", **OVERLAP, grace="1h")
        after, noted = shop.keys("shop"), credentials(shop, "shop")
        assert before["username"] != after["username"]
        assert may_log_in(before) and may_log_in(after)
        assert before["username"] == noted["previousLogin"]
        assert after["username"] == shop.status("shop")["database"]["login"]

        set_credentials(shop, "shop", previousLoginUntil=LONG_AGO)
        shop.request_look("shop")

        assert not may_log_in(before)
        assert [after["username"]] == login_roles(shop, "shop")
        session.execute("INSERT INTO orders VALUES (1)")
    assert "previousLogin" not in credentials(shop, "shop")
    with shop.logged_in("shop") as session:
        assert (1,) == session.execute("SELECT id FROM orders").fetchone()


def test_the_next_overlap_swaps_back(shop: Team):
    first = shop.keys("shop")["username"]
    rotate(shop, "shop", "one", **OVERLAP, grace="0s")
    second = shop.keys("shop")["username"]
    assert [second] == login_roles(shop, "shop")

    rotate(shop, "shop", "two", **OVERLAP, grace="0s")

    assert first == shop.keys("shop")["username"] != second
    assert [first] == login_roles(shop, "shop")
    assert may_log_in(shop.keys("shop"))


def test_a_grace_of_seconds_ends_by_itself(shop: Team):
    before = shop.keys("shop")

    rotate(shop, "shop", "one", **OVERLAP, grace="3s")

    until(lambda: not may_log_in(before), say=lambda: shop.tell("shop"))
    until(lambda: "previousLogin" not in credentials(shop, "shop"), say=lambda: shop.tell("shop"))


def test_a_trigger_during_a_grace_takes_the_oldest_login_at_once(shop: Team):
    first = shop.keys("shop")
    rotate(shop, "shop", "one", **OVERLAP, grace="1h")
    second = shop.keys("shop")

    rotate(shop, "shop", "two", **OVERLAP, grace="1h")

    third = shop.keys("shop")
    assert first["username"] == third["username"]
    assert [False, True, True] == [may_log_in(keys) for keys in (first, second, third)]
    assert second["username"] == credentials(shop, "shop")["previousLogin"]


def test_the_mode_may_change_during_a_grace(shop: Team):
    first = shop.keys("shop")
    rotate(shop, "shop", "one", **OVERLAP, grace="1h")
    second = shop.keys("shop")

    rotate(shop, "shop", "two", mode="InPlace", grace="1h")

    third = shop.keys("shop")
    assert second["username"] == third["username"]
    assert [True, False, True] == [may_log_in(keys) for keys in (first, second, third)]
    assert first["username"] == credentials(shop, "shop")["previousLogin"]


def test_what_the_old_login_owned_goes_to_the_app(shop: Team):
    with shop.logged_in("shop") as session:
        session.execute("SET ROLE none; CREATE TABLE own (id int)")
        session.execute("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC")
        rotate(shop, "shop", "one", **OVERLAP, grace="0s")

    with shop.logged_in("shop") as session:
        session.execute("INSERT INTO own VALUES (1)")
        session.execute("DROP TABLE own")
    assert [shop.keys("shop")["username"]] == login_roles(shop, "shop")


@pytest.mark.parametrize("policy", ["Delete", "Retain"])
def test_an_object_that_goes_during_a_grace(team: Team, policy: str):
    team.apply("shop", deletionPolicy=policy)
    team.await_ready("shop")
    before = team.keys("shop")
    rotate(team, "shop", "one", **OVERLAP, grace="1h")
    after, roles = team.keys("shop"), login_roles(team, "shop")
    database = team.status("shop")["database"]["name"]

    team.delete("shop")
    team.await_gone("shop")

    assert 2 == len(roles)
    with psycopg.connect(team.sandbox.postgres.server.dsn()) as superuser:
        left = superuser.execute(
            "SELECT count(*) FROM pg_roles WHERE starts_with(rolname, %s)", (f"{database}_",)
        ).fetchone()
    if policy == "Delete":
        assert (0,) == left
        return
    team.apply("shop", credentials={"rotation": {"grace": "1h", **OVERLAP}})
    team.await_ready("shop")
    assert after == team.keys("shop")
    assert may_log_in(after) and may_log_in(before)
    assert before["username"] == credentials(team, "shop")["previousLogin"]


def test_while_suspended_nothing_rotates_and_it_is_made_up_for_afterwards(shop: Team):
    before = shop.keys("shop")
    shop.apply("shop", suspend=True, credentials={"rotation": {"trigger": "one"}})
    shop.apply("other")
    shop.await_ready("other")
    assert before == shop.keys("shop")

    shop.apply("shop", suspend=False)

    until(lambda: before != shop.keys("shop"), say=lambda: shop.tell("shop"))
    shop.await_ready("shop")
    assert may_log_in(shop.keys("shop"))


def test_labels_and_template_change_without_a_new_password(shop: Team):
    before = shop.keys("shop")
    rotated_at = credentials(shop, "shop")["lastRotated"]

    shop.apply(
        "shop",
        credentials={"labels": {"tier": "gold"}, "template": {"HOST_ONLY": "{{host}}"}},
    )
    until(lambda: "HOST_ONLY" in shop.keys("shop"), say=lambda: shop.tell("shop"))
    shop.await_ready("shop")

    assert before == {key: v for key, v in shop.keys("shop").items() if key != "HOST_ONLY"}
    assert rotated_at == credentials(shop, "shop")["lastRotated"]


def test_a_secret_that_is_lost_during_a_grace_comes_back_with_a_login_that_works(shop: Team):
    rotate(shop, "shop", "one", **OVERLAP, grace="1h")
    login = shop.keys("shop")["username"]

    shop.api.request("DELETE", f"/api/v1/namespaces/{shop.namespace}/secrets/shop-db")

    until(lambda: shop.secret("shop-db") is not None, say=lambda: shop.tell("shop"))
    until(lambda: may_log_in(keys_of(shop, "shop-db")), say=lambda: shop.tell("shop"))
    assert login == shop.keys("shop")["username"]


def test_a_rotation_waits_for_postgres_and_leaves_the_secret_alone(
    team: Team, platform: Platform, other_postgres: EmbeddedPostgres
):
    with platform.server(other_postgres) as server:
        for name in ("over", "in"):
            team.apply(name, serverRef={"name": server})
            team.await_ready(name)
        before = {name: team.keys(name) for name in ("over", "in")}
        other_postgres.stop(immediately=True)
        team.apply("over", credentials={"rotation": {"trigger": "one", **OVERLAP}})
        team.apply("in", credentials={"rotation": {"trigger": "one"}})
        for name in before:
            team.await_says(name, "ServerReachable", "False", "Unreachable")
        assert before == {name: team.keys(name) for name in before}
        other_postgres.start()

        for name in before:
            team.await_ready(name, seconds=60)
            assert "one" == credentials(team, name)["lastTrigger"]
            assert before[name]["password"] != team.keys(name)["password"]
            assert may_log_in(team.keys(name))


def test_a_rotation_noted_earlier_by_hand_is_taken_up_without_being_asked(shop: Team):
    shop.apply("shop", credentials={"rotation": {"interval": "1h"}})
    until(lambda: "nextRotation" in credentials(shop, "shop"), say=lambda: shop.tell("shop"))
    before = shop.keys("shop")

    set_credentials(shop, "shop", lastRotated=LONG_AGO)

    until(lambda: before != shop.keys("shop"), say=lambda: shop.tell("shop"))


@pytest.mark.parametrize("mode", ["InPlace", "Overlap"])
def test_an_admin_without_the_right_leaves_secret_and_login_as_they_are(
    team: Team, platform: Platform, mode: str
):
    postgres = team.sandbox.postgres
    if postgres.server.version < 16:
        pytest.skip("before 16 CREATEROLE reaches every role")
    with platform.server(postgres) as server:
        team.apply("shop", serverRef={"name": server})
        team.await_ready("shop")
        before = team.keys("shop")
        stranger = postgres.create_admin(unique_name("stranger"))
        platform.write_admin(server, stranger.name, stranger.password)

        team.apply("shop", credentials={"rotation": {"trigger": "one", "mode": mode}})

        found = team.await_says("shop", "DatabaseReady", "False", "InsufficientPrivilege")
        assert f' TO "{stranger.name}"' in found.message
        assert before == team.keys("shop")
        assert may_log_in(before)
        with psycopg.connect(postgres.server.dsn(), autocommit=True) as superuser:
            superuser.execute(found.message.rpartition("superuser: ")[2].encode())
        team.request_look("shop")
        # All that is lacking was told at once.
        team.await_ready("shop")
        assert before != team.keys("shop")
        assert may_log_in(team.keys("shop"))


def test_a_login_of_access_that_cannot_get_in_holds_up_nobody_else(team: Team):
    team.apply("shop", access=[{"name": "report"}])
    team.await_ready("shop")
    login = keys_of(team, "shop-db-report")["username"]
    source = {"inline": {"schema.sql": "CREATE TABLE orders (id int PRIMARY KEY);"}}
    with psycopg.connect(team.sandbox.postgres.server.dsn(), autocommit=True) as superuser:
        superuser.execute(f'ALTER ROLE "{login}" CONNECTION LIMIT 0'.encode())

        team.apply("shop", source=source)

        until(lambda: team.says("shop", "Ready")[0] == "False", say=lambda: team.tell("shop"))
        assert ["orders"] == team.tables("shop")
        superuser.execute(f'ALTER ROLE "{login}" CONNECTION LIMIT -1'.encode())
    team.await_ready("shop")


async def test_of_two_operators_one_gives_out_a_password(shop: Team):
    """The fence: server-side apply at a version that somebody has written over is refused."""
    settings = client.Configuration()
    await config.load_kube_config(
        config_file=str(shop.sandbox.kubeconfig), client_configuration=settings
    )
    cluster = Cluster(client.ApiClient(configuration=settings))
    try:
        stale = shop.secret("shop-db")
        rotate(shop, "shop", "one")
        after = shop.keys("shop")
        body = {
            "metadata": {
                key: stale["metadata"][key] for key in ("name", "namespace", "resourceVersion")
            },
            "data": {"password": stale["data"]["password"]},
        }
        with pytest.raises(ConcurrentUpdate):
            await cluster.apply(SECRETS, body)
    finally:
        await cluster.close()
    assert after == shop.keys("shop")


def test_a_slow_rotation_says_that_it_is_under_way(shop: Team):
    shop.request_look("shop")
    with stopped_sessions(shop):
        shop.apply("shop", credentials={"rotation": {"trigger": "one"}})
        shop.await_says("shop", "Reconciling", "True", "RotatingCredentials")
        assert "True" == shop.says("shop", "Ready")[0]
    until(
        lambda: credentials(shop, "shop").get("lastTrigger") == "one",
        say=lambda: shop.tell("shop"),
    )
    shop.await_ready("shop")
    assert may_log_in(shop.keys("shop"))


@contextmanager
def stopped_sessions(team: Team) -> Iterator[None]:
    """Freeze the server's side of the operator's idle sessions: it takes them for live."""
    with psycopg.connect(team.sandbox.postgres.server.dsn(), autocommit=True) as superuser:
        rows = superuser.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'appdb-operator'"
        ).fetchall()
    for (pid,) in rows:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for (pid,) in rows:
            os.kill(pid, signal.SIGCONT)

"""The Secret is what applications live on: it comes back, and it always logs in."""

import base64
import re

import psycopg
import pytest
from psycopg import sql

from support.team import Json, Team, decoded, until

pytestmark = [pytest.mark.cluster, pytest.mark.security]


@pytest.fixture
def shop(team: Team) -> Team:
    """A team whose AppDatabase `shop` is Ready."""
    team.apply("shop")
    team.await_ready("shop")
    return team


def encoded(**values: str) -> Json:
    return {
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    }


def patch_secret(team: Team, patch: Json) -> None:
    answer = team.api.patch(f"/api/v1/namespaces/{team.namespace}/secrets/shop-db", patch)
    assert answer.status == 200, answer.message


def may_log_in(team: Team) -> bool:
    secret = team.secret("shop-db")
    if secret is None:
        return False
    try:
        with psycopg.connect(decoded(secret).get("DATABASE_URL", "")):
            return True
    except psycopg.OperationalError:
        return False


def test_a_deleted_secret_comes_back_and_logs_in(shop: Team):
    before = shop.secret("shop-db")["metadata"]["uid"]
    shop.api.request("DELETE", f"/api/v1/namespaces/{shop.namespace}/secrets/shop-db")

    until(lambda: shop.secret("shop-db") is not None, say=lambda: shop.tell("shop"))
    assert before != shop.secret("shop-db")["metadata"]["uid"]
    until(lambda: may_log_in(shop), say=lambda: shop.tell("shop"))
    shop.await_ready("shop")
    until(
        lambda: "SecretCreated" in {reason for reason, _ in shop.events("shop")},
        say=lambda: shop.events("shop"),
    )


@pytest.mark.parametrize("key", ["password", "DATABASE_URL", "PGHOST"])
def test_an_edited_key_is_put_back(shop: Team, key: str):
    before = shop.keys("shop")

    patch_secret(shop, encoded(**{key: "edited"}))

    until(lambda: shop.keys("shop") == before, say=lambda: shop.tell("shop"))
    assert may_log_in(shop)


def test_a_removed_key_is_put_back(shop: Team):
    before = shop.keys("shop")

    patch_secret(shop, {"data": {"uri": None, "PGPASSWORD": None}})

    until(lambda: shop.keys("shop") == before, say=lambda: shop.tell("shop"))


def test_keys_labels_and_annotations_of_others_stay(shop: Team):
    foreign = {"metadata": {"labels": {"team": "a"}, "annotations": {"reload": "yes"}}}
    patch_secret(shop, encoded(EXTRA="mine") | foreign)

    shop.request_look("shop")
    patch_secret(shop, encoded(password="edited"))
    until(lambda: shop.keys("shop")["password"] != "edited", say=lambda: shop.tell("shop"))

    assert "mine" == shop.keys("shop")["EXTRA"]
    metadata = shop.secret("shop-db")["metadata"]
    assert "a" == metadata["labels"]["team"]
    assert "yes" == metadata["annotations"]["reload"]


def test_a_password_that_was_changed_in_postgres_is_set_again(shop: Team):
    login = sql.Identifier(shop.keys("shop")["username"])
    with psycopg.connect(shop.sandbox.postgres.server.dsn(), autocommit=True) as superuser:
        superuser.execute(sql.SQL("ALTER ROLE {} PASSWORD 'other'").format(login))
    assert not may_log_in(shop)

    shop.request_look("shop")

    assert may_log_in(shop)
    shop.await_ready("shop")


def test_a_secret_with_all_passwords_lost_gets_a_new_one_that_works(shop: Team):
    before = shop.keys("shop")["password"]
    passwords = ("password", "PGPASSWORD", "uri", "DATABASE_URL")
    patch_secret(shop, encoded(**{key: f"lost {key}" for key in passwords}))

    until(lambda: "lost" not in shop.keys("shop")["password"], say=lambda: shop.tell("shop"))
    assert before != shop.keys("shop")["password"]
    until(lambda: may_log_in(shop), say=lambda: shop.tell("shop"))


def test_what_was_changed_by_hand_in_postgres_is_put_right_at_a_look(shop: Team):
    status = shop.status("shop")["database"]
    names = {key: sql.Identifier(status[key]) for key in ("name", "login")}
    with psycopg.connect(shop.sandbox.postgres.server.dsn(), autocommit=True) as superuser:
        for statement in (
            "GRANT CONNECT ON DATABASE {name} TO PUBLIC",
            "ALTER ROLE {login} CREATEDB",
            "ALTER ROLE {login} NOLOGIN",
            "ALTER ROLE {login} VALID UNTIL '2001-01-01'",
        ):
            superuser.execute(sql.SQL(statement).format(**names))

    shop.request_look("shop")

    assert may_log_in(shop)
    with psycopg.connect(shop.sandbox.postgres.server.dsn()) as superuser:
        powers = superuser.execute(
            "SELECT rolcreatedb, has_database_privilege('public', %s, 'CONNECT') FROM pg_roles"
            " WHERE rolname = %s",
            (status["name"], status["login"]),
        ).fetchone()
    assert (False, False) == powers


def test_template_labels_and_annotations_of_the_spec_are_in_the_secret(team: Team):
    team.apply(
        "shop",
        credentials={
            "labels": {"tier": "gold"},
            "annotations": {"note": "x"},
            "template": {"SPRING_URL": "jdbc:postgresql://{{host}}:{{port}}/{{database}}"},
        },
    )
    team.await_ready("shop")

    keys = team.keys("shop")
    expected = f"jdbc:postgresql://{keys['host']}:{keys['port']}/{keys['database']}"
    assert expected == keys["SPRING_URL"]
    metadata = team.secret("shop-db")["metadata"]
    assert "gold" == metadata["labels"]["tier"]
    assert "x" == metadata["annotations"]["note"]


def test_a_key_that_left_the_template_leaves_the_secret(team: Team):
    team.apply("shop", credentials={"template": {"OLD": "{{host}}"}})
    team.await_ready("shop")

    team.apply("shop", credentials={"template": {"OLD": None, "NEW": "{{port}}"}})

    until(lambda: "NEW" in team.keys("shop"), say=lambda: team.tell("shop"))
    assert "OLD" not in team.keys("shop")


def test_a_secret_that_was_made_immutable_is_told_with_what_to_do(shop: Team):
    patch_secret(shop, {"immutable": True})
    shop.request_look("shop")
    shop.await_ready("shop")
    before = shop.keys("shop")

    rotate_for(shop, "one")

    told = shop.await_says("shop", "CredentialsReady", "False", "SecretConflict")
    assert "immutable" in told.message
    assert "delete it, then it is made again" in told.message
    assert before == shop.keys("shop")
    assert may_log_in(shop)
    delete_secret(shop)
    until(lambda: shop.secret("shop-db") is not None, say=lambda: shop.tell("shop"))
    shop.await_ready("shop")
    assert may_log_in(shop)


def test_a_secret_made_anew_with_another_type_is_told_with_what_to_do(shop: Team):
    live = shop.secret("shop-db")
    copy = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {key: live["metadata"][key] for key in ("name", "labels", "annotations")},
        "data": live["data"],
    }
    shop.sandbox.operator.component.freeze()
    try:
        delete_secret(shop)
        path = f"/api/v1/namespaces/{shop.namespace}/secrets"
        assert 201 == shop.api.create(path, copy).status
    finally:
        shop.sandbox.operator.component.thaw()

    told = shop.await_says("shop", "CredentialsReady", "False", "SecretConflict")

    assert "of the type Opaque" in told.message
    assert "delete it, then it is made again" in told.message
    shop.await_says("shop", "Stalled", "True", "SecretConflict")
    delete_secret(shop)
    shop.await_ready("shop")
    assert may_log_in(shop)


def test_a_secret_that_lost_its_labels_is_told_with_the_command_that_sets_them(shop: Team):
    before = shop.keys("shop")
    labels = shop.secret("shop-db")["metadata"]["labels"]
    patch_secret(shop, {"metadata": {"labels": dict.fromkeys(labels)}})

    told = shop.await_says("shop", "CredentialsReady", "False", "SecretConflict")

    command = re.search(r"run: kubectl (.*?);", told.message)
    assert command is not None, told.message
    shop.sandbox.kubectl(*command[1].split())
    shop.request_look("shop")
    shop.await_ready("shop")
    assert before == shop.keys("shop")


def rotate_for(team: Team, trigger: str) -> None:
    team.apply("shop", credentials={"rotation": {"trigger": trigger}})


def delete_secret(team: Team) -> None:
    team.api.request("DELETE", f"/api/v1/namespaces/{team.namespace}/secrets/shop-db")

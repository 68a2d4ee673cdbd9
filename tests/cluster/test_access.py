"""access[]: more logins to one database, each with a Secret that is healed and rotated too."""

import base64

import psycopg
import pytest

from support.logins import credentials, keys_of, login_roles, may_log_in, rotate
from support.platform import Platform
from support.team import Json, Team, until

pytestmark = pytest.mark.cluster

REPORT = {"name": "report", "role": "Reader"}
ETL = {"name": "etl", "role": "Writer"}


@pytest.fixture
def shop(team: Team) -> Team:
    """A team whose AppDatabase `shop` has a reader and a writer, and a table from before them."""
    team.apply("shop", deletionPolicy="Delete")
    team.await_ready("shop")
    with team.logged_in("shop") as session:
        session.execute("CREATE TABLE orders (id serial, n int)")
    team.apply("shop", access=[REPORT, ETL])
    team.await_ready("shop")
    return team


def secrets_path(team: Team, name: str = "") -> str:
    return f"/api/v1/namespaces/{team.namespace}/secrets{f'/{name}' if name else ''}"


def execute(team: Team, secret: str, statement: str) -> None:
    with psycopg.connect(keys_of(team, secret)["DATABASE_URL"], autocommit=True) as session:
        session.execute(statement.encode())


def all_roles(team: Team, name: str) -> list[str]:
    database = team.status(name)["database"]["name"]
    with psycopg.connect(team.sandbox.postgres.server.dsn()) as superuser:
        rows = superuser.execute(
            "SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s) ORDER BY 1",
            (f"{database}_",),
        ).fetchall()
    return [row[0].removeprefix(f"{database}_") for row in rows]


def test_readers_read_and_writers_write_what_was_there_and_what_comes(shop: Team):
    with shop.logged_in("shop") as session:
        session.execute("CREATE TABLE later (id serial, n int)")

    for table in ("orders", "later"):
        execute(shop, "shop-db-etl", f"INSERT INTO {table} (n) VALUES (1)")
        execute(shop, "shop-db-report", f"SELECT n FROM {table}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            execute(shop, "shop-db-report", f"INSERT INTO {table} (n) VALUES (1)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            execute(shop, "shop-db-etl", f"ALTER TABLE {table} ADD x int")
    assert ["app", "etl", "owner", "report", "ro", "rw", "user"] == all_roles(shop, "shop")


def test_each_secret_has_the_keys_and_words_of_the_applications_own(shop: Team):
    own, secret = shop.secret("shop-db"), shop.secret("shop-db-report")
    database = shop.status("shop")["database"]

    assert set(own["data"]) == set(secret["data"])
    assert own["type"] == secret["type"]
    assert own["metadata"]["ownerReferences"] == secret["metadata"]["ownerReferences"]
    labels = secret["metadata"]["labels"]
    assert own["metadata"]["labels"].items() <= labels.items()
    assert "report" == labels["appdb.chatbuilds.com/access"]
    assert f"{database['name']}_report" == keys_of(shop, "shop-db-report")["username"]
    noted = {each["name"]: each["login"] for each in shop.status("shop")["access"]}
    assert {f"{database['name']}_{name}" for name in ("report", "etl")} == set(noted.values())
    assert f"{database['name']}_ro" == database["readers"]


def test_an_entry_that_is_removed_takes_login_and_secret_along(shop: Team):
    keys = keys_of(shop, "shop-db-report")

    shop.apply("shop", access=[ETL])
    shop.await_ready("shop")

    until(lambda: shop.secret("shop-db-report") is None, say=lambda: shop.tell("shop"))
    assert not may_log_in(keys)
    assert ["app", "etl", "owner", "rw", "user"] == all_roles(shop, "shop")
    assert may_log_in(keys_of(shop, "shop-db-etl"))
    assert ["etl"] == [each["name"] for each in shop.status("shop")["access"]]
    assert "readers" not in shop.status("shop")["database"]
    shop.apply("shop", access=[])
    until(lambda: "access" not in shop.status("shop"), say=lambda: shop.tell("shop"))
    assert ["app", "owner", "user"] == all_roles(shop, "shop")


def test_a_copy_of_a_secret_that_somebody_made_stays(shop: Team):
    original = shop.secret("shop-db-report")
    copy: Json = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "my-copy", "labels": original["metadata"]["labels"]},
        "type": original["type"],
        "data": original["data"],
    }
    assert 201 == shop.api.create(secrets_path(shop), copy).status

    shop.apply("shop", access=[ETL])
    until(lambda: shop.secret("shop-db-report") is None, say=lambda: shop.tell("shop"))

    assert shop.secret("my-copy") is not None


def test_an_edited_secret_is_put_back_and_a_deleted_one_made_again(shop: Team):
    before = keys_of(shop, "shop-db-report")
    edited = {"data": {"password": base64.b64encode(b"edited").decode()}}
    assert 200 == shop.api.patch(secrets_path(shop, "shop-db-report"), edited).status
    until(lambda: before == keys_of(shop, "shop-db-report"), say=lambda: shop.tell("shop"))

    shop.api.request("DELETE", secrets_path(shop, "shop-db-report"))

    until(lambda: shop.secret("shop-db-report") is not None, say=lambda: shop.tell("shop"))
    until(lambda: may_log_in(keys_of(shop, "shop-db-report")), say=lambda: shop.tell("shop"))
    assert not may_log_in(before)


def test_a_password_that_was_changed_in_postgres_is_set_again(shop: Team):
    keys = keys_of(shop, "shop-db-etl")
    with psycopg.connect(shop.sandbox.postgres.server.dsn(), autocommit=True) as superuser:
        superuser.execute(f"ALTER ROLE \"{keys['username']}\" PASSWORD 'other'".encode())

    shop.request_look("shop")

    assert may_log_in(keys)


def test_a_secret_of_somebody_else_is_named_and_not_touched(team: Team):
    body: Json = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "shop-db-report"},
        "stringData": {"mine": "yes"},
    }
    assert 201 == team.api.create(secrets_path(team), body).status

    team.apply("shop", access=[REPORT, ETL])

    found = team.await_says("shop", "CredentialsReady", "False", "SecretConflict")
    assert "shop-db-report" in found.message
    assert ("True", "SecretConflict") == team.says("shop", "Stalled")
    assert {"mine": "yes"} == keys_of(team, "shop-db-report")
    assert may_log_in(team.keys("shop"))
    assert may_log_in(keys_of(team, "shop-db-etl"))
    team.api.request("DELETE", secrets_path(team, "shop-db-report"))
    team.request_look("shop")
    team.await_ready("shop")
    assert may_log_in(keys_of(team, "shop-db-report"))


def test_two_logins_that_want_one_secret_are_told_so(team: Team):
    team.apply("shop", access=[REPORT, ETL | {"secretName": "shop-db-report"}])

    found = team.await_says("shop", "CredentialsReady", "False", "SecretConflict")

    assert "asked for twice" in found.message
    assert keys_of(team, "shop-db-report")["username"].endswith("_report")


def test_a_secret_that_changes_its_name_keeps_its_login(shop: Team):
    before = keys_of(shop, "shop-db-report")

    shop.apply("shop", access=[REPORT | {"secretName": "bi"}, ETL])

    until(lambda: shop.secret("shop-db-report") is None, say=lambda: shop.tell("shop"))
    shop.await_ready("shop")
    assert before == keys_of(shop, "bi")
    assert may_log_in(before)


def test_a_reader_that_becomes_a_writer_may_write(shop: Team):
    shop.apply("shop", access=[REPORT | {"role": "Writer"}, ETL])
    until(lambda: "ro" not in all_roles(shop, "shop"), say=lambda: shop.tell("shop"))
    shop.await_ready("shop")

    execute(shop, "shop-db-report", "INSERT INTO orders (n) VALUES (3)")


@pytest.mark.parametrize("mode", ["InPlace", "Overlap"])
def test_a_rotation_changes_every_login(shop: Team, mode: str):
    names = ("shop-db", "shop-db-report", "shop-db-etl")
    before = [keys_of(shop, name) for name in names]
    with psycopg.connect(before[1]["DATABASE_URL"], autocommit=True) as reader:
        rotate(shop, "shop", "one", mode=mode, grace="0s")
        reader.execute("SELECT * FROM orders")

    after = [keys_of(shop, name) for name in names]
    assert [True] * 3 == [may_log_in(keys) for keys in after]
    assert [False] * 3 == [may_log_in(keys) for keys in before]
    is_same = mode == "InPlace"
    assert [is_same] * 3 == [
        old["username"] == new["username"] for old, new in zip(before, after, strict=True)
    ]
    assert sorted(keys["username"] for keys in after) == login_roles(shop, "shop")
    execute(shop, "shop-db-etl", "INSERT INTO orders (n) VALUES (4)")


def test_in_a_grace_the_old_logins_of_all_work(shop: Team):
    before = [keys_of(shop, name) for name in ("shop-db", "shop-db-report")]
    rotate(shop, "shop", "one", mode="Overlap", grace="1h")

    assert [True, True] == [may_log_in(keys) for keys in before]
    assert before[0]["username"] == credentials(shop, "shop")["previousLogin"]
    assert 6 == len(login_roles(shop, "shop"))
    shop.apply("shop", access=[ETL])
    until(lambda: 4 == len(login_roles(shop, "shop")), say=lambda: shop.tell("shop"))
    assert [True, False] == [may_log_in(keys) for keys in before]


def test_all_goes_with_the_object_unless_it_is_protected(shop: Team):
    prefix = shop.status("shop")["database"]["name"]
    shop.apply("shop", protect=True)
    shop.delete("shop")
    shop.await_says("shop", "Stalled", "True", "Protected")
    assert may_log_in(keys_of(shop, "shop-db-report"))

    shop.apply("shop", protect=False)
    shop.await_gone("shop")

    names = ("shop-db", "shop-db-report", "shop-db-etl")
    assert [None] * 3 == [shop.secret(name) for name in names]
    with psycopg.connect(shop.sandbox.postgres.server.dsn()) as superuser:
        left = superuser.execute(
            "SELECT count(*) FROM pg_roles WHERE starts_with(rolname, %s)", (prefix,)
        ).fetchone()
    assert (0,) == left


def test_access_to_what_the_source_declares(team: Team):
    source = {"schema.sql": "CREATE SCHEMA sales; CREATE TABLE sales.orders (id int);"}
    team.apply("shop", source={"inline": source}, access=[REPORT])
    team.await_ready("shop")
    more = source["schema.sql"] + "CREATE SCHEMA hr; CREATE TABLE hr.people (id int PRIMARY KEY);"

    team.apply("shop", source={"inline": {"schema.sql": more}})
    team.await_ready("shop")

    for table in ("sales.orders", "hr.people"):
        execute(team, "shop-db-report", f"SELECT * FROM {table}")


def test_a_new_password_of_the_admin_is_picked_up(team: Team, platform: Platform):
    postgres = team.sandbox.postgres
    with platform.server(postgres) as server:
        admin = keys_of_admin(platform, server)
        team.apply("shop", serverRef={"name": server})
        team.await_ready("shop")
        with psycopg.connect(postgres.server.dsn(), autocommit=True) as superuser:
            superuser.execute(f"ALTER ROLE \"{admin}\" PASSWORD 'rotated-pw'".encode())
        platform.write_admin(server, admin, "rotated-pw")

        team.apply("next", serverRef={"name": server}, deletionPolicy="Delete")
        team.await_ready("next")
        team.request_look("shop")
        team.await_ready("shop")
        assert ("True", "Connected") == team.says("shop", "ServerReachable")
        for name in ("shop", "next"):
            team.apply(name, deletionPolicy="Delete")
            team.delete(name)
            team.await_gone(name)


def keys_of_admin(platform: Platform, server: str) -> str:
    path = f"/api/v1/namespaces/appdb-system/secrets/{server}-admin"
    found = platform.api.request("GET", path).body
    return base64.b64decode(found["data"]["username"]).decode()

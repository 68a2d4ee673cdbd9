"""Whose a database is, whatever happens to objects, namespaces and clusters: no data is lost."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from appdb.api.names import FINALIZER
from appdb.local.postgres import EmbeddedPostgres
from support.apiserver import GROUP_PATH
from support.platform import Platform
from support.sandbox import unique_name
from support.shop import PRISMA
from support.team import Team, until

pytestmark = [pytest.mark.cluster, pytest.mark.security]

SOURCE = {"configMaps": [{"name": "shop"}]}
OTHER_CLUSTER = "99999999-0000-0000-0000-000000000000"


@pytest.fixture
def neighbour(team: Team) -> Iterator[Team]:
    """The namespace whose objects derive the names of those in ours."""
    name = f"{team.namespace}-b"
    team.sandbox.kubectl("create", "namespace", name)
    yield Team(sandbox=team.sandbox, namespace=name)
    team.sandbox.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


def fill(team: Team, name: str) -> None:
    with team.logged_in(name) as session:
        session.execute("INSERT INTO \"User\" (email) VALUES ('a@example.com')")


def count(team: Team, name: str) -> int:
    with team.logged_in(name) as session:
        return int(session.execute('SELECT count(*) FROM "User"').fetchone()[0])


def a_shop(team: Team, **spec: Any) -> str:
    """Make `shop` with a table and a row; the name of its database."""
    team.apply_source("shop", {"schema.prisma": PRISMA})
    team.apply("shop", source=SOURCE, **spec)
    team.await_ready("shop")
    fill(team, "shop")
    return str(team.status("shop")["database"]["name"])


def restore(team: Team, saved: dict[str, Any]) -> None:
    """Create an object from a backup, as a backup tool does: without uid and status."""
    kept = ("name", "annotations", "labels", "finalizers")
    metadata = {key: value for key, value in saved["metadata"].items() if key in kept}
    body = saved | {"metadata": metadata}
    path = f"{GROUP_PATH}/namespaces/{team.namespace}/appdatabases"
    assert team.api.create(path, body).status == 201


def lose(team: Team, name: str) -> None:
    """Take an object away behind the operator's back; suspended, it does not put itself back."""
    team.patch(name, {"spec": {"suspend": True}, "metadata": {"finalizers": None}})
    team.delete(name)
    team.await_gone(name)


def test_derived_names_that_clash_are_a_conflict_and_the_loser_touches_nothing(
    team: Team, neighbour: Team
):
    neighbour.apply_source("shop", {"schema.prisma": PRISMA})
    neighbour.apply("c", source=SOURCE)
    neighbour.await_ready("c")
    fill(neighbour, "c")

    team.apply("b-c", deletionPolicy="Delete")
    told = team.await_says("b-c", "DatabaseReady", "False", "NameConflict")
    assert f"AppDatabase {neighbour.namespace}/c" in told.message
    assert "databaseName" in told.message
    assert ("True", "NameConflict") == team.says("b-c", "Stalled")
    assert team.secret("b-c-db") is None
    team.delete("b-c")
    team.await_gone("b-c")

    assert 1 == count(neighbour, "c")


def test_the_loser_of_a_clash_may_take_another_name(team: Team, neighbour: Team):
    neighbour.apply("c")
    neighbour.await_ready("c")
    team.apply("b-c")
    team.await_says("b-c", "DatabaseReady", "False", "NameConflict")

    name = unique_name("other")
    team.apply("b-c", databaseName=name)

    team.await_ready("b-c")
    assert name == team.status("b-c")["database"]["name"]


def test_an_object_from_a_backup_without_status_finds_its_data(team: Team):
    database = a_shop(team, deletionPolicy="Delete")
    saved = team.read("shop")
    assert [FINALIZER] == saved["metadata"]["finalizers"]
    lose(team, "shop")

    restore(team, saved)

    team.await_ready("shop")
    assert database == team.status("shop")["database"]["name"]
    assert 1 == count(team, "shop")


def test_names_that_fold_together_in_one_namespace_are_kept_apart_for_good(team: Team):
    """Also for an object that comes back without status when the other one is gone."""
    team.apply_source("shop", {"schema.prisma": PRISMA})
    team.apply("a-b", deletionPolicy="Delete")
    team.await_ready("a-b")
    team.apply("a.b", source=SOURCE)
    team.await_ready("a.b")
    fill(team, "a.b")
    second = team.status("a.b")["database"]["name"]
    saved = team.read("a.b")
    for name in ("a.b", "a-b"):
        team.delete(name)
        team.await_gone(name)

    restore(team, saved)

    team.await_ready("a.b")
    assert second == team.status("a.b")["database"]["name"]
    assert 1 == count(team, "a.b")


def test_a_finalizer_that_was_removed_by_hand_leaves_the_data(team: Team):
    database = a_shop(team, deletionPolicy="Delete")
    lose(team, "shop")

    with psycopg.connect(team.sandbox.postgres.server.dsn(database)) as superuser:
        assert (1,) == superuser.execute('SELECT count(*) FROM "User"').fetchone()


def test_a_clone_with_the_names_of_its_original_is_a_conflict(team: Team):
    database = unique_name("shop")
    a_shop(team, databaseName=database)
    login = team.keys("shop")

    team.apply("copy", databaseName=database, deletionPolicy="Delete")
    team.await_says("copy", "DatabaseReady", "False", "NameConflict")
    team.apply("copy2", credentials={"secretName": "shop-db"}, deletionPolicy="Delete")
    team.await_says("copy2", "CredentialsReady", "False", "SecretConflict")
    for name in ("copy", "copy2"):
        team.delete(name)
        team.await_gone(name)

    assert login == team.keys("shop")
    assert 1 == count(team, "shop")


def test_a_clone_under_a_new_name_has_a_database_of_its_own(team: Team):
    database = a_shop(team)
    saved = team.read("shop")
    saved["metadata"]["name"] = "copy"
    restore(team, saved)

    team.await_ready("copy")

    assert database != team.status("copy")["database"]["name"]
    assert (0, 1) == (count(team, "copy"), count(team, "shop"))


def test_a_namespace_made_again_finds_its_retained_data(team: Team):
    name = unique_name("again")
    other = Team(sandbox=team.sandbox, namespace=name)
    team.sandbox.kubectl("create", "namespace", name)
    a_shop(other)
    old = other.keys("shop")["password"]
    team.sandbox.kubectl("delete", "namespace", name, "--timeout=60s")

    team.sandbox.kubectl("create", "namespace", name)
    other.apply_source("shop", {"schema.prisma": PRISMA})
    other.apply("shop", source=SOURCE)
    other.await_ready("shop")

    assert 1 == count(other, "shop")
    assert old != other.keys("shop")["password"]
    team.sandbox.kubectl("delete", "namespace", name, "--wait=false")


def give_to_another_cluster(postgres: EmbeddedPostgres, database: str) -> None:
    """Rewrite the claims on a database and its roles as another cluster would have made them."""
    found = """
        SELECT 'ROLE', rolname, shobj_description(oid, 'pg_authid') FROM pg_roles
        WHERE shobj_description(oid, 'pg_authid') LIKE %(like)s
        UNION ALL SELECT 'DATABASE', datname, shobj_description(oid, 'pg_database')
        FROM pg_database WHERE datname = %(name)s
    """
    with psycopg.connect(postgres.server.dsn(), autocommit=True) as superuser:
        rows = superuser.execute(found, {"like": f"% database={database} %", "name": database})
        for kind, name, claim in rows.fetchall():
            before, _, after = claim.partition("cluster=")
            text = f"{before}cluster={OTHER_CLUSTER} {after.partition(' ')[2]}"
            comment = sql.SQL("COMMENT ON " + kind + " {} IS {}")
            superuser.execute(comment.format(sql.Identifier(name), sql.Literal(text)))


def test_another_cluster_on_the_server_is_a_conflict_until_its_claims_are_accepted(
    team: Team, platform: Platform, other_postgres: EmbeddedPostgres
):
    with platform.server(other_postgres) as server:
        database = a_shop(team, serverRef={"name": server})
        team.delete("shop")
        team.await_gone("shop")
        give_to_another_cluster(other_postgres, database)
        team.apply("shop", serverRef={"name": server}, source=SOURCE)
        told = team.await_says("shop", "DatabaseReady", "False", "NameConflict")
        assert OTHER_CLUSTER in told.message
        assert "acceptClaimsOf" in told.message

        platform.patch(server, {"spec": {"acceptClaimsOf": [OTHER_CLUSTER]}})

        team.await_ready("shop")
        assert 1 == count(team, "shop")
        more = PRISMA.replace("email ", "nick  String?\n  email ", 1)
        team.apply_source("shop", {"schema.prisma": more})
        until(lambda: "nick" in columns(team), say=lambda: team.tell("shop"))
        assert 2 <= runs_in(other_postgres, database)


def columns(team: Team) -> set[str]:
    query = "SELECT attname FROM pg_attribute WHERE attrelid = '\"User\"'::regclass"
    with team.logged_in("shop") as session:
        return {row[0] for row in session.execute(query)}


def runs_in(postgres: EmbeddedPostgres, database: str) -> int:
    """How many runs the ledger has: those of the old cluster and those of the new one."""
    with psycopg.connect(postgres.server.dsn(database)) as superuser:
        return int(superuser.execute("SELECT count(*) FROM _appdb.runs").fetchone()[0])


def legacy(postgres: EmbeddedPostgres, name: str) -> str:
    """A database that somebody made by hand, with a row; the old owner's DSN."""
    with psycopg.connect(postgres.server.dsn(), autocommit=True) as superuser:
        superuser.execute(f"CREATE ROLE {name}_dba LOGIN PASSWORD 'dba'")
        superuser.execute(f"CREATE DATABASE {name} OWNER {name}_dba TEMPLATE template0")
    dsn = f"postgresql://{name}_dba:dba@{postgres.server.host}:{postgres.server.port}/{name}"
    with psycopg.connect(dsn) as owner:
        owner.execute('CREATE TABLE "User" (id serial PRIMARY KEY, email text)')
        owner.execute("INSERT INTO \"User\" (email) VALUES ('old@example.com')")
    return dsn


def test_adoption_takes_leave_on_both_sides_and_costs_nobody_anything(
    team: Team, platform: Platform, other_postgres: EmbeddedPostgres
):
    admin = other_postgres.create_admin(unique_name("admin"))
    name = unique_name("legacy")
    old = legacy(other_postgres, name)
    with platform.server(other_postgres, admin) as server:
        team.apply("shop", serverRef={"name": server}, databaseName=name)
        team.await_says("shop", "DatabaseReady", "False", "AdoptionRequired")
        team.apply("shop", adopt="IfUnclaimed")
        told = team.await_says("shop", "DatabaseReady", "False", "AdoptionRequired")
        assert "allowAdoption" in told.message

        platform.patch(server, {"spec": {"allowAdoption": True}})
        if other_postgres.server.version >= 16:
            # Before, CREATEROLE reaches the owner too.
            lacking = team.await_says("shop", "DatabaseReady", "False", "InsufficientPrivilege")
            cure = lacking.message.rpartition("superuser: ")[2]
            with psycopg.connect(other_postgres.server.dsn(), autocommit=True) as superuser:
                superuser.execute(cure.encode())
            team.request_look("shop")
        team.await_ready("shop")

        assert ("True", "Adopted") == team.says("shop", "DatabaseReady")
        assert 1 == count(team, "shop")
        with psycopg.connect(old) as owner:
            owner.execute("INSERT INTO \"User\" (email) VALUES ('new@example.com')")
        assert 2 == count(team, "shop")


def test_a_status_that_names_the_winners_database_costs_the_winner_nothing(team: Team):
    """As a backup of status brings it, or a hand: the names in it are another object's."""
    database = a_shop(team)
    login, known = team.keys("shop"), team.status("shop")
    team.apply("loser", suspend=True, deletionPolicy="Delete")
    stolen = {key: known[key] for key in ("database", "server", "binding")}
    path = f"{GROUP_PATH}/namespaces/{team.namespace}/appdatabases/loser/status"
    assert 200 == team.api.patch(path, {"status": stolen}).status

    team.apply("loser", suspend=False)
    team.await_says("loser", "Stalled", "True", "SecretConflict")
    team.delete("loser")
    team.await_gone("loser")

    assert login == team.keys("shop")
    assert 1 == count(team, "shop")
    assert database == team.status("shop")["database"]["name"]


@pytest.mark.parametrize("name", ["_appdb_scratch", "_appdb"])
def test_the_operators_own_names_are_refused_at_admission(team: Team, name: str):
    body = {
        "apiVersion": "appdb.chatbuilds.com/v1alpha1",
        "kind": "AppDatabase",
        "metadata": {"name": "shop"},
        "spec": {"databaseName": name},
    }
    answer = team.api.create(f"{GROUP_PATH}/namespaces/{team.namespace}/appdatabases", body)

    assert 422 == answer.status
    assert "the operator keep these names" in answer.message


@pytest.mark.parametrize("part", ["owner", "role"])
def test_a_role_that_was_renamed_is_told_and_its_name_given_back_is_enough(team: Team, part: str):
    team.apply_source("shop", {"schema.prisma": PRISMA})
    team.apply("shop", source={"configMaps": [{"name": "shop"}]})
    role = team.await_ready("shop")["status"]["database"][part]
    other = unique_name("other")
    with psycopg.connect(team.sandbox.postgres.server.dsn(), autocommit=True) as superuser:
        superuser.execute(f'ALTER ROLE "{role}" RENAME TO "{other}"'.encode())

        team.request_look("shop")

        told = team.await_says("shop", "DatabaseReady", "False", "NameConflict")
        assert f"role {role} of database" in told.message
        team.await_says("shop", "Stalled", "True", "NameConflict")
        superuser.execute(told.message.rpartition("superuser: ")[2].encode())
    team.request_look("shop")
    team.await_ready("shop")
    assert ["User"] == team.tables("shop")

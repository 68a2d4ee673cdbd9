"""The end of an AppDatabase: what stays, what goes, and what stands in the way."""

from contextlib import closing

import psycopg
import pytest
from psycopg import sql

from appdb.api.conditions import KStatus
from appdb.local.manifests import OPERATOR_NAMESPACE
from appdb.local.postgres import EmbeddedPostgres
from support.platform import Platform
from support.sandbox import unique_name
from support.shop import PRISMA
from support.team import Team, decoded, until

pytestmark = [pytest.mark.cluster, pytest.mark.security]


def a_shop(team: Team, **spec: object) -> str:
    """Make `shop` with a table and a row; the name of its database."""
    team.apply_source("shop", {"schema.prisma": PRISMA})
    team.apply("shop", source={"configMaps": [{"name": "shop"}]}, **spec)
    team.await_ready("shop")
    with team.logged_in("shop") as session:
        session.execute("INSERT INTO \"User\" (email) VALUES ('a@example.com')")
    return str(team.status("shop")["database"]["name"])


def names_left(postgres: EmbeddedPostgres, database: str) -> list[str]:
    """The databases and roles that carry a name."""
    query = """
        SELECT datname FROM pg_database WHERE datname = %(name)s
        UNION ALL
        SELECT rolname FROM pg_roles WHERE starts_with(rolname, %(name)s || '_')
        ORDER BY 1
    """
    with psycopg.connect(postgres.server.dsn()) as superuser:
        return [row[0] for row in superuser.execute(query, {"name": database}).fetchall()]


def test_retain_keeps_database_roles_and_secret(team: Team):
    database = a_shop(team)

    team.delete("shop")
    team.await_gone("shop")

    assert 4 == len(names_left(team.sandbox.postgres, database))
    assert team.secret("shop-db") is not None
    with psycopg.connect(team.keys("shop")["DATABASE_URL"]) as session:
        assert (1,) == session.execute('SELECT count(*) FROM "User"').fetchone()
    until(
        lambda: "DatabaseRetained" in {reason for reason, _ in team.events("shop")},
        say=lambda: team.events("shop"),
    )


def test_an_object_made_again_takes_its_retained_database_back(team: Team):
    database = a_shop(team)
    oid = team.status("shop")["database"]["oid"]
    team.delete("shop")
    team.await_gone("shop")

    team.apply("shop", source={"configMaps": [{"name": "shop"}]})
    team.await_ready("shop")

    assert (database, oid) == tuple(team.status("shop")["database"][k] for k in ("name", "oid"))
    with team.logged_in("shop") as session:
        assert (1,) == session.execute('SELECT count(*) FROM "User"').fetchone()


def test_an_object_made_again_without_its_secret_gets_a_login_that_works(team: Team):
    a_shop(team)
    old = team.keys("shop")["password"]
    team.delete("shop")
    team.await_gone("shop")
    team.api.request("DELETE", f"/api/v1/namespaces/{team.namespace}/secrets/shop-db")

    team.apply("shop", source={"configMaps": [{"name": "shop"}]})
    team.await_ready("shop")

    assert old != team.keys("shop")["password"]
    assert ["User"] == team.tables("shop")


def test_delete_drops_everything_even_under_open_sessions(team: Team):
    database = a_shop(team, deletionPolicy="Delete")
    assert team.secret("shop-db")["metadata"]["ownerReferences"][0]["name"] == "shop"
    with closing(psycopg.connect(team.keys("shop")["DATABASE_URL"])) as session:
        session.execute("SELECT 1")

        team.delete("shop")
        team.await_gone("shop")

    assert [] == names_left(team.sandbox.postgres, database)
    until(lambda: team.secret("shop-db") is None, say=lambda: team.secret("shop-db"))
    until(
        lambda: "DatabaseDropped" in {reason for reason, _ in team.events("shop")},
        say=lambda: team.events("shop"),
    )


def test_a_session_that_may_not_be_ended_is_named_and_waited_for(team: Team):
    database = a_shop(team, deletionPolicy="Delete")
    superuser = psycopg.connect(team.sandbox.postgres.server.dsn(database), autocommit=True)
    with closing(superuser):
        team.delete("shop")
        told = team.await_says("shop", "DatabaseReady", "False", "SessionsOpen")
        assert str(superuser.info.backend_pid) in told.message
        assert ("True", "Deprovisioning") == team.says("shop", "Reconciling")
        assert KStatus.TERMINATING is team.kstatus("shop")
        assert database in names_left(team.sandbox.postgres, database)

    team.await_gone("shop")
    assert [] == names_left(team.sandbox.postgres, database)


def test_a_secret_that_is_gone_first_is_not_made_again(team: Team):
    database = a_shop(team, deletionPolicy="Delete")
    team.api.request("DELETE", f"/api/v1/namespaces/{team.namespace}/secrets/shop-db")

    team.delete("shop")
    team.await_gone("shop")

    assert [] == names_left(team.sandbox.postgres, database)
    until(lambda: team.secret("shop-db") is None, say=lambda: team.secret("shop-db"))


def test_a_server_that_is_down_delays_a_drop_until_it_is_up(
    team: Team, platform: Platform, other_postgres: EmbeddedPostgres
):
    with platform.server(other_postgres) as server:
        database = a_shop(team, deletionPolicy="Delete", serverRef={"name": server})
        other_postgres.stop()
        try:
            team.delete("shop")
            told = team.await_says("shop", "ServerReachable", "False", "Unreachable")
            assert "refuses connections" in told.message
            assert 'force-forget="true"' in told.message
            assert ("True", "Deprovisioning") == team.says("shop", "Reconciling")
        finally:
            other_postgres.start()
        team.await_gone("shop", seconds=25)
    assert [] == names_left(other_postgres, database)


def test_retain_needs_no_server(team: Team, platform: Platform, other_postgres: EmbeddedPostgres):
    with platform.server(other_postgres) as server:
        a_shop(team, serverRef={"name": server})
        other_postgres.stop()
        try:
            team.delete("shop")
            team.await_gone("shop", seconds=10)
        finally:
            other_postgres.start()


def test_a_server_that_is_gone_for_good_is_told_and_force_forget_lets_go(
    team: Team, platform: Platform, other_postgres: EmbeddedPostgres
):
    with platform.server(other_postgres) as server:
        database = a_shop(team, deletionPolicy="Delete", serverRef={"name": server})
    team.delete("shop")
    told = team.await_says("shop", "ServerReachable", "False", "ServerNotFound")
    assert 'force-forget="true"' in told.message

    team.annotate("shop", force_forget="true")

    team.await_gone("shop")
    assert database in names_left(other_postgres, database)


def test_a_protected_object_is_not_dropped_until_it_is_unprotected(team: Team):
    database = a_shop(team, deletionPolicy="Delete", protect=True)

    team.delete("shop")
    told = team.await_says("shop", "Stalled", "True", "Protected")
    assert "protect" in told.message
    assert ["User"] == team.tables("shop")
    assert 200 == team.patch("shop", {"spec": {"protect": False}}).status

    team.await_gone("shop")
    assert [] == names_left(team.sandbox.postgres, database)


def test_the_floor_of_the_server_keeps_what_a_team_would_drop(
    team: Team, platform: Platform, other_postgres: EmbeddedPostgres
):
    with platform.server(other_postgres, floor={"deletionPolicy": "Retain"}) as server:
        database = a_shop(team, deletionPolicy="Delete", serverRef={"name": server})
        assert "ownerReferences" not in team.secret("shop-db")["metadata"]

        team.delete("shop")
        team.await_gone("shop")

    assert database in names_left(other_postgres, database)
    assert team.secret("shop-db") is not None


def test_an_object_that_was_never_provisioned_goes_at_once(team: Team):
    team.apply("shop", serverRef={"name": "nowhere-at-all"}, deletionPolicy="Delete")
    team.await_says("shop", "ServerReachable", "False", "ServerNotFound")

    team.delete("shop")

    team.await_gone("shop", seconds=5)


def test_the_loser_of_a_conflict_never_touches_the_winner(team: Team):
    database = unique_name("prize")
    team.apply("winner", databaseName=database)
    team.await_ready("winner")
    team.apply("loser", databaseName=database, deletionPolicy="Delete")
    team.await_says("loser", "DatabaseReady", "False", "NameConflict")

    team.delete("loser")
    team.await_gone("loser")

    assert 4 == len(names_left(team.sandbox.postgres, database))
    with team.logged_in("winner") as session:
        assert (1,) == session.execute("SELECT 1").fetchone()


def test_a_database_whose_claim_was_taken_away_is_not_dropped(team: Team):
    database = a_shop(team, deletionPolicy="Delete")
    owner = team.status("shop")["database"]["owner"]
    with psycopg.connect(team.sandbox.postgres.server.dsn(), autocommit=True) as superuser:
        for kind, name in (("DATABASE", database), ("ROLE", owner)):
            comment = sql.SQL("COMMENT ON " + kind + " {} IS 'not yours'")
            superuser.execute(comment.format(sql.Identifier(name)))

    team.delete("shop")
    told = team.await_says("shop", "DatabaseReady", "False", "ObjectsRemain")

    assert database in told.message
    assert database in names_left(team.sandbox.postgres, database)
    team.annotate("shop", force_forget="true")
    team.await_gone("shop")


def test_a_namespace_goes_with_all_its_databases(team: Team):
    kept = a_shop(team)
    team.apply("gone", deletionPolicy="Delete")
    team.await_ready("gone")
    dropped = str(team.status("gone")["database"]["name"])

    team.sandbox.kubectl("delete", "namespace", team.namespace, "--timeout=60s")

    assert [] == names_left(team.sandbox.postgres, dropped)
    assert kept in names_left(team.sandbox.postgres, kept)


def test_delete_that_became_retain_keeps_the_secret(team: Team):
    a_shop(team, deletionPolicy="Delete")

    team.apply("shop", deletionPolicy="Retain")
    until(
        lambda: not team.secret("shop-db")["metadata"].get("ownerReferences"),
        say=lambda: team.secret("shop-db")["metadata"],
    )
    team.delete("shop")
    team.await_gone("shop")

    assert decoded(team.secret("shop-db"))["DATABASE_URL"]


def test_a_suspended_object_can_be_deleted(team: Team):
    database = a_shop(team, deletionPolicy="Delete")
    team.apply("shop", suspend=True)

    team.delete("shop")
    team.await_gone("shop")

    assert [] == names_left(team.sandbox.postgres, database)


def test_a_foreground_deletion_takes_the_secret_and_the_database(team: Team):
    """Argo CD prunes like this: children first, which nobody makes again."""
    database = a_shop(team, deletionPolicy="Delete")
    body = {"propagationPolicy": "Foreground", "kind": "DeleteOptions", "apiVersion": "v1"}

    team.api.request("DELETE", team._path("shop"), body)
    team.await_gone("shop")

    assert [] == names_left(team.sandbox.postgres, database)
    until(lambda: team.secret("shop-db") is None, say=lambda: team.secret("shop-db"))


def test_an_admin_secret_that_is_gone_first_is_named_and_waited_for(
    team: Team, platform: Platform, other_postgres: EmbeddedPostgres
):
    admin = other_postgres.create_admin(unique_name("admin"))
    with platform.server(other_postgres, admin) as server:
        database = a_shop(team, deletionPolicy="Delete", serverRef={"name": server})
        path = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/secrets/{server}-admin"
        team.api.request("DELETE", path)
        team.delete("shop")
        told = team.await_says("shop", "ServerReachable", "False", "AuthenticationFailed")
        assert f"{server}-admin" in told.message
        assert 'force-forget="true"' in told.message

        platform.write_admin(server, admin.name, admin.password)
        team.await_gone("shop")

    assert [] == names_left(other_postgres, database)


def test_what_its_role_owns_elsewhere_is_named_and_waited_for(team: Team):
    database = a_shop(team, deletionPolicy="Delete")
    role, elsewhere = team.status("shop")["database"]["role"], unique_name("reports")
    dsn = team.sandbox.postgres.server.dsn
    with psycopg.connect(dsn(), autocommit=True) as superuser:
        superuser.execute(f"CREATE DATABASE {elsewhere}")
    with psycopg.connect(dsn(elsewhere), autocommit=True) as superuser:
        superuser.execute("CREATE TABLE precious (id int)")
        superuser.execute(f'ALTER TABLE precious OWNER TO "{role}"')

        team.delete("shop")
        told = team.await_says("shop", "DatabaseReady", "False", "ObjectsRemain")
        assert all(word in told.message for word in (role, elsewhere, "REASSIGN OWNED BY"))
        superuser.execute(f'REASSIGN OWNED BY "{role}" TO CURRENT_USER')
        team.await_gone("shop")

        assert [] == superuser.execute("SELECT id FROM precious").fetchall()
    assert [] == names_left(team.sandbox.postgres, database)


def is_open(team: Team, database: str) -> bool:
    query = "SELECT datallowconn FROM pg_database WHERE datname = %s"
    with psycopg.connect(team.sandbox.postgres.server.dsn()) as superuser:
        return bool(superuser.execute(query, (database,)).fetchone()[0])


def require_kept(team: Team, database: str, login: dict[str, str]) -> None:
    """Secret and door are as before: the garbage collector has had its turn."""
    team.sandbox.kubectl("wait", "--for=delete", "appdb/shop", "-n", team.namespace)
    with psycopg.connect(login["DATABASE_URL"]) as session:
        assert (1,) == session.execute('SELECT count(*) FROM "User"').fetchone()
    until(
        lambda: "DatabaseRetained" in {reason for reason, _ in team.events("shop")},
        say=lambda: team.events("shop"),
    )
    found = team.secret("shop-db")
    assert found is not None
    assert not found["metadata"].get("ownerReferences")
    assert login == decoded(found)


def test_a_drop_that_is_taken_back_by_retain_leaves_secret_and_open_door(team: Team):
    database, login = a_shop(team, deletionPolicy="Delete"), team.keys("shop")
    superuser = psycopg.connect(team.sandbox.postgres.server.dsn(database), autocommit=True)
    with closing(superuser):
        team.delete("shop")
        team.await_says("shop", "DatabaseReady", "False", "SessionsOpen")
        assert not is_open(team, database)

        assert 200 == team.patch("shop", {"spec": {"deletionPolicy": "Retain"}}).status
        team.await_gone("shop")

    require_kept(team, database, login)


def test_protection_that_comes_late_opens_the_door_again(team: Team):
    database = a_shop(team, deletionPolicy="Delete")
    superuser = psycopg.connect(team.sandbox.postgres.server.dsn(database), autocommit=True)
    with closing(superuser):
        team.delete("shop")
        team.await_says("shop", "DatabaseReady", "False", "SessionsOpen")
        team.patch("shop", {"spec": {"protect": True}})
        team.await_says("shop", "Stalled", "True", "Protected")
        assert is_open(team, database)

    team.patch("shop", {"spec": {"protect": False}})
    team.await_gone("shop")
    assert [] == names_left(team.sandbox.postgres, database)


def test_retain_as_the_answer_to_protected_keeps_the_secret(team: Team):
    database = a_shop(team, deletionPolicy="Delete", protect=True)
    login = team.keys("shop")
    team.delete("shop")
    team.await_says("shop", "Stalled", "True", "Protected")

    team.patch("shop", {"spec": {"deletionPolicy": "Retain"}})
    team.await_gone("shop")

    require_kept(team, database, login)


def test_force_forget_keeps_the_secret_of_an_object_with_delete(team: Team):
    database, login = a_shop(team, deletionPolicy="Delete"), team.keys("shop")
    team.annotate("shop", force_forget="true")

    team.delete("shop")
    team.await_gone("shop")

    require_kept(team, database, login)


def test_a_deletion_does_not_wait_for_an_index_that_is_being_built(team: Team):
    database = a_shop(team)
    building = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND state = 'active'"
        " AND query LIKE 'CREATE INDEX CONCURRENTLY%%'"
    )
    dsn = team.sandbox.postgres.server.dsn
    with psycopg.connect(dsn(database)) as writer, psycopg.connect(dsn(), autocommit=True) as look:
        writer.execute("INSERT INTO \"User\" (email) VALUES ('b@example.com')")
        changed = PRISMA.replace("name  String?", "name  String?\n\n  @@index([name])")
        team.apply_source("shop", {"schema.prisma": changed})
        until(lambda: look.execute(building, (database,)).fetchone() == (1,), say=lambda: building)

        team.delete("shop")
        team.await_gone("shop", seconds=10)


def test_a_database_that_was_dropped_by_hand_is_missed_and_not_made_anew(team: Team):
    database = a_shop(team, deletionPolicy="Delete")
    owner = team.status("shop")["database"]["owner"]
    with psycopg.connect(team.sandbox.postgres.server.dsn(), autocommit=True) as superuser:
        name = sql.Identifier(database)
        superuser.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        team.request_look("shop")
        told = team.await_says("shop", "DatabaseReady", "False", "Missing")
        assert all(word in told.message for word in (database, owner, "restore"))
        assert database not in names_left(team.sandbox.postgres, database)

        restored = sql.SQL("CREATE DATABASE {} OWNER {}").format(name, sql.Identifier(owner))
        superuser.execute(restored)
    team.request_look("shop")
    team.await_ready("shop")
    team.delete("shop")
    team.await_gone("shop")
    assert [] == names_left(team.sandbox.postgres, database)

"""Tenants through the whole operator: who may use a server, and whose code runs as whom."""

import psycopg
import pytest

from appdb.api.conditions import KStatus
from appdb.local.postgres import EmbeddedPostgres
from support.apiserver import GROUP_PATH
from support.planned import by_hand, columns, rows
from support.platform import Platform
from support.shop import PRISMA
from support.team import Team, until

pytestmark = [pytest.mark.cluster, pytest.mark.security]

SOURCE = {"configMaps": [{"name": "shop"}]}


def require_untouched(team: Team, before: str) -> None:
    """A revoked database serves on: same Secret, same login, same rows."""
    assert before == team.secret("shop-db")["metadata"]["resourceVersion"]
    assert [("Ada",)] == rows(team, 'SELECT name FROM "User"')


def a_shop_on(team: Team, server: str, **spec: object) -> str:
    """A shop with a row on a server; the version of its Secret."""
    team.apply_source("shop", {"schema.prisma": PRISMA})
    team.apply("shop", serverRef={"name": server}, source=SOURCE, **spec)
    team.await_ready("shop")
    by_hand(team, """INSERT INTO "User" (email, name) VALUES ('a@b.example', 'Ada')""")
    return str(team.secret("shop-db")["metadata"]["resourceVersion"])


def test_a_namespace_that_loses_its_label_is_revoked_politely(
    team: Team, platform: Platform, other_postgres: EmbeddedPostgres
):
    team.sandbox.kubectl("label", "namespace", team.namespace, "tier=gold")
    allowed = {"selector": {"matchLabels": {"tier": "gold"}}}
    with platform.server(other_postgres, allowedNamespaces={"all": False} | allowed) as server:
        before = a_shop_on(team, server)

        team.sandbox.kubectl("label", "namespace", team.namespace, "tier-")
        told = team.await_says("shop", "ServerReachable", "False", "ServerNotAllowed")

        assert all(word in told.message for word in (server, team.namespace, "ask"))
        assert ("True", "ServerNotAllowed") == team.says("shop", "Stalled")
        assert KStatus.FAILED is team.kstatus("shop")
        require_untouched(team, before)
        team.sandbox.kubectl("label", "namespace", team.namespace, "tier=gold")
        team.await_ready("shop")
        require_untouched(team, before)


def test_a_name_taken_off_the_list_is_revoked_politely_and_may_still_be_deleted(
    team: Team, platform: Platform, other_postgres: EmbeddedPostgres
):
    allowed = {"names": [team.namespace]}
    with platform.server(other_postgres, allowedNamespaces=allowed) as server:
        before = a_shop_on(team, server, deletionPolicy="Delete")
        database = team.status("shop")["database"]["name"]

        platform.patch(server, {"spec": {"allowedNamespaces": {"names": ["elsewhere"]}}})
        team.await_says("shop", "ServerReachable", "False", "ServerNotAllowed")
        require_untouched(team, before)
        team.delete("shop")
        team.await_gone("shop")

    with psycopg.connect(other_postgres.server.dsn()) as superuser:
        query = "SELECT FROM pg_database WHERE datname = %s"
        assert [] == superuser.execute(query, (database,)).fetchall()


@pytest.mark.parametrize(
    "spec",
    [
        {"host": "evil.example"},
        {"serverRef": {"name": "local", "namespace": "other"}},
        {"serverRef": {"name": "local", "host": "evil.example"}},
        {"adminSecretRef": {"name": "appdb-admin"}},
        {"superuser": True},
        {"access": [{"name": "a", "role": "Superuser"}]},
        {"source": {"configMaps": [{"name": "shop", "namespace": "other"}]}},
        {"credentials": {"secretName": "x", "namespace": "other"}},
    ],
    ids=str,
)
def test_a_tenant_names_a_server_and_nothing_of_another_namespace(team: Team, spec: object):
    body = {
        "apiVersion": "appdb.chatbuilds.com/v1alpha1",
        "kind": "AppDatabase",
        "metadata": {"name": "shop"},
        "spec": spec,
    }
    path = f"{GROUP_PATH}/namespaces/{team.namespace}/appdatabases?fieldValidation=Strict"

    answer = team.api.create(path, body)

    assert answer.status in {400, 422}, answer.message


# A volatile function may not write when it is taken for immutable, but one that it calls may.
TRAPS = (
    "CREATE TABLE caught (who text, login text)",
    "GRANT ALL ON caught TO PUBLIC",
    (
        "CREATE FUNCTION note() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO"
        " public.caught VALUES (current_user, session_user); RETURN true; END $$"
    ),
    (
        "CREATE FUNCTION spy(text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN public.note(); END $$"
    ),
    (
        "CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM public.note(); RETURN NEW; END $$"
    ),
    'ALTER TABLE "User" ADD CONSTRAINT looked CHECK (spy(email))',
    'CREATE INDEX seen ON "User" ((spy(email))) WHERE spy(name)',
    "CREATE DOMAIN watched AS text CHECK (spy(VALUE))",
    'ALTER TABLE "User" ADD COLUMN mine watched DEFAULT note()::text',
    'ALTER TABLE "User" ADD COLUMN made boolean GENERATED ALWAYS AS (spy(email)) STORED',
    'CREATE TRIGGER fired BEFORE INSERT OR UPDATE ON "User" FOR EACH ROW EXECUTE FUNCTION fire()',
    (
        "CREATE FUNCTION eq(text, text) RETURNS boolean LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM public.note(); RETURN pg_catalog.texteq($1, $2); END $$"
    ),
    "CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.eq)",
    "TRUNCATE caught",
)


def test_code_planted_on_tables_that_the_engine_changes_runs_as_the_tenant(shop: Team):
    by_hand(shop, *TRAPS)
    status = shop.status("shop")["database"]

    shop.apply("shop", schema={"backfill": {"User.nick": "lower(email)"}})
    changed = PRISMA.replace("name  String?", "name  String?\n  nick  String\n\n  @@index([nick])")
    shop.apply_source("shop", {"schema.prisma": changed})
    until(lambda: "nick" in columns(shop), say=lambda: shop.tell("shop"))
    shop.request_look("shop")
    shop.await_ready("shop")

    caught = rows(shop, "SELECT DISTINCT who, login FROM caught")
    assert [(status["role"], status["login"])] == caught

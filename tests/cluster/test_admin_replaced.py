"""Another admin takes a server over: one statement is all that a person has to run."""

from collections.abc import Iterator

import psycopg
import pytest

from appdb.local.postgres import EmbeddedPostgres
from appdb.local.postgres import Login as Admin
from appdb.local.sandbox import Sandbox
from support.platform import Platform
from support.sandbox import fresh_namespace, unique_name
from support.shop import PRISMA, PRISMA_TWO
from support.team import Team, until

pytestmark = [pytest.mark.cluster, pytest.mark.security]

SOURCE = {"configMaps": [{"name": "shop"}]}
NAMES = ("one", "two")
PRISMA_WIDER = PRISMA.replace("name  String?", "name  String?\n  nick  String?")


@pytest.fixture(params=[18, pytest.param(15, marks=pytest.mark.slow)], ids="pg{}".format)
def postgres(request: pytest.FixtureRequest, running_sandbox: Sandbox) -> EmbeddedPostgres:
    """The sandbox's own, and one on which CREATEROLE reaches every role."""
    if request.param == 18:
        return running_sandbox.postgres
    server: EmbeddedPostgres = request.getfixturevalue("postgres15")
    return server


@pytest.fixture
def team(running_sandbox: Sandbox) -> Iterator[Team]:
    with fresh_namespace(running_sandbox.control_plane) as name:
        yield Team(sandbox=running_sandbox, namespace=name)


@pytest.fixture
def first(postgres: EmbeddedPostgres) -> Admin:
    return postgres.create_admin(unique_name("first"))


@pytest.fixture
def successor(postgres: EmbeddedPostgres) -> Admin:
    return postgres.create_admin(unique_name("second"))


def migrated(team: Team, server: str, source: str, columns: int) -> None:
    """Bring all databases to a source, by the migration engine."""
    team.apply_source("shop", {"schema.prisma": source})
    for name in NAMES:
        team.apply(name, serverRef={"name": server}, source=SOURCE, deletionPolicy="Delete")
    for name in NAMES:
        until(
            lambda name=name: team.status(name).get("schema", {}).get("columns") == columns,
            say=lambda name=name: team.tell(name),
        )
        team.await_ready(name)


def cures(team: Team) -> set[str]:
    """The statements that the conditions of all databases ask for."""
    messages = [each.message for name in NAMES for each in team.conditions(name)]
    found = [text.rpartition("superuser")[2].partition(": ")[2] for text in messages]
    return {text for text in found if text}


def test_one_statement_gives_a_successor_all_that_its_predecessor_made(
    running_sandbox: Sandbox, team: Team, postgres: EmbeddedPostgres, first: Admin, successor: Admin
):
    platform = Platform(sandbox=running_sandbox)
    with platform.server(postgres, first) as server:
        migrated(team, server, PRISMA, 3)
        migrated(team, server, PRISMA_WIDER, 4)
        platform.write_admin(server, successor.name, successor.password)
        team.apply_source("shop", {"schema.prisma": PRISMA_TWO.replace("name  ", "nick  ")})
        for name in NAMES:
            team.await_says(name, "Stalled", "True", "InsufficientPrivilege")

        (cure,) = cures(team)
        with psycopg.connect(postgres.server.dsn(), autocommit=True) as superuser:
            superuser.execute(cure.encode())
        for name in NAMES:
            team.request_look(name)
            team.apply(name, credentials={"rotation": {"trigger": "one", "mode": "Overlap"}})

        migrated(team, server, PRISMA_TWO.replace("String?", "String?\n  nick  String?"), 6)
        require_no_membership(postgres, successor)
        for name in NAMES:
            team.delete(name)
            team.await_gone(name)
        with psycopg.connect(postgres.server.dsn()) as superuser:
            left = "SELECT count(*) FROM pg_roles WHERE starts_with(rolname, %s)"
            assert (0,) == superuser.execute(left, (f"{team.namespace}_",)).fetchone()


def require_no_membership(postgres: EmbeddedPostgres, admin: Admin) -> None:
    """It is in its predecessor, and in no role of an application."""
    query = """
    SELECT DISTINCT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
    WHERE m.member = %s::regrole AND NOT r.rolcreaterole
    AND coalesce((to_jsonb(m) ->> 'inherit_option')::bool, true)
    """
    with psycopg.connect(postgres.server.dsn()) as superuser:
        assert [] == superuser.execute(query, (admin.name,)).fetchall()


def test_another_clusters_admin_on_the_server_gets_a_scratch_database_of_its_own(
    running_sandbox: Sandbox, team: Team, postgres: EmbeddedPostgres, first: Admin, successor: Admin
):
    platform = Platform(sandbox=running_sandbox)
    with platform.server(postgres, first) as one, platform.server(postgres, successor) as other:
        team.apply_source("shop", {"schema.prisma": PRISMA})
        for name, server in zip(NAMES, (one, other), strict=True):
            team.apply(name, serverRef={"name": server}, source=SOURCE)
            team.await_ready(name)

        team.apply_source("shop", {"schema.prisma": PRISMA_WIDER})

        for name in NAMES:
            until(
                lambda name=name: team.status(name)["schema"].get("columns") == 4,
                say=lambda name=name: team.tell(name),
            )

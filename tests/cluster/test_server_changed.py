"""Another Postgres cluster answers under a known address: nothing is written until confirmed."""

from collections.abc import Iterator

import psycopg
import pytest

from appdb.api.names import ANNOTATION_ACCEPT_SERVER
from appdb.local.postgres import EmbeddedPostgres
from support.canary import watched_neighbour
from support.platform import Platform
from support.sandbox import unique_name
from support.shop import PRISMA
from support.team import Team, until

pytestmark = [pytest.mark.cluster, pytest.mark.security]


@pytest.fixture(scope="module")
def third_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with watched_neighbour(tmp_path_factory.mktemp("third")) as postgres:
        yield postgres


@pytest.fixture
def swapped(
    team: Team,
    platform: Platform,
    other_postgres: EmbeddedPostgres,
    third_postgres: EmbeddedPostgres,
) -> Iterator[str]:
    """A server with a Ready AppDatabase `shop`, behind which the cluster has been swapped."""
    with platform.server(other_postgres) as server:
        team.apply_source("shop", {"schema.prisma": PRISMA})
        team.apply("shop", serverRef={"name": server}, source={"configMaps": [{"name": "shop"}]})
        team.await_ready("shop")
        platform.await_says(server, "Ready", "True", "Connected")
        admin = third_postgres.create_admin(unique_name("admin"))
        platform.write_admin(server, admin.name, admin.password)
        platform.patch(server, {"spec": {"port": third_postgres.server.port}})
        yield server


def identifier_of(postgres: EmbeddedPostgres) -> str:
    query = "SELECT system_identifier::text FROM pg_control_system()"
    with psycopg.connect(postgres.server.dsn()) as superuser:
        return str(superuser.execute(query).fetchone()[0])


def databases_of(postgres: EmbeddedPostgres, namespace: str) -> list[str]:
    query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY 1"
    with psycopg.connect(postgres.server.dsn()) as superuser:
        return [row[0] for row in superuser.execute(query, (f"{namespace}_",)).fetchall()]


def test_nothing_is_written_to_a_cluster_that_nobody_confirmed(
    team: Team, platform: Platform, swapped: str, third_postgres: EmbeddedPostgres
):
    before = team.secret("shop-db")["metadata"]["resourceVersion"]

    told = platform.await_says(swapped, "Reachable", "False", "ServerChanged")
    team.await_says("shop", "ServerReachable", "False", "ServerChanged")

    found = identifier_of(third_postgres)
    assert f'{ANNOTATION_ACCEPT_SERVER}="{found}"' in told.message
    assert ("True", "ServerChanged") == team.says("shop", "Stalled")
    assert ("True", "ServerChanged") == platform.says(swapped, "Stalled")
    assert [] == databases_of(third_postgres, team.namespace)
    assert before == team.secret("shop-db")["metadata"]["resourceVersion"]


def test_new_objects_wait_too(
    team: Team, platform: Platform, swapped: str, third_postgres: EmbeddedPostgres
):
    platform.await_says(swapped, "Reachable", "False", "ServerChanged")

    team.apply("fresh", serverRef={"name": swapped})

    team.await_says("fresh", "Stalled", "True", "ServerChanged")
    assert [] == databases_of(third_postgres, team.namespace)
    assert team.secret("fresh-db") is None


def test_a_confirmed_cluster_is_provisioned_anew(
    team: Team, platform: Platform, swapped: str, third_postgres: EmbeddedPostgres
):
    platform.await_says(swapped, "Reachable", "False", "ServerChanged")
    found = identifier_of(third_postgres)

    platform.patch(swapped, {"metadata": {"annotations": {ANNOTATION_ACCEPT_SERVER: found}}})

    platform.await_says(swapped, "Ready", "True", "Connected")
    until(
        lambda: team.status("shop")["server"]["systemIdentifier"] == found,
        say=lambda: team.tell("shop"),
    )
    team.await_ready("shop")
    assert ["User"] == team.tables("shop")
    assert str(third_postgres.server.port) == team.keys("shop")["port"]


def test_a_confirmation_of_another_cluster_is_none(
    team: Team, platform: Platform, swapped: str, third_postgres: EmbeddedPostgres
):
    platform.patch(swapped, {"metadata": {"annotations": {ANNOTATION_ACCEPT_SERVER: "1"}}})

    team.await_says("shop", "ServerReachable", "False", "ServerChanged")
    assert [] == databases_of(third_postgres, team.namespace)

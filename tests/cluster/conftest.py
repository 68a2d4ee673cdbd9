from collections.abc import AsyncIterator, Iterator

import pytest
from kubernetes.aio import client, config

from appdb.cluster.client import Cluster
from appdb.local.controlplane import ControlPlane
from appdb.local.postgres import EmbeddedPostgres
from appdb.local.sandbox import Sandbox
from support.canary import watched_neighbour
from support.planned import by_hand
from support.platform import Platform
from support.sandbox import fresh_namespace
from support.shop import PRISMA
from support.team import Team


@pytest.fixture(scope="module")
def module_namespace(running_sandbox: Sandbox) -> Iterator[str]:
    """A namespace of the running sandbox for one file."""
    with fresh_namespace(running_sandbox.control_plane) as name:
        yield name


@pytest.fixture
def team(running_sandbox: Sandbox, sandbox_namespace: str) -> Team:
    """A namespace of its own on the running sandbox."""
    return Team(sandbox=running_sandbox, namespace=sandbox_namespace)


@pytest.fixture
def platform(running_sandbox: Sandbox) -> Platform:
    """The platform team of the running sandbox."""
    return Platform(sandbox=running_sandbox)


@pytest.fixture(scope="module")
def other_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A second Postgres that tests of one file may stop, and must start again."""
    with watched_neighbour(tmp_path_factory.mktemp("other")) as postgres:
        yield postgres


@pytest.fixture
def shop(team: Team) -> Team:
    """A team whose database has one user with a name."""
    team.apply_source("shop", {"schema.prisma": PRISMA})
    team.apply("shop", source={"configMaps": [{"name": "shop"}]})
    team.await_ready("shop")
    by_hand(team, """INSERT INTO "User" (email, name) VALUES ('a@b.example', 'Ada')""")
    return team


@pytest.fixture
async def login(control_plane: ControlPlane) -> client.Configuration:
    """cluster-admin's way in, as the operator's client takes it."""
    settings = client.Configuration()
    await config.load_kube_config(
        config_file=str(control_plane.kubeconfig), client_configuration=settings
    )
    return settings


@pytest.fixture
async def api(login: client.Configuration) -> AsyncIterator[Cluster]:
    """cluster-admin, as the operator talks to the API server."""
    cluster = Cluster(client.ApiClient(configuration=login))
    yield cluster
    await cluster.close()

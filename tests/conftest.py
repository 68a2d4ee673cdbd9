"""Session-wide real parts. A part that this machine cannot have skips its tests, saying why."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from appdb.local.binaries import ensure_binaries
from appdb.local.controlplane import ControlPlane
from appdb.local.manifests import install_manifests
from appdb.local.postgres import EmbeddedPostgres, Login
from appdb.local.sandbox import Options, Sandbox
from support import sandbox
from support.canary import watched_postgres, watched_sandbox

CLUSTER_FIXTURES = frozenset({"control_plane", "cluster", "running_sandbox"})


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what is missing before the first test, whose time-out is far shorter than a build."""
    if session.config.option.collectonly:
        return
    if any(_needs_cluster(item) for item in session.items):
        ensure_binaries(report=session.config.get_terminal_writer().line)


def _needs_cluster(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(CLUSTER_FIXTURES & fixtures) or item.get_closest_marker("cluster") is not None


# CI repeats what was seen before it was merged; chance looks further at everybody's desk.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


def _postgres(version: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    reason = sandbox.missing_postgres(version)
    if reason:
        pytest.skip(reason)
    with watched_postgres(tmp_path_factory.mktemp(f"pg{version}"), version) as postgres:
        yield postgres


@pytest.fixture(scope="session")
def postgres18(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    yield from _postgres(18, tmp_path_factory)


@pytest.fixture(scope="session")
def postgres16(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    yield from _postgres(16, tmp_path_factory)


@pytest.fixture(scope="session")
def postgres15(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    yield from _postgres(15, tmp_path_factory)


# Every day the newest; the others are of the slow tier, which CI runs too.
_VERSIONS = [18, *(pytest.param(version, marks=pytest.mark.slow) for version in (16, 15))]


@pytest.fixture(scope="session", params=_VERSIONS, ids="pg{}".format)
def postgres(request: pytest.FixtureRequest) -> EmbeddedPostgres:
    """Every version in turn; a version that is not installed is skipped."""
    server: EmbeddedPostgres = request.getfixturevalue(f"postgres{request.param}")
    return server


@pytest.fixture
def database(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The superuser's DSN of an empty database, on every version in turn."""
    with sandbox.fresh_database(postgres) as dsn:
        yield dsn


@pytest.fixture
def database18(postgres18: EmbeddedPostgres) -> Iterator[str]:
    """The superuser's DSN of an empty database on the newest version."""
    with sandbox.fresh_database(postgres18) as dsn:
        yield dsn


@pytest.fixture
def admin(postgres: EmbeddedPostgres) -> Login:
    """A non-superuser admin of its own, on every version in turn."""
    return sandbox.fresh_admin(postgres)


@pytest.fixture
def admin18(postgres18: EmbeddedPostgres) -> Login:
    """A non-superuser admin of its own on the newest version."""
    return sandbox.fresh_admin(postgres18)


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real API server with audit log, shared by the session; see `namespace`."""
    with ControlPlane(tmp_path_factory.mktemp("cluster"), audits=True) as running:
        yield running


@pytest.fixture(scope="session")
def cluster(control_plane: ControlPlane) -> ControlPlane:
    """The control plane with our kinds, roles and ServiceAccount, as they are shipped."""
    install_manifests(control_plane.kubectl)
    return control_plane


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Control plane, Postgres and the operator, shared by the session; do not break it."""
    options = Options(audits=True, logs_statements=True)
    with watched_sandbox(tmp_path_factory.mktemp("sandbox"), options) as running:
        yield running


@pytest.fixture
def sandbox_namespace(running_sandbox: Sandbox) -> Iterator[str]:
    """A namespace of the running sandbox that no other test uses."""
    with sandbox.fresh_namespace(running_sandbox.control_plane) as name:
        yield name


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A namespace that no other test uses."""
    with sandbox.fresh_namespace(control_plane) as name:
        yield name

"""Taking the operator away never wedges a namespace for good, and costs no data."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from appdb.local.sandbox import Sandbox
from support.canary import watched_sandbox
from support.pages import programs, run_script, script_of
from support.shop import PRISMA
from support.team import Team, until

pytestmark = [pytest.mark.cluster, pytest.mark.security]

PAGE = "docs/operations.md"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/appdatabases.appdb.chatbuilds.com"


def blocks() -> tuple[str, str]:
    """The commands with the operator there, and those without."""
    whole = script_of(PAGE, "Uninstall")
    start = whole.index("kubectl get appdb -A -o jsonpath")
    return whole[:start], whole[start:]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox whose operator and kinds may be taken away."""
    with watched_sandbox(tmp_path / "sandbox") as sandbox:
        yield sandbox


@pytest.fixture
def shop(own: Sandbox) -> Team:
    team = Team(sandbox=own, namespace="team-a")
    own.kubectl("create", "namespace", "team-a")
    apply_shop(team)
    team.apply("other", deletionPolicy="Delete")
    team.await_ready("other")
    with team.logged_in("shop") as session:
        session.execute("INSERT INTO \"User\" (email) VALUES ('a@example.com')")
    return team


def apply_shop(team: Team) -> None:
    team.apply_source("shop", {"schema.prisma": PRISMA})
    team.apply("shop", source={"configMaps": [{"name": "shop"}]})
    team.await_ready("shop")


def run(sandbox: Sandbox, folder: Path, script: str) -> None:
    path = programs(folder / "bin", kubectl=sandbox.control_plane.binaries.kubectl)
    run_script(script, folder, {"KUBECONFIG": str(sandbox.kubeconfig), "PATH": path})


def databases(sandbox: Sandbox) -> set[str]:
    with psycopg.connect(sandbox.postgres.server.dsn()) as superuser:
        query = "SELECT datname FROM pg_database WHERE datname LIKE 'team%'"
        return {row[0] for row in superuser.execute(query)}


def test_objects_that_go_first_leave_what_they_retain(shop: Team, own: Sandbox, tmp_path: Path):
    run(own, tmp_path, blocks()[0])

    assert {"team_a_shop"} == databases(own)
    own.operator.stop()
    own.kubectl("delete", "namespace", "team-a", "--timeout=60s")


@pytest.mark.slow
def test_a_namespace_that_waits_for_an_operator_that_is_gone_is_let_go(
    shop: Team, own: Sandbox, tmp_path: Path
):
    own.operator.stop()
    own.kubectl("delete", "namespace", "team-a", "--wait=false")
    own.kubectl("delete", "crd", "appdatabases.appdb.chatbuilds.com", "--wait=false")
    until(
        lambda: "deletionTimestamp" in shop.read("shop")["metadata"], say=lambda: shop.read("shop")
    )
    assert shop.exists("shop")

    run(own, tmp_path, blocks()[1])

    own.kubectl("wait", "--for=delete", "namespace/team-a", "--timeout=60s")
    until(lambda: shop.api.request("GET", CRD).status == 404, say=lambda: "the CRD is still there")
    assert {"team_a_shop", "team_a_other"} == databases(own)
    own.start()
    own.kubectl("create", "namespace", "team-a")
    apply_shop(shop)
    with shop.logged_in("shop") as session:
        assert (1,) == session.execute('SELECT count(*) FROM "User"').fetchone()

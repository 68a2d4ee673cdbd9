"""A spec that the operator cannot read, which only a loosened CRD lets through."""

import json
from collections.abc import Iterator

import pytest

from appdb.api.conditions import KStatus
from appdb.local.sandbox import Sandbox
from appdb.local.waiting import wait_until
from support.canary import watched_sandbox
from support.sandbox import fresh_namespace
from support.team import Team, until

pytestmark = pytest.mark.cluster

CRD = "appdatabases.appdb.chatbuilds.com"


@pytest.fixture(scope="module")
def loosened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose API server takes anything for the spec of an AppDatabase."""
    with watched_sandbox(tmp_path_factory.mktemp("loosened")) as sandbox:
        crd = json.loads(sandbox.kubectl("get", "crd", CRD, "-o", "json"))
        version = crd["spec"]["versions"][0]
        schema = version["schema"]["openAPIV3Schema"]
        schema["properties"]["spec"] = {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
        }
        schema.pop("x-kubernetes-validations", None)
        version.pop("selectableFields", None)
        sandbox.kubectl("replace", "-f", "-", stdin=json.dumps(crd))
        yield sandbox


@pytest.fixture
def team(loosened: Sandbox) -> Iterator[Team]:
    with fresh_namespace(loosened.control_plane) as name:
        yield Team(sandbox=loosened, namespace=name)


def break_spec(team: Team, name: str) -> None:
    """Make a Ready object unreadable; the loosened schema is in force a moment later."""
    assert wait_until(
        lambda: team.patch(name, {"spec": {"limits": {"connections": "many"}}}).status == 200,
        timeout_seconds=30,
        interval_seconds=0.2,
    )


def test_it_is_told_by_the_field_and_the_process_lives(team: Team):
    team.apply("shop")
    team.await_ready("shop")

    break_spec(team, "shop")

    told = team.await_says("shop", "Stalled", "True", "InvalidSpec")
    assert "spec.limits.connections" in told.message
    assert KStatus.FAILED is team.kstatus("shop")
    team.apply("other")
    team.await_ready("other")
    team.apply("shop", limits={"connections": 5})
    team.await_ready("shop")


def test_it_can_be_deleted_where_nothing_is_to_be_dropped(team: Team):
    team.apply("shop")
    team.await_ready("shop")
    break_spec(team, "shop")
    team.await_says("shop", "Stalled", "True", "InvalidSpec")

    team.delete("shop")

    team.await_gone("shop")
    assert team.secret("shop-db") is not None


def test_it_is_not_dropped_before_it_can_be_read(team: Team):
    team.apply("shop", deletionPolicy="Delete")
    team.await_ready("shop")
    break_spec(team, "shop")
    team.await_says("shop", "Stalled", "True", "InvalidSpec")

    team.delete("shop")
    until(lambda: team.kstatus("shop") is KStatus.TERMINATING, say=lambda: team.tell("shop"))
    with team.logged_in("shop") as session:
        session.execute("SELECT 1")
    team.annotate("shop", force_forget="true")

    team.await_gone("shop")

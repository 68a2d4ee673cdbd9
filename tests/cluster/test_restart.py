"""What a new process makes of what the one before left, and of what changed in between."""

import json
from collections.abc import Iterator

import pytest

from appdb.local.audit import mark_end, read_requests
from appdb.local.manifests import OPERATOR_NAMESPACE, SERVICE_ACCOUNT
from appdb.local.sandbox import Options, Sandbox
from appdb.local.waiting import pause
from support.canary import watched_sandbox
from support.logins import LONG_AGO, may_log_in, set_credentials
from support.sandbox import fresh_namespace
from support.shop import PRISMA, PRISMA_TWO
from support.team import Team, until

pytestmark = pytest.mark.cluster

OPERATOR = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{SERVICE_ACCOUNT}"
OBJECTS = 12
# Lists of five kinds by us and of six by kopf, discovery, the Lease, the server's own look.
LISTS_AND_DISCOVERY = 40
LABELLED = {"selector": {"matchLabels": {"tier": "one"}}}
NEVER_DUE = {"resync": "24h"}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose operator these tests stop and start."""
    with watched_sandbox(tmp_path_factory.mktemp("restart"), Options(audits=True)) as sandbox:
        patch_server(sandbox, NEVER_DUE)
        yield sandbox


@pytest.fixture(scope="module")
def left(own: Sandbox) -> Iterator[Team]:
    """Databases that are Ready, each with a source of its own."""
    with fresh_namespace(own.control_plane) as name:
        team = Team(sandbox=own, namespace=name)
        for number in range(OBJECTS):
            team.apply_source(f"code{number}", {"schema.prisma": PRISMA})
            team.apply(f"shop{number}", source={"configMaps": [{"name": f"code{number}"}]})
        for number in range(OBJECTS):
            team.await_ready(f"shop{number}")
        yield team


@pytest.fixture
def asleep(own: Sandbox, left: Team) -> Iterator[Team]:
    """The same while no operator runs; one does again at the end."""
    own.operator.stop()
    yield left
    if not own.operator.is_running:
        own.operator.start()


def patch_server(sandbox: Sandbox, spec: dict) -> None:
    sandbox.kubectl("patch", "dbsrv", "local", "--type=merge", "-p", json.dumps({"spec": spec}))


def shown(sandbox: Sandbox) -> int:
    """How many databases the metrics of this process show."""
    return sandbox.operator.get("/metrics")[1].count("appdb_database_ready{")


def test_a_start_asks_for_lists_and_not_for_each_object(own: Sandbox, asleep: Team):
    log = own.control_plane.audit_log
    mark = mark_end(log)

    own.operator.start()
    until(lambda: shown(own) == OBJECTS, say=lambda: own.operator.get("/metrics"))

    asked = [r for r in read_requests(log, since=mark, user=OPERATOR) if r.verb != "watch"]
    assert [] == [r for r in asked if r.namespace == asleep.namespace]
    assert [] == [r for r in asked if r.is_write]
    assert len(asked) < LISTS_AND_DISCOVERY


def test_a_source_that_was_edited_meanwhile_is_applied(own: Sandbox, asleep: Team):
    asleep.apply_source("code0", {"schema.prisma": PRISMA_TWO})

    own.operator.start()

    until(lambda: "Post" in asleep.tables("shop0"), say=lambda: asleep.status("shop0"))


def test_a_secret_that_was_deleted_meanwhile_is_made_again(own: Sandbox, asleep: Team):
    path = f"/api/v1/namespaces/{asleep.namespace}/secrets/shop1-db"
    assert asleep.api.request("DELETE", path).status == 200

    own.operator.start()

    until(lambda: asleep.secret("shop1-db") is not None, say=lambda: asleep.status("shop1"))
    asleep.await_ready("shop1")


def test_a_source_that_was_deleted_meanwhile_is_missed(own: Sandbox, asleep: Team):
    path = f"/api/v1/namespaces/{asleep.namespace}/configmaps/code2"
    assert asleep.api.request("DELETE", path).status == 200

    own.operator.start()

    asleep.await_says("shop2", "SourceReady", "False", "NotFound")


def test_a_namespace_that_lost_its_label_meanwhile_is_shut_out(own: Sandbox, asleep: Team):
    patch_server(own, {"allowedNamespaces": LABELLED | {"all": None}})

    own.operator.start()
    asleep.await_says("shop3", "Ready", "False", "ServerNotAllowed")
    own.kubectl("label", "namespace", asleep.namespace, "tier=one")
    asleep.await_ready("shop3")
    own.operator.stop()
    own.kubectl("label", "namespace", asleep.namespace, "tier-")
    own.operator.start()

    asleep.await_says("shop3", "Ready", "False", "ServerNotAllowed")
    patch_server(own, {"allowedNamespaces": {"all": True, "selector": None}})
    asleep.await_ready("shop3")


def test_an_object_that_is_suspended_stays_alone(own: Sandbox, asleep: Team):
    asleep.apply("shop4", suspend=True)
    before = asleep.read("shop4")["metadata"]["resourceVersion"]

    own.operator.start()
    until(lambda: shown(own) >= OBJECTS - 1, say=lambda: own.operator.get("/metrics"))
    pause(1.0)

    assert before == asleep.read("shop4")["metadata"]["resourceVersion"]
    asleep.apply("shop4", suspend=False)
    asleep.await_ready("shop4")


def test_a_rotation_that_fell_due_meanwhile_is_made_up_for(own: Sandbox, left: Team):
    rotation = {"interval": "1h", "mode": "Overlap", "grace": "2s"}
    left.apply("rotated", credentials={"rotation": rotation})
    left.await_ready("rotated")
    before = left.keys("rotated")
    own.operator.kill()
    set_credentials(left, "rotated", lastRotated=LONG_AGO)

    own.operator.start()

    until(lambda: before != left.keys("rotated"), say=lambda: left.tell("rotated"))
    until(lambda: not may_log_in(before), say=lambda: left.tell("rotated"))
    assert may_log_in(left.keys("rotated"))

"""The operator as a process: probes, metrics, restarts, idleness, two of them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from appdb.local.audit import mark_end, read_requests
from appdb.local.manifests import OPERATOR_NAMESPACE, SERVICE_ACCOUNT
from appdb.local.operatorprocess import OperatorProcess
from appdb.local.sandbox import Options, Sandbox
from appdb.local.waiting import pause
from support.canary import watched_sandbox
from support.sandbox import fresh_namespace
from support.shop import PRISMA
from support.team import Team, until

pytestmark = pytest.mark.cluster

OPERATOR = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{SERVICE_ACCOUNT}"
OBJECTS = 5
QUIET_SECONDS = 5.0
NEVER_DUE = '{"spec": {"resync": "24h"}}'


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose operator these tests stop and start."""
    with watched_sandbox(tmp_path_factory.mktemp("runtime"), Options(audits=True)) as sandbox:
        # The look at everything once a period is meant to be, and would disturb the counting.
        sandbox.kubectl("patch", "dbsrv", "local", "--type=merge", "-p", NEVER_DUE)
        yield sandbox


@pytest.fixture(scope="module")
def settled(own: Sandbox) -> Iterator[Team]:
    """Some databases that are Ready, and an operator that has nothing to do."""
    with fresh_namespace(own.control_plane) as name:
        team = Team(sandbox=own, namespace=name)
        team.apply_source("shop", {"schema.prisma": PRISMA})
        for number in range(OBJECTS):
            team.apply(f"shop{number}", source={"configMaps": [{"name": "shop"}]})
        for number in range(OBJECTS):
            team.await_ready(f"shop{number}")
        await_quiet(own)
        yield team


def asked_for(sandbox: Sandbox, mark: int) -> list[str]:
    """What the operator asked the API server for since then, watches left out."""
    log = sandbox.control_plane.audit_log
    return [
        f"{request.verb} {request.resource} {request.name}"
        for request in read_requests(log, since=mark, user=OPERATOR)
        if request.verb != "watch"
    ]


def await_quiet(sandbox: Sandbox) -> None:
    """Wait until the operator has asked for nothing for a while."""
    log = sandbox.control_plane.audit_log

    def is_quiet() -> bool:
        mark = mark_end(log)
        pause(QUIET_SECONDS)
        return not asked_for(sandbox, mark)

    until(is_quiet, seconds=60, say=lambda: "never quiet")


def metric(operator: OperatorProcess, name: str) -> float:
    """The sum of all series of a metric."""
    _, text = operator.get("/metrics")
    lines = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)
    return sum(float(value) for value in lines)


def test_probes_and_metrics_answer(settled: Team):
    operator = settled.sandbox.operator

    assert (200, "ok\n") == operator.get("/livez")
    assert (200, "ok\n") == operator.get("/readyz")
    status, text = operator.get("/metrics")
    assert 200 == status
    assert f'appdb_database_ready{{name="shop0",namespace="{settled.namespace}"}} 1.0' in text
    assert 'appdb_server_up{server="local"} 1.0' in text
    assert float(OBJECTS) == metric(operator, "appdb_server_databases")
    assert float(OBJECTS) == metric(operator, "appdb_provisions_total")


def test_nothing_but_watches_is_asked_for_when_there_is_nothing_to_do(settled: Team):
    mark = mark_end(settled.sandbox.control_plane.audit_log)

    pause(2 * QUIET_SECONDS)

    assert [] == asked_for(settled.sandbox, mark)


def test_a_restart_reads_everything_and_writes_nothing(settled: Team):
    operator, log = settled.sandbox.operator, settled.sandbox.control_plane.audit_log
    operator.stop()
    mark = mark_end(log)

    operator.start()
    until(
        lambda: metric(operator, "appdb_database_ready") == OBJECTS,
        say=lambda: operator.get("/metrics"),
    )
    await_quiet(settled.sandbox)

    writes = [r for r in read_requests(log, since=mark, user=OPERATOR) if r.is_write]
    assert [] == writes
    assert 0.0 == metric(operator, "appdb_workqueue_depth")


def test_an_object_that_changed_while_nobody_looked_is_brought_up_to_date(settled: Team):
    operator = settled.sandbox.operator
    operator.stop()
    settled.apply("late")
    settled.apply("shop0", limits={"connections": 7})
    settled.delete("shop1")

    operator.start()

    settled.await_ready("late")
    settled.await_ready("shop0")
    settled.await_gone("shop1")
    settled.delete("late")
    settled.apply("shop1", source={"configMaps": [{"name": "shop"}]})
    settled.await_ready("shop1")


def test_config_maps_and_secrets_of_others_are_watched_by_label_only(settled: Team):
    selectors = {}
    for event in events_of(settled.sandbox.control_plane.audit_log):
        target = event.get("objectRef", {})
        where = (target.get("resource"), target.get("namespace", ""))
        query = parse_qs(urlsplit(event["requestURI"]).query)
        is_stream = event["verb"] == "watch" or (event["verb"] == "list" and "limit" in query)
        if event["user"]["username"] == OPERATOR and is_stream:
            selectors.setdefault(where, set()).update(query.get("labelSelector", [""]))

    assert {"appdb.chatbuilds.com/source=true"} == selectors["configmaps", ""]
    assert {"app.kubernetes.io/managed-by=appdb-operator"} == selectors["secrets", ""]
    # People make the admin Secrets, without a label of ours.
    assert {("secrets", ""), ("secrets", OPERATOR_NAMESPACE)} == {
        where for where in selectors if where[0] == "secrets"
    }


def test_no_request_of_the_operator_is_refused(settled: Team):
    refused = [
        request
        for request in read_requests(settled.sandbox.control_plane.audit_log, user=OPERATOR)
        if request.status in {401, 403}
    ]

    assert [] == refused


def test_sigterm_lets_running_work_end_and_the_process_goes(own: Sandbox, settled: Team):
    for number in range(8):
        settled.apply(f"drain{number}", source={"configMaps": [{"name": "shop"}]})
    until(
        lambda: (
            metric(own.operator, "appdb_workqueue_depth") > 0
            or settled.secret("drain0-db") is not None
        ),
        say=lambda: own.operator.get("/metrics"),
    )

    own.operator.stop()

    log = own.operator.log_path.read_text().splitlines()
    assert not any('"level": "error"' in line for line in log)
    assert (0, "") == own.operator.get("/livez")
    own.operator.start()
    for number in range(8):
        settled.await_ready(f"drain{number}")


def test_a_broken_watch_on_a_kind_does_not_end_the_process(own: Sandbox, settled: Team):
    """The API server goes away and comes back; the operator stays and goes on."""
    pid = own.operator.component.process.pid

    own.control_plane.stop()
    pause(1.0)
    own.control_plane.start()
    settled.apply("after")

    settled.await_ready("after", seconds=60)
    assert pid == own.operator.component.process.pid
    assert own.operator.is_running


@pytest.fixture
def pair(own: Sandbox, settled: Team) -> Iterator[list[OperatorProcess]]:
    """Two operators with leader election; the first one leads."""
    own.operator.stop()
    election = {"APPDB_LEADER_ELECTION": "true"}
    both = [
        OperatorProcess(
            kubeconfig=own.operator.kubeconfig,
            log_path=own.home / f"operator-{number}.log",
            settings=election,
        )
        for number in range(2)
    ]
    try:
        both[0].start()
        until(lambda: metric(both[0], "appdb_reconcile_total") > 0, say=both[0].component.read_log)
        both[1].start()
        yield both
    finally:
        for each in both:
            if each.is_running:
                each.kill()
        own.kubectl(
            "delete", "lease", "appdb-operator", "-n", OPERATOR_NAMESPACE, "--ignore-not-found"
        )
        own.operator.start()


def test_a_stand_by_is_ready_and_does_nothing(pair: list[OperatorProcess], settled: Team):
    leader, standby = pair

    settled.apply("led")
    settled.await_ready("led")

    assert (200, "ok\n") == standby.get("/readyz")
    assert 0.0 == metric(standby, "appdb_reconcile_total")
    assert metric(leader, "appdb_reconcile_total") > 0


@pytest.mark.parametrize(
    ("ending", "seconds"), [("stop", 15), pytest.param("kill", 40, marks=pytest.mark.slow)]
)
def test_a_stand_by_takes_over(
    pair: list[OperatorProcess], settled: Team, ending: str, seconds: float
):
    leader, standby = pair

    getattr(leader, ending)()
    settled.apply(f"after-{ending}")

    settled.await_ready(f"after-{ending}", seconds=seconds)
    assert metric(standby, "appdb_reconcile_total") > 0


@pytest.mark.slow
def test_a_leader_that_sleeps_too_long_ends_itself(pair: list[OperatorProcess], settled: Team):
    leader, standby = pair

    leader.component.freeze()
    until(
        lambda: metric(standby, "appdb_reconcile_total") > 0,
        seconds=40,
        say=standby.component.read_log,
    )
    leader.component.thaw()

    until(lambda: not leader.is_running, say=leader.component.read_log)
    assert "the lease is lost" in leader.component.read_log(100_000)


def events_of(log: Path) -> Iterator[dict]:
    for line in log.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            yield json.loads(line)

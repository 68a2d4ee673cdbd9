from pathlib import Path

import pytest

from appdb.local.audit import read_requests
from appdb.local.failure import SandboxError
from appdb.local.manifests import OPERATOR_NAMESPACE, SERVER_NAME, SERVICE_ACCOUNT
from appdb.local.sandbox import Options, Sandbox
from support.parents import is_gone

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory):
    """A sandbox whose operator the tests of this file may end and must start again."""
    options = Options(audits=True, postgres_version=16)
    with Sandbox(tmp_path_factory.mktemp("own"), options) as sandbox:
        yield sandbox


def test_the_operator_reaches_the_server_that_it_was_given(own: Sandbox):
    own.kubectl("wait", "--for=condition=Ready", f"dbsrv/{SERVER_NAME}", "--timeout=30s")

    version = own.kubectl("get", "dbsrv", SERVER_NAME, "-o", "jsonpath={.status.version}")
    assert version.startswith("16.")


def test_the_operator_is_its_service_account_and_nobody_else(own: Sandbox):
    own.kubectl("wait", "--for=condition=Ready", f"dbsrv/{SERVER_NAME}", "--timeout=30s")
    account = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{SERVICE_ACCOUNT}"

    users = {
        request.user
        for request in read_requests(own.control_plane.audit_log)
        if request.resource == "databaseservers/status" and request.is_write
    }
    assert {account} == users


@pytest.mark.parametrize("ending", ["kill", "stop"])
def test_an_operator_that_was_ended_starts_again_on_its_port(own: Sandbox, ending: str):
    port = own.http_port

    getattr(own.operator, ending)()
    assert (0, "") == own.operator.get("/readyz")
    own.operator.start()

    assert port == own.http_port
    assert 200 == own.operator.get("/readyz")[0]
    assert own.operator.log_path.read_text()


def test_the_environment_of_the_test_does_not_reach_the_operator(
    own: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    monkeypatch.setenv("APPDB_WORKERS", "not a number")
    monkeypatch.setenv("PGHOST", "nowhere.invalid")

    own.operator.restart()

    assert 200 == own.operator.get("/readyz")[0]


def test_settings_reach_the_operator_and_a_wrong_one_is_told(own: Sandbox):
    own.operator.stop()
    own.operator.settings = {"APPDB_WORKERS": "none"}
    try:
        with pytest.raises(SandboxError, match=r"the operator ended at once; .*workers"):
            own.operator.start()
    finally:
        own.operator.settings = {}
        own.operator.start()


@pytest.mark.slow
def test_everything_is_gone_at_the_end_but_the_logs(tmp_path: Path):
    with Sandbox(tmp_path) as sandbox:
        parts = (*sandbox.control_plane.components, sandbox.operator.component)
        pids = [part.process.pid for part in parts] + [sandbox.postgres.process.pid]

    assert all(is_gone(pid) for pid in pids)
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert left
    assert {".log"} == {path.suffix for path in left}


@pytest.mark.slow
def test_a_sandbox_without_a_folder_leaves_nothing(monkeypatch, tmp_path: Path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Sandbox(options=Options(runs_operator=False)) as sandbox:
        assert sandbox.home.is_relative_to(tmp_path)
        assert 0o700 == sandbox.home.stat().st_mode & 0o777

    assert [] == list(tmp_path.iterdir())

import json
from pathlib import Path

import pytest

from appdb.local.access import get_status
from appdb.local.controlplane import ControlPlane
from appdb.local.processes import find_process
from appdb.local.waiting import wait_until
from support.parents import Parent, is_gone
from support.sandbox import unique_name

pytestmark = pytest.mark.cluster

START = """
from appdb.local.controlplane import ControlPlane
plane = ControlPlane(Path({home!r}), is_detached={is_detached})
plane.start()
told = [component.process.pid for component in plane.components]
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory):
    """A control plane that the tests of this file may break and must mend."""
    with ControlPlane(tmp_path_factory.mktemp("own")) as plane:
        yield plane


@pytest.mark.parametrize("ending", ["stop_apiserver", "kill_apiserver"])
def test_objects_tokens_and_the_port_survive_an_api_server(own: ControlPlane, ending: str):
    name, url = unique_name("kept"), own.url
    own.kubectl("create", "configmap", name)
    user = own.kubectl_as(own.kubeconfig_for("default", "default"))

    getattr(own, ending)()
    assert 0 == get_status(f"{url}/readyz", ca_path=own.ca_path, token="")
    own.start_apiserver()

    assert url == own.url
    assert name in own.kubectl("get", "configmap", name)
    assert "system:serviceaccount:default:default" in user("auth", "whoami")


def test_a_killed_etcd_comes_back_with_its_data(own: ControlPlane):
    name = unique_name("kept")
    own.kubectl("create", "configmap", name)

    own.etcd.kill()
    own.start()

    is_back = wait_until(
        lambda: own.kubectl.run("get", "configmap", name).returncode == 0, timeout_seconds=30
    )
    assert is_back


def test_a_frozen_api_server_answers_nothing_until_it_is_thawed(own: ControlPlane):
    own.apiserver.freeze()
    frozen = own.kubectl.run("get", "--raw=/readyz", "--request-timeout=1s")
    own.apiserver.thaw()

    assert 0 != frozen.returncode
    assert "ok" == own.kubectl("get", "--raw=/readyz")


def test_another_value_on_the_same_folder_finds_the_processes(own: ControlPlane):
    found = ControlPlane(own.layout.home)

    assert found.is_running
    assert own.url == found.url
    assert "default" in found.kubectl("get", "namespaces")


def test_two_control_planes_do_not_see_each_other(own: ControlPlane, control_plane: ControlPlane):
    name = unique_name("mine")
    own.kubectl("create", "configmap", name)

    assert own.url != control_plane.url
    assert "NotFound" in control_plane.kubectl.run("get", "configmap", name).stderr


def test_a_watch_from_before_a_compaction_is_gone(own: ControlPlane):
    path = "/api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=2"
    name = unique_name("old")
    own.kubectl("create", "configmap", name)
    old = own.kubectl("get", "configmap", name, "-o", "jsonpath={.metadata.resourceVersion}")
    for number in range(3):
        own.kubectl("label", "configmap", name, f"number={number}", "--overwrite")
    assert "MODIFIED" in own.kubectl("get", f"--raw={path}&resourceVersion={old}")

    own.forget_history()

    gone = own.kubectl.run("get", f"--raw={path}&resourceVersion={old}")
    assert "too old resource version" in gone.stdout + gone.stderr


def test_etcd_listens_on_no_port(own: ControlPlane):
    inodes = {
        target.removeprefix("socket:[").removesuffix("]")
        for link in Path(f"/proc/{own.etcd.process.pid}/fd").iterdir()
        if (target := str(link.readlink())).startswith("socket:")
    }
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]

    assert inodes
    assert [] == [row for row in rows if row[9] in inodes]


def test_credentials_are_for_their_owner_alone(own: ControlPlane):
    own.kubeconfig_for("default", "default")
    private = [own.layout.tokens, own.layout.signing_key, *own.layout.home.glob("*.kubeconfig")]

    assert {0o600} == {path.stat().st_mode & 0o777 for path in private}


def test_no_token_is_in_a_process_list(own: ControlPlane):
    config = json.loads(own.kubeconfig.read_text())
    token = config["users"][0]["user"]["token"].encode()

    assert not any(token in path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline"))


@pytest.mark.slow
def test_nothing_is_left_when_the_parent_is_killed(tmp_path: Path):
    with Parent(START.format(home=str(tmp_path), is_detached=False)) as parent:
        pids = parent.read()

        parent.kill()

        assert all(is_gone(pid) for pid in pids)


def test_a_pid_that_was_used_again_is_not_taken_for_ours(own: ControlPlane):
    process = own.etcd.process
    assert process is not None

    assert find_process(process.pid, process.birth) is not None
    assert find_process(process.pid, "1") is None

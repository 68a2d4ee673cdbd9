import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appdb.errors import InvalidInput
from appdb.local.demo import hide_password
from appdb.local.places import list_sandboxes, sandbox_dir
from support.parents import SOURCES, is_gone

pytestmark = pytest.mark.cluster


class Shell:
    """Runs `appdb local` with a state folder of its own."""

    def __init__(self, state: Path) -> None:
        self.environ = os.environ | {"XDG_STATE_HOME": str(state), "PYTHONPATH": str(SOURCES)}
        self.environ.pop("APPDB_PG_BIN", None)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "appdb", "local", *words],
            capture_output=True,
            text=True,
            check=False,
            env=self.environ,
            cwd="/",
        )

    def parts(self, name: str) -> dict[str, int]:
        shown = json.loads(self.run("status", "--name", name, "-o", "json").stdout)
        return {part["name"]: part["pid"] for part in shown["sandboxes"][0]["parts"]}

    def evaluate(self, name: str, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a user does, after `eval "$(appdb local env)"`."""
        appdb = f"{sys.executable} -m appdb local env --name {name}"
        return subprocess.run(
            ["/bin/sh", "-c", f'eval "$({appdb})" && {command}'],
            capture_output=True,
            text=True,
            check=False,
            env=self.environ,
            cwd="/",
        )


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell with the sandbox `mine` up, without an operator."""
    shell = Shell(tmp_path_factory.mktemp("state"))
    brought_up = shell.run("up", "--name", "mine", "--no-operator")
    try:
        assert 0 == brought_up.returncode, brought_up.stderr
        assert "Sandbox mine is ready" in brought_up.stdout
        yield shell
    finally:
        shell.run("down", "--name", "mine")


def test_up_says_again_where_everything_is_when_it_runs(shell: Shell):
    before = shell.parts("mine")

    again = shell.run("up", "--name", "mine", "--no-operator")

    assert 0 == again.returncode
    assert before == shell.parts("mine")


def test_up_mends_what_has_ended(shell: Shell):
    before = shell.parts("mine")
    os.kill(before["kube-controller-manager"], 9)
    assert is_gone(before["kube-controller-manager"])
    assert 3 == shell.run("status", "--name", "mine").returncode

    assert 0 == shell.run("up", "--name", "mine", "--no-operator").returncode

    after = shell.parts("mine")
    assert 0 == shell.run("status", "--name", "mine").returncode
    assert before["kube-controller-manager"] != after.pop("kube-controller-manager")
    assert after.items() <= before.items()


def test_up_refuses_another_version_on_the_same_data(shell: Shell):
    refused = shell.run("up", "--name", "mine", "--postgres", "16")

    assert 1 == refused.returncode
    assert "sandbox mine has Postgres 18" in refused.stderr


def test_env_is_all_that_kubectl_needs(shell: Shell):
    assert (
        "databaseserver.appdb.chatbuilds.com/local"
        in shell.evaluate("mine", "kubectl get databaseservers -o name").stdout
    )


def test_env_holds_no_password_and_leads_to_postgres(shell: Shell):
    shown = shell.run("env", "--name", "mine").stdout

    assert "PASSWORD" not in shown.upper()
    assert "no password supplied" in shell.evaluate("mine", "psql -w -U postgres -c ''").stderr


def test_the_server_object_leads_to_an_admin_that_is_no_superuser(shell: Shell):
    secret = json.loads(
        shell.evaluate(
            "mine", "kubectl get secret local-postgres-admin -n appdb-system -o json"
        ).stdout
    )
    command = (
        f"PGUSER=$(echo {secret['data']['username']} | base64 -d) "
        f"PGPASSWORD=$(echo {secret['data']['password']} | base64 -d) "
        "psql -d postgres -Atc 'SELECT rolsuper, rolcreatedb, rolcreaterole "
        "FROM pg_roles WHERE rolname = current_user'"
    )

    assert "f|t|t\n" == shell.evaluate("mine", command).stdout


def test_the_operator_gets_its_own_service_account_and_not_the_cluster(shell: Shell):
    listed = json.loads(shell.run("status", "--name", "mine", "-o", "json").stdout)
    home = listed["sandboxes"][0]["home"]
    config = f"--kubeconfig={home}/cluster/appdb-system.appdb-operator.kubeconfig"

    def may(*words: str) -> str:
        return shell.evaluate("mine", f"kubectl {config} auth can-i {' '.join(words)}").stdout

    assert "yes\n" == may("list", "appdatabases.appdb.chatbuilds.com", "-A")
    assert "no\n" == may("create", "pods", "-n", "default")
    assert "no\n" == may("'*'", "'*'")


def test_a_database_of_ones_own_takes_plans_and_releases(shell: Shell):
    shop, appdb = Path(__file__).parents[2] / "examples/shop", f"{sys.executable} -m appdb"
    opened = f'eval "$({appdb} local env --name mine --database play)" &&'

    tried = shell.evaluate("mine", f"{opened} {appdb} plan {shop} >&2; echo $?")
    made = shell.evaluate("mine", f"{opened} {appdb} apply {shop} && {appdb} plan {shop}; echo $?")

    assert "2" == tried.stdout.strip()
    assert "0" == made.stdout.splitlines()[-1], made.stderr


@pytest.mark.parametrize("name", ["postgres", "pg_mine", "Big", "a-b", "x" * 64])
def test_a_name_that_is_none_for_a_database_is_refused(shell: Shell, name: str):
    refused = shell.run("env", "--name", "mine", "--database", name)

    assert 1 == refused.returncode
    assert "is no name for a database" in refused.stderr


@pytest.mark.slow
def test_a_second_sandbox_runs_beside_and_leaves_only_its_logs(shell: Shell):
    assert 0 == shell.run("up", "--name", "other", "--postgres", "16", "--no-operator").returncode
    pids = [pid for pid in shell.parts("other").values() if pid]
    assert set(pids).isdisjoint(shell.parts("mine").values())

    gone = shell.run("down", "--name", "other", "--keep-logs")

    assert "its logs are in" in gone.stdout
    assert all(is_gone(pid) for pid in pids)
    home = sandbox_dir("other", shell.environ)
    left = {path.name for path in home.rglob("*") if path.is_file()}
    assert {".lock", "etcd.log", "kube-apiserver.log", "kube-controller-manager.log"} < left
    assert {".lock"} == {name for name in left if not name.endswith(".log")}
    assert ("mine",) == list_sandboxes(shell.environ)


@pytest.mark.parametrize("word", ["down", "env", "status"])
def test_a_sandbox_that_is_not_there_is_named(shell: Shell, word: str):
    refused = shell.run(word, "--name", "nobody")

    assert 1 == refused.returncode
    assert "there is no sandbox nobody" in refused.stderr


@pytest.mark.parametrize("name", ["", "A", "../x", "a/b", "-a", "a" * 31, "a-"])
def test_names_are_labels(name: str):
    with pytest.raises(InvalidInput, match="is no name for a sandbox"):
        sandbox_dir(name)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:se-cret@h:5432/d", "postgresql://u:***@h:5432/d"),
        ("postgresql://u:a%40b@h/d?sslmode=prefer", "postgresql://u:***@h/d?sslmode=prefer"),
    ],
)
def test_a_shown_url_has_no_password(url: str, shown: str):
    assert shown == hide_password(url)

"""A token that is refused: the operator reads its login again and goes on, without a restart."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from appdb.local.files import write_private
from appdb.local.manifests import OPERATOR_NAMESPACE, SERVICE_ACCOUNT
from appdb.local.operatorprocess import OperatorProcess
from appdb.local.processes import Command
from appdb.local.sandbox import Options, Sandbox
from support.sandbox import fresh_namespace, unique_name
from support.shop import PRISMA, PRISMA_TWO
from support.team import Team, until

pytestmark = [pytest.mark.faults, pytest.mark.cluster, pytest.mark.slow]

SOURCE = {"configMaps": [{"name": "shop"}]}
REFUSED = "the API server refuses the"
# The API server remembers for 10 s that a token was good.
NOTICED_SECONDS = 60


class InPod(OperatorProcess):
    """The operator with nothing but what a pod has: a folder of its ServiceAccount, an address."""

    def _command(self) -> Command:
        command = OperatorProcess._command(self)
        folder = self.kubeconfig.parent
        mount = (
            "mount -t tmpfs tmpfs /run && mkdir -p /run/secrets/kubernetes.io && "
            f'ln -s {folder} /run/secrets/kubernetes.io/serviceaccount && exec "$@"'
        )
        env = {name: value for name, value in (command.env or {}).items() if name != "KUBECONFIG"}
        argv = ("unshare", "-m", "sh", "-c", mount, "sh", *command.argv)
        return replace(command, argv=argv, env=env)


@dataclass(slots=True, kw_only=True)
class Login:
    """An operator and the one token that it is given; each token may be taken back."""

    sandbox: Sandbox
    operator: OperatorProcess
    _bound_to: list[str] = field(default_factory=list)

    def renew(self) -> None:
        """Put a new token into the file that the operator reads."""
        name = unique_name("token")
        where = ("-n", OPERATOR_NAMESPACE)
        self.sandbox.kubectl("create", "secret", "generic", name, *where)
        bound = ("--bound-object-kind=Secret", f"--bound-object-name={name}")
        token = self.sandbox.kubectl("create", "token", SERVICE_ACCOUNT, *where, *bound).strip()
        self._bound_to.append(name)
        if isinstance(self.operator, InPod):
            write_private(self.operator.kubeconfig, token)
            return
        plane = self.sandbox.control_plane
        config = json.loads(plane.kubeconfig_path(SERVICE_ACCOUNT, OPERATOR_NAMESPACE).read_text())
        config["users"][0]["user"] = {"token": token}
        write_private(self.operator.kubeconfig, json.dumps(config))

    def revoke(self) -> None:
        """Have the API server refuse the oldest token."""
        name = self._bound_to.pop(0)
        self.sandbox.kubectl("delete", "secret", name, "-n", OPERATOR_NAMESPACE)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    home = tmp_path_factory.mktemp("login")
    with Sandbox(home, Options(runs_operator=False)) as running:
        yield running


def in_pod(sandbox: Sandbox, folder: Path) -> OperatorProcess:
    if os.geteuid():
        pytest.skip("only root may mount the folder of a ServiceAccount")
    (folder / "ca.crt").write_bytes(sandbox.control_plane.ca_path.read_bytes())
    (folder / "namespace").write_text(OPERATOR_NAMESPACE)
    address = urlsplit(sandbox.control_plane.url)
    where = {
        "KUBERNETES_SERVICE_HOST": str(address.hostname),
        "KUBERNETES_SERVICE_PORT": str(address.port),
    }
    log = sandbox.home / "in-pod.log"
    return InPod(kubeconfig=folder / "token", log_path=log, settings=where)


def by_kubeconfig(sandbox: Sandbox, folder: Path) -> OperatorProcess:
    log = sandbox.home / "by-kubeconfig.log"
    return OperatorProcess(kubeconfig=folder / "kubeconfig", log_path=log)


@pytest.fixture(params=[by_kubeconfig, in_pod])
def login(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> Iterator[Login]:
    """An operator that runs under a token."""
    given = Login(sandbox=sandbox, operator=request.param(sandbox, tmp_path))
    given.renew()
    given.operator.start()
    yield given
    given.operator.kill()


@pytest.mark.timeout(300)
def test_a_token_that_is_refused_is_read_again_by_requests_and_watches(login: Login):
    with fresh_namespace(login.sandbox.control_plane) as name:
        team = Team(sandbox=login.sandbox, namespace=name)
        team.apply_source("shop", {"schema.prisma": PRISMA})
        team.apply("shop", source=SOURCE)
        team.await_ready("shop", seconds=60)
        pid = login.operator.component.process.pid

        # The new token is there before the old one is refused, as the kubelet sees to.
        login.renew()
        login.revoke()
        team.apply("born", source=SOURCE)
        team.await_ready("born", seconds=NOTICED_SECONDS)
        # And now it comes late.
        login.revoke()
        until(
            lambda: tells(login, team, "late"),
            seconds=NOTICED_SECONDS,
            say=login.operator.component.read_log,
        )
        lines = len(login.operator.log_path.read_text().splitlines())
        team.apply_source("shop", {"schema.prisma": PRISMA_TWO})
        login.renew()

        for each in ("shop", "born"):
            until(
                lambda each=each: ["Post", "User"] == team.tables(each),
                seconds=NOTICED_SECONDS,
                say=lambda each=each: team.tell(each),
            )
        team.await_ready("late", seconds=NOTICED_SECONDS)
        assert pid == login.operator.component.process.pid
        assert login.operator.is_running
        assert len(login.operator.log_path.read_text().splitlines()) - lines < 300


def tells(login: Login, team: Team, name: str) -> bool:
    """Keep the operator asking until it says that its login is refused."""
    team.apply(name, source=SOURCE)
    team.annotate(name, requested_at=unique_name("look"))
    return REFUSED in login.operator.component.read_log(200_000)

"""A real Kubernetes API: etcd, kube-apiserver and kube-controller-manager in one folder.

RBAC and ServiceAccounts are on. There is no node: Pods are stored and never run. etcd
listens on a UNIX socket alone, so that no other user of the machine reads its Secrets.
"""

import json
import logging
import re
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from appdb.local import flags
from appdb.local.access import Kubectl, get_status
from appdb.local.binaries import Binaries, ensure_binaries
from appdb.local.component import Component
from appdb.local.etcd import compact
from appdb.local.failure import PartNotReady, SandboxError
from appdb.local.files import write_private
from appdb.local.keys import make_signing_key, make_token
from appdb.local.kubeconfig import write_kubeconfig
from appdb.local.ports import LOOPBACK, free_port
from appdb.local.processes import find_process
from appdb.local.waiting import wait_until

logger = logging.getLogger(__name__)

READY_SECONDS = 90
APISERVER_STOP_SECONDS = 3
PORT_ATTEMPTS = 10
PORT_TAKEN = re.compile(r"address already in use")


class ControlPlane:
    """One control plane in one folder; every part may be stopped, killed and started again.

    The port stays the same over restarts. A detached one outlives this process and is
    found again by another `ControlPlane` on the same folder. As a context manager it is
    removed at the end. `audits` writes every request to `audit_log` (one JSON per line).
    """

    def __init__(
        self,
        home: Path,
        *,
        binaries: Binaries | None = None,
        audits: bool = False,
        is_detached: bool = False,
    ) -> None:
        self.layout = flags.Layout(home=home.absolute())
        self.binaries = binaries or ensure_binaries(report=logger.info)
        self._audits = audits
        self._is_detached = is_detached
        self._port = 0
        self._token = ""
        self._manager_token = ""
        self.etcd = Component(
            name="etcd",
            command=flags.etcd_command(self.layout, self.binaries, is_detached=is_detached),
        )
        self.apiserver = Component(
            name="kube-apiserver",
            command=flags.apiserver_command(
                self.layout, self.binaries, 0, audits=audits, is_detached=is_detached
            ),
        )
        self.controller_manager = Component(
            name="kube-controller-manager",
            command=flags.manager_command(self.layout, self.binaries, is_detached=is_detached),
        )
        self._recall()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    @property
    def url(self) -> str:
        return f"https://{LOOPBACK}:{self._port}"

    @property
    def kubeconfig(self) -> Path:
        """Of cluster-admin."""
        return self.layout.admin_kubeconfig

    @property
    def ca_path(self) -> Path:
        return self.layout.ca_path

    @property
    def audit_log(self) -> Path:
        return self.layout.audit_log

    @property
    def components(self) -> tuple[Component, ...]:
        """In the order of starting."""
        return (self.etcd, self.apiserver, self.controller_manager)

    @property
    def is_running(self) -> bool:
        return all(component.is_running for component in self.components)

    @property
    def kubectl(self) -> Kubectl:
        """Run kubectl as cluster-admin."""
        return self.kubectl_as(self.kubeconfig)

    def kubectl_as(self, kubeconfig: Path) -> Kubectl:
        """Run kubectl with another kubeconfig, such as one of `kubeconfig_for`."""
        return Kubectl(
            program=self.binaries.kubectl,
            kubeconfig=kubeconfig,
            cache_dir=self.layout.home / "kubectl-cache",
        )

    def kubeconfig_for(
        self, service_account: str, namespace: str, *, lifetime: str = "24h"
    ) -> Path:
        """Write a kubeconfig with a bound token of a ServiceAccount that exists."""
        token = self.kubectl(
            "create", "token", service_account, "-n", namespace, f"--duration={lifetime}"
        ).strip()
        path = self.kubeconfig_path(service_account, namespace)
        self._write_kubeconfig(path, token, namespace)
        return path

    def kubeconfig_path(self, service_account: str, namespace: str) -> Path:
        """Where `kubeconfig_for` writes."""
        return self.layout.home / f"{namespace}.{service_account}.kubeconfig"

    def start(self) -> None:
        """Start what does not run; on return the API is ready and ServiceAccounts are made.

        Raises SandboxError when a part ends at once, PartNotReady when it takes too long.
        """
        is_first = not self.kubeconfig.exists()
        if is_first:
            self._prepare()
        self.etcd.start()
        self._remember()
        if is_first:
            self._start_on_free_port()
        else:
            self.start_apiserver()
        self.controller_manager.start()
        self._remember()
        self._wait_for(
            self.controller_manager, "/api/v1/namespaces/default/serviceaccounts/default"
        )

    def start_apiserver(self) -> None:
        """Start the API server alone and wait until it is ready."""
        self.apiserver.start()
        self._remember()
        self._wait_for(self.apiserver, "/readyz")

    def stop_apiserver(self) -> None:
        """SIGTERM; it would wait a minute for watches to end, so SIGKILL follows soon."""
        self.apiserver.stop(APISERVER_STOP_SECONDS)
        self._remember()

    def kill_apiserver(self) -> None:
        """SIGKILL, as a crash does."""
        self.apiserver.kill()
        self._remember()

    def forget_history(self) -> int:
        """Compact etcd and restart the API server: watches from before get 410 Gone.

        Returns the revision that is the oldest now.
        """
        revision = compact(self.layout.etcd_dir)
        self.kill_apiserver()
        self.start_apiserver()
        return revision

    def stop(self) -> None:
        """Stop all parts, the last started first."""
        self.controller_manager.stop()
        self.apiserver.stop(APISERVER_STOP_SECONDS)
        self.etcd.stop()
        self._remember()

    def remove(self) -> None:
        """Stop, and delete everything but the logs."""
        self.stop()
        layout = self.layout
        for folder in (layout.etcd_dir, layout.certs_dir, layout.home / "kubectl-cache"):
            shutil.rmtree(folder, ignore_errors=True)
        for path in (*layout.home.glob("*.kubeconfig"), layout.facts, layout.audit_policy):
            path.unlink(missing_ok=True)
        self._port = 0

    def _prepare(self) -> None:
        """Make keys and tokens; what an interrupted first start has left running is stopped."""
        self.stop()
        layout = self.layout
        layout.etcd_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        layout.certs_dir.mkdir(exist_ok=True, mode=0o700)
        write_private(layout.signing_key, make_signing_key())
        self._token, manager_token = make_token(), make_token()
        write_private(
            layout.tokens,
            f'{self._token},appdb-admin,appdb-admin,"system:masters"\n'
            f"{manager_token},system:kube-controller-manager,system:kube-controller-manager\n",
        )
        write_private(layout.audit_policy, flags.AUDIT_POLICY)
        self._manager_token = manager_token

    def _start_on_free_port(self) -> None:
        for attempt in range(1, PORT_ATTEMPTS + 1):
            self._use_port(free_port())
            try:
                self.start_apiserver()
                break
            except SandboxError:
                if attempt == PORT_ATTEMPTS or not PORT_TAKEN.search(self.apiserver.read_log()):
                    raise
        # The admin's comes last: its being there says that the first start is over.
        self._write_kubeconfig(self.layout.manager_kubeconfig, self._manager_token)
        self._write_kubeconfig(self.kubeconfig, self._token)

    def _write_kubeconfig(self, path: Path, token: str, namespace: str = "default") -> None:
        write_kubeconfig(
            path, server=self.url, ca_path=self.ca_path, token=token, namespace=namespace
        )

    def _wait_for(self, component: Component, path: str) -> None:
        """Wait until a GET succeeds or the part that is to bring it about has ended."""
        is_over = wait_until(
            lambda: not component.is_running or self._answers(path),
            timeout_seconds=READY_SECONDS,
        )
        if is_over and component.is_running:
            return
        if is_over:
            ending = component.read_log(300).strip()
            raise SandboxError(f"{component.name} ended at once; {component.log_path}: {ending}")
        raise PartNotReady(
            f"{component.name} was not ready in {READY_SECONDS} s; see {component.log_path}"
        )

    def _answers(self, path: str) -> bool:
        if not self.ca_path.exists():
            return False
        return get_status(self.url + path, ca_path=self.ca_path, token=self._token) == 200

    def _use_port(self, port: int) -> None:
        self._port = port
        self.apiserver.command = flags.apiserver_command(
            self.layout, self.binaries, port, audits=self._audits, is_detached=self._is_detached
        )

    def _remember(self) -> None:
        """Keep port, tokens and processes for whoever comes later."""
        if not self.layout.certs_dir.exists():
            return
        processes = {
            component.name: {"pid": component.process.pid, "birth": component.process.birth}
            for component in self.components
            if component.process and component.is_running
        }
        facts = {
            "port": self._port,
            "audits": self._audits,
            "token": self._token,
            "manager_token": self._manager_token,
            "processes": processes,
        }
        write_private(self.layout.facts, json.dumps(facts))

    def _recall(self) -> None:
        if not self.layout.facts.exists():
            return
        facts = json.loads(self.layout.facts.read_text(encoding="utf-8"))
        self._audits = facts["audits"]
        self._token, self._manager_token = facts["token"], facts["manager_token"]
        self._use_port(facts["port"])
        for component in self.components:
            if component.name in facts["processes"]:
                component.process = find_process(**facts["processes"][component.name])

"""The operator as a process of the sandbox, under its own ServiceAccount.

It gets a kubeconfig and settings, nothing else of our environment that could change what
it does, and no right that the shipped roles do not give.
"""

import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import appdb
from appdb.local.component import Component
from appdb.local.failure import PartNotReady, SandboxError
from appdb.local.manifests import OPERATOR_NAMESPACE
from appdb.local.ports import LOOPBACK, free_port
from appdb.local.processes import Command
from appdb.local.waiting import wait_until

READY_SECONDS = 60
# The operator lets running work end for 50 s.
STOP_SECONDS = 60
PORT_ATTEMPTS = 10
PORT_TAKEN = re.compile(r"address already in use", re.IGNORECASE)


@dataclass(slots=True, kw_only=True)
class OperatorProcess:
    """`appdb run`, which may be stopped, killed, frozen and started again.

    `settings` are `APPDB_*` variables; they and the kubeconfig hold from the next start.
    """

    kubeconfig: Path
    log_path: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    is_detached: bool = False
    http_port: int = 0
    component: Component = field(init=False)

    def __post_init__(self) -> None:
        self.component = Component(name="operator", command=self._command())

    @property
    def is_running(self) -> bool:
        return self.component.is_running

    @property
    def url(self) -> str:
        """Of probes and metrics."""
        return f"http://{LOOPBACK}:{self.http_port}"

    def start(self) -> None:
        """Start and wait for `/readyz`; does nothing when it runs.

        Raises SandboxError when it ends at once, PartNotReady after a minute.
        """
        for attempt in range(1, PORT_ATTEMPTS + 1):
            self.launch()
            try:
                self.wait_ready()
            except SandboxError:
                if attempt == PORT_ATTEMPTS or not PORT_TAKEN.search(self.component.read_log()):
                    raise
                self.http_port = 0
            else:
                return

    def launch(self) -> None:
        """Start without waiting."""
        if self.is_running:
            return
        self.http_port = self.http_port or free_port()
        self.component.command = self._command()
        self.component.start()

    def wait_ready(self, timeout_seconds: float = READY_SECONDS) -> None:
        """Wait until `/readyz` says yes."""
        is_over = wait_until(
            lambda: not self.is_running or self.get("/readyz")[0] == 200,
            timeout_seconds=timeout_seconds,
        )
        if is_over and self.is_running:
            return
        ending = self.component.read_log(300).strip()
        if is_over:
            raise SandboxError(f"the operator ended at once; {self.log_path}: {ending}")
        raise PartNotReady(
            f"the operator was not ready in {timeout_seconds:.0f} s; {self.log_path}: {ending}"
        )

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of a GET at probes or metrics; (0, "") when nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:  # noqa: S310 - our own URL
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def stop(self) -> None:
        """SIGTERM, on which it drains."""
        self.component.stop(STOP_SECONDS)

    def kill(self) -> None:
        """SIGKILL, as a crash does."""
        self.component.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def _command(self) -> Command:
        argv = (
            *(sys.executable, "-m", "appdb", "run"),
            *("--operator-namespace", OPERATOR_NAMESPACE, "--http-port", str(self.http_port)),
        )
        return Command(
            argv=argv,
            log=self.log_path,
            env=self._environment(),
            cwd=self.log_path.parent,
            detached=self.is_detached,
        )

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("APPDB_", "KUBE", "PG"))
        }
        sources = str(Path(appdb.__file__).parents[1])
        path = os.pathsep.join(filter(None, (sources, os.environ.get("PYTHONPATH"))))
        own = {
            "KUBECONFIG": str(self.kubeconfig),
            "PYTHONPATH": path,
            "APPDB_HTTP_HOST": LOOPBACK,
        }
        return kept | own | dict(self.settings)

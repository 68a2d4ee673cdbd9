"""A sandbox whose operator reaches the API server, and Postgres where a test wants it,
through proxies that can be poisoned; and what tells calm from a storm."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from appdb.local.audit import Request, mark_end, read_requests
from appdb.local.files import write_private
from appdb.local.manifests import OPERATOR_NAMESPACE, SERVICE_ACCOUNT
from appdb.local.operatorprocess import OperatorProcess
from appdb.local.sandbox import Options, Sandbox
from support.canary import watched_sandbox
from support.team import Team
from support.toxiproxy import Proxy, Toxiproxy, running_toxiproxy

OPERATOR = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{SERVICE_ACCOUNT}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Faulty:
    """The sandbox, the proxy in front of its API server, and the maker of others."""

    sandbox: Sandbox
    toxiproxy: Toxiproxy
    api: Proxy

    @property
    def operator(self) -> OperatorProcess:
        return self.sandbox.operator

    def mark(self) -> int:
        """A moment; see `requests_since`."""
        return mark_end(self.sandbox.control_plane.audit_log)

    def requests_since(self, mark: int) -> list[Request]:
        """What the operator asked the API server for since then, watches left out."""
        log = self.sandbox.control_plane.audit_log
        asked = read_requests(log, since=mark, user=OPERATOR)
        return [request for request in asked if request.verb != "watch"]

    def writes_since(self, mark: int, team: Team) -> list[str]:
        """The writes to a namespace since then: verb, resource and name."""
        return [
            f"{request.verb} {request.resource} {request.name}"
            for request in self.requests_since(mark)
            if request.is_write and request.namespace == team.namespace
        ]

    def log_lines(self) -> list[dict]:
        """The lines of the operator's log."""
        lines = self.operator.log_path.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def unforeseen(self) -> list[dict]:
        """The errors of our own; kopf logs each request that it repeats as one."""
        return [
            line
            for line in self.log_lines()
            if line["level"] == "error" and line["logger"].startswith("appdb")
        ]


@contextmanager
def faulty_sandbox(home: Path) -> Iterator[Faulty]:
    """A sandbox of its own with an audit log, whose operator sees the API through a proxy."""
    options = Options(audits=True, runs_operator=False)
    with (
        running_toxiproxy(home) as toxiproxy,
        watched_sandbox(home / "sandbox", options) as sandbox,
    ):
        plane = sandbox.control_plane
        proxy = toxiproxy.proxy("api", urlsplit(plane.url).port or 0)
        config = json.loads(sandbox.operator.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{proxy.port}"
        write_private(home / "proxied.kubeconfig", json.dumps(config))
        sandbox.operator.kubeconfig = home / "proxied.kubeconfig"
        sandbox.runs_operator = True
        sandbox.operator.start()
        yield Faulty(sandbox=sandbox, toxiproxy=toxiproxy, api=proxy)


def metric(operator: OperatorProcess, name: str, **labels: str) -> float:
    """The sum of the series of a metric that have these labels."""
    _, text = operator.get("/metrics")
    found = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", text, re.MULTILINE)
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    return sum(float(value) for series, value in found if all(each in series for each in wanted))

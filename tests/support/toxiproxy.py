"""Toxiproxy between real parts: connections that are slow, cut, silent or refused."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appdb.local.component import Component
from appdb.local.gotool import GoTool
from appdb.local.ports import LOOPBACK, free_port
from appdb.local.processes import Command
from support.team import until

TOXIPROXY = GoTool(
    name="toxiproxy",
    module="github.com/Shopify/toxiproxy/v2",
    version="2.12.0",
    package="cmd/server",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """One listener in front of one real part; `port` is where clients connect to."""

    toxiproxy: "Toxiproxy"
    name: str
    port: int

    def cut(self) -> None:
        """Close every connection and refuse new ones."""
        self.toxiproxy.request("POST", f"/proxies/{self.name}", {"enabled": False})

    def mend(self) -> None:
        """Take away everything that is wrong."""
        for toxic in self.toxiproxy.request("GET", f"/proxies/{self.name}/toxics"):
            self.toxiproxy.request("DELETE", f"/proxies/{self.name}/toxics/{toxic['name']}")
        self.toxiproxy.request("POST", f"/proxies/{self.name}", {"enabled": True})

    def drop_connections(self) -> None:
        """Close every connection; new ones are taken at once."""
        self.cut()
        self.mend()

    def delay(self, milliseconds: int) -> None:
        """Answer late: each piece of an answer waits so long."""
        self._poison("latency", latency=milliseconds, jitter=milliseconds // 10)

    def reset(self, after_milliseconds: int = 0) -> None:
        """Reset (RST) each connection so long after it sends or receives."""
        self._poison("reset_peer", timeout=after_milliseconds)

    def swallow(self) -> None:
        """Keep connections open and let nothing through, as a firewall that forgot does."""
        self._poison("timeout", timeout=0)

    def throttle(self, kilobytes_per_second: int) -> None:
        self._poison("bandwidth", rate=kilobytes_per_second)

    def slice(self, size: int, microseconds: int) -> None:
        """Answer in slices of about so many bytes, each so long after the one before."""
        self._poison("slicer", average_size=size, size_variation=size // 2, delay=microseconds)

    def cut_after(self, size: int) -> None:
        """Close each connection after so many bytes of answer, in the middle of whatever it is."""
        self._poison("limit_data", bytes=size)

    def _poison(self, kind: str, **attributes: int) -> None:
        body = {"type": kind, "stream": "downstream", "attributes": attributes}
        self.toxiproxy.request("POST", f"/proxies/{self.name}/toxics", body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Toxiproxy:
    """A running server and its HTTP API."""

    component: Component
    port: int

    def request(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"http://{LOOPBACK}:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def proxy(self, name: str, upstream_port: int) -> Proxy:
        """A proxy on a port of its own in front of a port on loopback."""
        body = {
            "name": name,
            "listen": f"{LOOPBACK}:0",
            "upstream": f"{LOOPBACK}:{upstream_port}",
            "enabled": True,
        }
        made = self.request("POST", "/proxies", body)
        return Proxy(toxiproxy=self, name=name, port=int(made["listen"].rpartition(":")[2]))


@contextmanager
def running_toxiproxy(home: Path) -> Iterator[Toxiproxy]:
    """A server of its own; it ends with the test."""
    port = free_port()
    argv = (str(TOXIPROXY.ensure(report=print)), "-host", LOOPBACK, "-port", str(port))
    component = Component(name="toxiproxy", command=Command(argv=argv, log=home / "toxiproxy.log"))
    component.start()
    toxiproxy = Toxiproxy(component=component, port=port)
    try:
        until(lambda: _answers(toxiproxy), say=component.read_log)
        yield toxiproxy
    finally:
        component.stop()


def _answers(toxiproxy: Toxiproxy) -> bool:
    try:
        toxiproxy.request("GET", "/version")
    except OSError:
        return False
    return True

"""The smallest client of an API server that measurements need: create, and watch until Ready."""

import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import yaml

from appdb.local.controlplane import ControlPlane

GROUP = "/apis/appdb.chatbuilds.com/v1alpha1"
_own = threading.local()


@dataclass(frozen=True, slots=True)
class Client:
    """cluster-admin, over one kept connection per thread."""

    host: str
    port: int
    token: str
    ca_path: str

    @classmethod
    def of(cls, control_plane: ControlPlane) -> "Client":
        config = yaml.safe_load(control_plane.kubeconfig.read_text())
        where = urlsplit(control_plane.url)
        return cls(
            where.hostname or "",
            where.port or 443,
            config["users"][0]["user"]["token"],
            str(control_plane.ca_path),
        )

    def create(self, plural: str, namespace: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._request("POST", self._path(plural, namespace), body)

    def merge(
        self, plural: str, namespace: str, name: str, patch: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        path = f"{self._path(plural, namespace)}/{name}"
        return self._request("PATCH", path, patch, "application/merge-patch+json")

    def await_ready(self, namespace: str, names: Iterable[str], *, seconds: float) -> None:
        """Watch until each of these AppDatabases is Ready; TimeoutError when they are not."""
        missing = set(names)
        deadline = time.monotonic() + seconds
        path = self._path("appdatabases", namespace)
        listed = self._request("GET", path)
        missing -= {each["metadata"]["name"] for each in listed["items"] if is_ready(each)}
        if not missing:
            return
        version = listed["metadata"]["resourceVersion"]
        connection = self._connect(seconds)
        connection.request(
            "GET", f"{path}?watch=1&resourceVersion={version}", headers=self._headers()
        )
        with connection.getresponse() as stream:
            while missing:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"not Ready in {seconds:.0f} s: {sorted(missing)[:5]}")
                event = json.loads(stream.readline())
                if is_ready(event["object"]):
                    missing.discard(event["object"]["metadata"]["name"])
        connection.close()

    def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> Mapping[str, Any]:
        text = None if body is None else json.dumps(body)
        headers = self._headers() | {"Content-Type": content_type}
        if not hasattr(_own, "connection"):
            _own.connection = self._connect(30)
        try:
            _own.connection.request(method, path, text, headers)
            answer = _own.connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):
            # The API server closes a connection that was idle for long.
            _own.connection = self._connect(30)
            _own.connection.request(method, path, text, headers)
            answer = _own.connection.getresponse()
        content = json.loads(answer.read())
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {content.get('message')}")
        return dict(content)

    def _connect(self, timeout: float) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=self.ca_path)
        return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=context)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}

    def _path(self, plural: str, namespace: str) -> str:
        group = GROUP if plural == "appdatabases" else "/api/v1"
        return f"{group}/namespaces/{namespace}/{plural}"


def is_ready(live: Mapping[str, Any]) -> bool:
    status = live.get("status") or {}
    return status.get("observedGeneration") == live["metadata"]["generation"] and any(
        each["type"] == "Ready" and each["status"] == "True"
        for each in status.get("conditions") or ()
    )

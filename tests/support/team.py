"""One namespace of a sandbox as its team sees it: apply, look, wait, log in."""

import base64
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from appdb.api.conditions import KStatus, find_condition, kstatus_of
from appdb.api.meta import Condition
from appdb.api.names import ANNOTATION_REQUESTED_AT, LABEL_SOURCE
from appdb.local.sandbox import Sandbox
from appdb.local.waiting import wait_until
from support.apiserver import GROUP_PATH, Answer, ApiServer

WAIT_SECONDS = 30.0
POLL_SECONDS = 0.05
_requests = itertools.count(1)

Json = dict[str, Any]


def until(is_so: Callable[[], bool], *, seconds: float = WAIT_SECONDS, say: Callable[[], object]):
    """Wait for something to become so; fails with what stood there instead."""
    __tracebackhide__ = True
    is_in_time = wait_until(is_so, timeout_seconds=seconds, interval_seconds=POLL_SECONDS)
    assert is_in_time, f"not so after {seconds:g} s: {say()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A namespace, and cluster-admin's way to it."""

    sandbox: Sandbox
    namespace: str
    api: ApiServer = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "api", ApiServer.as_admin(self.sandbox.control_plane))

    def apply_source(
        self,
        name: str,
        files: Mapping[str, str],
        *,
        is_labelled: bool = True,
        binary: Mapping[str, bytes] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        """Create or replace a ConfigMap with source."""
        labels = {LABEL_SOURCE: "true"} if is_labelled else {}
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "labels": labels, "annotations": dict(annotations or {})},
            "data": dict(files),
            "binaryData": {
                key: base64.b64encode(value).decode() for key, value in (binary or {}).items()
            },
        }
        path = f"/api/v1/namespaces/{self.namespace}/configmaps"
        answer = self.api.create(path, body)
        if answer.status == 409:
            answer = self.api.request("PUT", f"{path}/{name}", body)
        assert answer.status in {200, 201}, answer.message

    def apply(self, name: str, /, **spec: Any) -> None:
        """Create an AppDatabase, or merge into its spec."""
        body: Json = {
            "apiVersion": "appdb.chatbuilds.com/v1alpha1",
            "kind": "AppDatabase",
            "metadata": {"name": name},
            "spec": spec,
        }
        answer = self.api.create(self._path(), body)
        if answer.status == 409:
            answer = self.patch(name, {"spec": spec})
        assert answer.status in {200, 201}, answer.message

    def patch(self, name: str, patch: Json) -> Answer:
        return self.api.patch(self._path(name), patch)

    def annotate(self, name: str, **annotations: str) -> None:
        body = {
            f"appdb.chatbuilds.com/{key.replace('_', '-')}": v for key, v in annotations.items()
        }
        assert self.patch(name, {"metadata": {"annotations": body}}).status == 200

    def read(self, name: str) -> Json:
        return self.api.request("GET", self._path(name)).body

    def status(self, name: str) -> Json:
        return self.read(name).get("status", {})

    def conditions(self, name: str) -> tuple[Condition, ...]:
        return conditions_of(self.read(name))

    def condition(self, name: str, kind: str) -> Condition | None:
        return find_condition(self.conditions(name), kind)

    def says(self, name: str, kind: str) -> tuple[str, str]:
        """Status and reason of a condition; two empty texts when it is not there."""
        found = self.condition(name, kind)
        return (found.status, found.reason) if found else ("", "")

    def kstatus(self, name: str) -> KStatus:
        return read_kstatus(self.read(name))

    def await_ready(self, name: str, *, seconds: float = WAIT_SECONDS) -> Json:
        """Wait until the present generation is Ready; the object."""
        until(
            lambda: self.kstatus(name) is KStatus.CURRENT,
            seconds=seconds,
            say=lambda: self.tell(name),
        )
        return self.read(name)

    def await_says(
        self, name: str, kind: str, status: str, reason: str, *, seconds: float = WAIT_SECONDS
    ) -> Condition:
        """Wait until a condition has status and reason; the condition."""
        __tracebackhide__ = True
        until(
            lambda: self.says(name, kind) == (status, reason),
            seconds=seconds,
            say=lambda: self.tell(name),
        )
        found = self.condition(name, kind)
        assert found is not None
        return found

    def request_look(self, name: str) -> None:
        """Ask for a look by annotation and wait until it has been taken."""
        stamp = f"look-{next(_requests)}"
        assert (
            self.patch(name, {"metadata": {"annotations": {ANNOTATION_REQUESTED_AT: stamp}}}).status
            == 200
        )
        until(
            lambda: self.status(name).get("lastHandledReconcileAt") == stamp,
            say=lambda: self.tell(name),
        )

    def delete(self, name: str) -> None:
        self.api.request("DELETE", self._path(name))

    def exists(self, name: str) -> bool:
        return self.api.request("GET", self._path(name)).status == 200

    def await_gone(self, name: str, *, seconds: float = WAIT_SECONDS) -> None:
        until(lambda: not self.exists(name), seconds=seconds, say=lambda: self.tell(name))

    def secret(self, name: str) -> Json | None:
        """A Secret as it is; None when there is none."""
        path = f"/api/v1/namespaces/{self.namespace}/secrets/{name}"
        answer = self.api.request("GET", path)
        return answer.body if answer.status == 200 else None

    def keys(self, name: str) -> dict[str, str]:
        """The decoded keys of the Secret of a database."""
        found = self.secret(f"{name}-db")
        assert found is not None, self.tell(name)
        return decoded(found)

    @contextmanager
    def logged_in(self, name: str) -> Iterator[psycopg.Connection]:
        """A session with nothing but the Secret's own DATABASE_URL."""
        with psycopg.connect(self.keys(name)["DATABASE_URL"], autocommit=True) as session:
            yield session

    def tables(self, name: str) -> list[str]:
        """The tables that the application sees in `public`."""
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        with self.logged_in(name) as session:
            return [row[0] for row in session.execute(query)]

    def events(self, name: str) -> list[tuple[str, str]]:
        """Reason and message of every Event about an object."""
        answer = self.api.request("GET", f"/api/v1/namespaces/{self.namespace}/events")
        return [
            (event["reason"], event["message"])
            for event in answer.body["items"]
            if event["involvedObject"]["name"] == name
        ]

    def tell(self, name: str) -> str:
        """What stands on an object, for the message of a failed test."""
        return "; ".join(
            f"{each.type}={each.status} {each.reason}: {each.message}"
            for each in self.conditions(name)
        )

    def _path(self, name: str = "") -> str:
        path = f"{GROUP_PATH}/namespaces/{self.namespace}/appdatabases"
        return f"{path}/{name}" if name else path


def conditions_of(live: Mapping[str, Any]) -> tuple[Condition, ...]:
    found = (live.get("status") or {}).get("conditions") or ()
    return tuple(Condition.parse(each) for each in found)


def read_kstatus(live: Mapping[str, Any]) -> KStatus:
    """How Flux, Helm and Argo CD read a live object."""
    metadata, status = live.get("metadata", {}), live.get("status") or {}
    return kstatus_of(
        conditions_of(live),
        generation=metadata.get("generation", 0),
        observed_generation=status.get("observedGeneration", -1),
        is_deleting="deletionTimestamp" in metadata,
    )


def decoded(secret: Mapping[str, Any]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}

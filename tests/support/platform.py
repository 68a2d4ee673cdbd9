"""The platform team's side of a sandbox: servers, their admin Secrets, namespaces."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from appdb.api.conditions import KStatus, find_condition
from appdb.api.meta import Condition
from appdb.local.manifests import OPERATOR_NAMESPACE
from appdb.local.postgres import EmbeddedPostgres, Login
from appdb.local.sandbox import Sandbox
from support.apiserver import GROUP_PATH, ApiServer
from support.sandbox import unique_name
from support.team import WAIT_SECONDS, conditions_of, read_kstatus, until

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """cluster-admin's view of the servers."""

    sandbox: Sandbox
    api: ApiServer = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "api", ApiServer.as_admin(self.sandbox.control_plane))

    @contextmanager
    def server(
        self, postgres: EmbeddedPostgres, admin: Login | None = None, **spec: Any
    ) -> Iterator[str]:
        """A DatabaseServer of its own with its admin Secret, every namespace allowed."""
        name = unique_name("srv")
        admin = admin or postgres.create_admin(unique_name("admin"))
        self.write_admin(name, admin.name, admin.password)
        server = postgres.server
        self.write_server(
            name,
            {
                "host": server.host,
                "port": server.port,
                "adminSecretRef": {"name": f"{name}-admin"},
                "allowedNamespaces": {"all": True},
            }
            | spec,
        )
        try:
            yield name
        finally:
            self.api.request("DELETE", f"{GROUP_PATH}/databaseservers/{name}")

    def write_server(self, name: str, spec: Json) -> None:
        body = {
            "apiVersion": "appdb.chatbuilds.com/v1alpha1",
            "kind": "DatabaseServer",
            "metadata": {"name": name},
            "spec": spec,
        }
        answer = self.api.create(f"{GROUP_PATH}/databaseservers", body)
        assert answer.status == 201, answer.message

    def write_admin(self, server: str, username: str, password: str) -> None:
        """Create or replace the admin Secret of a server."""
        name = f"{server}-admin"
        path = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/secrets"
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "stringData": {"username": username, "password": password},
        }
        answer = self.api.create(path, body)
        if answer.status == 409:
            answer = self.api.request("PUT", f"{path}/{name}", body)
        assert answer.status in {200, 201}, answer.message

    def patch(self, server: str, patch: Json) -> None:
        answer = self.api.patch(f"{GROUP_PATH}/databaseservers/{server}", patch)
        assert answer.status == 200, answer.message

    def read(self, server: str) -> Json:
        return self.api.request("GET", f"{GROUP_PATH}/databaseservers/{server}").body

    def condition(self, server: str, kind: str) -> Condition | None:
        return find_condition(conditions_of(self.read(server)), kind)

    def says(self, server: str, kind: str) -> tuple[str, str]:
        found = self.condition(server, kind)
        return (found.status, found.reason) if found else ("", "")

    def kstatus(self, server: str) -> KStatus:
        return read_kstatus(self.read(server))

    def await_says(
        self, server: str, kind: str, status: str, reason: str, *, seconds: float = WAIT_SECONDS
    ) -> Condition:
        __tracebackhide__ = True
        until(
            lambda: self.says(server, kind) == (status, reason),
            seconds=seconds,
            say=lambda: conditions_of(self.read(server)),
        )
        found = self.condition(server, kind)
        assert found is not None
        return found

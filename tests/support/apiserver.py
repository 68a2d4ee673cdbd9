"""Plain requests to the API server of a test, faster than a kubectl for each."""

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

import yaml

from appdb.local.controlplane import ControlPlane

GROUP_PATH = "/apis/appdb.chatbuilds.com/v1alpha1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: dict[str, Any]

    @property
    def message(self) -> str:
        """What the API server says about a refusal."""
        return str(self.body.get("message", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServer:
    """The API server as cluster-admin, or as the holder of another token."""

    control_plane: ControlPlane
    token: str

    @classmethod
    def as_admin(cls, control_plane: ControlPlane) -> "ApiServer":
        config = yaml.safe_load(control_plane.kubeconfig.read_text())
        return cls(control_plane=control_plane, token=config["users"][0]["user"]["token"])

    def request(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        request = urllib.request.Request(
            self.control_plane.url + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": content_type},
        )
        context = ssl.create_default_context(cafile=str(self.control_plane.ca_path))
        try:
            with urllib.request.urlopen(request, timeout=30, context=context) as response:
                return Answer(status=response.status, body=json.load(response))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(status=error.code, body=json.load(error))

    def create(self, path: str, body: dict[str, Any]) -> Answer:
        return self.request("POST", path, body)

    def patch(self, path: str, body: dict[str, Any]) -> Answer:
        """A JSON merge patch."""
        return self.request("PATCH", path, body, "application/merge-patch+json")

    def may(self, user: str, verb: str, resource: str, namespace: str) -> bool:
        """Ask what RBAC lets a user do; a resource is `plural[.group][/subresource]`."""
        whole, _, subresource = resource.partition("/")
        plural, _, group = whole.partition(".")
        attributes = {
            "verb": verb,
            "group": group,
            "resource": plural,
            "subresource": subresource,
            "namespace": namespace,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": user, "resourceAttributes": attributes},
        }
        answer = self.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        return bool(answer.body["status"]["allowed"])


def collection(plural: str, namespace: str | None) -> str:
    if namespace is None:
        return f"{GROUP_PATH}/{plural}"
    return f"{GROUP_PATH}/namespaces/{namespace}/{plural}"

"""The adapter around the Kubernetes client: plain objects in and out, our errors.

It knows HTTP and nothing about databases. Objects are the JSON that the API server
speaks; models of the contract are built from it by the caller. Each call is one request,
repeated only when the server itself says when (429 with Retry-After), or refuses a login
that may have been replaced (401).
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import yaml
from kubernetes.aio import client, config
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.config import ConfigException

from appdb.api.names import FIELD_MANAGER
from appdb.cluster.resources import NAMESPACES, Resource
from appdb.errors import AppDBError, ClusterForbidden, ClusterUnavailable, ConcurrentUpdate

Json = dict[str, Any]
Page = list[Json]

REQUEST_TIMEOUT_SECONDS = 15.0
PARALLEL_REQUESTS = 32
PAGE_SIZE = 500
LONGEST_RETRY_AFTER_SECONDS = 10.0
RETRIES_AFTER_429 = 3

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; `body` is the decoded JSON."""

    status: int
    body: Json
    retry_after_seconds: float | None = None


class Reader(Protocol):
    """Whoever can be asked for objects: the API server, or what it said a moment ago."""

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Json | None:
        """Return an object, or None when there is none."""

    async def list(
        self, resource: Resource, namespace: str | None = None, *, label_selector: str = ""
    ) -> list[Json]:
        """Return all objects of a kind."""

    async def cluster_id(self) -> str:
        """Return the identity of the cluster."""


class Cluster:
    """One API server. Use `connect`, and `close` when done."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api
        self._cluster_id: str | None = None

    @classmethod
    async def connect(cls) -> "Cluster":
        """Log in as the pod's ServiceAccount, or as KUBECONFIG says outside a cluster.

        A token is read again when it is refused, and a projected one before it runs out.

        Raises:
            ClusterUnavailable: there is neither a ServiceAccount nor a kubeconfig.
        """
        settings = client.Configuration()
        settings.connection_pool_maxsize = PARALLEL_REQUESTS
        # Proxies and ~/.netrc of a person are none of the operator's, as with kopf's watches.
        settings.client_session_kwargs = {"trust_env": False}
        try:
            await _load(settings)
        except (ConfigException, OSError) as err:
            raise ClusterUnavailable(
                f"no way to reach a cluster: {err}. Run inside one, or set KUBECONFIG"
            ) from err
        return cls(client.ApiClient(configuration=settings))

    async def close(self) -> None:
        """Close all connections."""
        await self._api.close()

    async def cluster_id(self) -> str:
        """Return the identity of the cluster: the uid of its kube-system namespace."""
        if self._cluster_id is None:
            namespace = await self.get(NAMESPACES, None, "kube-system")
            if namespace is None:
                raise ClusterUnavailable("the namespace kube-system does not exist (yet)")
            self._cluster_id = str(namespace["metadata"]["uid"])
        return self._cluster_id

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Json | None:
        """Return the object as it is now, or None when there is none."""
        answer = await self._request("GET", resource, resource.path(namespace, name))
        return None if answer.status == 404 else answer.body

    async def pages(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        size: int = PAGE_SIZE,
    ) -> AsyncIterator[Page]:
        """Yield all objects of a kind, so many at a time."""
        query = {"limit": str(size)}
        if label_selector:
            query["labelSelector"] = label_selector
        while True:
            answer = await self._request("GET", resource, resource.path(namespace), query=query)
            yield answer.body.get("items", [])
            token = answer.body.get("metadata", {}).get("continue")
            if not token:
                return
            query["continue"] = token

    async def list(
        self, resource: Resource, namespace: str | None = None, *, label_selector: str = ""
    ) -> list[Json]:
        """Return all objects of a kind, page by page."""
        pages = self.pages(resource, namespace, label_selector=label_selector)
        return [each async for page in pages for each in page]

    async def create(self, resource: Resource, namespace: str | None, body: Json) -> Json:
        """Create an object. Raises ConcurrentUpdate when it is there already."""
        answer = await self._request(
            "POST",
            resource,
            resource.path(namespace),
            query={"fieldManager": FIELD_MANAGER},
            body=body,
        )
        return answer.body

    async def replace(self, resource: Resource, namespace: str | None, body: Json) -> Json:
        """Replace an object at the resourceVersion in the body."""
        path = resource.path(namespace, body["metadata"]["name"])
        return (await self._request("PUT", resource, path, body=body)).body

    async def apply(self, resource: Resource, body: Json) -> Json:
        """Server-side apply as the operator: our fields are set, everybody else's stay."""
        metadata = body["metadata"]
        answer = await self._request(
            "PATCH",
            resource,
            resource.path(metadata.get("namespace"), metadata["name"]),
            query={"fieldManager": FIELD_MANAGER, "force": "true"},
            body={"apiVersion": resource.api_version, "kind": resource.kind} | body,
            content_type=APPLY_PATCH,
        )
        return answer.body

    async def merge(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        patch: Mapping[str, Any],
        *,
        subresource: str = "",
    ) -> Json | None:
        """Merge-patch an object; with a resourceVersion in it, only that version.

        Returns None when the object is gone. Raises ConcurrentUpdate when it moved on.
        """
        answer = await self._request(
            "PATCH",
            resource,
            resource.path(namespace, name, subresource),
            query={"fieldManager": FIELD_MANAGER},
            body=dict(patch),
            content_type=MERGE_PATCH,
        )
        return None if answer.status == 404 else answer.body

    async def set_finalizers(
        self,
        resource: Resource,
        live: Mapping[str, Any],
        finalizers: tuple[str, ...],
    ) -> Json | None:
        """Set the finalizers of exactly this version of an object; None when it is gone.

        Raises ConcurrentUpdate when somebody wrote in between.
        """
        metadata = live["metadata"]
        patch = {
            "metadata": {
                "finalizers": list(finalizers),
                "resourceVersion": metadata["resourceVersion"],
            }
        }
        return await self.merge(resource, metadata.get("namespace"), metadata["name"], patch)

    async def delete(
        self, resource: Resource, namespace: str | None, name: str, *, uid: str
    ) -> None:
        """Delete exactly this incarnation of an object; gone already is fine."""
        body = {"preconditions": {"uid": uid}}
        path = resource.path(namespace, name)
        await self._request("DELETE", resource, path, body=body)

    async def _request(
        self,
        method: str,
        resource: Resource,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Answer:
        for _ in range(RETRIES_AFTER_429):
            answer = await self._logged_in(method, path, query, body, content_type)
            wait = answer.retry_after_seconds
            if answer.status != 429 or wait is None or wait > LONGEST_RETRY_AFTER_SECONDS:
                break
            await asyncio.sleep(wait)
        return _checked(answer, method, resource, path)

    async def _logged_in(self, method: str, path: str, *words: Any) -> Answer:
        """Ask; when the login is refused read it again, and ask once more."""
        answer = await self._once(method, path, *words)
        if answer.status != 401:
            return answer
        # A file that is just being replaced cannot be read, or holds the old login still.
        with suppress(ConfigException, OSError, yaml.YAMLError):
            await _load(self._api.configuration)
        return await self._once(method, path, *words)

    async def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any,
        content_type: str,
    ) -> Answer:
        serialized = await self._api.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            response = await self._api.call_api(
                *serialized, _request_timeout=REQUEST_TIMEOUT_SECONDS
            )
            raw = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError, ApiException) as err:
            raise ClusterUnavailable(
                f"the API server did not answer {method} {path}: {type(err).__name__}"
            ) from err
        return Answer(
            status=response.status,
            body=_decoded(raw),
            retry_after_seconds=_seconds(response.getheader("Retry-After")),
        )


async def _load(settings: client.Configuration) -> None:
    try:
        config.load_incluster_config(client_configuration=settings)
    except ConfigException:
        await config.load_kube_config(client_configuration=settings)


def _decoded(raw: bytes) -> Json:
    try:
        body = json.loads(raw)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _seconds(header: str | None) -> float | None:
    return float(header) if header is not None and header.isdigit() else None


def _checked(answer: Answer, method: str, resource: Resource, path: str) -> Answer:
    """Translate the status code, once, into our errors; 404 is left to the caller."""
    if answer.status < 400 or answer.status == 404:
        return answer
    said = str(answer.body.get("message", ""))
    if answer.status == 403 and _is_ending(answer.body):
        raise ClusterUnavailable(f"{method} {path}: the namespace is being deleted")
    raise _error(answer.status, f"{method} {path}", said, resource.plural)


def _is_ending(body: Json) -> bool:
    """Tell whether a refusal is for the end of the namespace, and not for want of a right."""
    causes = (body.get("details") or {}).get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)


def _error(status: int, request: str, said: str, plural: str) -> AppDBError:
    if status == 409:
        return ConcurrentUpdate(f"{request}: somebody else wrote first; trying again")
    if status == 401:
        return ClusterUnavailable(
            f"the API server refuses the operator's login: {request} (401): {said}; its token is "
            "read again at every request, see the ServiceAccount or KUBECONFIG"
        )
    if status == 403:
        return ClusterForbidden(
            f"the API server refuses {request} ({status}): {said}. Give the operator's "
            f"ServiceAccount this right on {plural}, or apply the roles of this release"
        )
    if status in {400, 405, 413, 415, 422}:
        return ClusterForbidden(f"the API server does not accept {request} ({status}): {said}")
    return ClusterUnavailable(f"the API server answered {request} with {status}: {said}")

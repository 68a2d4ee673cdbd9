"""What the API server listed when this process began, for the first look at each object.

A process that starts finds most objects as the last one left them. Asking for each and for
all that it refers to would take five requests per object; a few lists answer the same.
Held packed and let go of after the first look. What the watches have seen in another
version, or not at all, is asked for anew: nothing is ever decided on a list that is old,
and nothing but "as it was left" is ever concluded from one.
"""

import logging
import marshal
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from appdb.cluster.client import Cluster, Json
from appdb.cluster.resources import (
    APP_DATABASES,
    CONFIG_MAPS,
    DATABASE_SERVERS,
    NAMESPACES,
    SECRETS,
    SELECTORS,
    Resource,
)
from appdb.errors import AppDBError, ClusterForbidden

log = logging.getLogger(__name__)

# Packed; what is beyond is asked for one by one.
HELD_BYTES = 48 * 2**20
# A page of sources may be fifty times a mebibyte.
_PAGE_OF_SOURCES = 20
_KINDS = (NAMESPACES, DATABASE_SERVERS, SECRETS, CONFIG_MAPS, APP_DATABASES)

Name: TypeAlias = tuple[Resource, str, str]


@dataclass(frozen=True, slots=True)
class _Held:
    version: str
    packed: bytes


class Listing:
    """A `Reader` that knows what was listed, and asks the API server for all else."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._held: dict[Name, _Held] = {}
        self._unseen: set[Name] = set()
        self._whole: set[Resource] = set()
        self._bytes = 0
        # The server of all databases is asked for by each of them.
        self._unpacked = lru_cache(maxsize=64)(_unpack)

    async def read(self, namespaces: tuple[str, ...] = ()) -> None:
        """List everything that is watched; what cannot be listed is done without.

        Read it before the watches begin: they tell what has changed since.
        """
        for resource in _KINDS:
            is_whole = True
            try:
                async for live in self._pages(resource, namespaces):
                    is_whole &= self._hold(resource, live)
            except ClusterForbidden as error:
                log.info("done without a list of %s: %s", resource.plural, error.message)
                continue
            except AppDBError as error:
                log.info("done without lists: %s", error.message)
                return
            if is_whole:
                self._whole.add(resource)

    def is_as_listed(self, resource: Resource, body: Mapping[str, Any], change: str | None) -> bool:
        """Tell whether a watch shows what was listed; what it shows otherwise is let go of."""
        name = _name(resource, body)
        self._unseen.discard(name)
        held = self._held.get(name)
        if held is None:
            return False
        if change is None and held.version == body["metadata"].get("resourceVersion"):
            return True
        self._let_go(name)
        self._whole.discard(resource)
        return False

    def each(self, resource: Resource) -> Iterator[Json]:
        """Yield every object of a kind that was listed and has not changed since."""
        for (kind, _, _), held in self._held.items():
            if kind is resource:
                yield self._unpacked(held.packed)

    def take(self, resource: Resource, namespace: str, name: str) -> Json | None:
        """Hand out an object once; None when it was not listed, or has changed since."""
        key = (resource, namespace, name)
        held = self._held.get(key)
        if held is None:
            return None
        self._let_go(key)
        return self._unpacked(held.packed)

    def unseen(self) -> tuple[Name, ...]:
        """Return what was listed and the watches have not shown: (resource, namespace, name)."""
        return tuple(self._unseen)

    def count_unseen(self) -> int:
        """Count what the watches have not shown yet."""
        return len(self._unseen)

    def close(self) -> None:
        """Let go of everything: from now on all is asked for."""
        self._held.clear()
        self._unseen.clear()
        self._whole.clear()
        self._bytes = 0
        self._unpacked.cache_clear()

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Json | None:
        """Return an object as it was listed, or else as it is now."""
        held = self._held.get((resource, namespace or "", name))
        if held is not None:
            return self._unpacked(held.packed)
        return await self._cluster.get(resource, namespace, name)

    async def cluster_id(self) -> str:
        """Return the identity of the cluster, which never changes."""
        return await self._cluster.cluster_id()

    async def _pages(self, resource: Resource, namespaces: tuple[str, ...]) -> AsyncIterator[Json]:
        scopes = namespaces if resource.namespaced and namespaces else (None,)
        size = _PAGE_OF_SOURCES if resource is CONFIG_MAPS else 500
        selector = SELECTORS.get(resource, "")
        for namespace in scopes:
            pages = self._cluster.pages(resource, namespace, label_selector=selector, size=size)
            async for page in pages:
                for live in page:
                    yield live

    def _hold(self, resource: Resource, live: Json) -> bool:
        """Keep an object; tells whether there was room for it."""
        packed = zlib.compress(marshal.dumps(live), 1)
        if self._bytes + len(packed) > HELD_BYTES:
            return False
        name = _name(resource, live)
        self._held[name] = _Held(str(live["metadata"]["resourceVersion"]), packed)
        self._unseen.add(name)
        self._bytes += len(packed)
        return True

    def _let_go(self, name: Name) -> None:
        self._bytes -= len(self._held.pop(name).packed)

    async def list(
        self, resource: Resource, namespace: str | None = None, *, label_selector: str = ""
    ) -> list[Json]:
        """Return all objects of a kind: as they were listed, if all of them still are so."""
        if resource in self._whole and resource not in SELECTORS and not label_selector:
            found = self.each(resource)
            return [e for e in found if namespace in {None, e["metadata"].get("namespace")}]
        return await self._cluster.list(resource, namespace, label_selector=label_selector)


def _name(resource: Resource, body: Mapping[str, Any]) -> Name:
    metadata = body["metadata"]
    return resource, metadata.get("namespace", ""), metadata["name"]


def _unpack(packed: bytes) -> Json:
    body: Json = marshal.loads(zlib.decompress(packed))  # noqa: S302 - packed by ourselves
    return body

"""Writes to one object in one run: status and our finalizer, against the version last seen.

The resourceVersion is a fence: an operator that was paused and wakes up late is refused
instead of overwriting what its successor wrote. Who only labels or annotates the object is
no reason to do a whole run again: where nothing else has changed, the write is repeated on
the new version. Writes of one run take turns, so that the one that shows progress never
makes the others fail.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from appdb.cluster.client import Cluster, Json
from appdb.cluster.resources import Resource
from appdb.errors import ConcurrentUpdate
from appdb.reconcile.patch import merge_patch

ATTEMPTS = 6


class Status(Protocol):
    """A status model of the contract."""

    def to_object(self) -> Json:
        """Return the JSON form."""
        ...


@dataclass(slots=True)
class StatusWriter:
    """One object in one run; `written` counts the patches of status."""

    cluster: Cluster
    resource: Resource
    live: Json
    written: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def of(cls, cluster: Cluster, resource: Resource, live: Json) -> "StatusWriter":
        """Start from an object as it was read."""
        return cls(cluster, resource, live)

    async def write(self, status: Status) -> bool:
        """Patch what differs; returns whether anything did.

        Raises:
            ConcurrentUpdate: the object was written or deleted meanwhile.
        """
        async with self._turn:
            patch = merge_patch(self.live.get("status") or {}, status.to_object())
            if not patch:
                return False
            await self._patch({"status": patch}, subresource="status")
            self.written += 1
            return True

    async def hold(self, finalizer: str) -> None:
        """Put a finalizer on the object.

        Raises:
            ConcurrentUpdate: the object was written or deleted meanwhile.
        """
        async with self._turn:
            held = self.live["metadata"].get("finalizers") or ()
            await self._patch({"metadata": {"finalizers": [*held, finalizer]}})

    async def _patch(self, patch: Json, *, subresource: str = "") -> None:
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._patch_once(patch, subresource)
            except ConcurrentUpdate:
                await self._take_newer()
        return await self._patch_once(patch, subresource)

    async def _take_newer(self) -> None:
        """Go on from a newer version that differs in nothing that a run goes by.

        Raises:
            ConcurrentUpdate: it does, or the object is gone.
        """
        metadata = self.live["metadata"]
        newer = await self.cluster.get(self.resource, metadata.get("namespace"), metadata["name"])
        if newer is None or _essence(newer) != _essence(self.live):
            raise ConcurrentUpdate("the object was changed meanwhile; trying again")
        self.live = newer

    async def _patch_once(self, patch: Json, subresource: str) -> None:
        metadata = self.live["metadata"]
        version = {"resourceVersion": metadata["resourceVersion"]}
        answer = await self.cluster.merge(
            self.resource,
            metadata.get("namespace"),
            metadata["name"],
            patch | {"metadata": version | patch.get("metadata", {})},
            subresource=subresource,
        )
        if answer is None:
            raise ConcurrentUpdate("the object was deleted meanwhile")
        self.live = answer


def _essence(live: Json) -> tuple[object, ...]:
    """Reduce an object to what our writes rest on: which one, what it asks for, what we said."""
    metadata = live["metadata"]
    return (
        metadata.get("uid"),
        metadata.get("generation"),
        metadata.get("deletionTimestamp"),
        metadata.get("finalizers") or [],
        live.get("status"),
    )

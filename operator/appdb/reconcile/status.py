"""Writes the status of one object: the smallest patch, against the version that was read.

The resourceVersion is a fence: an operator that was paused and wakes up late is refused
instead of overwriting what its successor wrote.
"""

from dataclasses import dataclass
from typing import Protocol

from appdb.cluster.client import Cluster, Json
from appdb.cluster.resources import Resource
from appdb.errors import ConcurrentUpdate
from appdb.reconcile.patch import merge_patch


class Status(Protocol):
    """A status model of the contract."""

    def to_object(self) -> Json:
        """Return the JSON form."""
        ...


@dataclass(slots=True)
class StatusWriter:
    """The status of one object in one run; `written` counts the patches."""

    cluster: Cluster
    resource: Resource
    live: Json
    resource_version: str
    written: int = 0

    @classmethod
    def of(cls, cluster: Cluster, resource: Resource, live: Json) -> "StatusWriter":
        """Start from an object as it was read."""
        return cls(cluster, resource, live, live["metadata"]["resourceVersion"])

    async def write(self, status: Status) -> bool:
        """Patch what differs; returns whether anything did.

        Raises:
            ConcurrentUpdate: the object was written or deleted meanwhile.
        """
        patch = merge_patch(self.live.get("status") or {}, status.to_object())
        if not patch:
            return False
        metadata = self.live["metadata"]
        answer = await self.cluster.merge(
            self.resource,
            metadata.get("namespace"),
            metadata["name"],
            {"metadata": {"resourceVersion": self.resource_version}, "status": patch},
            subresource="status",
        )
        if answer is None:
            raise ConcurrentUpdate("the object was deleted meanwhile")
        self.live = answer
        self.resource_version = answer["metadata"]["resourceVersion"]
        self.written += 1
        return True

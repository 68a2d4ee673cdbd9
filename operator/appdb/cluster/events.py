"""Kubernetes Events: few, actionable, and never the same twice in five minutes.

Best effort by nature: an Event that cannot be written is logged and forgotten; what a
user must know is in the conditions too. No credential and no statement goes in here.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from appdb.api.appdatabase import AppDatabase
from appdb.api.names import API_VERSION, FIELD_MANAGER
from appdb.cluster.client import Cluster
from appdb.cluster.resources import EVENTS
from appdb.errors import AppDBError, one_line

log = logging.getLogger(__name__)

QUIET_SECONDS = 300.0
KNOWN_LIMIT = 10_000


class EventReason(StrEnum):
    """The closed list of reasons; a table of them stands in docs/operations.md."""

    DATABASE_CREATED = "DatabaseCreated"
    DATABASE_ADOPTED = "DatabaseAdopted"
    SECRET_CREATED = "SecretCreated"  # noqa: S105 - the name of an event
    CREDENTIALS_ROTATED = "CredentialsRotated"
    PLAN_CREATED = "PlanCreated"
    PLAN_APPROVED = "PlanApproved"
    SCHEMA_APPLIED = "SchemaApplied"
    DATABASE_DROPPED = "DatabaseDropped"
    DATABASE_RETAINED = "DatabaseRetained"
    SERVER_UNREACHABLE = "ServerUnreachable"
    NAME_CONFLICT = "NameConflict"
    SOURCE_INVALID = "SourceInvalid"
    PLAN_PENDING_APPROVAL = "PlanPendingApproval"
    PLAN_REJECTED = "PlanRejected"
    DDL_FAILED = "DDLFailed"
    DRIFT_DETECTED = "DriftDetected"

    @property
    def is_warning(self) -> bool:
        """Tell whether somebody should look."""
        return self in _WARNINGS


_WARNINGS = frozenset(
    {
        EventReason.SERVER_UNREACHABLE,
        EventReason.NAME_CONFLICT,
        EventReason.SOURCE_INVALID,
        EventReason.PLAN_PENDING_APPROVAL,
        EventReason.PLAN_REJECTED,
        EventReason.DDL_FAILED,
        EventReason.DRIFT_DETECTED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The object that an Event is about."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


def subject_of(database: AppDatabase) -> Subject:
    """Return an AppDatabase as the object of an Event."""
    meta = database.metadata
    return Subject(
        api_version=API_VERSION,
        kind="AppDatabase",
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
    )


@dataclass(slots=True)
class EventRecorder:
    """Writes Events for one operator process; `clock` gives the wall time, in UTC."""

    cluster: Cluster
    instance: str
    clock: Callable[[], datetime]
    _last: dict[tuple[str, EventReason, str], datetime] = field(default_factory=dict)

    async def post(
        self,
        subject: Subject,
        reason: EventReason,
        message: str,
        *,
        happened: datetime | None = None,
    ) -> None:
        """Write one Event unless the same one was written in the last five minutes.

        It is told later than it `happened` where others were waiting.
        """
        now = happened or self.clock()
        known = (subject.uid, reason, message)
        last = self._last.get(known)
        if last is not None and (now - last).total_seconds() < QUIET_SECONDS:
            return
        if len(self._last) >= KNOWN_LIMIT:
            self._last.clear()
        self._last[known] = now
        namespace = subject.namespace or "default"
        try:
            await self.cluster.create(
                EVENTS, namespace, self._event(subject, reason, message, namespace, now)
            )
        except AppDBError as error:
            log.warning("an event could not be written: %s", error.message)

    def _event(
        self, subject: Subject, reason: EventReason, message: str, namespace: str, now: datetime
    ) -> dict[str, Any]:
        stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{subject.name[:200]}.{int(now.timestamp() * 1e6):x}",
                "namespace": namespace,
            },
            "involvedObject": {
                "apiVersion": subject.api_version,
                "kind": subject.kind,
                "namespace": subject.namespace,
                "name": subject.name,
                "uid": subject.uid,
            },
            "type": "Warning" if reason.is_warning else "Normal",
            "reason": reason.value,
            "message": one_line(message),
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
            "source": {"component": FIELD_MANAGER},
            "reportingComponent": FIELD_MANAGER,
            "reportingInstance": self.instance,
        }

"""The kinds that the operator serves: names, scopes, columns of `kubectl get`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from appdb.api.appdatabase import AppDatabase
from appdb.api.base import Model
from appdb.api.names import (
    APPDATABASES,
    DATABASESERVERS,
    LABEL_PROVISIONED_SERVICE,
    SCHEMAPLANS,
)
from appdb.api.schemaplan import SchemaPlan
from appdb.api.server import DatabaseServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of `kubectl get`; the wide ones are shown with `-o wide`."""

    name: str
    path: str
    description: str
    type: Literal["string", "integer", "date", "boolean"] = "string"
    is_wide: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    model: type[Model]
    plural: str
    short_names: tuple[str, ...]
    scope: Literal["Namespaced", "Cluster"]
    columns: tuple[Column, ...]
    selectable: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return self.model.__name__

    @property
    def singular(self) -> str:
        return self.kind.lower()


def _condition(kind: str, part: str) -> str:
    return f'.status.conditions[?(@.type=="{kind}")].{part}'


_AGE = Column(
    name="Age",
    path=".metadata.creationTimestamp",
    description="Time since it was created.",
    type="date",
)
_READY = Column(name="Ready", path=_condition("Ready", "status"), description="Whether it is fine.")
_REASON = Column(name="Reason", path=_condition("Ready", "reason"), description="Why, in one word.")
_MESSAGE = Column(
    name="Message",
    path=_condition("Ready", "message"),
    description="What happened and the next step.",
    is_wide=True,
)

APPDATABASE = Kind(
    model=AppDatabase,
    plural=APPDATABASES,
    short_names=("appdb",),
    scope="Namespaced",
    labels={LABEL_PROVISIONED_SERVICE: "true"},
    selectable=(".spec.serverRef.name", ".spec.databaseName", ".spec.credentials.secretName"),
    columns=(
        _READY,
        _REASON,
        Column(name="Database", path=".status.database.name", description="Name on the server."),
        Column(name="Server", path=".status.server.name", description="The DatabaseServer."),
        Column(
            name="Tables",
            path=".status.schema.tables",
            description="Number of managed tables.",
            type="integer",
        ),
        Column(
            name="Secret",
            path=".status.binding.name",
            description="The Secret with the credentials.",
        ),
        Column(
            name="Size",
            path=".status.usage.size",
            description="Size of the database.",
            is_wide=True,
        ),
        Column(
            name="Plan",
            path=".status.schema.planRef.name",
            description="The SchemaPlan in question.",
            is_wide=True,
        ),
        Column(
            name="Source",
            path=".status.source.digest",
            description="Digest of the source that was last read.",
            is_wide=True,
        ),
        _MESSAGE,
        _AGE,
    ),
)

DATABASESERVER = Kind(
    model=DatabaseServer,
    plural=DATABASESERVERS,
    short_names=("dbsrv",),
    scope="Cluster",
    columns=(
        _READY,
        _REASON,
        Column(name="Host", path=".spec.host", description="Host name or address."),
        Column(name="Version", path=".status.version", description="Version of Postgres."),
        Column(
            name="Databases",
            path=".status.databases",
            description="Number of AppDatabase objects on it.",
            type="integer",
        ),
        Column(
            name="Default",
            path=".spec.isDefault",
            description="Whether objects that name no server come here.",
            type="boolean",
            is_wide=True,
        ),
        Column(
            name="System",
            path=".status.systemIdentifier",
            description="Identity of the Postgres cluster.",
            is_wide=True,
        ),
        _MESSAGE,
        _AGE,
    ),
)

SCHEMAPLAN = Kind(
    model=SchemaPlan,
    plural=SCHEMAPLANS,
    short_names=("appplan",),
    scope="Namespaced",
    selectable=(".spec.appDatabaseRef.name", ".spec.decision"),
    columns=(
        Column(name="AppDB", path=".spec.appDatabaseRef.name", description="The AppDatabase."),
        Column(name="Risk", path=".spec.risk", description="The highest class of a step."),
        Column(
            name="Steps",
            path=".spec.stepCount",
            description="Number of steps.",
            type="integer",
        ),
        Column(
            name="Decision",
            path=".spec.decision",
            description="Pending, Approved or Rejected.",
        ),
        Column(
            name="Applied",
            path=_condition("Applied", "reason"),
            description="What became of it.",
        ),
        Column(name="Hash", path=".spec.planHash", description="Hash of the plan.", is_wide=True),
        Column(
            name="By",
            path=".status.decidedBy",
            description="Who decided.",
            is_wide=True,
        ),
        _AGE,
    ),
)

KINDS = (APPDATABASE, DATABASESERVER, SCHEMAPLAN)

"""AppDatabase: one database, its roles, its Secret and its tables, as an app team asks for it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field

from appdb.api.appdatabase_status import AppDatabaseStatus
from appdb.api.base import ExtensionName, Model, ObjectName, rule, rules
from appdb.api.credentials_spec import AccessList, AccessSpec, CredentialsSpec
from appdb.api.meta import ObjectMeta
from appdb.api.quantities import Duration, Quantity
from appdb.api.schema_spec import SchemaSpec
from appdb.api.source_spec import SourceSpec


class DeletionPolicy(StrEnum):
    """What happens to the database when the object goes; from the safest on."""

    RETAIN = "Retain"
    SNAPSHOT = "Snapshot"
    DELETE = "Delete"


class Adopt(StrEnum):
    NEVER = "Never"
    IF_UNCLAIMED = "IfUnclaimed"


class ServerRef(Model):
    name: ObjectName = Field(description="Name of the DatabaseServer.")


class LimitsSpec(Model):
    """Bounds for this database; absent ones come from the server."""

    connections: Annotated[int, Field(ge=1, le=10000)] | None = Field(
        default=None,
        description="Most connections to the database at one time.",
    )
    statement_timeout: Duration | None = Field(
        default=None,
        description="Default time limit of a statement of the application's login.",
    )
    storage: Quantity | None = Field(
        default=None,
        description="Size that the database should not exceed.",
    )


_DATABASE_NAME = rules(
    rule(
        "self != 'postgres' && !self.startsWith('template') && !self.startsWith('pg_')"
        " && !self.startsWith('rds') && !self.startsWith('_appdb')",
        "databaseName must not be postgres nor begin with template, pg_, rds or _appdb: Postgres, "
        "cloud providers and the operator keep these names; choose another one",
    ),
)

_SET_ONCE = rules(
    rule(
        "!has(oldSelf.serverRef) || (has(self.serverRef)"
        " && self.serverRef.name == oldSelf.serverRef.name)",
        "serverRef may be set once: a database does not move. Create a new AppDatabase on the "
        "other server and copy the data",
    ),
    rule(
        "!has(oldSelf.databaseName) || (has(self.databaseName)"
        " && self.databaseName == oldSelf.databaseName)",
        "databaseName may be set once. Create a new AppDatabase with the other name and copy "
        "the data",
    ),
    rule(
        "!has(oldSelf.credentials) || !has(oldSelf.credentials.secretName)"
        " || (has(self.credentials) && has(self.credentials.secretName)"
        " && self.credentials.secretName == oldSelf.credentials.secretName)",
        "credentials.secretName may be set once: pods refer to it. For a second Secret add an "
        "entry to access",
    ),
)


class AppDatabaseSpec(Model):
    """What an application team asks for."""

    model_config = ConfigDict(json_schema_extra=_SET_ONCE)

    server_ref: ServerRef | None = Field(
        default=None,
        description="The DatabaseServer to use; default is the one marked isDefault. May be set "
        "once.",
    )
    database_name: (
        Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
        | None
    ) = Field(
        default=None,
        description="Name of the database on the server; default <namespace>_<name>. May be set "
        "once.",
        json_schema_extra=_DATABASE_NAME,
    )
    source: SourceSpec | None = Field(
        default=None,
        description="The application's own source, from which the tables are read. Without it "
        "the schema is left alone.",
    )
    schema_: SchemaSpec = Field(
        alias="schema",
        default_factory=SchemaSpec,
        description="How the tables are kept in step with the source.",
        json_schema_extra={"default": {}},
    )
    credentials: CredentialsSpec = Field(
        default_factory=CredentialsSpec,
        description="The login of the application and the Secret that carries it.",
        json_schema_extra={"default": {}},
    )
    access: AccessList = Field(
        default=(),
        description="More logins to the same database, each with a Secret of its own.",
    )
    extensions: Annotated[
        tuple[ExtensionName, ...],
        Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = Field(
        default=(),
        description="Postgres extensions to install; the server must allow each.",
    )
    limits: LimitsSpec | None = Field(
        default=None,
        description="Bounds for this database; absent ones come from the server.",
    )
    deletion_policy: DeletionPolicy = Field(
        default=DeletionPolicy.RETAIN,
        description="What happens when this object is deleted. Retain: database and Secret stay. "
        "Delete: both are dropped. Snapshot: dropped after a backup.",
    )
    protect: bool = Field(
        default=False,
        description="While true, a deletion with the policy Delete waits and no data is touched.",
    )
    suspend: bool = Field(
        default=False,
        description="While true, nothing is reconciled; deletion still works.",
    )
    adopt: Adopt = Field(
        default=Adopt.NEVER,
        description="IfUnclaimed takes over a database that exists and is nobody's; the server "
        "must allow it.",
    )


_SETTLED = rules(
    rule(
        "has(oldSelf.spec.serverRef) || !has(self.spec.serverRef) || !has(self.status)"
        " || !has(self.status.database) || !has(self.status.server)"
        " || !has(self.status.server.name)"
        " || self.status.server.name == self.spec.serverRef.name",
        "the database already lives on the server in status.server.name; set serverRef to that "
        "one or leave it out",
    ),
    rule(
        "has(oldSelf.spec.databaseName) || !has(self.spec.databaseName) || !has(self.status)"
        " || !has(self.status.database) || !has(self.status.database.name)"
        " || self.status.database.name == self.spec.databaseName",
        "the database already has the name in status.database.name; set databaseName to that "
        "one or leave it out",
    ),
    rule(
        "(has(oldSelf.spec.credentials) && has(oldSelf.spec.credentials.secretName))"
        " || !has(self.spec.credentials) || !has(self.spec.credentials.secretName)"
        " || !has(self.status) || !has(self.status.binding)"
        " || self.status.binding.name == self.spec.credentials.secretName",
        "the credentials are already in the Secret in status.binding.name; set "
        "credentials.secretName to that one or leave it out",
    ),
    rule(
        "!has(self.spec.access) || self.spec.access.all(a, !has(a.secretName)"
        " || a.secretName != (has(self.spec.credentials)"
        " && has(self.spec.credentials.secretName)"
        " ? self.spec.credentials.secretName : self.metadata.name + '-db'))",
        "a secretName in access is that of the application's own Secret; choose another one",
    ),
)


class AppDatabase(Model):
    """An isolated Postgres database with a login, a Secret and the tables of the application."""

    model_config = ConfigDict(json_schema_extra=_SETTLED)

    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: AppDatabaseSpec = Field(
        default_factory=AppDatabaseSpec,
        description="What the application team asks for.",
        json_schema_extra={"default": {}},
    )
    status: AppDatabaseStatus = Field(
        default_factory=AppDatabaseStatus,
        description="What the operator found and did.",
        json_schema_extra={"default": {"observedGeneration": -1}},
    )

    @classmethod
    def of(cls, live: Mapping[str, Any]) -> Self:
        """Read a live object. Raises InvalidSpec that names the first wrong field."""
        return cls(
            metadata=ObjectMeta.of(live),
            spec=AppDatabaseSpec.parse(live.get("spec"), at="spec"),
            status=AppDatabaseStatus.parse(live.get("status"), at="status"),
        )

    @property
    def secret_name(self) -> str:
        """The Secret of the application; what was once given out stays."""
        given = self.status.binding.name if self.status.binding else None
        return given or self.spec.credentials.secret_name or f"{self.metadata.name}-db"

    def access_secret_name(self, access: AccessSpec) -> str:
        return access.secret_name or f"{self.metadata.name}-db-{access.name.replace('_', '-')}"

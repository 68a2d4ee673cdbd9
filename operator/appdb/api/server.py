"""DatabaseServer: a Postgres server that the platform team owns, and who may use it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field

from appdb.api.appdatabase import DeletionPolicy
from appdb.api.base import (
    Count,
    ExtensionName,
    HostName,
    Line,
    Model,
    ObjectName,
    Port,
    SecretKey,
    Word,
    rule,
    rules,
)
from appdb.api.meta import Conditions, ObjectMeta
from appdb.api.namespaces import AllowedNamespaces
from appdb.api.quantities import Duration


class TLSMode(StrEnum):
    """libpq's words for sslmode."""

    DISABLE = "disable"
    ALLOW = "allow"
    PREFER = "prefer"
    REQUIRE = "require"
    VERIFY_CA = "verify-ca"
    VERIFY_FULL = "verify-full"


class PoolMode(StrEnum):
    TRANSACTION = "Transaction"
    SESSION = "Session"


class HazardClass(StrEnum):
    """Classes of a step, from harmless to destructive."""

    S = "S"
    O = "O"  # noqa: E741 - the class is called so everywhere
    W = "W"
    C = "C"
    D = "D"


class AdminSecretRef(Model):
    name: ObjectName = Field(description="Name of the Secret in the operator's own namespace.")
    username_key: SecretKey = Field(default="username", description="Key that holds the user.")
    password_key: SecretKey = Field(default="password", description="Key that holds the password.")


class CASecretRef(Model):
    name: ObjectName = Field(description="Name of the Secret in the operator's own namespace.")
    key: SecretKey = Field(default="ca.crt", description="Key that holds the certificates, PEM.")


class TLSSpec(Model):
    """How connections to the server are secured."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.mode) || !(self.mode in ['verify-ca', 'verify-full'])"
                " || has(self.caSecretRef)",
                "tls.mode verify-ca and verify-full need tls.caSecretRef, the Secret with the "
                "certificates to trust",
            ),
        ),
    )

    mode: TLSMode | None = Field(
        default=None,
        description="sslmode as libpq knows it; default verify-full when caSecretRef is given, "
        "else prefer.",
    )
    ca_secret_ref: CASecretRef | None = Field(
        default=None,
        description="Secret with the certificates to trust.",
    )

    def effective_mode(self) -> TLSMode:
        if self.mode is not None:
            return self.mode
        return TLSMode.VERIFY_FULL if self.ca_secret_ref else TLSMode.PREFER


class EndpointSpec(Model):
    host: HostName = Field(description="Host name or address that applications can reach.")
    port: Port = Field(default=5432, description="TCP port.")


class PoolerSpec(Model):
    host: HostName = Field(description="Host name or address of the pooler.")
    port: Port = Field(default=6432, description="TCP port.")
    mode: PoolMode = Field(
        default=PoolMode.TRANSACTION,
        description="How the pooler lends connections: Transaction or Session.",
    )


class EndpointsSpec(Model):
    """What goes into the Secrets of applications."""

    primary: EndpointSpec | None = Field(
        default=None,
        description="Where applications reach the server; default are host and port above.",
    )
    pooler: PoolerSpec | None = Field(
        default=None,
        description="A connection pooler in front of the server.",
    )
    replicas: Annotated[tuple[EndpointSpec, ...], Field(max_length=16)] = Field(
        default=(),
        description="Servers that answer reads.",
    )


class ConnectionsSpec(Model):
    max: Annotated[int, Field(ge=1, le=200)] = Field(
        default=8,
        description="Most connections that the operator itself opens at one time.",
    )


class FloorSpec(Model):
    """The least safety that holds for every database here, whatever tenants write."""

    deletion_policy: DeletionPolicy | None = Field(
        default=None,
        description="Of this policy and that of the object the safer one is used.",
    )
    max_hazard: HazardClass = Field(
        default=HazardClass.D,
        description="Highest class of step that may run without approval: S safe, O online, "
        "W blocks a table, C compatibility, D destroys data.",
    )


class DatabaseServerSpec(Model):
    """Where the server is, how the operator logs in, and who may use it."""

    host: HostName = Field(description="Host name or address, as the operator reaches it.")
    port: Port = Field(default=5432, description="TCP port.")
    admin_secret_ref: AdminSecretRef = Field(
        description="Secret with the operator's login, in the operator's own namespace. The role "
        "needs CREATEDB and CREATEROLE, not SUPERUSER.",
    )
    maintenance_database: Annotated[str, Field(min_length=1, max_length=63)] = Field(
        default="postgres",
        description="Database that the operator connects to for work on databases and roles.",
        json_schema_extra=rules(
            rule(
                "!self.startsWith('template')",
                "maintenanceDatabase must not be a template: nobody can create a database "
                "while somebody is connected to it; use postgres",
            ),
        ),
    )
    tls: TLSSpec = Field(
        default_factory=TLSSpec,
        description="How connections to the server are secured.",
    )
    endpoints: EndpointsSpec = Field(
        default_factory=EndpointsSpec,
        description="What goes into the Secrets of applications; default are host and port.",
    )
    allowed_namespaces: AllowedNamespaces = Field(
        default_factory=AllowedNamespaces,
        description="Namespaces that may use the server; default none.",
    )
    is_default: bool = Field(
        default=False,
        description="True for the one server of objects that name none.",
    )
    allowed_extensions: Annotated[
        tuple[ExtensionName, ...],
        Field(max_length=128, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = Field(default=(), description="Postgres extensions that databases may install.")
    allow_adoption: bool = Field(
        default=False,
        description="Whether objects may take over databases that exist and are nobody's.",
    )
    accept_claims_of: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=64)], ...],
        Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = Field(
        default=(),
        description="Ids of other clusters (the uid of their namespace kube-system) whose "
        "databases may be taken over here, after a disaster.",
    )
    connections: ConnectionsSpec = Field(
        default_factory=ConnectionsSpec,
        description="Bounds for the operator's own connections.",
        json_schema_extra={"default": {}},
    )
    floor: FloorSpec = Field(
        default_factory=FloorSpec,
        description="The least safety that holds for every database here.",
        json_schema_extra={"default": {}},
    )
    resync: Duration = Field(
        default="10m",
        description="Time between two looks at everything on this server.",
        json_schema_extra=rules(
            rule("duration(self) >= duration('10s')", "resync must be at least 10s"),
        ),
    )


class DatabaseServerStatus(Model):
    """What the operator found out about the server."""

    observed_generation: Annotated[int, Field(ge=-1)] = Field(
        default=-1,
        description="The metadata.generation that this status is about; -1 before the first look.",
    )
    last_handled_reconcile_at: Line = Field(
        default="",
        description="The value of the annotation appdb.chatbuilds.com/requested-at that was "
        "last handled.",
    )
    conditions: Conditions = Field(
        default=(),
        description="State of the server; Ready sums it up. docs/conditions.md explains each.",
    )
    version: Word = Field(default="", description="Version of the server, as 18.4.")
    system_identifier: Annotated[str, Field(max_length=32)] = Field(
        default="",
        description="Identity of the Postgres cluster, from its control file.",
    )
    capabilities: Annotated[tuple[Word, ...], Field(max_length=32)] = Field(
        default=(),
        description="What the server and the operator's role on it can do.",
    )
    databases: Count | None = Field(
        default=None,
        description="Number of AppDatabase objects that live on the server.",
    )


class DatabaseServer(Model):
    """A Postgres server, and who may have databases on it."""

    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: DatabaseServerSpec = Field(
        description="Where the server is, how the operator logs in, and who may use it.",
    )
    status: DatabaseServerStatus = Field(
        default_factory=DatabaseServerStatus,
        description="What the operator found out about the server.",
        json_schema_extra={"default": {"observedGeneration": -1}},
    )

    @classmethod
    def of(cls, live: Mapping[str, Any]) -> Self:
        """Read a live object. Raises InvalidSpec that names the first wrong field."""
        return cls(
            metadata=ObjectMeta.of(live),
            spec=DatabaseServerSpec.parse(live.get("spec"), at="spec"),
            status=DatabaseServerStatus.parse(live.get("status"), at="status"),
        )

    @property
    def primary(self) -> EndpointSpec:
        """Where applications reach the server."""
        return self.spec.endpoints.primary or EndpointSpec(host=self.spec.host, port=self.spec.port)

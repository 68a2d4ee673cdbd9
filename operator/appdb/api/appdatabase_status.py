"""`AppDatabase.status`: what the operator found and did.

Names that were once given to the server are remembered here and never derived again.
"""

from typing import Annotated

from pydantic import Field

from appdb.api.base import Count, Line, Model, Time, Word
from appdb.api.meta import Conditions, NameRef

# How many objects that were changed by hand are named.
DRIFT_LIMIT = 20


class ServerStatus(Model):
    """The server that the database lives on."""

    name: Annotated[str, Field(max_length=253)] = Field(
        default="", description="Name of the DatabaseServer."
    )
    host: Annotated[str, Field(max_length=253)] = Field(
        default="", description="Host that applications connect to."
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=0, description="Port that applications connect to."
    )
    system_identifier: Annotated[str, Field(max_length=32)] = Field(
        default="", description="Identity of the Postgres cluster, from its control file."
    )
    version: Word = Field(default="", description="Version of the server, as 18.4.")


class DatabaseStatus(Model):
    """Names that were given to the server, and stay."""

    name: Annotated[str, Field(max_length=63)] = Field(
        default="", description="Name of the database."
    )
    owner: Annotated[str, Field(max_length=63)] = Field(
        default="", description="Role that owns the database; nobody can log in as it."
    )
    role: Annotated[str, Field(max_length=63)] = Field(
        default="", description="Role that owns schema and tables."
    )
    login: Annotated[str, Field(max_length=63)] = Field(
        default="", description="Role that the application logs in as."
    )
    readers: Annotated[str, Field(max_length=63)] = Field(
        default="", description="Role of the Readers in access, while there are any."
    )
    writers: Annotated[str, Field(max_length=63)] = Field(
        default="", description="Role of the Writers in access, while there are any."
    )
    oid: Annotated[int, Field(ge=0, le=4294967295)] = Field(
        default=0, description="Object identifier of the database on the server."
    )


class FrameworkStatus(Model):
    name: Word = Field(default="", description="Front end that read the source, as Prisma.")
    version: Word = Field(default="", description="Version that the source names, when it does.")


class FindingCounts(Model):
    error: Count = Field(default=0, description="Findings that block the schema.")
    warning: Count = Field(default=0, description="Findings that a person should look at.")
    info: Count = Field(default=0, description="Findings for information.")


class FindingStatus(Model):
    """One thing that the analysis has to say about one place."""

    severity: Word = Field(default="", description="error, warning or info.")
    code: Word = Field(default="", description="Stable code of the finding.")
    path: Line = Field(default="", description="File.")
    line: Count = Field(default=0, description="Line in the file, from 1.")
    message: Line = Field(default="", description="What was found.")


class SourceStatus(Model):
    """The source that was last read."""

    digest: Word = Field(default="", description="Digest of all files that were read.")
    revision: Word = Field(default="", description="Revision that the ConfigMaps name.")
    files: Count = Field(default=0, description="Number of files that were read.")
    bytes: Count = Field(default=0, description="Size of these files.")
    frameworks: Annotated[tuple[FrameworkStatus, ...], Field(max_length=16)] = Field(
        default=(), description="Front ends that found something."
    )
    findings: FindingCounts | None = Field(
        default=None, description="Number of findings of each severity."
    )
    first_findings: Annotated[tuple[FindingStatus, ...], Field(max_length=10)] = Field(
        default=(), description="The first ten findings, the most severe ones first."
    )


class SchemaStatus(Model):
    """The tables, and how far they are from the source."""

    desired_hash: Word = Field(default="", description="Digest of the schema in the source.")
    applied_hash: Word = Field(default="", description="Digest of the schema last applied.")
    tables: Count | None = Field(default=None, description="Number of managed tables.")
    columns: Count | None = Field(default=None, description="Number of their columns.")
    last_applied_time: Time | None = Field(
        default=None, description="When the schema was last changed."
    )
    plan_ref: NameRef | None = Field(default=None, description="The SchemaPlan in question.")
    plan_hash: Word = Field(default="", description="Hash of that plan; an approval names it.")
    pending_steps: Count = Field(default=0, description="Steps that wait for an approval.")
    drift: Annotated[tuple[Line, ...], Field(max_length=DRIFT_LIMIT)] = Field(
        default=(), description="Objects that were changed by hand."
    )


class CredentialsStatus(Model):
    """When the password changed and will change."""

    last_rotated: Time | None = Field(default=None, description="When the password was last set.")
    next_rotation: Time | None = Field(default=None, description="When it will change next.")
    last_trigger: Word = Field(default="", description="The rotation trigger that was handled.")
    previous_login: Annotated[str, Field(max_length=63)] = Field(
        default="", description="The login before an Overlap, while it still works."
    )
    previous_login_until: Time | None = Field(
        default=None, description="When the logins before an Overlap are dropped."
    )


class AccessStatus(Model):
    """One login of spec.access as it was given out."""

    name: Annotated[str, Field(max_length=40)] = Field(description="Its name in spec.access.")
    login: Annotated[str, Field(max_length=63)] = Field(
        default="", description="Role that it logs in as."
    )
    secret_name: Annotated[str, Field(max_length=253)] = Field(
        default="", description="The Secret that holds it."
    )


class ProvisioningStatus(Model):
    """How long the first provisioning took."""

    started_at: Time | None = Field(default=None, description="When the object was first seen.")
    ready_at: Time | None = Field(default=None, description="When it was first Ready.")
    seconds: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="Seconds between the two."
    )


class UsageStatus(Model):
    """What the database uses; refreshed rarely, metrics have it in detail."""

    size: Annotated[str, Field(max_length=20)] = Field(
        default="", description="Size of the database, as 12Mi."
    )
    connections: Count = Field(default=0, description="Open connections.")
    measured_at: Time | None = Field(default=None, description="When this was measured.")


class AppDatabaseStatus(Model):
    """What the operator found and did."""

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
        description="State of the database; Ready sums it up. docs/conditions.md explains each.",
    )
    binding: NameRef | None = Field(
        default=None,
        description="The Secret with the credentials, where Service Binding looks for it.",
    )
    server: ServerStatus | None = Field(
        default=None, description="The server that the database lives on."
    )
    database: DatabaseStatus | None = Field(
        default=None, description="Names that were given to the server, and stay."
    )
    source: SourceStatus | None = Field(default=None, description="The source that was last read.")
    schema_: SchemaStatus | None = Field(
        alias="schema",
        default=None,
        description="The tables, and how far they are from the source.",
    )
    credentials: CredentialsStatus | None = Field(
        default=None, description="When the password changed and will change."
    )
    access: Annotated[
        tuple[AccessStatus, ...],
        Field(
            max_length=16,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
        ),
    ] = Field(default=(), description="The logins of spec.access.")
    provisioning: ProvisioningStatus | None = Field(
        default=None, description="How long the first provisioning took."
    )
    usage: UsageStatus | None = Field(
        default=None, description="What the database uses; metrics have it in detail."
    )

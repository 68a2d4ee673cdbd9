"""What an AppDatabase wants: on the server, and in its Secret. Pure.

Names that were once given out stand in status and are used again; only a new object's
are derived.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from appdb.api import names
from appdb.api.appdatabase import AppDatabase, DeletionPolicy
from appdb.api.credentials_spec import EndpointChoice
from appdb.api.quantities import parse_duration
from appdb.api.server import DatabaseServer, EndpointSpec
from appdb.cluster.secrets import Address, Credentials, Mark, SecretPlace, build_secret
from appdb.model.claim import Claimant
from appdb.model.names import (
    RoleNames,
    database_name_for,
    hashed_database_name_for,
    role_names_for,
)
from appdb.postgres.connect import Login, ServerAddress
from appdb.postgres.wanted import WantedDatabase
from appdb.reconcile.database.logins import Issue

# From the safest on; of two policies the safer one is used.
_SAFETY = (DeletionPolicy.RETAIN, DeletionPolicy.SNAPSHOT, DeletionPolicy.DELETE)


def database_name(database: AppDatabase, *, hashed: bool = False) -> str:
    """Return the name of the database: what status recorded, what spec says, or a derived one."""
    if database.status.database and database.status.database.name:
        return database.status.database.name
    if database.spec.database_name:
        return database.spec.database_name
    derive = hashed_database_name_for if hashed else database_name_for
    return derive(database.metadata.namespace, database.metadata.name)


def has_derived_name(database: AppDatabase) -> bool:
    """Tell whether the name may still be another one, because nobody has chosen or seen it."""
    return database.spec.database_name is None and not (
        database.status.database and database.status.database.name
    )


def role_names(database: AppDatabase, name: str) -> RoleNames:
    """Return the names of the roles: as recorded, the rest derived."""
    derived = role_names_for(name)
    known = database.status.database
    if known is None or known.name != name:
        return derived
    return RoleNames(
        database=name,
        owner=known.owner or derived.owner,
        app=known.role or derived.app,
        login=known.login or derived.login,
        login_b=derived.login_b,
        readers=known.readers or derived.readers,
        writers=known.writers or derived.writers,
    )


def claimant_of(database: AppDatabase, cluster_id: str) -> Claimant:
    """Return who claims."""
    meta = database.metadata
    return Claimant(cluster=cluster_id, namespace=meta.namespace, name=meta.name, uid=meta.uid)


def wanted_on_server(
    database: AppDatabase,
    server: DatabaseServer,
    cluster_id: str,
    *,
    name: str,
    password: str,
    schemas: tuple[str, ...] = (),
    extensions: tuple[str, ...] = (),
) -> WantedDatabase:
    """Return what the server should hold for this object."""
    roles = role_names(database, name)
    limits = database.spec.limits
    timeout = limits.statement_timeout if limits else None
    return WantedDatabase(
        name=name,
        claimant=claimant_of(database, cluster_id),
        roles=roles,
        logins=(Login(username=roles.login, password=password),),
        schemas=schemas,
        extensions=tuple(dict.fromkeys((*database.spec.extensions, *extensions))),
        allowed_extensions=server.spec.allowed_extensions,
        connection_limit=limits.connections if limits else None,
        statement_timeout_ms=milliseconds(parse_duration(timeout)) if timeout else None,
        accepted_clusters=frozenset(server.spec.accept_claims_of),
        may_adopt=database.spec.adopt.value == "IfUnclaimed" and server.spec.allow_adoption,
    )


def milliseconds(span: timedelta) -> int:
    """Return a span of time in whole milliseconds."""
    return round(span.total_seconds() * 1000)


def effective_policy(database: AppDatabase, server: DatabaseServer | None) -> DeletionPolicy:
    """Return the safer of the object's policy and the server's floor."""
    floor = server.spec.floor.deletion_policy if server else None
    policies = {database.spec.deletion_policy} | ({floor} if floor else set())
    return next(policy for policy in _SAFETY if policy in policies)


def credentials_of(
    database: AppDatabase,
    server: DatabaseServer,
    address: ServerAddress,
    wanted: WantedDatabase,
    *,
    login: Login | None = None,
) -> Credentials:
    """Return what goes into a login's Secret; into the application's own unless told otherwise."""
    login = login or wanted.logins[0]
    primary = _address(server.primary)
    pooler = server.spec.endpoints.pooler
    pooled = Address(pooler.host, pooler.port) if pooler else None
    wants_pooler = database.spec.credentials.endpoint is EndpointChoice.POOLER
    return Credentials(
        main=pooled if pooled and wants_pooler else primary,
        primary=primary,
        database=wanted.name,
        username=login.username,
        password=login.password,
        sslmode=address.sslmode,
        ca=address.ca_pem,
        pooler=pooled,
        replicas=tuple(_address(replica) for replica in server.spec.endpoints.replicas),
        template=database.spec.credentials.template,
    )


def secret_of(
    database: AppDatabase,
    server: DatabaseServer,
    address: ServerAddress,
    wanted: WantedDatabase,
    issue: Issue,
) -> dict[str, Any]:
    """Return the Secret of a login as it should be."""
    place = secret_place(database, effective_policy(database, server), issue=issue)
    return build_secret(place, credentials_of(database, server, address, wanted, login=issue.login))


def secret_place(
    database: AppDatabase, policy: DeletionPolicy, *, issue: Issue | None = None
) -> SecretPlace:
    """Return where the Secret is; it goes with the object only when the role does too."""
    spec = database.spec.credentials
    access = issue.slot.access if issue else None
    return SecretPlace(
        namespace=database.metadata.namespace,
        name=issue.slot.secret_name if issue else database.secret_name,
        database_object=database.metadata.name,
        access=access.name if access else "",
        mark=issue.mark if issue else Mark(),
        labels=spec.labels,
        annotations=spec.annotations,
        owner=owner_reference(database) if policy is DeletionPolicy.DELETE else None,
    )


def owner_reference(database: AppDatabase) -> Mapping[str, Any]:
    """Return the owner reference to the object; no label is ever copied from it."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": "AppDatabase",
        "name": database.metadata.name,
        "uid": database.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def _address(endpoint: EndpointSpec) -> Address:
    return Address(endpoint.host, endpoint.port)

"""Decides what is to be done about an AppDatabase. Pure: values in, values out.

Level-triggered: the answer depends on what is, never on which event came. Stages that
cannot even be tried get their result here; the rest is listed as actions in order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from appdb.api import names
from appdb.api.appdatabase import AppDatabase
from appdb.api.conditions import find_condition
from appdb.api.reasons import ConditionType
from appdb.api.schema_spec import SchemaMode
from appdb.api.server import DatabaseServer
from appdb.cluster.secrets import (
    build_secret,
    differs,
    is_intact,
    is_ours,
    read_keys,
    read_password,
)
from appdb.errors import AppDBError, SecretConflict
from appdb.postgres.connect import ServerAddress
from appdb.reconcile.database.observed import Observed, SourceView
from appdb.reconcile.database.wanted import (
    credentials_of,
    database_name,
    effective_policy,
    secret_place,
    wanted_on_server,
)
from appdb.reconcile.results import Absent, Failed, Result, Stage, Waits


@dataclass(frozen=True, slots=True)
class HoldObject:
    """Put our finalizer on the object, before anything exists outside of it."""


@dataclass(frozen=True, slots=True)
class CheckNames:
    """See whose the names on the server are, before anything is written anywhere."""


@dataclass(frozen=True, slots=True)
class WriteSecrets:
    """Write the credential Secrets where they differ from what they should hold."""


@dataclass(frozen=True, slots=True)
class Provision:
    """Bring roles, database and rights to what is wanted."""


@dataclass(frozen=True, slots=True)
class Analyze:
    """Read the source into a schema."""


@dataclass(frozen=True, slots=True)
class UseLogin:
    """Log in with the Secret's own credentials, heal what keeps the app out, make the tables."""


Action: TypeAlias = HoldObject | CheckNames | WriteSecrets | Provision | UseLogin | Analyze


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Actions in order, and the results that are known without acting."""

    actions: tuple[Action, ...] = ()
    known: Mapping[Stage, Result] = field(default_factory=lambda: MappingProxyType({}))


NOTHING = Decision()


def decide(observed: Observed) -> Decision:
    """Decide about an object that is neither being deleted nor suspended."""
    if not needs_look(observed):
        return NOTHING
    known: dict[Stage, Result] = {}
    actions: list[Action] = []
    _decide_source(observed, known, actions)
    _decide_server(observed, known, actions)
    return Decision(actions=tuple(actions), known=known)


def needs_look(observed: Observed) -> bool:
    """Tell whether anything that matters may have changed since the last run that ended well."""
    database, status = observed.database, observed.database.status
    ready = find_condition(status.conditions, ConditionType.READY)
    return (
        observed.is_due
        or ready is None
        or not ready.is_true
        or status.observed_generation != database.metadata.generation
        or names.FINALIZER not in database.metadata.finalizers
        or is_requested(database)
        or _source_differs(observed)
        or _server_differs(observed)
        or observed.secret is None
        or not is_intact(observed.secret)
        or secret_differs(observed)
    )


def secret_differs(observed: Observed) -> bool:
    """Tell whether the Secret is not what it should be, as far as can be told without the server.

    The CA is taken as it stands; a full look reads the real one.
    """
    secret, server, database = observed.secret, observed.server, observed.database
    if secret is None or not is_ours(secret, database.metadata.name):
        return True
    password = read_password(secret)
    if not isinstance(server, DatabaseServer) or password is None:
        return True
    wanted = wanted_on_server(
        database,
        server,
        observed.cluster_id,
        name=database_name(database),
        password=password,
    )
    address = ServerAddress(
        host=server.spec.host,
        tls_mode=server.spec.tls.effective_mode().value,
        ca_pem=read_keys(secret).get("ca.crt"),
    )
    place = secret_place(database, effective_policy(database, server))
    credentials = credentials_of(database, server, address, wanted)
    return differs(secret, build_secret(place, credentials))


def is_requested(database: AppDatabase) -> bool:
    """Tell whether somebody asked for a look by annotation and did not get it yet."""
    requested = database.metadata.annotations.get(names.ANNOTATION_REQUESTED_AT, "")
    return bool(requested) and requested != database.status.last_handled_reconcile_at


def _source_differs(observed: Observed) -> bool:
    known = observed.database.status.source
    match observed.source:
        case None:
            return False
        case SourceView(bundle=bundle, revision=revision):
            return known is None or (known.digest, known.revision) != (bundle.digest, revision)
        case _:
            return True


def _server_differs(observed: Observed) -> bool:
    known, server = observed.database.status.server, observed.server
    if not isinstance(server, DatabaseServer):
        return True
    if known is None:
        return True
    return (known.name, known.host, known.port) != (
        server.metadata.name,
        server.primary.host,
        server.primary.port,
    ) or server.status.system_identifier not in {"", known.system_identifier}


def _decide_source(observed: Observed, known: dict[Stage, Result], actions: list[Action]) -> None:
    spec = observed.database.spec
    if spec.source is None or spec.source.template is not None:
        known[Stage.SOURCE] = Absent()
        return
    if isinstance(observed.source, AppDBError):
        known[Stage.SOURCE] = Failed(observed.source)
        if spec.schema_.mode is not SchemaMode.OFF:
            known[Stage.SCHEMA] = Waits(Stage.SOURCE)
        return
    actions.append(Analyze())


def _decide_server(observed: Observed, known: dict[Stage, Result], actions: list[Action]) -> None:
    if isinstance(observed.server, AppDBError):
        known[Stage.SERVER] = Failed(observed.server)
        for stage in (Stage.DATABASE, Stage.CREDENTIALS, Stage.SCHEMA):
            known.setdefault(stage, Waits(Stage.SERVER))
        return
    conflict = _secret_conflict(observed)
    if conflict is not None:
        known[Stage.CREDENTIALS] = Failed(conflict)
        for stage in (Stage.DATABASE, Stage.SCHEMA):
            known.setdefault(stage, Waits(Stage.CREDENTIALS))
        return
    if names.FINALIZER not in observed.database.metadata.finalizers:
        actions.append(HoldObject())
    actions += [CheckNames(), WriteSecrets(), Provision(), UseLogin()]


def _secret_conflict(observed: Observed) -> SecretConflict | None:
    secret, database = observed.secret, observed.database
    if secret is None or is_ours(secret, database.metadata.name):
        return None
    return SecretConflict(
        f"Secret {database.metadata.namespace}/{database.secret_name} exists and is not this "
        "object's; it was not touched. Remove it, or choose another credentials.secretName"
    )

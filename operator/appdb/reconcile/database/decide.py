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
from appdb.cluster.secrets import differs, is_intact, read_keys
from appdb.errors import AppDBError
from appdb.postgres.connect import Login, ServerAddress
from appdb.reconcile.database.logins import (
    Issue,
    LoginSlot,
    conflict_of,
    login_slots,
    turn_of_object,
)
from appdb.reconcile.database.observed import Observed, SourceView
from appdb.reconcile.database.rotation import Turn, is_over, is_untold, turn_of
from appdb.reconcile.database.wanted import database_name, secret_of, wanted_on_server
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
class ProveLogins:
    """Set passwords on the server and log in with them, before any Secret names them."""


@dataclass(frozen=True, slots=True)
class UseLogin:
    """Log in with the Secret's own credentials, heal what keeps the app out, make the tables."""


@dataclass(frozen=True, slots=True)
class RetireLogins:
    """Drop the logins and groups that are no longer asked for, and their Secrets."""


Action: TypeAlias = (
    HoldObject
    | CheckNames
    | WriteSecrets
    | Provision
    | ProveLogins
    | UseLogin
    | RetireLogins
    | Analyze
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Actions in order, what becomes of the passwords, and results known without acting."""

    actions: tuple[Action, ...] = ()
    turn: Turn = Turn.KEEP
    known: Mapping[Stage, Result] = field(default_factory=lambda: MappingProxyType({}))


NOTHING = Decision()


def decide(observed: Observed) -> Decision:
    """Decide about an object that is neither being deleted nor suspended."""
    if not needs_look(observed):
        return NOTHING
    known: dict[Stage, Result] = {}
    actions: list[Action] = []
    turn = turn_of_object(observed, _slots(observed))
    _decide_source(observed, known, actions)
    _decide_server(observed, known, actions, turn)
    return Decision(actions=tuple(actions), turn=turn, known=known)


def needs_look(observed: Observed) -> bool:
    """Tell whether anything that matters may have changed since the last run that ended well."""
    database, status = observed.database, observed.database.status
    slots = _slots(observed)
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
        or any(_login_differs(observed, slot) for slot in slots)
        or _is_rotating(observed, slots[0])
    )


def _login_differs(observed: Observed, slot: LoginSlot) -> bool:
    secret = slot.secret
    return (
        secret is None
        or secret["metadata"].get("name") != slot.secret_name
        or not is_intact(secret)
        or secret_differs(observed, slot)
    )


def secret_differs(observed: Observed, slot: LoginSlot) -> bool:
    """Tell whether a Secret is not what it should be, as far as can be told without the server.

    The CA is taken as it stands; a full look reads the real one.
    """
    secret, server, database = slot.secret, observed.server, observed.database
    if not isinstance(server, DatabaseServer) or secret is None or slot.password is None:
        return True
    login = Login(username=slot.current, password=slot.password)
    wanted = wanted_on_server(
        database,
        server,
        observed.cluster_id,
        name=database_name(database),
        password=slot.password,
    )
    address = ServerAddress(
        host=server.spec.host,
        tls_mode=server.spec.tls.effective_mode().value,
        ca_pem=read_keys(secret).get("ca.crt"),
    )
    issue = Issue(slot=slot, login=login, mark=slot.mark)
    return differs(secret, secret_of(database, server, address, wanted, issue))


def _is_rotating(observed: Observed, own: LoginSlot) -> bool:
    """Tell whether a rotation is due or not told yet, or a grace is over."""
    database, now = observed.database, observed.now
    rotation, known = database.spec.credentials.rotation, database.status.credentials
    has_ended = known is not None and known.previous_login_until is not None
    return (
        turn_of(rotation, known, now) is not Turn.KEEP
        or is_untold(own.mark, known, now)
        or (bool(own.recorded) and own.current != own.recorded)
        or (has_ended and is_over(known, now))
    )


def _slots(observed: Observed) -> tuple[LoginSlot, ...]:
    return login_slots(observed, database_name(observed.database))


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


def _decide_server(
    observed: Observed, known: dict[Stage, Result], actions: list[Action], turn: Turn
) -> None:
    if isinstance(observed.server, AppDBError):
        known[Stage.SERVER] = Failed(observed.server)
        for stage in (Stage.DATABASE, Stage.CREDENTIALS, Stage.SCHEMA):
            known.setdefault(stage, Waits(Stage.SERVER))
        return
    conflict = conflict_of(_slots(observed)[:1])
    if conflict is not None:
        known[Stage.CREDENTIALS] = Failed(conflict)
        for stage in (Stage.DATABASE, Stage.SCHEMA):
            known.setdefault(stage, Waits(Stage.CREDENTIALS))
        return
    if names.FINALIZER not in observed.database.metadata.finalizers:
        actions.append(HoldObject())
    actions += [CheckNames(), *_in_order(turn), UseLogin(), RetireLogins()]


def _in_order(turn: Turn) -> tuple[Action, ...]:
    """Order Secret and server so that a kill in between never costs an application its login.

    A login that is in use gets the password that its Secret has already; one that nobody
    uses yet works before the Secret names it.
    """
    if turn is Turn.SWAP:
        return (Provision(), ProveLogins(), WriteSecrets())
    return (WriteSecrets(), Provision())

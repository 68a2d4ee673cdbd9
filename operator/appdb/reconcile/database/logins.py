"""The logins that an AppDatabase asks for, each with its Secret, and what each gets in a run.

Pure. The application's own login comes first, then those of access[]. Every login has two
role names, so that an Overlap has somewhere to go; the Secret says which one is in use.
Passwords are held for the length of a run and are in no repr.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from appdb.api.appdatabase import AppDatabase
from appdb.api.appdatabase_status import AccessStatus
from appdb.api.credentials_spec import AccessSpec
from appdb.api.meta import ObjectMeta
from appdb.api.names import SECRET_TYPE
from appdb.cluster.secrets import (
    Mark,
    has_lost_its_labels,
    is_ours,
    our_labels,
    read_mark,
    read_password,
    read_username,
)
from appdb.errors import SecretConflict
from appdb.model.claim import Part
from appdb.model.names import role_name_for, role_names_for
from appdb.postgres.connect import Login
from appdb.postgres.wanted import AccessRole, WantedAccess
from appdb.reconcile.database.observed import Observed
from appdb.reconcile.database.rotation import Turn, new_mark, turn_for, turn_of

ACCESS_LIMIT = 16
MADE_AGAIN = "it is made again with a new password"
_GROUPS = frozenset({Part.READERS, Part.WRITERS})
_OF_LOGINS = frozenset({Part.LOGIN, Part.ACCESS}) | _GROUPS

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class LoginSlot:
    """One login that is asked for; `recorded` is the role that status names, or empty.

    `secret` is the live Secret when it is ours, and is read once. `conflict` says why the name
    cannot be used.
    """

    secret_name: str
    sides: tuple[str, str]
    recorded: str
    secret: Json | None = field(repr=False)
    conflict: str = ""
    access: AccessSpec | None = None

    @property
    def current(self) -> str:
        """The role that the Secret holds; what status says, when it cannot be read."""
        if self._said is not None and self._said in (*self.sides, self.recorded):
            return self._said
        return self.recorded or self.sides[0]

    @property
    def other(self) -> str:
        """The role that an Overlap goes to."""
        return self.sides[1] if self.current != self.sides[1] else self.sides[0]

    @cached_property
    def password(self) -> str | None:
        """The password in the Secret, when it is that of this login."""
        if self.secret is None:
            return None
        if self.access is not None and self._said not in {None, *self.sides, self.recorded}:
            return None
        return read_password(self.secret)

    @cached_property
    def _said(self) -> str | None:
        return read_username(self.secret) if self.secret is not None else None

    @cached_property
    def mark(self) -> Mark:
        """When and for what the password in the Secret was made."""
        return read_mark(self.secret) if self.secret is not None else Mark()


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What a login gets in a run; `is_new` when the password was made in it."""

    slot: LoginSlot
    login: Login
    mark: Mark
    is_new: bool = False

    @property
    def previous(self) -> str:
        """The role before this one, when status still names another."""
        recorded = self.slot.recorded
        return recorded if recorded and recorded != self.login.username else ""


def login_slots(observed: Observed, name: str) -> tuple[LoginSlot, ...]:
    """Return the logins of a database of that name, the application's own first."""
    slots = [_own_slot(observed, name)]
    taken = {slots[0].secret_name: "the application's own login"}
    for access in observed.database.spec.access:
        slot = _access_slot(observed, access, name, taken)
        taken.setdefault(slot.secret_name, f"access {access.name}")
        slots.append(slot)
    return tuple(slots)


def usable(slots: Iterable[LoginSlot]) -> tuple[LoginSlot, ...]:
    """Return the slots whose Secret may be written."""
    return tuple(slot for slot in slots if not slot.conflict)


def conflict_of(slots: Iterable[LoginSlot]) -> SecretConflict | None:
    """Return the first reason why a Secret may not be written."""
    return next((SecretConflict(slot.conflict) for slot in slots if slot.conflict), None)


def turn_of_object(observed: Observed, slots: Iterable[LoginSlot]) -> Turn:
    """Decide whether any login changes its password in this run, and how."""
    turns = {_turn(observed, slot) for slot in usable(slots)}
    return next((turn for turn in (Turn.SWAP, Turn.RENEW) if turn in turns), Turn.KEEP)


def issue(
    observed: Observed, slots: Iterable[LoginSlot], new_password: Callable[[], str]
) -> tuple[Issue, ...]:
    """Give each usable slot its login: what its Secret holds, or a password that is new."""
    return tuple(_issued(observed, slot, new_password) for slot in usable(slots))


def wanted_access(issues: Iterable[Issue]) -> Iterator[WantedAccess]:
    """Yield the logins of access[] as the server should have them."""
    for each in issues:
        if each.slot.access is not None:
            yield WantedAccess(login=each.login, role=AccessRole(each.slot.access.role.value))


def secret_names(database: AppDatabase) -> frozenset[str]:
    """Return the names of all Secrets that an object asks for."""
    access = (database.access_secret_name(each) for each in database.spec.access)
    return frozenset((database.secret_name, *access))


def access_status(
    database: AppDatabase, issues: Iterable[Issue], *, has_retired: bool
) -> tuple[AccessStatus, ...]:
    """Return what status says of the logins of access[].

    One that was taken out stands there until it is gone, one whose Secret is somebody else's
    as long as it is asked for.
    """
    given = [
        AccessStatus(
            name=each.slot.access.name,
            login=each.login.username,
            secret_name=each.slot.secret_name,
        )
        for each in issues
        if each.slot.access is not None
    ]
    told = {each.name for each in given}
    asked = {each.name for each in database.spec.access}
    kept = [
        each
        for each in database.status.access
        if each.name not in told and (each.name in asked or not has_retired)
    ]
    return (*given, *kept)[:ACCESS_LIMIT]


def default_secret_name(database: AppDatabase, database_name: str, role: str) -> str:
    """Guess the Secret of a login of access[] from its role, when nothing else tells of it."""
    access = role.removeprefix(f"{database_name}_").removesuffix("_b")
    return f"{database.metadata.name}-db-{access.replace('_', '-')}"


def leftover_roles(
    claimed: Mapping[str, Part], slots: Iterable[LoginSlot], wanted: Iterable[str], *, is_over: bool
) -> tuple[str, ...]:
    """Name the roles of logins and groups that are to go.

    While a grace lasts the other sides of all logins stay. Those of a Secret that is somebody
    else's are never touched, nor is the group that they may be in.
    """
    kept, leaving = set(wanted), _OF_LOGINS
    for slot in slots:
        if not is_over or slot.conflict:
            kept |= {*slot.sides, slot.recorded}
        if slot.conflict:
            leaving = _OF_LOGINS - _GROUPS
    return tuple(
        sorted(role for role, part in claimed.items() if part in leaving and role not in kept)
    )


def _own_slot(observed: Observed, name: str) -> LoginSlot:
    database, roles = observed.database, role_names_for(name)
    meta = database.metadata
    known = database.status.database
    secret = observed.secret
    conflict = _why_not_ours(meta, database.secret_name, secret, "credentials.secretName")
    return LoginSlot(
        secret_name=database.secret_name,
        sides=(roles.login, roles.login_b),
        recorded=known.login if known and known.name == name else "",
        secret=None if conflict else secret,
        conflict=conflict,
    )


def _access_slot(
    observed: Observed, access: AccessSpec, name: str, taken: Mapping[str, str]
) -> LoginSlot:
    database, login = observed.database, role_names_for(name).access(access.name)
    known = next((each for each in database.status.access if each.name == access.name), None)
    secret_name = database.access_secret_name(access)
    secret = observed.access_secrets.get(secret_name)
    conflict = _conflict(database, secret_name, secret, taken)
    if secret is None and known is not None:
        # The name of the Secret was changed: the login moves into the new one as it is.
        secret = observed.access_secrets.get(known.secret_name)
    is_readable = secret is not None and is_ours(secret, database.metadata.name)
    return LoginSlot(
        secret_name=secret_name,
        sides=(login, role_name_for(name, f"{access.name}_b")),
        recorded=known.login if known else "",
        secret=secret if is_readable and not conflict else None,
        conflict=conflict,
        access=access,
    )


def _conflict(
    database: AppDatabase, secret_name: str, secret: Json | None, taken: Mapping[str, str]
) -> str:
    meta = database.metadata
    if secret_name in taken:
        return (
            f"Secret {meta.namespace}/{secret_name} is asked for twice, by {taken[secret_name]} "
            "too; choose another secretName in access"
        )
    return _why_not_ours(meta, secret_name, secret, "secretName in access")


def _why_not_ours(meta: ObjectMeta, name: str, secret: Json | None, field_name: str) -> str:
    """Say why a Secret cannot be the one of a login, and how that is put right."""
    if secret is None:
        return ""
    what = f"Secret {meta.namespace}/{name}"
    if has_lost_its_labels(secret):
        labels = " ".join(f"{key}={value}" for key, value in our_labels(meta.name).items())
        return (
            f"{what} has lost its labels; run: kubectl -n {meta.namespace} label secret {name}"
            f" {labels}; or delete it, then {MADE_AGAIN}"
        )
    if not is_ours(secret, meta.name):
        return (
            f"{what} exists and is not this object's; it was not touched. Remove it, or choose"
            f" another {field_name}"
        )
    if secret.get("type") != SECRET_TYPE:
        return (
            f"{what} is of the type {secret.get('type')}, not {SECRET_TYPE}, and a type never"
            f" changes; delete it, then {MADE_AGAIN}"
        )
    return ""


def _turn(observed: Observed, slot: LoginSlot) -> Turn:
    if slot.secret is None and not slot.recorded:
        return Turn.KEEP
    database, now = observed.database, observed.now
    rotation, known = database.spec.credentials.rotation, database.status.credentials
    return turn_for(slot.mark, turn_of(rotation, known, now), rotation, known, now)


def _issued(observed: Observed, slot: LoginSlot, new_password: Callable[[], str]) -> Issue:
    turn, password = _turn(observed, slot), slot.password
    if turn is Turn.KEEP and password is not None:
        return Issue(slot=slot, login=_login(slot.current, password), mark=slot.mark)
    username = slot.other if turn is Turn.SWAP else slot.current
    database = observed.database
    mark = new_mark(database.spec.credentials.rotation, database.status.credentials, observed.now)
    return Issue(slot=slot, login=_login(username, new_password()), mark=mark, is_new=True)


def _login(username: str, password: str) -> Login:
    return Login(username=username, password=password)

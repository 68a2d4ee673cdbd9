"""What an AppDatabase wants on a server, as one value for every step of provisioning.

Values only. Passwords are held for the length of a run and are in no repr.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from appdb.model.claim import Claim, Claimant, Part
from appdb.model.names import RoleNames, role_names_for
from appdb.postgres.connect import Login


class AccessRole(StrEnum):
    """What an access[] login may do with the tables of the app."""

    READER = "Reader"
    WRITER = "Writer"


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedAccess:
    """One more login. `login.username` is `RoleNames.access(name)` or what status recorded."""

    login: Login
    role: AccessRole


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRole:
    """One role as it should be; without a login it cannot log in.

    `settings` are those of the role in all databases, as ALTER ROLE ... SET has them.
    """

    name: str
    part: Part
    login: Login | None = None
    member_of: str | None = None
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedDatabase:
    """The database, its roles and what stands in it before the app's own tables.

    `logins` are those of the app (two of them while a rotation overlaps); the first is
    the one that is proved. `connection_limit` is that of the database, None for none.
    `may_create_schemas`: the app's own migrator makes schemas, also those that are there.
    """

    name: str
    claimant: Claimant
    roles: RoleNames
    logins: tuple[Login, ...]
    access: tuple[WantedAccess, ...] = ()
    schemas: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    allowed_extensions: tuple[str, ...] = ()
    connection_limit: int | None = None
    statement_timeout_ms: int | None = None
    accepted_clusters: frozenset[str] = field(default_factory=frozenset)
    may_adopt: bool = False
    may_create_schemas: bool = False

    def claim(self, part: Part) -> Claim:
        return Claim(claimant=self.claimant, database=self.name, part=part)

    def has_access(self, role: AccessRole) -> bool:
        return any(entry.role is role for entry in self.access)

    def wanted_roles(self) -> Iterator[WantedRole]:
        """Yield the roles in an order in which they can be made: groups before members."""
        yield WantedRole(name=self.roles.owner, part=Part.OWNER)
        yield WantedRole(name=self.roles.app, part=Part.APP)
        if self.has_access(AccessRole.READER):
            yield WantedRole(name=self.roles.readers, part=Part.READERS)
        if self.has_access(AccessRole.WRITER):
            yield WantedRole(name=self.roles.writers, part=Part.WRITERS)
        for login in self.logins:
            yield WantedRole(
                name=login.username,
                part=Part.LOGIN,
                login=login,
                member_of=self.roles.app,
                settings=(("role", self.roles.app), *self._time_out()),
            )
        for entry in self.access:
            group = self.group_of(entry)
            yield WantedRole(
                name=entry.login.username,
                part=Part.ACCESS,
                login=entry.login,
                member_of=group,
                # Acting as the group, a session outlives the drop of its login.
                settings=(("role", group), *self._time_out()),
            )

    def group_of(self, entry: WantedAccess) -> str:
        """Name the role whose rights an access[] login has."""
        is_reader = entry.role is AccessRole.READER
        return self.roles.readers if is_reader else self.roles.writers

    def _time_out(self) -> tuple[tuple[str, str], ...]:
        if self.statement_timeout_ms is None:
            return ()
        return (("statement_timeout", str(self.statement_timeout_ms)),)


def wanted_database(
    name: str, claimant: Claimant, *, password: str, roles: RoleNames | None = None
) -> WantedDatabase:
    """Want a database with the usual roles and one login."""
    names = roles or role_names_for(name)
    login = Login(username=names.login, password=password)
    return WantedDatabase(name=name, claimant=claimant, roles=names, logins=(login,))

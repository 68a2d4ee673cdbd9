"""Makes and heals the roles of a database.

The statements are derived from facts by pure functions, and there are none when nothing
differs. Roles are made together with their claims in one transaction. Passwords travel
as SCRAM verifiers that libpq computes here: the server, its log and its statistics never
see one. No role ever gets an attribute beyond LOGIN.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from psycopg import sql

from appdb.errors import InsufficientPrivilege
from appdb.postgres.connect import Login, Session, place
from appdb.postgres.facts import POSTGRES_16, SUPERUSER, DatabaseFacts, RoleRow
from appdb.postgres.statements import run_together
from appdb.postgres.wanted import WantedDatabase, WantedRole

Verifier = Callable[[Login], str]

# Of the 400 characters that a message has.
_ROOM_FOR_THE_ROLES = 60
_ROOM_FOR_A_GRANT = 180

_POWERS_TAKEN = {
    SUPERUSER: sql.SQL("NOSUPERUSER"),
    "CREATEDB": sql.SQL("NOCREATEDB"),
    "CREATEROLE": sql.SQL("NOCREATEROLE"),
    "REPLICATION": sql.SQL("NOREPLICATION"),
    "BYPASSRLS": sql.SQL("NOBYPASSRLS"),
}


async def ensure_roles(session: Session, facts: DatabaseFacts, wanted: WantedDatabase) -> bool:
    """Make what is missing and heal what differs; tells whether anything was to be done.

    A password is set only when its role is made: whether an old one still fits can only
    be seen by logging in, and then `ensure_password` sets it. When the database is still
    to be made the admin is a member of its owner and app role from here on.

    Raises:
        InsufficientPrivilege: with the GRANT that a person has to run.
    """
    has_database = facts.database is not None and facts.database.is_valid
    held = () if has_database else (wanted.roles.owner, wanted.roles.app)
    statements = tuple(role_statements(facts, wanted, verifier_of(session), held=held))
    require_administration(session, facts, facts.roles if statements else ())
    try:
        await run_together(session, statements, doing=f"making the roles of database {wanted.name}")
    except InsufficientPrivilege as err:
        raise _unhealed(session, facts) or err from err
    return bool(statements)


async def ensure_password(session: Session, login: Login) -> None:
    """Set a role's password to that of the Secret."""
    statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(
        sql.Identifier(login.username), sql.Literal(verifier_of(session)(login))
    )
    await run_together(session, [statement], doing=f"setting the password of {login.username}")


def verifier_of(session: Session) -> Verifier:
    """Compute SCRAM-SHA-256 verifiers with libpq; about 2 ms each (4096 rounds)."""

    def verifier(login: Login) -> str:
        return session.pgconn.encrypt_password(
            login.password.encode(), login.username.encode(), b"scram-sha-256"
        ).decode()

    return verifier


def role_statements(
    facts: DatabaseFacts, wanted: WantedDatabase, verifier: Verifier, *, held: Sequence[str] = ()
) -> Iterator[sql.Composable]:
    """Derive what has to be run so that the roles are as wanted; nothing when they are.

    The admin is a member of the roles `held` afterwards. All roles first, memberships last:
    each change of membership makes the server work out anew whom the admin may administer,
    which takes 3 ms per thousand roles.
    """
    pairs = tuple((role, facts.roles.get(role.name)) for role in wanted.wanted_roles())
    at_once = {name for name in held if name not in facts.roles} if _may_hold(facts) else set()
    yield from _create_held([role for role, _ in pairs if role.name in at_once], verifier)
    for role, found in pairs:
        if found is not None:
            yield from _heal_attributes(role, found)
        elif role.name not in at_once:
            yield _create(role, verifier)
    for role, found in pairs:
        if found is None or found.claim != wanted.claim(role.part):
            yield sql.SQL("COMMENT ON ROLE {} IS {}").format(
                sql.Identifier(role.name), sql.Literal(wanted.claim(role.part).text())
            )
        yield from _settings(role, found, wanted.name)
    for role, found in pairs:
        yield from _membership(role, found, wanted, facts.version_num)
    yield from hold_statements(facts, (name for name in held if name not in at_once))


def hold_statements(facts: DatabaseFacts, roles: Iterable[str]) -> Iterator[sql.Composable]:
    """Make the admin a member of roles for a while; a superuser needs none of it.

    From 16 on the creator of a role may administer it but is no member; before, membership
    always brings SET, and INHERIT is the admin's own attribute.
    """
    if facts.is_superuser:
        return
    held = set(facts.held_roles)
    missing = [sql.Identifier(role) for role in dict.fromkeys(roles) if role not in held]
    if missing:
        yield sql.SQL("GRANT {} TO CURRENT_USER{}").format(
            sql.SQL(", ").join(missing), full_membership(facts.version_num)
        )


def release_statements(facts: DatabaseFacts, roles: Iterable[str]) -> Iterator[sql.Composable]:
    """Undo `hold_statements`; memberships that somebody else granted stay (16 and later)."""
    names = [sql.Identifier(role) for role in dict.fromkeys(roles)]
    if names and not facts.is_superuser:
        yield sql.SQL("REVOKE {} FROM CURRENT_USER").format(sql.SQL(", ").join(names))


def require_administration(session: Session, facts: DatabaseFacts, roles: Iterable[str]) -> None:
    """Refuse to begin what the server would refuse half-way.

    From 16 on CREATEROLE reaches only the roles that one made, so an admin that was
    replaced has to be given its predecessor's roles: all that are known, so that it is done
    at once. Nobody but a superuser may touch a role that is one.
    """
    missing = sorted(role for role in roles if not facts.may_administer(role))
    if not missing:
        return
    raise InsufficientPrivilege(
        f"{facts.admin} may not administer {_fitting(missing, _ROOM_FOR_THE_ROLES)} on"
        f" {place(session)}; run as a superuser: {'; '.join(_cures(facts))}"
    )


def _cures(facts: DatabaseFacts) -> Iterator[str]:
    """Spell the statements after which the admin may administer all of the roles."""
    if not facts.can_create_roles:
        yield f'ALTER ROLE "{facts.admin}" CREATEROLE'
    if any(SUPERUSER in role.powers for role in facts.roles.values()):
        yield from _demotions(facts)
    missing = [role for _, role in sorted(facts.roles.items()) if not role.is_granted]
    predecessors = _common(role.administrators for role in missing)
    names = [f'"{role.name}"' for role in missing]
    if predecessors:
        # What the predecessor made in all databases, its ledgers too, comes with it.
        membership = full_membership(facts.version_num).as_string(None)
        yield f'GRANT "{min(predecessors)}" TO "{facts.admin}"{membership}'
    elif names:
        told = _fitting(names, _ROOM_FOR_A_GRANT, more="")
        yield f'GRANT {told} TO "{facts.admin}" WITH ADMIN OPTION'


def _common(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    found = tuple(sets)
    return frozenset.intersection(*found) if found else frozenset()


def _unhealed(session: Session, facts: DatabaseFacts) -> InsufficientPrivilege | None:
    """Say how to take away what a role of ours got by hand and the admin may not take."""
    cures = "; ".join(_demotions(facts))
    if not cures:
        return None
    return InsufficientPrivilege(
        f"a role on {place(session)} was given by hand what no role of ours has, and"
        f" {facts.admin} may not take it away; run as a superuser: {cures}"
    )


def _demotions(facts: DatabaseFacts) -> Iterator[str]:
    for name, role in sorted(facts.roles.items()):
        if role.powers:
            taken = " ".join(f"NO{power}" for power in sorted(role.powers))
            yield f'ALTER ROLE "{name}" {taken}'


def _fitting(names: Sequence[str], room: int, *, more: str = " and {} more") -> str:
    """List as many names as there is room for, one at least."""
    told = names[0]
    for number, name in enumerate(names[1:], start=1):
        if len(told) + len(name) + 2 > room:
            return told + more.format(len(names) - number)
        told += f", {name}"
    return told


def _create(role: WantedRole, verifier: Verifier) -> sql.Composable:
    name = sql.Identifier(role.name)
    if role.login is None:
        return sql.SQL("CREATE ROLE {} NOLOGIN").format(name)
    return sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
        name, sql.Literal(verifier(role.login))
    )


def _may_hold(facts: DatabaseFacts) -> bool:
    """Tell whether the server makes the creator of a role its member when asked to (16)."""
    return facts.version_num >= POSTGRES_16 and not facts.is_superuser


def _create_held(roles: Sequence[WantedRole], verifier: Verifier) -> Iterator[sql.Composable]:
    """Make roles with the admin as a member, which takes far less than a GRANT afterwards."""
    if not roles:
        return
    yield sql.SQL("SET LOCAL createrole_self_grant = 'inherit, set'")
    for role in roles:
        yield _create(role, verifier)
    yield sql.SQL("SET LOCAL createrole_self_grant = ''")


def _heal_attributes(role: WantedRole, found: RoleRow) -> Iterator[sql.Composable]:
    name = sql.Identifier(role.name)
    for power in sorted(found.powers):
        yield sql.SQL("ALTER ROLE {} {}").format(name, _POWERS_TAKEN[power])
    if found.can_login != (role.login is not None):
        wanted = "LOGIN" if role.login else "NOLOGIN"
        yield sql.SQL("ALTER ROLE {} {}").format(name, sql.SQL(wanted))
    if not found.inherits:
        yield sql.SQL("ALTER ROLE {} INHERIT").format(name)
    if found.expires:
        yield sql.SQL("ALTER ROLE {} VALID UNTIL 'infinity'").format(name)


def _membership(
    role: WantedRole, found: RoleRow | None, wanted: WantedDatabase, version_num: int
) -> Iterator[sql.Composable]:
    """Move a login between our groups; what others granted it is not ours to take."""
    name, names = sql.Identifier(role.name), wanted.roles
    memberships = found.member_of if found else frozenset()
    groups = {names.owner, names.app, names.readers, names.writers}
    for other in sorted(memberships & groups - {role.member_of}):
        yield sql.SQL("REVOKE {} FROM {}").format(sql.Identifier(other), name)
    if role.member_of and role.member_of not in memberships:
        yield sql.SQL("GRANT {} TO {}{}").format(
            sql.Identifier(role.member_of), name, full_membership(version_num)
        )


def _settings(role: WantedRole, found: RoleRow | None, database: str) -> Iterator[sql.Composable]:
    """A tenant may change the settings of its own login; ours are put back, others are its own."""
    name = sql.Identifier(role.name)
    current = found.settings if found else frozenset()
    here = {entry.partition("=")[0] for entry in found.settings_here} if found else set()
    for key, value in role.settings:
        if key == "role" and key in here:
            yield sql.SQL("ALTER ROLE {} IN DATABASE {} RESET {}").format(
                name, sql.Identifier(database), sql.Identifier(key)
            )
        if f"{key}={value}" not in current:
            yield sql.SQL("ALTER ROLE {} SET {} = {}").format(
                name, sql.Identifier(key), sql.Literal(value)
            )


def full_membership(version_num: int) -> sql.SQL:
    return sql.SQL(" WITH INHERIT TRUE, SET TRUE" if version_num >= POSTGRES_16 else "")

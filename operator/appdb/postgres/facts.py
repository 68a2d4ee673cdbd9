"""What a server holds under the names of one AppDatabase, read in one round trip.

Reads only, and only the shared catalogs, so that any database may be the place to ask
from. The answer carries everything that the decision about claims, roles and the
database needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from appdb.model.claim import Claim, parse_claim
from appdb.postgres.connect import Session
from appdb.postgres.statements import read_row
from appdb.postgres.wanted import WantedDatabase

POSTGRES_16 = 160_000
SUPERUSER = "SUPERUSER"

# An interrupted DROP DATABASE leaves the row with this limit: only good for another DROP.
INVALID_DATABASE = -2

# inherit_option and set_option came with 16: through jsonb one query serves all versions.
# From 16 on the creator of a role holds an ADMIN grant made by the bootstrap superuser (10),
# which stays; what we granted ourselves has us as the grantor. Asking pg_has_role makes the
# server list all roles that the admin is a member of, 2 ms per thousand, so it comes last.
_READ = """
SELECT
    current_user::text,
    current_database()::text,
    current_setting('server_version_num')::int,
    me.rolsuper,
    me.rolcreaterole,
    (SELECT jsonb_build_object(
        'oid', d.oid::bigint,
        'owner', pg_get_userbyid(d.datdba),
        'comment', shobj_description(d.oid, 'pg_database'),
        'allows_connections', d.datallowconn,
        'connection_limit', d.datconnlimit,
        'is_template', d.datistemplate,
        'is_acted_for', pg_get_userbyid(d.datdba) = ANY(%(roles)s)
            OR pg_has_role(d.datdba, 'USAGE'),
        'grants', (SELECT jsonb_agg(jsonb_build_array(
                CASE a.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(a.grantee) END,
                a.privilege_type))
            FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a))
     FROM pg_database d
     WHERE d.datname = %(database)s),
    (SELECT jsonb_agg(jsonb_build_object(
        'name', r.rolname,
        'can_login', r.rolcanlogin,
        'powers', array_remove(ARRAY[
            CASE WHEN r.rolsuper THEN 'SUPERUSER' END,
            CASE WHEN r.rolcreatedb THEN 'CREATEDB' END,
            CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
            CASE WHEN r.rolreplication THEN 'REPLICATION' END,
            CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END], NULL),
        'inherits', r.rolinherit,
        'expires', coalesce(r.rolvaliduntil < 'infinity', false),
        'comment', shobj_description(r.oid, 'pg_authid'),
        'settings', (SELECT to_jsonb(s.setconfig) FROM pg_db_role_setting s
            WHERE s.setrole = r.oid AND s.setdatabase = 0),
        'settings_here', (SELECT to_jsonb(s.setconfig)
            FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
            WHERE s.setrole = r.oid AND d.datname = %(database)s),
        'member_of', (SELECT jsonb_agg(pg_get_userbyid(m.roleid)) FROM pg_auth_members m
            WHERE m.member = r.oid
            AND coalesce((to_jsonb(m) ->> 'inherit_option')::bool, true)
            AND coalesce((to_jsonb(m) ->> 'set_option')::bool, true)),
        'is_granted', me.rolsuper OR current_setting('server_version_num')::int < 160000
            OR EXISTS (SELECT FROM pg_auth_members m
                WHERE m.roleid = r.oid AND m.admin_option
                AND (m.member = me.oid OR pg_has_role(m.member, 'MEMBER'))),
        'administrators', (SELECT jsonb_agg(a.rolname) FROM pg_auth_members m
            JOIN pg_roles a ON a.oid = m.member
            WHERE m.roleid = r.oid AND m.admin_option AND NOT a.rolsuper),
        'is_held', EXISTS (SELECT FROM pg_auth_members m
            WHERE m.roleid = r.oid AND m.member = me.oid
            AND (m.grantor = me.oid
                OR m.grantor <> 10 AND NOT me.rolsuper AND pg_has_role(m.grantor, 'USAGE')
                OR current_setting('server_version_num')::int < 160000))))
     FROM pg_roles r
     WHERE r.rolname = ANY(%(roles)s)),
    (SELECT pg_encoding_to_char(d.encoding) || ' ' || d.datcollate
     FROM pg_database d WHERE d.datname = 'template0')
FROM pg_roles me
WHERE me.rolname = current_user
"""


_READ_CLAIMS = """
SELECT array_agg(shobj_description(r.oid, 'pg_authid')) FROM pg_roles r
WHERE r.rolname = ANY(%(roles)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseRow:
    """A database; `grants` holds (role, privilege), None for PUBLIC.

    `is_acted_for`: its owner is one of the roles asked for, or the admin has the rights of it.
    """

    oid: int
    owner: str
    comment: str | None
    allows_connections: bool
    connection_limit: int
    is_template: bool
    is_acted_for: bool
    grants: frozenset[tuple[str | None, str]]

    @property
    def claim(self) -> Claim | None:
        return parse_claim(self.comment)

    @property
    def is_valid(self) -> bool:
        """False after an interrupted DROP DATABASE: its files are partly gone."""
        return self.connection_limit != INVALID_DATABASE


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRow:
    """A role. `settings_here` are those for this database only, `powers` what it must not have.

    `member_of` are the roles it inherits from and may set; `expires`: its password is or will
    be good for nothing; `is_granted`: the admin's CREATEROLE reaches it; `administrators` are
    those whose CREATEROLE does; `is_held`: the admin made itself a member, by itself or with
    the right of a role that it is in, and not yet undid it.
    """

    name: str
    can_login: bool
    powers: frozenset[str]
    inherits: bool
    expires: bool
    comment: str | None
    settings: frozenset[str]
    settings_here: frozenset[str]
    member_of: frozenset[str]
    is_granted: bool
    administrators: frozenset[str]
    is_held: bool

    @property
    def claim(self) -> Claim | None:
        return parse_claim(self.comment)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """What is there; `template` is "<encoding> <collation>" of template0.

    `asked_in` is the database of the session that asked, which is the maintenance database.
    """

    admin: str
    asked_in: str
    version_num: int
    is_superuser: bool
    can_create_roles: bool
    database: DatabaseRow | None
    roles: dict[str, RoleRow]
    template: str

    def may_administer(self, role: str) -> bool:
        """Tell whether the admin may alter, grant and drop a role."""
        found = self.roles[role]
        is_in_reach = self.can_create_roles and found.is_granted and SUPERUSER not in found.powers
        return self.is_superuser or is_in_reach

    @property
    def held_roles(self) -> tuple[str, ...]:
        """Name the roles whose member the admin made itself, now or before it was killed."""
        return tuple(sorted(role.name for role in self.roles.values() if role.is_held))


async def read_database(session: Session, wanted: WantedDatabase) -> DatabaseFacts:
    """Read what is there under the names of a wanted database."""
    return await read_names(
        session, wanted.name, tuple(role.name for role in wanted.wanted_roles())
    )


async def read_claims(session: Session, roles: Sequence[str]) -> tuple[Claim | None, ...]:
    """Read the claims of those roles that exist; far cheaper than all facts about them."""
    (comments,) = await read_row(
        session, _READ_CLAIMS, {"roles": list(roles)}, doing="reading the claims of roles"
    )
    return tuple(map(parse_claim, comments or ()))


async def read_names(session: Session, database: str, roles: tuple[str, ...]) -> DatabaseFacts:
    """Read a database and roles by name."""
    row = await read_row(
        session,
        _READ,
        {"database": database, "roles": list(roles)},
        doing=f"reading the state of database {database}",
    )
    admin, asked_in, version_num, is_superuser, can_create, found, found_roles, template = row
    return DatabaseFacts(
        admin=admin,
        asked_in=asked_in,
        version_num=version_num,
        is_superuser=is_superuser,
        can_create_roles=can_create,
        database=_database(found) if found else None,
        roles={role["name"]: _role(role) for role in found_roles or ()},
        template=template or "",
    )


def _database(found: dict[str, Any]) -> DatabaseRow:
    grants = frozenset((grantee, privilege) for grantee, privilege in found["grants"] or ())
    return DatabaseRow(**found | {"grants": grants})


def _role(found: dict[str, Any]) -> RoleRow:
    sets = ("powers", "settings", "settings_here", "member_of", "administrators")
    return RoleRow(**found | {key: frozenset(found[key] or ()) for key in sets})

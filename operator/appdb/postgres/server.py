"""Reads what a server is and what its admin may do there.

Reads only. A right that is missing is named together with the statement that gives it,
so that a person with more rights can run it as it stands.
"""

from dataclasses import dataclass

from psycopg import sql

from appdb.errors import InsufficientPrivilege, Unreachable
from appdb.postgres.connect import Session, place
from appdb.postgres.facts import POSTGRES_16
from appdb.postgres.statements import read_row

OLDEST_VERSION_NUM = 150_000

_READ = """
SELECT jsonb_build_object(
    'admin', r.rolname,
    'version_text', current_setting('server_version'),
    'version_num', current_setting('server_version_num')::int,
    'is_superuser', r.rolsuper,
    'can_create_databases', r.rolsuper OR r.rolcreatedb,
    'can_create_roles', r.rolsuper OR r.rolcreaterole,
    'can_signal_backends', r.rolsuper OR EXISTS (SELECT FROM pg_auth_members m
        WHERE m.roleid = 'pg_signal_backend'::regrole AND pg_has_role(m.roleid, 'USAGE')),
    'inherits', r.rolinherit,
    'is_standby', pg_is_in_recovery(),
    'is_read_only', current_setting('default_transaction_read_only')::bool,
    'is_open_to_public', has_database_privilege('public', current_database(), 'CONNECT'),
    'tells_identity', has_function_privilege('pg_control_system()', 'EXECUTE'),
    'max_connections', current_setting('max_connections')::int,
    'databases', (SELECT count(*) FROM pg_database d
        WHERE NOT d.datistemplate AND d.datname <> current_database()))
FROM pg_roles r
WHERE r.rolname = current_user
"""

# EXECUTE is PUBLIC's by default; where a service took it away the identity stays unknown.
# The right is checked before a CASE around the call could decide, hence two queries.
_READ_IDENTITY = "SELECT system_identifier::text FROM pg_control_system()"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """A server as its admin sees it.

    `version` is "18.4"; `databases` counts those besides templates and the maintenance
    database; `is_open_to_public`: every tenant's login may enter the maintenance database.
    """

    admin: str
    version: str
    version_num: int
    system_identifier: str | None
    is_superuser: bool
    can_create_databases: bool
    can_create_roles: bool
    can_signal_backends: bool
    inherits: bool
    is_standby: bool
    is_read_only: bool
    is_open_to_public: bool
    max_connections: int
    databases: int

    @property
    def capabilities(self) -> tuple[str, ...]:
        """Name what the admin may do, as status shows it."""
        held = {
            "superuser": self.is_superuser,
            "createdb": self.can_create_databases,
            "createrole": self.can_create_roles,
            "signalBackend": self.can_signal_backends,
        }
        return tuple(name for name, is_held in held.items() if is_held)


async def read_server(session: Session) -> ServerFacts:
    """Read the server through a session to its maintenance database."""
    doing = "reading the server's state"
    (found,) = await read_row(session, _READ, {}, doing=doing)
    identifier = None
    if found.pop("tells_identity"):
        (identifier,) = await read_row(session, _READ_IDENTITY, {}, doing=doing)
    version = str(found.pop("version_text")).split(" ", 1)[0]
    return ServerFacts(**found, version=version, system_identifier=identifier)


def missing_privilege(facts: ServerFacts) -> str | None:
    """Give the statement that grants what the admin lacks; None when it lacks nothing."""
    lacking = [
        attribute
        for attribute, is_held in (
            ("CREATEDB", facts.can_create_databases),
            ("CREATEROLE", facts.can_create_roles),
            # From 16 on each membership says for itself whether it inherits.
            ("INHERIT", facts.inherits or facts.is_superuser or facts.version_num >= POSTGRES_16),
        )
        if not is_held
    ]
    if not lacking:
        return None
    admin = sql.Identifier(facts.admin).as_string(None)
    return f"ALTER ROLE {admin} {' '.join(lacking)}"


def require_usable(facts: ServerFacts, session: Session) -> None:
    """Refuse a server on which databases cannot be made.

    Raises:
        InsufficientPrivilege: the message carries the ALTER ROLE to run.
        Unreachable: it is read-only or too old; that may change without anybody's writing.
    """
    where = place(session)
    if facts.version_num < OLDEST_VERSION_NUM:
        raise Unreachable(f"{where} runs Postgres {facts.version}; 15 or newer is needed")
    if facts.is_standby:
        raise Unreachable(f"{where} is read-only, a standby; point spec.host at the primary")
    if facts.is_read_only:
        raise Unreachable(
            f"{where} is closed to writes: default_transaction_read_only is on there; free its "
            "disk if that is why, and switch it off"
        )
    cure = missing_privilege(facts)
    if cure is not None:
        raise InsufficientPrivilege(
            f"{facts.admin} lacks rights on {where}; run as a superuser: {cure}"
        )

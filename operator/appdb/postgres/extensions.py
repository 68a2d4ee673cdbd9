"""Installs the extensions that the spec asks for and the server's owner allows.

The tenant has no CREATE on its database and cannot install any itself. A trusted
extension is installed by the database's owner role (its script runs with the bootstrap
superuser's rights, as Postgres does it for everybody); any other needs a superuser.
"""

from collections.abc import Iterable, Sequence

from psycopg import sql

from appdb.errors import DDLFailed, ExtensionNotAllowed, InsufficientPrivilege
from appdb.postgres.connect import Session, place
from appdb.postgres.facts import DatabaseFacts
from appdb.postgres.inside import PUBLIC_SCHEMA
from appdb.postgres.statements import read_row
from appdb.postgres.wanted import WantedDatabase

_READ_AVAILABLE = """
SELECT jsonb_object_agg(v.name, v.trusted)
FROM pg_available_extensions e
JOIN pg_available_extension_versions v ON v.name = e.name AND v.version = e.default_version
WHERE e.name = ANY(%(names)s)
"""


def require_allowed(wanted: WantedDatabase) -> None:
    """Refuse extensions that the server does not list.

    Raises:
        ExtensionNotAllowed: naming them and where they would have to be allowed.
    """
    refused = [name for name in wanted.extensions if name not in wanted.allowed_extensions]
    if refused:
        raise ExtensionNotAllowed(
            f"{_listed('extension', refused)} not allowed: the owner of the server would have to"
            " add it to allowedExtensions of the DatabaseServer"
        )


async def read_trust(session: Session, names: Sequence[str]) -> dict[str, bool]:
    """Tell of each extension whose files the server has whether it is trusted."""
    (available,) = await read_row(
        session, _READ_AVAILABLE, {"names": list(names)}, doing="reading the extensions"
    )
    return available or {}


async def extension_statements(
    session: Session, missing: Sequence[str], facts: DatabaseFacts, wanted: WantedDatabase
) -> tuple[sql.Composable, ...]:
    """Derive how to install what is missing; they belong into one transaction.

    Raises:
        ExtensionNotAllowed: the server's machine does not have it.
        InsufficientPrivilege: it is not trusted and the admin is no superuser.
    """
    if not missing:
        return ()
    trust = await read_trust(session, missing)
    absent = [name for name in missing if name not in trust]
    if absent:
        raise ExtensionNotAllowed(
            f"{_listed('extension', absent)} not available on {place(session)}: its files are"
            " not installed there; see pg_available_extensions"
        )
    beyond = [name for name in missing if not trust[name]]
    if beyond and not facts.is_superuser:
        raise InsufficientPrivilege(
            f"{_listed('extension', beyond)} not trusted, {facts.admin} may not install it; run"
            f' as a superuser in database {wanted.name}: CREATE EXTENSION "{beyond[0]}"'
        )
    return tuple(
        statement
        for name in missing
        for statement in _install(name, wanted.roles.owner if trust[name] else None)
    )


def refused_by_provider(missing: Sequence[str], err: DDLFailed) -> ExtensionNotAllowed:
    """Say that installing failed for another reason than a right: managed servers keep lists."""
    return ExtensionNotAllowed(
        f"{_listed('extension', missing)} not installed, {err.message}; a managed server has a list"
        " of its own (azure.extensions, rds.allowed_extensions): add it there, or do without"
    )


def _install(name: str, as_role: str | None) -> Iterable[sql.Composable]:
    """The objects land in public, where apps look; some extensions insist on a schema."""
    if as_role is not None:
        yield sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(as_role))
    yield sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(PUBLIC_SCHEMA))
    yield sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name))
    yield sql.SQL("SET LOCAL search_path TO pg_catalog")
    if as_role is not None:
        yield sql.SQL("SET LOCAL ROLE NONE")


def _listed(noun: str, names: Sequence[str]) -> str:
    plural = len(names) > 1
    return f"{noun}{'s' if plural else ''} {', '.join(names)} {'are' if plural else 'is'}"

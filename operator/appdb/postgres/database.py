"""Makes and heals the database itself: owner, rights, limits, claim.

CREATE DATABASE cannot be part of a transaction, so the order makes every kill harmless:
claimed owner role first, the database closed to all, rights, opened, and the claim on the
database last of all, when what stands inside is in place. A database without a claim
that our claimed role owns is therefore one to go on with.
"""

from collections.abc import Iterator
from dataclasses import replace

from psycopg import sql

from appdb.errors import InsufficientPrivilege
from appdb.model.claim import Part
from appdb.postgres.claims import reclaim
from appdb.postgres.connect import Session, place
from appdb.postgres.facts import DatabaseFacts, DatabaseRow, read_database
from appdb.postgres.roles import hold_statements, require_administration
from appdb.postgres.statements import run, run_together
from appdb.postgres.wanted import WantedDatabase

_CLOSED_TO_PUBLIC = ("CONNECT", "TEMPORARY")
_NO_LIMIT = -1


async def ensure_database_exists(
    session: Session, facts: DatabaseFacts, wanted: WantedDatabase
) -> DatabaseFacts:
    """Create the database if there is none and give the facts as they are then.

    The admin must be a member of the owner role, as `ensure_roles` leaves it.
    """
    if facts.database is not None and facts.database.is_valid:
        return facts
    doing = f"creating database {wanted.name}"
    name = sql.Identifier(wanted.name)
    if facts.database is not None:
        # What an interrupted DROP DATABASE left is good for nothing but another one.
        await run(session, sql.SQL("DROP DATABASE {}").format(name), doing=doing)
    await run(
        session,
        sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0{} ALLOW_CONNECTIONS false").format(
            name, sql.Identifier(wanted.roles.owner), _encoding(facts.template)
        ),
        doing=doing,
    )
    return await read_database(session, wanted)


async def hold(
    session: Session, facts: DatabaseFacts, roles: tuple[str, ...], wanted: WantedDatabase
) -> None:
    """Make the admin a member of roles, so that it may act for them and connect.

    Raises:
        InsufficientPrivilege: with the GRANT that lets it.
    """
    if not facts.is_superuser:
        require_administration(session, facts, (role for role in roles if role in facts.roles))
    await run_together(
        session,
        tuple(hold_statements(facts, roles)),
        doing=f"becoming a member of the roles of database {wanted.name}",
    )


def require_ownership(session: Session, facts: DatabaseFacts, wanted: WantedDatabase) -> None:
    """Refuse a database of ours that was given to somebody for whom the admin cannot act.

    Raises:
        InsufficientPrivilege: with the statement that gives it back.
    """
    found = facts.database
    if found is None or found.owner in facts.roles or facts.is_superuser or found.is_acted_for:
        return
    name, owner = wanted.name, wanted.roles.owner
    lost, cure = "", f'ALTER DATABASE "{name}" OWNER TO "{owner}"'
    if found.owner == owner:
        lost, cure = ", which has lost its claim", reclaim(wanted, owner, Part.OWNER)
    raise InsufficientPrivilege(
        f"database {name} on {place(session)} belongs to role {found.owner}{lost};"
        f" run as a superuser: {cure}"
    )


def database_statements(facts: DatabaseFacts, wanted: WantedDatabase) -> Iterator[sql.Composable]:
    """Derive what the database needs so that its door is as wanted; nothing when it is.

    PUBLIC is shut out before the database is opened. The owner role is not among those
    who may connect by grant: it owns, and nobody logs in as it.
    """
    found = facts.database
    if found is None:
        return
    name = sql.Identifier(wanted.name)
    for privilege in _CLOSED_TO_PUBLIC:
        if (None, privilege) in found.grants:
            yield sql.SQL("REVOKE {} ON DATABASE {} FROM PUBLIC").format(sql.SQL(privilege), name)
    if not facts.is_superuser and (facts.admin, "CONNECT") not in found.grants:
        # For the ledger: so that the admin need not become a member of the owner each time.
        yield sql.SQL("GRANT CONNECT ON DATABASE {} TO CURRENT_USER").format(name)
    yield from _grants(found, wanted)
    if not any(ownership_statements(facts, wanted)):
        yield from schema_rights(facts, wanted)
    limit = _NO_LIMIT if wanted.connection_limit is None else wanted.connection_limit
    if found.connection_limit != limit:
        yield sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(name, sql.Literal(limit))
    if not found.allows_connections:
        yield sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name)


def ownership_statements(facts: DatabaseFacts, wanted: WantedDatabase) -> Iterator[sql.Composable]:
    """Derive what finishes a database: its owner and the claim on it, in this order."""
    found = facts.database
    if found is None:
        return
    name = sql.Identifier(wanted.name)
    if found.owner != wanted.roles.owner:
        yield sql.SQL("ALTER DATABASE {} OWNER TO {}").format(
            name, sql.Identifier(wanted.roles.owner)
        )
    claim = wanted.claim(Part.DATABASE)
    if found.claim != claim:
        yield sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(claim.text()))


def schema_rights(facts: DatabaseFacts, wanted: WantedDatabase) -> Iterator[sql.Composable]:
    """Derive the right to make schemas, for an app whose own migrator makes some.

    Only behind the making of the ledger's schema: whoever makes that first owns it.
    """
    found, app = facts.database, wanted.roles.app
    if found is None or not wanted.may_create_schemas or (app, "CREATE") in found.grants:
        return
    yield sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(
        sql.Identifier(wanted.name), sql.Identifier(app)
    )


def rights_after_handover(facts: DatabaseFacts, wanted: WantedDatabase) -> Iterator[sql.Composable]:
    """Derive the rights anew for a database whose owner changes in the same transaction.

    ALTER DATABASE ... OWNER TO moves the old owner's entries of the ACL to the new owner.
    """
    found = facts.database
    if found is None or found.owner == wanted.roles.owner:
        return
    of_public = frozenset(grant for grant in found.grants if grant[0] is None)
    bared = replace(facts, database=replace(found, grants=of_public))
    yield from database_statements(bared, wanted)


def _grants(found: DatabaseRow, wanted: WantedDatabase) -> Iterator[sql.Composable]:
    for role in wanted.wanted_roles():
        if role.part is Part.OWNER or role.login is not None:
            continue
        for privilege in _CLOSED_TO_PUBLIC:
            if (role.name, privilege) not in found.grants:
                yield sql.SQL("GRANT {} ON DATABASE {} TO {}").format(
                    sql.SQL(privilege), sql.Identifier(wanted.name), sql.Identifier(role.name)
                )


def _encoding(template: str) -> sql.SQL:
    """Ask for UTF8 where the server was set up without an encoding and any will do (C locale)."""
    encoding, _, collation = template.partition(" ")
    is_free = encoding != "UTF8" and collation in {"C", "POSIX"}
    return sql.SQL(" ENCODING 'UTF8'" if is_free else "")

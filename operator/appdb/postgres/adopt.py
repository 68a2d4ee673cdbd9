"""Takes over a database that people made, without losing anything that is in it.

Ownership of the database and of the objects of its users moves to our roles in one
transaction. The previous owners keep working: they may still connect, and they become
members of the app role, so that a running app notices nothing until the platform team
removes them. Objects of extensions and of the system stay as they are. A ledger that is
there (made by `appdb apply`) goes to the admin: no tenant may own what the operator writes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from appdb.errors import AdoptionRequired, InsufficientPrivilege
from appdb.postgres.connect import Session, place
from appdb.postgres.facts import DatabaseFacts
from appdb.postgres.inside import LEDGER_SCHEMA
from appdb.postgres.roles import full_membership
from appdb.postgres.statements import read_row
from appdb.postgres.wanted import WantedDatabase

# Left out: what follows its table (identity sequences, row types), what belongs to an
# extension, and what only a superuser may own; with an event trigger stays its function, which
# runs as whoever changes something. Owners that are pinned (the bootstrap superuser) have no
# rows in pg_shdepend, hence the catalogs first and pg_shdepend only for the rare kinds.
_READ = """
WITH spaces AS (
    SELECT oid, nspname, nspowner FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), owned(class, object, owner) AS (
    SELECT 'pg_class'::regclass::oid, c.oid, c.relowner
    FROM pg_class c JOIN spaces n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    AND NOT EXISTS (SELECT FROM pg_depend d
        WHERE c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid
        AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i'))
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, t.typowner
    FROM pg_type t JOIN spaces n ON n.oid = t.typnamespace
    LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c'
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, p.proowner
    FROM pg_proc p JOIN spaces n ON n.oid = p.pronamespace
    WHERE NOT EXISTS (SELECT FROM pg_depend d
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')
    AND NOT EXISTS (SELECT FROM pg_event_trigger e WHERE e.evtfoid = p.oid)
    UNION ALL
    SELECT 'pg_namespace'::regclass, n.oid, n.nspowner FROM spaces n
    WHERE n.nspname <> 'public'
    UNION ALL
    SELECT s.classid, s.objid, s.refobjid
    FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid JOIN pg_roles r ON r.oid = s.refobjid
    WHERE d.datname = current_database() AND s.deptype = 'o'
    AND NOT (r.rolsuper AND s.classid = 'pg_publication'::regclass)
    AND s.classid NOT IN ('pg_class'::regclass, 'pg_type'::regclass, 'pg_proc'::regclass,
        'pg_namespace'::regclass, 'pg_extension'::regclass, 'pg_default_acl'::regclass,
        'pg_user_mapping'::regclass, 'pg_event_trigger'::regclass,
        'pg_foreign_data_wrapper'::regclass, 'pg_language'::regclass)
), changing AS (
    SELECT i.type, i.identity, o.owner
    FROM owned o CROSS JOIN LATERAL pg_identify_object(o.class, o.object, 0) i
    WHERE pg_get_userbyid(o.owner) <> ALL(%(keepers)s)
    AND NOT EXISTS (SELECT FROM pg_depend d
        WHERE d.classid = o.class AND d.objid = o.object AND d.deptype = 'e')
)
SELECT
    (SELECT coalesce(jsonb_agg(jsonb_build_array(c.type, c.identity)), '[]') FROM changing c),
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', r.rolname,
        'is_superuser', r.rolsuper,
        'is_acted_for', pg_has_role(r.oid, 'USAGE'),
        'is_administered', CASE
            WHEN current_setting('server_version_num')::int < 160000
            THEN me.rolcreaterole AND NOT r.rolsuper
            ELSE pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION') END)), '[]')
     FROM pg_roles r, pg_roles me
     WHERE me.rolname = current_user
     AND r.rolname <> ALL(%(keepers)s)
     AND r.rolname <> 'pg_database_owner'
     AND (r.rolname = %(owner)s OR r.oid IN
        (SELECT owner FROM changing UNION SELECT nspowner FROM spaces))),
    (SELECT coalesce(jsonb_agg(DISTINCT r.rolname), '[]')
     FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid JOIN pg_roles r ON r.oid = s.refobjid
     WHERE d.datname = current_database() AND s.refclassid = 'pg_authid'::regclass
     AND r.rolname <> ALL(%(keepers)s) AND r.rolname !~ '^pg_' AND NOT r.rolsuper
     AND has_database_privilege(r.oid, d.oid, 'CONNECT'))
"""

# pg_identify_object's word for a kind, where ALTER ... OWNER TO wants another.
_ALTER_WORDS = {
    "function": "ROUTINE",
    "procedure": "ROUTINE",
    "aggregate": "ROUTINE",
    "composite type": "TYPE",
    "statistics object": "STATISTICS",
    "foreign-data wrapper": "FOREIGN DATA WRAPPER",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousOwner:
    """A role that owns something; `is_acted_for`: the admin has its rights already."""

    name: str
    is_superuser: bool
    is_acted_for: bool
    is_administered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoptable:
    """What changes hands: objects as (kind, identity quoted by the server), and their owners.

    `guests` are the roles that may connect, perhaps as everybody may, and have rights inside.
    """

    objects: tuple[tuple[str, str], ...]
    owners: tuple[PreviousOwner, ...]
    guests: tuple[str, ...] = ()


NOTHING_TO_ADOPT = Adoptable(objects=(), owners=())


async def read_adoptable(
    session: Session, facts: DatabaseFacts, wanted: WantedDatabase
) -> Adoptable:
    """Read through a session inside the database what belongs to whom.

    Raises:
        InsufficientPrivilege: the admin cannot act for an owner; carries the GRANT to run.
    """
    keepers = [wanted.roles.owner, wanted.roles.app]
    objects, owners, guests = await read_row(
        session,
        _READ,
        {"owner": facts.database.owner if facts.database else "", "keepers": keepers},
        doing=f"reading the owners in database {wanted.name}",
    )
    previous = tuple(PreviousOwner(**owner) for owner in owners)
    for owner in previous:
        require_reach(session, facts, owner)
    return Adoptable(
        objects=tuple((kind, name) for kind, name in objects),
        owners=previous,
        guests=tuple(guests),
    )


def require_open(session: Session, facts: DatabaseFacts, name: str) -> None:
    """Refuse to adopt what somebody has closed to everybody.

    Raises:
        AdoptionRequired: with the statement that opens it.
    """
    if facts.database is None or facts.database.allows_connections:
        return
    raise AdoptionRequired(
        f"database {name} on {place(session)} accepts no connections; to have it adopted"
        f' run as its owner: ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'
    )


def require_reach(session: Session, facts: DatabaseFacts, owner: PreviousOwner) -> None:
    """Refuse an owner for whom the admin cannot act."""
    if owner.is_acted_for or owner.is_administered:
        return
    where = place(session)
    if owner.is_superuser:
        raise InsufficientPrivilege(
            f"{facts.admin} cannot take over what the superuser {owner.name} owns on {where};"
            " give it to another role first, or adopt with a superuser as the server's admin"
        )
    raise InsufficientPrivilege(
        f"{facts.admin} cannot take over what {owner.name} owns on {where}; run as a"
        f' superuser: GRANT "{owner.name}" TO "{facts.admin}"'
    )


def borrow_statements(adoptable: Adoptable, version_num: int) -> Iterator[sql.Composable]:
    """Make the admin a member of those previous owners for whom it does not act yet."""
    for owner in adoptable.owners:
        if not owner.is_acted_for:
            yield sql.SQL("GRANT {} TO CURRENT_USER{}").format(
                sql.Identifier(owner.name), full_membership(version_num)
            )


def handover_statements(adoptable: Adoptable, wanted: WantedDatabase) -> Iterator[sql.Composable]:
    """Give every object to the app role: schemas first, it must be able to create in them."""
    app, admin = sql.Identifier(wanted.roles.app), sql.SQL("CURRENT_USER")
    database = sql.Identifier(wanted.name)
    has_publications = any(kind == "publication" for kind, _ in adoptable.objects)
    if has_publications:
        # Its new owner must be able to make one; afterwards nobody asks.
        yield sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(database, app)
    for kind, identity in sorted(adoptable.objects, key=lambda each: each[0] != "schema"):
        # Kind and identity come from the server, which has quoted the names in them.
        word = _ALTER_WORDS.get(kind, kind.upper())
        heir = admin if identity.partition(".")[0] == LEDGER_SCHEMA else app
        yield sql.SQL("ALTER {} {} OWNER TO {}").format(_verbatim(word), _verbatim(identity), heir)
    if has_publications and not wanted.may_create_schemas:
        yield sql.SQL("REVOKE CREATE ON DATABASE {} FROM {}").format(database, app)


def courtesy_statements(
    adoptable: Adoptable, facts: DatabaseFacts, wanted: WantedDatabase
) -> Iterator[sql.Composable]:
    """Let the previous owners work on with what was theirs, then give them back.

    Who could connect as everybody could, and has rights inside, still may.
    """
    for guest in adoptable.guests:
        if guest != facts.admin:
            yield sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(
                sql.Identifier(wanted.name), sql.Identifier(guest)
            )
    for owner in adoptable.owners:
        name = sql.Identifier(owner.name)
        if not (owner.is_superuser or owner.name == facts.admin):
            yield sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(
                sql.Identifier(wanted.name), name
            )
            yield sql.SQL("GRANT {} TO {}{}").format(
                sql.Identifier(wanted.roles.app), name, full_membership(facts.version_num)
            )
        if not owner.is_acted_for:
            yield sql.SQL("REVOKE {} FROM CURRENT_USER").format(name)


def _verbatim(text: Any) -> sql.SQL:
    return sql.SQL(text)

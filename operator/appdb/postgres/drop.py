"""Drops roles that may have left traces anywhere on the server.

A role cannot be dropped while a right in any database names it, and a tenant can plant
such a right (GRANT ... TO another tenant's role). pg_shdepend is shared and says where.
In databases that our cluster claims the rights are revoked; what a role owns in a database
that is not its own, and whatever lies elsewhere, is reported and never dropped.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg import sql

from appdb.errors import ObjectsRemain
from appdb.model.claim import Claim, Part, parse_claim
from appdb.postgres.connect import Session, place
from appdb.postgres.facts import DatabaseFacts, read_names
from appdb.postgres.fence import Confirm, as_read, fenced
from appdb.postgres.roles import hold_statements, release_statements, require_administration
from appdb.postgres.sessions import AdminSessions
from appdb.postgres.statements import read_row, run_together
from appdb.postgres.wanted import WantedDatabase

_READ_CLAIMED = """
SELECT coalesce(jsonb_agg(jsonb_build_array(r.rolname, d.description)), '[]')
FROM pg_shdescription d
JOIN pg_roles r ON r.oid = d.objoid
WHERE d.classoid = 'pg_authid'::regclass
AND d.description LIKE 'appdb.chatbuilds.com/claim %%'
AND strpos(d.description, ' database=' || %(database)s || ' ') > 0
"""

# deptype 'o': owns; all others are rights, which DROP OWNED revokes. dbid 0: shared objects,
# that is databases, tablespaces, parameters and memberships that the role granted.
_READ_TRACES = """
SELECT coalesce(jsonb_agg(jsonb_build_object(
    'role', pg_get_userbyid(s.refobjid),
    'inside', inner_db.datname,
    'claim', shobj_description(inner_db.oid, 'pg_database'),
    'database', shared_db.datname,
    'shared', pg_describe_object(s.class, s.object, 0),
    'owns', s.owns)), '[]')
FROM (
    SELECT d.refobjid, d.dbid, bool_or(d.deptype = 'o') AS owns,
        CASE WHEN d.dbid = 0 THEN d.classid END AS class,
        CASE WHEN d.dbid = 0 THEN d.objid END AS object
    FROM pg_shdepend d
    WHERE d.refclassid = 'pg_authid'::regclass
    AND d.refobjid IN (SELECT r.oid FROM pg_roles r WHERE r.rolname = ANY(%(roles)s))
    GROUP BY d.refobjid, d.dbid, 4, 5
) s
LEFT JOIN pg_database inner_db ON inner_db.oid = s.dbid
LEFT JOIN pg_database shared_db
    ON shared_db.oid = s.object AND s.class = 'pg_database'::regclass
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Something that names a role: `inside` a database, or `shared`, in words of the server.

    `database` is the shared object's name where it is one.
    """

    role: str
    inside: str | None
    claim: Claim | None
    database: str | None
    shared: str | None
    owns: bool


async def read_claimed_roles(session: Session, database: str) -> dict[str, Claim]:
    """Read the roles that carry a claim for a database, whoever made it."""
    (found,) = await read_row(
        session, _READ_CLAIMED, {"database": database}, doing=f"reading the roles of {database}"
    )
    claims = {role: parse_claim(comment) for role, comment in found}
    return {role: claim for role, claim in claims.items() if claim and claim.database == database}


async def drop_roles(
    sessions: AdminSessions,
    wanted: WantedDatabase,
    roles: Sequence[str],
    *,
    confirm: Confirm = as_read,
) -> None:
    """Drop roles of a database, the claimed owner last of all; those that are gone are skipped.

    The database itself may still stand (a login that is no longer wanted) or be gone.

    Raises:
        ObjectsRemain: a role owns something elsewhere, or has rights that we cannot revoke.
    """
    async with sessions.maintenance() as session:
        facts = await read_names(session, wanted.name, tuple(roles))
        present = tuple(role for role in roles if role in facts.roles)
        require_administration(session, facts, present)
        traces = await read_traces(session, present)
    _refuse_property(traces, wanted)
    for database in sorted({trace.inside for trace in traces if trace.inside}):
        await _clean_database(sessions, database, present, wanted)
    async with sessions.maintenance() as session, fenced(session, wanted.name):
        await confirm()
        await _drop_present(session, wanted, present)


async def read_traces(session: Session, roles: Sequence[str]) -> tuple[Trace, ...]:
    """Read where on the server roles are named."""
    (found,) = await read_row(
        session, _READ_TRACES, {"roles": list(roles)}, doing="reading what the roles still hold"
    )
    return tuple(Trace(**row | {"claim": parse_claim(row["claim"])}) for row in found)


def _refuse_property(traces: Sequence[Trace], wanted: WantedDatabase) -> None:
    ours = wanted.accepted_clusters | {wanted.claimant.cluster}
    for trace in traces:
        if trace.inside == wanted.name:
            continue
        if trace.inside is None and not trace.owns:
            continue
        if trace.owns:
            owned = f"objects in database {trace.inside}" if trace.inside else trace.shared
            raise ObjectsRemain(
                f"role {trace.role} owns {owned}; give it to another role (REASSIGN OWNED BY"
                f' "{trace.role}" TO ...) there, then it is dropped'
            )
        if trace.claim is None or trace.claim.claimant.cluster not in ours:
            raise ObjectsRemain(
                f"role {trace.role} has rights in database {trace.inside}, which is not ours; run"
                f' there, as its owner: DROP OWNED BY "{trace.role}"'
            )


async def _clean_database(
    sessions: AdminSessions, database: str, roles: Sequence[str], wanted: WantedDatabase
) -> None:
    """Revoke what was granted to roles in a database of ours, with its owner's rights."""
    doing = f"revoking the rights of {', '.join(roles)} in database {database}"
    async with sessions.maintenance() as session:
        hosts = await read_claimed_roles(session, database)
        facts = await read_names(session, database, (*hosts, *roles))
        owners = tuple(role for role, claim in hosts.items() if claim.part is Part.OWNER)
        await run_together(session, tuple(hold_statements(facts, owners)), doing=doing)
    held = tuple(dict.fromkeys((*hosts, *roles)))
    names = sql.SQL(", ").join(map(sql.Identifier, roles))
    async with sessions.database(database) as session:
        statements = [
            *hold_statements(facts, (role for role in held if role not in owners)),
            *_reassign(names, database, wanted),
            sql.SQL("DROP OWNED BY {}").format(names),
            *release_statements(facts, held),
        ]
        await run_together(session, statements, doing=doing)


def _reassign(
    names: sql.Composable, database: str, wanted: WantedDatabase
) -> Iterator[sql.Composable]:
    """In its own database what a login made without its role stays, as the app's."""
    if database == wanted.name:
        yield sql.SQL("REASSIGN OWNED BY {} TO {}").format(names, sql.Identifier(wanted.roles.app))


async def _drop_present(session: Session, wanted: WantedDatabase, roles: Sequence[str]) -> None:
    if not roles:
        return
    facts = await read_names(session, wanted.name, tuple(roles))
    ordered = sorted(facts.roles, key=lambda role: role == wanted.roles.owner)
    shared = [trace for trace in await read_traces(session, ordered) if trace.inside is None]
    names = sql.SQL(", ").join(map(sql.Identifier, ordered))
    statements = [
        *(hold_statements(facts, ordered) if shared else ()),
        *([sql.SQL("DROP OWNED BY {}").format(names)] if shared else ()),
        *(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)) for role in ordered),
    ]
    try:
        await run_together(session, statements, doing=f"dropping the roles of {wanted.name}")
    except ObjectsRemain as err:
        raise ObjectsRemain(_what_remains(shared, facts, where=place(session))) from err


def _what_remains(shared: Sequence[Trace], facts: DatabaseFacts, *, where: str) -> str:
    for trace in shared:
        if trace.database:
            return (
                f"role {trace.role} still has rights on database {trace.database} that"
                f" {facts.admin} may not revoke; run as its owner: REVOKE ALL ON DATABASE"
                f' "{trace.database}" FROM "{trace.role}"'
            )
        if trace.shared and trace.shared.startswith("parameter "):
            return (
                f"role {trace.role} still has rights on {trace.shared}; run as a superuser:"
                f' REVOKE ALL ON {trace.shared.upper()} FROM "{trace.role}"'
            )
        return f"role {trace.role} is still named by {trace.shared}; take that away, see DROP OWNED"
    return f"roles {', '.join(facts.roles)} are still in use on {where}; see pg_shdepend"

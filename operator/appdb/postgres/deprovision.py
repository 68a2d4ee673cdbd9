"""Takes a database and its roles away again, and nothing that is somebody else's.

Repeatable at every point: closed, emptied of sessions, dropped, then the roles, the
claimed owner last, because it is what says that the rest was ours. What stands in the
way is named; a deletion is never given up.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import LiteralString

from psycopg import sql

from appdb.errors import InsufficientPrivilege, ObjectsRemain, SessionsOpen
from appdb.model.claim import Claim, Part
from appdb.postgres.claims import is_ours
from appdb.postgres.connect import Session
from appdb.postgres.database import hold, require_ownership
from appdb.postgres.drop import drop_roles, read_claimed_roles
from appdb.postgres.facts import DatabaseFacts, read_database, read_names
from appdb.postgres.fence import Confirm, as_read, fenced
from appdb.postgres.roles import release_statements, require_administration
from appdb.postgres.sessions import AdminSessions
from appdb.postgres.statements import read_row, run, run_together
from appdb.postgres.wanted import WantedDatabase

# Ends what Postgres lets us end and counts the rest. Background processes have no user; that
# a session is a client's is not shown to everybody, whose it is, is.
_END_CLIENTS: LiteralString = """
WITH clients AS (
    SELECT a.pid, CASE WHEN r.rolsuper
        THEN (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
        ELSE pg_has_role(a.usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE')
        END AS may_end
    FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
    WHERE a.datname = %(database)s AND a.pid <> pg_backend_pid()
)
SELECT count(*) FILTER (WHERE NOT may_end),
    count(CASE WHEN may_end THEN pg_terminate_backend(pid, 2000) END)
FROM clients
"""
_READ_SESSIONS = """
SELECT coalesce(jsonb_agg(format('pid %%s (role %%s, application %%s)', pid, usename,
    coalesce(nullif(application_name, ''), 'unnamed')) ORDER BY backend_start), '[]')
FROM pg_stat_activity
WHERE datname = %(database)s AND pid <> pg_backend_pid()
"""

# They keep a database as sessions do, and only a session in it can end them. A slot that
# nobody reads goes with its database.
_READ_KEEPERS = """
SELECT coalesce(jsonb_agg(keeper), '[]') FROM (
    SELECT format('prepared transaction %%s of %%s (ROLLBACK PREPARED %%s)',
        left(gid, 40), owner, quote_literal(gid)) AS keeper
    FROM pg_prepared_xacts WHERE database = %(database)s
    UNION ALL
    SELECT format('replication slot %%s, read by pid %%s (end it, then'
        ' pg_drop_replication_slot)', slot_name, active_pid)
    FROM pg_replication_slots WHERE database = %(database)s AND active
    UNION ALL
    SELECT format('subscription %%s (DROP SUBSCRIPTION %%I)', subname, subname)
    FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
    WHERE d.datname = %(database)s
) keepers
"""

_END_SESSIONS = """
SELECT count(pg_terminate_backend(a.pid)) FROM pg_stat_activity a
WHERE a.usename = ANY(%(roles)s)
"""


# A session that was closed a moment ago is still there.
_LAST_MOMENTS_SECONDS = (0.0, 0.05, 0.2, 0.5)
# Of the 400 characters that a message has.
_ROOM_FOR_NAMES = 170


class Deletion(StrEnum):
    """What became of a deletion; a database of that name that is not ours was left alone."""

    DELETED = "Deleted"
    NOTHING_THERE = "NothingThere"
    NOT_OURS = "NotOurs"


class Door(StrEnum):
    """What `open_door` found: a database that is open now, or none."""

    OPEN = "Open"
    GONE = "Gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """What was dropped in this run; `left` are roles of its names without any claim."""

    deletion: Deletion
    database: bool
    roles: tuple[str, ...]
    left: tuple[str, ...] = ()


async def delete_database(
    sessions: AdminSessions, wanted: WantedDatabase, *, confirm: Confirm = as_read
) -> Deleted:
    """Drop the database and every role that our claim covers; what is foreign stays.

    Only the names, the claimant and the accepted clusters of `wanted` are used.

    Raises:
        SessionsOpen: naming pid, role and application of those that we may not end.
        ObjectsRemain: naming what a role still owns or holds, and where.
        InsufficientPrivilege: with the statement to run.
    """
    async with sessions.maintenance() as session, fenced(session, wanted.name):
        await confirm()
        claims = await read_claimed_roles(session, wanted.name)
        ours = {role: claim for role, claim in claims.items() if is_ours(claim, wanted)}
        facts = await read_names(session, wanted.name, tuple(ours))
        is_dropped = may_drop(facts, ours, wanted)
        if is_dropped:
            await _drop_database(session, facts, wanted)
        named = (await read_database(session, wanted)).roles.values() if is_dropped else ()
    await drop_roles(sessions, wanted, tuple(ours), confirm=confirm)
    if facts.database and not is_dropped:
        deletion = Deletion.NOT_OURS
    else:
        deletion = Deletion.DELETED if is_dropped or ours else Deletion.NOTHING_THERE
    return Deleted(
        deletion=deletion,
        database=is_dropped,
        roles=tuple(sorted(ours)),
        left=tuple(sorted(role.name for role in named if role.claim is None)),
    )


async def delete_logins(
    sessions: AdminSessions,
    wanted: WantedDatabase,
    roles: tuple[str, ...],
    *,
    ends_sessions: bool = True,
    confirm: Confirm = as_read,
) -> tuple[str, ...]:
    """Drop logins or groups of a database that are no longer wanted; the database stays.

    Roles that our claim does not cover, the owner and the app role among the rest, stay.
    Nobody logs in with them from the first statement on. Open sessions may live on: they
    act as the app role or a group, which stays.

    Raises:
        ObjectsRemain: a role owns something in another database; it cannot log in any more.
    """
    async with sessions.maintenance() as session:
        claims = await read_claimed_roles(session, wanted.name)
    doomed = tuple(
        role
        for role, claim in claims.items()
        if role in roles and is_ours(claim, wanted) and claim.part not in {Part.OWNER, Part.APP}
    )
    if doomed:
        async with sessions.maintenance() as session, fenced(session, wanted.name):
            await confirm()
            await _shut_out(session, doomed, wanted, ends_sessions=ends_sessions)
        await drop_roles(sessions, wanted, doomed, confirm=confirm)
    return doomed


async def open_door(sessions: AdminSessions, wanted: WantedDatabase) -> Door:
    """Let people in again where a drop that was taken back had closed a database of ours.

    Raises:
        InsufficientPrivilege: with the statement to run.
    """
    async with sessions.maintenance() as session, fenced(session, wanted.name):
        claims = await read_claimed_roles(session, wanted.name)
        ours = {role: claim for role, claim in claims.items() if is_ours(claim, wanted)}
        facts = await read_names(session, wanted.name, tuple(ours))
        if not may_drop(facts, ours, wanted):
            return Door.GONE if facts.database is None else Door.OPEN
        if facts.database is not None and not facts.database.is_valid:
            return Door.GONE
        if facts.database is not None and not facts.database.allows_connections:
            owners = tuple(role for role, claim in ours.items() if claim.part is Part.OWNER)
            opening = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true")
            await hold(session, facts, owners, wanted)
            await run(session, opening.format(sql.Identifier(wanted.name)), doing="opening it")
            # The drop that was blocked held all of them.
            held = tuple(dict.fromkeys((*owners, *facts.held_roles)))
            await run_together(session, tuple(release_statements(facts, held)), doing="leaving")
    return Door.OPEN


def may_drop(facts: DatabaseFacts, ours: dict[str, Claim], wanted: WantedDatabase) -> bool:
    """Decide whether the database is ours to drop: by its claim, or, unclaimed, by its owner."""
    database = facts.database
    if database is None:
        return False
    if database.claim is not None:
        return is_ours(database.claim, wanted)
    owner = ours.get(database.owner)
    return database.comment is None and owner is not None and owner.part is Part.OWNER


async def _drop_database(session: Session, facts: DatabaseFacts, wanted: WantedDatabase) -> None:
    """Close the door, end the sessions, drop; the door stays closed when it is blocked."""
    name = sql.Identifier(wanted.name)
    doing = f"dropping database {wanted.name}"
    await _require_droppable(session, facts, wanted)
    await hold(session, facts, tuple(facts.roles), wanted)
    if facts.database and facts.database.allows_connections and facts.database.is_valid:
        close = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name)
        await run(session, close, doing=doing)
    try:
        await _drop_by_force(session, wanted, doing=doing)
    except (InsufficientPrivilege, SessionsOpen) as err:
        holders = await _read_list(session, _READ_SESSIONS, wanted)
        if not holders:
            raise
        raise SessionsOpen(
            f"database {wanted.name} cannot be dropped, still in use by {_first(holders)};"
            f" {facts.admin} may not end them: end them, or GRANT pg_signal_backend TO"
            f' "{facts.admin}" (not enough for sessions of a superuser)'
        ) from err


async def _require_droppable(
    session: Session, facts: DatabaseFacts, wanted: WantedDatabase
) -> None:
    """Refuse what Postgres would refuse with the door closed already, and say how to end it."""
    require_ownership(session, facts, wanted)
    if facts.database is not None and facts.database.is_template:
        raise ObjectsRemain(
            f"database {wanted.name} is marked as a template, which is not dropped; run as its"
            f' owner: ALTER DATABASE "{wanted.name}" IS_TEMPLATE false'
        )
    keepers = await _read_list(session, _READ_KEEPERS, wanted)
    if keepers:
        raise SessionsOpen(
            f"database {wanted.name} cannot be dropped; end in that database what keeps it:"
            f" {_first(keepers)}"
        )


def _first(names: Sequence[str]) -> str:
    """Name as many as leave room for the next step, one at least, and count the rest."""
    told = ""
    for number, name in enumerate(names):
        longer = f"{told}, {name}" if told else name
        if told and len(longer) > _ROOM_FOR_NAMES:
            return f"{told} and {len(names) - number} more"
        told = longer
    return told


async def _drop_by_force(session: Session, wanted: WantedDatabase, *, doing: str) -> None:
    """Drop a database with the sessions in it.

    FORCE asks for the right to end every process in it, and nobody but a superuser has that
    right over an autovacuum worker. Without FORCE Postgres sends such a worker away itself.
    """
    name = sql.Identifier(wanted.name)
    try:
        await run(session, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name), doing=doing)
    except InsufficientPrivilege:
        if not await _end_clients(session, wanted, doing=doing):
            # Postgres would wait for the rest, 5 seconds at each try.
            raise
        await run(session, sql.SQL("DROP DATABASE {}").format(name), doing=doing)


async def _end_clients(session: Session, wanted: WantedDatabase, *, doing: str) -> bool:
    """End what we may of the sessions in a database; tell whether no others stay open."""
    for pause in _LAST_MOMENTS_SECONDS:
        await asyncio.sleep(pause)
        kept, _ = await read_row(session, _END_CLIENTS, {"database": wanted.name}, doing=doing)
        if not kept:
            return True
    return False


async def _read_list(
    session: Session, query: LiteralString, wanted: WantedDatabase
) -> tuple[str, ...]:
    (found,) = await read_row(
        session,
        query,
        {"database": wanted.name},
        doing=f"reading who uses database {wanted.name}",
    )
    return tuple(found)


async def _shut_out(
    session: Session, roles: tuple[str, ...], wanted: WantedDatabase, *, ends_sessions: bool
) -> None:
    """Let nobody log in as these any more, and end their sessions, which outlive a role."""
    facts = await read_names(session, wanted.name, roles)
    doing = f"shutting out {', '.join(roles)}"
    require_administration(session, facts, facts.roles)
    forbid = [
        sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(sql.Identifier(role))
        for role in facts.roles
    ]
    if ends_sessions:
        await hold(session, facts, tuple(facts.roles), wanted)
    await run_together(session, forbid, doing=doing)
    if ends_sessions:
        await read_row(session, _END_SESSIONS, {"roles": list(roles)}, doing=doing)

"""Takes a database and its roles away again, and nothing that is somebody else's.

Repeatable at every point: closed, emptied of sessions, dropped, then the roles, the
claimed owner last, because it is what says that the rest was ours. What stands in the
way is named; a deletion is never given up.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import LiteralString

from psycopg import sql

from appdb.errors import InsufficientPrivilege, SessionsOpen
from appdb.model.claim import Claim, Part
from appdb.postgres.claims import is_ours
from appdb.postgres.connect import Session
from appdb.postgres.database import hold
from appdb.postgres.drop import drop_roles, read_claimed_roles
from appdb.postgres.facts import DatabaseFacts, read_names
from appdb.postgres.fence import fenced
from appdb.postgres.roles import require_administration
from appdb.postgres.sessions import AdminSessions
from appdb.postgres.statements import read_row, run, run_together
from appdb.postgres.wanted import WantedDatabase

_END_CLIENTS: LiteralString = """
SELECT count(pg_terminate_backend(pid, 2000)) FROM pg_stat_activity
WHERE datname = %(database)s AND backend_type = 'client backend'
"""
_READ_SESSIONS = """
SELECT coalesce(jsonb_agg(format('pid %%s (role %%s, application %%s)', pid, usename,
    coalesce(nullif(application_name, ''), 'unnamed'))), '[]')
FROM pg_stat_activity
WHERE datname = %(database)s AND pid <> pg_backend_pid()
"""

# They keep a database as sessions do, and only a session in it can end them.
_READ_KEEPERS = """
SELECT coalesce(jsonb_agg(keeper), '[]') FROM (
    SELECT format('prepared transaction %%s of %%s', gid, owner) AS keeper
    FROM pg_prepared_xacts WHERE database = %(database)s
    UNION ALL
    SELECT format('replication slot %%s', slot_name)
    FROM pg_replication_slots WHERE database = %(database)s
) keepers
"""

_END_SESSIONS = """
SELECT count(pg_terminate_backend(a.pid)) FROM pg_stat_activity a
WHERE a.usename = ANY(%(roles)s)
"""


class Deletion(StrEnum):
    """What became of a deletion; a database of that name that is not ours was left alone."""

    DELETED = "Deleted"
    NOTHING_THERE = "NothingThere"
    NOT_OURS = "NotOurs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """What was dropped in this run."""

    deletion: Deletion
    database: bool
    roles: tuple[str, ...]


async def delete_database(sessions: AdminSessions, wanted: WantedDatabase) -> Deleted:
    """Drop the database and every role that our claim covers; what is foreign stays.

    Only the names, the claimant and the accepted clusters of `wanted` are used.

    Raises:
        SessionsOpen: naming pid, role and application of those that we may not end.
        ObjectsRemain: naming what a role still owns or holds, and where.
        InsufficientPrivilege: with the statement to run.
    """
    async with sessions.maintenance() as session, fenced(session, wanted.name):
        claims = await read_claimed_roles(session, wanted.name)
        ours = {role: claim for role, claim in claims.items() if is_ours(claim, wanted)}
        facts = await read_names(session, wanted.name, tuple(ours))
        is_dropped = may_drop(facts, ours, wanted)
        if is_dropped:
            await _drop_database(session, facts, wanted)
    await drop_roles(sessions, wanted, tuple(ours))
    if facts.database and not is_dropped:
        deletion = Deletion.NOT_OURS
    else:
        deletion = Deletion.DELETED if is_dropped or ours else Deletion.NOTHING_THERE
    return Deleted(deletion=deletion, database=is_dropped, roles=tuple(sorted(ours)))


async def delete_logins(
    sessions: AdminSessions,
    wanted: WantedDatabase,
    roles: tuple[str, ...],
    *,
    ends_sessions: bool = True,
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
        await _shut_out(sessions, doomed, wanted, ends_sessions=ends_sessions)
        await drop_roles(sessions, wanted, doomed)
    return doomed


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
    keepers = await _read_list(session, _READ_KEEPERS, wanted)
    if keepers:
        raise SessionsOpen(
            f"database {wanted.name} cannot be dropped, kept by {', '.join(keepers)}; end them in"
            " that database: ROLLBACK PREPARED, pg_drop_replication_slot"
        )
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
            f"database {wanted.name} cannot be dropped, still in use by {', '.join(holders)};"
            f" {facts.admin} may not end them: end them, or GRANT pg_signal_backend TO"
            f' "{facts.admin}" (not enough for sessions of a superuser)'
        ) from err


async def _drop_by_force(session: Session, wanted: WantedDatabase, *, doing: str) -> None:
    """Drop a database with the sessions in it.

    FORCE asks for the right to end every process in it, and nobody but a superuser has that
    right over an autovacuum worker. Without FORCE Postgres sends such a worker away itself.
    """
    name = sql.Identifier(wanted.name)
    try:
        await run(session, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name), doing=doing)
    except InsufficientPrivilege:
        await read_row(session, _END_CLIENTS, {"database": wanted.name}, doing=doing)
        await run(session, sql.SQL("DROP DATABASE {}").format(name), doing=doing)


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
    sessions: AdminSessions, roles: tuple[str, ...], wanted: WantedDatabase, *, ends_sessions: bool
) -> None:
    """Let nobody log in as these any more, and end their sessions, which outlive a role."""
    async with sessions.maintenance() as session:
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

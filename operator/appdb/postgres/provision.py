"""Brings a server to what an AppDatabase wants: observe, decide, run what differs.

Each function may be repeated and killed at any point; the next run goes on from what it
finds. At most one session is held at a time (see `sessions`).
"""

from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from appdb.errors import (
    DatabaseFull,
    DDLFailed,
    InsufficientPrivilege,
    LockTimeout,
    LoginFailed,
    Unreachable,
)
from appdb.postgres.adopt import (
    NOTHING_TO_ADOPT,
    borrow_statements,
    courtesy_statements,
    handover_statements,
    read_adoptable,
    require_open,
)
from appdb.postgres.claims import Standing, judge_claims
from appdb.postgres.connect import AS_TENANT, Session, SessionSettings
from appdb.postgres.database import (
    database_statements,
    ensure_database_exists,
    hold,
    ownership_statements,
    require_ownership,
    rights_after_handover,
    schema_rights,
)
from appdb.postgres.extensions import (
    extension_statements,
    refused_by_provider,
    require_allowed,
)
from appdb.postgres.facts import DatabaseFacts, read_database
from appdb.postgres.fence import Confirm, as_read, fenced
from appdb.postgres.inside import (
    inside_statements,
    missing_extensions,
    read_inside,
    returning_statements,
)
from appdb.postgres.locks import name_lockers
from appdb.postgres.login import prove_access, proven_login
from appdb.postgres.roles import (
    ensure_password,
    ensure_roles,
    release_statements,
)
from appdb.postgres.sessions import AdminSessions
from appdb.postgres.statements import run_together
from appdb.postgres.wanted import WantedDatabase


class Outcome(StrEnum):
    """How a database came to be as wanted."""

    CREATED = "Created"
    ADOPTED = "Adopted"
    KEPT = "Kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """What stands on the server; names and `oid` go into status.

    `is_settled_inside`: this run has just made what stands inside the database.
    """

    outcome: Outcome
    oid: int
    admin: str
    version_num: int
    is_settled_inside: bool


async def ensure_database(
    sessions: AdminSessions, wanted: WantedDatabase, *, confirm: Confirm = as_read
) -> Provisioned:
    """Make roles and database as wanted; one that is new is finished inside as well.

    Changes nothing, and opens no second session, when the shared catalogs are as wanted;
    what stands inside is looked at by `app_session`.

    Raises:
        NameConflict, AdoptionRequired: the names are not ours.
        InsufficientPrivilege: the message carries the statement to run.
        ExtensionNotAllowed: the server's owner does not allow an extension.
    """
    require_allowed(wanted)
    async with sessions.maintenance() as session, fenced(session, wanted.name):
        before = await read_database(session, wanted)
        standing = judge_claims(before, wanted)
        if any(role.name not in before.roles for role in wanted.wanted_roles()):
            await confirm()
        await ensure_roles(session, before, wanted)
        facts = await ensure_database_exists(session, before, wanted)
        is_finished = not any(ownership_statements(facts, wanted))
        if standing is Standing.ADOPTABLE:
            require_open(session, facts, wanted.name)
        else:
            require_ownership(session, facts, wanted)
            await _ensure_door(session, facts, wanted)
        if is_finished:
            await _release(session, facts, wanted)
        else:
            await hold(session, facts, (wanted.roles.owner, wanted.roles.app), wanted)
    if not is_finished:
        await _settle_inside(sessions, facts, standing, wanted)
    is_settled = not is_finished and standing is not Standing.ADOPTABLE
    return _provisioned(_outcome(before, standing), facts, is_settled_inside=is_settled)


async def ensure_inside(sessions: AdminSessions, wanted: WantedDatabase) -> None:
    """Make schemas, extensions and rights as wanted, then put the claim on the database.

    Takes an admin's session inside the database, for which the admin becomes a member of
    the owner role; the transaction that does the work ends the membership. A database that
    is adopted changes hands in the same transaction.
    """
    require_allowed(wanted)
    async with sessions.maintenance() as session:
        facts = await read_database(session, wanted)
        standing = judge_claims(facts, wanted)
        await hold(session, facts, (wanted.roles.owner, wanted.roles.app), wanted)
    await _settle_inside(sessions, facts, standing, wanted)


@asynccontextmanager
async def app_session(
    sessions: AdminSessions,
    wanted: WantedDatabase,
    *,
    settings: SessionSettings = AS_TENANT,
    after: Provisioned | None = None,
    confirm: Confirm = as_read,
) -> AsyncIterator[Session]:
    """Lend a session that logged in as the app does and was proved to make tables.

    What was changed by hand is healed first: a password that is not the Secret's, the
    login's role, what stands inside the database. `after` is what `ensure_database` just
    returned: what it has settled inside is not looked at again (3 ms).

    Raises:
        LoginFailed: it still does not work after healing.
    """
    async with AsyncExitStack() as stack:
        is_settled = after is not None and after.is_settled_inside
        session = await _settled_session(
            stack, sessions, wanted, settings=settings, is_settled=is_settled, confirm=confirm
        )
        if session is None:
            login = wanted.logins[0]
            session = await stack.enter_async_context(
                proven_login(
                    sessions, login, wanted.name, app_role=wanted.roles.app, settings=settings
                )
            )
        yield session


async def ensure_passwords(
    sessions: AdminSessions,
    wanted: WantedDatabase,
    *,
    only: Collection[str] | None = None,
    confirm: Confirm = as_read,
) -> None:
    """Set the passwords of logins to those of their Secrets, as a rotation does; of all, or some.

    Open sessions live on: a password is asked for once, at login.

    Raises:
        ConcurrentUpdate: a Secret has another password by now.
    """
    async with sessions.maintenance() as session, fenced(session, wanted.name):
        await confirm()
        facts = await read_database(session, wanted)
        judge_claims(facts, wanted)
        for role in wanted.wanted_roles():
            if role.login is not None and (only is None or role.name in only):
                await ensure_password(session, role.login)


async def ensure_access(
    sessions: AdminSessions, wanted: WantedDatabase, *, confirm: Confirm = as_read
) -> None:
    """See that each access[] login gets in; one that does not gets the password of its Secret.

    Raises:
        LoginFailed: it still does not work after that.
    """
    for entry in wanted.access:
        group = wanted.group_of(entry)
        try:
            await prove_access(sessions, entry.login, wanted.name, group=group)
        except LoginFailed:
            only = {entry.login.username}
            await ensure_passwords(sessions, wanted, only=only, confirm=confirm)
            await prove_access(sessions, entry.login, wanted.name, group=group)


async def _settle_inside(
    sessions: AdminSessions, facts: DatabaseFacts, standing: Standing, wanted: WantedDatabase
) -> None:
    async with sessions.database(wanted.name) as session:
        adoptable = NOTHING_TO_ADOPT
        if standing is Standing.ADOPTABLE:
            adoptable = await read_adoptable(session, facts, wanted)
        inside = await read_inside(session, wanted)
        missing = missing_extensions(inside, wanted)
        statements = (
            *borrow_statements(adoptable, facts.version_num),
            *ownership_statements(facts, wanted),
            *rights_after_handover(facts, wanted),
            *inside_statements(inside, wanted),
            *schema_rights(facts, wanted),
            *handover_statements(adoptable, wanted),
            *await extension_statements(session, missing, facts, wanted),
            *courtesy_statements(adoptable, facts, wanted),
            *release_statements(facts, _held_by_now(facts, wanted)),
        )
        doing = f"setting up database {wanted.name}"
        try:
            await run_together(session, statements, doing=doing)
        except LockTimeout as err:
            raise LockTimeout(
                f"setting up database {wanted.name} waits for locks of"
                f" {await name_lockers(session)}; trying again"
            ) from err
        except InsufficientPrivilege as err:
            cures = "; ".join(returning_statements(inside, wanted))
            if not cures:
                raise
            raise InsufficientPrivilege(
                f"schemas of database {wanted.name} were given to a role for which {facts.admin}"
                f" may not act; run as a superuser in that database: {cures}"
            ) from err
        except DDLFailed as err:
            if missing:
                raise refused_by_provider(missing, err) from err
            raise


async def _settled_session(
    stack: AsyncExitStack,
    sessions: AdminSessions,
    wanted: WantedDatabase,
    *,
    settings: SessionSettings,
    is_settled: bool,
    confirm: Confirm,
) -> Session | None:
    """Open a session if all is as wanted; else heal and leave the opening to the caller."""
    async with AsyncExitStack() as attempt:
        try:
            session = await attempt.enter_async_context(
                proven_login(
                    sessions,
                    wanted.logins[0],
                    wanted.name,
                    app_role=wanted.roles.app,
                    settings=settings,
                )
            )
        except DatabaseFull:
            raise
        except LoginFailed:
            session = None
        if session is not None and (is_settled or await _is_settled_inside(session, wanted)):
            stack.push_async_exit(attempt.pop_all())
            return session
    if session is None:
        await ensure_passwords(sessions, wanted, confirm=confirm)
    await ensure_inside(sessions, wanted)
    return None


async def _is_settled_inside(session: Session, wanted: WantedDatabase) -> bool:
    inside = await read_inside(session, wanted)
    return not (any(inside_statements(inside, wanted)) or missing_extensions(inside, wanted))


async def _ensure_door(session: Session, facts: DatabaseFacts, wanted: WantedDatabase) -> None:
    """Put rights, limit and opening right; the owner role stays held when there was work."""
    statements = tuple(database_statements(facts, wanted))
    if not statements:
        return
    await hold(session, facts, (wanted.roles.owner,), wanted)
    await run_together(session, statements, doing=f"setting up the door of {wanted.name}")


async def _release(session: Session, facts: DatabaseFacts, wanted: WantedDatabase) -> None:
    """Give up what this run, or one that was killed, held longer than needed."""
    if not facts.held_roles and not any(database_statements(facts, wanted)):
        return
    held = (await read_database(session, wanted)).held_roles
    await run_together(
        session,
        tuple(release_statements(facts, held)),
        doing=f"leaving the roles of database {wanted.name}",
    )


def _held_by_now(facts: DatabaseFacts, wanted: WantedDatabase) -> tuple[str, ...]:
    """Name what this run holds, and what one that was killed has left held."""
    return tuple(dict.fromkeys((wanted.roles.app, wanted.roles.owner, *facts.held_roles)))


def _outcome(before: DatabaseFacts, standing: Standing) -> Outcome:
    if standing is Standing.ADOPTABLE:
        return Outcome.ADOPTED
    return Outcome.KEPT if before.database else Outcome.CREATED


def _provisioned(outcome: Outcome, facts: DatabaseFacts, *, is_settled_inside: bool) -> Provisioned:
    if facts.database is None:
        raise Unreachable("the database was dropped while it was being made; trying again")
    return Provisioned(
        outcome=outcome,
        oid=facts.database.oid,
        admin=facts.admin,
        version_num=facts.version_num,
        is_settled_inside=is_settled_inside,
    )

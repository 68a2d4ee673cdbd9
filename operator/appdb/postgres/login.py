"""Proves that the credentials of a Secret work, the way an app would find out.

The session that proved itself stays open and is lent on: the app's tables are made over
it, with the tenant's rights and no others.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import token_hex

import psycopg
from psycopg import sql

from appdb.errors import AuthenticationFailed, InsufficientPrivilege, LoginFailed
from appdb.postgres.connect import AS_TENANT, Login, Session, SessionSettings, place
from appdb.postgres.sessions import AdminSessions
from appdb.postgres.sqlstate import statement_error
from appdb.postgres.statements import together

_WHO = "SELECT current_user::text, session_user::text"
_PROOF = "_appdb_login_proof"


@asynccontextmanager
async def proven_login(
    sessions: AdminSessions,
    login: Login,
    database: str,
    *,
    app_role: str,
    settings: SessionSettings = AS_TENANT,
) -> AsyncIterator[Session]:
    """Log in as the app does, see that it can make a table, and lend the session.

    Raises:
        LoginFailed: the password is another one, or the login is not what it should be.
    """
    async with _entered(sessions, login, database, settings) as session:
        await prove(session, app_role=app_role)
        yield session


async def prove_access(sessions: AdminSessions, login: Login, database: str, *, group: str) -> None:
    """Log in as a reader or writer does and see that the session has its group's rights.

    Raises:
        LoginFailed: the password is another one, or the login is not what it should be.
    """
    async with _entered(sessions, login, database, AS_TENANT) as session:
        try:
            row = await (await session.execute(_WHO)).fetchone()
        except psycopg.Error as err:
            raise statement_error(
                err, where=place(session), doing=f"proving the login of {login.username}"
            ) from err
    _require_role(login.username, row[0] if row else None, group)


@asynccontextmanager
async def _entered(
    sessions: AdminSessions, login: Login, database: str, settings: SessionSettings
) -> AsyncIterator[Session]:
    """Lend a session of a login; only a refusal at the door is a LoginFailed."""
    try:
        lent = sessions.tenant(login, database, settings=settings)
        session = await lent.__aenter__()
    except (AuthenticationFailed, InsufficientPrivilege) as err:
        raise LoginFailed(
            f"{login.username} cannot log in to database {database}: {err.message}"
        ) from err
    try:
        yield session
    finally:
        await lent.__aexit__(None, None, None)


async def prove(session: Session, *, app_role: str) -> None:
    """See that a session acts as the app role and may make a table, without leaving one.

    Raises:
        LoginFailed: with what was found instead.
    """
    login = session.info.user
    try:
        current = await _make_something(session)
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidSchemaName) as err:
        raise LoginFailed(
            f"{login} logs in on {place(session)} but cannot make a table in schema public:"
            f" {err.diag.message_primary}"
        ) from err
    except psycopg.Error as err:
        raise statement_error(
            err, where=place(session), doing=f"proving the login of {login}"
        ) from err
    _require_role(login, current, app_role)


async def _make_something(session: Session) -> str | None:
    """Make a domain without leaving it; returns the role that made it.

    It takes the right that a table takes, CREATE on the schema, but no file and few rows of
    the catalogs: a login that is proved every few minutes leaves nothing much to clean up.
    """
    try:
        return await _make(session, _PROOF)
    except psycopg.errors.DuplicateObject:
        # The app has something of that name; of this one nobody can know before.
        return await _make(session, f"{_PROOF}_{token_hex(8)}")


async def _make(session: Session, domain: str) -> str | None:
    statement = sql.SQL("CREATE DOMAIN public.{} AS integer").format(sql.Identifier(domain))
    async with together(session, force_rollback=True):
        who = await session.execute(_WHO)
        await session.execute(statement)
    row = await who.fetchone()
    return row[0] if row else None


def _require_role(login: str, current: str | None, expected: str) -> None:
    if current != expected:
        raise LoginFailed(
            f"{login} logs in as {current}, not as {expected}: its setting of role was changed"
        )

"""Who comes late to a login, or fell silent in the middle of work, takes nothing from anybody."""

import asyncio
from dataclasses import replace

import psycopg
import pytest

from appdb.errors import ConcurrentUpdate, LockTimeout
from appdb.postgres.connect import AS_MAINTAINER, LONGEST_SILENCE_MS, Login
from appdb.postgres.deprovision import delete_logins
from appdb.postgres.fence import as_read, fence_key, fenced
from appdb.postgres.provision import ensure_database, ensure_passwords
from appdb.postgres.sessions import AdminSessions
from appdb.postgres.wanted import WantedDatabase
from support.tenants import a_database, logged_in, provisioned

pytestmark = [pytest.mark.postgres, pytest.mark.security]


async def overtaken() -> None:
    raise ConcurrentUpdate("somebody else has been here")


def rotated(wanted: WantedDatabase) -> WantedDatabase:
    login = Login(username=wanted.logins[0].username, password="rotated-by-who-slept")
    return replace(wanted, logins=(login,))


async def require_login(sessions: AdminSessions, wanted: WantedDatabase) -> None:
    async with logged_in(sessions, wanted.logins[0], wanted.name) as client:
        await client.execute("SELECT 1")


async def test_who_was_overtaken_sets_no_password(sessions):
    wanted = await provisioned(sessions, a_database())

    with pytest.raises(ConcurrentUpdate):
        await ensure_passwords(sessions, rotated(wanted), confirm=overtaken)

    await require_login(sessions, wanted)


async def test_who_was_overtaken_takes_no_login_away(sessions):
    wanted = await provisioned(sessions, a_database())

    with pytest.raises(ConcurrentUpdate):
        await delete_logins(sessions, wanted, (wanted.roles.login,), confirm=overtaken)

    await require_login(sessions, wanted)


async def test_who_is_overtaken_between_shutting_out_and_dropping_drops_nothing(sessions):
    """In between another one may have given the login out again."""
    wanted = await provisioned(sessions, a_database())
    times = iter((as_read, overtaken))

    async def confirm() -> None:
        await next(times)()

    with pytest.raises(ConcurrentUpdate):
        await delete_logins(sessions, wanted, (wanted.roles.login,), confirm=confirm)

    await ensure_database(sessions, wanted)
    await ensure_passwords(sessions, wanted)
    await require_login(sessions, wanted)
    assert () == tuple(times)


async def test_who_was_overtaken_makes_no_roles(sessions):
    wanted = a_database()

    with pytest.raises(ConcurrentUpdate):
        await ensure_database(sessions, wanted, confirm=overtaken)

    async with sessions.maintenance() as session:
        found = await session.execute(
            "SELECT count(*) FROM pg_roles WHERE rolname = %s", (wanted.roles.owner,)
        )
        assert (0,) == await found.fetchone()


async def test_a_password_is_set_behind_the_fence(sessions):
    wanted = await provisioned(sessions, a_database())
    is_held, is_over = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with sessions.maintenance() as session, fenced(session, wanted.name):
            is_held.set()
            await is_over.wait()

    holder = asyncio.create_task(hold())
    await is_held.wait()
    setter = asyncio.create_task(ensure_passwords(sessions, rotated(wanted)))
    await require_login(sessions, wanted)
    is_over.set()
    await asyncio.gather(holder, setter)

    await require_login(sessions, rotated(wanted))


@pytest.mark.slow
@pytest.mark.faults
async def test_a_holder_that_fell_silent_in_half_a_pipeline_is_ended_by_who_waits(sessions18):
    """No time-out of the server knows of it: it waits for the rest of what was begun."""
    wanted = a_database()
    async with sessions18.maintenance() as silent:
        with pytest.raises(psycopg.OperationalError):
            async with silent.pipeline():
                await silent.execute("BEGIN")
                key = fence_key(wanted.name)
                lock = await silent.execute("SELECT pg_advisory_xact_lock(%s, %s)", key)
                await lock.fetchone()
                silent.pgconn.send_query_params(b"SELECT 1", [])
                silent.pgconn.send_flush_request()
                silent.pgconn.flush()
                async with sessions18.database("postgres", settings=AS_MAINTAINER) as session:
                    await _wait_at(session, wanted.name)

        assert silent.closed


async def _wait_at(session, database: str) -> None:
    """Ask for the fence until it is had, as the runs of a new leader do."""
    async with asyncio.timeout(LONGEST_SILENCE_MS / 1000 + 10):
        while True:
            try:
                async with fenced(session, database):
                    return
            except LockTimeout:
                continue

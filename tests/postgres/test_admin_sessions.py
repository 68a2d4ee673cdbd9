"""The bound on the operator's sessions, and what is kept of them."""

import asyncio
import os
import signal
from dataclasses import replace

import pytest

from appdb.errors import AuthenticationFailed, Unreachable
from appdb.local.postgres import EmbeddedPostgres
from appdb.postgres import statements
from appdb.postgres.connect import Login
from appdb.postgres.sessions import AdminSessions, ServerSessions
from support.sandbox import unique_name
from support.tenants import address_of, as_superuser, sessions_of

pytestmark = pytest.mark.postgres


def open_sessions(postgres, login):
    query = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{login.username}'"
    return as_superuser(postgres, "postgres", query)[0][0]


async def pid_of(session):
    return (await (await session.execute("SELECT pg_backend_pid()")).fetchone())[0]


@pytest.fixture
async def two(postgres18, admin18):
    """Sessions of which there are two."""
    login = Login(username=admin18.name, password=admin18.password)
    opened = AdminSessions(address_of(postgres18), login, limit=2)
    yield opened
    await opened.aclose()


async def test_a_session_to_the_maintenance_database_is_used_again(two):
    async with two.maintenance() as first:
        pid = await pid_of(first)
    async with two.maintenance() as second:
        assert pid == await pid_of(second)


async def test_a_session_that_was_left_in_a_transaction_is_not(two):
    async with two.maintenance() as first:
        pid = await pid_of(first)
        await first.execute("BEGIN")
    async with two.maintenance() as second:
        assert pid != await pid_of(second)


async def test_a_session_that_the_server_ended_is_not(postgres18, two):
    async with two.maintenance() as first:
        pid = await pid_of(first)
    as_superuser(postgres18, "postgres", f"SELECT pg_terminate_backend({pid}, 5000)")
    async with two.maintenance() as second:
        assert pid != await pid_of(second)


async def test_the_server_never_counts_more_than_the_limit_while_they_come_and_go(two):
    query = "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user"
    seen = []

    async def work():
        async with two.database("postgres") as session:
            row = await (await session.execute(query)).fetchone()
            seen.append(row[0])

    await asyncio.gather(*(work() for _ in range(60)))
    assert max(seen) <= 2


async def test_there_are_never_more_sessions_than_the_limit(postgres18, two):
    seen = []

    async def work(number):
        lend = two.maintenance if number % 2 else lambda: two.database("postgres")
        async with lend() as session:
            await session.execute("SELECT pg_sleep(0.01)")
            seen.append(two.open)

    await asyncio.gather(*(work(number) for number in range(12)))

    assert 2 == max(seen)
    async with asyncio.timeout(10):  # what the client closed the server notices a moment later
        while open_sessions(postgres18, two.login) > 2:
            await asyncio.sleep(0.01)


async def test_sessions_that_are_kept_outlive_a_rush_of_those_that_are_not(postgres18, admin18):
    login = Login(username=admin18.name, password=admin18.password)
    four = AdminSessions(address_of(postgres18), login, limit=4, patience_seconds=600)

    async def kept():
        async with four.maintenance() as one, four.maintenance() as other:
            return {await pid_of(one), await pid_of(other)}

    async def visit():
        async with four.database("postgres") as session:
            await session.execute("SELECT pg_sleep(0.01)")

    before = await kept()
    await asyncio.gather(*(visit() for _ in range(24)))

    assert before == await kept()
    await four.aclose()


async def test_who_holds_a_session_for_long_does_not_keep_others_of_its_kind_out(
    postgres18, admin18
):
    login = Login(username=admin18.name, password=admin18.password)
    four = AdminSessions(address_of(postgres18), login, limit=4, patience_seconds=0.01)
    for lend in (four.maintenance, lambda: four.database("postgres")):
        async with lend(), lend(), lend(), lend():
            assert 4 == four.open
    await four.aclose()


async def test_a_server_that_is_frozen_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(statements, "SILENCE_SECONDS", 0.5)
    with EmbeddedPostgres(tmp_path / "pg", 18) as postgres:
        sessions = sessions_of(postgres, postgres.create_admin(unique_name("admin")))
        async with sessions.maintenance() as session:
            backend = await pid_of(session)
            os.kill(backend, signal.SIGSTOP)
            try:
                with pytest.raises(Unreachable, match=r"server main .* broke while"):
                    await statements.read_row(session, "SELECT 1", {}, doing="waiting")
            finally:
                os.kill(backend, signal.SIGCONT)
        await sessions.aclose()


async def test_whoever_waits_longest_is_served_first(postgres18, admin18):
    login = Login(username=admin18.name, password=admin18.password)
    one = AdminSessions(address_of(postgres18), login, limit=1)
    served = []

    async def work(number):
        async with one.maintenance():
            served.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(work(number) for number in range(8)))

    assert sorted(served) == served
    await one.aclose()


async def test_a_cancelled_borrower_gives_its_place_back(two):
    entered = asyncio.Event()

    async def hold():
        async with two.maintenance():
            entered.set()
            await asyncio.Event().wait()

    holders = [asyncio.create_task(hold()) for _ in range(2)]
    await entered.wait()
    for holder in holders:
        holder.cancel()
    await asyncio.gather(*holders, return_exceptions=True)

    async with asyncio.timeout(5), two.maintenance(), two.database("postgres"):
        pass


async def test_a_failed_login_gives_its_place_back(postgres18, admin18):
    wrong = AdminSessions(
        address_of(postgres18), Login(username=admin18.name, password="no"), limit=1
    )
    for _ in range(3):
        async with asyncio.timeout(5):
            with pytest.raises(AuthenticationFailed):
                async with wrong.maintenance():
                    pass


async def test_idle_sessions_are_closed_after_a_while(postgres18, admin18):
    login = Login(username=admin18.name, password=admin18.password)
    sessions = AdminSessions(address_of(postgres18), login, idle_seconds=0.05)
    async with sessions.maintenance():
        pass
    async with asyncio.timeout(10):
        while open_sessions(postgres18, login):
            await asyncio.sleep(0.01)


async def test_a_server_is_given_the_same_sessions_until_something_changes(postgres18, admin18):
    servers = ServerSessions()
    address, login = address_of(postgres18), Login(username=admin18.name, password=admin18.password)
    first = await servers.sessions_for("main", address, login)
    async with first.maintenance():
        pass

    assert first is await servers.sessions_for("main", address, login)
    assert 1 == open_sessions(postgres18, login)
    second = await servers.sessions_for("main", address, replace(login, password="rotated"))

    assert first is not second
    async with asyncio.timeout(10):
        while open_sessions(postgres18, login):
            await asyncio.sleep(0.01)
    await servers.aclose()


async def test_a_session_that_is_lent_while_its_server_is_forgotten_is_closed_on_return(
    postgres18, admin18
):
    servers = ServerSessions()
    login = Login(username=admin18.name, password=admin18.password)
    sessions = await servers.sessions_for("main", address_of(postgres18), login)
    async with sessions.maintenance() as session:
        await servers.forget("main")
        await session.execute("SELECT 1")
    assert session.closed


async def test_a_server_that_was_restarted_is_found_again(tmp_path):
    with EmbeddedPostgres(tmp_path / "pg", 18) as postgres:
        sessions = sessions_of(postgres, postgres.create_admin(unique_name("admin")))
        async with sessions.maintenance():
            pass
        postgres.stop()
        with pytest.raises(Unreachable):
            async with sessions.maintenance():
                pass
        postgres.start()
        async with sessions.maintenance() as session:
            await session.execute("SELECT 1")
        await sessions.aclose()

"""Many at once, two operators at once, and no password in any log."""

import asyncio
from dataclasses import replace

import pytest

from appdb.errors import AppDBError
from appdb.postgres.connect import Login
from appdb.postgres.deprovision import delete_database
from appdb.postgres.provision import app_session, ensure_database, ensure_passwords
from appdb.postgres.wanted import AccessRole
from support.tenants import a_database, pending, roles_of, sessions_of, with_access

pytestmark = pytest.mark.postgres


async def a_table_in(sessions, wanted):
    await ensure_database(sessions, wanted)
    async with app_session(sessions, wanted) as session:
        await session.execute("CREATE TABLE IF NOT EXISTS public.t (id int)")


async def test_twenty_at_once_do_not_get_into_each_others_way(postgres, sessions):
    databases = [a_database() for _ in range(20)]

    await asyncio.gather(*(a_table_in(sessions, wanted) for wanted in databases))

    for wanted in databases:
        assert [] == await pending(sessions, wanted)
    await asyncio.gather(*(delete_database(sessions, wanted) for wanted in databases))
    assert [] == [role for wanted in databases for role in roles_of(postgres, wanted.name)]


async def test_two_operators_that_both_lead_end_with_one_database(postgres, admin, sessions):
    rival = sessions_of(postgres, admin)
    databases = [a_database() for _ in range(5)]

    async def until_settled(leader, wanted):
        async with asyncio.timeout(60):
            while True:
                try:
                    return await a_table_in(leader, wanted)
                except AppDBError:  # what the rival caused; the queue would come again
                    await asyncio.sleep(0.01)

    await asyncio.gather(
        *(until_settled(leader, wanted) for wanted in databases for leader in (sessions, rival))
    )

    for wanted in databases:
        await ensure_database(sessions, wanted)
        assert [] == await pending(sessions, wanted)
    await rival.aclose()


async def test_no_password_reaches_the_log_of_the_server(postgres, sessions):
    """The server logs every statement (log_statement = all)."""
    canary = "canary-Zq9-7f3a51"
    wanted = with_access(a_database(), report=AccessRole.READER)
    entry = replace(wanted.access[0], login=replace(wanted.access[0].login, password=f"{canary}r"))
    login = Login(username=wanted.roles.login, password=canary)
    wanted = replace(wanted, logins=(login,), access=(entry,))

    await a_table_in(sessions, wanted)
    rotated = replace(wanted, logins=(replace(login, password=f"{canary}-2"),))
    await ensure_passwords(sessions, rotated)
    await a_table_in(sessions, rotated)
    await delete_database(sessions, rotated)

    log = postgres.server.log_path.read_text(errors="replace")
    assert f'CREATE ROLE "{wanted.roles.login}"' in log
    assert "SCRAM-SHA-256$4096:" in log
    assert canary not in log

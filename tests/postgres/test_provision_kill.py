"""A process that is killed at any statement leaves something that the next run goes on from."""

from dataclasses import replace

import psycopg
import pytest

from appdb.postgres.connect import Login
from appdb.postgres.deprovision import Deletion, delete_database, delete_logins
from appdb.postgres.provision import app_session, ensure_database, ensure_passwords
from appdb.postgres.wanted import AccessRole
from support.tenants import (
    a_database,
    as_superuser,
    logged_in,
    pending,
    provisioned,
    roles_of,
    sessions_of,
    with_access,
)

pytestmark = [pytest.mark.postgres, pytest.mark.faults]

MORE_THAN_ALL = 200


class Killed(BaseException):
    """The process is no more: nothing catches this, and no session says good-bye."""


class Executioner:
    """Breaks every session at the n-th statement of the process, as SIGKILL does."""

    def __init__(self, monkeypatch, at):
        self.left = at
        self.sessions = set()
        self._execute = psycopg.AsyncConnection.execute
        executioner = self

        async def execute(session, *args, **kwargs):
            executioner.sessions.add(session)
            executioner.left -= 1
            if executioner.left <= 0:
                executioner.strike()
            return await executioner._execute(session, *args, **kwargs)

        monkeypatch.setattr(psycopg.AsyncConnection, "execute", execute)

    def strike(self):
        for session in self.sessions:
            session.pgconn.finish()
        raise Killed


async def run_until_killed(monkeypatch, at, run):
    """Run with a killer; tells whether it struck before the run was through."""
    with monkeypatch.context() as patch:
        Executioner(patch, at)
        try:
            await run()
        except (Killed, psycopg.OperationalError):
            return True
    return False


async def wait_for_the_dead(postgres, name):
    """The server notices a dead client when it next reads from it; nothing is left half-way."""
    for _ in range(200):
        busy = as_superuser(
            postgres,
            "postgres",
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'appdb-operator'"
            f" AND query LIKE '%{name}%' AND state = 'active'",
        )
        if not busy:
            return
    pytest.fail("a session of the dead process does not end")


async def test_provisioning_heals_after_a_kill_at_every_statement(postgres, admin, monkeypatch):
    struck = 0
    for at in range(1, MORE_THAN_ALL):
        wanted = with_access(a_database(schemas=("extra",)), report=AccessRole.READER)
        victim = sessions_of(postgres, admin)

        async def run(victim=victim, wanted=wanted):
            await ensure_database(victim, wanted)
            async with app_session(victim, wanted):
                pass

        was_killed = await run_until_killed(monkeypatch, at, run)
        await victim.aclose()
        await wait_for_the_dead(postgres, wanted.name)
        survivor = sessions_of(postgres, admin)
        await ensure_database(survivor, wanted)
        assert [] == await pending(survivor, wanted), f"killed at statement {at}"
        assert (await delete_database(survivor, wanted)).database
        await survivor.aclose()
        if not was_killed:
            break
        struck += 1
    assert 20 < struck < MORE_THAN_ALL - 2


async def test_deletion_goes_on_after_a_kill_at_every_statement(postgres, admin, monkeypatch):
    struck = 0
    for at in range(1, MORE_THAN_ALL):
        survivor = sessions_of(postgres, admin)
        wanted = await provisioned(survivor, a_database())
        victim = sessions_of(postgres, admin)
        was_killed = await run_until_killed(
            monkeypatch, at, lambda v=victim, w=wanted: delete_database(v, w)
        )
        await victim.aclose()
        await wait_for_the_dead(postgres, wanted.name)
        again = await delete_database(survivor, wanted)
        await survivor.aclose()
        assert again.deletion in {Deletion.DELETED, Deletion.NOTHING_THERE}
        assert [] == roles_of(postgres, wanted.name), f"killed at statement {at}"
        if not was_killed:
            break
        struck += 1
    assert 5 < struck < MORE_THAN_ALL - 2


async def test_an_object_that_is_made_again_takes_up_a_deletion_that_was_killed(
    postgres18, admin18, monkeypatch
):
    for at in range(1, MORE_THAN_ALL):
        survivor = sessions_of(postgres18, admin18)
        wanted = await provisioned(survivor, a_database())
        victim = sessions_of(postgres18, admin18)
        was_killed = await run_until_killed(
            monkeypatch, at, lambda v=victim, w=wanted: delete_database(v, w)
        )
        await victim.aclose()
        await wait_for_the_dead(postgres18, wanted.name)
        again = replace(wanted, claimant=replace(wanted.claimant, uid="uid-2"))
        await ensure_database(survivor, again)
        assert [] == await pending(survivor, again), f"killed at statement {at}"
        await delete_database(survivor, again)
        await survivor.aclose()
        if not was_killed:
            return
    pytest.fail("the deletion never came to its end")


async def test_a_login_is_replaced_after_a_kill_at_every_statement(postgres, admin, monkeypatch):
    """The server's side of an Overlap: the new login, its password, and the end of the old one."""
    struck = 0
    for at in range(1, MORE_THAN_ALL):
        survivor = sessions_of(postgres, admin)
        before = await provisioned(survivor, a_database())
        async with logged_in(survivor, before.logins[0], before.name) as client:
            await client.execute("SET ROLE none; CREATE TABLE own (id int)")
        new = Login(username=before.roles.login_b, password="new-password")
        after = replace(before, logins=(new,))
        victim = sessions_of(postgres, admin)

        was_killed = await run_until_killed(
            monkeypatch, at, lambda v=victim, a=after, b=before: replace_login(v, a, b)
        )
        await victim.aclose()
        await wait_for_the_dead(postgres, before.name)
        await replace_login(survivor, after, before)

        assert [] == await pending(survivor, after), f"killed at statement {at}"
        assert before.roles.login not in roles_of(postgres, before.name)
        assert (await delete_database(survivor, after)).database
        await survivor.aclose()
        if not was_killed:
            break
        struck += 1
    assert 10 < struck < MORE_THAN_ALL - 2


async def replace_login(sessions, after, before):
    await ensure_database(sessions, after)
    await ensure_passwords(sessions, after, only={after.roles.login_b})
    async with app_session(sessions, after):
        pass
    await delete_logins(sessions, after, (before.roles.login,), ends_sessions=False)

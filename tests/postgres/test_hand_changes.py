"""What people change by hand on a server that an ordinary admin looks after.

Whatever it is, it is put right, or the message has the statement after which it is.
"""

from dataclasses import replace

import psycopg
import pytest

from appdb.errors import InsufficientPrivilege, NameConflict
from appdb.local.postgres import EmbeddedPostgres
from appdb.model.claim import Part
from appdb.postgres.claims import refuse_renamed
from appdb.postgres.deprovision import delete_database
from appdb.postgres.provision import app_session, ensure_database
from appdb.postgres.sessions import AdminSessions
from appdb.postgres.wanted import AccessRole, WantedDatabase
from support.code import ROOT
from support.sandbox import unique_name
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

pytestmark = [pytest.mark.postgres, pytest.mark.security]

TOLD = "run as a superuser"

HAND_CHANGES = {
    "limit lifted": 'ALTER DATABASE "{db}" CONNECTION LIMIT 77',
    "database given to the app": 'ALTER DATABASE "{db}" OWNER TO "{db}_app"',
    "database given to a person": 'ALTER DATABASE "{db}" OWNER TO postgres',
    "schema given to a person": "ALTER SCHEMA public OWNER TO postgres",
    "declared schema given to a person": "ALTER SCHEMA sales OWNER TO postgres",
    "login makes databases": 'ALTER ROLE "{db}_user" CREATEDB CREATEROLE',
    "login is a superuser": 'ALTER ROLE "{db}_user" SUPERUSER',
    "app is a superuser": 'ALTER ROLE "{db}_app" SUPERUSER',
    "owner is a superuser": 'ALTER ROLE "{db}_owner" SUPERUSER',
    "login replicates": 'ALTER ROLE "{db}_user" REPLICATION',
    "app passes by policies": 'ALTER ROLE "{db}_app" BYPASSRLS',
    "login has all of it": 'ALTER ROLE "{db}_user" SUPERUSER REPLICATION BYPASSRLS CREATEROLE',
    "owner logs in": 'ALTER ROLE "{db}_owner" LOGIN',
    "login locked": 'ALTER ROLE "{db}_user" NOLOGIN',
    "password ran out": "ALTER ROLE \"{db}_user\" VALID UNTIL '2001-01-01'",
    "password will run out": "ALTER ROLE \"{db}_user\" VALID UNTIL '2999-01-01'",
    "reader's password ran out": "ALTER ROLE \"{db}_bi\" VALID UNTIL '2001-01-01'",
    "membership taken": 'REVOKE "{db}_app" FROM "{db}_user"',
    "noinherit": 'ALTER ROLE "{db}_user" NOINHERIT',
}


async def looked_at(sessions: AdminSessions, wanted: WantedDatabase) -> None:
    await ensure_database(sessions, wanted)
    async with app_session(sessions, wanted) as session:
        await session.execute("CREATE TABLE IF NOT EXISTS public.made (id int)")


async def cured(
    postgres: EmbeddedPostgres, wanted: WantedDatabase, refused: InsufficientPrivilege
) -> None:
    """Run what the message says, in the database in question."""
    words, _, cure = refused.message.rpartition(": ")
    assert TOLD in words, refused.message
    as_superuser(postgres, wanted.name, *cure.split("; "))


@pytest.mark.parametrize("change", HAND_CHANGES.values(), ids=HAND_CHANGES)
async def test_what_was_changed_by_hand_is_put_right_or_told(postgres, sessions, change):
    wanted = a_database(connection_limit=5, schemas=("sales",))
    wanted = await provisioned(sessions, with_access(wanted, bi=AccessRole.READER))
    await looked_at(sessions, wanted)
    as_superuser(postgres, wanted.name, change.format(db=wanted.name))

    try:
        await looked_at(sessions, wanted)
    except InsufficientPrivilege as refused:
        await cured(postgres, wanted, refused)
        await looked_at(sessions, wanted)

    assert [] == await pending(sessions, wanted)
    for login in (*wanted.logins, *(entry.login for entry in wanted.access)):
        async with logged_in(sessions, login, wanted.name) as client:
            await client.execute("SELECT 1")


@pytest.mark.parametrize("change", HAND_CHANGES.values(), ids=HAND_CHANGES)
async def test_what_was_changed_by_hand_is_dropped_or_told(postgres, sessions, change):
    wanted = a_database(connection_limit=5, schemas=("sales",))
    wanted = await provisioned(sessions, with_access(wanted, bi=AccessRole.READER))
    as_superuser(postgres, wanted.name, change.format(db=wanted.name))

    try:
        await delete_database(sessions, wanted)
    except InsufficientPrivilege as refused:
        await cured(postgres, wanted, refused)
        await delete_database(sessions, wanted)

    assert [] == roles_of(postgres, wanted.name)


async def test_an_admin_that_lost_createrole_is_told_before_anything_is_dropped(postgres):
    admin = postgres.create_admin(unique_name("admin"))
    sessions = sessions_of(postgres, admin)
    wanted = await provisioned(sessions, a_database())
    as_superuser(postgres, "postgres", f'ALTER ROLE "{admin.name}" NOCREATEROLE')

    with pytest.raises(InsufficientPrivilege) as refused:
        await delete_database(sessions, wanted)

    assert refused.value.message.endswith(f'{TOLD}: ALTER ROLE "{admin.name}" CREATEROLE')
    async with logged_in(sessions, wanted.logins[0], wanted.name) as client:
        await client.execute("SELECT 1")
    await cured(postgres, wanted, refused.value)
    await delete_database(sessions, wanted)
    assert [] == roles_of(postgres, wanted.name)
    await sessions.aclose()


async def test_all_that_an_admin_lacks_after_a_takeover_is_told_at_once(postgres, sessions):
    wanted = with_access(a_database(), bi=AccessRole.READER, job=AccessRole.WRITER)
    wanted = await provisioned(sessions, wanted)
    admin = postgres.create_admin(unique_name("admin"))
    as_superuser(postgres, "postgres", f'ALTER ROLE "{admin.name}" NOCREATEROLE')
    successor = sessions_of(postgres, admin)

    with pytest.raises(InsufficientPrivilege) as refused:
        await delete_database(successor, wanted)

    await cured(postgres, wanted, refused.value)
    await delete_database(successor, wanted)
    assert [] == roles_of(postgres, wanted.name)
    await successor.aclose()


@pytest.mark.parametrize("run_by", ["superuser", "predecessor"])
async def test_the_statement_of_the_page_gives_a_successor_all_roles(postgres, run_by):
    first = postgres.create_admin(unique_name("first"))
    second = postgres.create_admin(unique_name("second"))
    before, after = sessions_of(postgres, first), sessions_of(postgres, second)
    made = [await provisioned(before, a_database()) for _ in range(2)]
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    block = page.partition("```sql\nDO ")[2].partition("```")[0]
    statement = f"DO {block}".replace("new_admin", second.name)
    # Of the other tests on this server the predecessor has no roles to give.
    ours = " AND r.rolname ~ '^(" + "|".join(wanted.name for wanted in made) + ")_'\n  LOOP"

    dsn = postgres.server.dsn() if run_by == "superuser" else first.dsn
    with psycopg.connect(dsn.rpartition("/")[0] + "/postgres", autocommit=True) as session:
        session.execute(statement.replace("\n  LOOP", ours).encode())

    for wanted in made:
        await ensure_database(after, replace(wanted, statement_timeout_ms=1234))
        await delete_database(after, wanted)
        assert [] == roles_of(postgres, wanted.name)
    await before.aclose()
    await after.aclose()


async def test_the_apps_own_table_of_any_name_is_in_nobodys_way(sessions):
    wanted = await provisioned(sessions, a_database())
    async with logged_in(sessions, wanted.logins[0], wanted.name) as client:
        await client.execute("CREATE TABLE _appdb_login_proof (id int)")

    await looked_at(sessions, wanted)

    async with logged_in(sessions, wanted.logins[0], wanted.name) as client:
        await client.execute("DROP TABLE _appdb_login_proof")
        await client.execute("CREATE TYPE _appdb_login_proof AS ENUM ('a')")
    await looked_at(sessions, wanted)


async def test_a_role_that_was_renamed_is_told_and_not_made_again(postgres, sessions):
    wanted = await provisioned(sessions, a_database())
    as_superuser(
        postgres, "postgres", f'ALTER ROLE "{wanted.roles.app}" RENAME TO "{wanted.name}_other"'
    )
    claimed = {wanted.roles.owner: Part.OWNER, f"{wanted.name}_other": Part.APP}

    with pytest.raises(NameConflict, match="was renamed") as refused:
        refuse_renamed(claimed, wanted)

    as_superuser(postgres, "postgres", refused.value.message.rpartition(": ")[2])
    await looked_at(sessions, wanted)

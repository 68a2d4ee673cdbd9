"""What a tenant may try against its database, the operator and its neighbours, and may not."""

import psycopg
import pytest

from appdb.errors import LockTimeout
from appdb.postgres.connect import SessionSettings
from appdb.postgres.fence import fence_key, fenced
from appdb.postgres.provision import app_session, ensure_database, ensure_inside
from appdb.postgres.wanted import AccessRole
from support.tenants import (
    a_database,
    as_superuser,
    logged_in,
    pending,
    provisioned,
    with_access,
)

pytestmark = [pytest.mark.postgres, pytest.mark.security]

DENIED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectInUse)

ATTACKS = {
    "drop the database": 'DROP DATABASE "{db}"',
    "comment on the database": "COMMENT ON DATABASE \"{db}\" IS 'mine'",
    "give the database to itself": 'ALTER DATABASE "{db}" OWNER TO "{db}_app"',
    "lift the connection limit": 'ALTER DATABASE "{db}" CONNECTION LIMIT -1',
    "retune the database": "ALTER DATABASE \"{db}\" SET search_path = 'evil'",
    "rename the database": 'ALTER DATABASE "{db}" RENAME TO "x{db}"',
    "empty the ledger": "DROP SCHEMA _appdb CASCADE",
    "become the owner": 'SET ROLE "{db}_owner"',
    "join the owner": 'GRANT "{db}_owner" TO "{db}_user"',
    "join its neighbour": 'GRANT "{other}_app" TO "{db}_user"',
    "become its neighbour": 'SET ROLE "{other}_app"',
    "hand its own role out": 'GRANT "{db}_app" TO "{other}_user"',
    "make a database": 'CREATE DATABASE "{db}_more"',
    "make a role": 'CREATE ROLE "{db}_more"',
    "make a schema": "CREATE SCHEMA evil",
    "make itself a superuser": 'ALTER ROLE "{db}_user" SUPERUSER',
    "let itself make roles": 'ALTER ROLE "{db}_user" CREATEROLE',
    "let itself make databases": 'ALTER ROLE "{db}_user" CREATEDB',
    "bypass row security": 'ALTER ROLE "{db}_user" BYPASSRLS',
    "replicate": 'ALTER ROLE "{db}_user" REPLICATION',
    "lift its own limit": 'ALTER ROLE "{db}_user" CONNECTION LIMIT -1',
    "live longer": "ALTER ROLE \"{db}_user\" VALID UNTIL 'infinity'",
    "let the owner log in": "ALTER ROLE \"{db}_owner\" LOGIN PASSWORD 'x'",
    "retune the owner": "ALTER ROLE \"{db}_owner\" SET search_path = 'evil'",
    "retune the admin": "ALTER ROLE \"{admin}\" SET search_path = 'evil'",
    "forge a claim on a role": "COMMENT ON ROLE \"{db}_app\" IS 'appdb.chatbuilds.com/claim v1'",
    "forge a claim on its neighbour": "COMMENT ON ROLE \"{other}_owner\" IS ''",
    "drop a role": 'DROP ROLE "{db}_app"',
    "end the admin's sessions": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE usename = '{admin}'",
    "make an event trigger": "CREATE EVENT TRIGGER e ON ddl_command_start"
    " EXECUTE FUNCTION public.f()",
    "load a library": "LOAD '/tmp/evil.so'",
    "read files": "SELECT pg_read_file('/etc/passwd')",
    "run programs": "COPY (SELECT 1) TO PROGRAM 'true'",
    "read verifiers": "SELECT rolpassword FROM pg_authid",
    "write the catalog": "UPDATE pg_database SET datdba = 10",
    "plant a function in pg_catalog": "CREATE FUNCTION pg_catalog.now2() RETURNS int"
    " LANGUAGE sql AS 'SELECT 1'",
    "change the server": "ALTER SYSTEM SET search_path = 'evil'",
    "plant default privileges for the owner": 'ALTER DEFAULT PRIVILEGES FOR ROLE "{db}_owner"'
    " GRANT ALL ON TABLES TO PUBLIC",
    "plant default privileges for the admin": 'ALTER DEFAULT PRIVILEGES FOR ROLE "{admin}"'
    " GRANT ALL ON TABLES TO PUBLIC",
}


@pytest.fixture
async def pair(sessions):
    """A tenant and its neighbour."""
    return (
        await provisioned(sessions, a_database(connection_limit=20)),
        await provisioned(sessions, a_database()),
    )


@pytest.mark.parametrize("with_role", [True, False], ids=["as app", "as login"])
async def test_no_tenant_gets_beyond_its_database(sessions, pair, with_role, subtests):
    tenant, other = pair
    names = {"db": tenant.name, "other": other.name, "admin": sessions.login.username}
    async with (
        sessions.maintenance(),  # somebody to be attacked
        logged_in(sessions, tenant.logins[0], tenant.name) as client,
    ):
        await client.execute("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        if not with_role:
            await client.execute("SET ROLE none")
        for attack, statement in ATTACKS.items():
            with subtests.test(attack), pytest.raises(DENIED):
                await client.execute(statement.format(**names).encode())

    assert [] == await pending(sessions, tenant)
    assert [] == await pending(sessions, other)


@pytest.mark.parametrize("role", AccessRole)
async def test_no_reader_or_writer_gets_beyond_the_tables(sessions, pair, role, subtests):
    tenant, other = pair
    wanted = await provisioned(sessions, with_access(tenant, bi=role))
    names = {"db": tenant.name, "other": other.name, "admin": sessions.login.username}
    more = {
        "become the app": 'SET ROLE "{db}_app"',
        "change the app's password": "ALTER ROLE \"{db}_user\" PASSWORD 'x'",
    }
    async with (
        sessions.maintenance(),
        logged_in(sessions, wanted.access[0].login, tenant.name) as client,
    ):
        for attack, statement in (ATTACKS | more).items():
            with subtests.test(attack), pytest.raises(DENIED):
                await client.execute(statement.format(**names).encode())

    assert [] == await pending(sessions, wanted)


async def test_a_tenant_cannot_open_its_database_to_the_public(sessions, pair):
    """The GRANT runs with a warning and changes nothing (SQL, GRANT: no grant options)."""
    tenant, other = pair
    async with logged_in(sessions, tenant.logins[0], tenant.name) as client:
        await client.execute(f'GRANT CONNECT ON DATABASE "{tenant.name}" TO PUBLIC'.encode())

    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        async with logged_in(sessions, other.logins[0], tenant.name):
            pass


async def test_a_tenant_cannot_enter_its_neighbours_database(sessions, pair):
    tenant, other = pair
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        async with logged_in(sessions, tenant.logins[0], other.name):
            pass


async def test_a_database_is_never_open_to_others_while_it_is_made(sessions, postgres, pair):
    """Between CREATE DATABASE and REVOKE the door is closed to everybody."""
    wanted = a_database()
    await provisioned(sessions, wanted)

    log = postgres.server.log_path.read_text(errors="replace")
    created = [line for line in log.splitlines() if f'CREATE DATABASE "{wanted.name}"' in line]
    assert created and all("ALLOW_CONNECTIONS false" in line for line in created)
    opened = log.index(f'ALTER DATABASE "{wanted.name}" ALLOW_CONNECTIONS true')
    assert log.index(f'ON DATABASE "{wanted.name}" FROM PUBLIC') < opened


async def test_planted_operators_and_paths_do_not_reach_the_operator(sessions, postgres, pair):
    """CVE-2026-55769 of a peer: an operator planted in public ran with the admin's rights."""
    tenant, _ = pair
    async with logged_in(sessions, tenant.logins[0], tenant.name) as client:
        for statement in (
            "CREATE TABLE caught (who text)",
            (
                "CREATE FUNCTION catch(text, text) RETURNS boolean LANGUAGE plpgsql"
                " AS 'BEGIN INSERT INTO public.caught VALUES (current_user);"
                " RETURN pg_catalog.texteq($1, $2); END'"
            ),
            "CREATE OPERATOR = (LEFTARG = text, RIGHTARG = text, FUNCTION = catch)",
            (
                "CREATE FUNCTION to_regrole(text) RETURNS regrole LANGUAGE plpgsql"
                " AS 'BEGIN INSERT INTO public.caught VALUES (current_user); RETURN NULL; END'"
            ),
            f'ALTER ROLE "{tenant.roles.app}" SET search_path = public, pg_catalog',
            "SET ROLE none",
            f'ALTER ROLE "{tenant.roles.login}" SET search_path = public, pg_catalog',
        ):
            await client.execute(statement.encode())
    as_superuser(
        postgres,
        "postgres",
        f'ALTER DATABASE "{tenant.name}" SET search_path = public, pg_catalog',
    )

    await ensure_inside(sessions, tenant)
    async with app_session(sessions, tenant) as session:
        await session.execute("SELECT 1")

    assert [] == as_superuser(postgres, tenant.name, "SELECT who FROM public.caught")


async def test_an_operators_session_ignores_what_was_planted_on_its_role(sessions, postgres):
    as_superuser(
        postgres,
        "postgres",
        f"ALTER ROLE \"{sessions.login.username}\" SET search_path = 'public'",
        f"ALTER ROLE \"{sessions.login.username}\" SET statement_timeout = '1ms'",
    )
    await provisioned(sessions, a_database())

    async with sessions.maintenance() as session:
        row = await (await session.execute("SHOW search_path")).fetchone()
    assert ("pg_catalog",) == row


async def test_a_tenant_that_takes_the_fence_delays_and_is_found_out(sessions, pair):
    """Every login may enter the maintenance database unless its owner closes it."""
    tenant, _ = pair
    hasty = SessionSettings(role="none", lock_timeout_ms=50)
    async with (
        logged_in(sessions, tenant.logins[0], "postgres") as client,
        sessions.database("postgres", settings=hasty) as session,
    ):
        await client.execute("SELECT pg_advisory_lock(%s, %s)", fence_key(tenant.name))
        with pytest.raises(LockTimeout, match=rf"held by pid \d+, role {tenant.roles.login}"):
            async with fenced(session, tenant.name):
                pass


async def test_a_right_planted_on_a_neighbour_does_not_block_its_work(sessions, pair):
    tenant, other = pair
    async with logged_in(sessions, tenant.logins[0], tenant.name) as client:
        await client.execute("CREATE TABLE bait (id int)")
        await client.execute(f'GRANT ALL ON bait TO "{other.roles.app}"'.encode())

    await ensure_database(sessions, other)

    assert [] == await pending(sessions, other)

"""Provisioning with an admin who is no superuser: what stands there, and that it stays."""

from dataclasses import replace

import psycopg
import pytest

from appdb.errors import LoginFailed
from appdb.model.names import role_names_for
from appdb.postgres.connect import Login
from appdb.postgres.deprovision import delete_database, delete_logins
from appdb.postgres.login import proven_login
from appdb.postgres.provision import Outcome, app_session, ensure_database, ensure_passwords
from appdb.postgres.wanted import AccessRole, WantedDatabase
from support.sandbox import unique_name
from support.tenants import (
    a_claimant,
    a_database,
    as_superuser,
    catalog_row,
    logged_in,
    pending,
    provisioned,
    roles_of,
    with_access,
)

pytestmark = pytest.mark.postgres


async def test_a_database_comes_to_be_with_its_roles(postgres, sessions):
    wanted = a_database()

    done = await ensure_database(sessions, wanted)

    row = catalog_row(postgres, wanted.name)
    assert (Outcome.CREATED, int(row["oid"])) == (done.outcome, done.oid)
    assert wanted.roles.owner == row["owner"]
    assert [wanted.roles.app, wanted.roles.owner, wanted.roles.login] == roles_of(
        postgres, wanted.name
    )


async def test_a_second_run_has_nothing_to_do(sessions):
    wanted = await provisioned(sessions, a_database())

    assert [] == await pending(sessions, wanted)
    assert Outcome.KEPT is (await ensure_database(sessions, wanted)).outcome


async def test_the_admin_keeps_no_membership(postgres, sessions):
    wanted = await provisioned(sessions, a_database())

    held = as_superuser(
        postgres,
        "postgres",
        "SELECT roleid::regrole FROM pg_auth_members m"
        f" WHERE roleid::regrole::text LIKE '{wanted.name}%'"
        f" AND member = '{sessions.login.username}'::regrole"
        " AND coalesce(to_jsonb(m) ->> 'set_option', 'true') = 'true'",
    )
    assert [] == held


async def test_the_login_works_as_the_app_role_and_its_tables_belong_to_it(sessions):
    wanted = await provisioned(sessions, a_database())

    async with logged_in(sessions, wanted.logins[0], wanted.name) as client:
        await client.execute("CREATE TABLE orders (id int)")
        cursor = await client.execute(
            "SELECT current_user::text, schemaname, tableowner FROM pg_tables"
            " WHERE tablename = 'orders'"
        )
        assert (wanted.roles.app, "public", wanted.roles.app) == await cursor.fetchone()


async def test_the_app_may_drop_and_make_its_public_schema_contents_anew(sessions):
    wanted = await provisioned(sessions, a_database())

    async with logged_in(sessions, wanted.logins[0], wanted.name) as client:
        await client.execute("CREATE TABLE orders (id int)")
        await client.execute("DROP SCHEMA public CASCADE")
    async with app_session(sessions, wanted) as healed:
        await healed.execute("CREATE TABLE public.orders (id int)")

    assert [] == await pending(sessions, wanted)


async def test_a_superuser_as_admin_takes_the_same_road(root18):
    wanted = await provisioned(root18, a_database(schemas=("extra",)))

    assert [] == await pending(root18, wanted)


async def test_limits_go_to_the_database_and_the_login(postgres, sessions):
    wanted = await provisioned(
        sessions, a_database(connection_limit=3, statement_timeout_ms=30_000)
    )

    assert 3 == catalog_row(postgres, wanted.name)["datconnlimit"]
    async with logged_in(sessions, wanted.logins[0], wanted.name) as client:
        assert ("30s",) == await (await client.execute("SHOW statement_timeout")).fetchone()


async def test_changed_limits_are_followed(postgres, sessions):
    wanted = await provisioned(sessions, a_database(connection_limit=3))

    await ensure_database(sessions, replace(wanted, connection_limit=None))

    assert -1 == catalog_row(postgres, wanted.name)["datconnlimit"]


async def test_extra_schemas_belong_to_the_app(sessions):
    wanted = await provisioned(sessions, a_database(schemas=("billing", "We-ird")))

    async with logged_in(sessions, wanted.logins[0], wanted.name) as client:
        await client.execute('CREATE TABLE billing.a (id int); CREATE TABLE "We-ird".b (id int)')
    assert [] == await pending(sessions, wanted)


async def test_a_schema_that_is_wanted_later_is_made_over_the_living_database(sessions):
    wanted = replace(await provisioned(sessions, a_database()), schemas=("later",))

    async with app_session(sessions, wanted) as session:
        await session.execute("CREATE TABLE later.t (id int)")


async def test_hostile_names_are_only_names(postgres, sessions):
    name = unique_name("we\"ird';DROP-ROLE$x--%s")
    claimant = a_claimant("weird")
    roles = role_names_for(name)
    login = Login(username=roles.login, password="'; \\ \" %s")
    wanted = WantedDatabase(name=name, claimant=claimant, roles=roles, logins=(login,))
    await provisioned(sessions, wanted)

    assert wanted.roles.owner == catalog_row(postgres, wanted.name)["owner"]
    assert [] == await pending(sessions, wanted)
    assert (await delete_database(sessions, wanted)).database


HAND_CHANGES = {
    "public opened": 'GRANT CONNECT ON DATABASE "{db}" TO PUBLIC',
    "limit lifted": 'ALTER DATABASE "{db}" CONNECTION LIMIT 77',
    "door closed": 'ALTER DATABASE "{db}" ALLOW_CONNECTIONS false',
    "owner changed": 'ALTER DATABASE "{db}" OWNER TO "{db}_app"',
    "claim removed": 'COMMENT ON DATABASE "{db}" IS NULL',
    "login powerful": 'ALTER ROLE "{db}_user" CREATEDB CREATEROLE',
    "owner logs in": 'ALTER ROLE "{db}_owner" LOGIN',
    "login locked": 'ALTER ROLE "{db}_user" NOLOGIN',
    "role unset": 'ALTER ROLE "{db}_user" RESET role',
    "role unset here": 'ALTER ROLE "{db}_user" IN DATABASE "{db}" SET role = none',
    "membership taken": 'REVOKE "{db}_app" FROM "{db}_user"',
    "owner given": 'GRANT "{db}_owner" TO "{db}_user"',
    "password changed": "ALTER ROLE \"{db}_user\" PASSWORD 'other'",
    "connect taken": 'REVOKE ALL ON DATABASE "{db}" FROM "{db}_app"',
    "noinherit": 'ALTER ROLE "{db}_user" NOINHERIT',
}


@pytest.mark.parametrize("change", HAND_CHANGES.values(), ids=HAND_CHANGES)
async def test_what_was_changed_by_hand_is_put_right(postgres18, root18, change):
    wanted = await provisioned(root18, a_database(connection_limit=5))
    as_superuser(postgres18, "postgres", change.format(db=wanted.name))

    await ensure_database(root18, wanted)
    async with app_session(root18, wanted) as session:
        await session.execute("SELECT 1")

    assert [] == await pending(root18, wanted)
    assert "owner" not in " ".join(
        str(row)
        for row in as_superuser(
            postgres18,
            "postgres",
            "SELECT roleid::regrole::text FROM pg_auth_members"
            f" WHERE member = '{wanted.roles.login}'::regrole",
        )
    )


async def test_a_password_that_is_not_the_secrets_is_set_from_it(sessions):
    wanted = await provisioned(sessions, a_database())
    rotated = replace(
        wanted, logins=(Login(username=wanted.roles.login, password="the-new-one-from-the-secret"),)
    )

    with pytest.raises(LoginFailed, match="cannot log in"):
        async with proven_login(
            sessions, rotated.logins[0], wanted.name, app_role=wanted.roles.app
        ):
            pass
    async with app_session(sessions, rotated) as session:
        await session.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        async with logged_in(sessions, wanted.logins[0], wanted.name):
            pass


async def test_two_logins_overlap_and_the_old_one_goes_with_its_sessions(postgres, sessions):
    wanted = await provisioned(sessions, a_database())
    second = Login(username=wanted.roles.login_b, password="second")
    both = replace(wanted, logins=(second, *wanted.logins))
    await ensure_database(sessions, both)

    async with (
        logged_in(sessions, wanted.logins[0], wanted.name) as old,
        logged_in(sessions, second, wanted.name) as new,
    ):
        await old.execute("SET ROLE none; CREATE TABLE made_without_role (id int)")
        await new.execute("CREATE TABLE orders (id int)")
        gone = await delete_logins(sessions, wanted, (wanted.roles.login,))
        assert (wanted.roles.login,) == gone
        with pytest.raises(psycopg.OperationalError):
            await old.execute("SELECT 1")
        await new.execute("INSERT INTO made_without_role VALUES (1)")
    assert wanted.roles.login not in roles_of(postgres, wanted.name)


async def test_readers_read_and_writers_write_now_and_later(sessions):
    plain = await provisioned(sessions, a_database(schemas=("extra",)))
    async with logged_in(sessions, plain.logins[0], plain.name) as app:
        await app.execute("CREATE TABLE before (id serial, n int)")
    wanted = with_access(plain, report=AccessRole.READER, etl=AccessRole.WRITER)
    await ensure_database(sessions, wanted)
    async with app_session(sessions, wanted) as app:
        await app.execute("CREATE TABLE extra.after (id serial, n int)")

    reader, writer = (entry.login for entry in wanted.access)
    async with logged_in(sessions, writer, wanted.name) as client:
        for table in ("before", "extra.after"):
            await client.execute(f"INSERT INTO {table} (n) VALUES (1)".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await client.execute("CREATE TABLE mine (id int)")
    async with logged_in(sessions, reader, wanted.name) as client:
        for table in ("before", "extra.after"):
            rows = await client.execute(f"SELECT n FROM {table}".encode())
            assert [(1,)] == await rows.fetchall()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await client.execute("DELETE FROM before")
    assert [] == await pending(sessions, wanted)


async def test_access_that_is_no_longer_wanted_goes_and_the_tables_stay(postgres, sessions):
    wanted = await provisioned(sessions, with_access(a_database(), report=AccessRole.READER))
    async with app_session(sessions, wanted) as app:
        await app.execute("CREATE TABLE public.t (id int)")
    doomed = (wanted.roles.access("report"), wanted.roles.readers, wanted.roles.owner)

    gone = await delete_logins(sessions, wanted, doomed)

    assert set(doomed[:2]) == set(gone)
    plain = replace(wanted, access=())
    assert [] == await pending(sessions, plain)


async def test_a_login_that_changes_from_reader_to_writer_leaves_the_readers(sessions):
    wanted = await provisioned(sessions, with_access(a_database(), job=AccessRole.WRITER))

    lesser = with_access(wanted, job=AccessRole.READER)
    await ensure_database(sessions, lesser)
    async with app_session(sessions, lesser) as app:
        await app.execute("CREATE TABLE public.t (id int)")

    async with logged_in(sessions, lesser.access[0].login, lesser.name) as client:
        await client.execute("SELECT * FROM t")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await client.execute("INSERT INTO t VALUES (1)")


async def test_all_passwords_are_set_from_their_secrets(sessions):
    wanted = await provisioned(sessions, with_access(a_database(), job=AccessRole.READER))
    login = Login(username=wanted.access[0].login.username, password="rotated")
    rotated = replace(wanted, access=(replace(wanted.access[0], login=login),))

    await ensure_passwords(sessions, rotated)

    async with logged_in(sessions, login, wanted.name) as client:
        await client.execute("SELECT 1")

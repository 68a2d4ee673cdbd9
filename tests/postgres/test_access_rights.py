"""What readers, writers, the app and a neighbour may do with the tables of one database."""

from dataclasses import replace

import psycopg
import pytest

from appdb.postgres.connect import Login
from appdb.postgres.deprovision import delete_logins
from appdb.postgres.provision import app_session, ensure_access, ensure_database, ensure_passwords
from appdb.postgres.wanted import AccessRole
from support.tenants import (
    a_database,
    as_superuser,
    logged_in,
    pending,
    provisioned,
    roles_of,
    with_access,
)

pytestmark = [pytest.mark.postgres, pytest.mark.security]

DENIED = psycopg.errors.InsufficientPrivilege

READ = {
    "read a table that was there": "SELECT * FROM public.before",
    "read a table that came later": "SELECT * FROM public.after",
    "read in another schema": "SELECT * FROM extra.before",
    "read later in another schema": "SELECT * FROM extra.after",
    "read in a schema that came later": "SELECT * FROM late.after",
    "read a view": "SELECT * FROM public.seen",
    "read a materialized view": "SELECT * FROM public.kept",
    "read a partition": "SELECT * FROM public.parted_one",
    "look at a sequence": "SELECT last_value FROM public.before_id_seq",
}
WRITE = {
    "insert with a sequence": "INSERT INTO public.before (n) VALUES (1)",
    "insert with an identity": "INSERT INTO public.after (n) VALUES (1)",
    "insert through partitions": "INSERT INTO public.parted VALUES (1)",
    "update": "UPDATE extra.before SET n = 2",
    "delete": "DELETE FROM extra.after",
    "copy into": "COPY late.after (n) FROM STDIN",
    "move a sequence": "SELECT setval('public.before_id_seq', 7)",
    "lock rows": "SELECT * FROM public.before FOR UPDATE",
}
OWN = {
    "make a table": "CREATE TABLE public.mine (id int)",
    "make a schema": "CREATE SCHEMA mine",
    "make a function": "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "make a type": "CREATE TYPE public.mood AS ENUM ('good')",
    "add a column": "ALTER TABLE public.before ADD COLUMN x int",
    "make an index": "CREATE INDEX ON public.before (n)",
    "drop a table": "DROP TABLE public.before",
    "empty a table": "TRUNCATE public.before",
    "make a trigger": "CREATE TRIGGER t BEFORE INSERT ON public.before"
    " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "refer to a table": "ALTER TABLE extra.before ADD FOREIGN KEY (n) REFERENCES public.before",
    "refresh a view": "REFRESH MATERIALIZED VIEW public.kept",
    "become the app": 'SET ROLE "{db}_app"',
    "become the owner": 'SET ROLE "{db}_owner"',
    "plant default privileges": 'ALTER DEFAULT PRIVILEGES FOR ROLE "{db}_app"'
    " GRANT ALL ON TABLES TO PUBLIC",
    "read the ledger": "SELECT * FROM _appdb.runs",
    "make a table in the ledger": "CREATE TABLE _appdb.x (id int)",
}
MAY = {
    AccessRole.READER: READ,
    AccessRole.WRITER: READ | WRITE,
}
MADE_BEFORE = (
    "CREATE TABLE public.before (id serial PRIMARY KEY, n int)",
    "CREATE TABLE extra.before (id serial, n int)",
    "CREATE VIEW public.seen AS SELECT * FROM public.before",
    "CREATE MATERIALIZED VIEW public.kept AS SELECT 1 AS n",
    "CREATE TABLE public.parted (id int) PARTITION BY LIST (id)",
)
MADE_AFTER = (
    "CREATE TABLE public.after (id int GENERATED ALWAYS AS IDENTITY, n int)",
    "CREATE TABLE extra.after (id serial, n int)",
    "CREATE TABLE late.after (id serial, n int)",
    "CREATE TABLE public.parted_one PARTITION OF public.parted FOR VALUES IN (1)",
)


@pytest.fixture
async def shop(sessions):
    """A database with a reader and a writer, and tables from before and after them."""
    plain = await provisioned(sessions, a_database(schemas=("extra",)))
    async with app_session(sessions, plain) as app:
        for statement in MADE_BEFORE:
            await app.execute(statement.encode())
    wanted = with_access(plain, report=AccessRole.READER, etl=AccessRole.WRITER)
    wanted = replace(wanted, schemas=("extra", "late"))
    await ensure_database(sessions, wanted)
    async with app_session(sessions, wanted) as app:
        for statement in MADE_AFTER:
            await app.execute(statement.encode())
    return wanted


async def attempt(client: psycopg.AsyncConnection, statement: str) -> None:
    """Run a statement and take it back."""
    async with client.transaction(force_rollback=True):
        if statement.startswith("COPY"):
            async with client.cursor().copy(statement.encode()) as copy:
                await copy.write_row([1])
            return
        await client.execute(statement.encode())


@pytest.mark.parametrize("at", [0, 1], ids=["reader", "writer"])
async def test_the_rights_of_readers_and_writers(sessions, shop, at, subtests):
    entry = shop.access[at]
    async with logged_in(sessions, entry.login, shop.name) as client:
        for what, statement in (READ | WRITE | OWN).items():
            with subtests.test(what):
                filled = statement.replace("{db}", shop.name)
                if what in MAY[entry.role]:
                    await attempt(client, filled)
                    continue
                with pytest.raises(DENIED):
                    await attempt(client, filled)

    assert [] == await pending(sessions, shop)


async def test_the_app_keeps_every_right(sessions, shop):
    async with logged_in(sessions, shop.logins[0], shop.name) as client:
        for statement in (*READ.values(), *WRITE.values(), OWN["make a table"]):
            await attempt(client, statement)


async def test_a_neighbours_readers_and_writers_do_not_get_in(sessions, shop):
    other = await provisioned(
        sessions, with_access(a_database(), report=AccessRole.READER, etl=AccessRole.WRITER)
    )

    for entry in other.access:
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            async with logged_in(sessions, entry.login, shop.name):
                pass


async def test_a_right_that_was_taken_from_a_group_is_given_back(sessions, postgres, shop):
    as_superuser(
        postgres,
        shop.name,
        f'REVOKE INSERT ON public.before FROM "{shop.roles.writers}"',
        f'REVOKE SELECT ON public.after FROM "{shop.roles.readers}"',
        f'REVOKE USAGE ON SEQUENCE public.before_id_seq FROM "{shop.roles.writers}"',
        f'REVOKE USAGE ON SCHEMA extra FROM "{shop.roles.readers}"',
        f'ALTER DEFAULT PRIVILEGES FOR ROLE "{shop.roles.app}" REVOKE UPDATE ON TABLES'
        f' FROM "{shop.roles.writers}"',
    )

    async with app_session(sessions, shop):
        pass

    reader, writer = (entry.login for entry in shop.access)
    async with logged_in(sessions, writer, shop.name) as client:
        await attempt(client, WRITE["insert with a sequence"])
    async with logged_in(sessions, reader, shop.name) as client:
        for statement in READ.values():
            await attempt(client, statement)
    assert [] == await pending(sessions, shop)


async def test_a_password_of_a_reader_that_was_changed_is_set_again(sessions, postgres, shop):
    login = shop.access[0].login
    as_superuser(
        postgres,
        shop.name,
        f"ALTER ROLE \"{login.username}\" PASSWORD 'other'",
        f'ALTER ROLE "{shop.access[1].login.username}" RESET role',
    )

    await ensure_database(sessions, shop)
    await ensure_access(sessions, shop)

    async with logged_in(sessions, login, shop.name) as client:
        await client.execute("SELECT * FROM public.before")


async def test_the_last_reader_takes_its_group_along(sessions, postgres, shop):
    writer_only = replace(shop, access=shop.access[1:])
    await ensure_database(sessions, writer_only)

    gone = await delete_logins(
        sessions, writer_only, (shop.access[0].login.username, shop.roles.readers)
    )

    assert 2 == len(gone)
    assert shop.roles.readers not in roles_of(postgres, shop.name)
    left = as_superuser(
        postgres,
        shop.name,
        "SELECT DISTINCT grantee::regrole::text FROM pg_default_acl, aclexplode(defaclacl)"
        f" WHERE grantee::regrole::text <> '{shop.roles.app}'",
    )
    assert [(shop.roles.writers,)] == left
    assert [] == await pending(sessions, writer_only)


async def test_a_reader_that_is_taken_away_is_put_out(sessions, shop):
    async with logged_in(sessions, shop.access[0].login, shop.name) as client:
        await delete_logins(sessions, shop, (shop.access[0].login.username,))
        with pytest.raises(psycopg.OperationalError):
            await client.execute("SELECT 1")


async def test_logins_are_replaced_and_their_open_sessions_live_on(sessions, postgres, shop):
    """What an Overlap does at the end of the grace, with an admin that is no superuser."""
    app = Login(username=shop.roles.login_b, password="new-app-password")
    reader = Login(username=f"{shop.access[0].login.username}_b", password="new-reader-password")
    swapped = replace(
        shop,
        logins=(app,),
        access=(replace(shop.access[0], login=reader), shop.access[1]),
    )
    old = (shop.logins[0], shop.access[0].login)
    async with (
        logged_in(sessions, old[0], shop.name) as old_app,
        logged_in(sessions, old[1], shop.name) as old_reader,
    ):
        await old_app.execute("SET ROLE none; CREATE TABLE public.own (id int); RESET ROLE")
        await ensure_database(sessions, swapped)
        await ensure_passwords(sessions, swapped, only={app.username, reader.username})
        names = tuple(login.username for login in old)
        assert set(names) == set(await delete_logins(sessions, swapped, names, ends_sessions=False))
        await old_app.execute("INSERT INTO public.before (n) VALUES (5)")
        await old_app.execute("CREATE TABLE public.made_late (id int)")
        await old_app.execute("DISCARD ALL")
        await old_app.execute("SELECT count(*) FROM public.before")
        await old_reader.execute("SELECT * FROM public.before")
        await old_reader.execute("SELECT * FROM public.made_late")
    for login in old:
        with pytest.raises(psycopg.OperationalError):
            async with logged_in(sessions, login, shop.name):
                pass
    async with logged_in(sessions, app, shop.name) as client:
        await client.execute("DROP TABLE public.own")
    assert not set(names) & set(roles_of(postgres, shop.name))
    assert [] == await pending(sessions, swapped)


async def test_only_the_passwords_that_were_asked_for_are_set(sessions, shop):
    changed = replace(
        shop,
        logins=(replace(shop.logins[0], password="unused"),),
        access=tuple(
            replace(entry, login=replace(entry.login, password="new")) for entry in shop.access
        ),
    )

    await ensure_passwords(sessions, changed, only={changed.access[0].login.username})

    for login in (shop.logins[0], changed.access[0].login, shop.access[1].login):
        async with logged_in(sessions, login, shop.name):
            pass


async def test_access_to_a_database_that_is_adopted_covers_its_schemas(sessions, postgres):
    """Its tables and schemas were made by somebody else."""
    wanted = with_access(a_database(may_adopt=True), report=AccessRole.READER)
    as_superuser(
        postgres,
        "postgres",
        f'CREATE DATABASE "{wanted.name}" OWNER "{sessions.login.username}" TEMPLATE template0',
    )
    async with logged_in(sessions, sessions.login, wanted.name) as former:
        await former.execute("CREATE SCHEMA sales; CREATE TABLE sales.orders (id serial)")
        await former.execute("CREATE TABLE public.people (id serial)")

    await ensure_database(sessions, wanted)
    async with app_session(sessions, wanted) as app:
        await app.execute("CREATE TABLE sales.later (id serial)")

    async with logged_in(sessions, wanted.access[0].login, wanted.name) as client:
        for table in ("sales.orders", "public.people", "sales.later"):
            await client.execute(f"SELECT * FROM {table}".encode())
    assert [] == await pending(sessions, wanted)

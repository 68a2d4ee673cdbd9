"""Code that a tenant plants must never run with the operator's rights."""

from dataclasses import replace

import psycopg
import pytest

from appdb.errors import InsufficientPrivilege
from appdb.model.catalog import Key, Kind
from appdb.postgres.bookroom import ledger_session
from appdb.postgres.deprovision import delete_database
from appdb.postgres.ledger import Roles, ensure_ledger, read_ledger, remember
from appdb.postgres.provision import app_session, ensure_database
from appdb.postgres.wanted import AccessRole
from support.sandbox import unique_name
from support.tenants import (
    a_claimant,
    a_database,
    as_superuser,
    logged_in,
    pending,
    provisioned,
    sessions_of,
    with_access,
)

pytestmark = [pytest.mark.postgres, pytest.mark.security]

SPY = (
    "CREATE TABLE public.caught (who text)",
    (
        "CREATE FUNCTION public.spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN"
        " INSERT INTO public.caught VALUES (current_user); RETURN NEW; END'"
    ),
    (
        "CREATE FUNCTION public.spying() RETURNS text LANGUAGE plpgsql AS 'BEGIN"
        " INSERT INTO public.caught VALUES (current_user); RETURN ''x''; END'"
    ),
    "GRANT ALL ON public.caught TO PUBLIC",
)
LEDGER = (
    "CREATE SCHEMA _appdb",
    (
        "CREATE TABLE _appdb.objects (kind text, schema_name text, parent text, name text,"
        " digest text, origin text, backfill text, renamed_from text)"
    ),
)
# What a hostile owner leaves where the operator looks for its ledger.
TRAPS = {
    "a view": (
        "CREATE SCHEMA _appdb",
        (
            "CREATE VIEW _appdb.objects AS SELECT spying() AS kind, 'b' AS schema_name,"
            " 'c' AS parent, 'd' AS name, 'e' AS digest, 'f' AS origin, 'g' AS backfill,"
            " 'h' AS renamed_from"
        ),
    ),
    "a trigger": (
        *LEDGER,
        "CREATE TRIGGER t BEFORE INSERT ON _appdb.objects FOR EACH ROW EXECUTE FUNCTION spy()",
    ),
    "a rule": (
        *LEDGER,
        "CREATE RULE r AS ON INSERT TO _appdb.objects DO ALSO SELECT spying()",
    ),
    "a check": (*LEDGER, "ALTER TABLE _appdb.objects ADD CHECK (spying() = 'x')"),
    "a default": (*LEDGER, "ALTER TABLE _appdb.objects ALTER digest SET DEFAULT spying()"),
    "a policy": (
        *LEDGER,
        "ALTER TABLE _appdb.objects ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY p ON _appdb.objects USING (spying() = 'x')",
    ),
    "a child": (*LEDGER, "CREATE TABLE public.child () INHERITS (_appdb.objects)"),
}


def legacy(postgres, name, *statements):
    """A database that its own user made, and what it left there."""
    as_superuser(
        postgres,
        "postgres",
        f"CREATE ROLE {name}_dba LOGIN PASSWORD 'dba'",
        f"CREATE DATABASE {name} OWNER {name}_dba TEMPLATE template0",
    )
    as_superuser(postgres, name, f'SET ROLE "{name}_dba"', *statements)


@pytest.mark.parametrize("trap", TRAPS.values(), ids=TRAPS)
async def test_a_ledger_with_code_in_it_is_neither_read_nor_written(postgres18, root18, trap):
    """With a superuser as the admin, the most that there is to win."""
    wanted = a_database(unique_name("legacy"), may_adopt=True)
    legacy(postgres18, wanted.name, *SPY, *trap)

    await ensure_database(root18, wanted)
    with pytest.raises(InsufficientPrivilege, match="DROP SCHEMA _appdb CASCADE") as refused:
        async with ledger_session(root18, wanted.name) as session:
            await read_ledger(session, Roles())

    assert "has code on objects" in refused.value.message
    assert [] == as_superuser(postgres18, wanted.name, "SELECT who FROM caught")


async def test_a_tenant_that_takes_the_ledgers_place_is_found_out(postgres18, sessions18):
    wanted = await provisioned(sessions18, a_database(may_create_schemas=True))
    as_superuser(postgres18, wanted.name, "DROP SCHEMA _appdb")
    async with logged_in(sessions18, wanted.logins[0], wanted.name) as client:
        for statement in LEDGER:
            await client.execute(statement.encode())
        await client.execute(b"GRANT ALL ON SCHEMA _appdb TO PUBLIC")

    with pytest.raises(InsufficientPrivilege, match=f"belongs to {wanted.roles.app}"):
        async with ledger_session(sessions18, wanted.name):
            pass


async def test_a_ledger_that_the_command_made_goes_to_the_operator(postgres, sessions):
    """`appdb apply` with the owner's login, then adoption: what is managed stays known."""
    wanted = a_database(unique_name("legacy"), may_adopt=True)
    legacy(postgres, wanted.name)
    dba = replace(wanted.logins[0], username=f"{wanted.name}_dba", password="dba")
    table = Key(Kind.TABLE, "public", "", "orders")
    async with sessions.tenant(dba, wanted.name) as session:
        await ensure_ledger(session, Roles())
        await remember(session, {table: "digest"}, {}, ())
    as_superuser(postgres, "postgres", f'GRANT "{dba.username}" TO "{sessions.login.username}"')

    await ensure_database(sessions, wanted)

    async with ledger_session(sessions, wanted.name) as session:
        assert {table: "digest"} == dict((await read_ledger(session, Roles())).digests)
    async with app_session(sessions, wanted) as session:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await session.execute("SELECT FROM _appdb.objects")


async def test_a_cluster_that_takes_over_takes_the_ledger_too(postgres18, sessions18):
    lost = "99999999-0000-0000-0000-000000000000"
    name = unique_name("db")
    old = await provisioned(sessions18, a_database(name, claimant=a_claimant(name, cluster=lost)))
    table = Key(Kind.TABLE, "public", "", "orders")
    async with ledger_session(sessions18, name) as session:
        await ensure_ledger(session, Roles())
        await remember(session, {table: "digest"}, {}, ())

    new = replace(old, claimant=a_claimant(name), accepted_clusters=frozenset({lost}))
    await ensure_database(sessions18, new)

    async with ledger_session(sessions18, name) as session:
        assert {table: "digest"} == dict((await read_ledger(session, Roles())).digests)


async def test_a_neighbour_that_is_still_claimed_by_a_lost_cluster_does_not_hold_a_role(
    postgres18, sessions18
):
    lost = "99999999-0000-0000-0000-000000000000"
    name = unique_name("db")
    other = await provisioned(sessions18, a_database(name, claimant=a_claimant(name, cluster=lost)))
    wanted = await provisioned(sessions18, a_database(accepted_clusters=frozenset({lost})))
    async with logged_in(sessions18, other.logins[0], other.name) as client:
        await client.execute(b"CREATE TABLE bait (id int)")
        await client.execute(f'GRANT ALL ON bait TO "{wanted.roles.app}"'.encode())

    assert (await delete_database(sessions18, wanted)).database


async def test_an_extension_is_installed_past_what_was_planted(postgres15):
    """Its script runs as the bootstrap superuser, with the tenant's schema on the path."""
    sessions = sessions_of(postgres15, postgres15.create_admin(unique_name("admin")))
    wanted = await provisioned(sessions, a_database(allowed_extensions=("hstore", "citext")))
    async with logged_in(sessions, wanted.logins[0], wanted.name) as client:
        for statement in (
            *SPY,
            (
                "CREATE FUNCTION public.format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql"
                " AS 'BEGIN INSERT INTO public.caught VALUES (current_user); RETURN $1; END'"
            ),
            (
                "CREATE FUNCTION public.eq(text, text) RETURNS boolean LANGUAGE plpgsql"
                " AS 'BEGIN INSERT INTO public.caught VALUES (current_user); RETURN true; END'"
            ),
            "CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.eq)",
        ):
            await client.execute(statement.encode())

    more = replace(wanted, extensions=("hstore", "citext"))
    async with app_session(sessions, more):
        pass

    assert [] == await pending(sessions, more)
    assert [] == as_superuser(postgres15, wanted.name, "SELECT who FROM caught")
    await sessions.aclose()


async def test_default_privileges_that_a_tenant_plants_open_nothing_of_the_operators(
    postgres, sessions
):
    wanted = await provisioned(sessions, with_access(a_database(), bi=AccessRole.READER))
    other = await provisioned(sessions, a_database())
    async with logged_in(sessions, wanted.logins[0], wanted.name) as client:
        for statement in (
            "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC",
            f'ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO "{other.roles.app}"',
            f'ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM "{wanted.roles.readers}"',
        ):
            await client.execute(statement.encode())

    await ensure_database(sessions, wanted)
    async with app_session(sessions, wanted), ledger_session(sessions, wanted.name) as session:
        await ensure_ledger(session, Roles())

    for role in (wanted.roles.app, other.roles.app, wanted.roles.readers, "public"):
        query = f"SELECT has_table_privilege('{role}', '_appdb.objects', 'SELECT')"
        assert [(False,)] == as_superuser(postgres, wanted.name, query)
    assert [] == await pending(sessions, wanted)


async def test_a_tenant_sees_no_statement_of_its_neighbour(sessions):
    one = await provisioned(sessions, a_database())
    two = await provisioned(sessions, a_database())
    async with (
        logged_in(sessions, one.logins[0], one.name) as client,
        logged_in(sessions, two.logins[0], two.name) as other,
    ):
        await other.execute("SELECT 'a-word-of-the-neighbour'")
        found = await client.execute(
            "SELECT query FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND query LIKE '%neighbour%'"
        )
        assert [] == await found.fetchall()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await client.execute("SELECT pg_cancel_backend(%s)", (other.info.backend_pid,))


async def test_the_function_of_an_event_trigger_is_not_adopted(postgres18, root18):
    """It runs as whoever changes something, a superuser too: no tenant may rewrite it."""
    wanted = a_database(unique_name("legacy"), may_adopt=True)
    legacy(postgres18, wanted.name, "CREATE TABLE orders (id int)")
    as_superuser(
        postgres18,
        wanted.name,
        "CREATE FUNCTION public.audit() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER audit ON ddl_command_end EXECUTE FUNCTION public.audit()",
    )

    await ensure_database(root18, wanted)

    async with logged_in(root18, wanted.logins[0], wanted.name) as client:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await client.execute(
                "CREATE OR REPLACE FUNCTION public.audit() RETURNS event_trigger"
                " LANGUAGE plpgsql AS 'BEGIN RAISE ''mine''; END'"
            )
    assert [] == await pending(root18, wanted)


SABOTAGE = {
    "transaction_timeout": "20ms",
    "idle_session_timeout": "1ms",
    "local_preload_libraries": "nowhere",
    "quote_all_identifiers": "on",
    "array_nulls": "off",
}


@pytest.mark.parametrize("setting", SABOTAGE)
async def test_what_a_tenant_sets_on_its_login_does_not_reach_the_operators_session(
    sessions18, setting
):
    wanted = await provisioned(sessions18, a_database())
    async with logged_in(sessions18, wanted.logins[0], wanted.name) as client:
        await client.execute("SET ROLE none")
        change = f"ALTER ROLE \"{wanted.roles.login}\" SET {setting} = '{SABOTAGE[setting]}'"
        await client.execute(change.encode())

    async with app_session(sessions18, wanted) as session:
        shown = await session.execute(f"SHOW {setting}".encode())
        assert (SABOTAGE[setting],) != await shown.fetchone()

"""What a person reads when the server, the login or a right is not what it should be."""

import os
import socket
from dataclasses import replace

import psycopg
import pytest

from appdb.errors import (
    AppDBError,
    AuthenticationFailed,
    DatabaseFull,
    ExtensionNotAllowed,
    InsufficientPrivilege,
    LoginFailed,
    TLSFailed,
    Unreachable,
)
from appdb.local.ports import free_port
from appdb.postgres.connect import Login, ServerAddress, SessionSettings, connect
from appdb.postgres.extensions import read_trust
from appdb.postgres.login import proven_login
from appdb.postgres.provision import app_session, ensure_database
from appdb.postgres.server import missing_privilege, read_server, require_usable
from support.sandbox import unique_name
from support.team import until
from support.tenants import (
    a_database,
    address_of,
    as_superuser,
    logged_in,
    provisioned,
    sessions_of,
)

pytestmark = [pytest.mark.postgres, pytest.mark.security]

CANARY = "canary-password-7f3a"
HASTY = SessionSettings(connect_timeout_seconds=2)


async def refused(address, login, *, database=None):
    try:
        session = await connect(address, login, database=database, settings=HASTY)
    except AppDBError as err:
        assert CANARY not in f"{err!r} {err.__cause__!r}"
        return err
    await session.close()
    pytest.fail("the login was let in")


async def test_a_wrong_password_is_told_with_the_user_and_the_server(postgres, admin):
    err = await refused(address_of(postgres), Login(username=admin.name, password=CANARY))

    assert isinstance(err, AuthenticationFailed)
    assert admin.name in err.message
    assert f"server main (127.0.0.1:{postgres.server.port})" in err.message
    assert "Secret" in err.message


async def test_an_empty_password_is_an_authentication_matter(postgres18, admin18):
    err = await refused(address_of(postgres18), Login(username=admin18.name, password=""))

    assert isinstance(err, AuthenticationFailed)


async def test_a_port_where_nobody_listens_is_told():
    port = free_port()
    err = await refused(
        ServerAddress(host="127.0.0.1", port=port), Login(username="a", password=CANARY)
    )

    assert isinstance(err, Unreachable)
    assert f"127.0.0.1:{port} refuses connections" in err.message


async def test_a_host_name_that_does_not_resolve_is_told():
    err = await refused(ServerAddress(host="no.such.invalid"), Login(username="a", password="b"))

    assert isinstance(err, Unreachable)
    assert "does not resolve" in err.message


async def test_a_server_that_does_not_answer_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        err = await refused(
            ServerAddress(host="127.0.0.1", port=silent.getsockname()[1], tls_mode="disable"),
            Login(username="a", password=CANARY),
        )

    assert isinstance(err, Unreachable)
    assert "did not answer" in err.message


async def test_a_maintenance_database_that_is_not_there_is_told(postgres18, admin18):
    login = Login(username=admin18.name, password=admin18.password)
    err = await refused(address_of(postgres18), login, database="nowhere")

    assert isinstance(err, Unreachable)
    assert "maintenanceDatabase" in err.message


async def test_a_server_without_tls_is_told_from_one_with_a_wrong_password(postgres18, admin18):
    login = Login(username=admin18.name, password=admin18.password)
    err = await refused(replace(address_of(postgres18), tls_mode="require"), login)

    assert isinstance(err, TLSFailed)
    assert "tls.mode" in err.message


async def test_a_database_at_its_own_limit_does_not_accuse_the_server(postgres18, sessions18):
    wanted = await provisioned(sessions18, a_database(connection_limit=1))
    open_there = f"SELECT FROM pg_stat_activity WHERE datname = '{wanted.name}'"
    # What provisioning has closed may take a moment to go.
    until(lambda: as_superuser(postgres18, "postgres", open_there) == [], say=lambda: open_there)
    async with logged_in(sessions18, wanted.logins[0], wanted.name):
        err = await refused(sessions18.address, wanted.logins[0], database=wanted.name)

    assert isinstance(err, DatabaseFull)
    assert all(word in err.message for word in (wanted.name, "limits.connections"))


async def test_nothing_of_the_environment_reaches_a_session(
    postgres18, admin18, monkeypatch, tmp_path
):
    for name, value in {
        "PGHOST": "no.such.invalid",
        "PGHOSTADDR": "192.0.2.1",
        "PGPORT": "1",
        "PGUSER": "nobody",
        "PGPASSWORD": "wrong",
        "PGDATABASE": "nowhere",
        "PGOPTIONS": "-c search_path=evil",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": str(tmp_path / "ca.pem"),
        "PGREQUIREAUTH": "none",
        "PGSERVICE": "evil",
        "PGSERVICEFILE": str(tmp_path / "service.conf"),
        "PGPASSFILE": str(tmp_path / "pgpass"),
        "PGTARGETSESSIONATTRS": "standby",
        "PGAPPNAME": "evil",
        "HOME": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    login = Login(username=admin18.name, password=admin18.password)

    session = await connect(address_of(postgres18), login, settings=SessionSettings(role="none"))

    row = await session.execute("SELECT current_user::text, current_setting('search_path')")
    assert (admin18.name, "pg_catalog") == await row.fetchone()
    await session.close()
    assert "PGSERVICE" not in os.environ


def test_a_login_never_shows_its_password():
    assert CANARY not in repr(Login(username="shop", password=CANARY))
    assert CANARY not in repr(a_database(logins=(Login(username="shop", password=CANARY),)))


@pytest.mark.parametrize(
    ("attributes", "cure"),
    [
        ("NOCREATEDB CREATEROLE", 'ALTER ROLE "{}" CREATEDB'),
        ("CREATEDB NOCREATEROLE", 'ALTER ROLE "{}" CREATEROLE'),
        ("NOCREATEDB NOCREATEROLE", 'ALTER ROLE "{}" CREATEDB CREATEROLE'),
    ],
)
async def test_a_missing_right_comes_with_the_statement_that_gives_it(postgres, attributes, cure):
    admin = postgres.create_admin(unique_name("admin"))
    as_superuser(postgres, "postgres", f'ALTER ROLE "{admin.name}" {attributes}')
    sessions = sessions_of(postgres, admin)
    async with sessions.maintenance() as session:
        facts = await read_server(session)
        with pytest.raises(InsufficientPrivilege, match="run as a superuser") as refused_with:
            require_usable(facts, session)

    assert cure.format(admin.name) in refused_with.value.message
    as_superuser(postgres, "postgres", cure.format(admin.name))
    async with sessions.maintenance() as session:
        assert missing_privilege(await read_server(session)) is None
    await provisioned(sessions, a_database())
    await sessions.aclose()


async def test_what_a_server_is_can_be_read(postgres, sessions):
    await provisioned(sessions, a_database())
    async with sessions.maintenance() as session:
        facts = await read_server(session)
        trust = await read_trust(session, ["plpgsql", "not_there"])

    assert facts.version.startswith(f"{postgres.server.version}.")
    assert ("createdb", "createrole") == facts.capabilities
    assert facts.databases >= 1
    assert {"plpgsql": True} == trust
    (identity,) = as_superuser(
        postgres, "postgres", "SELECT system_identifier::text FROM pg_control_system()"
    )[0]
    assert identity == facts.system_identifier


async def test_an_extension_that_the_server_does_not_allow_is_refused(sessions18):
    with pytest.raises(ExtensionNotAllowed, match="allowedExtensions"):
        await ensure_database(sessions18, a_database(extensions=("vector",)))


async def test_an_extension_that_is_not_installed_there_is_told(sessions18):
    wanted = a_database(extensions=("no_such",), allowed_extensions=("no_such",))
    with pytest.raises(ExtensionNotAllowed, match="not available"):
        await ensure_database(sessions18, wanted)


async def test_a_trusted_extension_is_installed_and_usable(postgres15):
    sessions = sessions_of(postgres15, postgres15.create_admin(unique_name("admin")))
    wanted = a_database(extensions=("citext",), allowed_extensions=("citext", "hstore"))
    await ensure_database(sessions, wanted)
    more = replace(wanted, extensions=("citext", "hstore"))

    async with app_session(sessions, more) as session:
        await session.execute("CREATE TABLE public.t (x public.citext, y public.hstore)")
    async with logged_in(sessions, wanted.logins[0], wanted.name) as client:
        await client.execute("CREATE TABLE u (x citext)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await client.execute("DROP EXTENSION citext")
    await sessions.aclose()


async def test_a_superuser_installs_what_is_not_trusted(root18):
    wanted = a_database(extensions=("vector",), allowed_extensions=("vector",))
    await ensure_database(root18, wanted)

    async with logged_in(root18, wanted.logins[0], wanted.name) as client:
        await client.execute("CREATE TABLE t (x vector(3))")


async def test_an_untrusted_extension_needs_a_superuser(postgres15):
    sessions = sessions_of(postgres15, postgres15.create_admin(unique_name("admin")))
    name = "pageinspect"
    wanted = a_database(extensions=(name,), allowed_extensions=(name,))

    with pytest.raises(InsufficientPrivilege, match=f'CREATE EXTENSION "{name}"'):
        await ensure_database(sessions, wanted)
    as_superuser(postgres15, wanted.name, f"CREATE EXTENSION {name}")
    async with app_session(sessions, wanted) as session:
        await session.execute("SELECT 1")
    await sessions.aclose()


async def test_a_login_that_cannot_make_tables_is_not_ready(postgres18, sessions18):
    wanted = await provisioned(sessions18, a_database())
    as_superuser(postgres18, wanted.name, "ALTER SCHEMA public OWNER TO CURRENT_USER")
    as_superuser(postgres18, wanted.name, f'REVOKE ALL ON SCHEMA public FROM "{wanted.roles.app}"')

    with pytest.raises(LoginFailed, match="cannot make a table"):
        async with proven_login(
            sessions18, wanted.logins[0], wanted.name, app_role=wanted.roles.app
        ):
            pass

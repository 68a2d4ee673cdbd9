"""The same road on managed servers, where the admin is no superuser and much is reserved."""

from dataclasses import replace

import psycopg
import pytest

from appdb.errors import ExtensionNotAllowed, SessionsOpen
from appdb.local.postgres import EmbeddedPostgres
from appdb.postgres.connect import Login
from appdb.postgres.deprovision import delete_database
from appdb.postgres.provision import app_session, ensure_access, ensure_database, ensure_passwords
from appdb.postgres.server import missing_privilege, read_server
from appdb.postgres.wanted import AccessRole
from support.canary import watched_postgres
from support.clouds import CLOUDS, cloud_admin
from support.sandbox import unique_name
from support.tenants import (
    a_database,
    as_superuser,
    catalog_row,
    logged_in,
    pending,
    provisioned,
    roles_of,
    sessions_of,
    with_access,
)

pytestmark = [pytest.mark.postgres, pytest.mark.security]


VERSIONS = [18, *(pytest.param(version, marks=pytest.mark.slow) for version in (16, 15))]


@pytest.fixture(scope="module", params=VERSIONS, ids="pg{}".format)
def managed(request, tmp_path_factory):
    """A server of its own: some rights are taken from everybody."""
    request.getfixturevalue(f"postgres{request.param}")  # skips what is not installed
    home = tmp_path_factory.mktemp(f"cloud{request.param}")
    with watched_postgres(home, request.param) as postgres:
        yield postgres


@pytest.fixture(params=CLOUDS, ids=lambda cloud: cloud.name)
async def cloud_sessions(request, managed):
    opened = sessions_of(managed, cloud_admin(managed, request.param))
    yield opened
    await opened.aclose()


async def test_a_whole_life_on_a_managed_server(managed: EmbeddedPostgres, cloud_sessions):
    sessions = cloud_sessions
    async with sessions.maintenance() as session:
        facts = await read_server(session)
    assert not facts.is_superuser
    assert missing_privilege(facts) is None

    wanted = await provisioned(sessions, with_access(a_database(), bi=AccessRole.READER))
    async with app_session(sessions, wanted) as session:
        await session.execute("CREATE TABLE public.orders (id int)")
    await ensure_access(sessions, wanted)
    turned = replace(wanted, logins=(Login(username=wanted.roles.login, password="another"),))
    await ensure_passwords(sessions, turned)
    assert [] == await pending(sessions, turned)
    async with logged_in(sessions, turned.logins[0], wanted.name) as client:
        await client.execute("INSERT INTO orders VALUES (1)")
        assert (await delete_database(sessions, turned)).database

    assert {} == catalog_row(managed, wanted.name)
    assert [] == roles_of(managed, wanted.name)


async def test_the_admin_keeps_no_way_into_the_apps_roles(managed, cloud_sessions):
    """On RDS a membership of a role with rds_iam would lock the admin itself out."""
    wanted = await provisioned(cloud_sessions, a_database())

    held = as_superuser(
        managed,
        "postgres",
        "SELECT roleid::regrole FROM pg_auth_members m"
        f" WHERE starts_with(roleid::regrole::text, '{wanted.name}')"
        f" AND member = '{cloud_sessions.login.username}'::regrole"
        " AND coalesce(to_jsonb(m) ->> 'set_option', 'true') = 'true'",
    )

    assert [] == held


async def test_a_session_of_another_role_is_named_with_the_grant_that_ends_it(managed):
    sessions = sessions_of(managed, managed.create_admin(unique_name("admin")))
    wanted = await provisioned(sessions, a_database())
    guest = unique_name("guest")
    as_superuser(
        managed,
        "postgres",
        f"CREATE ROLE {guest} LOGIN PASSWORD 'guest'",
        f'GRANT CONNECT ON DATABASE "{wanted.name}" TO {guest}',
    )
    login = Login(username=guest, password="guest")
    async with logged_in(sessions, login, wanted.name) as client:
        with pytest.raises(SessionsOpen, match=rf"role {guest}.*GRANT pg_signal_backend"):
            await delete_database(sessions, wanted)
        cure = f'GRANT pg_signal_backend TO "{sessions.login.username}"'
        as_superuser(managed, "postgres", cure)
        assert (await delete_database(sessions, wanted)).database
        with pytest.raises(psycopg.OperationalError):
            await client.execute("SELECT 1")
    as_superuser(managed, "postgres", f"DROP ROLE {guest}")
    await sessions.aclose()


async def test_an_extension_that_the_provider_does_not_list_is_told(postgres15):
    """Azure refuses by azure.extensions, RDS by rds.allowed_extensions."""
    sessions = sessions_of(postgres15, postgres15.create_admin(unique_name("admin")))
    wanted = await provisioned(sessions, a_database(allowed_extensions=("hstore",)))
    as_superuser(
        postgres15,
        wanted.name,
        "CREATE FUNCTION pg_catalog.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE 'extension is not allow-listed for users' USING ERRCODE = '0A000'; END $$",
        "CREATE EVENT TRIGGER listed ON ddl_command_start WHEN TAG IN ('CREATE EXTENSION')"
        " EXECUTE FUNCTION pg_catalog.refuse()",
    )

    with pytest.raises(ExtensionNotAllowed, match=r"hstore.*not allow-listed.*azure\.extensions"):
        async with app_session(sessions, replace(wanted, extensions=("hstore",))):
            pass
    await sessions.aclose()


async def test_a_missing_right_stops_before_anything_is_made(managed):
    admin = managed.create_admin(unique_name("admin"))
    as_superuser(managed, "postgres", f'ALTER ROLE "{admin.name}" NOCREATEROLE')
    sessions = sessions_of(managed, admin)
    wanted = a_database()
    async with sessions.maintenance() as session:
        cure = missing_privilege(await read_server(session))

    assert f'ALTER ROLE "{admin.name}" CREATEROLE' == cure
    as_superuser(managed, "postgres", str(cure))
    await ensure_database(sessions, wanted)
    await sessions.aclose()

"""Taking a database away: everything of ours, nothing of others, and what stands in the way."""

from contextlib import ExitStack, closing
from dataclasses import replace

import psycopg
import pytest

from appdb.errors import InsufficientPrivilege, ObjectsRemain, SessionsOpen
from appdb.local.postgres import EmbeddedPostgres
from appdb.postgres.connect import Login
from appdb.postgres.deprovision import Deletion, Door, delete_database, open_door
from appdb.postgres.provision import ensure_database
from appdb.postgres.wanted import AccessRole
from support.sandbox import unique_name
from support.team import until
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


async def test_a_database_goes_with_all_its_roles(postgres, sessions):
    wanted = await provisioned(sessions, with_access(a_database(), report=AccessRole.READER))
    second = Login(username=wanted.roles.login_b, password="b")
    await ensure_database(sessions, replace(wanted, logins=(*wanted.logins, second)))

    done = await delete_database(sessions, wanted)

    assert (Deletion.DELETED, True) == (done.deletion, done.database)
    assert {} == catalog_row(postgres, wanted.name)
    assert [] == roles_of(postgres, wanted.name)


async def test_deleting_again_finds_nothing(sessions):
    wanted = await provisioned(sessions, a_database())
    await delete_database(sessions, wanted)

    assert Deletion.NOTHING_THERE is (await delete_database(sessions, wanted)).deletion


async def test_names_alone_are_enough_to_delete(postgres, sessions):
    """The Secret may be gone first; a deletion never needs a password."""
    wanted = await provisioned(sessions, a_database())

    await delete_database(sessions, replace(wanted, logins=(), access=()))

    assert [] == roles_of(postgres, wanted.name)


async def test_open_sessions_of_the_app_are_ended(postgres, sessions):
    wanted = await provisioned(sessions, a_database())
    async with logged_in(sessions, wanted.logins[0], wanted.name) as client:
        await client.execute("BEGIN; CREATE TABLE t (id int)")
        await delete_database(sessions, wanted)
        with pytest.raises(psycopg.OperationalError):
            await client.execute("SELECT 1")

    assert {} == catalog_row(postgres, wanted.name)


async def test_a_session_that_may_not_be_ended_is_named_and_the_door_stays_shut(postgres, sessions):
    wanted = await provisioned(sessions, a_database())
    with psycopg.connect(
        postgres.server.dsn(wanted.name), autocommit=True, application_name="dba-shell"
    ) as dba:
        pid = dba.info.backend_pid
        with pytest.raises(SessionsOpen, match=f"pid {pid}.*role postgres.*dba-shell"):
            await delete_database(sessions, wanted)
        assert catalog_row(postgres, wanted.name)["datallowconn"] is False

    await delete_database(sessions, wanted)
    assert {} == catalog_row(postgres, wanted.name)


async def test_a_deletion_that_is_taken_back_opens_the_door_again(postgres, sessions):
    wanted = await provisioned(sessions, a_database())
    with psycopg.connect(postgres.server.dsn(wanted.name)), pytest.raises(SessionsOpen):
        await delete_database(sessions, wanted)

    await ensure_database(sessions, wanted)

    assert [] == await pending(sessions, wanted)


async def test_what_is_gone_already_is_not_missed(postgres, sessions):
    wanted = await provisioned(sessions, a_database())
    as_superuser(
        postgres,
        "postgres",
        f'DROP DATABASE "{wanted.name}"',
        f'DROP ROLE "{wanted.roles.login}"',
        f'DROP ROLE "{wanted.roles.app}"',
    )

    await delete_database(sessions, wanted)

    assert [] == roles_of(postgres, wanted.name)


async def test_an_interrupted_drop_is_finished(postgres, sessions):
    wanted = await provisioned(sessions, a_database())
    as_superuser(
        postgres,
        "postgres",
        f"UPDATE pg_database SET datconnlimit = -2 WHERE datname = '{wanted.name}'",
    )

    await delete_database(sessions, wanted)

    assert {} == catalog_row(postgres, wanted.name)


async def test_a_new_object_gets_a_new_database_for_one_that_was_half_dropped(postgres, sessions):
    wanted = await provisioned(sessions, a_database())
    as_superuser(
        postgres,
        "postgres",
        f"UPDATE pg_database SET datconnlimit = -2 WHERE datname = '{wanted.name}'",
    )

    await ensure_database(sessions, wanted)

    assert [] == await pending(sessions, wanted)


async def test_rights_that_a_neighbour_planted_do_not_hold_a_role(postgres, sessions):
    """pg_shdepend: a GRANT in any database keeps the role it names from being dropped."""
    wanted = await provisioned(sessions, a_database())
    neighbour = await provisioned(sessions, a_database())
    async with logged_in(sessions, neighbour.logins[0], neighbour.name) as client:
        for statement in (
            "CREATE TABLE bait (id int)",
            f'GRANT ALL ON bait TO "{wanted.roles.app}", "{wanted.roles.login}"',
            f'GRANT SELECT (id) ON bait TO "{wanted.roles.owner}"',
            f'ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO "{wanted.roles.app}"',
            "ALTER TABLE bait ENABLE ROW LEVEL SECURITY",
            f'CREATE POLICY mine ON bait TO "{wanted.roles.app}" USING (true)',
        ):
            await client.execute(statement.encode())

    await delete_database(sessions, wanted)

    assert [] == roles_of(postgres, wanted.name)
    assert [] == await pending(sessions, neighbour)


async def test_what_a_role_owns_elsewhere_is_named_and_kept(postgres, sessions):
    wanted = await provisioned(sessions, a_database())
    elsewhere = unique_name("reports")
    as_superuser(postgres, "postgres", f"CREATE DATABASE {elsewhere}")
    as_superuser(
        postgres,
        elsewhere,
        "CREATE TABLE precious (id int)",
        f'ALTER TABLE precious OWNER TO "{wanted.roles.app}"',
    )

    with pytest.raises(ObjectsRemain, match=f"{wanted.roles.app} owns objects in.*{elsewhere}"):
        await delete_database(sessions, wanted)

    as_superuser(postgres, elsewhere, f'REASSIGN OWNED BY "{wanted.roles.app}" TO CURRENT_USER')
    await delete_database(sessions, wanted)
    assert [] == roles_of(postgres, wanted.name)


async def test_rights_in_a_database_that_is_not_ours_are_named(postgres, sessions):
    wanted = await provisioned(sessions, a_database())
    elsewhere = unique_name("reports")
    as_superuser(postgres, "postgres", f"CREATE DATABASE {elsewhere}")
    as_superuser(
        postgres,
        elsewhere,
        "CREATE TABLE t (id int)",
        f'GRANT SELECT ON t TO "{wanted.roles.app}"',
    )

    with pytest.raises(ObjectsRemain, match=f"DROP OWNED BY .{wanted.roles.app}") as blocked:
        await delete_database(sessions, wanted)

    assert elsewhere in blocked.value.message
    as_superuser(postgres, elsewhere, blocked.value.message.rpartition("owner: ")[2])
    await delete_database(sessions, wanted)
    assert [] == roles_of(postgres, wanted.name)


async def test_rights_on_a_foreign_database_are_named_with_their_cure(postgres, sessions):
    wanted = await provisioned(sessions, a_database())
    elsewhere = unique_name("reports")
    as_superuser(
        postgres,
        "postgres",
        f"CREATE DATABASE {elsewhere}",
        f'GRANT CONNECT ON DATABASE {elsewhere} TO "{wanted.roles.app}"',
    )

    with pytest.raises(ObjectsRemain, match="REVOKE ALL ON DATABASE") as blocked:
        await delete_database(sessions, wanted)

    as_superuser(postgres, "postgres", blocked.value.message.rpartition("owner: ")[2])
    await delete_database(sessions, wanted)
    assert [] == roles_of(postgres, wanted.name)


async def test_a_superuser_as_admin_deletes_over_other_superusers_sessions(postgres18, root18):
    wanted = await provisioned(root18, a_database())
    with psycopg.connect(postgres18.server.dsn(wanted.name)):
        await delete_database(root18, wanted)

    assert {} == catalog_row(postgres18, wanted.name)


async def test_a_worker_of_autovacuum_does_not_stand_in_the_way(tmp_path):
    settings = {"autovacuum_naptime": "1s", "autovacuum_vacuum_cost_delay": "100ms"}
    with EmbeddedPostgres(tmp_path / "pg", 18, settings=settings) as postgres:
        sessions = sessions_of(postgres, postgres.create_admin())
        wanted = await provisioned(sessions, a_database())
        rows = "SELECT i, repeat('x', 200) AS t FROM generate_series(1, 200000) i"
        as_superuser(postgres, wanted.name, f"CREATE TABLE big AS {rows}")
        as_superuser(postgres, wanted.name, "DELETE FROM big WHERE i % 2 = 0")
        at_work = (
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'"
            f" AND datname = '{wanted.name}'"
        )
        until(lambda: as_superuser(postgres, "postgres", at_work) == [(1,)], say=lambda: at_work)

        await delete_database(sessions, wanted)

        assert {} == catalog_row(postgres, wanted.name)
        await sessions.aclose()


async def test_a_prepared_transaction_in_the_way_is_named_while_one_can_still_enter(tmp_path):
    settings = {"max_prepared_transactions": "5"}
    with EmbeddedPostgres(tmp_path / "pg", 18, settings=settings) as postgres:
        sessions = sessions_of(postgres, postgres.create_admin())
        wanted = await provisioned(sessions, a_database())
        async with logged_in(sessions, wanted.logins[0], wanted.name) as client:
            await client.execute("BEGIN")
            await client.execute("CREATE TABLE t (id int)")
            await client.execute("PREPARE TRANSACTION 'half'")

        with pytest.raises(SessionsOpen, match="prepared transaction half"):
            await delete_database(sessions, wanted)

        as_superuser(postgres, wanted.name, "ROLLBACK PREPARED 'half'")
        await delete_database(sessions, wanted)
        assert {} == catalog_row(postgres, wanted.name)
        await sessions.aclose()


async def test_an_admin_that_may_not_delete_is_told_what_it_lacks(postgres16):
    first = sessions_of(postgres16, postgres16.create_admin(unique_name("admin")))
    second = sessions_of(postgres16, postgres16.create_admin(unique_name("admin")))
    wanted = await provisioned(first, a_database())

    with pytest.raises(InsufficientPrivilege, match=r'GRANT "admin\w+" TO "admin') as refused:
        await delete_database(second, wanted)

    as_superuser(postgres16, "postgres", refused.value.message.rpartition("superuser: ")[2])
    await delete_database(second, wanted)
    assert [] == roles_of(postgres16, wanted.name)
    await first.aclose()
    await second.aclose()


async def test_many_sessions_leave_room_for_what_to_do(postgres18, sessions18):
    wanted = await provisioned(sessions18, a_database())
    name = "a-rather-long-name-of-an-application-that-reports-at-night"
    with ExitStack() as stack:
        for _ in range(8):
            dsn = postgres18.server.dsn(wanted.name)
            stack.enter_context(closing(psycopg.connect(dsn, application_name=name)))
        with pytest.raises(SessionsOpen, match=r"and \d more; .* GRANT pg_signal_backend"):
            await delete_database(sessions18, wanted)


async def test_a_subscription_is_named_while_one_can_still_enter(postgres18, sessions18):
    wanted = await provisioned(sessions18, a_database())
    as_superuser(
        postgres18,
        wanted.name,
        "CREATE SUBSCRIPTION feed CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p"
        " WITH (connect = false, slot_name = NONE, enabled = false)",
    )

    with pytest.raises(SessionsOpen, match=r"subscription feed \(DROP SUBSCRIPTION feed\)"):
        await delete_database(sessions18, wanted)

    as_superuser(postgres18, wanted.name, "DROP SUBSCRIPTION feed")
    await delete_database(sessions18, wanted)
    assert {} == catalog_row(postgres18, wanted.name)


async def test_a_database_given_away_is_told_with_the_statement_that_gives_it_back(
    postgres18, sessions18
):
    wanted = await provisioned(sessions18, a_database())
    as_superuser(postgres18, "postgres", f'ALTER DATABASE "{wanted.name}" OWNER TO postgres')

    with pytest.raises(InsufficientPrivilege, match="ALTER DATABASE"):
        await ensure_database(sessions18, wanted)
    with pytest.raises(InsufficientPrivilege, match="belongs to role postgres") as blocked:
        await delete_database(sessions18, wanted)

    assert catalog_row(postgres18, wanted.name)["datallowconn"]
    as_superuser(postgres18, "postgres", blocked.value.message.rpartition("superuser: ")[2])
    await delete_database(sessions18, wanted)
    assert [] == roles_of(postgres18, wanted.name)


async def test_a_template_is_told_with_its_cure(postgres18, sessions18):
    wanted = await provisioned(sessions18, a_database())
    as_superuser(postgres18, "postgres", f'ALTER DATABASE "{wanted.name}" IS_TEMPLATE true')

    with pytest.raises(ObjectsRemain, match="IS_TEMPLATE false") as blocked:
        await delete_database(sessions18, wanted)

    as_superuser(postgres18, "postgres", blocked.value.message.rpartition("owner: ")[2])
    await delete_database(sessions18, wanted)
    assert {} == catalog_row(postgres18, wanted.name)


async def test_rights_on_a_parameter_are_named_with_their_cure(postgres18, sessions18):
    wanted = await provisioned(sessions18, a_database())
    grant = f'GRANT SET ON PARAMETER log_statement TO "{wanted.roles.app}"'
    as_superuser(postgres18, "postgres", grant)

    with pytest.raises(ObjectsRemain, match="REVOKE ALL ON PARAMETER") as blocked:
        await delete_database(sessions18, wanted)

    as_superuser(postgres18, "postgres", blocked.value.message.rpartition("superuser: ")[2])
    await delete_database(sessions18, wanted)
    assert [] == roles_of(postgres18, wanted.name)


async def test_memberships_that_a_role_handed_on_do_not_hold_it(postgres18, sessions18):
    wanted, group = await provisioned(sessions18, a_database()), unique_name("grp")
    as_superuser(
        postgres18,
        "postgres",
        f"CREATE ROLE {group}",
        f"CREATE ROLE {group}_member",
        f'GRANT {group} TO "{wanted.roles.app}" WITH ADMIN OPTION',
    )
    async with logged_in(sessions18, wanted.logins[0], wanted.name) as client:
        await client.execute(f"GRANT {group} TO {group}_member".encode())

    await delete_database(sessions18, wanted)

    assert [] == roles_of(postgres18, wanted.name)


async def test_a_role_without_its_claim_is_left_and_told(postgres18, sessions18):
    wanted = await provisioned(sessions18, a_database())
    as_superuser(postgres18, "postgres", f'COMMENT ON ROLE "{wanted.roles.app}" IS NULL')

    done = await delete_database(sessions18, wanted)

    assert (wanted.roles.app,) == done.left
    assert [wanted.roles.app] == roles_of(postgres18, wanted.name)


async def test_a_door_that_a_drop_closed_opens_again(postgres18, sessions18):
    wanted = await provisioned(sessions18, a_database())
    with psycopg.connect(postgres18.server.dsn(wanted.name)), pytest.raises(SessionsOpen):
        await delete_database(sessions18, wanted)

    assert Door.OPEN is await open_door(sessions18, wanted)

    assert [] == await pending(sessions18, wanted)
    await delete_database(sessions18, wanted)
    assert Door.GONE is await open_door(sessions18, wanted)

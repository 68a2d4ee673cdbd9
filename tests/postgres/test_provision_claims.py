"""Whose a database is: conflicts, retained databases, other clusters, adoption."""

from dataclasses import replace

import psycopg
import pytest

from appdb.errors import (
    AdoptionRequired,
    DDLFailed,
    InsufficientPrivilege,
    LockTimeout,
    NameConflict,
)
from appdb.model.claim import Part, parse_claim
from appdb.postgres.connect import Login
from appdb.postgres.deprovision import Deletion, delete_database
from appdb.postgres.provision import Outcome, app_session, ensure_database
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
    sessions_of,
)

pytestmark = [pytest.mark.postgres, pytest.mark.security]

COMMENT = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{}'"


def claim_of(postgres, name):
    return parse_claim(as_superuser(postgres, "postgres", COMMENT.format(name))[0][0])


async def test_the_database_says_whose_it_is(postgres18, sessions18):
    wanted = await provisioned(sessions18, a_database())

    assert wanted.claim(Part.DATABASE) == claim_of(postgres18, wanted.name)


OTHERS = {
    "another namespace": {"namespace": "team-b"},
    "another name": {"name": "blog"},
    "another cluster": {"cluster": "99999999-0000-0000-0000-000000000000"},
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
async def test_a_name_that_is_taken_is_refused_and_its_owner_loses_nothing(sessions18, change):
    winner = await provisioned(sessions18, a_database())
    loser = replace(winner, claimant=replace(winner.claimant, **change), may_adopt=True)

    with pytest.raises(NameConflict, match="belongs to AppDatabase team-a/"):
        await ensure_database(sessions18, loser)
    assert Deletion.NOT_OURS is (await delete_database(sessions18, loser)).deletion

    assert [] == await pending(sessions18, winner)


async def test_an_object_that_is_made_again_takes_its_database_back(postgres18, sessions18):
    wanted = await provisioned(sessions18, a_database())
    async with app_session(sessions18, wanted) as session:
        await session.execute("CREATE TABLE public.kept AS SELECT 42 AS answer")
    login = Login(username=wanted.roles.login, password="another-password")
    again = replace(wanted, claimant=replace(wanted.claimant, uid="uid-2"), logins=(login,))

    done = await ensure_database(sessions18, again)

    assert Outcome.KEPT is done.outcome
    assert "uid-2" == claim_of(postgres18, wanted.name).claimant.uid
    async with app_session(sessions18, again) as session:
        rows = await session.execute("SELECT answer FROM public.kept")
        assert [(42,)] == await rows.fetchall()


async def test_a_cluster_may_take_over_from_one_that_is_named(postgres18, sessions18):
    lost = "99999999-0000-0000-0000-000000000000"
    old = await provisioned(sessions18, a_database())
    old = replace(old, claimant=replace(old.claimant, cluster=lost))
    as_superuser(postgres18, "postgres", f'DROP DATABASE "{old.name}"')
    as_superuser(
        postgres18, "postgres", *(f'DROP ROLE "{role}"' for role in roles_of(postgres18, old.name))
    )
    await ensure_database(sessions18, old)
    new = replace(old, claimant=a_claimant(old.claimant.name))

    with pytest.raises(NameConflict, match="acceptClaimsOf"):
        await ensure_database(sessions18, new)
    accepting = replace(new, accepted_clusters=frozenset({lost}))
    await ensure_database(sessions18, accepting)

    assert [] == await pending(sessions18, new)


ROLES = ["owner", "app", "user"]


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_that_somebody_made_is_a_conflict(postgres18, sessions18, role):
    wanted = a_database()
    as_superuser(postgres18, "postgres", f'CREATE ROLE "{wanted.name}_{role}"')

    with pytest.raises(NameConflict, match=f"role {wanted.name}_{role} exists already"):
        await ensure_database(sessions18, wanted)

    assert {} == catalog_row(postgres18, wanted.name)
    assert [f"{wanted.name}_{role}"] == roles_of(postgres18, wanted.name)


async def test_a_role_of_another_database_is_a_conflict(sessions18):
    """Database `x`, access login `y_app`, and database `x_y` want one role."""
    first = await provisioned(sessions18, a_database())
    second = a_database(f"{first.name}_y")
    clash = replace(first.roles, login=second.roles.app)
    taking = replace(first, roles=clash, logins=(Login(username=clash.login, password="x"),))
    await ensure_database(sessions18, taking)

    with pytest.raises(NameConflict, match=rf"role {second.roles.app} belongs to"):
        await ensure_database(sessions18, second)


async def test_a_comment_that_is_not_a_claim_stops_everything(postgres18, sessions18):
    wanted = await provisioned(sessions18, a_database())
    as_superuser(postgres18, "postgres", f"COMMENT ON DATABASE \"{wanted.name}\" IS 'keep'")

    with pytest.raises(NameConflict, match="COMMENT ON DATABASE"):
        await ensure_database(sessions18, wanted)


def made_by_hand(postgres, name):
    """A database as people leave it: an owner, a second user, objects of many kinds."""
    as_superuser(
        postgres,
        "postgres",
        f"CREATE ROLE {name}_dba LOGIN PASSWORD 'dba'",
        f"CREATE ROLE {name}_clerk LOGIN PASSWORD 'clerk'",
        f"CREATE DATABASE {name} OWNER {name}_dba TEMPLATE template0",
    )
    as_superuser(
        postgres,
        name,
        f"GRANT CREATE ON SCHEMA public TO {name}_clerk",
        f"SET ROLE {name}_dba",
        "CREATE TYPE mood AS ENUM ('good', 'bad')",
        "CREATE DOMAIN amount AS int CHECK (value > 0)",
        "CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY, n serial, mood mood)",
        "INSERT INTO orders (mood) VALUES ('good'), ('bad')",
        "CREATE VIEW latest AS SELECT * FROM orders",
        "CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM orders",
        "CREATE SEQUENCE free_standing",
        "CREATE FUNCTION f(a int, b text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE PROCEDURE p() LANGUAGE sql AS ''",
        "CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int)",
        "CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl)",
        'CREATE SCHEMA "Old Stuff"',
        'CREATE TABLE "Old Stuff"."We ""ird" (id int)',
        "CREATE TABLE parts (id int) PARTITION BY RANGE (id)",
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)",
        "CREATE STATISTICS st ON id, n FROM orders",
        f"SET ROLE {name}_clerk",
        "CREATE TABLE notes (id int)",
    )


async def test_a_database_of_nobodys_is_not_touched_without_leave(postgres, sessions):
    wanted = a_database(unique_name("legacy"))
    made_by_hand(postgres, wanted.name)

    with pytest.raises(AdoptionRequired, match=r"adopt: IfUnclaimed.*allowAdoption"):
        await ensure_database(sessions, wanted)

    assert f"{wanted.name}_dba" == catalog_row(postgres, wanted.name)["owner"]
    assert wanted.roles.owner not in roles_of(postgres, wanted.name)
    assert Deletion.NOT_OURS is (await delete_database(sessions, wanted)).deletion


def let_the_admin_act_for(postgres, sessions, name):
    """What the message of a refused adoption asks for; 15 needs nothing."""
    for role in (f"{name}_dba", f"{name}_clerk"):
        as_superuser(postgres, "postgres", f'GRANT "{role}" TO "{sessions.login.username}"')


async def test_an_adopted_database_changes_hands_with_everything_in_it(postgres, sessions):
    wanted = a_database(unique_name("legacy"), may_adopt=True)
    made_by_hand(postgres, wanted.name)
    let_the_admin_act_for(postgres, sessions, wanted.name)

    done = await ensure_database(sessions, wanted)

    assert Outcome.ADOPTED is done.outcome
    assert [] == await pending(sessions, wanted)
    assert wanted.roles.owner == catalog_row(postgres, wanted.name)["owner"]
    strangers = as_superuser(
        postgres,
        wanted.name,
        "SELECT relname FROM pg_class WHERE relnamespace IN ('public'::regnamespace,"
        f" '\"Old Stuff\"'::regnamespace) AND relowner <> '{wanted.roles.app}'::regrole",
    )
    assert [] == strangers
    async with logged_in(sessions, wanted.logins[0], wanted.name) as client:
        rows = await client.execute("SELECT count(*) FROM orders")
        assert [(2,)] == await rows.fetchall()
        await client.execute("ALTER TABLE notes ADD COLUMN x int")
        await client.execute('DROP TABLE "Old Stuff"."We ""ird"')


async def test_those_who_worked_with_an_adopted_database_work_on(postgres, sessions):
    wanted = a_database(unique_name("legacy"), may_adopt=True)
    made_by_hand(postgres, wanted.name)
    let_the_admin_act_for(postgres, sessions, wanted.name)
    await ensure_database(sessions, wanted)

    old = Login(username=f"{wanted.name}_dba", password="dba")
    async with logged_in(sessions, old, wanted.name) as client:
        await client.execute("INSERT INTO orders (mood) VALUES ('bad')")
        await client.execute("ALTER TABLE orders ADD COLUMN more int")


async def test_an_admin_that_cannot_reach_an_owner_is_told_what_to_run(postgres18, sessions18):
    wanted = a_database(unique_name("legacy"), may_adopt=True)
    made_by_hand(postgres18, wanted.name)

    with pytest.raises(InsufficientPrivilege, match=r'GRANT ".*" TO "admin'):
        await ensure_database(sessions18, wanted)

    assert f"{wanted.name}_dba" == catalog_row(postgres18, wanted.name)["owner"]


async def test_a_superuser_adopts_what_the_superuser_owns(postgres18, root18):
    wanted = a_database(unique_name("legacy"), may_adopt=True)
    as_superuser(postgres18, "postgres", f"CREATE DATABASE {wanted.name} TEMPLATE template0")
    as_superuser(postgres18, wanted.name, "CREATE TABLE t (id int)", "CREATE TYPE e AS ENUM ()")

    await ensure_database(root18, wanted)

    async with logged_in(root18, wanted.logins[0], wanted.name) as client:
        await client.execute("ALTER TABLE t ADD COLUMN x e")


async def test_another_admin_of_the_server_is_told_what_it_lacks(postgres, sessions, request):
    """From 16 on an admin may not administer the roles that its predecessor made."""
    wanted = await provisioned(sessions, a_database())
    successor = sessions_of(postgres, postgres.create_admin(unique_name("admin")))
    changed = replace(wanted, statement_timeout_ms=1234)

    if postgres.server.version < 16:
        await ensure_database(successor, changed)
    else:
        with pytest.raises(InsufficientPrivilege, match=r'GRANT "admin\w+" TO "admin') as refused:
            await ensure_database(successor, changed)
        as_superuser(postgres, "postgres", str(refused.value).rpartition("superuser: ")[2])
        await ensure_database(successor, changed)
    assert [] == await pending(successor, changed)
    await successor.aclose()


async def test_an_adoption_that_fails_half_way_leaves_everything_with_its_owner(postgres18, root18):
    wanted = a_database(unique_name("legacy"), may_adopt=True)
    made_by_hand(postgres18, wanted.name)
    as_superuser(
        postgres18,
        wanted.name,
        "CREATE FUNCTION pg_catalog.stop() RETURNS event_trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE 'not this one'; END $$",
        "CREATE EVENT TRIGGER stop ON ddl_command_start WHEN TAG IN ('ALTER VIEW')"
        " EXECUTE FUNCTION pg_catalog.stop()",
    )

    with pytest.raises(DDLFailed, match="not this one"):
        await ensure_database(root18, wanted)

    owners = "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relname IN"
    assert [(f"{wanted.name}_dba",)] == as_superuser(
        postgres18, wanted.name, f"{owners} ('orders', 'latest', 'free_standing')"
    )
    assert f"{wanted.name}_dba" == catalog_row(postgres18, wanted.name)["owner"]
    assert [(2,)] == as_superuser(postgres18, wanted.name, "SELECT count(*) FROM orders")
    as_superuser(postgres18, wanted.name, "DROP EVENT TRIGGER stop")
    await ensure_database(root18, wanted)
    assert [] == await pending(root18, wanted)


OPERATORS = {"the maintenance database": "postgres", "the scratch database": "_appdb_scratch"}


@pytest.mark.parametrize("name", OPERATORS.values(), ids=OPERATORS)
async def test_no_tenant_gets_a_database_in_which_the_operator_works(postgres18, root18, name):
    """With a superuser as the admin, and adoption allowed: the most that there is to win."""
    with pytest.raises(NameConflict, match="where the operator itself works"):
        await ensure_database(root18, a_database(name, may_adopt=True))

    assert [] == roles_of(postgres18, name)


@pytest.mark.parametrize("role", ["owner", "app", "user"])
async def test_a_role_that_lost_its_claim_is_told_with_the_comment_that_gives_it_back(
    postgres18, sessions18, role
):
    wanted = await provisioned(sessions18, a_database())
    as_superuser(postgres18, "postgres", f'COMMENT ON ROLE "{wanted.name}_{role}" IS NULL')

    with pytest.raises(NameConflict, match="lost its claim") as told:
        await ensure_database(sessions18, wanted)

    as_superuser(postgres18, "postgres", told.value.message.rpartition("run: ")[2])
    await ensure_database(sessions18, wanted)
    assert [] == await pending(sessions18, wanted)


async def test_a_database_with_a_publication_is_adopted(postgres18, sessions18):
    wanted = a_database(unique_name("legacy"), may_adopt=True)
    made_by_hand(postgres18, wanted.name)
    let_the_admin_act_for(postgres18, sessions18, wanted.name)
    publish = "CREATE PUBLICATION news FOR TABLE orders"
    dba = f'"{wanted.name}_dba"'
    as_superuser(postgres18, wanted.name, publish, f"ALTER PUBLICATION news OWNER TO {dba}")

    await ensure_database(sessions18, wanted)

    owner = "SELECT pubowner::regrole::text FROM pg_publication"
    assert [(wanted.roles.app,)] == as_superuser(postgres18, wanted.name, owner)
    assert (wanted.roles.app, "CREATE") not in grants_on(postgres18, wanted.name)


def grants_on(postgres, name):
    query = (
        "SELECT grantee::regrole::text, privilege_type FROM pg_database,"
        f" aclexplode(datacl) WHERE datname = '{name}'"
    )
    return as_superuser(postgres, "postgres", query)


async def test_who_only_had_rights_in_an_adopted_database_still_gets_in(postgres18, sessions18):
    """Everybody could connect before; afterwards only those who have something to do there."""
    wanted = a_database(unique_name("legacy"), may_adopt=True)
    made_by_hand(postgres18, wanted.name)
    let_the_admin_act_for(postgres18, sessions18, wanted.name)
    reader = f"{wanted.name}_bi"
    as_superuser(postgres18, "postgres", f"CREATE ROLE {reader} LOGIN PASSWORD 'bi'")
    as_superuser(postgres18, wanted.name, f"GRANT SELECT ON orders TO {reader}")

    await ensure_database(sessions18, wanted)

    login = Login(username=reader, password="bi")
    async with logged_in(sessions18, login, wanted.name) as client:
        rows = await client.execute("SELECT count(*) FROM orders")
        assert [(2,)] == await rows.fetchall()


async def test_who_holds_up_an_adoption_is_named(postgres18, sessions18):
    wanted = a_database(unique_name("legacy"), may_adopt=True)
    made_by_hand(postgres18, wanted.name)
    let_the_admin_act_for(postgres18, sessions18, wanted.name)
    dsn = postgres18.server.dsn(wanted.name)
    with psycopg.connect(dsn, application_name="nightly-report") as reader:
        reader.execute("SELECT FROM orders")
        with pytest.raises(LockTimeout, match="nightly-report"):
            await ensure_database(sessions18, wanted)

    await ensure_database(sessions18, wanted)
    assert [] == await pending(sessions18, wanted)


async def test_a_closed_database_is_not_adopted_until_it_is_opened(postgres18, sessions18):
    wanted = a_database(unique_name("legacy"), may_adopt=True)
    made_by_hand(postgres18, wanted.name)
    let_the_admin_act_for(postgres18, sessions18, wanted.name)
    as_superuser(postgres18, "postgres", f"ALTER DATABASE {wanted.name} ALLOW_CONNECTIONS false")

    with pytest.raises(AdoptionRequired, match="ALLOW_CONNECTIONS true") as told:
        await ensure_database(sessions18, wanted)

    as_superuser(postgres18, "postgres", told.value.message.rpartition("owner: ")[2])
    await ensure_database(sessions18, wanted)
    assert [] == await pending(sessions18, wanted)

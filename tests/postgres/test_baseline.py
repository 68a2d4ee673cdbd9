"""The records of the app's own migrator: written once, over the app's login, never a lie."""

import asyncio
from dataclasses import replace

import pytest

from appdb.errors import DataConflict, InvalidSpec, LockTimeout
from appdb.model.migrator import Tool
from appdb.plan.bookkeeping import PRISMA_LOCK, books_of
from appdb.postgres.baseline import read_missing, write_missing
from appdb.postgres.inspect import read_catalog
from appdb.postgres.provision import app_session
from appdb.postgres.replay import compare_with_migrations
from appdb.postgres.scratch import SETTINGS, Scratch, ensure_scratch_database
from appdb.source.analyze import analyze
from appdb.source.bundle import bundle_of_texts
from support.migrations import (
    ALEMBIC_FIRST,
    PRISMA,
    PRISMA_MODEL,
    TYPEORM_FIRST,
    journal,
    revision,
)
from support.sandbox import unique_name
from support.tenants import a_database, as_superuser, logged_in, pending, provisioned

pytestmark = pytest.mark.postgres

DJANGO = "class Migration(migrations.Migration):\n    dependencies = []\n"
KNEX = "exports.up = (knex) => knex.schema.createTable('a', (t) => t.increments())"
SEQUELIZE = "module.exports = { async up(queryInterface) {} }"
MIKRO = "import { Migration } from '@mikro-orm/migrations'\nclass M extends Migration { up() {} }"

# What the source holds, where the records are, and the query that a tool would ask.
RECORDS = {
    Tool.PRISMA: (
        PRISMA,
        "SELECT migration_name, finished_at IS NOT NULL, rolled_back_at FROM _prisma_migrations",
        [("20240101000000_init", True, None)],
    ),
    Tool.DRIZZLE: (
        {
            "drizzle/meta/_journal.json": journal("0000_a", "0001_b"),
            "drizzle/0000_a.sql": "CREATE TABLE a (i int);",
            "drizzle/0001_b.sql": "CREATE TABLE b (i int);",
        },
        "SELECT id, created_at FROM drizzle.__drizzle_migrations ORDER BY id",
        [(1, 1_700_000_000_000), (2, 1_700_000_001_000)],
    ),
    Tool.ALEMBIC: (
        {"v/a.py": ALEMBIC_FIRST, "v/b.py": revision("b2", "a1"), "v/c.py": revision("c2", "a1")},
        "SELECT version_num FROM alembic_version ORDER BY 1",
        [("b2",), ("c2",)],
    ),
    Tool.DJANGO: (
        {"shop/migrations/0001_initial.py": DJANGO, "shop/migrations/0002_more.py": DJANGO},
        "SELECT id, app, name FROM django_migrations ORDER BY id",
        [(1, "shop", "0001_initial"), (2, "shop", "0002_more")],
    ),
    Tool.TYPEORM: (
        {"m/a.ts": TYPEORM_FIRST},
        "SELECT id, timestamp, name FROM migrations",
        [(1, 1_700_000_000_001, "Init1700000000001")],
    ),
    Tool.KNEX: (
        {"m/1_a.js": KNEX, "m/2_b.js": KNEX},
        "SELECT name, batch, is_locked FROM knex_migrations, knex_migrations_lock ORDER BY id",
        [("1_a.js", 1, 0), ("2_b.js", 1, 0)],
    ),
    Tool.SEQUELIZE: (
        {"migrations/1-a.js": SEQUELIZE},
        'SELECT name FROM "SequelizeMeta"',
        [("1-a.js",)],
    ),
    Tool.MIKRO_ORM: (
        {"m/Migration20240101000000.ts": MIKRO},
        "SELECT id, name FROM mikro_orm_migrations",
        [(1, "Migration20240101000000")],
    ),
}


def books(files):
    (migrator,) = analyze(bundle_of_texts(files)).migrators
    return books_of(migrator)


async def a_home(sessions, **changes):
    return await provisioned(sessions, a_database(**changes))


@pytest.mark.parametrize("tool", RECORDS)
async def test_records_are_written_once_and_belong_to_the_app(postgres, sessions, tool):
    files, query, expected = RECORDS[tool]
    wanted = await a_home(sessions, may_create_schemas=True)

    async with app_session(sessions, wanted) as session:
        first = await write_missing(session, books(files))
        left = await read_missing(session, books(files))
        again = await write_missing(session, books(files))

    assert expected == as_superuser(postgres, wanted.name, query)
    assert (True, (), 0) == (first > 0, left, again)
    owners = as_superuser(
        postgres,
        wanted.name,
        "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname IN ('public', 'drizzle')",
    )
    assert [(wanted.roles.app,)] == owners


async def test_only_what_is_missing_is_added(postgres18, sessions18):
    wanted = await a_home(sessions18)
    more = {"m/1_a.js": KNEX, "m/2_b.js": KNEX, "m/3_c.js": KNEX}
    async with app_session(sessions18, wanted) as session:
        await write_missing(session, books(RECORDS[Tool.KNEX][0]))

        written = await write_missing(session, books(more))

    assert 1 == written
    rows = as_superuser(postgres18, wanted.name, "SELECT name, batch FROM knex_migrations")
    assert [("1_a.js", 1), ("2_b.js", 1), ("3_c.js", 2)] == rows


async def test_rows_of_migrations_that_are_gone_from_the_source_stay(postgres18, sessions18):
    wanted = await a_home(sessions18)
    async with app_session(sessions18, wanted) as session:
        await write_missing(session, books(RECORDS[Tool.KNEX][0]))

        await write_missing(session, books({"m/9_z.js": KNEX}))

    rows = as_superuser(postgres18, wanted.name, "SELECT name FROM knex_migrations ORDER BY id")
    assert [("1_a.js",), ("2_b.js",), ("9_z.js",)] == rows


async def test_alembic_moves_on_to_its_new_head(postgres18, sessions18):
    wanted = await a_home(sessions18)
    merged = {**RECORDS[Tool.ALEMBIC][0], "v/d.py": revision("d3", ("b2", "c2"))}
    async with app_session(sessions18, wanted) as session:
        await write_missing(session, books({"v/a.py": ALEMBIC_FIRST}))
        await write_missing(session, books(RECORDS[Tool.ALEMBIC][0]))
        await write_missing(session, books(merged))

    assert [("d3",)] == as_superuser(postgres18, wanted.name, "TABLE alembic_version")


async def test_a_revision_that_nobody_knows_is_left_to_a_person(postgres18, sessions18):
    wanted = await a_home(sessions18)
    async with app_session(sessions18, wanted) as session:
        await write_missing(session, books({"v/z.py": revision("z9", None)}))

        with pytest.raises(DataConflict, match="z9, which is not in the source"):
            await write_missing(session, books({"v/a.py": ALEMBIC_FIRST}))

    assert [("z9",)] == as_superuser(postgres18, wanted.name, "TABLE alembic_version")


async def test_a_failed_migration_of_prisma_is_left_to_a_person(sessions18):
    wanted = await a_home(sessions18)
    async with app_session(sessions18, wanted) as session:
        await write_missing(session, books(PRISMA))
        await session.execute("UPDATE public._prisma_migrations SET finished_at = NULL")

        with pytest.raises(DataConflict, match="20240101000000_init failed"):
            await read_missing(session, books(PRISMA))


async def test_a_migration_that_was_rolled_back_is_written_anew(postgres18, sessions18):
    wanted = await a_home(sessions18)
    async with app_session(sessions18, wanted) as session:
        await write_missing(session, books(PRISMA))
        await session.execute(
            "UPDATE public._prisma_migrations SET id = 'old', rolled_back_at = now()"
        )

        assert 1 == await write_missing(session, books(PRISMA))

    found = as_superuser(postgres18, wanted.name, "SELECT id FROM _prisma_migrations ORDER BY 1")
    assert 2 == len(found)


async def test_a_table_of_another_form_is_not_written_into(sessions18):
    wanted = await a_home(sessions18)
    async with app_session(sessions18, wanted) as session:
        await session.execute("CREATE TABLE public.migrations (id int, what text NOT NULL)")

        with pytest.raises(InvalidSpec, match=r"public\.migrations lacks the column timestamp"):
            await write_missing(session, books(RECORDS[Tool.TYPEORM][0]))


async def test_a_migrator_at_work_is_waited_for(sessions18, monkeypatch):
    monkeypatch.setattr("appdb.postgres.baseline.LOCK_TIMEOUT_MS", 100)
    wanted = await a_home(sessions18)
    async with logged_in(sessions18, wanted.logins[0], wanted.name) as migrator:
        await migrator.execute("SELECT pg_advisory_lock(%s)", (PRISMA_LOCK,))
        async with app_session(sessions18, wanted) as session:
            with pytest.raises(LockTimeout):
                await write_missing(session, books(PRISMA))


async def test_two_writers_write_each_row_once(postgres18, sessions18):
    wanted = await a_home(sessions18)

    async def write():
        async with app_session(sessions18, wanted) as session:
            return await write_missing(session, books(RECORDS[Tool.KNEX][0]))

    written = await asyncio.gather(*(write() for _ in range(4)))

    assert 3 == sum(written)
    assert [(2,)] == as_superuser(postgres18, wanted.name, "SELECT count(*) FROM knex_migrations")


SAME = {
    "the first migration": PRISMA,
    "a history": {
        **PRISMA,
        "prisma/schema.prisma": PRISMA_MODEL.replace("email String", "mail String")
        + "enum Role {\n  A\n  C\n}\nmodel Team {\n  id Int @id\n  role Role @default(C)\n}\n",
        "prisma/migrations/20240201000000_more/migration.sql": """
            CREATE TYPE "Role" AS ENUM ('A', 'B');
            CREATE TABLE "Team" ("id" INTEGER NOT NULL, "role" "Role" NOT NULL DEFAULT 'B',
                CONSTRAINT "Team_pkey" PRIMARY KEY ("id"));
            UPDATE "User" SET "email" = lower("email");
            ALTER TABLE "User" RENAME COLUMN "email" TO "mail";
            ALTER INDEX "User_email_key" RENAME TO "User_mail_key";
        """,
        "prisma/migrations/20240301000000_enum/migration.sql": """
            BEGIN;
            CREATE TYPE "Role_new" AS ENUM ('A', 'C');
            ALTER TABLE "Team" ALTER COLUMN "role" DROP DEFAULT;
            ALTER TABLE "Team" ALTER COLUMN "role" TYPE "Role_new" USING ("role"::text::"Role_new");
            ALTER TYPE "Role" RENAME TO "Role_old";
            ALTER TYPE "Role_new" RENAME TO "Role";
            DROP TYPE "Role_old";
            ALTER TABLE "Team" ALTER COLUMN "role" SET DEFAULT 'C';
            COMMIT;
        """,
    },
}
OTHER = {
    "the schema is ahead": (
        {
            **PRISMA,
            "prisma/schema.prisma": PRISMA_MODEL.replace("@unique", "@unique\n  name String"),
        },
        "column User.name is declared, and no migration makes it",
    ),
    "the migrations are ahead": (
        {
            **PRISMA,
            "prisma/migrations/20240201000000_b/migration.sql": "CREATE TABLE b (i int);",
        },
        "a migration makes table b, which is not declared",
    ),
    "another type": (
        {**PRISMA, "prisma/schema.prisma": PRISMA_MODEL.replace("String @unique", "Int @unique")},
        "column User.email is declared in another way than the migrations make it",
    ),
    "another name": (
        {
            **PRISMA,
            "prisma/schema.prisma": PRISMA_MODEL.replace("@unique", '@unique(map: "mail_key")'),
        },
        "index User.User_email_key of the migrations is declared as mail_key",
    ),
    "broken": (
        {
            **PRISMA,
            "prisma/migrations/20240201000000_b/migration.sql": 'DROP TABLE "Nobody";',
        },
        'the migrations do not run on an empty database: table "Nobody" does not exist',
    ),
    "an extension": (
        {
            **PRISMA,
            "prisma/migrations/20240201000000_b/migration.sql": "CREATE EXTENSION citext;",
        },
        "the migrations install extension citext, which is not declared",
    ),
}


@pytest.fixture
async def scratch(sessions):
    """The admin's session in an empty database; what is tried there is rolled back."""
    name = unique_name("scratch")
    async with sessions.maintenance() as session:
        await ensure_scratch_database(session, name)
    async with sessions.database(name, settings=SETTINGS) as conn:
        yield Scratch(conn=conn)


async def compared(scratch, files):
    found = analyze(bundle_of_texts(files))
    (migrator,) = found.migrators
    live = await read_catalog(scratch.conn)
    return await compare_with_migrations(scratch, found.statements, migrator.replay, live)


@pytest.mark.parametrize("case", SAME)
async def test_migrations_that_say_what_is_declared_are_proved(scratch, case):
    found = await compared(scratch, SAME[case])

    assert ((), "") == (found.differences, found.unproved)


@pytest.mark.parametrize("case", OTHER)
async def test_migrations_that_say_something_else_are_found_out(scratch, case):
    files, expected = OTHER[case]

    found = await compared(scratch, files)

    assert expected == found.differences[0]


async def test_a_label_that_is_used_at_once_leaves_it_unproved_before_17(scratch):
    files = {
        **PRISMA,
        "prisma/migrations/20240201000000_b/migration.sql": """
            CREATE TYPE r AS ENUM ('a'); ALTER TYPE r ADD VALUE 'b';
            CREATE TABLE t (r r DEFAULT 'b');
        """,
    }

    found = await compared(scratch, files)

    if scratch.conn.info.server_version >= 170000:
        assert any("table t" in each for each in found.differences)
    else:
        assert "they use a label of an enum that they add themselves" == found.unproved


async def test_a_replay_ends_in_time_and_the_session_serves_on(scratch, monkeypatch):
    monkeypatch.setattr("appdb.postgres.replay.REPLAY_SECONDS", 0.2)
    many = "".join(f"CREATE TABLE t{number} (i int);" for number in range(5000))
    files = {**PRISMA, "prisma/migrations/20240201000000_b/migration.sql": many}

    slow = await compared(scratch, files)
    monkeypatch.setattr("appdb.postgres.replay.REPLAY_SECONDS", 60)

    assert ("the migrations take more than 0.2 s on an empty database",) == slow.differences
    assert () == (await compared(scratch, PRISMA)).differences


async def test_a_comparison_leaves_nothing_behind(scratch):
    before = (await read_catalog(scratch.conn)).fingerprint

    await compared(scratch, OTHER["the migrations are ahead"][0])

    assert before == (await read_catalog(scratch.conn)).fingerprint


async def test_the_right_to_make_schemas_comes_when_it_is_asked_for(postgres, sessions):
    wanted = await a_home(sessions)
    query = f"SELECT has_database_privilege('{wanted.roles.app}', '{wanted.name}', 'CREATE')"
    without = as_superuser(postgres, wanted.name, query)

    asking = await provisioned(sessions, replace(wanted, may_create_schemas=True))

    assert [(False,)] == without
    assert [(True,)] == as_superuser(postgres, wanted.name, query)
    assert [] == await pending(sessions, asking)


async def test_the_ledger_is_there_before_the_app_may_make_schemas(postgres, sessions):
    wanted = await a_home(sessions, may_create_schemas=True)

    log = postgres.server.log_path.read_text(errors="replace")

    made = log.index("CREATE SCHEMA", log.index(f'CREATE DATABASE "{wanted.name}"'))
    assert '"_appdb"' in log[made : made + 60]
    assert made < log.index(f'GRANT CREATE ON DATABASE "{wanted.name}"')
    assert [] == await pending(sessions, wanted)

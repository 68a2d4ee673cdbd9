"""Folders of migrations are told by what is in them, and read as their tools read them."""

import hashlib

import pytest

from appdb.errors import NothingDetected
from appdb.model.finding import Severity
from appdb.model.migrator import Tool
from appdb.source.analyze import AnalysisOptions, analyze
from appdb.source.bundle import bundle_of_config_maps, bundle_of_texts
from appdb.source.isolate import analyze_once
from appdb.source.migrators.declared import declared_by, only_declaring, with_prerequisites
from support.migrations import ALEMBIC_FIRST, LOCK, TYPEORM_FIRST, journal, revision

MODEL = "model User {\n  id Int @id\n}\n"
TABLE = 'CREATE TABLE "User" ("id" INTEGER NOT NULL, CONSTRAINT "User_pkey" PRIMARY KEY ("id"));\n'
KNEX = "exports.up = (k) => k.schema.createTable('a', (t) => t.increments());\nexports.down = 1\n"
SEQUELIZE = "module.exports = { async up(queryInterface, S) {}, async down(queryInterface) {} };"
MIKRO = "import { Migration } from '@mikro-orm/migrations'; export class M extends Migration { "
DJANGO = """
from django.db import migrations, models
class Migration(migrations.Migration):
    dependencies = [%s]
    operations = []
"""

FOUND = {
    "prisma": (
        {"prisma/migrations/20240101000000_init/migration.sql": TABLE, "schema.prisma": MODEL},
        (Tool.PRISMA, "prisma/migrations", ["20240101000000_init"]),
    ),
    "prisma with another folder": (
        {"db/changes/1_a/migration.sql": TABLE, "db/changes/migration_lock.toml": LOCK},
        (Tool.PRISMA, "db/changes", ["1_a"]),
    ),
    "prisma in the order of names": (
        {
            "migrations/20240301000000_c/migration.sql": TABLE,
            "migrations/20240101000000_a/migration.sql": TABLE,
            "migrations/20240201000000_b/migration.sql": TABLE,
        },
        (Tool.PRISMA, "migrations", ["20240101000000_a", "20240201000000_b", "20240301000000_c"]),
    ),
    "drizzle": (
        {
            "drizzle/meta/_journal.json": journal("0000_a", "0001_b"),
            "drizzle/0000_a.sql": TABLE,
            "drizzle/0001_b.sql": "SELECT 1;",
        },
        (Tool.DRIZZLE, "drizzle", ["0000_a", "0001_b"]),
    ),
    "drizzle from 1.0 on": (
        {
            "out/20251114101112_init/migration.sql": TABLE,
            "out/20251114101112_init/snapshot.json": '{"dialect": "postgres"}',
        },
        (Tool.DRIZZLE, "out", ["20251114101112_init"]),
    ),
    "drizzle without its journal": (
        {"drizzle/0000_a.sql": TABLE},
        (Tool.DRIZZLE, "drizzle", ["0000_a"]),
    ),
    "alembic": (
        {"alembic/env.py": "from alembic import context", "alembic/versions/1_a.py": ALEMBIC_FIRST},
        (Tool.ALEMBIC, "alembic/versions", ["a1"]),
    ),
    "alembic with a merge": (
        {
            "m/versions/c.py": revision("c", ("a", "b")),
            "m/versions/b.py": revision("b", "root"),
            "m/versions/a.py": revision("a", "root"),
            "m/versions/r.py": revision("root", None),
        },
        (Tool.ALEMBIC, "m/versions", ["root", "a", "b", "c"]),
    ),
    "alembic with annotations": (
        {"v/x.py": "revision: str = 'q'\ndown_revision: str | None = None\ndef upgrade(): ..."},
        (Tool.ALEMBIC, "v", ["q"]),
    ),
    "django": (
        {"shop/orders/migrations/0001_initial.py": DJANGO % "", "manage.py": "import django"},
        (Tool.DJANGO, "shop/orders/migrations", ["0001_initial"]),
    ),
    "typeorm": (
        {"src/db/1700000000001-Init.ts": TYPEORM_FIRST},
        (Tool.TYPEORM, "src/db", ["Init1700000000001"]),
    ),
    "typeorm with a name of its own": (
        {"m/a.ts": TYPEORM_FIRST.replace("Interface {", "Interface { name = 'A1700000000002';")},
        (Tool.TYPEORM, "m", ["A1700000000002"]),
    ),
    "typeorm in plain javascript": (
        {"m/a.js": "module.exports = class A1700000000003 { async up(queryRunner) {} }"},
        (Tool.TYPEORM, "m", ["A1700000000003"]),
    ),
    "knex": (
        {"db/20200101000000_first.js": KNEX, "knexfile.js": "module.exports = { client: 'pg' }"},
        (Tool.KNEX, "db", ["20200101000000_first.js"]),
    ),
    "knex in typescript": (
        {"db/1_a.ts": "import { Knex } from 'knex';\nexport async function up(knex: Knex) {}"},
        (Tool.KNEX, "db", ["1_a.ts"]),
    ),
    "sequelize": (
        {"migrations/20200101000000-first.js": SEQUELIZE},
        (Tool.SEQUELIZE, "migrations", ["20200101000000-first.js"]),
    ),
    "mikroorm": (
        {"m/Migration20240101000000.ts": MIKRO + "async up() {} }"},
        (Tool.MIKRO_ORM, "m", ["Migration20240101000000"]),
    ),
    "kysely": (
        {"m/1_a.ts": "export async function up(db: Kysely<any>) {}"},
        (Tool.KYSELY, "m", ["1_a"]),
    ),
    "node-pg-migrate": (
        {"m/1_a.js": "exports.up = (pgm) => { pgm.createTable('a', {}) }"},
        (Tool.NODE_PG_MIGRATE, "m", ["1_a"]),
    ),
    "flyway": ({"db/V1__init.sql": TABLE}, (Tool.FLYWAY, "db", ["V1__init"])),
    "golang-migrate": (
        {"db/000001_init.up.sql": TABLE, "db/000001_init.down.sql": "DROP TABLE a;"},
        (Tool.GOLANG_MIGRATE, "db", ["000001_init.up"]),
    ),
    "goose": ({"db/1_a.sql": f"-- +goose Up\n{TABLE}"}, (Tool.GOOSE, "db", ["1_a"])),
    "dbmate": ({"db/1_a.sql": f"-- migrate:up\n{TABLE}"}, (Tool.DBMATE, "db", ["1_a"])),
    "supabase": (
        {"supabase/migrations/20240101000000_a.sql": TABLE},
        (Tool.SUPABASE, "supabase/migrations", ["20240101000000_a"]),
    ),
    "numbered SQL": ({"migrations/001_init.sql": TABLE}, (Tool.SQL, "migrations", ["001_init"])),
}

NOT_FOUND = {
    "a lock file alone": {"prisma/migrations/migration_lock.toml": LOCK, "schema.prisma": MODEL},
    "a journal without entries": {"drizzle/meta/_journal.json": journal(), "schema.prisma": MODEL},
    "a journal that is no object": {"drizzle/meta/_journal.json": "[[[", "schema.prisma": MODEL},
    "entities in a folder of that name": {
        "migrations/user.ts": "import { Entity, PrimaryColumn } from 'typeorm';\n"
        "@Entity() export class User { @PrimaryColumn() id: number }"
    },
    "a function called up": {"migrations/lift.ts": "export function up() {}", "s.prisma": MODEL},
    "a commented migration": {"m/a.ts": f"/* {TYPEORM_FIRST} */", "s.prisma": MODEL},
    "seeders": {"seeders/a.js": SEQUELIZE, "s.prisma": MODEL},
    "a service that runs migrations": {
        "src/migrator.service.ts": "class S { constructor(knex: Knex) {} async up() {} }",
        "s.prisma": MODEL,
    },
    "a runner of umzug": {
        "src/migrate.ts": "import 'umzug';\nexport const up = () => umzug.up()",
        "s.prisma": MODEL,
    },
    "a folder of the second version": {"db/V2/schema.sql": TABLE},
    "vendored": {"node_modules/a/migrations/1_a.js": KNEX, "s.prisma": MODEL},
    "mongoose": {
        "migrations/a.js": "const m = require('mongoose'); m.model('A', new m.Schema({}))"
    },
    "a schema of plain SQL": {"db/schema.sql": TABLE, "db/1_a.txt": "SELECT 1"},
    "of another database": {
        "prisma/migrations/1_a/migration.sql": "CREATE TABLE `a` (`b` INT);",
        "prisma/migrations/migration_lock.toml": LOCK.replace("postgresql", "mysql"),
        "schema.prisma": MODEL,
    },
    "python that only speaks of it": {"a.py": "x = 'down_revision'", "s.prisma": MODEL},
}


def found_in(files, **options):
    return analyze(bundle_of_texts(files), AnalysisOptions(**options)).migrators


@pytest.mark.parametrize("case", FOUND)
def test_a_migrator_is_found_by_its_content(case):
    files, (tool, folder, names) = FOUND[case]

    (migrator,) = found_in(files)

    assert (tool, folder) == (migrator.tool, migrator.folder)
    assert names == [each.name for each in migrator.migrations]


@pytest.mark.parametrize("case", NOT_FOUND)
def test_what_is_no_migrator_is_taken_for_none(case):
    assert () == found_in(NOT_FOUND[case])


@pytest.mark.parametrize("case", FOUND)
def test_what_is_found_survives_the_way_out_of_the_reading_process(case):
    bundle = bundle_of_texts(FOUND[case][0])

    assert analyze(bundle) == analyze_once(bundle)


def test_keys_of_a_config_map_are_the_same_folder():
    data = {"prisma__migrations__20240101000000_init__migration.sql": TABLE, "schema.prisma": MODEL}

    (migrator,) = analyze(bundle_of_config_maps([("shop", data, {})])).migrators

    assert "prisma/migrations" == migrator.folder


def test_flyway_is_found_where_its_underlines_became_a_folder():
    found = analyze(bundle_of_config_maps([("shop", {"migration__V1__init.sql": TABLE}, {})]))

    assert [(Tool.FLYWAY, "migration")] == [(each.tool, each.folder) for each in found.migrators]


def test_the_checksum_counts_every_byte_as_it_came():
    text = "\ufeffCREATE TABLE a (b int);\r\n"

    (migrator,) = found_in({"migrations/1_a/migration.sql": text, "schema.prisma": MODEL})

    assert hashlib.sha256(text.encode()).hexdigest() == migrator.migrations[0].checksum


def test_times_of_drizzle_come_from_its_journal_or_its_names():
    old, new = (found_in(FOUND[case][0])[0] for case in ("drizzle", "drizzle from 1.0 on"))

    assert [1_700_000_000_000, 1_700_000_001_000] == [each.at for each in old.migrations]
    assert [1_763_115_072_000] == [each.at for each in new.migrations]


SETTINGS = {
    "drizzle": (
        {
            **FOUND["drizzle"][0],
            "drizzle.config.ts": "export default { // migrations: {table: 'x'}\n"
            "migrations: { table: 'log', schema: 'ops' } }",
        },
        ("log", "ops"),
    ),
    "typeorm": (
        {
            **FOUND["typeorm"][0],
            "src/data-source.ts": "export default new DataSource({ type: 'postgres', "
            "schema: 'ops', migrationsTableName: 'log' })",
        },
        ("log", "ops"),
    ),
    "knex": (
        {
            **FOUND["knex"][0],
            "knexfile.js": "knex = { migrations: { tableName: 'log', schemaName: 'ops' } }",
        },
        ("log", "ops"),
    ),
    "alembic": (
        {
            **FOUND["alembic"][0],
            "alembic/env.py": "from alembic import context\n"
            "context.configure(version_table='log', version_table_schema='ops')",
        },
        ("log", "ops"),
    ),
    "sequelize": (
        {
            **FOUND["sequelize"][0],
            "config/config.js": "module.exports = { migrationStorageTableName: 'log', "
            "migrationStorageTableSchema: 'ops' }",
        },
        ("log", "ops"),
    ),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_the_table_of_records_is_where_the_application_says(case):
    files, expected = SETTINGS[case]

    (migrator,) = found_in(files)

    assert expected == (migrator.table, migrator.schema)
    assert "" == migrator.obstacle


OF_AUTH = (
    "shop/migrations/0001_initial.py follows migrations of the app auth, whose tables are not "
    "declared in this source"
)
OBSTACLES = {
    "a table name from the environment": (
        {
            **FOUND["typeorm"][0],
            "src/data-source.ts": "new DataSource({ migrationsTableName: process.env.LOG })",
        },
        "src/data-source.ts sets migrationsTableName to something that is no plain text",
    ),
    "two table names": (
        {
            **FOUND["typeorm"][0],
            "a.ts": "new DataSource({ migrationsTableName: 'a' })",
            "b.ts": "new DataSource({ migrationsTableName: 'b' })",
        },
        "migrationsTableName is set to a and to b",
    ),
    "a file of the journal is missing": (
        {"drizzle/meta/_journal.json": journal("0000_a", "0001_b"), "drizzle/0000_a.sql": TABLE},
        "drizzle/0001_b.sql is not in the source",
    ),
    "a revision is missing": (
        {"v/b.py": revision("b", "a")},
        "revision a, which v/b.py follows, is not in the source",
    ),
    "a revision twice": (
        {"v/a.py": revision("a", None), "v/b.py": revision("a", None)},
        "revision a is there twice",
    ),
    "revisions in a circle": (
        {"v/a.py": revision("a", "b"), "v/b.py": revision("b", "a")},
        "the revisions follow each other in a circle",
    ),
    "a revision that is computed": (
        {"v/a.py": "revision = 'a'\ndown_revision = before()\n"},
        "v/a.py does not say as a plain text which revision it follows",
    ),
    "a file that does not parse": (
        {"v/a.py": revision("a", None), "v/b.py": "revision = 'b'\ndown_revision = ("},
        "v/b.py does not parse",
    ),
    "django's own apps": (
        {"shop/migrations/0001_initial.py": DJANGO % "('auth', '0012_x')"},
        OF_AUTH,
    ),
    "django's user model": (
        {
            "shop/migrations/0001_initial.py": DJANGO
            % "migrations.swappable_dependency(settings.AUTH_USER_MODEL)"
        },
        OF_AUTH,
    ),
    "typeorm without a time": (
        {"m/a.ts": TYPEORM_FIRST.replace("1700000000001", "")},
        "the class Init in m/a.ts ends in no time",
    ),
    "a tool whose records are not known": (
        {"db/V1__init.sql": TABLE},
        "the records of Flyway are not known to appdb",
    ),
}


@pytest.mark.parametrize("case", OBSTACLES)
def test_what_stands_in_the_way_of_its_records_is_said(case):
    files, expected = OBSTACLES[case]

    (migrator,) = found_in(files)

    assert expected == migrator.obstacle


def test_a_user_model_of_ones_own_is_no_obstacle():
    dependency = "migrations.swappable_dependency(settings.AUTH_USER_MODEL)"
    (migrator,) = found_in(
        {
            "accounts/migrations/0001_initial.py": DJANGO % "",
            "shop/migrations/0001_initial.py": DJANGO % dependency,
            "site/settings.py": "AUTH_USER_MODEL = 'accounts.User'",
        }
    )

    assert "" == migrator.obstacle
    assert ["accounts", "shop"] == [each.app for each in migrator.migrations]


def test_a_label_of_django_is_that_of_its_app_config():
    (migrator,) = found_in(
        {
            "src/orders/migrations/0001_initial.py": DJANGO % "",
            "src/orders/apps.py": "class C(A):\n    name = 'src.orders'\n    label = 'sales'",
        }
    )

    assert "sales" == migrator.migrations[0].app


GUARDED = """DO $$ BEGIN
 CREATE TYPE m AS ENUM ('a');
EXCEPTION
 WHEN duplicate_object THEN null;
END $$;"""
REPLAYS = {
    "what declares, changes and drops is kept": (
        f"{TABLE}ALTER TABLE a ADD b int;\nDROP TABLE a;\nCOMMENT ON TABLE a IS 'x';",
        4,
        "",
    ),
    "what only moves rows is left out": ("BEGIN; UPDATE a SET b = 1; SELECT f(); COMMIT;", 0, ""),
    "rows from other rows are none": ("INSERT INTO a SELECT * FROM b;", 0, ""),
    "guarded blocks of old Drizzle are opened": (
        GUARDED,
        1,
        "",
    ),
    "owners are for the operator to say": ('ALTER TABLE a OWNER TO "me";', 0, ""),
    "seeds": ("INSERT INTO a VALUES (1);", 0, "it inserts rows"),
    "programs": ("DO $$ BEGIN PERFORM f(); END $$;", 0, "a DO block is a program"),
    "functions": ("CREATE FUNCTION f() RETURNS int;", 0, "CREATE FUNCTION makes"),
    "views": ("CREATE VIEW v AS SELECT 1;", 0, "CREATE VIEW makes"),
    "policies": ("ALTER TABLE a ENABLE ROW LEVEL SECURITY;", 0, "row level security"),
    "roles": ("SET ROLE postgres; ALTER ROLE me SUPERUSER;", 0, "ALTER ROLE makes"),
    "rights": ("GRANT ALL ON a TO PUBLIC;", 0, "GRANT ALL makes"),
    "a schema of the operator": (
        'CREATE SCHEMA IF NOT EXISTS "_appdb";',
        0,
        'schema "_appdb" is not',
    ),
    "a schema of Postgres": ("CREATE SCHEMA pg_mine;", 0, 'schema "pg_mine" is not'),
    "a schema of somebody": ("CREATE SCHEMA AUTHORIZATION me;", 0, "is not one that"),
    "an open quote": ("CREATE TABLE a (b text DEFAULT 'x);", 0, "does not end"),
}


@pytest.mark.parametrize("case", REPLAYS)
def test_sql_is_kept_for_a_replay_or_refused_with_its_place(case):
    text, kept, refusal = REPLAYS[case]

    (migrator,) = found_in({"migrations/1_a/migration.sql": text, "schema.prisma": MODEL})

    assert kept == (0 if migrator.replay.refusal else len(migrator.replay.statements))
    assert refusal in migrator.replay.refusal
    assert not refusal or migrator.replay.refusal.startswith("migrations/1_a/migration.sql:1:")


def test_what_an_application_may_not_make_itself_is_declared_for_it():
    text = (
        'CREATE EXTENSION "citext"; CREATE SCHEMA IF NOT EXISTS "billing"; CREATE TABLE a (b int)'
    )
    found = analyze(
        bundle_of_texts(
            {"drizzle/meta/_journal.json": journal("0000_a"), "drizzle/0000_a.sql": text}
        )
    )

    declared = with_prerequisites(found, only_declaring(found)).statements

    assert ["citext", "billing"] == [each.name for each in declared]


NOT_TELLING = {
    "programs": FOUND["alembic"][0],
    "models that are read": FOUND["prisma"][0],
    "what cannot be replayed": {"drizzle/0000_a.sql": "CREATE VIEW v AS SELECT 1"},
}


@pytest.mark.parametrize("case", NOT_TELLING)
def test_only_sql_that_can_be_replayed_says_what_the_tables_are(case):
    assert only_declaring(analyze(bundle_of_texts(NOT_TELLING[case]))) is None


def test_statements_that_postgres_told_of_say_what_they_make():
    texts = ["CREATE TABLE public.a (b text DEFAULT ';')", "CREATE INDEX i ON public.a (b)"]

    found = declared_by(texts)

    assert texts == [each.sql for each in found]
    assert [("public", "a", "a"), ("public", "i", "a")] == [
        (each.schema, each.name, each.table) for each in found
    ]


def test_extensions_are_named_and_concurrency_is_left_out_of_a_replay():
    text = 'CREATE EXTENSION IF NOT EXISTS "citext"; CREATE INDEX CONCURRENTLY i ON a (b);'

    (migrator,) = found_in({"migrations/1_a/migration.sql": text, "schema.prisma": MODEL})

    assert ("citext",) == migrator.replay.extensions
    assert ["CREATE", "INDEX", "i"] == migrator.replay.statements[0].split()[:3]


def test_migrations_declare_no_tables_of_their_own():
    files = {
        "drizzle/meta/_journal.json": journal("0000_init"),
        "drizzle/0000_init.sql": "CREATE TABLE other (id int);",
        "schema.sql": "CREATE TABLE users (id int);",
    }

    found = analyze(bundle_of_texts(files))

    assert ["users"] == [statement.name for statement in found.statements]


def test_entities_beside_migrations_are_read_as_ever():
    entity = "import { Entity, PrimaryColumn } from 'typeorm';\n@Entity() export class Shop {\n"
    files = {
        "src/shop.entity.ts": f"{entity}  @PrimaryColumn() id: number;\n}}\n",
        "src/migrations/1700000000001-Init.ts": TYPEORM_FIRST,
    }

    found = analyze(bundle_of_texts(files))

    assert ["shop"] == [table.name for table in found.schema.tables]
    assert [Tool.TYPEORM] == [migrator.tool for migrator in found.migrators]


def test_migrations_alone_are_something_to_find_and_declare_nothing():
    found = analyze(bundle_of_texts(FOUND["alembic"][0]))

    assert found.declares_nothing
    assert [("MIGRATOR_FOUND", Severity.INFO)] == [(f.code, f.severity) for f in found.findings]


def test_a_migrator_that_is_ignored_is_files_like_any_other():
    files = {"db/V1__init.sql": TABLE}

    found = analyze(bundle_of_texts(files), AnalysisOptions(finds_migrators=False))

    assert () == found.migrators
    assert ["User"] == [statement.name for statement in found.statements]
    with pytest.raises(NothingDetected):
        analyze(bundle_of_texts(FOUND["knex"][0]), AnalysisOptions(finds_migrators=False))


HOSTILE = {
    "comments": "/*" * 200_000,
    "classes": "up( class " * 50_000,
    "objects": "up module.exports = {" * 20_000,
    "brackets": f"revision = 'a'\ndown_revision = {'(' * 100_000}",
    "a deep journal": '{"entries": ' + "[" * 200_000,
    "dollars": "DO $$ BEGIN " * 30_000,
    "words": "migrations: {" * 60_000,
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("case", HOSTILE)
@pytest.mark.parametrize(
    "path", ["m/a.ts", "m/a.py", "drizzle/meta/_journal.json", "migrations/1_a/migration.sql"]
)
def test_hostile_files_end_soon(case, path):
    analyze(bundle_of_texts({path: HOSTILE[case], "s.prisma": MODEL}))

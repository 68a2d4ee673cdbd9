"""An application that brings migrations of its own, by every setting of `schema.migrator`."""

import psycopg
import pytest

from appdb.api.conditions import KStatus
from support.migrations import (
    ALEMBIC_FIRST,
    PRISMA,
    PRISMA_FIRST,
    PRISMA_MODEL,
    PRISMA_NEXT,
    as_keys,
    journal,
)
from support.team import Team, until

pytestmark = pytest.mark.cluster

SOURCE = {"configMaps": [{"name": "shop"}]}
DRIZZLE = {
    "schema.sql": "CREATE TABLE users (id int PRIMARY KEY);",
    "drizzle/meta/_journal.json": journal("0000_a"),
    "drizzle/0000_a.sql": "CREATE TABLE users (id int PRIMARY KEY);",
}


def an_app(team: Team, files, **schema):
    team.apply_source("shop", as_keys(files))
    team.apply("shop", source=SOURCE, schema=schema)


def rows(team: Team, query: str):
    with team.logged_in("shop") as session:
        return session.execute(query).fetchall()


def migrations_of(team: Team):
    return [
        name for (name,) in rows(team, "SELECT migration_name FROM _prisma_migrations ORDER BY 1")
    ]


def schema_message(team: Team) -> str:
    found = team.condition("shop", "SchemaSynced")
    return found.message if found else ""


def test_tables_are_left_to_a_migrator_that_is_found(team: Team):
    an_app(team, PRISMA)

    team.await_ready("shop")

    synced = team.await_says("shop", "SchemaSynced", "True", "MigratorOwned")
    assert "1 migration of Prisma in prisma/migrations" in synced.message
    assert "1 declared table not made" in synced.message
    assert [] == team.tables("shop")
    assert ("True", "Analyzed") == team.says("shop", "SourceReady")
    with team.logged_in("shop") as session:
        session.execute(PRISMA_FIRST)
    assert ["User"] == team.tables("shop")


def test_a_source_of_migrations_alone_is_enough_for_a_database(team: Team):
    an_app(team, {"alembic/versions/1_a.py": ALEMBIC_FIRST})

    team.await_ready("shop")

    team.await_says("shop", "SchemaSynced", "True", "MigratorOwned")
    ready = team.await_says("shop", "SourceReady", "True", "Analyzed")
    assert "1 migration of Alembic in alembic/versions" in ready.message


def test_models_that_cannot_be_read_do_not_matter_where_the_tables_are_not_ours(team: Team):
    an_app(team, {**PRISMA, "prisma/schema.prisma": "model User {"})

    team.await_ready("shop")

    team.await_says("shop", "SchemaSynced", "True", "MigratorOwned")


def test_the_migrator_may_make_the_schema_of_its_records(team: Team):
    an_app(team, DRIZZLE)
    team.await_ready("shop")

    with team.logged_in("shop") as session:
        session.execute("CREATE SCHEMA IF NOT EXISTS drizzle")
        session.execute("CREATE SCHEMA IF NOT EXISTS drizzle")


def test_a_baseline_makes_tables_and_records(team: Team):
    an_app(team, PRISMA, migrator="Baseline")

    team.await_ready("shop")

    assert ["User", "_prisma_migrations"] == team.tables("shop")
    assert ["20240101000000_init"] == migrations_of(team)
    assert ("True", "Applied") == team.says("shop", "SchemaSynced")
    assert "1 migration of Prisma in prisma/migrations is recorded" in schema_message(team)
    assert 1 == team.status("shop")["schema"]["tables"]


def test_a_baseline_goes_on_with_every_release(team: Team):
    an_app(team, PRISMA, migrator="Baseline")
    team.await_ready("shop")

    team.apply_source("shop", as_keys(PRISMA_NEXT))

    until(lambda: len(migrations_of(team)) == 2, say=lambda: team.tell("shop"))
    team.await_ready("shop")
    assert [] == rows(team, 'SELECT id, email, name FROM "User"')


def test_a_look_at_a_baseline_writes_nothing(team: Team):
    an_app(team, PRISMA, migrator="Baseline")
    team.await_ready("shop")
    before = rows(team, "SELECT xmin::text, id FROM _prisma_migrations")

    team.request_look("shop")
    team.request_look("shop")

    assert before == rows(team, "SELECT xmin::text, id FROM _prisma_migrations")
    assert KStatus.CURRENT is team.kstatus("shop")


def test_a_baseline_that_would_lie_changes_nothing(team: Team):
    ahead = {**PRISMA, "prisma/schema.prisma": PRISMA_NEXT["prisma/schema.prisma"]}
    an_app(team, ahead, migrator="Baseline")

    synced = team.await_says("shop", "SchemaSynced", "False", "InvalidSpec")

    assert "column User.name is declared, and no migration makes it" in synced.message
    assert KStatus.FAILED is team.kstatus("shop")
    assert [] == team.tables("shop")
    team.apply_source("shop", as_keys(PRISMA_NEXT))
    team.await_ready("shop")
    assert 2 == len(migrations_of(team))


def test_a_schema_that_runs_ahead_of_its_migrations_waits_for_them(team: Team):
    an_app(team, PRISMA, migrator="Baseline")
    team.await_ready("shop")

    ahead = {**PRISMA, "prisma/schema.prisma": PRISMA_NEXT["prisma/schema.prisma"]}
    team.apply_source("shop", as_keys(ahead))

    team.await_says("shop", "SchemaSynced", "False", "InvalidSpec")
    with team.logged_in("shop") as session, pytest.raises(psycopg.errors.UndefinedColumn):
        session.execute('SELECT name FROM "User"')
    team.apply_source("shop", as_keys(PRISMA_NEXT))
    team.await_ready("shop")
    assert [] == rows(team, 'SELECT name FROM "User"')


def test_a_baseline_of_drizzle_keeps_its_records_in_its_own_schema(team: Team):
    an_app(team, DRIZZLE, migrator="Baseline")

    team.await_ready("shop")

    assert [(1_700_000_000_000,)] == rows(
        team, "SELECT created_at FROM drizzle.__drizzle_migrations"
    )


ALONE = {
    "src/schema.ts": "import { pgTable, integer } from 'drizzle-orm/pg-core';",
    "drizzle/meta/_journal.json": journal("0000_a", "0001_b"),
    "drizzle/0000_a.sql": """CREATE TYPE "size" AS ENUM('S', 'M');--> statement-breakpoint
        CREATE TABLE "shops" ("id" serial PRIMARY KEY NOT NULL, "size" "size" DEFAULT 'S');
        CREATE TABLE "old" ("id" integer);""",
    "drizzle/0001_b.sql": """DROP TABLE "old";
        CREATE SCHEMA "billing";
        CREATE TABLE "billing"."bills" ("id" integer PRIMARY KEY, "shop" integer,
            CONSTRAINT "bills_total" CHECK ("id" > 0));
        ALTER TABLE "billing"."bills" ADD CONSTRAINT "bills_shop_fk" FOREIGN KEY ("shop")
            REFERENCES "public"."shops"("id");
        ALTER TABLE "shops" RENAME COLUMN "size" TO "girth";
        CREATE INDEX "shops_girth" ON "shops" USING btree ("girth");""",
}


def test_migrations_of_sql_say_what_the_tables_are_where_nobody_reads_the_models(team: Team):
    an_app(team, ALONE, migrator="Baseline")

    team.await_ready("shop")

    assert ["shops"] == team.tables("shop")
    assert [(2,)] == rows(team, "SELECT count(*) FROM drizzle.__drizzle_migrations")
    assert [] == rows(team, "SELECT girth FROM shops JOIN billing.bills ON shop = shops.id")
    before = rows(team, "SELECT xmin::text FROM pg_class WHERE relname IN ('shops', 'bills')")
    team.request_look("shop")
    team.await_ready("shop")
    assert before == rows(
        team, "SELECT xmin::text FROM pg_class WHERE relname IN ('shops', 'bills')"
    )


def test_the_next_migration_of_sql_is_a_change_like_any_other(team: Team):
    an_app(team, ALONE, migrator="Baseline")
    team.await_ready("shop")
    following = {
        **ALONE,
        "drizzle/meta/_journal.json": journal("0000_a", "0001_b", "0002_c"),
        "drizzle/0002_c.sql": """ALTER TABLE "shops" ADD COLUMN "name" text;""",
    }

    team.apply_source("shop", as_keys(following))

    query = "SELECT count(*) FROM drizzle.__drizzle_migrations"
    until(lambda: rows(team, query) == [(3,)], say=lambda: team.tell("shop"))
    assert [] == rows(team, "SELECT name FROM shops")


def test_migrations_of_programs_alone_do_not_tell(team: Team):
    an_app(team, {"alembic/versions/1_a.py": ALEMBIC_FIRST}, migrator="Baseline")

    ready = team.await_says("shop", "SourceReady", "False", "NothingDetected")

    assert "its migrations alone do not tell" in ready.message


def test_records_that_nobody_knows_how_to_write_are_refused(team: Team):
    files = {"schema.prisma": PRISMA_MODEL, "db/V1__init.sql": PRISMA_FIRST}
    team.apply("shop", source={"inline": files}, schema={"migrator": "Baseline"})

    synced = team.await_says("shop", "SchemaSynced", "False", "InvalidSpec")

    assert "the records of Flyway are not known" in synced.message


def test_a_migrator_that_is_ignored_is_no_migrator(team: Team):
    an_app(team, PRISMA, migrator="Ignore")

    team.await_ready("shop")

    assert ["User"] == team.tables("shop")
    assert ("True", "Applied") == team.says("shop", "SchemaSynced")


def test_standing_back_needs_no_folder(team: Team):
    an_app(team, {"schema.prisma": PRISMA_MODEL}, migrator="StandBack")

    team.await_ready("shop")

    synced = team.await_says("shop", "SchemaSynced", "True", "MigratorOwned")
    assert "StandBack" in synced.message
    assert "1 declared table not made" in synced.message
    assert [] == team.tables("shop")


def test_standing_back_needs_no_source(team: Team):
    team.apply("shop", schema={"migrator": "StandBack"})

    team.await_ready("shop")

    team.await_says("shop", "SchemaSynced", "True", "MigratorOwned")


def test_a_mode_that_is_off_comes_first(team: Team):
    an_app(team, PRISMA, mode="Off", migrator="Baseline")

    team.await_ready("shop")

    team.await_says("shop", "SchemaSynced", "True", "Disabled")
    assert [] == team.tables("shop")


def test_a_baseline_of_plans_only_writes_nothing(team: Team):
    an_app(team, PRISMA, mode="PlanOnly", migrator="Baseline")

    team.await_says("shop", "SchemaSynced", "True", "PlanOnly")

    assert [] == team.tables("shop")


def test_tables_of_ours_stay_when_a_migrator_appears_and_come_back_when_it_goes(team: Team):
    an_app(team, {"prisma/schema.prisma": PRISMA_MODEL})
    team.await_ready("shop")

    team.apply_source("shop", as_keys(PRISMA_NEXT))
    synced = team.await_says("shop", "SchemaSynced", "True", "MigratorOwned")
    assert "1 table of ours left as they were" in synced.message
    assert ["User"] == team.tables("shop")

    without = {"prisma/schema.prisma": PRISMA_NEXT["prisma/schema.prisma"]}
    team.apply_source("shop", as_keys(without))
    team.await_says("shop", "SchemaSynced", "True", "Applied")
    assert [] == rows(team, 'SELECT name FROM "User"')


def test_a_baseline_takes_over_tables_of_ours(team: Team):
    an_app(team, {"prisma/schema.prisma": PRISMA_MODEL})
    team.await_ready("shop")
    team.apply_source("shop", as_keys(PRISMA_NEXT))
    team.await_says("shop", "SchemaSynced", "True", "MigratorOwned")

    team.apply("shop", schema={"migrator": "Baseline"})

    until(lambda: "recorded" in schema_message(team), say=lambda: team.tell("shop"))
    assert 2 == len(migrations_of(team))
    assert [] == rows(team, 'SELECT name FROM "User"')

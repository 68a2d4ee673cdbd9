"""`appdb plan`, `apply` and `schema` over an application with a migrator of its own."""

import psycopg
import pytest

from support.commands import Shell
from support.migrations import PRISMA, PRISMA_NEXT, journal
from support.sandbox import fresh_database

pytestmark = pytest.mark.postgres

ROWS = "SELECT migration_name FROM _prisma_migrations ORDER BY 1"


@pytest.fixture
def shell(postgres18, tmp_path):
    with fresh_database(postgres18) as dsn:
        yield Shell(folder=tmp_path, dsn=dsn)


def rows(shell, query):
    with psycopg.connect(shell.dsn) as session:
        return [row[0] for row in session.execute(query.encode())]


def tables(shell):
    return rows(shell, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")


def test_a_migrator_is_told_of_and_its_tables_are_applied_all_the_same(shell):
    shell.lay(PRISMA)

    planned, applied = shell.run("plan"), shell.run("apply")

    assert (2, 0) == (planned.returncode, applied.returncode)
    told = (
        "info MIGRATOR_FOUND: 1 migration of Prisma in prisma/migrations; schema.migrator decides"
    )
    assert told in planned.stderr
    assert told in applied.stderr
    assert ["User"] == tables(shell)


def test_a_baseline_writes_the_records_of_each_release(shell):
    shell.lay(PRISMA)
    first = shell.run("apply", "--migrator", "Baseline")
    shell.lay(PRISMA_NEXT)

    second = shell.run("apply", "--migrator", "Baseline")
    third = shell.run("apply", "--migrator", "Baseline")

    assert [0, 0, 0] == [each.returncode for each in (first, second, third)]
    assert "1 migration of Prisma in prisma/migrations is recorded in _prisma" in first.stderr
    assert ["20240101000000_init", "20240201000000_name"] == rows(shell, ROWS)
    assert "applied 0 steps" in third.stderr


def test_a_baseline_that_would_lie_changes_nothing(shell):
    shell.lay({**PRISMA, "prisma/schema.prisma": PRISMA_NEXT["prisma/schema.prisma"]})

    done = shell.run("apply", "--migrator", "Baseline")

    assert 1 == done.returncode
    assert "column User.name is declared, and no migration makes it" in done.stderr
    assert [] == tables(shell)


def test_a_baseline_without_migrations_is_an_ordinary_run(shell):
    shell.lay({"schema.sql": "CREATE TABLE users (id int);"})

    assert 0 == shell.run("apply", "--migrator", "Baseline").returncode
    assert ["users"] == tables(shell)


def test_migrations_alone_declare_no_tables(shell):
    shell.lay({"drizzle/meta/_journal.json": journal("0000_a"), "drizzle/0000_a.sql": "SELECT 1;"})

    done = [shell.run("plan"), shell.run("apply"), shell.run("schema")]

    assert [1, 1, 3] == [each.returncode for each in done]
    assert "no table is declared beside 1 migration of Drizzle in drizzle" in done[0].stderr
    assert "nothing found" in done[2].stderr


def test_migrations_of_sql_alone_say_what_the_tables_are(shell):
    files = {
        "drizzle/meta/_journal.json": journal("0000_a", "0001_b"),
        "drizzle/0000_a.sql": "CREATE TABLE users (id int, old int);",
        "drizzle/0001_b.sql": "ALTER TABLE users DROP COLUMN old;",
    }
    shell.lay(files)

    done = [shell.run("apply", "--migrator", "Baseline") for _ in range(2)]

    assert [0, 0] == [each.returncode for each in done]
    assert ["users"] == tables(shell)
    assert [2] == rows(shell, "SELECT count(*) FROM drizzle.__drizzle_migrations")


def test_files_of_a_migrator_that_is_ignored_are_files_like_any_other(shell):
    shell.lay({"db/V1__init.sql": "CREATE TABLE users (id int);"})

    assert 1 == shell.run("apply").returncode
    assert 0 == shell.run("apply", "--migrator", "Ignore").returncode
    assert ["users"] == tables(shell)

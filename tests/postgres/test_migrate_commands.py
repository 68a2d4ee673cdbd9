"""`appdb plan` and `appdb apply` as people and pipelines use them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from appdb.local.postgres import EmbeddedPostgres, Login
from support.sandbox import fresh_admin, fresh_database, unique_name

pytestmark = pytest.mark.postgres

OPERATOR = Path(__file__).parents[2] / "operator"
ONE = "CREATE TABLE users (id serial PRIMARY KEY, name text, age int);\n"
TWO = "CREATE TABLE users (id serial PRIMARY KEY, name text, bio text);\n"


@dataclass(kw_only=True)
class Shell:
    """Runs the command against one database with one schema.sql."""

    folder: Path
    dsn: str

    def write(self, ddl: str) -> None:
        (self.folder / "schema.sql").write_text(ddl, encoding="utf-8")

    def run(self, *words: str, dsn: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "appdb", words[0], str(self.folder), *words[1:]],
            env=os.environ | {"DATABASE_URL": dsn or self.dsn, "PYTHONPATH": str(OPERATOR)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def json(self, *words: str) -> dict:
        found = self.run(*words, "-o", "json")
        assert found.stdout, found.stderr
        return json.loads(found.stdout)


@pytest.fixture
def shell(postgres18: EmbeddedPostgres, tmp_path: Path) -> Iterator[Shell]:
    with fresh_database(postgres18) as dsn:
        yield Shell(folder=tmp_path, dsn=dsn)


def test_a_schema_is_planned_applied_and_planned_again(shell: Shell):
    shell.write(ONE)

    codes = [shell.run(word).returncode for word in ("plan", "apply", "plan", "apply")]

    assert [2, 0, 0, 0] == codes


def test_plan_writes_nothing_to_the_database(shell: Shell):
    shell.write(ONE)

    assert 2 == shell.run("plan").returncode

    with psycopg.connect(shell.dsn) as conn:
        schemas = conn.execute("SELECT count(*) FROM pg_namespace WHERE nspname = '_appdb'")
        assert (0,) == schemas.fetchone()
        assert ([],) == conn.execute(
            "SELECT coalesce(array_agg(relname), '{}') FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace"
        ).fetchone()
        scratch = "SELECT count(*) FROM pg_database WHERE datname LIKE '\\_appdb\\_scratch\\_%'"
        assert (0,) == conn.execute(scratch).fetchone()


def test_what_waits_is_approved_by_its_hash(shell: Shell):
    shell.write(ONE)
    shell.run("apply")
    shell.write(TWO)

    waiting = shell.json("apply")

    assert (3, 1, 1) == (waiting["exitCode"], waiting["applied"], len(waiting["pending"]))
    done = shell.run("apply", "--approve", waiting["planHash"])
    assert (0, 0) == (done.returncode, shell.run("plan").returncode)


def test_allow_decides_by_hazard(shell: Shell):
    shell.write(ONE)
    shell.run("apply")
    shell.write(TWO)

    withheld = shell.json("plan", "--allow", "dropColumn=Never")

    assert (2, 1) == (withheld["exitCode"], len(withheld["withheld"]))
    assert 0 == shell.run("apply", "--allow", "dropColumn=Auto").returncode


def test_blocked_rows_are_named_by_key_only(shell: Shell):
    shell.write(ONE)
    shell.run("apply")
    with psycopg.connect(shell.dsn, autocommit=True) as conn:
        conn.execute("INSERT INTO users (name) VALUES ('secret-name'), (NULL), (NULL)")
    shell.write(ONE.replace("name text", "name text NOT NULL"))

    found = shell.run("plan", "-o", "json")

    (blocked,) = json.loads(found.stdout)["blocked"]
    assert 4 == found.returncode
    assert ("users", "name", "notNull", 2, [2, 3]) == tuple(
        blocked[name] for name in ("table", "column", "hazard", "count", "sampleKeys")
    )
    assert "secret-name" not in found.stdout + found.stderr
    assert 0 == shell.run("apply", "--backfill", "users.name='x'").returncode


def test_renames_and_casts_are_taken_from_the_command_line(shell: Shell):
    shell.write(ONE)
    shell.run("apply")
    with psycopg.connect(shell.dsn, autocommit=True) as conn:
        conn.execute("INSERT INTO users (name, age) VALUES ('12', 1)")
    shell.write("CREATE TABLE people (id serial PRIMARY KEY, number int, age int);\n")

    found = shell.run(
        "apply",
        "--rename",
        "users=people",
        "--rename",
        "users.name=number",
        "--cast",
        "people.number=number::int",
        "--allow",
        "narrow=Auto",
    )

    assert 0 == found.returncode, found.stdout + found.stderr
    with psycopg.connect(shell.dsn) as conn:
        assert (12, 1) == conn.execute("SELECT number, age FROM people").fetchone()


@pytest.mark.parametrize(
    "words",
    [
        ("--approve", "sha256:12"),
        ("--allow", "nonsense=Auto"),
        ("--allow", "dropColumn=Maybe"),
        ("--rename", "users"),
        ("--lock-timeout", "soon"),
        ("--no-such-flag",),
    ],
)
def test_a_usage_error_exits_with_1(shell: Shell, words):
    shell.write(ONE)

    found = shell.run("plan", *words)

    assert 1 == found.returncode
    assert "Traceback" not in found.stderr


def test_a_login_that_may_not_create_databases_is_told_what_to_do(
    shell: Shell, postgres18: EmbeddedPostgres
):
    login = postgres18.create_login(unique_name("plain"))
    shell.write(ONE)

    found = shell.run("plan", dsn=owned_by(shell.dsn, login))

    assert 1 == found.returncode
    assert "CREATEDB" in found.stderr
    assert "--scratch-url" in found.stderr
    assert login.password not in found.stderr


def test_a_plain_login_works_with_a_scratch_url(shell: Shell, postgres18: EmbeddedPostgres):
    login = postgres18.create_login(unique_name("plain"))
    shell.write(ONE)
    dsn = owned_by(shell.dsn, login)
    with fresh_database(postgres18, "scratch") as scratch:
        own = owned_by(scratch, login)
        codes = [
            shell.run(word, "--scratch-url", own, dsn=dsn).returncode
            for word in ("plan", "apply", "plan")
        ]

    assert [2, 0, 0] == codes


def owned_by(dsn: str, login: Login) -> str:
    """Give the database to a login; returns that login's DSN for it."""
    name = dsn.rpartition("/")[2]
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(
            sql.SQL("ALTER DATABASE {} OWNER TO {}").format(
                sql.Identifier(name), sql.Identifier(login.name)
            )
        )
    return f"{login.dsn.rpartition('/')[0]}/{name}"


def test_an_admin_without_superuser_works(shell: Shell, postgres18: EmbeddedPostgres):
    admin = fresh_admin(postgres18)
    shell.write(ONE)
    dsn = owned_by(shell.dsn, admin)

    assert [2, 0, 0] == [shell.run(word, dsn=dsn).returncode for word in ("plan", "apply", "plan")]


def test_nothing_detected_over_managed_tables_is_an_error(shell: Shell):
    shell.write(ONE)
    shell.run("apply")
    shell.write("-- nothing\n")

    found = shell.run("apply")

    assert 1 == found.returncode
    with psycopg.connect(shell.dsn) as conn:
        assert (0,) == conn.execute("SELECT count(*) FROM users").fetchone()


def test_a_wrong_password_is_one_line_without_it(shell: Shell):
    shell.write(ONE)
    head, _, tail = shell.dsn.partition("@")

    found = shell.run("plan", dsn=f"{head.rpartition(':')[0]}:wr0ng-secret@{tail}")

    assert 1 == found.returncode
    assert "wr0ng-secret" not in found.stderr
    assert 1 == len(found.stderr.strip().splitlines())


def test_markdown_and_sql_are_for_reviews(shell: Shell):
    shell.write(ONE)

    assert "| runs | S |" in shell.run("plan", "-o", "markdown").stdout
    assert 'CREATE TABLE "public"."users"' in shell.run("plan", "-o", "sql").stdout


def test_a_ledger_of_somebody_else_is_told_with_the_grant(
    shell: Shell, postgres18: EmbeddedPostgres
):
    shell.write(ONE)
    shell.run("apply")
    admin = fresh_admin(postgres18)

    found = shell.run("plan", dsn=f"{admin.dsn.rpartition('/')[0]}/{shell.dsn.rpartition('/')[2]}")

    assert 1 == found.returncode
    assert f'GRANT ALL ON SCHEMA _appdb TO "{admin.name}"' in found.stderr


def test_a_login_that_may_not_make_the_ledger_is_told_the_grant(
    shell: Shell, postgres18: EmbeddedPostgres
):
    admin = fresh_admin(postgres18)
    with psycopg.connect(shell.dsn, autocommit=True) as conn:
        conn.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(sql.Identifier(admin.name)))
    shell.write(ONE)
    dsn = f"{admin.dsn.rpartition('/')[0]}/{shell.dsn.rpartition('/')[2]}"

    found = shell.run("apply", dsn=dsn)

    assert 1 == found.returncode
    assert "GRANT CREATE ON DATABASE" in found.stderr


def test_long_names_of_tables_and_columns_are_located_errors(shell: Shell):
    shell.write(f"CREATE TABLE t (\n  id int PRIMARY KEY,\n  {'c' * 64} int\n);\n")

    found = shell.run("plan")

    assert 1 == found.returncode
    assert "schema.sql:" in found.stderr

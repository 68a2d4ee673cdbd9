"""The real tools, over a database that a Baseline made: nothing to do, and then they go on."""

from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql

from appdb.plan.bookkeeping import baseline_of
from appdb.postgres.baseline import write_missing
from appdb.postgres.ddl import apply_first_schema
from appdb.postgres.inspect import read_catalog
from appdb.postgres.provision import app_session
from appdb.postgres.replay import read_schema, require_same
from appdb.postgres.scratch import SETTINGS, Scratch, ensure_scratch_database
from appdb.source.analyze import analyze
from appdb.source.bundle import bundle_of_texts
from appdb.source.migrators.declared import declared_by
from support.ownmigrators import APPS
from support.sandbox import unique_name
from support.tenants import a_database, provisioned

pytestmark = [pytest.mark.migrators, pytest.mark.slow, pytest.mark.postgres]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A database that a Baseline made, by its app's own URL."""

    url: str

    def rows(self, table: str) -> list[Any]:
        """What a table holds, with the version of each row."""
        with psycopg.connect(self.url) as session:
            query = sql.SQL("SELECT xmin::text, t::text FROM {} t ORDER BY 2")
            name = sql.Identifier(*(part.strip('"') for part in table.split(".")))
            return session.execute(query.format(name)).fetchall()


async def fingerprint(sessions, wanted) -> str:
    async with app_session(sessions, wanted) as session:
        return (await read_catalog(session)).fingerprint


async def baselined(sessions, files):
    """What the operator does for an AppDatabase whose `schema.migrator` is Baseline."""
    found = analyze(bundle_of_texts(files))
    baseline = baseline_of(found.migrators)
    may = baseline.migrator.wants_schemas
    wanted = await provisioned(sessions, a_database(may_create_schemas=may))
    name = unique_name("scratch")
    async with sessions.maintenance() as session:
        await ensure_scratch_database(session, name)
    async with sessions.database(name, settings=SETTINGS) as conn:
        live = await read_catalog(conn)
        statements = found.statements
        if found.declares_nothing:
            made = await read_schema(Scratch(conn=conn), baseline.migrator, live)
            statements = declared_by(made)
        await require_same(Scratch(conn=conn), statements, baseline.migrator, live)
    async with app_session(sessions, wanted) as session:
        await apply_first_schema(session, statements)
        await write_missing(session, baseline.books)
    return wanted


async def released(sessions, wanted, files):
    """What the operator does for the next release: the column, and the record of it."""
    baseline = baseline_of(analyze(bundle_of_texts(files)).migrators)
    table = "User" if "prisma/schema.prisma" in files else "users"
    async with app_session(sessions, wanted) as session:
        name = sql.Identifier("public", table)
        await session.execute(sql.SQL("ALTER TABLE {} ADD COLUMN name text").format(name))
        await write_missing(session, baseline.books)


def url_of(sessions, wanted) -> str:
    login, address = wanted.logins[0], sessions.address
    return (
        f"postgresql://{login.username}:{login.password}@{address.host}:{address.port}/"
        f"{wanted.name}"
    )


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", APPS)
async def test_the_tool_finds_nothing_to_do_and_then_goes_on(sessions18, tmp_path, name):
    app = APPS[name]
    app.install()
    wanted = await baselined(sessions18, app.files)
    made = Made(url=url_of(sessions18, wanted))
    before = (await fingerprint(sessions18, wanted), made.rows(app.records))
    app.lay(tmp_path, app.files)

    said = app.run(tmp_path, made.url)

    assert app.quiet in said
    assert before == (await fingerprint(sessions18, wanted), made.rows(app.records))
    app.lay(tmp_path, {**app.files, **app.following})
    app.run(tmp_path, made.url)
    assert before[0] != await fingerprint(sessions18, wanted)
    assert before[1] != made.rows(app.records)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", ["prisma", "drizzle", "drizzle 1.0", "knex", "alembic"])
async def test_the_tool_finds_nothing_to_do_after_the_next_release(sessions18, tmp_path, name):
    app = APPS[name]
    app.install()
    files = {**app.files, **app.following}
    wanted = await baselined(sessions18, app.files)
    await released(sessions18, wanted, files)
    made = Made(url=url_of(sessions18, wanted))
    before = (await fingerprint(sessions18, wanted), made.rows(app.records))
    app.lay(tmp_path, files)

    app.run(tmp_path, made.url)

    assert before == (await fingerprint(sessions18, wanted), made.rows(app.records))


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", ["prisma", "drizzle", "knex", "alembic", "django"])
async def test_without_its_records_the_tool_fails(sessions18, tmp_path, name):
    app = APPS[name]
    app.install()
    wanted = await provisioned(sessions18, a_database(may_create_schemas=True))
    async with app_session(sessions18, wanted) as session:
        await apply_first_schema(session, analyze(bundle_of_texts(app.files)).statements)
    app.lay(tmp_path, app.files)

    with pytest.raises(AssertionError, match=r"P3005|already exists|applying migrations"):
        app.run(tmp_path, url_of(sessions18, wanted))

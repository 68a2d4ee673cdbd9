"""The scratch database of a server: every role may create in it, and nobody enters it."""

import pytest
from psycopg import sql

from appdb.postgres.scratch import SETTINGS, ensure_scratch_database, open_to_roles
from support.sandbox import unique_name
from support.tenants import as_superuser

pytestmark = pytest.mark.postgres

MAY_CREATE = "SELECT has_schema_privilege('public', 'public', 'CREATE')"
MAY_ENTER = "SELECT has_database_privilege('public', current_database(), 'CONNECT')"


async def test_every_role_may_create_where_nobody_else_enters(postgres18, sessions18):
    async with sessions18.maintenance() as session:
        name = await ensure_scratch_database(session, unique_name("scratch"))

    async with sessions18.database(name, settings=SETTINGS) as bench:
        await open_to_roles(bench)

    assert [(True,)] == as_superuser(postgres18, name, MAY_CREATE)
    assert [(False,)] == as_superuser(postgres18, name, MAY_ENTER)


async def test_a_database_that_others_enter_stays_as_it_is(postgres18, sessions18):
    name = unique_name("scratch")
    async with sessions18.maintenance() as session:
        await session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    async with sessions18.database(name, settings=SETTINGS) as bench:
        await open_to_roles(bench)

    assert [(False,)] == as_superuser(postgres18, name, MAY_CREATE)
    assert [(True,)] == as_superuser(postgres18, name, MAY_ENTER)

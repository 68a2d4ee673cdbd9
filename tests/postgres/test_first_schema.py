"""The app's first tables: all or nothing, with the app's rights, errors told by place."""

import pytest

from appdb.errors import DDLFailed, LockTimeout
from appdb.model.ddl import DdlKind, DdlStatement
from appdb.model.finding import Evidence, Span
from appdb.postgres.ddl import TableRow, apply_first_schema, operator_made, read_tables
from appdb.postgres.provision import app_session
from support.tenants import a_database, as_superuser, logged_in, provisioned

pytestmark = pytest.mark.postgres


def a_statement(sql, name="t", *, kind=DdlKind.TABLE, line=1):
    span = Span(path="schema.prisma", line=line)
    return DdlStatement(
        kind=kind, sql=sql, name=name, evidence=Evidence(span=span, rule="prisma.model")
    )


SHOP = (
    a_statement("CREATE TYPE size AS ENUM ('S', '100%')", "size", kind=DdlKind.TYPE),
    a_statement("CREATE TABLE customers (id bigint PRIMARY KEY, email text)", "customers"),
    a_statement(
        "CREATE TABLE orders (id bigint PRIMARY KEY, size size, customer bigint,"
        " share text CHECK (share LIKE '%s%%'))",
        "orders",
    ),
    a_statement(
        "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers", "orders_customer_fkey"
    ),
)


async def test_tables_land_in_public_and_belong_to_the_app(postgres, sessions):
    wanted = await provisioned(sessions, a_database())

    async with app_session(sessions, wanted) as session:
        await apply_first_schema(session, SHOP)
        tables = await read_tables(session)

    assert (
        TableRow(schema="public", name="customers", columns=2),
        TableRow(schema="public", name="orders", columns=4),
    ) == tables
    owners = as_superuser(
        postgres,
        wanted.name,
        "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'",
    )
    assert [(wanted.roles.app,)] == owners


async def test_a_percent_sign_is_only_a_percent_sign(sessions18):
    wanted = await provisioned(sessions18, a_database())

    async with app_session(sessions18, wanted) as session:
        await apply_first_schema(session, SHOP)
        await session.execute("SELECT '100%'::public.size")


async def test_one_bad_statement_undoes_all_and_is_told_by_its_place(sessions):
    wanted = await provisioned(sessions, a_database())
    bad = a_statement("CREATE TABLE bills (id nonsense)", "bills", line=42)

    async with app_session(sessions, wanted) as session:
        with pytest.raises(DDLFailed) as failed:
            await apply_first_schema(
                session, (*SHOP, bad, a_statement("CREATE TABLE late (i int)"))
            )
        assert () == await read_tables(session)

    assert "table bills (schema.prisma:42:1)" in failed.value.message
    assert 'type "nonsense" does not exist (SQLSTATE 42704)' in failed.value.message


HOSTILE = {
    "a second statement": "CREATE TABLE a (i int); DROP SCHEMA public CASCADE",
    "the end of the transaction": "COMMIT; CREATE TABLE a (i int)",
    "another role": "CREATE TABLE a (i int); SET ROLE none",
    "a schema": "CREATE SCHEMA evil",
    "a database": "CREATE DATABASE evil",
    "an extension": "CREATE EXTENSION citext",
    "a program": "COPY (SELECT 1) TO PROGRAM 'touch /tmp/evil'",
}


@pytest.mark.parametrize("sql", HOSTILE.values(), ids=HOSTILE)
async def test_text_that_hides_more_than_a_table_is_refused(sessions18, sql):
    wanted = await provisioned(sessions18, a_database())

    async with app_session(sessions18, wanted) as session:
        with pytest.raises(DDLFailed):
            await apply_first_schema(session, (*SHOP, a_statement(sql, "a")))
        assert () == await read_tables(session)


async def test_a_lock_in_the_way_is_no_fault_of_the_source(sessions18):
    wanted = await provisioned(sessions18, a_database())
    more = (a_statement("ALTER TABLE orders ADD COLUMN note text", "orders"),)
    async with app_session(sessions18, wanted) as session:
        await apply_first_schema(session, SHOP)
        async with logged_in(sessions18, wanted.logins[0], wanted.name) as client:
            await client.execute("BEGIN")
            await client.execute("LOCK TABLE orders")
            with pytest.raises(LockTimeout, match="table orders"):
                await apply_first_schema(session, more, lock_timeout_ms=50)
        await apply_first_schema(session, more)


async def test_schemas_and_extensions_are_left_to_the_operator(sessions18):
    statements = (
        a_statement("CREATE SCHEMA billing", "billing", kind=DdlKind.NAMESPACE),
        a_statement("CREATE EXTENSION citext", "citext", kind=DdlKind.EXTENSION),
        a_statement("CREATE TABLE billing.t (id int)"),
    )
    schemas = operator_made(statements, DdlKind.NAMESPACE)
    wanted = await provisioned(sessions18, a_database(schemas=schemas))

    async with app_session(sessions18, wanted) as session:
        await apply_first_schema(session, statements)
        assert (TableRow(schema="billing", name="t", columns=1),) == await read_tables(session)
    assert ("citext",) == operator_made(statements, DdlKind.EXTENSION)

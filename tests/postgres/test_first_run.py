"""A first run is written down later, and only while its tables are as it left them."""

import psycopg
import pytest

from appdb.model.catalog import Key, Kind
from appdb.postgres.apply import Book
from appdb.postgres.bookroom import ledger_session
from appdb.postgres.ddl import apply_first_schema
from appdb.postgres.firstrun import read_mark, record_first_run
from appdb.postgres.inspect import read_catalog
from appdb.postgres.ledger import Roles, read_ledger
from appdb.postgres.provision import app_session
from appdb.source.analyze import analyze
from appdb.source.bundle import bundle_of_texts
from support.tenants import a_database, as_superuser, provisioned

pytestmark = pytest.mark.postgres

SOURCE = """
CREATE TYPE size AS ENUM ('S', 'M');
CREATE DOMAIN amount AS numeric CHECK (VALUE >= 0);
CREATE TABLE customers (id serial PRIMARY KEY, email text DEFAULT 'x');
CREATE TABLE orders (
    id bigint PRIMARY KEY, size size, total amount,
    customer integer REFERENCES customers, note text
);
CREATE INDEX orders_note ON orders (note);
COMMENT ON TABLE orders IS 'what was bought';
"""
STATEMENTS = analyze(bundle_of_texts({"schema.sql": SOURCE})).statements


async def first_run(sessions):
    """Make the tables as the app; the wanted database and the mark of the run."""
    wanted = await provisioned(sessions, a_database())
    async with app_session(sessions, wanted) as session:
        await apply_first_schema(session, STATEMENTS)
        return wanted, await read_mark(session)


async def written_down(sessions, wanted, mark) -> bool:
    async with ledger_session(sessions, wanted.name) as session:
        return await record_first_run(
            Book(conn=session),
            mark,
            STATEMENTS,
            source_digest="sha256:1",
            frameworks=("sql",),
            actor="team/shop",
        )


async def ledger_of(sessions, wanted):
    async with ledger_session(sessions, wanted.name) as session:
        return await read_ledger(session, Roles()), await read_catalog(session)


def by_hand(postgres, wanted, *statements: str) -> None:
    """What the application's owner does over a session of its own."""
    dsn = postgres.server.dsn(wanted.name)
    with psycopg.connect(dsn, autocommit=True) as session:
        for statement in (f'SET ROLE "{wanted.roles.app}"', *statements):
            session.execute(statement)


async def test_what_the_first_run_left_is_written_down_as_ours(sessions):
    wanted, mark = await first_run(sessions)

    assert await written_down(sessions, wanted, mark)

    ledger, live = await ledger_of(sessions, wanted)
    assert ledger.settled is not None
    assert live.fingerprint == ledger.settled.result_fingerprint
    assert set(live.objects) == set(ledger.digests)
    assert Key(Kind.INDEX, "public", "orders", "orders_note") in ledger.digests
    assert (2, 7) == (mark.count("table"), mark.count("column"))


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE more (id int)",
        "DROP TABLE orders",
        "ALTER TABLE orders ADD COLUMN extra text",
        "ALTER TABLE orders DROP COLUMN note",
        "ALTER TABLE orders RENAME COLUMN note TO remark",
        "ALTER TABLE orders ALTER COLUMN note SET NOT NULL",
        "ALTER TABLE customers ALTER COLUMN email DROP DEFAULT",
        "ALTER TABLE customers ALTER COLUMN email SET DEFAULT 'y'",
        "CREATE INDEX orders_size ON orders (size)",
        "DROP INDEX orders_note",
        "ALTER TABLE orders DROP CONSTRAINT orders_customer_fkey",
        "ALTER TABLE orders ADD CHECK (id > 0)",
        "ALTER DOMAIN amount ADD CHECK (VALUE < 100)",
        "CREATE DOMAIN word AS text",
        "ALTER TYPE size ADD VALUE 'L'",
        "ALTER TYPE size RENAME VALUE 'S' TO 'XS'",
        "CREATE TYPE colour AS ENUM ('red')",
        "ALTER SEQUENCE customers_id_seq INCREMENT 2",
        "CREATE SEQUENCE numbers",
        "CREATE VIEW big AS SELECT * FROM orders",
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "COMMENT ON TABLE orders IS 'something else'",
        "COMMENT ON TABLE orders IS NULL",
        "COMMENT ON COLUMN orders.note IS 'a note'",
        "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY own ON orders USING (true)",
    ],
)
async def test_what_somebody_has_changed_since_is_not_called_ours(
    postgres18, sessions18, statement
):
    wanted, mark = await first_run(sessions18)
    by_hand(postgres18, wanted, statement)

    assert not await written_down(sessions18, wanted, mark)

    ledger, _ = await ledger_of(sessions18, wanted)
    assert not ledger.is_there


async def test_rows_and_housekeeping_change_nothing_about_it(postgres, sessions):
    wanted, mark = await first_run(sessions)
    by_hand(
        postgres,
        wanted,
        "INSERT INTO customers (email) SELECT 'a' FROM generate_series(1, 500)",
        "DELETE FROM customers WHERE id % 2 = 0",
        "SELECT nextval('customers_id_seq')",
    )
    as_superuser(postgres, wanted.name, "VACUUM (FREEZE, ANALYZE)")

    assert await written_down(sessions, wanted, mark)


async def test_what_stood_there_already_is_never_called_a_first_run(postgres, sessions):
    wanted = await provisioned(sessions, a_database())
    by_hand(postgres, wanted, "CREATE TABLE public.before (id int)")
    async with app_session(sessions, wanted) as session:
        await apply_first_schema(session, STATEMENTS)
        mark = await read_mark(session)

    assert mark.writer is None
    assert not await written_down(sessions, wanted, mark)

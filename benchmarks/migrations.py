"""Times the migration engine, and Alembic's comparison beside it, on schemas of real size.

Run: python benchmarks/migrations.py [TABLES ...]   (default: 100 500)
Each table has 15 columns, two unique keys, a check, a foreign key and three indexes; ten
changes are planned. Alembic (a development dependency) only compares; it rehearses nothing.
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "operator"), str(ROOT / "tests")]

from figure import Figure, conclude  # noqa: E402

from appdb.local.postgres import EmbeddedPostgres  # noqa: E402 - the path comes first
from appdb.plan.policy import Policy  # noqa: E402
from appdb.postgres.apply import Run, apply_release  # noqa: E402
from appdb.postgres.inspect import read_catalog  # noqa: E402
from appdb.postgres.migrate import plan_release  # noqa: E402
from support.releases import places, release_of  # noqa: E402

ROUNDS = 15
CHECK_MS = 60

TABLE = """
CREATE TABLE t{n} (
    id serial PRIMARY KEY, a int NOT NULL, b bigint, c text NOT NULL DEFAULT 'x',
    d varchar({length}) UNIQUE, e numeric(10,2) DEFAULT 0 CHECK (e >= 0), f boolean DEFAULT false,
    g timestamptz NOT NULL DEFAULT now(), h date, i uuid, j jsonb DEFAULT '{{}}', k mood{m},
    l text, m int{more}, up int REFERENCES t{up}, UNIQUE (a, b)
);
CREATE INDEX t{n}_c_idx ON t{n} (c);
CREATE INDEX t{n}_g_idx ON t{n} (g DESC);
CREATE INDEX t{n}_low_idx ON t{n} (lower(l)) WHERE f;
"""


def schema(tables: int, changed: int = 0) -> str:
    """DDL; the first `changed` tables are of the next release."""
    parts = [f"CREATE TYPE mood{m} AS ENUM ('sad', 'ok');\n" for m in range(10)]
    for n in range(tables):
        is_new = n < changed
        parts.append(
            TABLE.format(
                n=n,
                m=n % 10,
                up=max(n - 1, 0),
                length=200 if is_new else 100,
                more=", extra text" if is_new else "",
            )
        )
    return "".join(parts)


@contextmanager
def timed(what: str, into: list[float] | None = None) -> Iterator[None]:
    """Print how long something took, or only collect it, in milliseconds."""
    began = time.perf_counter()
    yield
    took = 1000 * (time.perf_counter() - began)
    if into is None:
        show(what, took)
    else:
        into.append(took)


def show(what: str, milliseconds: float) -> None:
    print(f"  {what:<58} {milliseconds:9.1f} ms")


async def measure(server: EmbeddedPostgres, tables: int) -> list[Figure]:
    print(f"{tables} tables, load average {os.getloadavg()[0]:.1f}")
    async with places(server, 2) as (place, beside):
        before, after = release_of(schema(tables)), release_of(schema(tables, 10))
        with timed("the bare statements, in one transaction"):
            async with beside.conn.transaction():
                await beside.conn.execute("SET LOCAL search_path = public")
                for statement in before.statements:
                    await beside.conn.execute(statement.sql.encode())
        with timed("first run on an empty database, in one transaction"):
            plan = await plan_release(place.conn, None, before, Policy())
            await apply_release(place.conn, plan, Run())
        await place.conn.execute("ANALYZE")
        snapshots: list[float] = []
        checks: list[float] = []
        for _ in range(ROUNDS):
            with timed("", snapshots):
                await read_catalog(place.conn)
            with timed("", checks):
                await plan_release(place.conn, None, before, Policy())
        show(f"snapshot of the live catalog, median of {ROUNDS}", median(snapshots))
        show(f"check that nothing changed (snapshot, ledger), median of {ROUNDS}", median(checks))
        planned: list[float] = []
        with timed("", planned):
            plan = await plan_release(place.conn, place.scratch, after, Policy())
        show("plan of ten changes, rehearsed (new scratch session)", planned[0])
        with timed("the same plan again (declared schema known)"):
            await plan_release(place.conn, place.scratch, after, Policy())
        print(f"  steps: {len(plan.steps)}, waiting: {len(plan.pending)}")
        with timed("apply"):
            await apply_release(place.conn, plan, Run())
        compare_with_alembic(place.dsn)
    return [
        Figure(
            name=f"check that nothing changed, {tables} tables",
            value=median(checks),
            limit=CHECK_MS * tables / 100,
            unit=" ms",
        ),
        Figure(
            name=f"plan with rehearsal, {tables} tables",
            value=planned[0] / 1000,
            limit=3 * tables / 100,
            unit=" s",
        ),
    ]


def compare_with_alembic(dsn: str) -> None:
    """The comparison of autogenerate against the unchanged definition, reflected."""
    try:
        import sqlalchemy
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext
    except ImportError:
        print("  Alembic is not installed: pip install alembic==1.20.1 sqlalchemy==2.1.9")
        return
    engine = sqlalchemy.create_engine(dsn.replace("postgresql://", "postgresql+psycopg://"))
    metadata = sqlalchemy.MetaData()
    with engine.connect() as connection:
        metadata.reflect(connection)
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        with timed("Alembic: comparison alone, nothing changed"):
            found = compare_metadata(context, metadata)
    print(f"  Alembic found {len(found)} differences")
    engine.dispose()


async def main() -> list[Figure]:
    figures: list[Figure] = []
    with TemporaryDirectory() as home:
        server = EmbeddedPostgres(Path(home), 18)
        server.start()
        try:
            for tables in map(int, sys.argv[1:] or ["100", "500"]):
                figures += await measure(server, tables)
        finally:
            server.remove()
    return figures


if __name__ == "__main__":
    conclude(asyncio.run(main()))

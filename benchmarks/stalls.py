"""Measures how long an innocent SELECT waits while every safe and online change is made.

Run: python benchmarks/stalls.py [ROWS]   (default: 200000)
A reader asks a table for one row again and again; beside it a long reader holds the table for
a while, which is what makes a waiting ALTER TABLE stall everybody behind it. The wait of the
innocent reader must stay under the lock time-out and 0.3 s.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "operator"), str(ROOT / "tests")]

from appdb.local.postgres import EmbeddedPostgres  # noqa: E402 - the path comes first
from appdb.plan.policy import Policy, Rename, RenameMode  # noqa: E402
from support.releases import Place, places, session  # noqa: E402

LOCK_TIMEOUT_MS = 500
ALLOWED_MS = LOCK_TIMEOUT_MS + 300
HOLD_SECONDS = 1.5
P = "CREATE TABLE p (id int PRIMARY KEY);\n"
T = "CREATE TABLE t (id int PRIMARY KEY, a int{}, b text{}, p_id int{});\n"
BASE = P + T.format("", "", "")
RENAME = Rename(table="t", column="b", to="called", mode=RenameMode.EXPAND)
RELEASES = {
    "add a column": P + T.format("", "", ", c text"),
    "add a column with a volatile default": P
    + T.format("", "", ", c uuid NOT NULL DEFAULT gen_random_uuid()"),
    "make a column required": P + T.format(" NOT NULL", "", ""),
    "add a check": P + T.format(" CHECK (a >= 0)", "", ""),
    "add a unique": P + T.format(" UNIQUE", "", ""),
    "add a foreign key": P + T.format("", "", " REFERENCES p"),
    "add an index": BASE + "CREATE INDEX i ON t (b);\n",
    "rename a column, both names for a while": BASE.replace(" b text", " called text"),
    "set a default": P + T.format(" DEFAULT 1", "", ""),
}


@dataclass(kw_only=True)
class Watch:
    """The longest wait of the innocent reader, in milliseconds."""

    longest: float = 0.0


@asynccontextmanager
async def innocent(dsn: str, watch: Watch) -> AsyncIterator[None]:
    """Ask for one row again and again."""

    async def read() -> None:
        async with session(dsn) as conn:
            await conn.execute("SET lock_timeout = 0")
            while True:
                began = time.perf_counter()
                await conn.execute("SELECT a FROM public.t WHERE id = 1")
                watch.longest = max(watch.longest, 1000 * (time.perf_counter() - began))
                await asyncio.sleep(0.005)

    task = asyncio.create_task(read())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def hold(dsn: str) -> None:
    """Read the table in a transaction that stays open for a while."""
    async with session(dsn) as conn, conn.transaction():
        await conn.execute("SELECT count(*) FROM public.t")
        await asyncio.sleep(HOLD_SECONDS)


async def measure(place: Place, name: str, ddl: str, rows: int) -> float:
    """Make one release beside the readers; returns the longest wait in milliseconds."""
    await place.run("DROP TABLE IF EXISTS t, p; DROP SCHEMA IF EXISTS _appdb CASCADE")
    await place.release(BASE)
    await place.run(
        "INSERT INTO p SELECT generate_series(1, 100);"
        f"INSERT INTO t SELECT i, i, 'text ' || i, 1 + i % 100 FROM generate_series(1, {rows}) i"
    )
    policy = Policy(lock_timeout_ms=LOCK_TIMEOUT_MS, renames=(RENAME,))
    watch = Watch()
    async with innocent(place.dsn, watch):
        holder = asyncio.create_task(hold(place.dsn))
        await asyncio.sleep(0.2)
        began = time.perf_counter()
        await place.release(ddl, policy)
        seconds = time.perf_counter() - began
        await holder
    verdict = "PASS" if watch.longest <= ALLOWED_MS else "FAIL"
    print(f"{name:<40} {seconds:6.1f} s  longest wait {watch.longest:7.1f} ms  {verdict}")
    return watch.longest


async def main() -> int:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    print(f"{rows} rows, lock time-out {LOCK_TIMEOUT_MS} ms, a wait of {ALLOWED_MS} ms is allowed")
    worst = 0.0
    with TemporaryDirectory() as home:
        server = EmbeddedPostgres(Path(home), 18)
        server.start()
        try:
            async with places(server) as (place,):
                for name, ddl in RELEASES.items():
                    worst = max(worst, await measure(place, name, ddl, rows))
        finally:
            server.remove()
    return 0 if worst <= ALLOWED_MS else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

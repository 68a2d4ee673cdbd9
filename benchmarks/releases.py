"""How soon an edited source is in the tables, alone and when all databases change at once.

Starts a sandbox of its own and prints one line per figure with PASS or FAIL. The floor is the
engine itself: the same change of the same tables by `appdb apply`'s own functions, in turn.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
from client import Client
from figure import Figure, conclude
from opened import NAMESPACE, OPERATOR, opened_sandbox
from provisioning import PATIENCE_SECONDS, provision_many
from schema import prisma_schema
from sessions import Sessions

from appdb.local.audit import mark_end, read_requests
from appdb.local.sandbox import Sandbox
from appdb.local.waiting import pause, wait_until
from appdb.plan.policy import Policy
from appdb.postgres.apply import Run, apply_release
from appdb.postgres.connect import connect
from appdb.postgres.migrate import Release, plan_release
from appdb.postgres.scratch import scratch_at
from appdb.postgres.url import parse_url
from appdb.source.analyze import analyze
from appdb.source.bundle import bundle_of_texts

SESSIONS = 8  # spec.connections.max of a DatabaseServer by default
BIG_ROWS = 300_000  # about 40 MiB: more than what counts as quick


def main() -> None:
    arguments = _arguments()
    with opened_sandbox() as (sandbox, client):
        conclude(_figures(sandbox, client, arguments))


def _figures(sandbox: Sandbox, client: Client, arguments: argparse.Namespace) -> Iterator[Figure]:
    yield from measure_one(sandbox, client, rounds=arguments.rounds)
    yield from measure_many(sandbox, client, count=arguments.many)
    yield measure_look(sandbox)


def measure_one(sandbox: Sandbox, client: Client, *, rounds: int) -> Iterator[Figure]:
    """One column more each time: from the edit of the ConfigMap to the column."""
    provision_many(client, ["edited"])
    totals, floors = [], []
    engine = _Engine(sandbox)
    with psycopg.connect(_dsn(sandbox, "edited"), autocommit=True) as session:
        for number in range(rounds):
            floors.append(engine.add_column(number))
            started = time.perf_counter()
            _edit(client, "edited", number + 1)
            _await_column(session, f"extra_{number}")
            totals.append(time.perf_counter() - started)
    floor, total = statistics.median(floors), statistics.median(totals)
    print(
        f"# the engine alone: median {floor * 1000:.0f} ms; by the operator: {total * 1000:.0f} ms"
    )
    yield Figure(name="edit to applied, beyond the engine", value=total - floor, limit=1, unit=" s")


class _Engine:
    """A database of its own with the same tables, changed by the engine in this process."""

    def __init__(self, sandbox: Sandbox) -> None:
        server = sandbox.postgres.server
        self._urls = [server.dsn(name) for name in ("engine", "engine_scratch")]
        with psycopg.connect(server.dsn("postgres"), autocommit=True) as session:
            session.execute("CREATE DATABASE engine")
            session.execute("CREATE DATABASE engine_scratch")
        asyncio.run(self._apply(0))

    def add_column(self, number: int) -> float:
        started = time.perf_counter()
        asyncio.run(self._apply(number + 1))
        return time.perf_counter() - started

    async def _apply(self, columns: int) -> None:
        analysis = analyze(bundle_of_texts({"schema.prisma": prisma_schema(extra=columns)}))
        live, bench = (parse_url(url) for url in self._urls)
        conn = await connect(live.address, live.login, database=live.database)
        async with conn, scratch_at(bench.address, bench.login, database=bench.database) as scratch:
            release = Release(statements=analysis.statements)
            plan = await plan_release(conn, scratch, release, Policy())
            await apply_release(conn, plan, Run())


def measure_many(sandbox: Sandbox, client: Client, *, count: int) -> Iterator[Figure]:
    """All sources edited at once, while an index of one database waits for an open transaction."""
    names = [f"many-{number}" for number in range(count)]
    provision_many(client, ["slow", *names])
    _fill(sandbox)
    watcher = Sessions(sandbox)
    with watcher, psycopg.connect(_dsn(sandbox, "slow")) as holder:
        holder.execute('UPDATE "User" SET name = name WHERE id = 1')
        _edit(client, "slow", 0, has_index=True)
        started = time.perf_counter()
        with ThreadPoolExecutor(max_workers=SESSIONS) as pool:
            list(pool.map(lambda name: _edit(client, name, 1), names))
        waiting = [name for name in names if not _has_column(sandbox, name)]
        quick = time.perf_counter() - started
        holder.rollback()
    wait_until(lambda: _has_index(sandbox), timeout_seconds=PATIENCE_SECONDS)
    each = quick / count * 1000
    print(f"# {count} edited at once: all applied after {quick:.1f} s ({each:.0f} ms each)")
    yield Figure(name="databases that waited for a slow one", value=len(waiting), limit=0)
    yield Figure(name="sessions at once", value=watcher.most, limit=SESSIONS)


def measure_look(sandbox: Sandbox) -> Figure:
    """A full look at every database, of which nothing changed: what it writes."""
    pause(3)
    mark = mark_end(sandbox.control_plane.audit_log)
    sandbox.kubectl("patch", "dbsrv", "local", "--type=merge", "-p", '{"spec": {"resync": "30s"}}')
    pause(35)
    requests = read_requests(sandbox.control_plane.audit_log, since=mark, user=OPERATOR)
    writes = [each for each in requests if each.is_write and each.namespace == NAMESPACE]
    print(f"# a full look at all: {len(requests)} requests")
    return Figure(name="a full look at unchanged databases, writes", value=len(writes), limit=0)


def _edit(client: Client, name: str, columns: int, *, has_index: bool = False) -> None:
    text = prisma_schema(extra=columns, has_index=has_index)
    client.merge("configmaps", NAMESPACE, name, {"data": {"schema.prisma": text}})


def _dsn(sandbox: Sandbox, name: str) -> str:
    return sandbox.postgres.server.dsn(f"{NAMESPACE}_{name.replace('-', '_')}")


def _await_column(session: psycopg.Connection, column: str) -> None:
    query = "SELECT FROM pg_attribute WHERE attrelid = 'public.\"User\"'::regclass AND attname = %s"
    is_there = wait_until(
        lambda: session.execute(query, (column,)).rowcount > 0,
        timeout_seconds=PATIENCE_SECONDS,
        interval_seconds=0.005,
    )
    if not is_there:
        raise TimeoutError(column)


def _has_column(sandbox: Sandbox, name: str) -> bool:
    with psycopg.connect(_dsn(sandbox, name), autocommit=True) as session:
        try:
            _await_column(session, "extra_0")
        except TimeoutError:
            return False
    return True


def _fill(sandbox: Sandbox) -> None:
    with psycopg.connect(_dsn(sandbox, "slow"), autocommit=True) as session:
        session.execute(
            'INSERT INTO "User" (email, name, "updatedAt") SELECT \'u\' || i, md5(i::text), now()'
            f" FROM generate_series(1, {BIG_ROWS}) i"
        )


def _has_index(sandbox: Sandbox) -> bool:
    query = (
        "SELECT FROM pg_index WHERE indisvalid AND indexrelid ="
        " to_regclass('public.\"User_name_createdAt_idx\"')"
    )
    with psycopg.connect(_dsn(sandbox, "slow"), autocommit=True) as session:
        return session.execute(query).rowcount > 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--many", type=int, default=200)
    return parser.parse_args()


if __name__ == "__main__":
    main()

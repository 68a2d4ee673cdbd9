"""A run may end at any moment: the next one finishes the work, and nothing is lost or left."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from appdb.errors import LockTimeout
from appdb.local.postgres import EmbeddedPostgres
from appdb.plan.policy import Policy
from appdb.postgres.apply import Event, Run, apply_release
from appdb.postgres.connect import LONGEST_SILENCE_MS
from appdb.postgres.inspect import read_catalog
from appdb.postgres.locks import run_lock
from support.releases import AUTO, Place, debris, differences, places, session
from support.sandbox import fresh_database, unique_name

pytestmark = pytest.mark.postgres

TESTS = Path(__file__).parent.parent
ROWS = 30_000
KILLS = int(os.environ.get("APPDB_KILLS", "100"))
BEFORE = """
CREATE TYPE st AS ENUM ('a', 'b');
CREATE TABLE p (id serial PRIMARY KEY, name varchar(20) NOT NULL, s st);
CREATE TABLE t (id serial PRIMARY KEY, p_id int, n int, old text);
CREATE INDEX t_n_idx ON t (n);
"""
AFTER = """
CREATE TYPE st AS ENUM ('a', 'b', 'c');
CREATE TABLE p (id serial PRIMARY KEY, name text NOT NULL UNIQUE, s st NOT NULL DEFAULT 'c');
CREATE TABLE t (id serial PRIMARY KEY, p_id int NOT NULL REFERENCES p, n bigint CHECK (n >= 0),
    u uuid NOT NULL DEFAULT gen_random_uuid());
CREATE INDEX t_n_idx ON t (n DESC);
CREATE TABLE fresh (id serial PRIMARY KEY, t_id int REFERENCES t);
"""
FILL = f"""
INSERT INTO p (name, s) SELECT 'n' || i, 'a' FROM generate_series(1, {ROWS}) i;
INSERT INTO t (p_id, n, old) SELECT i, i, 'x' FROM generate_series(1, {ROWS}) i
"""


@pytest.fixture(scope="module")
async def shared(postgres18: EmbeddedPostgres) -> AsyncIterator[list[Place]]:
    """A loaded database to copy, and one that is made fresh of the new release."""
    async with places(postgres18, 2) as (loaded, fresh):
        await loaded.release(BEFORE)
        await loaded.run(FILL)
        await loaded.conn.close()
        await fresh.release(AFTER)
        yield [loaded, fresh]


@pytest.fixture
def copy(postgres18: EmbeddedPostgres, shared: list[Place]) -> Iterator[str]:
    """DSN of a copy of the loaded database."""
    name, source = unique_name("copy"), shared[0].dsn.rpartition("/")[2]
    with psycopg.connect(postgres18.server.dsn(), autocommit=True) as admin:
        query = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        admin.execute(query.format(sql.Identifier(name), sql.Identifier(source)))
        yield postgres18.server.dsn(name)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def start(dsn: str, scratch: str) -> subprocess.Popen[str]:
    """Start a run and wait until it begins to apply."""
    process = subprocess.Popen(
        [sys.executable, "-m", "support.release_process"],
        env=os.environ | {"PYTHONPATH": f"{TESTS.parent / 'operator'}:{TESTS}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({"dsn": dsn, "scratch": scratch, "ddl": AFTER}))
    process.stdin.close()
    assert process.stdout.readline() == "planned\n"
    return process


async def whole(place: Place, fresh: Place) -> None:
    """Everything is as a fresh database would be, and every row is there."""
    catalog = await read_catalog(place.conn)
    assert [] == debris(catalog)
    assert [] == differences(await read_catalog(fresh.conn), catalog)
    query = "SELECT count(*), count(DISTINCT u), sum(n), sum(p_id) FROM public.t"
    row = await (await place.conn.execute(query)).fetchone()
    total = ROWS * (ROWS + 1) // 2
    assert (ROWS, ROWS, total, total) == row
    await place.run("INSERT INTO t (p_id) VALUES (1)")


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.timeout(120)
@pytest.mark.parametrize("kill", range(KILLS))
async def test_a_killed_run_is_finished_by_the_next(
    postgres18: EmbeddedPostgres, shared: list[Place], copy: str, kill: int
):
    chance = random.Random(kill)
    with fresh_database(postgres18, "scratch") as scratch:
        for _ in range(chance.randint(1, 2)):
            process = start(copy, scratch)
            await asyncio.sleep(chance.uniform(0, 1.5))
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
        async with session(copy) as conn:
            place = Place(conn=conn, scratch=shared[1].scratch, dsn=copy)
            async with run_lock(conn, wait_seconds=60):
                plan, outcome = await place.apply(AFTER, Policy(allow=AUTO))
            assert not outcome.failures, (outcome.failures, plan)
            assert 0 == (await place.plan(AFTER, Policy(allow=AUTO))).exit_code
            await whole(place, shared[1])


# A lock on a table, in a transaction; the lock of the run, between two; a statement under way.
PAUSED_IN = {
    "a transaction": "state = 'idle in transaction' AND EXISTS (SELECT FROM pg_locks l"
    " WHERE l.pid = a.pid AND l.mode = 'AccessExclusiveLock' AND l.granted)",
    "between two": "state = 'idle' AND EXISTS (SELECT FROM pg_locks l"
    " WHERE l.pid = a.pid AND l.locktype = 'advisory' AND l.granted)",
    "a statement": "state = 'active' AND EXISTS (SELECT FROM pg_locks l"
    " WHERE l.pid = a.pid AND l.locktype = 'advisory' AND l.granted)",
}
# What the server lets a silent holder have, and the time of the statement that it is in.
UNTIL_ENDED_SECONDS = LONGEST_SILENCE_MS / 1000 + 5


def pause_in(process: subprocess.Popen[str], dsn: str, state: str) -> bool:
    """Stop a run in a state of its session; tells whether that was met before it ended."""
    name = dsn.rpartition("/")[2]
    query = f"SELECT count(*) FROM pg_stat_activity a WHERE datname = %s AND {state}"
    with psycopg.connect(dsn.replace(name, "postgres"), autocommit=True) as watcher:
        while process.poll() is None:
            if _count(watcher, query, name):
                process.send_signal(signal.SIGSTOP)
                if _count(watcher, query, name):
                    return True
                process.send_signal(signal.SIGCONT)
    return False


def _count(watcher: psycopg.Connection, query: str, name: str) -> int:
    row = watcher.execute(query, (name,)).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.timeout(120)
@pytest.mark.parametrize("state", PAUSED_IN)
async def test_a_run_that_is_paused_holds_nobody_up_for_long_and_does_no_harm_when_it_wakes(
    postgres18: EmbeddedPostgres, shared: list[Place], copy: str, state: str
):
    with fresh_database(postgres18, "scratch") as scratch:
        process = start(copy, scratch)
        assert pause_in(process, copy, PAUSED_IN[state])
        async with asyncio.timeout(UNTIL_ENDED_SECONDS), session(copy) as app:
            await app.execute("SET lock_timeout = 0")
            await app.execute("SELECT count(*) FROM public.t")

        async with session(copy) as conn:
            place = Place(conn=conn, scratch=shared[1].scratch, dsn=copy)
            async with run_lock(conn, wait_seconds=UNTIL_ENDED_SECONDS):
                _, outcome = await place.apply(AFTER, Policy(allow=AUTO))
            assert not outcome.failures
            process.send_signal(signal.SIGCONT)
            assert 0 != process.wait(timeout=30)
            process.stdout.close()
            await whole(place, shared[1])


INDEXED = "CREATE TABLE t (id serial PRIMARY KEY, n int);\n"
INDEXES = {
    "as declared": ("CREATE INDEX t_n_idx ON t (n)", "CREATE INDEX t_n_idx ON t (n)"),
    "unique": ("CREATE UNIQUE INDEX t_n_idx ON t (n)", "CREATE UNIQUE INDEX t_n_idx ON t (n)"),
    "of another form": ("CREATE INDEX t_n_idx ON t (id)", "CREATE INDEX t_n_idx ON t (n)"),
}


@pytest.mark.parametrize(("there", "declared"), INDEXES.values(), ids=INDEXES)
async def test_an_index_whose_building_was_broken_off_is_built_anew(
    postgres18: EmbeddedPostgres, there: str, declared: str
):
    async with places(postgres18, 1) as (place,):
        await place.release(INDEXED)
        await place.run(f"INSERT INTO t (n) VALUES (1); {there}")
        await place.run(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_n_idx'::regclass"
        )

        plan = await place.release(f"{INDEXED}{declared};\n")

        assert 2 == len(plan.steps)
        assert [] == debris(await read_catalog(place.conn))
        assert 0 == (await place.plan(f"{INDEXED}{declared};\n")).exit_code


async def test_what_somebody_made_in_the_meantime_is_not_taken_back(postgres18: EmbeddedPostgres):
    async with places(postgres18, 1) as (place,):
        await place.release(INDEXED)
        await place.run("INSERT INTO t (n) VALUES (1)")
        plan = await place.plan(f"{INDEXED}CREATE INDEX t_n_idx ON t (n);\n")

        def make_it_first(event: Event) -> None:
            if event.what == "step":
                with psycopg.connect(place.dsn, autocommit=True) as person:
                    person.execute("CREATE INDEX t_n_idx ON public.t (n)")

        outcome = await apply_release(place.conn, plan, Run(policy=Policy(), tell=make_it_first))

        assert ["42P07"] == [failure.sqlstate for failure in outcome.failures]
        found = await place.conn.execute("SELECT to_regclass('public.t_n_idx') IS NOT NULL")
        assert (True,) == await found.fetchone()


async def test_a_second_run_says_who_holds_the_lock(shared: list[Place], copy: str):
    async with session(copy) as first, session(copy) as second:
        place = Place(conn=second, scratch=shared[1].scratch, dsn=copy)
        plan = await place.plan(AFTER, Policy(allow=AUTO))
        async with run_lock(first, wait_seconds=1):
            with pytest.raises(
                LockTimeout, match=r"another run is changing .*: pid \d+ appdb-test"
            ):
                await apply_release(second, plan, Run(policy=Policy(allow=AUTO), wait_seconds=0.1))

        outcome = await apply_release(second, plan, Run(policy=Policy(allow=AUTO)))

        assert () == outcome.failures
        await whole(place, shared[1])


async def test_two_runs_at_once_both_end_with_the_release_made_once(shared: list[Place], copy: str):
    async with session(copy) as first, session(copy) as second:
        runs = []
        for conn in (first, second):
            place = Place(conn=conn, scratch=shared[1].scratch, dsn=copy)
            runs.append((conn, await place.plan(AFTER, Policy(allow=AUTO))))
        found = await asyncio.gather(
            *(
                apply_release(c, p, Run(policy=Policy(allow=AUTO), wait_seconds=60))
                for c, p in runs
            ),
            return_exceptions=True,
        )

        assert 1 == sum(isinstance(each, Exception) for each in found), found
        await whole(Place(conn=first, scratch=shared[1].scratch, dsn=copy), shared[1])

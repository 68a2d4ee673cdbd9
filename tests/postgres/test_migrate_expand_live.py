"""Renames with both names for a while, under load, cut off anywhere, with least rights."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from appdb.local.postgres import EmbeddedPostgres
from appdb.plan.hazards import Hazard
from appdb.plan.policy import Allowance, Policy, Rename, RenameMode
from appdb.postgres.apply import Book, Event, Run, apply_release
from appdb.postgres.inspect import read_catalog
from appdb.postgres.migrate import plan_release
from appdb.postgres.provision import app_session
from appdb.postgres.sessions import AdminSessions
from appdb.postgres.wanted import AccessRole
from support.pages import programs, run_script, script_of
from support.releases import (
    Place,
    debris,
    describe,
    differences,
    empty,
    places,
    release_of,
    session,
)
from support.tenants import a_database, logged_in, provisioned, with_access

pytestmark = pytest.mark.postgres

OLD = """
CREATE TABLE p (v text PRIMARY KEY);
CREATE TABLE t (id int PRIMARY KEY, n int, a text NOT NULL REFERENCES p, UNIQUE (a, id));
CREATE INDEX idx ON t (a);
"""
NEW = """
CREATE TABLE p (v text PRIMARY KEY);
CREATE TABLE t (id int PRIMARY KEY, n int, b text NOT NULL REFERENCES p, UNIQUE (b, id));
CREATE INDEX idx ON t (b);
"""
ROWS = 40_000
FILL = f"""
INSERT INTO p SELECT 'v' || i FROM generate_series(0, 99) i;
INSERT INTO t (id, a) SELECT i, 'v' || i % 100 FROM generate_series(1, {ROWS}) i
"""
EXPAND = Policy(renames=(Rename(table="t", column="a", to="b", mode=RenameMode.EXPAND),))
WHOLE = replace(EXPAND, allow={Hazard.DROP_COLUMN: Allowance.AUTO})
UNEQUAL = "SELECT count(*) FROM public.t WHERE a IS DISTINCT FROM b"
LOCK_TIMEOUT_MS = 400


async def number(place: Place, query: str) -> int:
    row = await (await place.conn.execute(query.encode())).fetchone()
    assert row is not None
    return int(row[0])


async def is_whole(pair: list[Place], ddl: str) -> None:
    """As a fresh database, with nothing of ours left over."""
    live, fresh = pair
    await fresh.release(ddl)
    catalog = await read_catalog(live.conn)
    assert [] == debris(catalog)
    assert [] == differences(await read_catalog(fresh.conn), catalog)
    assert () == catalog.syncs


class Application:
    """Pods of both generations that write rows of their own; `values` is what they wrote."""

    def __init__(self, dsn: str, first: int) -> None:
        self.dsn, self.first = dsn, first
        self.values: dict[int, str] = {}
        self.written = {"a": 0, "b": 0}
        self.is_new = False
        self.is_over = asyncio.Event()

    async def run(self) -> None:
        chance = random.Random(self.first)
        async with session(self.dsn) as conn:
            await conn.execute("SET search_path = public")
            while not self.is_over.is_set():
                name = chance.choice("ab" if self.is_new else "a")
                key = self.first + 4 * chance.randrange(ROWS // 4 + 500)
                await self._write(conn, chance, name, key)

    async def _write(self, conn, chance: random.Random, name: str, key: int) -> None:
        value = f"v{chance.randrange(100)}"
        put = f"INSERT INTO t (id, {name}) VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET"
        queries = (f"{put} {name} = excluded.{name}", f"{put} {name} = excluded.{name}, n = 1")
        await conn.execute(chance.choice(queries), (key, value))
        self.values[key] = value
        self.written[name] += 1


@asynccontextmanager
async def applications(place: Place) -> AsyncIterator[list[Application]]:
    """Four of them; their new pods start as soon as the new column is there."""
    found = [Application(place.dsn, first) for first in range(4)]
    tasks = [asyncio.create_task(each.run()) for each in found]
    yield found
    for each in found:
        each.is_over.set()
    await asyncio.gather(*tasks)


def on_new_column(found: list[Application]) -> Callable[[Event], None]:
    """Start the new pods once the first step is done, while rows are still being filled."""

    def listen(event: Event) -> None:
        if event.what == "done":
            for each in found:
                each.is_new = True

    return listen


async def test_both_generations_write_while_rows_are_filled_and_no_write_is_lost(
    place: Place, pair: list[Place]
):
    await place.release(OLD)
    await place.run(FILL)

    plan = await place.plan(NEW, EXPAND)
    async with applications(place) as found:
        run = Run(policy=EXPAND, tell=on_new_column(found))
        outcome = await apply_release(place.conn, plan, run)
        await asyncio.sleep(0)

    assert () == outcome.failures
    assert all(min(each.written.values()) > 10 for each in found), [f.written for f in found]
    assert 0 == await number(place, UNEQUAL)
    written = {key: value for each in found for key, value in each.values.items()}
    rows = await (await place.conn.execute("SELECT id, a, b FROM public.t")).fetchall()
    assert ROWS <= len(rows)
    for key, old, new in rows:
        assert (written.get(key, f"v{key % 100}"),) * 2 == (old, new), key
    again = await place.plan(NEW, EXPAND)
    assert ((), 3) == (again.steps, again.exit_code), describe(again)
    await place.release(NEW, replace(EXPAND, approved_plan=again.plan_hash))
    await is_whole(pair, NEW)


class Killed(BaseException):
    """Stands for the end of the process: nothing is undone, nothing recorded."""


def killed_at(place: int) -> Callable[[Event], None]:
    seen = iter(range(10_000))

    def listen(_: Event) -> None:
        if next(seen) == place:
            raise Killed

    return listen


async def cut_off(place: Place, ddl: str, policy: Policy, at: int) -> bool:
    """Run until the event with that number; False when the run ended before."""
    plan = await place.plan(ddl, policy)
    try:
        await apply_release(place.conn, plan, Run(policy=policy, tell=killed_at(at)))
    except Killed:
        await place.conn.execute("RESET ALL")
        return True
    return False


ENDS = pytest.mark.parametrize(
    ("policy", "then"), [(WHOLE, NEW), (EXPAND, OLD)], ids=["finished", "gone back"]
)


@ENDS
async def test_a_run_that_is_cut_off_is_finished_or_taken_back(
    pair: list[Place], policy: Policy, then: str
):
    await ends_right_wherever_it_is_cut_off(pair, policy, then, stride=6)


@pytest.mark.slow
@pytest.mark.timeout(300)
@ENDS
async def test_a_run_that_is_cut_off_after_any_step_is_finished_or_taken_back(
    pair: list[Place], policy: Policy, then: str
):
    await ends_right_wherever_it_is_cut_off(pair, policy, then, stride=1)


async def ends_right_wherever_it_is_cut_off(
    pair: list[Place], policy: Policy, then: str, *, stride: int
) -> None:
    live, fresh = pair
    at, is_cut = 0, True
    while is_cut:
        await empty(live)
        await empty(fresh)
        await live.release(OLD)
        await live.run(FILL.replace(str(ROWS), "300"))
        is_cut = await cut_off(live, NEW, policy, at)
        await live.run(f"INSERT INTO t (id, {await column_of(live, at)}) VALUES (-1, 'v1')")

        await live.release(then, WHOLE)

        assert 0 == (plan := await live.plan(then, WHOLE)).exit_code, (at, describe(plan))
        await is_whole(pair, then)
        name = "b" if then == NEW else "a"
        same = f"{name} = 'v' || abs(id) % 100"
        assert 301 == await number(live, f"SELECT count(*) FROM public.t WHERE {same}"), at
        at += stride
    assert at > 15


async def column_of(place: Place, chance: int) -> str:
    """One of the two columns, of those that are there."""
    query = "SELECT attname FROM pg_attribute WHERE attrelid = 'public.t'::regclass AND attnum > 0"
    found = await place.conn.execute(f"{query} AND NOT attisdropped ORDER BY 1".encode())
    names = [name for (name,) in await found.fetchall() if name in {"a", "b"}]
    return names[chance % len(names)]


async def test_a_reader_never_waits_longer_than_the_lock_time_out(place: Place):
    await place.release(OLD)
    await place.run(FILL)
    waits: list[float] = []
    is_over = asyncio.Event()

    async def read() -> None:
        async with session(place.dsn) as conn:
            while not is_over.is_set():
                began = time.perf_counter()
                await conn.execute("SELECT id FROM public.t WHERE id = 1")
                waits.append(1000 * (time.perf_counter() - began))
                await asyncio.sleep(0.005)

    async def hold() -> None:
        async with session(place.dsn) as conn:
            for _ in range(3):
                async with conn.transaction():
                    await conn.execute("SELECT count(*) FROM public.t")
                    await asyncio.sleep(0.6)

    policy = replace(WHOLE, lock_timeout_ms=LOCK_TIMEOUT_MS)
    tasks = [asyncio.create_task(read()), asyncio.create_task(hold())]
    _, outcome = await place.apply(NEW, policy)
    is_over.set()
    await asyncio.gather(*tasks)

    assert () == outcome.failures
    assert max(waits) < LOCK_TIMEOUT_MS + 300


async def test_the_commands_of_the_page_do_what_it_says(
    postgres18: EmbeddedPostgres, tmp_path: Path
):
    path = programs(tmp_path / "bin", psql=postgres18.server.bin_dir / "psql")
    script = script_of("docs/migrations.md", "Both names for a while")
    async with places(postgres18) as (place,):
        run_script(script, tmp_path, {"DATABASE_URL": place.dsn, "PATH": path})

        found = await place.conn.execute("SELECT full_name FROM public.users ORDER BY id")
        assert [("Ann",), ("Bob",), ("Cay",)] == await found.fetchall()


OWNED = """
SELECT pg_get_userbyid(p.proowner), p.prosecdef, p.proconfig::text, pg_get_userbyid(c.relowner)
FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid JOIN pg_class c ON c.oid = g.tgrelid
WHERE g.tgname LIKE '\\_appdb\\_sync\\_%'
"""


async def test_the_trigger_is_the_apps_own_and_lends_nobody_a_right(
    postgres: EmbeddedPostgres, sessions: AdminSessions, pair: list[Place]
):
    wanted = with_access(a_database(), report=AccessRole.WRITER)
    await provisioned(sessions, wanted)
    async with app_session(sessions, wanted) as conn, sessions.database(wanted.name) as admin:
        book = Book(conn=admin)
        for ddl in (OLD, NEW):
            plan = await plan_release(conn, pair[0].scratch, release_of(ddl), EXPAND, book=book)
            outcome = await apply_release(conn, plan, Run(policy=EXPAND, book=book))
            assert () == outcome.failures

        assert 3 == plan.exit_code
        app = wanted.roles.app
        path = '{"search_path=pg_catalog, pg_temp"}'
        found = await (await admin.execute(OWNED)).fetchall()
        assert [(app, False, path, app)] == found
        again = await plan_release(conn, pair[0].scratch, release_of(NEW), EXPAND, book=book)
        assert ((), 3, ()) == (again.steps, again.exit_code, again.foreign)
    async with logged_in(sessions, wanted.access[0].login, wanted.name) as writer:
        await writer.execute("INSERT INTO p VALUES ('x')")
        await writer.execute("INSERT INTO t (id, a) VALUES (1, 'x')")
        await writer.execute("UPDATE t SET b = 'x'")
        assert [("x", "x")] == await (await writer.execute("SELECT a, b FROM t")).fetchall()

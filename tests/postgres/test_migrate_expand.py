"""Renames with both names for a while: old and new applications work side by side."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from appdb.local.postgres import EmbeddedPostgres
from appdb.model.catalog import Key, Kind
from appdb.plan.hazards import Hazard
from appdb.plan.plan import Plan
from appdb.plan.policy import Allowance, Policy, Rename, RenameMode
from appdb.postgres.inspect import read_catalog
from support.releases import (
    Place,
    debris,
    describe,
    differences,
    empty,
    places,
)

pytestmark = pytest.mark.postgres

TABLE = "CREATE TABLE users (id int PRIMARY KEY, {});\n"
OLD = TABLE.format("name text NOT NULL")
NEW = TABLE.format("full_name text NOT NULL")
RENAME = Rename(table="users", column="name", to="full_name", mode=RenameMode.EXPAND)
EXPAND = Policy(renames=(RENAME,))
UPSERT = "ON CONFLICT (id) DO UPDATE SET {0} = excluded.{0}"
TRIGGERS = """
SELECT count(*) FROM pg_proc WHERE proname LIKE '\\_appdb%' UNION ALL
SELECT count(*) FROM pg_trigger WHERE tgname LIKE '\\_appdb%'
"""


@pytest.fixture(scope="module")
async def pair(postgres: EmbeddedPostgres) -> AsyncIterator[list[Place]]:
    async with places(postgres, 2) as found:
        yield found


@pytest.fixture
async def place(pair: list[Place]) -> Place:
    await empty(pair[0])
    await empty(pair[1])
    return pair[0]


def column(name: str, table: str = "users") -> Key:
    return Key(Kind.COLUMN, "public", table, name)


async def rows(place: Place, query: str) -> list[tuple]:
    await place.conn.execute("SET search_path = public")
    try:
        return await (await place.conn.execute(query.encode())).fetchall()
    finally:
        await place.conn.execute("RESET search_path")


async def helpers(place: Place) -> int:
    return sum(count for (count,) in await rows(place, TRIGGERS))


async def approve(place: Place, ddl: str, policy: Policy = EXPAND) -> Plan:
    """Approve the very plan that waits."""
    plan = await place.plan(ddl, policy)
    assert 3 == plan.exit_code, describe(plan)
    await place.release(ddl, replace(policy, approved_plan=plan.plan_hash))
    return plan


async def is_like_fresh(pair: list[Place], ddl: str, policy: Policy = EXPAND) -> None:
    """Nothing is left to do, and nothing of ours is left over."""
    live, fresh = pair
    await fresh.release(ddl)
    catalog = await read_catalog(live.conn)
    assert [] == differences(await read_catalog(fresh.conn), catalog)
    assert 0 == await helpers(live)
    plan = await live.plan(ddl, policy)
    assert (0, ()) == (plan.exit_code, plan.drift), describe(plan)


async def half_way(place: Place, old: str = OLD, new: str = NEW, policy: Policy = EXPAND) -> Plan:
    """Expand two rows and leave the old column waiting."""
    await place.release(old)
    await place.run("INSERT INTO users (id, name) VALUES (1, 'ann'), (2, 'bob')")
    return await place.release(new, policy)


async def test_the_new_column_comes_at_once_and_the_old_one_waits(place: Place):
    plan = await half_way(place)

    assert 3 == plan.exit_code, describe(plan)
    assert [("ann", "ann"), ("bob", "bob")] == await rows(
        place, "SELECT name, full_name FROM users ORDER BY id"
    )
    assert {"O", "S", "D"} == {j.step_class.value for j in plan.judged}
    waiting = [step.step.sql for step in plan.pending]
    assert 'DROP COLUMN "name"' in waiting[-1]
    again = await place.plan(NEW, EXPAND)
    assert ((), 3) == (again.steps, again.exit_code), describe(again)
    assert waiting == [step.step.sql for step in again.pending]
    assert () == again.drift
    assert () == again.foreign
    assert [] == debris(await read_catalog(place.conn))


@pytest.mark.parametrize(
    ("write", "both"),
    [
        ("INSERT INTO users (id, name) VALUES (3, 'x')", "x"),
        ("INSERT INTO users (id, full_name) VALUES (3, 'x')", "x"),
        ("INSERT INTO users (id, name, full_name) VALUES (3, 'x', 'x')", "x"),
        ("INSERT INTO users (id, name, full_name) VALUES (3, 'old', 'new')", "new"),
        ("UPDATE users SET name = 'x' WHERE id = 3", "x"),
        ("UPDATE users SET full_name = 'x' WHERE id = 3", "x"),
        ("UPDATE users SET name = 'old', full_name = 'new' WHERE id = 3", "new"),
        ("UPDATE users SET name = 'x', full_name = 'cay' WHERE id = 3", "x"),
        ("UPDATE users SET id = 3 WHERE id = 3", "cay"),
        (f"INSERT INTO users (id, name) VALUES (3, 'x') {UPSERT.format('name')}", "x"),
        (f"INSERT INTO users (id, full_name) VALUES (3, 'x') {UPSERT.format('full_name')}", "x"),
        ("INSERT INTO users (id, name) VALUES (3, 'x') ON CONFLICT DO NOTHING", "cay"),
    ],
)
async def test_whoever_writes_one_column_writes_both(place: Place, write: str, both: str):
    await half_way(place)
    if not write.startswith("INSERT") or "CONFLICT" in write:
        await place.run("INSERT INTO users (id, full_name) VALUES (3, 'cay')")

    await place.run(write)

    assert [(both, both)] == await rows(place, "SELECT name, full_name FROM users WHERE id = 3")


async def test_approving_takes_the_old_column_and_the_trigger_away(place: Place, pair: list[Place]):
    await half_way(place)
    await place.run("INSERT INTO users (id, name) VALUES (3, 'cay')")

    await approve(place, NEW)

    assert [("ann",), ("bob",), ("cay",)] == await rows(
        place, "SELECT full_name FROM users ORDER BY id"
    )
    await is_like_fresh(pair, NEW)


async def test_an_allowed_drop_makes_the_whole_in_one_run(place: Place, pair: list[Place]):
    await place.release(OLD)
    await place.run("INSERT INTO users VALUES (1, 'ann')")

    plan = await place.release(NEW, replace(EXPAND, allow={Hazard.DROP_COLUMN: Allowance.AUTO}))

    assert 2 == plan.exit_code
    assert [("ann",)] == await rows(place, "SELECT full_name FROM users")
    await is_like_fresh(pair, NEW)

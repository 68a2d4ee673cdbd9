"""However a source goes to and fro between two names, the last one has every value."""

import random
from dataclasses import dataclass, field, replace

import pytest

from appdb.plan.policy import Policy, Rename, RenameMode
from appdb.postgres.inspect import read_catalog
from support.releases import Place, describe, differences, empty

pytestmark = pytest.mark.postgres

KINDS = (
    "text NOT NULL",
    "text",
    "text NOT NULL DEFAULT 'd'",
    "text DEFAULT 'd'",
    "text NOT NULL UNIQUE",
    "text NOT NULL CHECK ({0} <> '')",
)
INDEXES = ("", "CREATE INDEX idx ON t ({0});\n", "CREATE UNIQUE INDEX idx ON t ({0});\n")
OTHER = {"a": "b", "b": "a"}


@dataclass(kw_only=True)
class Walk:
    """A table whose column is called a or b; `wanted` are its values by key."""

    live: Place
    fresh: Place
    chance: random.Random
    shape: str
    name: str = "a"
    number: int = 0
    wanted: dict[int, str] = field(default_factory=dict)

    def ddl(self, name: str) -> str:
        return self.shape.format(name)

    async def write(self) -> None:
        """Pods of any generation whose column is there write it."""
        catalog = await read_catalog(self.live.conn)
        names = [self.name, *(s.old for s in catalog.syncs), *(s.new for s in catalog.syncs)]
        for _ in range(3):
            self.number += 1
            name, key = self.chance.choice(names), self.chance.randint(1, 6)
            self.wanted[key] = f"v{self.number}"
            await self.live.run(
                f"INSERT INTO t (id, {name}) VALUES ({key}, 'v{self.number}')"
                f" ON CONFLICT (id) DO UPDATE SET {name} = excluded.{name}"
            )

    async def release(self) -> None:
        """Go to a name, declared as the mode says; approve what waits, or not."""
        name = self.chance.choice("ab")
        mode = self.chance.choice([RenameMode.EXPAND, RenameMode.EXPAND, RenameMode.DIRECT])
        rename = Rename(table="t", column=OTHER[name], to=name, mode=mode)
        ddl, policy = self.ddl(name), Policy(renames=(rename,))
        plan = await self.live.release(ddl, policy)
        assert plan.exit_code in {0, 2, 3}, describe(plan)
        self.name = name
        again = await self.live.plan(ddl, policy)
        assert ((), ()) == (again.steps, again.drift), describe(again)
        if again.exit_code and self.chance.random() < 0.5:
            await self.live.release(ddl, replace(policy, approved_plan=again.plan_hash))
            await self.is_like_fresh(ddl)

    async def is_like_fresh(self, ddl: str) -> None:
        await empty(self.fresh)
        await self.fresh.release(ddl)
        catalog = await read_catalog(self.live.conn)
        assert [] == differences(await read_catalog(self.fresh.conn), catalog)
        assert () == catalog.syncs

    async def has_every_value(self) -> None:
        query = f"SELECT id, {self.name} FROM public.t"
        found = await (await self.live.conn.execute(query.encode())).fetchall()
        assert self.wanted == dict(found)


async def walk(pair: list[Place], seed: int) -> None:
    chance = random.Random(seed)
    kind = chance.choice(KINDS)
    shape = f"CREATE TABLE t (id int PRIMARY KEY, {{0}} {kind});\n" + chance.choice(INDEXES)
    await empty(pair[0])
    found = Walk(live=pair[0], fresh=pair[1], chance=chance, shape=shape)
    await found.live.release(found.ddl("a"))
    for _ in range(chance.randint(3, 6)):
        await found.write()
        await found.release()
        await found.has_every_value()


@pytest.mark.parametrize("seed", range(6))
async def test_the_last_name_has_every_value(pair18: list[Place], seed: int):
    await walk(pair18, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 160))
async def test_the_last_name_has_every_value_on_many_ways(pair18: list[Place], seed: int):
    await walk(pair18, seed)

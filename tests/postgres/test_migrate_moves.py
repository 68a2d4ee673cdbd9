"""Tables that move to another schema: told, and taken as they are once a person moved them."""

from collections.abc import AsyncIterator

import pytest

from appdb.local.postgres import EmbeddedPostgres
from support.releases import Place, places

pytestmark = pytest.mark.postgres

HERE = "CREATE SCHEMA shop;\nCREATE TABLE orders (id serial PRIMARY KEY, note text);\n"
THERE = "CREATE SCHEMA shop;\nCREATE TABLE shop.orders (id serial PRIMARY KEY, note text);\n"


@pytest.fixture
async def place(postgres18: EmbeddedPostgres) -> AsyncIterator[Place]:
    async with places(postgres18) as (found,):
        await found.release(HERE)
        await found.run("INSERT INTO orders (note) VALUES ('kept')")
        yield found


async def test_a_table_declared_in_another_schema_is_told_how_to_move(place: Place):
    plan = await place.plan(THERE)

    (dropped,) = [j.unit for j in plan.judged if j.unit.possible_rename]
    assert 'ALTER TABLE "public"."orders" SET SCHEMA "shop"' in dropped.possible_rename
    assert 3 == plan.exit_code


async def test_a_table_that_was_moved_by_hand_is_as_declared(place: Place):
    await place.run("ALTER TABLE orders SET SCHEMA shop")

    plan = await place.release(THERE)

    assert 0 == plan.exit_code, plan.judged
    assert {"shop.orders": 1} == await place.counts()
    again = await place.plan(THERE)
    assert (0, ()) == (again.exit_code, again.drift)

"""A session keeps the plans of the queries that read a catalog."""

import pytest

from appdb.postgres.inspect import read_catalog
from support.releases import Place

pytestmark = pytest.mark.postgres

DDL = "CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 1);\nCREATE INDEX idx ON t (n);\n"
KEPT = "SELECT count(*) FROM pg_prepared_statements"


async def kept(place: Place) -> int:
    row = await (await place.conn.execute(KEPT)).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_second_look_plans_nothing_and_sees_what_was_changed(pair18: list[Place]):
    place = pair18[0]
    first = await read_catalog(place.conn)
    plans = await kept(place)
    await place.release(DDL)

    second = await read_catalog(place.conn)

    assert plans == await kept(place) > 0
    assert first.objects != second.objects
    async with place.conn.transaction():
        assert second.objects == (await read_catalog(place.conn)).objects


async def test_plans_that_are_gone_are_made_again(pair18: list[Place]):
    """As behind a pool, where the next transaction may be another session's."""
    place = pair18[0]
    before = await read_catalog(place.conn)
    await place.conn.execute("DEALLOCATE ALL")

    after = await read_catalog(place.conn)

    assert before.objects == after.objects
    assert await kept(place) > 0


async def test_a_catalog_that_has_grown_is_planned_anew(pair18: list[Place]):
    place = pair18[0]
    await read_catalog(place.conn)
    plans = await kept(place)
    columns = ", ".join(f"c{number} int" for number in range(1500))
    await place.conn.execute("BEGIN")
    for number in range(4):
        await place.conn.execute(f"CREATE TABLE public.wide{number} ({columns})".encode())

    await read_catalog(place.conn)

    await place.conn.execute("ROLLBACK")
    assert 2 * plans == await kept(place)

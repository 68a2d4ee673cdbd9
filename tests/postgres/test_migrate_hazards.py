"""The table of hazards is what the server does: every row is run and measured."""

import os
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from appdb.local.postgres import EmbeddedPostgres
from appdb.plan.hazard_table import ROWS, Row, as_markdown, schemas
from appdb.plan.hazards import Lock, StepClass
from appdb.plan.plan import Plan
from appdb.plan.policy import Judged, Policy, Rename, RenameMode
from appdb.plan.unit import Step
from support.releases import AUTO, Place, empty, places

DOCUMENT = Path(__file__).parents[2] / "docs" / "migrations.md"
MARKS = re.compile(r"(<!-- hazards -->\n)(.*?)(<!-- /hazards -->)", re.DOTALL)
ORDER = (
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)
LOCKS = """
SELECT l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
WHERE l.pid = pg_backend_pid() AND c.relname = 't' AND l.granted
"""


def test_the_document_holds_the_table_as_it_is():
    text = DOCUMENT.read_text(encoding="utf-8")
    if os.environ.get("APPDB_WRITE_DOCS"):
        text = MARKS.sub(lambda found: found[1] + as_markdown() + found[3], text)
        DOCUMENT.write_text(text, encoding="utf-8")

    found = MARKS.search(text)

    assert found is not None
    assert as_markdown() == found[2]


@pytest.fixture(scope="module")
async def server(postgres: EmbeddedPostgres) -> AsyncIterator[Place]:
    async with places(postgres) as found:
        yield found[0]


@pytest.mark.postgres
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.change)
async def test_a_row_is_what_the_server_does(server: Place, row: Row):
    await empty(server)
    before, after = schemas(row)
    await server.release(before)
    await server.run("INSERT INTO t (id, a) VALUES (1, 10), (2, 20)" if not row.extra else "")
    policy = policy_of(row)
    if row.begun:
        await server.release(after, replace(policy, allow={}))

    plan = await server.plan(after, policy)

    judged = about(plan, row)
    assert {row.step_class} == {j.unit.step_class for j in judged}
    assert ({row.hazard} if row.hazard else set()) == {h for j in judged for h in j.hazards}
    said: list[str] = []
    listen = lambda notice: said.append(notice.message_primary or "")  # noqa: E731 - one use
    server.conn.add_notice_handler(listen)
    try:
        steps = [step for j in judged for step in j.unit.steps]
        held = [await locks_of(server, step) for step in steps]
    finally:
        server.conn.remove_notice_handler(listen)
    strongest = max((mode for modes in held for mode in modes), default=-1)
    declared = {"none": -1, "ROW EXCLUSIVE": 2, "SHARE UPDATE EXCLUSIVE": 3}
    declared |= {"SHARE": 4, "SHARE ROW EXCLUSIVE": 5, "ACCESS EXCLUSIVE": 7}
    assert declared[row.lock] == strongest
    assert row.rewrites == any('rewriting table "t"' in text for text in said)


def policy_of(row: Row) -> Policy:
    casts = {"t.b": row.cast} if row.cast else {}
    mode = row.rename
    renames = (Rename(table="t", column="b", to="c", mode=mode),) if mode else ()
    return Policy(allow=AUTO, casts=casts, renames=renames)


def about(plan: Plan, row: Row) -> list[Judged]:
    """The units that a row is about; one of the two of a rename in two parts stands in each."""
    if row.rename is not RenameMode.EXPAND or row.begun:
        return list(plan.judged)
    return [j for j in plan.judged if j.unit.step_class is not StepClass.DESTROYS]


async def locks_of(place: Place, step: Step) -> list[int]:
    """Run a step and look at the locks on the table before it ends."""
    conn = place.conn
    await conn.execute("SET search_path = public")
    await conn.execute("SET client_min_messages = debug1")
    try:
        if not step.is_transactional:
            for statement in step.statements:
                await conn.execute(statement.encode())
            concurrently = "CONCURRENTLY" in step.sql
            return [3] if concurrently else []
        async with conn.transaction():
            for statement in step.statements:
                await conn.execute(statement.encode())
            found = await conn.execute(LOCKS)
            return [ORDER.index(mode) for (mode,) in await found.fetchall()]
    except psycopg.Error as error:
        pytest.fail(f"{step.sql}: {error}")
    finally:
        await conn.execute("RESET client_min_messages")
        await conn.execute("RESET search_path")
        assert step.lock in Lock

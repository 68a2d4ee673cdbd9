"""Writes down the first run of a database whose tables the app's own login has just made.

Records only. Should the process end before this, the next run finds tables that are as
declared and adopts them.
"""

from collections.abc import Sequence

from appdb.model.catalog import Catalog
from appdb.model.ddl import DdlStatement
from appdb.plan.direct import direct_plan
from appdb.plan.policy import Policy
from appdb.plan.scope import record_digest
from appdb.postgres.apply import Book
from appdb.postgres.ledger import (
    StepRecord,
    ensure_ledger,
    finish_run,
    record_steps,
    remember,
    start_run,
    work_as_ledger,
)
from appdb.postgres.sqlstate import translated


async def record_first_run(
    book: Book,
    after: Catalog,
    statements: Sequence[DdlStatement],
    *,
    source_digest: str,
    frameworks: tuple[str, ...],
    actor: str,
) -> None:
    """Remember everything that the first run left in the database as ours."""
    plan = direct_plan(Catalog(objects={}), statements, Policy(), source_digest, frameworks)
    digests = {key: record_digest(after, key) for key in after.objects}
    paths = {key: origin.span.path for key, origin in plan.origins.items()}
    steps = [
        StepRecord(ordinal=number, sql=planned.step.sql, step_class="S", state="done")
        for number, planned in enumerate(plan.steps, 1)
    ]
    with translated(book.conn.info.dbname, "writing the ledger"):
        async with book.conn.transaction():
            await ensure_ledger(book.conn, book.roles)
            await work_as_ledger(book.conn, book.roles)
            number = await start_run(book.conn, plan, actor=actor)
            await record_steps(book.conn, number, steps)
            await remember(book.conn, digests, paths, ())
            await finish_run(
                book.conn, number, state="applied", fingerprint=after.fingerprint, error=None
            )

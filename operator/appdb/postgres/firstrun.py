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
from appdb.postgres.connect import Session
from appdb.postgres.inspect import read_catalog
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
    session: Session,
    book: Book,
    statements: Sequence[DdlStatement],
    *,
    source_digest: str,
    frameworks: tuple[str, ...],
    actor: str,
) -> Catalog:
    """Remember everything that stands in the database as ours, and return it."""
    after = await read_catalog(session)
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
    return after


async def has_ledger(session: Session) -> bool:
    """Tell whether the database has a ledger; any login may ask, the catalog is open to all."""
    with translated(session.info.dbname, "looking for the ledger"):
        found = await session.execute(
            "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = '_appdb' AND c.relname = 'objects')"
        )
        row = await found.fetchone()
    return bool(row and row[0])

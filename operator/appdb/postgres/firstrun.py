"""Writes down the first run of a database whose tables the app's own login has made.

Records only, and later than the run itself. Where many wait for a database, nobody waits for
a catalog to be read: a mark is taken with the run, and where the catalog no longer bears it
nothing is written. The next run then finds tables without a ledger and adopts them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

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

# Every row that describes an object of the app, and whether another transaction wrote it. A
# row keeps its xmin when it is frozen, and VACUUM and ANALYZE write statistics in place.
# 16384 is the first oid that is not the server's own (FirstNormalObjectId).
_READ_MARK: LiteralString = """
WITH relations AS (
    SELECT c.oid, c.xmin, c.relkind IN ('r', 'p') AND NOT c.relispartition AS is_table
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid >= 16384 AND n.nspname NOT IN ('_appdb', 'pg_toast')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'e'
        AND d.classid = 'pg_class'::regclass AND d.objid = c.oid)
), types AS (
    SELECT t.oid, t.xmin FROM pg_type t
    WHERE t.oid >= 16384 AND t.typrelid = 0 AND t.typelem = 0
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'e'
        AND d.classid = 'pg_type'::regclass AND d.objid = t.oid)
), rows (kind, xmin) AS (
    SELECT CASE WHEN is_table THEN 'table' ELSE 'relation' END, xmin FROM relations
    UNION ALL SELECT CASE WHEN r.is_table AND a.attnum > 0 AND NOT a.attisdropped
            THEN 'column' ELSE 'attribute' END, a.xmin
        FROM pg_attribute a JOIN relations r ON r.oid = a.attrelid
    UNION ALL SELECT 'default', d.xmin FROM pg_attrdef d JOIN relations r ON r.oid = d.adrelid
    UNION ALL SELECT 'index', i.xmin FROM pg_index i JOIN relations r ON r.oid = i.indrelid
    UNION ALL SELECT 'trigger', t.xmin FROM pg_trigger t JOIN relations r ON r.oid = t.tgrelid
    UNION ALL SELECT 'rule', w.xmin FROM pg_rewrite w JOIN relations r ON r.oid = w.ev_class
    UNION ALL SELECT 'policy', p.xmin FROM pg_policy p JOIN relations r ON r.oid = p.polrelid
    UNION ALL SELECT 'comment', d.xmin FROM pg_description d
        WHERE (d.classoid = 'pg_class'::regclass AND d.objoid IN (SELECT oid FROM relations))
        OR (d.classoid = 'pg_type'::regclass AND d.objoid IN (SELECT oid FROM types))
        OR (d.classoid = 'pg_constraint'::regclass AND d.objoid >= 16384)
    UNION ALL SELECT 'sequence', s.xmin FROM pg_sequence s JOIN relations r ON r.oid = s.seqrelid
    UNION ALL SELECT 'constraint', k.xmin FROM pg_constraint k
        WHERE k.conrelid IN (SELECT oid FROM relations) OR k.contypid IN (SELECT oid FROM types)
    UNION ALL SELECT 'type', xmin FROM types
    UNION ALL SELECT 'label', e.xmin FROM pg_enum e JOIN types t ON t.oid = e.enumtypid
    UNION ALL SELECT 'function', p.xmin FROM pg_proc p
        WHERE p.oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'e'
            AND d.classid = 'pg_proc'::regclass AND d.objid = p.oid)
)
SELECT kind, count(*), min(xmin::text) = max(xmin::text), min(xmin::text)
FROM rows GROUP BY kind ORDER BY kind
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """How many rows of each kind describe what stands in a database, and who wrote them.

    `writer` is the one transaction that wrote all of them; None when it was not one.
    """

    counts: tuple[tuple[str, int], ...]
    writer: str | None

    def count(self, kind: str) -> int:
        """Count the objects of a kind: `table`, `column`, ..."""
        return dict(self.counts).get(kind, 0)


async def read_mark(conn: Session) -> Mark:
    """Read the mark of what stands in the database of the session; takes about 3 ms.

    Raises psycopg.Error.
    """
    rows = await (await conn.execute(_READ_MARK)).fetchall()
    writers = {first if is_one else None for _, _, is_one, first in rows}
    return Mark(
        counts=tuple((str(kind), int(count)) for kind, count, _, _ in rows),
        writer=str(writers.pop()) if len(writers) == 1 and None not in writers else None,
    )


async def record_first_run(
    book: Book,
    left: Catalog | Mark,
    statements: Sequence[DdlStatement],
    *,
    source_digest: str,
    frameworks: tuple[str, ...],
    actor: str,
) -> bool:
    """Remember everything that the first run left as ours.

    `left` was read right after the run. Returns False, having written nothing, when it is a
    mark that does not hold any more: somebody has made, changed or dropped something since.
    """
    plan = direct_plan(Catalog(objects={}), statements, Policy(), source_digest, frameworks)
    paths = {key: origin.span.path for key, origin in plan.origins.items()}
    steps = [
        StepRecord(ordinal=number, sql=planned.step.sql, step_class="S", state="done")
        for number, planned in enumerate(plan.steps, 1)
    ]
    with translated(book.conn.info.dbname, "writing the ledger"):
        made = left if isinstance(left, Catalog) else await _unchanged(book.conn, left)
        if made is None:
            return False
        async with book.conn.transaction():
            await ensure_ledger(book.conn, book.roles)
            await work_as_ledger(book.conn, book.roles)
            number = await start_run(book.conn, plan, actor=actor)
            await record_steps(book.conn, number, steps)
            digests = {key: record_digest(made, key) for key in made.objects}
            await remember(book.conn, digests, paths, ())
            await finish_run(
                book.conn, number, state="applied", fingerprint=made.fingerprint, error=None
            )
    return True


async def _unchanged(conn: Session, mark: Mark) -> Catalog | None:
    """Read the catalog that bears a mark; None when it does not."""
    made = await read_catalog(conn)
    # Read behind the catalog: where it holds, nothing was changed before the catalog was read.
    holds = mark.writer is not None and await read_mark(conn) == mark
    return made if holds else None

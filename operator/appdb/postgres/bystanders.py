"""Asks a live catalog what of others would not bear a second column beside one of ours.

Reads catalogs only; never a row, and never runs what it reads.
"""

from typing import LiteralString

from appdb.model.catalog import Key
from appdb.postgres.connect import Session

# A body that names the column knows nothing of the new one. Words are looked for where a
# name is a word, else its text; arguments of a trigger are bytes.
_READ: LiteralString = """
SELECT 'trigger ' || quote_ident(g.tgname) || ' names it: it would not see the new column'
FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid
WHERE g.tgrelid = %(table)s::regclass AND NOT g.tgisinternal AND g.tgenabled <> 'D'
    AND (position(convert_to(%(name)s, 'UTF8') IN g.tgargs) > 0
        OR strpos(lower(p.prosrc), lower(%(name)s)) > 0
        AND (%(name)s !~ '^\\w+$' OR lower(%(name)s) = ANY (
            regexp_split_to_array(lower(p.prosrc), '\\W+'))))
UNION ALL
SELECT 'its table inherits or is inherited: a trigger would not see every row'
FROM pg_inherits i
WHERE %(table)s::regclass IN (i.inhparent, i.inhrelid)
UNION ALL
SELECT 'rights were granted on the column alone: the new column would lack them'
FROM pg_attribute a
WHERE a.attrelid = %(table)s::regclass AND a.attname = %(name)s AND a.attacl IS NOT NULL
ORDER BY 1
LIMIT 1
"""


async def read_bystander(conn: Session, column: Key) -> str:
    """Say what stands in the way of a second column beside `column`; empty: nothing."""
    found = await conn.execute(_READ, {"table": column.relation, "name": column.name})
    row = await found.fetchone()
    return f"{row[0]}: change that first, or use mode Direct" if row else ""

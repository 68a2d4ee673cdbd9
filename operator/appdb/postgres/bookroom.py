"""Lends the operator's session to a ledger that nobody else can put code into.

The ledger stands in the tenant's database and is read and written with the operator's
rights. A view in its place, a trigger on it, or an owner who may add one, would be code of
somebody else that runs as the operator: such a ledger is neither read nor written.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from appdb.errors import InsufficientPrivilege
from appdb.postgres.connect import Session
from appdb.postgres.inside import LEDGER_SCHEMA
from appdb.postgres.sessions import AdminSessions
from appdb.postgres.silence import end_silent
from appdb.postgres.statements import read_row

# Owners that cannot be tenants: ourselves, superusers, and admins before us. What the
# ledger never has: anything but tables, their sequences and indexes; triggers, rules,
# policies, checks, children; and whatever depends on a function that is not built in.
_READ = """
WITH ledger AS (
    SELECT c.oid, c.relname, c.relkind, c.relowner FROM pg_class c
    WHERE c.relnamespace = to_regnamespace(%(schema)s)
)
SELECT
    (SELECT jsonb_agg(DISTINCT r.rolname) FROM pg_roles r
     WHERE r.oid IN (SELECT relowner FROM ledger UNION
        SELECT nspowner FROM pg_namespace WHERE nspname = %(schema)s)
     AND r.rolname <> current_user AND NOT r.rolsuper AND NOT r.rolcreaterole),
    (SELECT jsonb_agg(DISTINCT relname) FROM ledger l WHERE l.relkind NOT IN ('r', 'i', 'S', 't')
     OR EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = l.oid AND NOT t.tgisinternal)
     OR EXISTS (SELECT FROM pg_rewrite w WHERE w.ev_class = l.oid)
     OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = l.oid)
     OR EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = l.oid AND k.contype = 'c')
     OR EXISTS (SELECT FROM pg_inherits h WHERE l.oid IN (h.inhparent, h.inhrelid))
     OR EXISTS (SELECT FROM pg_index x WHERE x.indrelid = l.oid
        AND (x.indexprs IS NOT NULL OR x.indpred IS NOT NULL))
     OR EXISTS (SELECT FROM pg_attrdef a JOIN pg_depend d
        ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid
        WHERE a.adrelid = l.oid AND d.refclassid = 'pg_proc'::regclass))
"""


@asynccontextmanager
async def ledger_session(sessions: AdminSessions, database: str) -> AsyncIterator[Session]:
    """Lend the admin's session to a database whose ledger, if there is one, is safe to use.

    Raises:
        InsufficientPrivilege: it belongs to somebody else or carries code; with the cure.
    """
    async with sessions.database(database) as session:
        await end_silent(session)
        await require_own_ledger(session)
        yield session


async def require_own_ledger(session: Session) -> None:
    """Look at the catalog only: who owns the ledger, and is it nothing but tables?"""
    database = session.info.dbname
    owners, strange = await read_row(
        session, _READ, {"schema": LEDGER_SCHEMA}, doing=f"looking at the ledger of {database}"
    )
    if not (owners or strange):
        return
    what = f"belongs to {', '.join(owners)}" if owners else f"has code on {', '.join(strange)}"
    raise InsufficientPrivilege(
        f"schema {LEDGER_SCHEMA} of database {database} is where the operator keeps its ledger,"
        f" but {what}, which would run with the operator's rights; as its owner run there: DROP"
        f" SCHEMA {LEDGER_SCHEMA} CASCADE (only the ledger goes, the tables are adopted again)"
    )

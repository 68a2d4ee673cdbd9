"""What we did to a database, kept in that database: runs, steps, and what is ours.

Schema `_appdb`, owned by the role that works beside the application's. A record never
decides what is there, the catalog does; it says what is ours and what was left half done.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from appdb.errors import InsufficientPrivilege
from appdb.model.catalog import Key, Kind
from appdb.plan.plan import ENGINE, Plan
from appdb.postgres.connect import Session

KEEP_RUNS = 50
_KIND_BY_NAME = {kind.value: kind for kind in Kind}

_CREATE: tuple[LiteralString, ...] = (
    """
    CREATE TABLE IF NOT EXISTS _appdb.runs (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        state text NOT NULL,
        plan_hash text NOT NULL,
        source_digest text NOT NULL,
        statements_digest text NOT NULL,
        base_fingerprint text NOT NULL,
        target_fingerprint text NOT NULL,
        result_fingerprint text,
        frameworks text[] NOT NULL,
        actor text NOT NULL,
        approved_plan text,
        engine text NOT NULL,
        started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        finished_at timestamptz,
        error text
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS _appdb.steps (
        run_id bigint NOT NULL REFERENCES _appdb.runs ON DELETE CASCADE,
        ordinal integer NOT NULL,
        sql text NOT NULL,
        class text NOT NULL,
        state text NOT NULL,
        attempts integer NOT NULL DEFAULT 1,
        sqlstate text,
        milliseconds bigint,
        rows bigint,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (run_id, ordinal)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS _appdb.objects (
        kind text NOT NULL,
        schema_name text NOT NULL,
        parent text NOT NULL,
        name text NOT NULL,
        digest text NOT NULL,
        origin text,
        backfill text,
        renamed_from text,
        PRIMARY KEY (kind, schema_name, parent, name)
    )
    """,
)
# An owner that makes roles is an admin, and not somebody who uses the command.
_PREDECESSOR: LiteralString = """
SELECT r.rolname FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
WHERE n.nspname = '_appdb' AND r.rolcreaterole AND NOT r.rolsuper
"""
_EXISTS: LiteralString = """
    SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = '_appdb' AND c.relname = 'objects')
"""
_OBJECTS: LiteralString = """
    SELECT kind, schema_name, parent, name, digest, origin, backfill, renamed_from
    FROM _appdb.objects
"""
_LAST_RUN: LiteralString = """
    SELECT frameworks, statements_digest, target_fingerprint, result_fingerprint, state
    FROM _appdb.runs WHERE state <> 'running' ORDER BY id DESC LIMIT 1
"""
_START: LiteralString = """
    INSERT INTO _appdb.runs (state, plan_hash, source_digest, statements_digest,
        base_fingerprint, target_fingerprint, frameworks, actor, approved_plan, engine)
    VALUES ('running', %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
_INTERRUPT: LiteralString = """
    UPDATE _appdb.runs SET state = 'interrupted', finished_at = clock_timestamp()
    WHERE state = 'running'
"""
_FINISH: LiteralString = """
    UPDATE _appdb.runs SET state = %s, result_fingerprint = %s, error = %s,
        finished_at = clock_timestamp() WHERE id = %s
"""
_PRUNE: LiteralString = """
    DELETE FROM _appdb.runs WHERE id <= (SELECT max(id) FROM _appdb.runs) - %s
"""
_STEP: LiteralString = """
    INSERT INTO _appdb.steps (run_id, ordinal, sql, class, state, attempts, sqlstate,
        milliseconds, rows)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (run_id, ordinal) DO UPDATE SET state = excluded.state,
        attempts = excluded.attempts, sqlstate = excluded.sqlstate,
        milliseconds = excluded.milliseconds, rows = excluded.rows, at = clock_timestamp()
"""
_STEPS: LiteralString = """
    INSERT INTO _appdb.steps (run_id, ordinal, sql, class, state, attempts, sqlstate, milliseconds)
    SELECT %s, g.*, 0 FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[], %s::int[],
        %s::text[]) AS g
    ON CONFLICT (run_id, ordinal) DO UPDATE SET state = excluded.state,
        attempts = excluded.attempts, sqlstate = excluded.sqlstate,
        milliseconds = excluded.milliseconds, rows = excluded.rows, at = clock_timestamp()
"""
_REMEMBER: LiteralString = """
    INSERT INTO _appdb.objects (kind, schema_name, parent, name, digest, origin)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
    ON CONFLICT (kind, schema_name, parent, name)
        DO UPDATE SET digest = excluded.digest,
            origin = coalesce(excluded.origin, _appdb.objects.origin)
        WHERE _appdb.objects.digest <> excluded.digest
            OR _appdb.objects.origin IS DISTINCT FROM excluded.origin
"""
_FORGET: LiteralString = """
    DELETE FROM _appdb.objects o USING
        unnest(%s::text[], %s::text[], %s::text[], %s::text[]) AS g (k, s, p, n)
    WHERE (o.kind, o.schema_name, o.parent, o.name) = (g.k, g.s, g.p, g.n)
"""
_BEGIN_FILL: LiteralString = """
    INSERT INTO _appdb.objects (kind, schema_name, parent, name, digest, backfill)
    VALUES (%s, %s, %s, %s, '', %s)
    ON CONFLICT (kind, schema_name, parent, name) DO UPDATE SET backfill = excluded.backfill
"""
_RENAMED: LiteralString = """
    INSERT INTO _appdb.objects (kind, schema_name, parent, name, digest, renamed_from)
    VALUES (%s, %s, %s, %s, '', %s)
    ON CONFLICT (kind, schema_name, parent, name)
        DO UPDATE SET renamed_from = excluded.renamed_from
"""
_END_FILL: LiteralString = """
    UPDATE _appdb.objects SET backfill = NULL
    WHERE (kind, schema_name, parent, name) = (%s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Who works: `owner` owns the tables, `ledger` the ledger; None is the session's own role."""

    owner: str | None = None
    ledger: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How the last run left the database, when it left nothing to be done."""

    statements_digest: str
    target_fingerprint: str
    result_fingerprint: str


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """What the ledger says; `digests` by key are of our objects as the last run left them."""

    is_there: bool = False
    digests: Mapping[Key, str] = field(default_factory=dict)
    paths: Mapping[Key, str] = field(default_factory=dict)
    unfinished: Mapping[Key, str] = field(default_factory=dict)
    renamed: Mapping[Key, Key] = field(default_factory=dict)
    frameworks: tuple[str, ...] = ()
    settled: Settled | None = None


async def work_as_owner(conn: Session, roles: Roles) -> None:
    """Take the role that owns the tables, for the rest of the transaction."""
    await _become(conn, roles.owner, roles)


async def work_as_ledger(conn: Session, roles: Roles) -> None:
    """Take the role that owns the ledger, for the rest of the transaction."""
    await _become(conn, roles.ledger, roles)


async def work_as_self(conn: Session, roles: Roles) -> None:
    """Take the session's own role again: it may make schemas and extensions."""
    await _become(conn, None, roles)


async def _become(conn: Session, role: str | None, roles: Roles) -> None:
    if role is not None:
        await conn.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
    elif roles != Roles():
        await conn.execute("SET LOCAL ROLE NONE")


async def read_ledger(conn: Session, roles: Roles) -> Ledger:
    """Read the ledger; one that is not there reads as empty.

    Raises:
        InsufficientPrivilege: it is there and not ours to read.
    """
    if not await _is_there(conn):
        return Ledger()
    try:
        async with conn.transaction():
            await work_as_ledger(conn, roles)
            objects = await (await conn.execute(_OBJECTS)).fetchall()
            last = await (await conn.execute(_LAST_RUN)).fetchone()
    except psycopg.errors.InsufficientPrivilege as err:
        raise await _cannot_use(conn) from err
    return _ledger(objects, last)


def _ledger(objects: Sequence[tuple[Any, ...]], last: tuple[object, ...] | None) -> Ledger:
    keyed = {Key(_KIND_BY_NAME[str(k)], s, p, n): rest for k, s, p, n, *rest in objects}
    frameworks, *digests, state = last or ((), "", "", None, "")
    assert isinstance(frameworks, list | tuple)  # noqa: S101 - a text[]
    statements, target, result = digests
    is_settled = state == "applied" and result is not None
    return Ledger(
        is_there=last is not None or bool(objects),
        digests={key: row[0] for key, row in keyed.items()},
        paths={key: row[1] for key, row in keyed.items() if row[1]},
        unfinished={key: str(row[2]) for key, row in keyed.items() if row[2]},
        renamed={key: Key(key.kind, *_parts(row[3])) for key, row in keyed.items() if row[3]},
        frameworks=tuple(map(str, frameworks)),
        settled=Settled(
            statements_digest=str(statements),
            target_fingerprint=str(target),
            result_fingerprint=str(result),
        )
        if is_settled
        else None,
    )


def _parts(stored: object) -> tuple[str, str, str]:
    schema, parent, name = json.loads(str(stored))
    return str(schema), str(parent), str(name)


def _cannot_make(conn: Session) -> InsufficientPrivilege:
    role, database = conn.info.user, conn.info.dbname
    return InsufficientPrivilege(
        f"{role} may not make the ledger (schema _appdb) in {database}; as the database's owner"
        f' run: GRANT CREATE ON DATABASE "{database}" TO "{role}"'
    )


async def _cannot_use(conn: Session) -> InsufficientPrivilege:
    role = conn.info.user
    row = await (await conn.execute(_PREDECESSOR)).fetchone()
    if row is not None:
        return InsufficientPrivilege(
            f"the ledger (schema _appdb) in {conn.info.dbname} is {row[0]}'s, the admin before"
            f' {role}; run as a superuser, once for all databases: GRANT "{row[0]}" TO "{role}"'
        )
    return InsufficientPrivilege(
        f"the ledger (schema _appdb) in {conn.info.dbname} is not {role}'s; as its owner run:"
        f' GRANT ALL ON SCHEMA _appdb TO "{role}"; GRANT ALL ON ALL TABLES IN SCHEMA _appdb TO'
        f' "{role}"; GRANT ALL ON ALL SEQUENCES IN SCHEMA _appdb TO "{role}"'
    )


async def _is_there(conn: Session) -> bool:
    """Ask the catalog, which everybody may read, not the schema."""
    row = await (await conn.execute(_EXISTS)).fetchone()
    return bool(row and row[0])


async def ensure_ledger(conn: Session, roles: Roles) -> None:
    """Make the ledger; inside a transaction it belongs to that.

    Raises:
        InsufficientPrivilege: the message carries the GRANT.
    """
    found = await conn.execute(
        "SELECT to_regclass('_appdb.objects') IS NOT NULL, to_regnamespace('_appdb') IS NOT NULL"
    )
    row = await found.fetchone()
    has_tables, has_schema = row or (False, False)
    if has_tables:
        return
    try:
        async with conn.transaction():
            await work_as_ledger(conn, roles)
            # IF NOT EXISTS would ask for the right to make schemas even where there is one.
            if not has_schema:
                await conn.execute("CREATE SCHEMA _appdb")
            async with conn.pipeline():
                for query in _CREATE:
                    await conn.execute(query)
    except psycopg.errors.InsufficientPrivilege as err:
        raise _cannot_make(conn) from err


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """One row of `steps`."""

    ordinal: int
    sql: str
    step_class: str
    state: str
    attempts: int = 1
    sqlstate: str | None = None
    milliseconds: int | None = None
    rows: int | None = None


async def start_run(conn: Session, plan: Plan, *, actor: str) -> int:
    """Open a run and close those that were cut off; returns its number."""
    await conn.execute(_INTERRUPT)
    values = (
        plan.run_hash,
        plan.source_digest,
        plan.statements_digest,
        plan.base_fingerprint,
        plan.target_fingerprint,
        list(plan.frameworks),
        actor,
        plan.plan_hash if plan.is_approved else None,
        ENGINE,
    )
    row = await (await conn.execute(_START, values)).fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING gives one row
    return int(row[0])


async def record_step(conn: Session, run: int, step: StepRecord) -> None:
    """Write down a step, or its outcome."""
    values = (
        run,
        step.ordinal,
        step.sql,
        step.step_class,
        step.state,
        step.attempts,
        step.sqlstate,
        step.milliseconds,
        step.rows,
    )
    await conn.execute(_STEP, values)


async def record_steps(conn: Session, run: int, steps: Sequence[StepRecord]) -> None:
    """Write down many steps at once, as they are before they have run or after all of them have."""
    columns = (
        [step.ordinal for step in steps],
        [step.sql for step in steps],
        [step.step_class for step in steps],
        [step.state for step in steps],
        [step.attempts for step in steps],
        [step.sqlstate for step in steps],
    )
    await conn.execute(_STEPS, (run, *columns))


async def finish_run(
    conn: Session, run: int, *, state: str, fingerprint: str | None, error: str | None
) -> None:
    """Close a run and forget the oldest."""
    await conn.execute(_FINISH, (state, fingerprint, error, run))
    await conn.execute(_PRUNE, (KEEP_RUNS,))


async def remember(
    conn: Session, digests: Mapping[Key, str], paths: Mapping[Key, str], gone: Iterable[Key]
) -> None:
    """Write down what is ours as it stands, and forget what is gone."""
    keys = sorted(digests)
    await conn.execute(
        _REMEMBER,
        (
            *_columns(keys),
            [digests[key] for key in keys],
            [paths.get(key) for key in keys],
        ),
    )
    left = sorted(gone)
    if left:
        await conn.execute(_FORGET, _columns(left))


def _columns(keys: Sequence[Key]) -> tuple[list[str], list[str], list[str], list[str]]:
    return (
        [key.kind.value for key in keys],
        [key.schema for key in keys],
        [key.parent for key in keys],
        [key.name for key in keys],
    )


async def begin_fill(conn: Session, key: Key, expression: str) -> None:
    """Write down that a column is being filled, so that a cut-off run is gone on with."""
    await conn.execute(_BEGIN_FILL, (key.kind.value, key.schema, key.parent, key.name, expression))


async def record_rename(conn: Session, before: Key, to: Key) -> None:
    """Write down a rename that the names alone cannot show to be done."""
    stored = json.dumps([before.schema, before.parent, before.name])
    await conn.execute(_RENAMED, (to.kind.value, to.schema, to.parent, to.name, stored))


async def end_fill(conn: Session, key: Key) -> None:
    """Write down that a column is filled."""
    await conn.execute(_END_FILL, (key.kind.value, key.schema, key.parent, key.name))

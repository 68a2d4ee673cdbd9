"""Takes a database through releases with the migration engine and looks at everything after."""

import importlib.util
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from appdb.local.postgres import EmbeddedPostgres
from appdb.model.catalog import Catalog, Constraint, Index, Kind
from appdb.model.ddl import DdlKind, DdlStatement
from appdb.model.digest import digest_of_texts
from appdb.model.finding import Evidence, Span
from appdb.plan.hazards import Hazard
from appdb.plan.names import is_temporary
from appdb.plan.plan import Plan
from appdb.plan.policy import Allowance, Policy, Rename
from appdb.postgres.apply import Outcome, Run, apply_release
from appdb.postgres.connect import Login, ServerAddress, Session, SessionSettings, connect
from appdb.postgres.inspect import read_catalog
from appdb.postgres.migrate import Release, plan_release
from appdb.postgres.scratch import Scratch, open_to_roles
from support.sandbox import fresh_database

AUTO = dict.fromkeys(Hazard, Allowance.AUTO)
_KINDS = (
    (r"CREATE\s+EXTENSION", DdlKind.EXTENSION),
    (r"CREATE\s+SCHEMA", DdlKind.NAMESPACE),
    (r"CREATE\s+(TYPE|DOMAIN)", DdlKind.TYPE),
    (r"CREATE\s+SEQUENCE", DdlKind.SEQUENCE),
    (r"CREATE\s+(UNLOGGED\s+)?TABLE", DdlKind.TABLE),
    (r"CREATE\s+(UNIQUE\s+)?INDEX", DdlKind.INDEX),
    (r"ALTER", DdlKind.CONSTRAINT),
    (r"COMMENT", DdlKind.COMMENT),
)
_NAME = re.compile(
    r"CREATE\s+(?:UNLOGGED\s+)?\w+\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:(\w+)\.)?\"?(\w+)", re.IGNORECASE
)


def release_of(ddl: str, path: str = "schema.sql") -> Release:
    """Cut plain DDL into statements; every one ends with `;` at the end of a line."""
    statements = []
    line = 1
    for part in re.split(r";\s*(?:\n|$)", ddl):
        text = part.strip()
        if text:
            statements.append(_statement(text, path, line))
        line += part.count("\n") + 1
    return Release(
        statements=statements,
        source_digest=digest_of_texts([ddl]),
        frameworks=("sql",),
        paths=(path,),
    )


def _statement(text: str, path: str, line: int) -> DdlStatement:
    kinds = (k for pattern, k in _KINDS if re.match(pattern, text, re.IGNORECASE))
    kind = next(kinds, DdlKind.TABLE)
    named = _NAME.match(text)
    return DdlStatement(
        kind=kind,
        sql=text,
        name=named[2] if named else text.split()[2].strip('"'),
        schema=named[1] if named else None,
        evidence=Evidence(span=Span(path=path, line=line), rule="sql"),
    )


@asynccontextmanager
async def session(dsn: str) -> AsyncIterator[Session]:
    """A session as the engine opens it."""
    parts = conninfo_to_dict(dsn)
    conn = await connect(
        ServerAddress(host=str(parts["host"]), port=int(str(parts["port"]))),
        Login(username=str(parts["user"]), password=str(parts.get("password") or "")),
        database=str(parts["dbname"]),
        settings=SessionSettings(role=None, application_name="appdb-test"),
    )
    try:
        yield conn
    finally:
        await conn.close()


@dataclass(frozen=True, kw_only=True)
class Case:
    """A release: DDL before and after, rows, what the plan is to be, and a new app's INSERT.

    `exit` is the plan's exit code, `classes` the classes of its units (None: not looked at),
    `blocked` the hazards of what rows forbid. `lost` names tables or columns whose values
    are meant to change or go.
    """

    name: str
    before: str
    after: str
    rows: str = ""
    exit: int = 2
    classes: str | None = None
    blocked: tuple[str, ...] = ()
    insert: str = ""
    casts: Mapping[str, str] = field(default_factory=dict)
    backfills: Mapping[str, str] = field(default_factory=dict)
    renames: tuple[Rename, ...] = ()
    lost: tuple[str, ...] = ()
    min_version: int = 15
    left: int = 0

    @property
    def policy(self) -> Policy:
        return Policy(casts=self.casts, backfills=self.backfills, renames=self.renames)


@dataclass(kw_only=True)
class Place:
    """A live database and a scratch beside it."""

    conn: Session
    scratch: Scratch
    dsn: str = ""

    async def plan(self, ddl: str, policy: Policy | None = None) -> Plan:
        return await plan_release(self.conn, self.scratch, release_of(ddl), policy or Policy())

    async def apply(self, ddl: str, policy: Policy | None = None) -> tuple[Plan, Outcome]:
        plan = await self.plan(ddl, policy)
        outcome = await apply_release(self.conn, plan, Run(policy=policy or Policy()))
        return plan, outcome

    async def release(self, ddl: str, policy: Policy | None = None) -> Plan:
        """Apply and insist that nothing is left to do; returns what was planned."""
        plan, outcome = await self.apply(ddl, policy)
        assert not outcome.failures, outcome.failures
        return plan

    async def run(self, script: str) -> None:
        """Run several statements as the application would."""
        await self.conn.execute("SET search_path = public")
        try:
            if script.strip():
                await self.conn.execute(script.encode())
        finally:
            await self.conn.execute("RESET search_path")

    async def counts(self) -> dict[str, int]:
        """Rows of every table."""
        found = {}
        for table in (await read_catalog(self.conn)).keys(Kind.TABLE):
            query = f"SELECT count(*) FROM {table.quoted}"
            row = await (await self.conn.execute(query.encode())).fetchone()
            assert row is not None
            found[str(table)] = row[0]
        return found

    async def sums(self) -> dict[str, tuple[int, str]]:
        """Rows and a checksum for every column of every table."""
        catalog = await read_catalog(self.conn)
        found = {}
        for table in catalog.keys(Kind.TABLE):
            for name, column in catalog.columns(table).items():
                quoted = '"' + name.replace('"', '""') + '"'
                query = (
                    f"SELECT count(*), coalesce(md5(string_agg({quoted}::text, ',' ORDER BY"
                    f" {quoted}::text)), '') FROM {table.quoted}"
                )
                row = await (await self.conn.execute(query.encode())).fetchone()
                assert row is not None
                found[f"{table}.{name}:{column.type}"] = (row[0], row[1])
        return found


def debris(catalog: Catalog) -> list[str]:
    """What only an interrupted or failed run leaves."""
    found = []
    for key, record in catalog.objects.items():
        if is_temporary(key.name):
            found.append(f"temporary {key.kind} {key}")
        if isinstance(record, Constraint | Index) and not record.is_valid:
            found.append(f"invalid {key.kind} {key}")
    return found


async def check_case(place: Place, fresh: Place, case: Case) -> None:
    """Take a database through a case and look at everything that could be wrong after."""
    await place.release(case.before)
    await place.run(case.rows)
    before = await read_catalog(place.conn)
    sums = await place.sums()

    again = await place.plan(case.before, replace(case.policy, renames=()))
    assert again.exit_code == 0, ("no-op", [s.step.sql for s in again.steps], again.drift)
    plan = await place.plan(case.after, case.policy)
    assert case.exit == plan.exit_code, (case.exit, plan.exit_code, describe(plan))
    if case.classes is not None:
        found = "".join(sorted({j.step_class.value for j in plan.judged}))
        assert case.classes == found, (case.classes, found, describe(plan))
    await place.apply(case.after, replace(case.policy, approved_plan=plan.plan_hash))

    after = await read_catalog(place.conn)
    assert [] == debris(after)
    if case.blocked:
        assert set(case.blocked) == {_hazard(j) for j in plan.blocked}, describe(plan)
        assert before.objects == after.objects
        assert sums == await place.sums()
        return
    second = await place.plan(case.after, case.policy)
    assert second.exit_code == case.left, ("second plan", describe(second))
    assert not second.drift
    if case.left:
        return
    await fresh.release(case.after)
    wanted = await read_catalog(fresh.conn)
    assert differences(wanted, after) == []
    _same_rows(sums, await place.sums(), case)
    await place.run(case.insert)


def _hazard(judged) -> str:
    unit = judged.unit
    return unit.obstacle.hazard if unit.obstacle else judged.refusals[0].probe.hazard


def differences(wanted: Catalog, found: Catalog) -> list[str]:
    """What differs between two catalogs, as text."""
    keys = wanted.objects.keys() | found.objects.keys()
    lines = [
        f"{key}: wanted {wanted.objects.get(key)} found {found.objects.get(key)}"
        for key in sorted(keys)
        if wanted.objects.get(key) != found.objects.get(key)
    ]
    return lines + [
        f"comment on {key}"
        for key in wanted.comments.keys() | found.comments.keys()
        if wanted.comments.get(key) != found.comments.get(key)
    ]


def _same_rows(before: Mapping, after: Mapping, case: Case) -> None:
    for name, (count, text) in before.items():
        column = name.partition(":")[0]
        if column in case.lost or column.rpartition(".")[0] in case.lost:
            continue
        if name in after:
            assert (count, text) == after[name], (name, "rows changed")
        else:
            kept = [n for n in after if n.partition(":")[0] == column]
            assert kept or case.renames, (name, "is gone")
            assert all(after[n][0] == count for n in kept), (name, "rows lost")


def describe(plan: Plan) -> Sequence[str]:
    """A plan in a few lines, for failing asserts."""
    return [
        f"{j.verdict} {j.step_class} {sorted(j.hazards)} {s.sql} | {j.why} {j.refusals}"
        for j in plan.judged
        for s in (j.unit.steps or ())
    ] + [f"warning {w}" for w in plan.warnings]


def load_cases(folder: Path) -> list[Case]:
    """All cases of the tables in a folder."""
    found: list[Case] = []
    for path in sorted(folder.glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"cases_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found.extend(module.CASES)
    return found


@asynccontextmanager
async def places(server: EmbeddedPostgres, count: int = 1) -> AsyncIterator[list[Place]]:
    """Empty databases on a server, with one scratch database beside them."""
    async with AsyncExitStack() as stack:
        bench_dsn = stack.enter_context(fresh_database(server, "scratch"))
        bench = await stack.enter_async_context(session(bench_dsn))
        name = sql.Identifier(bench.info.dbname)
        await bench.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
        await open_to_roles(bench)
        scratch = Scratch(conn=bench)
        found = []
        for _ in range(count):
            dsn = stack.enter_context(fresh_database(server, "live"))
            conn = await stack.enter_async_context(session(dsn))
            found.append(Place(conn=conn, scratch=scratch, dsn=dsn))
        yield found


async def empty(place: Place) -> None:
    """Take everything out of a database, ledger and all."""
    found = await place.conn.execute(
        "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> %s",
        ("information_schema",),
    )
    for (name,) in await found.fetchall():
        query = sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name))
        await place.conn.execute(query)
    await place.conn.execute("CREATE SCHEMA public")

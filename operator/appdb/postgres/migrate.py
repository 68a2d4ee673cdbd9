"""Plans a release against a live database: read, compare, rehearse, ask the rows, decide.

Reads the live database and never writes to it; everything that is tried is tried in the
scratch database. What is decided is decided by the pure functions of `appdb.plan`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from appdb.errors import InvalidSpec, NothingDetected, PlanDiverges
from appdb.model.catalog import Catalog, Column, EnumType, Key, Kind
from appdb.model.ddl import DdlStatement
from appdb.model.digest import digest_of_texts
from appdb.plan.build import build_units
from appdb.plan.clone import part, touched, with_invalid_left_out
from appdb.plan.diff import Altered, Change, diff_catalogs
from appdb.plan.direct import direct_plan
from appdb.plan.expansions import (
    Expansion,
    Expansions,
    Found,
    candidates,
    declared_pairs,
    resolve_expansions,
)
from appdb.plan.order import order_units
from appdb.plan.plan import Plan, decide
from appdb.plan.policy import Judged, Policy, Verdict
from appdb.plan.recipes import expand
from appdb.plan.recipes.context import Context, with_expansions
from appdb.plan.recipes.enums import enum_with_labels
from appdb.plan.renames import Renames, rename_units, resolve_renames
from appdb.plan.scope import (
    contradicting,
    drift_of,
    foreign_of,
    keys_of_options,
    origins_of,
    record_digest,
)
from appdb.plan.unit import Unit, gone
from appdb.postgres.apply import Book
from appdb.postgres.bystanders import read_bystander
from appdb.postgres.connect import Session
from appdb.postgres.inspect import read_catalog
from appdb.postgres.ledger import Ledger, Roles, read_ledger
from appdb.postgres.probes import gather_evidence, has_rows, has_values
from appdb.postgres.rehearse import Rehearsal, run_unit
from appdb.postgres.scratch import Scratch, check_statements

ROUNDS = 4


@dataclass(frozen=True, kw_only=True)
class Release:
    """What a source declares: statements that load in order, and where they come from.

    `paths` are all files of the source, so that one that is no longer understood is told
    from one that is gone.
    """

    statements: Sequence[DdlStatement]
    source_digest: str = ""
    frameworks: tuple[str, ...] = ()
    paths: Collection[str] = field(default=())

    @cached_property
    def statements_digest(self) -> str:
        """`sha256:<hex>` over the statements."""
        return digest_of_texts(statement.sql for statement in self.statements)


async def plan_release(
    conn: Session,
    scratch: Scratch | None,
    release: Release,
    policy: Policy,
    *,
    roles: Roles = Roles(),  # noqa: B008 - a frozen value
    book: Book | None = None,
) -> Plan:
    """Plan what brings a database to what a release declares; changes nothing.

    Without a scratch database only an empty database can be planned for: its plan is the
    declared statements themselves.

    Raises:
        NothingDetected: nothing is declared, or a file is no longer understood, while
            tables of ours are there.
        PlanDiverges: the rehearsal does not reach what is declared.
        DDLFailed, InvalidSpec, ExtensionNotAllowed: a declared statement cannot be run.
    """
    ledger = await read_ledger(book.conn, book.roles) if book else await read_ledger(conn, roles)
    live = await read_catalog(conn)
    _refuse_silence(release, ledger)
    settled = _settled(release, policy, ledger, live)
    if settled is not None:
        return settled
    if scratch is None or (live.is_empty and not ledger.digests):
        if not live.is_empty:
            raise InvalidSpec(f"{conn.info.dbname} holds tables: a plan needs a scratch database")
        if scratch is None:
            check_statements(release.statements)
            return direct_plan(
                live, release.statements, policy, release.source_digest, release.frameworks
            )
    desired = await scratch.desired(release.statements, live)
    planner = _Planner(
        conn=conn,
        scratch=scratch,
        policy=policy,
        roles=roles,
        ledger=ledger,
        release=release,
        live=live,
        desired=desired,
    )
    return await planner.plan()


def _settled(release: Release, policy: Policy, ledger: Ledger, live: Catalog) -> Plan | None:
    """The empty plan, when nothing that matters changed since a run that left nothing."""
    last = ledger.settled
    if (
        last is None
        or ledger.unfinished
        or last.statements_digest != release.statements_digest
        or last.result_fingerprint != live.fingerprint
    ):
        return None
    managed = frozenset(ledger.digests)
    renames = resolve_renames(policy.renames, live, live, managed, ledger.renamed)
    declared = declared_pairs(policy.renames, live, {})
    expansions = resolve_expansions(declared, live, live, Found())
    return Plan(
        base_fingerprint=live.fingerprint,
        target_fingerprint=last.target_fingerprint,
        judged=(),
        foreign=foreign_of(live, managed, managed, Renames()),
        warnings=(*renames.warnings, *expansions.warnings),
        managed=managed,
        former=managed,
        source_digest=release.source_digest,
        statements_digest=release.statements_digest,
        frameworks=release.frameworks,
        is_settled=True,
    )


def _refuse_silence(release: Release, ledger: Ledger) -> None:
    tables = [key for key in ledger.digests if key.kind is Kind.TABLE]
    if not tables:
        return
    if not release.statements:
        raise NothingDetected(
            f"the source declares nothing, while {len(tables)} tables are managed: nothing was"
            " dropped; check the path, or drop the tables one by one"
        )
    declared = {(s.schema or "public", s.name) for s in release.statements}
    undeclared = [key for key in tables if (key.schema, key.name) not in declared]
    missing = sorted(set(ledger.frameworks) - set(release.frameworks))
    if missing and release.frameworks and undeclared:
        raise NothingDetected(
            f"{', '.join(missing)} declared tables before and is no longer found: nothing was"
            " dropped; check the source"
        )
    declaring = {s.evidence.span.path for s in release.statements if s.evidence}
    for key in undeclared:
        path = ledger.paths.get(key)
        if path in release.paths and path not in declaring:
            raise NothingDetected(
                f"{path} declared table {key} before and is no longer understood: nothing was"
                " dropped; check the file"
            )


@dataclass(frozen=True, kw_only=True)
class _Planner:
    """One planning; every method takes the next step and returns values."""

    conn: Session
    scratch: Scratch
    policy: Policy
    roles: Roles
    ledger: Ledger
    release: Release
    live: Catalog
    desired: Catalog

    async def plan(self) -> Plan:
        renames = resolve_renames(
            self.policy.renames, self.live, self.desired, self._managed, self.ledger.renamed
        )
        first = await self._rename_units(renames)
        moved, origins = await self._move(renames, first)
        managed = self._moved_keys(self._managed, renames)
        live, desired = await self._canonical(moved, managed)
        expansions = await self._expansions(live, desired, renames, origins)
        managed |= {e.source for e in expansions.all}
        units = await self._units(live, desired, managed, origins, expansions.all)
        renames = replace(renames, warnings=(*renames.warnings, *expansions.warnings))
        return await self._decide(order_units((*first, *units)), renames, managed)

    @property
    def _managed(self) -> frozenset[Key]:
        return frozenset(self.ledger.digests)

    async def _rename_units(self, renames: Renames) -> tuple[Unit, ...]:
        empty = set()
        for rename in renames.due:
            key = rename.in_the_way
            if key is None or key not in self._managed:
                continue
            holds = has_rows if key.kind is Kind.TABLE else has_values
            if not await holds(self.conn, key, self.roles):
                empty.add(key)
        return rename_units(renames, self.live, self._managed, empty)

    async def _move(
        self, renames: Renames, units: tuple[Unit, ...]
    ) -> tuple[Catalog, Mapping[Key, Key]]:
        """Let Postgres itself say what the catalog looks like once the renames are done."""
        if not units:
            return self.live, {}
        extra = {r.key for r in renames.due} | {
            r.in_the_way for r in renames.due if r.in_the_way is not None
        }
        seeds, neighbours = touched((), self.live, self.live, extra)
        cut = part(self.live, seeds, neighbours)
        async with self.scratch.bench(self.live) as bench:
            await bench.clone(with_invalid_left_out(cut))
            for unit in units:
                if unit.obstacle is None:
                    await run_unit(bench, unit)
            after = await bench.catalog()
        kept = {k: r for k, r in self.live.objects.items() if k not in cut.objects}
        comments = {k: t for k, t in self.live.comments.items() if k not in cut.objects}
        moved = replace(
            self.live,
            objects={**kept, **after.objects},
            comments={**comments, **after.comments},
            syncs=(*(s for s in self.live.syncs if s not in cut.syncs), *after.syncs),
            taken=self.live.taken | after.taken,
        )
        return moved, self._origins(renames, moved)

    def _origins(self, renames: Renames, moved: Catalog) -> Mapping[Key, Key]:
        forward = {key: self._moved_key(key, renames) for key in self.live.objects}
        return {to: key for key, to in forward.items() if to != key and to in moved.objects}

    @staticmethod
    def _moved_key(key: Key, renames: Renames) -> Key:
        direct = {r.key: r.to for r in renames.due}
        if key in direct:
            return direct[key]
        if key.parent and key.table in renames.tables:
            return key._replace(parent=renames.tables[key.table].name)
        return key

    def _moved_keys(self, keys: frozenset[Key], renames: Renames) -> frozenset[Key]:
        return frozenset(self._moved_key(key, renames) for key in keys)

    async def _canonical(self, live: Catalog, managed: frozenset[Key]) -> tuple[Catalog, Catalog]:
        """Where texts differ, compare them after one more round through Postgres' parser.

        A restored database deparses some expressions in another way than a fresh one, and
        what is made from deparsed text may deparse in another way than its source.
        """
        changes = diff_catalogs(live, self.desired, managed)
        doubtful = {c.key.table for c in changes if c.key.parent or c.key.kind is Kind.TABLE}
        has_domain = any(isinstance(c, Altered) and c.key.kind is Kind.DOMAIN for c in changes)
        if not doubtful and not has_domain:
            return live, self.desired
        seeds, neighbours = touched((), live, self.desired, doubtful)
        return (
            await self._reparsed(live, seeds, neighbours),
            await self._reparsed(self.desired, seeds, neighbours),
        )

    async def _reparsed(
        self, catalog: Catalog, seeds: frozenset[Key], neighbours: frozenset[Key]
    ) -> Catalog:
        """Take only texts from the second round: flags of half-done work must stay."""
        cut = with_invalid_left_out(part(catalog, seeds, neighbours))
        again = await self.scratch.canonical(cut)
        objects = {
            key: (
                again.objects[key]
                if cut.objects.get(key) is record and key in again.objects
                else record
            )
            for key, record in catalog.objects.items()
        }
        for key, record in catalog.objects.items():
            new = objects[key]
            if isinstance(record, Column) and isinstance(new, Column):
                objects[key] = replace(
                    new,
                    position=record.position,
                    is_volatile=record.is_volatile,
                    unvalidated=record.unvalidated,
                    not_null=record.not_null,
                )
        return replace(catalog, objects=objects)

    async def _expansions(
        self, live: Catalog, desired: Catalog, renames: Renames, origins: Mapping[Key, Key]
    ) -> Expansions:
        """Ask the live database about columns that are to be expanded, then decide."""
        declared = declared_pairs(self.policy.renames, live, renames.tables)
        valued, bystanders = set(), {}
        for source, target in candidates(declared, live, desired):
            here = origins.get(target, target)
            if target in live.objects and await has_values(self.conn, here, self.roles):
                valued.add(target)
            bystanders[source] = await read_bystander(self.conn, origins.get(source, source))
        filled = self._managed - self.ledger.unfinished.keys()
        found = Found(
            valued=valued, bystanders=bystanders, filled=self._moved_keys(filled, renames)
        )
        return resolve_expansions(declared, live, desired, found)

    async def _units(
        self,
        live: Catalog,
        desired: Catalog,
        managed: frozenset[Key],
        origins: Mapping[Key, Key],
        expansions: tuple[Expansion, ...],
    ) -> tuple[Unit, ...]:
        """Build units and rehearse them on a clone until nothing differs."""
        changes = diff_catalogs(live, desired, managed)
        unfinished = {k: e for k, e in self.ledger.unfinished.items() if k in live.objects}
        if not changes and not unfinished and expand.is_idle(live, desired):
            return ()
        kept = {s.table for s in live.syncs if s.table is not None and s.table in live.objects}
        seeds, neighbours = touched(changes, live, desired, kept)
        target = part(desired, seeds, neighbours)
        now = part(live, seeds, neighbours)
        ctx = self._context(live, desired, changes, managed, origins, unfinished)
        ctx = with_expansions(ctx, expansions)
        units = build_units(ctx)
        found: list[Unit] = []
        async with self.scratch.bench(self.live) as bench:
            await bench.clone(_with_labels(with_invalid_left_out(now), changes))
            given = ctx.casts.keys() | keys_of_options(self.policy.backfills, desired).keys()
            rehearsal = Rehearsal(bench=bench, given=given, failed=[], missing=set())
            for number in range(2, ROUNDS + 2):
                found.extend(await rehearsal.run(units))
                after = await bench.catalog()
                left = diff_catalogs(after, target, managed)
                changes = [c for c in left if not rehearsal.explains(c)]
                if not changes:
                    return tuple(found)
                ctx = self._context(after, target, changes, managed, origins, {})
                # What a later round makes again must first have gone by an earlier unit.
                units = tuple(
                    replace(u, round=number, needs=u.needs | gone(u.subject))
                    if u.subject in live.objects
                    else replace(u, round=number)
                    for u in build_units(ctx)
                )
        names = ", ".join(sorted({str(c.key) for c in changes})[:5])
        raise PlanDiverges(
            f"the rehearsal does not reach what is declared, {names} still differ: nothing was"
            " changed; change these by hand or report the case"
        )

    def _context(  # noqa: PLR0917 - the parts of a context
        self,
        live: Catalog,
        desired: Catalog,
        changes: Sequence[Change],
        managed: frozenset[Key],
        origins: Mapping[Key, Key],
        unfinished: Mapping[Key, str],
    ) -> Context:
        return Context(
            live=live,
            desired=desired,
            changes=tuple(changes),
            managed=managed | frozenset(self.desired.objects),
            casts=keys_of_options(self.policy.casts, desired),
            backfills=keys_of_options(self.policy.backfills, desired),
            unfinished=unfinished,
            origins=origins,
            extensions=self.policy.extensions,
        )

    async def _decide(
        self, units: tuple[Unit, ...], renames: Renames, managed: frozenset[Key]
    ) -> Plan:
        if any(unit.probes or unit.rewrites for unit in units):
            await self.scratch.rest()
        evidence = await gather_evidence(
            self.conn, units, self.roles, timeout_seconds=self.policy.max_step_seconds
        )
        drift = drift_of(self.live, self.ledger.digests)
        drifted = frozenset(
            d.key
            for d in drift
            if d.key in self.desired.objects
            and record_digest(self.desired, d.key) == self.ledger.digests[d.key]
        )
        is_adoption = not self.ledger.is_there and not self.live.is_empty
        judged, mitigations, is_approved = decide(
            units,
            self.policy,
            evidence,
            base=self.live.fingerprint,
            target=self.desired.fingerprint,
            is_adoption=is_adoption,
            drifted=drifted,
        )
        await self._try_alone(judged, mitigations)
        return Plan(
            base_fingerprint=self.live.fingerprint,
            target_fingerprint=self.desired.fingerprint,
            judged=judged,
            mitigations=mitigations,
            foreign=foreign_of(self.live, frozenset(self.desired.objects), self._managed, renames),
            drift=contradicting(drift, self.live, self.desired),
            warnings=renames.warnings,
            origins=origins_of(self.release.statements),
            managed=managed | frozenset(self.desired.objects),
            former=self._managed,
            source_digest=self.release.source_digest,
            statements_digest=self.release.statements_digest,
            frameworks=self.release.frameworks,
            is_first_run=not self.ledger.is_there,
            is_adoption=is_adoption,
            is_approved=is_approved,
        )

    async def _try_alone(self, judged: tuple[Judged, ...], mitigations: tuple[Judged, ...]) -> None:
        """Rehearse what runs now without what waits."""
        running = [j.unit for j in (*judged, *mitigations) if j.verdict is Verdict.RUNS]
        if len(running) == len(judged) or not running:
            return
        extra = {u.subject for u in running if u.subject.parent or u.subject.kind is Kind.TABLE}
        changes = diff_catalogs(self.live, self.desired, self._managed)
        seeds, neighbours = touched(changes, self.live, self.desired, extra)
        async with self.scratch.bench(self.live) as bench:
            cut = with_invalid_left_out(part(self.live, seeds, neighbours))
            await bench.clone(_with_labels(cut, changes))
            for unit in running:
                await run_unit(bench, unit)


def _with_labels(catalog: Catalog, changes: Sequence[Change]) -> Catalog:
    """Show enums with their new labels: one added in a transaction cannot be used in it."""
    objects = dict(catalog.objects)
    for change in changes:
        if not isinstance(change, Altered):
            continue
        before, after = change.before, change.after
        if isinstance(before, EnumType) and isinstance(after, EnumType):
            objects[change.key] = enum_with_labels(before, after, change.key)
    return replace(catalog, objects=objects)


async def fingerprint(conn: Session) -> str:
    """Return the fingerprint of a database's schema; takes about 30 ms per 100 tables."""
    return (await read_catalog(conn)).fingerprint

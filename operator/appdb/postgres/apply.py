"""Runs a plan: step by step, under the database's lock, so that any moment may be the last.

Short lock waits that are tried again, each step recorded with what it changed, undone when
it fails: what remains is the old schema or the new one, never something in between. Decides
nothing: what runs was decided by the plan.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import psycopg

from appdb.errors import AppDBError, ConcurrentUpdate, LockTimeout
from appdb.model.catalog import Catalog, Key, Kind
from appdb.model.identifiers import quoted
from appdb.plan.hazards import Lock, Pace
from appdb.plan.order import holding_back
from appdb.plan.plan import Plan
from appdb.plan.policy import Judged, Policy, Verdict
from appdb.plan.scope import keys_there, parts_to_come, record_digest
from appdb.plan.unit import Step, Unit
from appdb.postgres.backfill import fill_column
from appdb.postgres.connect import LONGEST_SILENCE_MS, Session
from appdb.postgres.inspect import read_catalog
from appdb.postgres.ledger import (
    Roles,
    StepRecord,
    begin_fill,
    end_fill,
    ensure_ledger,
    finish_run,
    record_rename,
    record_step,
    record_steps,
    remember,
    start_run,
    work_as_ledger,
    work_as_owner,
    work_as_self,
)
from appdb.postgres.locks import read_blockers, run_lock
from appdb.postgres.sqlstate import statement_error, translated

LOCK_TRIES = 30
BRIEF_SECONDS = 30
_LOCK_ERRORS = {"55P03", "40P01"}
_THERE_ALREADY = {"42P07", "42710"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something to tell a person who waits: `what` is `step`, `done`, `wait` or `failed`."""

    what: str
    text: str
    step: Step | None = None
    seconds: float = 0.0


Listener: TypeAlias = Callable[[Event], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A unit that could not be made; nothing of it stayed."""

    unit: Unit
    error: AppDBError
    sqlstate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a run; `fingerprint` is that of the schema now."""

    applied: int
    fingerprint: str
    seconds: float
    failures: tuple[Failure, ...] = ()
    managed: frozenset[Key] = frozenset()

    def then(self, later: "Outcome") -> "Outcome":
        """Return what came of this run and of a later one together."""
        return Outcome(
            applied=self.applied + later.applied,
            fingerprint=later.fingerprint,
            seconds=self.seconds + later.seconds,
            failures=later.failures,
            managed=later.managed or self.managed,
        )


@dataclass(frozen=True, kw_only=True)
class Book:
    """A session of its own for the ledger, where the one that changes tables may not write it.

    A login of the application must never act with the operator's rights, not even inside a
    function that one of its own checks calls. Records then follow what they tell of instead
    of committing with it; the catalog decides what is there, as always.
    """

    conn: Session
    roles: Roles = field(default_factory=Roles)


@dataclass(frozen=True, kw_only=True)
class Run:
    """How to run: the policy's time-outs, who works, who is told, and chance."""

    policy: Policy = field(default_factory=Policy)
    roles: Roles = field(default_factory=Roles)
    book: Book | None = None
    actor: str = "appdb"
    tell: Listener = lambda _: None
    wait_seconds: float = 10.0
    jitter: Callable[[], float] = random.random


async def apply_release(conn: Session, plan: Plan, run: Run) -> Outcome:
    """Run what a plan lets run now, and write down what is ours.

    The session must be direct (no transaction pooler) and in autocommit mode.

    Raises:
        LockTimeout: another run works on this database; the message says who.
        ConcurrentUpdate: the schema is not the one that was planned for; plan again.
        DDLFailed, DataConflict, ...: the one transaction of a first run failed; nothing stayed.
    """
    started = time.monotonic()
    waiting = lambda text: run.tell(Event(what="wait", text=text))  # noqa: E731 - one use
    async with run_lock(
        conn,
        wait_seconds=run.wait_seconds,
        on_wait=waiting,
        longest_silence_ms=LONGEST_SILENCE_MS,
    ):
        live = await read_catalog(conn)
        if live.fingerprint != plan.base_fingerprint:
            raise ConcurrentUpdate(
                f"the schema of {conn.info.dbname} changed since the plan was made: plan again"
            )
        if plan.is_direct and run.book is None:
            return await _apply_direct(conn, plan, run, started)
        return await _Applier(conn=conn, plan=plan, run=run, started=started).apply()


async def _apply_direct(conn: Session, plan: Plan, run: Run, started: float) -> Outcome:
    """Load declared statements into an empty database: one transaction, ledger and all."""
    steps = [p.step for p in plan.steps]
    at: Step | None = None
    try:
        async with conn.transaction():
            await ensure_ledger(conn, run.roles)
            await conn.execute("SELECT set_config('search_path', 'public', true)")
            for planned in plan.steps:
                at = planned.step
                await _as_fits(conn, planned.judged.unit, run.roles)
                await _execute(conn, planned.step)
            await conn.execute("SELECT set_config('search_path', 'pg_catalog', true)")
            after = await read_catalog(conn)
            await work_as_ledger(conn, run.roles)
            number = await start_run(conn, plan, actor=run.actor)
            await record_steps(conn, number, _records(steps))
            await remember(conn, _digests(after, frozenset(after.objects)), _paths(plan), ())
            await finish_run(
                conn, number, state="applied", fingerprint=after.fingerprint, error=None
            )
    except psycopg.Error as err:
        doing = f"running {at.statements[0][:80]!r}" if at else "making the ledger"
        raise statement_error(err, where=conn.info.dbname, doing=doing) from err
    return Outcome(
        applied=len(steps),
        fingerprint=after.fingerprint,
        seconds=time.monotonic() - started,
        managed=frozenset(after.objects),
    )


def _records(steps: Sequence[Step]) -> list[StepRecord]:
    return [
        StepRecord(ordinal=number, sql=step.sql, step_class="S", state="done")
        for number, step in enumerate(steps, 1)
    ]


async def _as_fits(conn: Session, unit: Unit, roles: Roles) -> None:
    """Schemas and extensions need a right on the database that the owner of tables lacks."""
    if unit.subject.kind in {Kind.NAMESPACE, Kind.EXTENSION}:
        await work_as_self(conn, roles)
    else:
        await work_as_owner(conn, roles)


async def _execute(conn: Session, step: Step) -> int:
    rows = 0
    for statement in step.statements:
        # A binary result makes libpq use the protocol that takes a single statement only.
        cursor = await conn.execute(statement.encode(), binary=True)
        rows = max(rows, cursor.rowcount)
    return rows


def _digests(after: Catalog, keys: frozenset[Key]) -> dict[Key, str]:
    return {key: record_digest(after, key) for key in keys & keys_there(after)}


def _paths(plan: Plan) -> Mapping[Key, str]:
    return {key: origin.span.path for key, origin in plan.origins.items()}


@dataclass(kw_only=True)
class _Applier:
    """One run of a plan; `number` is the run's in the ledger, `ordinal` counts its steps."""

    conn: Session
    plan: Plan
    run: Run
    started: float
    number: int = 0
    ordinal: int = 0
    failures: list[Failure] = field(default_factory=list)

    @property
    def _book(self) -> Book:
        """Where the ledger is written: by default the very session that changes tables."""
        return self.run.book or Book(conn=self.conn, roles=self.run.roles)

    async def apply(self) -> Outcome:
        plan = self.plan
        is_held = plan.is_adoption and not plan.is_approved and bool(plan.pending or plan.blocked)
        if is_held or plan.is_settled:
            return await self._outcome_untouched()
        with translated(self.conn.info.dbname, "opening the ledger"):
            await self._open()
        units = [j for j in self.plan.judged if j.verdict is Verdict.RUNS]
        stopped = [j.unit for j in self.plan.judged if j.verdict is not Verdict.RUNS]
        every = [j.unit for j in self.plan.judged]
        held: set[int] = set()
        for judged in (*units, *self.plan.mitigations):
            if id(judged.unit) in held:
                continue
            before = len(self.failures)
            await self._apply_unit(judged)
            if len(self.failures) > before:
                failed = [f.unit for f in self.failures]
                held = {id(every[place]) for place in holding_back(every, [*stopped, *failed])}
        with translated(self.conn.info.dbname, "closing the ledger"):
            return await self._close()

    async def _outcome_untouched(self) -> Outcome:
        return Outcome(
            applied=0,
            fingerprint=self.plan.base_fingerprint,
            seconds=time.monotonic() - self.started,
        )

    async def _open(self) -> None:
        book = self._book
        async with book.conn.transaction():
            await ensure_ledger(book.conn, book.roles)
            await work_as_ledger(book.conn, book.roles)
            self.number = await start_run(book.conn, self.plan, actor=self.run.actor)
            await remember(book.conn, dict.fromkeys(parts_to_come(self.plan), ""), {}, ())

    async def _close(self) -> Outcome:
        after = await read_catalog(self.conn)
        ours = self.plan.managed | self.plan.former
        ours |= {sync.key for sync in after.syncs}
        managed = ours & keys_there(after)
        # What was changed by hand and left so is remembered as it was: else it would be no
        # drift the next time, but a change to make.
        left = {j.unit.subject for j in self.plan.judged if j.verdict is Verdict.REPORTED}
        error = self.failures[0].error.message if self.failures else None
        state = "partial" if self.failures or self.plan.leaves_something else "applied"
        book = self._book
        async with book.conn.transaction():
            await work_as_ledger(book.conn, book.roles)
            paths = _paths(self.plan)
            await remember(book.conn, _digests(after, managed - left), paths, ours - managed - left)
            await finish_run(
                book.conn,
                self.number,
                state=state,
                fingerprint=after.fingerprint,
                error=error,
            )
        return Outcome(
            applied=self.ordinal,
            fingerprint=after.fingerprint,
            seconds=time.monotonic() - self.started,
            failures=tuple(self.failures),
            managed=managed,
        )

    async def _apply_unit(self, judged: Judged) -> None:
        done: list[Step] = []
        for step in judged.unit.steps:
            began = time.monotonic()
            self.run.tell(Event(what="step", text=step.statements[0], step=step))
            try:
                await self._apply_step(judged, step)
            except psycopg.Error as err:
                error = statement_error(
                    err, where=self.conn.info.dbname, doing=f"changing {judged.unit.subject}"
                )
                self.run.tell(Event(what="failed", text=error.message, step=step))
                if self.conn.closed:
                    raise error from err
                # What stands there already somebody else made: it is not this step's to drop.
                made = done if err.sqlstate in _THERE_ALREADY else [*done, step]
                await self._undo(judged.unit, made)
                await self._record(judged, step, state="failed", sqlstate=err.sqlstate)
                self.failures.append(
                    Failure(unit=judged.unit, error=error, sqlstate=err.sqlstate or "")
                )
                return
            except LockTimeout as error:
                self.run.tell(Event(what="failed", text=error.message, step=step))
                await self._undo(judged.unit, [*done, step])
                await self._record(judged, step, state="failed", sqlstate="55P03")
                self.failures.append(Failure(unit=judged.unit, error=error, sqlstate="55P03"))
                return
            done.append(step)
            seconds = time.monotonic() - began
            self.run.tell(Event(what="done", text=step.sql, step=step, seconds=seconds))

    async def _apply_step(self, judged: Judged, step: Step) -> None:
        self.ordinal += 1
        tables = [judged.unit.subject.table]
        for attempt in range(1, LOCK_TRIES + 1):
            try:
                await self._try_step(judged, step, attempt)
            except psycopg.Error as err:
                if err.sqlstate not in _LOCK_ERRORS or step.pace is Pace.ONLINE:
                    raise
                blockers = await read_blockers(self.conn, tables)
                who = "; ".join(map(str, blockers)) or "a session that has just ended"
                if attempt == LOCK_TRIES:
                    raise LockTimeout(
                        f"no lock on {tables[0]} after {LOCK_TRIES} tries, held by {who}; try"
                        " again when it has ended"
                    ) from err
                self.run.tell(Event(what="wait", text=f"waiting for {who}", step=step))
                await asyncio.sleep(min(0.1 * 2**attempt, 2.0) * (0.5 + self.run.jitter()))
            else:
                return

    async def _try_step(self, judged: Judged, step: Step, attempt: int) -> None:
        if step.backfill is not None:
            await self._fill(judged, step)
        elif step.is_transactional:
            await self._in_transaction(judged, step, attempt)
        else:
            await self._alone(judged, step)

    async def _in_transaction(self, judged: Judged, step: Step, attempt: int) -> None:
        """The step's record commits with what it changed, where one session does both."""
        began = time.monotonic()
        unit = judged.unit
        is_apart = self.run.book is not None
        if is_apart:
            await self._note(unit, step)
        async with self.conn.transaction():
            for name, value in self._limits(step).items():
                await self.conn.execute("SELECT set_config(%s, %s, true)", (name, value))
            await _as_fits(self.conn, unit, self.run.roles)
            rows = await _execute(self.conn, step)
            if unit.subject.kind is Kind.NAMESPACE and self.run.roles.owner is not None:
                owner = quoted(self.run.roles.owner)
                query = f"ALTER SCHEMA {unit.subject.quoted} OWNER TO {owner}"
                await self.conn.execute(query.encode())
            milliseconds = round((time.monotonic() - began) * 1000)
            record = self._step_record(
                judged, step, state="done", attempts=attempt, milliseconds=milliseconds, rows=rows
            )
            if not is_apart:
                await work_as_ledger(self.conn, self.run.roles)
                await self._note(unit, step)
                await record_step(self.conn, self.number, record)
        if is_apart:
            await self._write(record)

    async def _note(self, unit: Unit, step: Step) -> None:
        """Write down what the catalog will not show, should this process end after `step`."""
        following = unit.fill_after(step)
        if following is None and not step.renamed:
            return
        book = self._book
        async with book.conn.transaction():
            await work_as_ledger(book.conn, book.roles)
            for before, to in step.renamed:
                await record_rename(book.conn, before, to)
            if following is not None:
                await begin_fill(book.conn, following.column, following.expression)

    async def _alone(self, judged: Judged, step: Step) -> None:
        """Intent first, then the statement outside any transaction; the catalog knows the rest."""
        await self._record(judged, step, state="running")
        limits = self._limits(step)
        began = time.monotonic()
        try:
            for name, value in limits.items():
                await self.conn.execute("SELECT set_config(%s, %s, false)", (name, value))
            if self.run.roles.owner is not None:
                query = f"SET ROLE {quoted(self.run.roles.owner)}"
                await self.conn.execute(query.encode())
            await _execute(self.conn, step)
        finally:
            if not self.conn.closed:
                if self.run.roles.owner is not None:
                    await self.conn.execute("RESET ROLE")
                for name in limits:
                    await self.conn.execute(f"RESET {name}".encode())
        milliseconds = round((time.monotonic() - began) * 1000)
        await self._record(judged, step, state="done", milliseconds=milliseconds)

    async def _fill(self, judged: Judged, step: Step) -> None:
        assert step.backfill is not None  # noqa: S101 - the caller looked
        await self._record(judged, step, state="running")
        fill = step.backfill
        began = time.monotonic()
        rows = await fill_column(
            self.conn,
            fill,
            roles=self.run.roles,
            limits=self._limits(step),
            tell=lambda text: self.run.tell(Event(what="wait", text=text, step=step)),
        )
        book = self._book
        async with book.conn.transaction():
            await work_as_ledger(book.conn, book.roles)
            await end_fill(book.conn, fill.column)
        milliseconds = round((time.monotonic() - began) * 1000)
        await self._record(judged, step, state="done", milliseconds=milliseconds, rows=rows)

    async def _record(
        self,
        judged: Judged,
        step: Step,
        *,
        state: str,
        sqlstate: str | None = None,
        milliseconds: int | None = None,
        rows: int | None = None,
    ) -> None:
        await self._write(
            self._step_record(
                judged, step, state=state, sqlstate=sqlstate, milliseconds=milliseconds, rows=rows
            )
        )

    async def _write(self, record: StepRecord) -> None:
        book = self._book
        async with book.conn.transaction():
            await work_as_ledger(book.conn, book.roles)
            await record_step(book.conn, self.number, record)

    def _step_record(self, judged: Judged, step: Step, **told: Any) -> StepRecord:
        return StepRecord(
            ordinal=self.ordinal, sql=step.sql, step_class=judged.step_class.value, **told
        )

    def _limits(self, step: Step) -> dict[str, str]:
        policy = self.run.policy
        longest = BRIEF_SECONDS if step.pace is Pace.BRIEF else policy.max_step_seconds
        waits_long = step.pace is Pace.ONLINE or step.lock is Lock.NONE
        return {
            "lock_timeout": "0" if waits_long else str(policy.lock_timeout_ms),
            "statement_timeout": str(longest * 1000),
            "idle_in_transaction_session_timeout": str(LONGEST_SILENCE_MS),
            "search_path": "public",
            "TimeZone": "UTC",
        }

    async def _undo(self, unit: Unit, steps: Sequence[Step]) -> None:
        """Take back what the unit's steps left, last first; the next run cleans what is missed."""
        statements = dict.fromkeys(sql for step in reversed(steps) for sql in step.undo)
        for statement in statements:
            try:
                await self.conn.execute("SELECT set_config('lock_timeout', '10s', false)")
                if self.run.roles.owner is not None:
                    query = f"SET ROLE {quoted(self.run.roles.owner)}"
                    await self.conn.execute(query.encode())
                await self.conn.execute(statement.encode(), binary=True)
            except psycopg.Error as err:
                self.run.tell(
                    Event(
                        what="failed",
                        text=f"could not take back a step of {unit.subject}:"
                        f" {err.diag.message_primary}",
                    )
                )
            finally:
                if not self.conn.closed:
                    await self.conn.execute("RESET ROLE")
                    await self.conn.execute("RESET lock_timeout")

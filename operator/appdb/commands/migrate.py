"""`appdb plan` and `appdb apply`: bring a database to what a source declares.

Each parses its words, reads the source, opens the database and calls the engine; exit codes
tell a pipeline what is left to do.
"""

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from appdb.api.quantities import parse_duration, parse_quantity
from appdb.errors import DataConflict, InvalidSpec, NothingDetected, ParseFailed
from appdb.model.analysis import Analysis
from appdb.model.finding import Severity
from appdb.plan.bookkeeping import Baseline, baseline_of
from appdb.plan.hazards import Hazard, StepClass
from appdb.plan.plan import Plan
from appdb.plan.policy import Allowance, Policy, Rename, RenameMode
from appdb.plan.report import as_json, as_markdown, as_sql, as_text, plan_value
from appdb.postgres.apply import Event, Outcome, Run, apply_release
from appdb.postgres.baseline import read_missing, write_missing
from appdb.postgres.connect import Session, SessionSettings, connect
from appdb.postgres.inspect import read_catalog
from appdb.postgres.locks import run_lock
from appdb.postgres.migrate import Release, plan_release
from appdb.postgres.replay import read_schema, require_same
from appdb.postgres.scratch import Scratch, scratch_at, temporary_scratch
from appdb.postgres.sqlstate import translated
from appdb.postgres.url import Target, parse_url
from appdb.source.analyze import AnalysisOptions
from appdb.source.folder import bundle_of_paths
from appdb.source.isolate import analyze_once
from appdb.source.migrators.declared import declared_by, only_declaring
from appdb.source.migrators.find import MIGRATOR_FOUND

EXIT_ERROR, EXIT_WAITS, EXIT_BLOCKED = 1, 3, 4
PASSES = 3
_COLOURS = {
    StepClass.SAFE: "green",
    StepClass.ONLINE: "cyan",
    StepClass.BLOCKS: "yellow",
    StepClass.COMPATIBILITY: "magenta",
    StepClass.DESTROYS: "red",
    StepClass.IMPOSSIBLE: "bright_red",
}
_HASH = re.compile(r"sha256:[0-9a-f]{64}")


class _Usage(click.UsageError):
    """A usage error that exits with 1: for these commands 2 means that there are changes."""

    exit_code = EXIT_ERROR


class _Command(click.Command):
    """A command whose usage errors are ours."""

    def make_context(self, *words: Any, **more: Any) -> click.Context:
        try:
            return super().make_context(*words, **more)
        except click.UsageError as error:
            raise _Usage(error.format_message(), error.ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise _Usage(error.format_message(), error.ctx or ctx) from None


def _pair(text: str, option: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip() or not value.strip():
        raise click.BadParameter(f"{text!r} should be NAME=VALUE", param_hint=option)
    return name.strip(), value.strip()


def _rename(text: str) -> Rename:
    name, to = _pair(text, "--rename")
    table, _, column = name.rpartition(".")
    if not table or "." in to:
        return Rename(table=name, to=to)
    return Rename(table=table, column=column, to=to)


def _expand(text: str) -> Rename:
    name, to = _pair(text, "--expand")
    table, _, column = name.rpartition(".")
    if not table or "." in to:
        raise click.BadParameter(f"{text!r} should be TABLE.COLUMN=NAME", param_hint="--expand")
    return Rename(table=table, column=column, to=to, mode=RenameMode.EXPAND)


def _allowance(text: str) -> tuple[Hazard, Allowance]:
    name, value = _pair(text, "--allow")
    try:
        return Hazard(name), Allowance(value)
    except ValueError:
        hazards, words = ", ".join(Hazard), ", ".join(Allowance)
        raise click.BadParameter(
            f"{text!r}: hazards are {hazards}; each may be {words}", param_hint="--allow"
        ) from None


def _approved(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _HASH.fullmatch(value):
        raise click.BadParameter(f"{value!r} is not sha256: and 64 hex digits")
    return value


_OPTIONS = (
    click.argument(
        "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path)
    ),
    click.option(
        "--database-url",
        envvar="DATABASE_URL",
        required=True,
        metavar="URL",
        help="The database; or DATABASE_URL, which keeps the password out of the process list.",
    ),
    click.option(
        "--scratch-url",
        envvar="APPDB_SCRATCH_URL",
        metavar="URL",
        help="An empty database to try plans in; without it one is made, which needs CREATEDB.",
    ),
    click.option("--framework", default="Auto", show_default=True, help="Read by this one only."),
    click.option("--include", multiple=True, metavar="GLOB", help="Read only files that match."),
    click.option("--exclude", multiple=True, metavar="GLOB", help="Leave files out that match."),
    click.option(
        "--allow", multiple=True, metavar="HAZARD=POLICY", help="Never, Approve or Auto by hazard."
    ),
    click.option("--rename", multiple=True, metavar="TABLE[.COLUMN]=NAME", help="Not a drop."),
    click.option(
        "--expand", multiple=True, metavar="TABLE.COLUMN=NAME", help="Keeps both names for a while."
    ),
    click.option("--backfill", multiple=True, metavar="TABLE.COLUMN=SQL", help="Fills NULLs."),
    click.option("--cast", multiple=True, metavar="TABLE.COLUMN=SQL", help="Converts a type."),
    click.option("--rewrite-limit", default="64Mi", show_default=True, metavar="SIZE"),
    click.option("--lock-timeout", default="2s", show_default=True, metavar="TIME"),
    click.option("--max-step-duration", default="2h", show_default=True, metavar="TIME"),
    click.option(
        "--extension", multiple=True, metavar="NAME", help="May be installed; else: trusted ones."
    ),
    click.option(
        "-o",
        "--output",
        type=click.Choice(["text", "sql", "json", "markdown"]),
        default="text",
        show_default=True,
    ),
)


def _with_options(function: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What the words of a command line ask for."""

    target: Target
    scratch: Target | None
    release: Release
    policy: Policy
    output: str
    records: Baseline | None = None


@click.command(cls=_Command)
@_with_options
@click.option(
    "--approve", callback=_approved, metavar="HASH", help="Plan as if this plan were approved."
)
def plan(**words: Any) -> None:
    """Show what would change in a database; never writes to it.

    Exit code 0: nothing, 2: changes, 3: some wait for an approval, 4: some are blocked by the
    data, 1: error.
    """
    job = _job(words)
    found = asyncio.run(_plan(job))
    _show(found, job.output)
    sys.exit(found.exit_code)


@click.command(cls=_Command)
@_with_options
@click.option("--approve", callback=_approved, metavar="HASH", help="Approve the plan PLAN shows.")
@click.option(
    "--migrator",
    type=click.Choice(["Ignore", "Baseline"]),
    help="Baseline: write down for the app's own migrator that its migrations ran. Ignore: its "
    "files are files like any other.",
)
def apply(**words: Any) -> None:
    """Bring a database to what the source declares.

    Exit code 0: done, 3: something waits for an approval, 4: something is blocked by the data,
    1: error. A second run does nothing.
    """
    job = _job(words)
    left, outcomes = asyncio.run(_apply(job))
    _show_left(left, outcomes, job)
    sys.exit(_exit_code(left, outcomes))


def _job(words: dict[str, Any]) -> _Job:
    policy = _policy(words)
    target = parse_url(words["database_url"])
    scratch = parse_url(words["scratch_url"]) if words["scratch_url"] else None
    found, release = _read(words, policy)
    records = baseline_of(found.migrators) if words.get("migrator") == "Baseline" else None
    return _Job(
        target=target,
        scratch=scratch,
        release=release,
        policy=policy,
        output=words["output"],
        records=records,
    )


def _policy(words: dict[str, Any]) -> Policy:
    try:
        limit = parse_quantity(words["rewrite_limit"])
        lock = parse_duration(words["lock_timeout"]).total_seconds()
        longest = parse_duration(words["max_step_duration"]).total_seconds()
    except ValueError as err:
        raise click.UsageError(str(err)) from err
    return Policy(
        allow=dict(_allowance(text) for text in words["allow"]),
        approved_plan=words["approve"],
        rewrite_limit_bytes=limit,
        lock_timeout_ms=max(1, round(lock * 1000)),
        max_step_seconds=max(1, round(longest)),
        renames=(*map(_rename, words["rename"]), *map(_expand, words["expand"])),
        backfills=dict(_pair(text, "--backfill") for text in words["backfill"]),
        casts=dict(_pair(text, "--cast") for text in words["cast"]),
        extensions=tuple(words["extension"]) or None,
    )


def _read(words: dict[str, Any], policy: Policy) -> tuple[Analysis, Release]:
    bundle = bundle_of_paths(words["paths"]).select(
        include=words["include"], exclude=words["exclude"]
    )
    options = AnalysisOptions(
        framework=words["framework"],
        extensions=policy.extensions,
        finds_migrators=words.get("migrator") != "Ignore",
    )
    found = analyze_once(bundle, options)
    for finding in found.findings:
        if finding.severity is not Severity.INFO or finding.code == MIGRATOR_FOUND:
            click.echo(str(finding), err=True)
    if found.is_blocked:
        raise ParseFailed(_first_error(found))
    if found.declares_nothing and (words.get("migrator") is None or not only_declaring(found)):
        raise NothingDetected(f"no table is declared beside {found.migrators[0]}")
    return found, Release(
        statements=found.statements,
        source_digest=found.digest,
        frameworks=tuple(framework.name for framework in found.frameworks),
        paths=tuple(bundle.files),
    )


def _first_error(found: Analysis) -> str:
    first = next(f for f in found.findings if f.severity is Severity.ERROR)
    return f"{found.count(Severity.ERROR)} of the findings are errors, first: {first}"


@asynccontextmanager
async def _opened(job: _Job) -> AsyncIterator[tuple[Session, Scratch]]:
    """Open the database and the scratch database beside it."""
    target = job.target
    settings = SessionSettings(application_name="appdb", statement_timeout_ms=0)
    conn = await connect(target.address, target.login, database=target.database, settings=settings)
    try:
        if job.scratch is None:
            place = temporary_scratch(conn, target.address, target.login)
        else:
            own = job.scratch
            if (own.address, own.database) == (target.address, target.database):
                raise InvalidSpec("--scratch-url is the database itself: give an empty one")
            place = scratch_at(own.address, own.login, database=own.database)
        async with place as scratch:
            with translated(target.database, "migrating"):
                yield conn, scratch
    finally:
        await conn.close()


async def _plan(job: _Job) -> Plan:
    async with _opened(job) as (conn, scratch):
        return await plan_release(conn, scratch, job.release, job.policy)


async def _apply(job: _Job) -> tuple[Plan, list[Outcome]]:
    """Apply and plan again: what is left is what the exit code tells."""
    outcomes: list[Outcome] = []
    tell = _teller(job.output)
    async with _opened(job) as (conn, scratch):
        waiting = lambda text: tell(Event(what="wait", text=text))  # noqa: E731 - one use
        async with run_lock(conn, wait_seconds=10.0, on_wait=waiting):
            job = await _proved(job, conn, scratch)
            found = await plan_release(conn, scratch, job.release, job.policy)
            if job.output == "text":
                _show(found, "text")
            for _ in range(PASSES):
                run = Run(policy=job.policy, actor=_actor(), tell=tell)
                outcomes.append(await apply_release(conn, found, run))
                found = await plan_release(conn, scratch, job.release, job.policy)
                if outcomes[-1].failures or not found.steps:
                    break
            if found.is_empty and not outcomes[-1].failures:
                await _record(job, conn)
    return found, outcomes


async def _proved(job: _Job, conn: Session, scratch: Scratch) -> _Job:
    """See, before anything is changed, that the migrator's records will say the truth.

    Where no front end reads the models, its migrations say what the tables are.
    """
    if job.records is None:
        return job
    migrator = job.records.migrator
    await read_missing(conn, job.records.books)
    live = await read_catalog(conn)
    if job.release.statements:
        await require_same(scratch, job.release.statements, migrator, live)
        return job
    made = declared_by(await read_schema(scratch, migrator, live))
    return replace(job, release=replace(job.release, statements=made))


async def _record(job: _Job, conn: Session) -> None:
    if job.records is None:
        return
    if await read_missing(conn, job.records.books):
        await write_missing(conn, job.records.books)
    if job.output == "text":
        click.echo(job.records.told, err=True)


def _actor() -> str:
    return os.environ.get("USER") or "cli"


def _teller(output: str) -> Callable[[Event], None]:
    """Tell on stderr what is being done; a long step shows how long it took."""
    started = time.monotonic()

    def tell(event: Event) -> None:
        if output == "json" and event.what != "failed":
            return
        elapsed = f"[{time.monotonic() - started:6.1f} s]"
        first = event.text.splitlines()[0][:160]
        if event.what == "done":
            if event.seconds >= 1:
                click.echo(f"{elapsed} took {event.seconds:.1f} s", err=True)
            return
        word = {"step": "", "wait": "waiting: ", "failed": "failed: "}[event.what]
        click.echo(f"{elapsed} {word}{first}", err=True)

    return tell


def _show(found: Plan, output: str) -> None:
    match output:
        case "json":
            click.echo(as_json(found), nl=False)
        case "sql":
            click.echo(as_sql(found), nl=False)
        case "markdown":
            click.echo(as_markdown(found), nl=False)
        case _:
            is_coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
            text = as_text(found, _paint) if is_coloured else as_text(found)
            click.echo(text, nl=False, color=is_coloured)


def _paint(step_class: StepClass, text: str) -> str:
    return click.style(text, fg=_COLOURS[step_class], bold=True)


def _show_left(left: Plan, outcomes: list[Outcome], job: _Job) -> None:
    applied = sum(outcome.applied for outcome in outcomes)
    failures = [failure for outcome in outcomes for failure in outcome.failures]
    if job.output == "json":
        value = plan_value(left) | {
            "applied": applied,
            "seconds": round(sum(outcome.seconds for outcome in outcomes), 3),
            "failures": [
                {"object": str(f.unit.subject), "message": f.error.message} for f in failures
            ],
            "exitCode": _exit_code(left, outcomes),
        }
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
        return
    if job.output != "text" or left.exit_code:
        _show(left, job.output)
    for failure in failures:
        click.echo(f"failed: {failure.unit.subject}: {failure.error.message}", err=True)
    click.echo(f"applied {applied} steps", err=True)


def _exit_code(left: Plan, outcomes: list[Outcome]) -> int:
    failures = [failure for outcome in outcomes for failure in outcome.failures]
    if left.blocked or any(isinstance(f.error, DataConflict) for f in failures):
        return EXIT_BLOCKED
    if failures or left.steps:
        return EXIT_ERROR
    return EXIT_WAITS if left.pending else 0

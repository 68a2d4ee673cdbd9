"""What becomes of the tables where an application brings migrations of its own.

`schema.migrator` decides: the tables are left to the application's migrator, or the
operator makes them and writes down for the migrator that its migrations ran.
"""

from collections.abc import Sequence
from dataclasses import replace

from appdb.api.appdatabase import AppDatabase
from appdb.api.reasons import Reason
from appdb.api.schema_spec import Migrator as Setting
from appdb.cluster.events import EventReason
from appdb.model.analysis import Analysis
from appdb.model.ddl import DdlKind
from appdb.model.migrator import Migrator
from appdb.model.words import counted
from appdb.plan.bookkeeping import Baseline, baseline_of
from appdb.postgres.baseline import read_missing, write_missing
from appdb.postgres.connect import Session
from appdb.postgres.inspect import read_catalog
from appdb.postgres.replay import read_schema, require_same
from appdb.postgres.sqlstate import translated
from appdb.reconcile.database.own_session import own_session
from appdb.reconcile.database.release import lend_scratch
from appdb.reconcile.database.work import Work
from appdb.reconcile.results import Done, Stage
from appdb.source.migrators.declared import declared_by, only_declaring


def is_left_to_migrator(database: AppDatabase, analysis: Analysis | None) -> bool:
    """Tell whether the tables are not the operator's. Pure."""
    setting = database.spec.schema_.migrator
    if setting is Setting.DETECT:
        return analysis is not None and bool(analysis.migrators)
    return setting is Setting.STAND_BACK


def stood_back(work: Work) -> Done | None:
    """Return what to say where the tables are left to the application's migrator. Pure."""
    if not is_left_to_migrator(work.database, work.analysis):
        return None
    analysis = work.analysis
    declared = len(analysis.schema.tables) if analysis is not None else 0
    if analysis is not None and analysis.migrators:
        found = ", ".join(map(str, analysis.migrators))
        parts = [f"{found}: the tables are left to {_them(analysis.migrators)}"]
    else:
        parts = ["schema.migrator is StandBack: the tables are left to the app's own migrator"]
    parts.append(_declared(work, declared))
    if work.database.spec.schema_.migrator is Setting.DETECT:
        parts.append("schema.migrator Baseline makes them and records it, Ignore only makes them")
    return Done(Reason.MIGRATOR_OWNED, "; ".join(part for part in parts if part))


def without_tables(work: Work, analysis: Analysis, allowed: Sequence[str]) -> Analysis:
    """Return an analysis without what an application's own migrator makes.

    Schemas, and the extensions that the server allows, stay: the app may not make those.
    """
    refused = sorted(
        each.name
        for each in analysis.statements
        if each.kind is DdlKind.EXTENSION and each.name not in allowed
    )
    if refused:
        work.notes.append(f"extensions that are not allowed here: {', '.join(refused)}")
    kept = tuple(
        each
        for each in analysis.statements
        if each.kind is DdlKind.NAMESPACE
        or (each.kind is DdlKind.EXTENSION and each.name in allowed)
    )
    return replace(analysis, statements=kept)


def _them(migrators: tuple[Migrator, ...]) -> str:
    return "it" if len(migrators) == 1 else "them"


def _declared(work: Work, declared: int) -> str:
    known = work.database.status.schema_
    made = known.tables if known is not None else None
    if made:
        return f"{counted(made, 'table')} of ours left as they were and not changed any more"
    return f"{counted(declared, 'declared table')} not made" if declared else ""


def wanted_records(work: Work) -> Baseline | None:
    """Return the records to keep, where `schema.migrator` is Baseline and there are migrations.

    Raises:
        InvalidSpec: they cannot be kept; the message says why.
    """
    if work.database.spec.schema_.migrator is not Setting.BASELINE or work.analysis is None:
        return None
    return baseline_of(work.analysis.migrators)


async def proved(work: Work, baseline: Baseline, *, is_applied: bool) -> Analysis:
    """See that what is still to be done leaves records that say the truth; what to apply.

    Nothing is to be done where the tables are as this source declares them and no row is
    missing. Where no front end reads the models, the migrations say what the tables are.

    Raises:
        InvalidSpec: the migrations and the declared schema differ; nothing was changed.
        DataConflict: the records say that something else happened.
    """
    place, migrator = work.place, baseline.migrator
    analysis = work.analysis
    if analysis is None:
        msg = "records were wanted of a source that was not read"
        raise TypeError(msg)
    by_migrations = only_declaring(analysis) is not None
    async with own_session(work) as session:
        missing = await read_missing(session, baseline.books)
        is_settled = is_applied and not missing and not by_migrations
        if is_settled or migrator.replay is None:
            return analysis
        with translated(f"database {place.wanted.name}", "reading the catalog"):
            live = await read_catalog(session)
    turn = work.context.turns.planner(work.server.metadata.name)
    with translated("the scratch database", "replaying the migrations"):
        async with lend_scratch(place.sessions, turn) as scratch:
            if not by_migrations:
                await require_same(scratch, analysis.statements, migrator, live)
                return analysis
            made = declared_by(await read_schema(scratch, migrator, live))
    kept = (each for each in analysis.statements if each.kind is DdlKind.EXTENSION)
    return replace(analysis, statements=(*kept, *made))


async def record(work: Work, baseline: Baseline) -> None:
    """Write down that the migrations ran, once the tables are as declared."""
    result = work.results.get(Stage.SCHEMA)
    is_synced = isinstance(result, Done) and result.reason in {Reason.APPLIED, Reason.NO_CHANGES}
    if not isinstance(result, Done) or not is_synced:
        return
    async with own_session(work) as session:
        written = await _written(session, baseline)
    if written:
        told = f"{counted(written, 'row')} for {baseline.migrator.tool} in {baseline.books[0].name}"
        work.events.append((EventReason.SCHEMA_APPLIED, f"wrote {told}"))
    work.results[Stage.SCHEMA] = Done(result.reason, f"{result.message}; {baseline.told}")


async def _written(session: Session, baseline: Baseline) -> int:
    if not await read_missing(session, baseline.books):
        return 0
    return await write_missing(session, baseline.books)

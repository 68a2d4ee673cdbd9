"""One run of one AppDatabase: observe, decide, act, report.

The order of the guards is the story: gone, unreadable, being deleted, suspended, nothing
to do, work.
"""

import logging
from collections.abc import Iterable
from datetime import datetime

from appdb.api import names
from appdb.api.appdatabase import AppDatabase, DeletionPolicy
from appdb.api.appdatabase_status import AppDatabaseStatus, DatabaseStatus, ServerStatus
from appdb.api.conditions import find_condition
from appdb.api.effects import fields_without_effect
from appdb.api.meta import ObjectMeta
from appdb.api.reasons import ConditionType, Reason
from appdb.api.server import DatabaseServer
from appdb.cluster.client import Json
from appdb.cluster.events import EventReason, subject_of
from appdb.cluster.resources import APP_DATABASES
from appdb.errors import (
    AdoptionRequired,
    AppDBError,
    ClusterForbidden,
    ExtensionNotAllowed,
    InvalidSpec,
    NameConflict,
    Retry,
    SecretConflict,
)
from appdb.postgres.wanted import AccessRole, WantedDatabase
from appdb.reconcile.context import Context
from appdb.reconcile.database.act import SIGNS_OF_A_BAD_SERVER, act
from appdb.reconcile.database.bookkeeping import DELAY_SECONDS, Happening
from appdb.reconcile.database.decide import NOTHING, decide
from appdb.reconcile.database.deprovision import deprovision
from appdb.reconcile.database.firstlook import as_left
from appdb.reconcile.database.logins import access_status
from appdb.reconcile.database.observe import observe
from appdb.reconcile.database.progress import shown_when_slow
from appdb.reconcile.database.report import (
    Facts,
    Run,
    broken_status,
    build_status,
    failed_status,
    retry_of,
    warnings_of,
)
from appdb.reconcile.database.rotation import next_moment
from appdb.reconcile.database.work import Work
from appdb.reconcile.dispatch import LEAVE, RETRY, Again
from appdb.reconcile.keys import ObjectKey, database_key, server_key
from appdb.reconcile.queue import Priority
from appdb.reconcile.results import Failed
from appdb.reconcile.status import StatusWriter

log = logging.getLogger(__name__)

SLOW_RETRY_SECONDS = 300.0

# A person clears these away in Postgres, or in a Secret that is not ours to watch.
_UNSEEN = (SecretConflict, NameConflict, AdoptionRequired, ExtensionNotAllowed)


async def reconcile_database(context: Context, key: ObjectKey) -> Again:
    """Bring one AppDatabase one step nearer to what it asks for.

    Raises:
        AppDBError: the API server failed, or the object moved on; nothing was reported but
            a right that is missing.
    """
    left = await as_left(context, key)
    if left is not None:
        return _nothing_to_do(context, left)
    live = await context.cluster.get(APP_DATABASES, key.namespace, key.name)
    if live is None:
        context.bookkeeping.forget(key)
        context.observer.gone(key)
        return LEAVE
    writer = StatusWriter.of(context.cluster, APP_DATABASES, live)
    try:
        database = AppDatabase.of(live)
    except InvalidSpec as error:
        return await _report_invalid(context, writer, error)
    if database.metadata.is_deleting:
        return await deprovision(context, writer, database)
    if database.spec.suspend:
        return LEAVE
    try:
        return await _look(context, writer, database)
    except ClusterForbidden as error:
        await writer.write(_failed(context, writer, database, error))
        raise


async def report_broken(context: Context, key: ObjectKey) -> None:
    """Show on the object that a run failed in a way that nobody foresaw."""
    live = await context.cluster.get(APP_DATABASES, key.namespace, key.name)
    if live is None:
        return
    writer = StatusWriter.of(context.cluster, APP_DATABASES, live)
    database = AppDatabase.of(live)
    generation = database.metadata.generation
    await writer.write(broken_status(database.status, generation=generation, now=context.now()))


async def _report_invalid(context: Context, writer: StatusWriter, error: InvalidSpec) -> Again:
    meta = ObjectMeta.of(writer.live)
    known = AppDatabase.of(writer.live | {"spec": {}})
    if meta.is_deleting and _keeps_everything(writer.live):
        return await deprovision(context, writer, known)
    await writer.write(_failed(context, writer, known, error))
    return LEAVE


def _failed(
    context: Context, writer: StatusWriter, known: AppDatabase, error: AppDBError
) -> AppDatabaseStatus:
    """Return the status of an object about which nothing could be done."""
    meta = ObjectMeta.of(writer.live)
    return failed_status(
        known.status,
        error,
        generation=meta.generation,
        requested_at=meta.annotations.get(names.ANNOTATION_REQUESTED_AT, ""),
        now=context.now(),
    )


def _keeps_everything(live: Json) -> bool:
    """Tell whether the end of an object touches no data, however wrong its spec is otherwise."""
    spec, metadata = live.get("spec") or {}, live["metadata"]
    is_forced = (metadata.get("annotations") or {}).get(names.ANNOTATION_FORCE_FORGET) == "true"
    return is_forced or spec.get("deletionPolicy", DeletionPolicy.RETAIN) == DeletionPolicy.RETAIN


async def _look(context: Context, writer: StatusWriter, database: AppDatabase) -> Again:
    started = context.now()
    meta = database.metadata
    await context.bookkeeping.settle(database_key(meta.namespace, meta.name))
    observed = await observe(context, writer.live, database, reader=context.cluster)
    decision = decide(observed)
    if decision is NOTHING:
        return _nothing_to_do(context, database)
    work = Work(context=context, observed=observed, writer=writer)
    async with shown_when_slow(work, writer):
        await act(work, decision)
    status = build_status(database.status, _run_of(work, started=started))
    await writer.write(status)
    context.observer.database_seen(database.model_copy(update={"status": status}))
    _count(context, database, status)
    await _tell(context, database, (*work.events, *warnings_of(database.status, status)))
    again = _again(context, work)
    return again if again is not LEAVE else _at_next_moment(database, status, context.now())


def _nothing_to_do(context: Context, database: AppDatabase) -> Again:
    context.observer.database_seen(database)
    return _at_next_moment(database, database.status, context.now())


def _at_next_moment(database: AppDatabase, status: AppDatabaseStatus, now: datetime) -> Again:
    """Come again when a password is due by the clock; nothing else needs to be asked for."""
    moment = next_moment(database.spec.credentials.rotation, status.credentials)
    if moment is None:
        return LEAVE
    return Again(after_seconds=max(1.0, (moment - now).total_seconds()), priority=Priority.RESYNC)


def _again(context: Context, work: Work) -> Again:
    meta = work.database.metadata
    key = work.key
    for result in work.results.values():
        if isinstance(result, Failed):
            context.observer.error_seen(key, result.error.reason)
            log.info(
                "a stage is not done",
                extra={"object": f"{meta.namespace}/{meta.name}", "reason": result.error.reason},
            )
    context.resync.looked(key)
    _doubt_server(context, work)
    owes = context.bookkeeping.owes(key)
    done = Again(after_seconds=DELAY_SECONDS, priority=Priority.RESYNC) if owes else LEAVE
    match retry_of(work.results):
        case None:
            return done
        case Retry.ON_CHANGE:
            return RETRY if _waits_unseen(work) else done
        case Retry.SLOWLY:
            return Again(after_seconds=SLOW_RETRY_SECONDS, failed=True)
        case Retry.AT_ONCE | Retry.BACKOFF:
            return RETRY


def _waits_unseen(work: Work) -> bool:
    """Tell whether the obstacle may go away without any watch telling us."""
    return any(
        isinstance(result, Failed) and isinstance(result.error, _UNSEEN)
        for result in work.results.values()
    )


def _doubt_server(context: Context, work: Work) -> None:
    """Have a server looked at that says it is well and is not: it wakes us when it is again."""
    server = work.observed.server
    if not isinstance(server, DatabaseServer):
        return
    ready = find_condition(server.status.conditions, ConditionType.READY)
    if ready is None or not ready.is_true:
        return
    failed = (result.error for result in work.results.values() if isinstance(result, Failed))
    if any(Reason(error.reason) in SIGNS_OF_A_BAD_SERVER for error in failed):
        context.wake(server_key(server.metadata.name))


def _run_of(work: Work, *, started: datetime) -> Run:
    database = work.database
    return Run(
        generation=database.metadata.generation,
        requested_at=database.metadata.annotations.get(names.ANNOTATION_REQUESTED_AT, ""),
        started=started,
        ended=work.context.now(),
        results=work.results,
        facts=_facts_of(work),
        notes=tuple(work.notes) + _without_effect(database),
        drift=work.drift,
    )


def _facts_of(work: Work) -> Facts:
    place = work.on_server
    facts = Facts(source=work.source_status, schema=work.schema_status)
    if place is None:
        return facts
    server, wanted = work.server, work.place.wanted
    return Facts(
        source=work.source_status,
        schema=work.schema_status,
        secret_name=work.database.secret_name if work.has_secret else None,
        server=ServerStatus(
            name=server.metadata.name,
            host=server.primary.host,
            port=server.primary.port,
            system_identifier=place.facts.system_identifier or "",
            version=place.facts.version,
        ),
        database=_database_status(work, wanted) if work.oid else None,
        credentials=work.credentials_status,
        access=access_status(work.database, work.issues, has_retired=work.has_retired)
        if work.credentials_status
        else None,
    )


def _database_status(work: Work, wanted: WantedDatabase) -> DatabaseStatus:
    """Return the names that were given out; a login counts when its Secret is written."""
    known, roles = work.database.status.database, wanted.roles
    login = wanted.logins[0].username
    return DatabaseStatus(
        name=wanted.name,
        owner=roles.owner,
        role=roles.app,
        login=login if work.has_secret or known is None else known.login,
        readers=roles.readers if wanted.has_access(AccessRole.READER) else "",
        writers=roles.writers if wanted.has_access(AccessRole.WRITER) else "",
        oid=work.oid,
    )


def _without_effect(database: AppDatabase) -> tuple[str, ...]:
    fields = fields_without_effect(database.spec)
    return (f"no effect in this version: {', '.join(fields)}",) if fields else ()


def _count(context: Context, before: AppDatabase, after: AppDatabaseStatus) -> None:
    """Count a first provisioning that has just ended."""
    known = before.status.provisioning
    if known is not None and known.ready_at is not None:
        return
    if after.provisioning is not None and after.provisioning.seconds is not None:
        context.observer.provisioned(after.provisioning.seconds)


async def _tell(
    context: Context, database: AppDatabase, events: Iterable[tuple[EventReason, str]]
) -> None:
    """Write Events; what is no warning comes later while others wait for their turn."""
    subject, meta = subject_of(database), database.metadata
    for reason, message in events:
        if reason.is_warning or not context.is_busy():
            await context.events.post(subject, reason, message)
            continue
        happening = Happening(subject=subject, reason=reason, message=message, at=context.now())
        context.bookkeeping.owe_event(database_key(meta.namespace, meta.name), happening)

"""The end of an AppDatabase: keep or drop what it asked for, then let the object go.

Cleanup is never given up: what stands in its way is shown and tried again, and the
finalizer stays until it is done. Only what our claim marks is ever dropped.
"""

from functools import partial

from appdb.api import names
from appdb.api.appdatabase import AppDatabase, DeletionPolicy
from appdb.api.reasons import Reason
from appdb.api.server import DatabaseServer
from appdb.cluster.events import EventReason, subject_of
from appdb.cluster.resources import APP_DATABASES, KINDS, SECRETS
from appdb.errors import (
    AppDBError,
    ClusterUnavailable,
    ConcurrentUpdate,
    Conflict,
    Protected,
)
from appdb.postgres.deprovision import delete_database
from appdb.postgres.server import read_server
from appdb.reconcile.context import Context
from appdb.reconcile.database.act import OF_THE_SERVER, SIGNS_OF_A_BAD_SERVER
from appdb.reconcile.database.keep import keep, reopen, secrets_of
from appdb.reconcile.database.report import deleting_status
from appdb.reconcile.database.wanted import (
    database_name,
    effective_policy,
    has_derived_name,
    wanted_on_server,
)
from appdb.reconcile.dispatch import LEAVE, RETRY, Again
from appdb.reconcile.keys import database_key, server_key
from appdb.reconcile.server.identity import require_same_server
from appdb.reconcile.server.resolve import admin_sessions, find_server
from appdb.reconcile.status import StatusWriter

# Of the 400 characters that a message has.
_ROOM_FOR_THE_CAUSE = 250


async def deprovision(context: Context, writer: StatusWriter, database: AppDatabase) -> Again:
    """Take one step of the deletion of an object that is being deleted."""
    if names.FINALIZER not in database.metadata.finalizers:
        context.observer.gone(database_key(database.metadata.namespace, database.metadata.name))
        return LEAVE
    try:
        told = await _clean_up(context, database)
    except (ClusterUnavailable, Conflict):
        raise
    except AppDBError as error:
        status = deleting_status(
            database.status,
            _with_way_out(error),
            generation=database.metadata.generation,
            requested_at=database.metadata.annotations.get(names.ANNOTATION_REQUESTED_AT, ""),
            now=context.now(),
        )
        await writer.write(status)
        if Reason(error.reason) in SIGNS_OF_A_BAD_SERVER and database.status.server is not None:
            # Once it has noticed too, it wakes us as soon as it is well again.
            context.wake(server_key(database.status.server.name))
        return LEAVE if isinstance(error, Protected) else RETRY
    await _let_go(context, database)
    await context.events.post(subject_of(database), *told)
    return LEAVE


def _with_way_out(error: AppDBError) -> AppDBError:
    """Add what to do when a server that a deletion waits for never comes back."""
    if Reason(error.reason) not in OF_THE_SERVER:
        return error
    cut = error.message[:_ROOM_FOR_THE_CAUSE].rstrip(".")
    return type(error)(
        f"{cut}. Should the server be gone for good: annotate this object with "
        f'{names.ANNOTATION_FORCE_FORGET}="true", which drops nothing and lets it go'
    )


async def _clean_up(context: Context, database: AppDatabase) -> tuple[EventReason, str]:
    """Do what the policy says and return what to tell; returning means: let go."""
    policy = database.spec.deletion_policy
    if database.metadata.annotations.get(names.ANNOTATION_FORCE_FORGET) == "true":
        return await _kept(context, database, f"{names.ANNOTATION_FORCE_FORGET} is set")
    if policy is not DeletionPolicy.DELETE:
        return await _kept(context, database, f"deletionPolicy is {policy}")
    if await _is_kind_leaving(context):
        return await _kept(context, database, "the kind AppDatabase itself is being deleted")
    if database.spec.protect:
        await reopen(context, database)
        raise Protected(
            "deletionPolicy is Delete and protect is true: nothing is touched. Set protect to "
            "false to drop the database, or deletionPolicy to Retain to keep it"
        )
    server = await _server_of(context, database)
    if effective_policy(database, server) is not DeletionPolicy.DELETE:
        floor = f"floor.deletionPolicy of DatabaseServer {server.metadata.name}"
        return await _kept(context, database, f"{floor} is safer than the object's Delete")
    told = await _drop(context, database, server)
    await _delete_secrets(context, database)
    return EventReason.DATABASE_DROPPED, told


async def _is_kind_leaving(context: Context) -> bool:
    """Tell whether all objects go because their kind does: nobody asked to drop this one."""
    kind = await context.cluster.get(KINDS, None, f"{names.APPDATABASES}.{names.GROUP}")
    return kind is not None and "deletionTimestamp" in kind["metadata"]


async def _kept(context: Context, database: AppDatabase, why: str) -> tuple[EventReason, str]:
    return EventReason.DATABASE_RETAINED, f"{why}: {await keep(context, database)}"


async def _server_of(context: Context, database: AppDatabase) -> DatabaseServer:
    known, ref = database.status.server, database.spec.server_ref
    name = (known.name if known else "") or (ref.name if ref else None)
    return await find_server(context.cluster, name)


async def _drop(context: Context, database: AppDatabase, server: DatabaseServer) -> str:
    """Drop what our claim covers, and tell; somebody else's, or nobody's, was never ours."""
    sessions = await admin_sessions(context, server)
    async with sessions.maintenance() as session:
        found = (await read_server(session)).system_identifier or ""
    known = database.status.server
    require_same_server(server, found, known.system_identifier if known else "")
    dropped: list[str] = []
    left: list[str] = []
    for name in _names(database):
        wanted = wanted_on_server(
            database, server, await context.cluster.cluster_id(), name=name, password=""
        )
        confirm = partial(_require_leaving, context, database)
        done = await delete_database(sessions, wanted, confirm=confirm)
        dropped += [name] if done.database else []
        left += done.left
    if not dropped:
        return "there was no database of this object to drop"
    also = f"; role {', '.join(left)} has no claim of ours and was left" if left else ""
    return f"database {', '.join(dropped)} was dropped{also}"


async def _require_leaving(context: Context, database: AppDatabase) -> None:
    """See that it is still this object that leaves, and not one that was made in its place."""
    meta = database.metadata
    live = await context.cluster.get(APP_DATABASES, meta.namespace, meta.name)
    if live is not None and live["metadata"]["uid"] != meta.uid:
        raise ConcurrentUpdate(f"{meta.namespace}/{meta.name} was made anew; looking again")


def _names(database: AppDatabase) -> tuple[str, ...]:
    """Return every name under which a run, perhaps a killed one, may have made something."""
    names_ = [database_name(database)]
    if has_derived_name(database):
        names_.append(database_name(database, hashed=True))
    return tuple(dict.fromkeys(names_))


async def _delete_secrets(context: Context, database: AppDatabase) -> None:
    """Delete the Secrets of dropped logins; the garbage collector may be quicker."""
    for live in await secrets_of(context, database):
        meta = live["metadata"]
        await context.cluster.delete(SECRETS, meta["namespace"], meta["name"], uid=meta["uid"])


async def _let_go(context: Context, database: AppDatabase) -> None:
    meta = database.metadata
    live = await context.cluster.get(APP_DATABASES, meta.namespace, meta.name)
    if live is not None and live["metadata"]["uid"] == meta.uid:
        kept = tuple(f for f in live["metadata"].get("finalizers", ()) if f != names.FINALIZER)
        await context.cluster.set_finalizers(APP_DATABASES, live, kept)
    context.observer.gone(database_key(meta.namespace, meta.name))

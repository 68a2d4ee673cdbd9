"""The end of an AppDatabase: keep or drop what it asked for, then let the object go.

Cleanup is never given up: what stands in its way is shown and tried again, and the
finalizer stays until it is done. Only what our claim marks is ever dropped.
"""

from appdb.api import names
from appdb.api.appdatabase import AppDatabase, DeletionPolicy
from appdb.api.reasons import Reason
from appdb.api.server import DatabaseServer
from appdb.cluster.events import EventReason, subject_of
from appdb.cluster.resources import APP_DATABASES, SECRETS
from appdb.cluster.secrets import is_of_access, is_ours
from appdb.errors import (
    AppDBError,
    ClusterUnavailable,
    Conflict,
    Protected,
)
from appdb.postgres.deprovision import delete_database
from appdb.postgres.server import read_server
from appdb.reconcile.context import Context
from appdb.reconcile.database.act import SIGNS_OF_A_BAD_SERVER
from appdb.reconcile.database.logins import secret_names
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
from appdb.reconcile.server.resolve import find_server, read_admin_access
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
    if Reason(error.reason) not in SIGNS_OF_A_BAD_SERVER | {Reason.SERVER_NOT_FOUND}:
        return error
    cut = error.message[:_ROOM_FOR_THE_CAUSE].rstrip(".")
    return type(error)(
        f"{cut}. Should the server be gone for good: annotate this object with "
        f'{names.ANNOTATION_FORCE_FORGET}="true", which drops nothing and lets it go'
    )


async def _clean_up(context: Context, database: AppDatabase) -> tuple[EventReason, str]:
    """Do what the policy says and return what to tell; returning means: let go."""
    kept = f"database {database_name(database)} and its Secret were kept"
    if database.metadata.annotations.get(names.ANNOTATION_FORCE_FORGET) == "true":
        return EventReason.DATABASE_RETAINED, f"forgotten by force; {kept} as they are"
    if database.spec.deletion_policy is not DeletionPolicy.DELETE:
        return EventReason.DATABASE_RETAINED, f"{kept} (deletionPolicy Retain)"
    if database.spec.protect:
        raise Protected(
            "deletionPolicy is Delete and protect is true: nothing is touched. Set protect to "
            "false to drop the database, or deletionPolicy to Retain to keep it"
        )
    server = await _server_of(context, database)
    if effective_policy(database, server) is not DeletionPolicy.DELETE:
        return EventReason.DATABASE_RETAINED, (
            f"{kept}: floor.deletionPolicy of DatabaseServer {server.metadata.name} is safer "
            "than the object's Delete"
        )
    dropped = await _drop(context, database, server)
    await _delete_secrets(context, database)
    if dropped:
        return EventReason.DATABASE_DROPPED, f"database {', '.join(dropped)} was dropped"
    return EventReason.DATABASE_DROPPED, "there was no database of this object to drop"


async def _server_of(context: Context, database: AppDatabase) -> DatabaseServer:
    known, ref = database.status.server, database.spec.server_ref
    name = (known.name if known else "") or (ref.name if ref else None)
    return await find_server(context.cluster, name)


async def _drop(context: Context, database: AppDatabase, server: DatabaseServer) -> tuple[str, ...]:
    """Drop what our claim covers; somebody else's, or nobody's, was never ours to drop."""
    access = await read_admin_access(context.cluster, server, context.operator_namespace)
    sessions = await context.sessions.sessions_for(
        server.metadata.name, access.address, access.login, limit=server.spec.connections.max
    )
    async with sessions.maintenance() as session:
        found = (await read_server(session)).system_identifier or ""
    known = database.status.server
    require_same_server(server, found, known.system_identifier if known else "")
    dropped: list[str] = []
    for name in _names(database):
        wanted = wanted_on_server(
            database, server, await context.cluster.cluster_id(), name=name, password=""
        )
        if (await delete_database(sessions, wanted)).database:
            dropped.append(name)
    return tuple(dropped)


def _names(database: AppDatabase) -> tuple[str, ...]:
    """Return every name under which a run, perhaps a killed one, may have made something."""
    names_ = [database_name(database)]
    if has_derived_name(database):
        names_.append(database_name(database, hashed=True))
    return tuple(dict.fromkeys(names_))


async def _delete_secrets(context: Context, database: AppDatabase) -> None:
    """Delete the Secrets of dropped logins; the garbage collector may be quicker."""
    meta, cluster = database.metadata, context.cluster
    known = {each.secret_name for each in database.status.access}
    for name in sorted(secret_names(database) | known):
        live = await cluster.get(SECRETS, meta.namespace, name)
        if live is None:
            continue
        is_own = name == database.secret_name and is_ours(live, meta.name)
        if is_own or is_of_access(live, meta.name):
            await cluster.delete(SECRETS, meta.namespace, name, uid=live["metadata"]["uid"])


async def _let_go(context: Context, database: AppDatabase) -> None:
    meta = database.metadata
    live = await context.cluster.get(APP_DATABASES, meta.namespace, meta.name)
    if live is not None and live["metadata"]["uid"] == meta.uid:
        kept = tuple(f for f in live["metadata"].get("finalizers", ()) if f != names.FINALIZER)
        await context.cluster.set_finalizers(APP_DATABASES, live, kept)
    context.observer.gone(database_key(meta.namespace, meta.name))

"""One run of one DatabaseServer: log in, look, report; and wake the databases that waited."""

from collections.abc import Iterable
from contextlib import suppress

from appdb.api import names
from appdb.api.conditions import find_condition
from appdb.api.quantities import parse_duration
from appdb.api.reasons import ConditionType
from appdb.api.server import DatabaseServer, DatabaseServerStatus
from appdb.cluster.client import Json
from appdb.cluster.resources import DATABASE_SERVERS
from appdb.errors import AppDBError, ClusterForbidden, ClusterUnavailable, Conflict, InvalidSpec
from appdb.errors import InsufficientPrivilege as MissingPrivilege
from appdb.postgres.server import read_server, require_usable
from appdb.reconcile.context import Context
from appdb.reconcile.dispatch import LEAVE, Again
from appdb.reconcile.keys import ObjectKey
from appdb.reconcile.refs import DEFAULT_SERVER, Ref, Relation
from appdb.reconcile.server.identity import require_same_server
from appdb.reconcile.server.report import Learned, build_server_status
from appdb.reconcile.server.resolve import admin_sessions
from appdb.reconcile.status import StatusWriter

# A server that fails is asked again this often; its databases wait to be woken by it.
RETRY_SECONDS = 10.0


async def reconcile_server(context: Context, key: ObjectKey) -> Again:
    """Look at one server and say what was found.

    Raises:
        AppDBError: the API server failed; nothing was reported.
    """
    live = await context.cluster.get(DATABASE_SERVERS, None, key.name)
    if live is None:
        await context.sessions.forget(key.name)
        context.observer.gone(key)
        return LEAVE
    writer = StatusWriter.of(context.cluster, DATABASE_SERVERS, live)
    try:
        server = DatabaseServer.of(live)
    except InvalidSpec as error:
        status = DatabaseServerStatus.parse(live.get("status"), at="status")
        generation = int(live["metadata"]["generation"])
        await writer.write(_status(context, status, Learned(reach=error), generation, ""))
        return LEAVE
    if server.metadata.is_deleting:
        return LEAVE
    _note_period(context.periods, server)
    return await _look(context, writer, server, key)


def note_listed_periods(periods: dict[str, float], servers: Iterable[Json]) -> None:
    """Take the periods of inspection from the list of the start, before any of them is used."""
    for live in servers:
        with suppress(InvalidSpec):
            _note_period(periods, DatabaseServer.of(live))


def _note_period(periods: dict[str, float], server: DatabaseServer) -> None:
    period = parse_duration(server.spec.resync).total_seconds()
    periods[server.metadata.name] = period
    if server.spec.is_default:
        periods[DEFAULT_SERVER] = period


async def _look(
    context: Context, writer: StatusWriter, server: DatabaseServer, key: ObjectKey
) -> Again:
    users = users_of(context, server)
    try:
        learned = await _learn(context, server, databases=len(users))
    except ClusterForbidden as error:
        learned = Learned(refusal=error, databases=len(users))
    requested = server.metadata.annotations.get(names.ANNOTATION_REQUESTED_AT, "")
    before = server.status
    status = _status(context, before, learned, server.metadata.generation, requested)
    await writer.write(status)
    failure = learned.failure
    context.observer.server_seen(key.name, is_up=learned.is_reached, databases=learned.databases)
    if failure is not None:
        context.observer.error_seen(key, failure.reason)
        return Again(after_seconds=RETRY_SECONDS, failed=True)
    context.resync.looked(key)
    if _was_unready(before) or requested not in {"", before.last_handled_reconcile_at}:
        for user in users:
            context.wake(user)
    return LEAVE


async def _learn(context: Context, server: DatabaseServer, *, databases: int) -> Learned:
    try:
        sessions = await admin_sessions(context, server)
        async with sessions.maintenance() as session:
            facts = await read_server(session)
            identifier = facts.system_identifier or ""
            require_same_server(server, identifier, "")
            privilege: AppDBError | None = None
            try:
                require_usable(facts, session)
            except MissingPrivilege as error:
                privilege = error
    except (ClusterUnavailable, ClusterForbidden, Conflict):
        raise
    except AppDBError as error:
        return Learned(reach=error, databases=databases)
    return Learned(
        privilege=privilege,
        version=facts.version,
        system_identifier=identifier,
        capabilities=facts.capabilities,
        databases=databases,
    )


def users_of(context: Context, server: DatabaseServer) -> tuple[ObjectKey, ...]:
    """Return the databases on a server, as far as the watches know them."""
    named = context.refs.who(Ref(Relation.SERVER, "", server.metadata.name))
    if not server.spec.is_default:
        return named
    return named + context.refs.who(Ref(Relation.SERVER, "", DEFAULT_SERVER))


def _was_unready(status: DatabaseServerStatus) -> bool:
    ready = find_condition(status.conditions, ConditionType.READY)
    return ready is None or not ready.is_true


def _status(
    context: Context,
    before: DatabaseServerStatus,
    learned: Learned,
    generation: int,
    requested: str,
) -> DatabaseServerStatus:
    return build_server_status(
        before, learned, generation=generation, requested_at=requested, now=context.now()
    )

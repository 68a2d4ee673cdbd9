"""Lets an object go and keeps what it stood for: its Secrets, and a database that is open.

A deletion that began as a drop may be taken back by policy, floor or force. The Secrets must
then not go with their owner, and a door that was closed for the drop is opened again. What
needs the server is tried once and told: it never holds the object back.
"""

from appdb.api.appdatabase import AppDatabase
from appdb.api.conditions import find_condition
from appdb.api.reasons import ConditionType, Reason
from appdb.cluster.client import Json
from appdb.cluster.resources import SECRETS
from appdb.cluster.secrets import is_of_access, is_ours
from appdb.errors import AppDBError, ClusterUnavailable, Conflict
from appdb.postgres.deprovision import Door, open_door
from appdb.reconcile.context import Context
from appdb.reconcile.database.logins import secret_names
from appdb.reconcile.database.wanted import database_name, wanted_on_server
from appdb.reconcile.server.resolve import admin_sessions, find_server


async def keep(context: Context, database: AppDatabase) -> str:
    """Free everything from the object; returns what was kept, for an Event."""
    freed = await _free_secrets(context, database)
    if database.status.database is None:
        return "no database was made for it"
    name = database_name(database)
    door = await reopen(context, database)
    if door == Door.GONE:
        return f"database {name} had been dropped before"
    secret = database.secret_name
    kept = f"database {name} and its Secret were kept"
    if secret not in freed:
        kept = f"database {name} was kept, Secret {secret} is gone"
    return f"{kept}{door}"


async def secrets_of(context: Context, database: AppDatabase) -> tuple[Json, ...]:
    """Read the live Secrets of all logins of an object; one of somebody else's is left out."""
    meta, own = database.metadata, database.secret_name
    asked = secret_names(database) | {each.secret_name for each in database.status.access}
    found: list[Json] = []
    for name in sorted(asked):
        live = await context.cluster.get(SECRETS, meta.namespace, name)
        if live is None:
            continue
        if (name == own and is_ours(live, meta.name)) or is_of_access(live, meta.name):
            found.append(live)
    return tuple(found)


async def _free_secrets(context: Context, database: AppDatabase) -> frozenset[str]:
    """Take the owner off the Secrets, for they would go with it; returns those that stay."""
    freed: set[str] = set()
    for live in await secrets_of(context, database):
        metadata = live["metadata"]
        if "deletionTimestamp" in metadata:
            continue
        freed.add(metadata["name"])
        owners = metadata.get("ownerReferences") or []
        others = [owner for owner in owners if owner["uid"] != database.metadata.uid]
        if others == owners:
            continue
        patch = {
            "metadata": {
                "ownerReferences": others,
                "resourceVersion": metadata["resourceVersion"],
            }
        }
        await context.cluster.merge(SECRETS, metadata["namespace"], metadata["name"], patch)
    return frozenset(freed)


def _has_begun_to_drop(database: AppDatabase) -> bool:
    found = find_condition(database.status.conditions, ConditionType.RECONCILING)
    return found is not None and found.reason == Reason.DEPROVISIONING


async def reopen(context: Context, database: AppDatabase) -> str:
    """Open the door that a drop has closed; returns what is to be told of it, or `Door.GONE`."""
    if not _has_begun_to_drop(database):
        return ""
    known, name = database.status.server, database_name(database)
    try:
        server = await find_server(context.cluster, known.name if known else None)
        sessions = await admin_sessions(context, server)
        cluster_id = await context.cluster.cluster_id()
        wanted = wanted_on_server(database, server, cluster_id, name=name, password="")
        door = await open_door(sessions, wanted)
    except (ClusterUnavailable, Conflict):
        raise
    except AppDBError as error:
        cure = f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'
        return f"; it may be closed to all since the drop began, then run: {cure} ({error.message})"
    return door if door is Door.GONE else ""

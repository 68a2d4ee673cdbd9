"""Reads everything that a decision about an AppDatabase needs. Reads only."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from appdb.api.appdatabase import AppDatabase
from appdb.api.server import DatabaseServer
from appdb.cluster.client import Json
from appdb.cluster.resources import SECRETS
from appdb.errors import AppDBError, ClusterForbidden, ClusterUnavailable, Conflict
from appdb.reconcile.context import Context
from appdb.reconcile.database.observed import Observed
from appdb.reconcile.database.sources import read_source
from appdb.reconcile.keys import database_key
from appdb.reconcile.server.resolve import find_server, require_admission

T = TypeVar("T")


async def observe(context: Context, live: Json, database: AppDatabase) -> Observed:
    """Read what an object refers to; what is missing or wrong there is part of the answer.

    Raises:
        ClusterUnavailable, ClusterForbidden: the API server is the one that fails.
    """
    meta = database.metadata
    key = database_key(meta.namespace, meta.name)
    server, source, secret, cluster_id = await asyncio.gather(
        _or_error(_admitting_server(context, database)),
        _or_error(read_source(context.cluster, database)),
        context.cluster.get(SECRETS, meta.namespace, database.secret_name),
        context.cluster.cluster_id(),
    )
    return Observed(
        live=live,
        database=database,
        cluster_id=cluster_id,
        server=server,
        source=source,
        secret=secret,
        is_due=context.resync.is_due(key),
        now=context.now(),
    )


async def _admitting_server(context: Context, database: AppDatabase) -> DatabaseServer:
    ref, known = database.spec.server_ref, database.status.server
    name = ref.name if ref else (known.name if known and known.name else None)
    server = await find_server(context.cluster, name)
    await require_admission(context.cluster, server, database.metadata.namespace)
    return server


async def _or_error(reading: Awaitable[T]) -> T | AppDBError:
    try:
        return await reading
    except (ClusterUnavailable, ClusterForbidden, Conflict):
        raise
    except AppDBError as error:
        return error

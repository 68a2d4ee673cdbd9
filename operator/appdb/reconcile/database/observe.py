"""Reads everything that a decision about an AppDatabase needs. Reads only."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import TypeVar

from appdb.api.appdatabase import AppDatabase
from appdb.api.server import DatabaseServer
from appdb.cluster.client import Json, Reader
from appdb.cluster.resources import SECRETS
from appdb.cluster.secrets import is_of_access
from appdb.errors import AppDBError, ClusterForbidden, ClusterUnavailable, Conflict
from appdb.reconcile.context import Context
from appdb.reconcile.database.logins import secret_names
from appdb.reconcile.database.observed import Observed
from appdb.reconcile.database.sources import read_source
from appdb.reconcile.keys import database_key
from appdb.reconcile.server.resolve import find_server, require_admission

T = TypeVar("T")


async def observe(
    context: Context, live: Json, database: AppDatabase, *, reader: Reader
) -> Observed:
    """Read what an object refers to; what is missing or wrong there is part of the answer.

    Raises:
        ClusterUnavailable, ClusterForbidden: the API server is the one that fails.
    """
    meta = database.metadata
    key = database_key(meta.namespace, meta.name)
    server, source, secret, cluster_id, access, leftover = await asyncio.gather(
        _or_error(_admitting_server(reader, database)),
        _or_error(read_source(reader, database)),
        reader.get(SECRETS, meta.namespace, database.secret_name),
        reader.cluster_id(),
        _read_access_secrets(reader, database),
        _read_leftover_secrets(reader, database),
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
        access_secrets=access,
        leftover_secrets=leftover,
    )


async def _read_access_secrets(reader: Reader, database: AppDatabase) -> Mapping[str, Json | None]:
    """Read the Secrets of access[], under their names now and those that they had."""
    known = {each.name: each.secret_name for each in database.status.access}
    names_ = dict.fromkeys(
        name
        for access in database.spec.access
        for name in (database.access_secret_name(access), known.get(access.name, ""))
        if name
    )
    namespace = database.metadata.namespace
    found = await asyncio.gather(*(reader.get(SECRETS, namespace, name) for name in names_))
    return dict(zip(names_, found, strict=True))


async def _read_leftover_secrets(reader: Reader, database: AppDatabase) -> tuple[Json, ...]:
    """Read the Secrets of logins that were taken out of access[]; a copy of one is not ours."""
    meta, kept = database.metadata, secret_names(database)
    names_ = [each.secret_name for each in database.status.access if each.secret_name not in kept]
    found = await asyncio.gather(*(reader.get(SECRETS, meta.namespace, name) for name in names_))
    return tuple(each for each in found if each is not None and is_of_access(each, meta.name))


async def _admitting_server(reader: Reader, database: AppDatabase) -> DatabaseServer:
    ref, known = database.spec.server_ref, database.status.server
    name = ref.name if ref else (known.name if known and known.name else None)
    server = await find_server(reader, name)
    await require_admission(reader, server, database.metadata.namespace)
    return server


async def _or_error(reading: Awaitable[T]) -> T | AppDBError:
    try:
        return await reading
    except (ClusterUnavailable, ClusterForbidden, Conflict):
        raise
    except AppDBError as error:
        return error

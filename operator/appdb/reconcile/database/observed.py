"""Everything that a decision about an AppDatabase is made from. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from appdb.api.appdatabase import AppDatabase
from appdb.api.server import DatabaseServer
from appdb.errors import AppDBError
from appdb.postgres.claims import Standing
from appdb.source.bundle import SourceBundle

Json: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceView:
    """The source as it is now; `unwatched` are the ConfigMaps whose edits are noticed late."""

    bundle: SourceBundle
    revision: str = ""
    unwatched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One AppDatabase and what it refers to, read afresh from the API server.

    Where reading failed there is the error instead; a source that is not given is None.
    `access_secrets` are those of access[] by name; `leftover_secrets` are ours, and of no
    login that is asked for any more.
    """

    live: Json
    database: AppDatabase
    cluster_id: str
    server: DatabaseServer | AppDBError
    source: SourceView | AppDBError | None
    secret: Json | None
    is_due: bool
    now: datetime
    access_secrets: Mapping[str, Json | None] = field(default_factory=dict)
    leftover_secrets: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspected:
    """What the server holds under our names: whose it is."""

    standing: Standing
    system_identifier: str
    version: str


Inspection: TypeAlias = Inspected | AppDBError

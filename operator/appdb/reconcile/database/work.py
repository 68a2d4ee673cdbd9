"""What one run of one AppDatabase holds while it acts: it grows from action to action.

Mutable on purpose, owned by one task, and gone at the end of the run.
"""

from dataclasses import dataclass, field

from appdb.api.appdatabase import AppDatabase
from appdb.api.appdatabase_status import CredentialsStatus, SchemaStatus, SourceStatus
from appdb.api.conditions import find_condition
from appdb.api.reasons import Reason
from appdb.api.server import DatabaseServer
from appdb.cluster.events import EventReason
from appdb.model.analysis import Analysis
from appdb.model.claim import Part
from appdb.postgres.connect import ServerAddress
from appdb.postgres.provision import Outcome, Provisioned
from appdb.postgres.server import ServerFacts
from appdb.postgres.sessions import AdminSessions
from appdb.postgres.wanted import WantedDatabase
from appdb.reconcile.context import Context
from appdb.reconcile.database.logins import Issue, LoginSlot
from appdb.reconcile.database.observed import Observed, SourceView
from appdb.reconcile.database.rotation import Turn
from appdb.reconcile.keys import ObjectKey, database_key
from appdb.reconcile.results import Result, Stage
from appdb.reconcile.status import StatusWriter


@dataclass(slots=True)
class OnServer:
    """The server of a run, and what the object wants there.

    `claimed` are the roles that carry our claim for the database, which was there before.
    """

    sessions: AdminSessions
    address: ServerAddress
    facts: ServerFacts
    wanted: WantedDatabase
    slots: tuple[LoginSlot, ...] = ()
    claimed: dict[str, Part] = field(default_factory=dict)


@dataclass(slots=True)
class Work:
    """One run's hands."""

    context: Context
    observed: Observed
    writer: StatusWriter
    results: dict[Stage, Result] = field(default_factory=dict)
    events: list[tuple[EventReason, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    turn: Turn = Turn.KEEP
    issues: tuple[Issue, ...] = ()
    on_server: OnServer | None = None
    analysis: Analysis | None = None
    has_secret: bool = False
    has_retired: bool = False
    oid: int = 0
    provisioned: Provisioned | None = None
    source_status: SourceStatus | None = None
    schema_status: SchemaStatus | None = None
    credentials_status: CredentialsStatus | None = None
    # What was changed by hand; None when nobody looked.
    drift: tuple[str, ...] | None = None

    @property
    def key(self) -> ObjectKey:
        """The key of the object in the queue."""
        meta = self.observed.database.metadata
        return database_key(meta.namespace, meta.name)

    @property
    def database(self) -> AppDatabase:
        """The object of this run."""
        return self.observed.database

    @property
    def has_made_database(self) -> bool:
        """Tell whether this run has made the database: it is empty, its logins are new."""
        return self.provisioned is not None and self.provisioned.outcome is Outcome.CREATED

    def reason_before(self, stage: Stage, *, otherwise: Reason) -> Reason:
        """Return the reason that a stage was True for before this run, and keeps."""
        before = find_condition(self.database.status.conditions, stage.condition)
        return Reason(before.reason) if before is not None and before.is_true else otherwise

    @property
    def source_paths(self) -> tuple[str, ...]:
        """All files of the source, also those that no front end reads."""
        source = self.observed.source
        return tuple(source.bundle.files) if isinstance(source, SourceView) else ()

    @property
    def server(self) -> DatabaseServer:
        """The object's server; only for actions that `decide` lists when there is one."""
        server = self.observed.server
        if not isinstance(server, DatabaseServer):
            msg = "an action that needs a server was listed without one"
            raise TypeError(msg)
        return server

    @property
    def place(self) -> OnServer:
        """What `check_names` found; only for the actions after it."""
        if self.on_server is None:
            msg = "an action on the server was listed before its names were checked"
            raise TypeError(msg)
        return self.on_server

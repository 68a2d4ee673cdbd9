"""Writes what the runs find out into the metrics."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from appdb.api.appdatabase import AppDatabase
from appdb.api.appdatabase_status import AppDatabaseStatus
from appdb.api.conditions import find_condition
from appdb.api.reasons import ConditionType, Reason
from appdb.reconcile.keys import ObjectKey
from appdb.reconcile.resync import ResyncClock
from appdb.runtime.metrics import Metrics

# Classes of databases come later; until then all are of one.
_CLASS = "default"


@dataclass(slots=True)
class MetricsObserver:
    """The observer of one process; also lets the resync clock forget what is gone."""

    metrics: Metrics
    resync: ResyncClock
    now: Callable[[], datetime]

    def database_seen(self, database: AppDatabase) -> None:
        """Set the gauges of a database from its status."""
        meta, status = database.metadata, database.status
        labels = (meta.namespace, meta.name)
        for condition in status.conditions:
            value = 1 if condition.is_true else 0
            self.metrics.conditions.labels(*labels, condition.type).set(value)
        for transient in (ConditionType.RECONCILING, ConditionType.STALLED, ConditionType.DRIFTED):
            if find_condition(status.conditions, transient) is None:
                self.metrics.conditions.labels(*labels, transient.value).set(0)
        ready = find_condition(status.conditions, ConditionType.READY)
        self.metrics.ready.labels(*labels).set(1 if ready and ready.is_true else 0)
        drifted = find_condition(status.conditions, ConditionType.DRIFTED)
        self.metrics.drift.labels(*labels).set(1 if drifted and drifted.is_true else 0)
        self._plans_seen(labels, status)
        if status.source is not None:
            self.metrics.source_bytes.labels(*labels).set(status.source.bytes)
            found = status.source.findings
            unresolved = found.error + found.warning if found else 0
            self.metrics.unresolved.labels(*labels).set(unresolved)
        if status.credentials is not None and status.credentials.last_rotated is not None:
            rotated = status.credentials.last_rotated
            age = self.metrics.credentials_age.labels(*labels)
            age.set_function(lambda: max(0.0, (self.now() - rotated).total_seconds()))

    def _plans_seen(self, labels: tuple[str, str], status: AppDatabaseStatus) -> None:
        """Set how much waits for an approval, and since when; the age grows by itself."""
        waiting = status.schema_.pending_steps if status.schema_ is not None else 0
        self.metrics.plan_statements.labels(*labels).set(waiting)
        synced = find_condition(status.conditions, ConditionType.SCHEMA_SYNCED)
        age = self.metrics.plan_pending.labels(*labels)
        if synced is None or synced.reason != Reason.PLAN_PENDING_APPROVAL:
            age.set_function(lambda: 0.0)
            return
        since = synced.last_transition_time
        age.set_function(lambda: max(0.0, (self.now() - since).total_seconds()))

    def plan_decided(self, risk: str, decision: str) -> None:
        """Count a plan that was made, or decided about."""
        self.metrics.plans.labels(risk, decision).inc()

    def analyzed(self, frameworks: tuple[str, ...], seconds: float) -> None:
        """Observe the length of an analysis."""
        for name in frameworks:
            self.metrics.analysis_seconds.labels(name).observe(seconds)

    def schema_changed(self, seconds: float) -> None:
        """Observe the length of a change of tables."""
        self.metrics.ddl_seconds.observe(seconds)

    def connected(self, server: str, *, succeeded: bool) -> None:
        """Count an attempt to open a session."""
        self.metrics.connections.labels(server, "success" if succeeded else "error").inc()

    def provisioned(self, seconds: float) -> None:
        """Count a first provisioning that ended in Ready."""
        self.metrics.provisions.labels(_CLASS, "success").inc()
        self.metrics.provision_seconds.labels(_CLASS, "total").observe(seconds)

    def server_seen(self, name: str, *, is_up: bool, databases: int) -> None:
        """Set the gauges of a server."""
        self.metrics.server_up.labels(name).set(1 if is_up else 0)
        self.metrics.server_databases.labels(name).set(databases)

    def error_seen(self, key: ObjectKey, reason: str) -> None:
        """Count an error."""
        self.metrics.errors.labels(key.kind, reason).inc()

    def gone(self, key: ObjectKey) -> None:
        """Drop the series of an object."""
        self.metrics.forget(key)
        self.resync.forget(key)

"""The metrics that the operator exports; names and labels are API.

Values are set by the code that knows them through the functions of `Metrics`; nothing
here reads a server. Labels are names of objects and reasons out of closed lists only.
"""

import platform
from dataclasses import dataclass, field
from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from appdb import __version__
from appdb.reconcile.keys import Kind, ObjectKey

PROVISION_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60)
RECONCILE_BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


@dataclass(slots=True)
class Metrics:
    """All metrics of one process, in a registry of their own."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    reconciles: Counter = field(init=False)
    reconcile_seconds: Histogram = field(init=False)
    errors: Counter = field(init=False)
    depth: Gauge = field(init=False)
    oldest: Gauge = field(init=False)
    provisions: Counter = field(init=False)
    provision_seconds: Histogram = field(init=False)
    ready: Gauge = field(init=False)
    conditions: Gauge = field(init=False)
    server_up: Gauge = field(init=False)
    server_databases: Gauge = field(init=False)
    connections: Counter = field(init=False)
    analysis_seconds: Histogram = field(init=False)
    source_bytes: Gauge = field(init=False)
    unresolved: Gauge = field(init=False)
    ddl_seconds: Histogram = field(init=False)
    drift: Gauge = field(init=False)
    plan_statements: Gauge = field(init=False)
    plan_pending: Gauge = field(init=False)
    plans: Counter = field(init=False)
    credentials_age: Gauge = field(init=False)
    loop_lag: Gauge = field(init=False)

    def __post_init__(self) -> None:
        disable_created_metrics()
        self._define_work()
        self._define_objects()
        build = Gauge(
            "appdb_build_info",
            "Versions; always 1.",
            ["version", "kopf", "python"],
            registry=self.registry,
        )
        build.labels(__version__, version("kopf"), platform.python_version()).set(1)

    def _define_work(self) -> None:
        on = self.registry
        self.reconciles = Counter(
            "appdb_reconcile", "Runs of the reconciler.", ["kind", "result"], registry=on
        )
        self.reconcile_seconds = Histogram(
            "appdb_reconcile_duration_seconds",
            "Length of a run.",
            ["kind", "result"],
            buckets=RECONCILE_BUCKETS,
            registry=on,
        )
        self.errors = Counter(
            "appdb_reconcile_errors",
            "Runs that ended in an error.",
            ["kind", "reason"],
            registry=on,
        )
        self.depth = Gauge("appdb_workqueue_depth", "Keys ready or running.", registry=on)
        self.oldest = Gauge(
            "appdb_workqueue_oldest_seconds", "Age of the longest waiting key.", registry=on
        )
        self.provisions = Counter(
            "appdb_provisions", "First provisionings.", ["class", "result"], registry=on
        )
        self.provision_seconds = Histogram(
            "appdb_provision_duration_seconds",
            "From the first look at an object to Ready.",
            ["class", "step"],
            buckets=PROVISION_BUCKETS,
            registry=on,
        )
        self.analysis_seconds = Histogram(
            "appdb_source_analysis_duration_seconds",
            "Length of an analysis of a source.",
            ["language"],
            registry=on,
        )
        self.ddl_seconds = Histogram(
            "appdb_ddl_duration_seconds", "Length of applying a schema.", registry=on
        )
        self.loop_lag = Gauge(
            "appdb_event_loop_lag_seconds", "How late the event loop runs.", registry=on
        )
        self.connections = Counter(
            "appdb_connection_attempts",
            "Connections opened to a server.",
            ["server", "result"],
            registry=on,
        )

    def _define_objects(self) -> None:
        on, labels = self.registry, ["namespace", "name"]
        self.ready = Gauge("appdb_database_ready", "1 when Ready is True.", labels, registry=on)
        self.conditions = Gauge(
            "appdb_database_condition",
            "1 when the condition is True, 0 when it is False or Unknown.",
            [*labels, "type"],
            registry=on,
        )
        self.source_bytes = Gauge(
            "appdb_source_bytes", "Size of the source that was read.", labels, registry=on
        )
        self.unresolved = Gauge(
            "appdb_source_unresolved_constructs", "Findings of a source.", labels, registry=on
        )
        self.drift = Gauge(
            "appdb_schema_drift", "1 when the tables were changed by hand.", labels, registry=on
        )
        self.plan_statements = Gauge(
            "appdb_plan_statements", "Steps that wait for an approval.", labels, registry=on
        )
        self.plan_pending = Gauge(
            "appdb_plan_pending_seconds",
            "How long steps have been waiting for an approval.",
            labels,
            registry=on,
        )
        self.plans = Counter(
            "appdb_plans", "Decisions about SchemaPlans.", ["risk", "decision"], registry=on
        )
        self.credentials_age = Gauge(
            "appdb_credentials_age_seconds",
            "How long ago the password was set.",
            labels,
            registry=on,
        )
        self.server_up = Gauge(
            "appdb_server_up", "1 when the server answers.", ["server"], registry=on
        )
        self.server_databases = Gauge(
            "appdb_server_databases", "AppDatabases on the server.", ["server"], registry=on
        )

    def ran(self, key: ObjectKey, seconds: float, *, succeeded: bool) -> None:
        """Count one run."""
        result = "success" if succeeded else "error"
        self.reconciles.labels(key.kind, result).inc()
        self.reconcile_seconds.labels(key.kind, result).observe(seconds)

    def forget(self, key: ObjectKey) -> None:
        """Drop the series of an object that is gone."""
        if key.kind is Kind.DATABASE_SERVER:
            self.server_up.remove_by_labels({"server": key.name})
            self.server_databases.remove_by_labels({"server": key.name})
            return
        labels = {"namespace": key.namespace, "name": key.name}
        for gauge in (
            self.ready,
            self.conditions,
            self.source_bytes,
            self.unresolved,
            self.drift,
            self.plan_statements,
            self.plan_pending,
            self.credentials_age,
        ):
            gauge.remove_by_labels(labels)

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)

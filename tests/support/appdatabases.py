"""AppDatabases and their server as they are read from a cluster, for tests of pure code."""

from datetime import UTC, datetime
from typing import Any

from appdb.api.appdatabase import AppDatabase
from appdb.api.server import DatabaseServer
from appdb.source.bundle import bundle_of_texts

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLUSTER = "c1"
CODE_BUNDLE = bundle_of_texts({"schema.prisma": "model A { id Int @id }"})
SERVER = DatabaseServer.of(
    {
        "metadata": {"name": "main", "uid": "s1", "generation": 1},
        "spec": {
            "host": "db.example",
            "port": 5432,
            "adminSecretRef": {"name": "admin"},
            "allowedNamespaces": {"all": True},
        },
        "status": {"systemIdentifier": "7"},
    }
)


def a_database(spec: Any = None, status: Any = None, **metadata: Any) -> AppDatabase:
    known = {"namespace": "team-a", "name": "shop", "uid": "u1", "generation": 1}
    return AppDatabase.of({"metadata": known | metadata, "spec": spec or {}, "status": status})


def a_ready_status(**changes: Any) -> dict[str, Any]:
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "Provisioned",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    return {
        "observedGeneration": 1,
        "conditions": [ready],
        "server": {
            "name": "main",
            "host": "db.example",
            "port": 5432,
            "systemIdentifier": "7",
        },
        "source": {"digest": CODE_BUNDLE.digest},
    } | changes

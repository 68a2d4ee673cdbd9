"""The keys of the queue: which object, and of which kind.

Values only.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kinds that are reconciled."""

    APP_DATABASE = "AppDatabase"
    DATABASE_SERVER = "DatabaseServer"
    SCHEMA_PLAN = "SchemaPlan"


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """One object; cluster-scoped ones have an empty namespace."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind}/{place}{self.name}"


def database_key(namespace: str, name: str) -> ObjectKey:
    """Return the key of an AppDatabase."""
    return ObjectKey(Kind.APP_DATABASE, namespace, name)


def server_key(name: str) -> ObjectKey:
    """Return the key of a DatabaseServer."""
    return ObjectKey(Kind.DATABASE_SERVER, "", name)


def plan_key(namespace: str, name: str) -> ObjectKey:
    """Return the key of a SchemaPlan."""
    return ObjectKey(Kind.SCHEMA_PLAN, namespace, name)

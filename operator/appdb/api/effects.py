"""Which fields of a spec are accepted and have no effect yet.

None is silently ignored: the reconciler names them in a condition message. A line leaves the
tables in the commit that gives the field its effect.
"""

from collections.abc import Callable

from pydantic.alias_generators import to_camel

from appdb.api.appdatabase import AppDatabaseSpec, DeletionPolicy
from appdb.api.schema_spec import SchemaSpec

# Fields of spec.schema that count as set when they differ from their default.
_OF_SCHEMA = ("migrator",)

_OTHERS: tuple[tuple[str, Callable[[AppDatabaseSpec], bool]], ...] = (
    ("source.template", lambda spec: spec.source is not None and spec.source.template is not None),
    ("credentials.rotation", lambda spec: spec.credentials.rotation is not None),
    ("access", lambda spec: bool(spec.access)),
    ("limits.storage", lambda spec: spec.limits is not None and spec.limits.storage is not None),
    ("deletionPolicy Snapshot", lambda spec: spec.deletion_policy is DeletionPolicy.SNAPSHOT),
)

_DEFAULT = SchemaSpec()


def fields_without_effect(spec: AppDatabaseSpec) -> tuple[str, ...]:
    """Paths below spec that the user has set and that change nothing in this version."""
    of_schema = (
        f"schema.{to_camel(name)}"
        for name in _OF_SCHEMA
        if getattr(spec.schema_, name) != getattr(_DEFAULT, name)
    )
    return (*of_schema, *(path for path, is_set in _OTHERS if is_set(spec)))

"""Which fields of a spec are accepted and have no effect yet.

None is silently ignored: the reconciler names them in a condition message. A line leaves the
tables in the commit that gives the field its effect.
"""

from collections.abc import Callable

from appdb.api.appdatabase import AppDatabaseSpec, DeletionPolicy

_FIELDS: tuple[tuple[str, Callable[[AppDatabaseSpec], bool]], ...] = (
    ("source.template", lambda spec: spec.source is not None and spec.source.template is not None),
    ("limits.storage", lambda spec: spec.limits is not None and spec.limits.storage is not None),
    ("deletionPolicy Snapshot", lambda spec: spec.deletion_policy is DeletionPolicy.SNAPSHOT),
)


def fields_without_effect(spec: AppDatabaseSpec) -> tuple[str, ...]:
    """Paths below spec that the user has set and that change nothing in this version."""
    return tuple(path for path, is_set in _FIELDS if is_set(spec))

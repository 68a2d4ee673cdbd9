"""Which fields of a spec are accepted and have no effect yet.

None is silently ignored: the reconciler names them in a condition message. A line leaves the
table in the commit that gives the field its effect.
"""

from collections.abc import Callable

from appdb.api.appdatabase import AppDatabaseSpec, DeletionPolicy
from appdb.api.schema_spec import DriftPolicy, Migrator, SchemaMode, SchemaSpec

_DEFAULT = SchemaSpec()

_WITHOUT_EFFECT: tuple[tuple[str, Callable[[AppDatabaseSpec], bool]], ...] = (
    ("source.template", lambda spec: spec.source is not None and spec.source.template is not None),
    ("schema.allow", lambda spec: spec.schema_.allow != _DEFAULT.allow),
    ("schema.approvedPlan", lambda spec: spec.schema_.approved_plan is not None),
    ("schema.renames", lambda spec: bool(spec.schema_.renames)),
    ("schema.backfill", lambda spec: bool(spec.schema_.backfill)),
    ("schema.casts", lambda spec: bool(spec.schema_.casts)),
    ("schema.driftPolicy", lambda spec: spec.schema_.drift_policy != DriftPolicy.REPORT),
    ("schema.rewriteLimit", lambda spec: spec.schema_.rewrite_limit != _DEFAULT.rewrite_limit),
    ("schema.migrator", lambda spec: spec.schema_.migrator != Migrator.DETECT),
    ("credentials.rotation", lambda spec: spec.credentials.rotation is not None),
    ("access", lambda spec: bool(spec.access)),
    ("limits.storage", lambda spec: spec.limits is not None and spec.limits.storage is not None),
    (
        "deletionPolicy Snapshot",
        lambda spec: spec.deletion_policy is DeletionPolicy.SNAPSHOT,
    ),
    (
        "schema.mode Review and PlanOnly",
        lambda spec: spec.schema_.mode in {SchemaMode.REVIEW, SchemaMode.PLAN_ONLY},
    ),
)


def fields_without_effect(spec: AppDatabaseSpec) -> tuple[str, ...]:
    """Paths below spec that the user has set and that change nothing in this version."""
    return tuple(path for path, is_set in _WITHOUT_EFFECT if is_set(spec))

"""What an object, its server's floor and the decisions about plans mean for the engine. Pure."""

from appdb.api.appdatabase import AppDatabase
from appdb.api.quantities import parse_duration, parse_quantity
from appdb.api.schema_spec import SchemaMode, SchemaSpec
from appdb.api.server import DatabaseServer
from appdb.plan.hazards import Hazard, StepClass
from appdb.plan.policy import Allowance, DriftPolicy, Policy, Rename, RenameMode
from appdb.reconcile.database.shelf import Shelf
from appdb.reconcile.database.wanted import milliseconds


def policy_of(
    database: AppDatabase,
    server: DatabaseServer,
    shelf: Shelf = Shelf(),  # noqa: B008 - a frozen value
    source_digest: str = "",
) -> Policy:
    """Return the policy of an object under the floor of its server. Pure.

    An approval in the spec is used up when its plan has run: the same change, asked for
    again, meets other rows.
    """
    spec: SchemaSpec = database.spec.schema_
    approved = spec.approved_plan
    if approved is not None and shelf.was_applied(approved):
        approved = None
    allow = {hazard: Allowance(_allowed(spec, hazard)) for hazard in Hazard}
    return Policy(
        allow=allow,
        approved_plan=approved,
        decisions=shelf.decisions(source_digest),
        is_review=spec.mode is SchemaMode.REVIEW,
        drift=DriftPolicy(spec.drift_policy.value),
        rewrite_limit_bytes=parse_quantity(spec.rewrite_limit),
        lock_timeout_ms=milliseconds(parse_duration(spec.lock_timeout)),
        max_step_seconds=max(1, round(parse_duration(spec.max_step_duration).total_seconds())),
        max_class=StepClass(server.spec.floor.max_hazard.value),
        renames=tuple(
            Rename(
                table=each.table, column=each.column, to=each.to, mode=RenameMode(each.mode.value)
            )
            for each in spec.renames
        ),
        backfills=dict(spec.backfill),
        casts=dict(spec.casts),
        extensions=server.spec.allowed_extensions,
    )


def _allowed(spec: SchemaSpec, hazard: Hazard) -> str:
    fields = {name: value.value for name, value in spec.allow if name}
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in hazard.value)
    return str(fields[snake])

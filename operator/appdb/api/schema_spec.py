"""`AppDatabase.spec.schema`: how the tables are kept in step with the source."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from appdb.api.base import Digest, Model, SqlName, TableName, rule, rules
from appdb.api.quantities import Duration, Quantity


class SchemaMode(StrEnum):
    AUTO = "Auto"
    REVIEW = "Review"
    PLAN_ONLY = "PlanOnly"
    OFF = "Off"


class Allow(StrEnum):
    NEVER = "Never"
    APPROVE = "Approve"
    AUTO = "Auto"


class DriftPolicy(StrEnum):
    REPORT = "Report"
    REPAIR = "Repair"
    IGNORE = "Ignore"


class Migrator(StrEnum):
    DETECT = "Detect"
    STAND_BACK = "StandBack"
    BASELINE = "Baseline"
    IGNORE = "Ignore"


def _hazard(default: Allow, what: str) -> Allow:
    given: Allow = Field(
        default=default,
        description=f"{what}. Never: not even when approved; Approve: waits for an approval; "
        "Auto: runs at once.",
    )
    return given


class AllowSpec(Model):
    """What may happen to data and to running applications, hazard by hazard."""

    rewrite: Allow = _hazard(Allow.APPROVE, "Rewrites of tables larger than rewriteLimit")
    narrow: Allow = _hazard(Allow.APPROVE, "Type changes that can lose or refuse values")
    drop_column: Allow = _hazard(Allow.APPROVE, "Dropping columns that are no longer declared")
    drop_table: Allow = _hazard(
        Allow.APPROVE, "Dropping tables, sequences and types that are no longer declared"
    )
    drop_constraint: Allow = _hazard(
        Allow.APPROVE, "Dropping keys, checks and unique indexes that are no longer declared"
    )
    enum_remove: Allow = _hazard(Allow.APPROVE, "Removing or reordering labels of an enum")
    compatibility: Allow = _hazard(
        Allow.APPROVE, "Changes that pods of the release before may not understand"
    )
    rename: Allow = _hazard(Allow.AUTO, "Renames declared in schema.renames")


class RenameMode(StrEnum):
    DIRECT = "Direct"
    EXPAND = "Expand"


class Rename(Model):
    """A new name for a table or a column whose rows stay."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.mode != 'Expand' || has(self.column)",
                "mode Expand is for columns: give column, or use mode Direct",
            ),
        ),
    )

    table: TableName = Field(description="Table, by its name before the release.")
    column: SqlName | None = Field(
        default=None,
        description="Column, by its name before the release. Without it the table is renamed.",
    )
    to: SqlName = Field(description="The new name.")
    mode: RenameMode = Field(
        default=RenameMode.DIRECT,
        description="Direct: at once; pods that know only the old name fail. Expand: both columns "
        "are kept in step until dropping the old one is approved.",
    )


_Expressions = Annotated[
    Mapping[str, Annotated[str, Field(min_length=1, max_length=1024)]],
    Field(
        max_length=64,
        json_schema_extra=rules(
            rule(
                "self.all(key, key.contains('.'))",
                "each key must be table.column, for example users.full_name",
            ),
        ),
    ),
]


class SchemaSpec(Model):
    """How the tables are kept in step with the source."""

    mode: SchemaMode = Field(
        default=SchemaMode.AUTO,
        description="Auto: safe steps at once, the rest waits for approval. Review: everything "
        "waits. PlanOnly: plans and never applies. Off: database and Secret only.",
    )
    allow: AllowSpec = Field(
        default_factory=AllowSpec,
        description="What each hazard needs before it runs.",
        json_schema_extra={"default": {}},
    )
    approved_plan: Digest | None = Field(
        default=None,
        description="Hash of a plan that is approved here, through Git.",
    )
    renames: Annotated[tuple[Rename, ...], Field(max_length=128)] = Field(
        default=(),
        description="Tables and columns that have a new name and keep their rows.",
    )
    backfill: _Expressions = Field(
        default_factory=dict,
        description="table.column to the SQL expression that fills it where it is null.",
    )
    casts: _Expressions = Field(
        default_factory=dict,
        description="table.column to the SQL expression that converts it to its new type.",
    )
    drift_policy: DriftPolicy = Field(
        default=DriftPolicy.REPORT,
        description="What to do when somebody changed a managed table by hand. Report: say so. "
        "Repair: undo it by safe and online steps. Ignore: say nothing.",
    )
    rewrite_limit: Quantity = Field(
        default="64Mi",
        description="Tables up to this size are rewritten without asking.",
    )
    lock_timeout: Duration = Field(
        default="2s",
        description="Longest wait for a lock before a step gives way and tries again.",
    )
    max_step_duration: Duration = Field(
        default="2h",
        description="Longest time one step may take.",
    )
    migrator: Migrator = Field(
        default=Migrator.DETECT,
        description="What to do where the application has migrations of its own. Detect: leave "
        "the tables to it. StandBack: leave them always. Baseline: create them and fill in the "
        "migrator's records. Ignore: act as if there were none.",
    )

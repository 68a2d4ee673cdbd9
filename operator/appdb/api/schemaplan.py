"""SchemaPlan: one proposed change of one schema; its approval, and afterwards its history.

The operator writes it once; a person may change only the decision.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field

from appdb.api.base import Count, Digest, Line, Model, ObjectName, Path, Time, Word, rule, rules
from appdb.api.meta import Conditions, ObjectMeta

MAX_STEPS = 100


class StepClass(StrEnum):
    """S safe, O online, W blocks a table, C compatibility, D destroys data, X data forbids it."""

    S = "S"
    O = "O"  # noqa: E741 - the class is called so everywhere
    W = "W"
    C = "C"
    D = "D"
    X = "X"


class Decision(StrEnum):
    PENDING = "Pending"
    APPROVED = "Approved"
    REJECTED = "Rejected"


_NEVER_CHANGES = (
    "a plan never changes, only spec.decision and spec.decidedReason do; for another plan "
    "change the source"
)
_FROZEN = rules(rule("self == oldSelf", _NEVER_CHANGES))


def _frozen_with(*, default: object) -> dict[str, Any]:
    """A default makes the field always present, or leaving it out would get past the rule."""
    return _FROZEN | {"default": default}


class PlanTarget(Model):
    name: ObjectName = Field(description="Name of the AppDatabase, in the same namespace.")
    uid: Annotated[str, Field(max_length=64)] = Field(
        description="Its uid; a plan never serves another object of the same name.",
    )


class StepOrigin(Model):
    path: Path = Field(description="File of the source.")
    line: Count = Field(default=0, description="Line in it, from 1.")


class PlanStep(Model):
    """One statement of the plan."""

    sql: Annotated[str, Field(max_length=16384)] = Field(description="The statement.")
    class_: StepClass = Field(
        alias="class",
        description="S safe, O online, W blocks a table, C compatibility, D destroys data, X "
        "the data forbids it.",
    )
    hazards: Annotated[tuple[Word, ...], Field(max_length=8)] = Field(
        default=(), description="Hazards of spec.schema.allow that the step has."
    )
    reason: Line = Field(default="", description="Why the step is there, in one sentence.")
    table: Word = Field(default="", description="Table that it is about.")
    lock: Word = Field(default="", description="Strongest lock that it takes.")
    transactional: bool = Field(
        default=True, description="Whether it runs inside a transaction with its neighbours."
    )
    origin: StepOrigin | None = Field(default=None, description="Place in the source it serves.")
    evidence: Line = Field(default="", description="What was measured, as a number of rows.")


class SchemaPlanSpec(Model):
    """The plan and the decision about it."""

    app_database_ref: PlanTarget = Field(
        description="The AppDatabase that the plan is for.", json_schema_extra=_FROZEN
    )
    plan_hash: Digest = Field(
        description="Hash over the exact steps and the exact starting state.",
        json_schema_extra=_FROZEN,
    )
    base_fingerprint: Word = Field(
        description="Fingerprint of the schema that the plan starts from.",
        json_schema_extra=_FROZEN,
    )
    target_fingerprint: Word = Field(
        description="Fingerprint of the schema that the plan leads to.", json_schema_extra=_FROZEN
    )
    source_digest: Word = Field(
        description="Digest of the source that asks for it.", json_schema_extra=_FROZEN
    )
    source_revision: Line = Field(
        default="",
        description="Revision of that source, as its ConfigMaps name it.",
    )
    summary: Line = Field(default="", description="The plan in one line.")
    steps: Annotated[tuple[PlanStep, ...], Field(max_length=MAX_STEPS)] = Field(
        description="The statements, in order.", json_schema_extra=_FROZEN
    )
    step_count: Count = Field(
        default=0,
        description="Number of steps, also of those that do not fit in here.",
        json_schema_extra=_frozen_with(default=0),
    )
    risk: StepClass = Field(
        default=StepClass.S,
        description="The highest class among the steps.",
        json_schema_extra=_frozen_with(default="S"),
    )
    truncated: bool = Field(
        default=False,
        description="True when steps holds only the first ones; all are in the ConfigMap of the "
        "plan's name.",
        json_schema_extra=_frozen_with(default=False),
    )
    decision: Decision = Field(
        default=Decision.PENDING,
        description="Pending, Approved or Rejected; the one thing for a person to set.",
    )
    decided_reason: Annotated[str, Field(max_length=400)] = Field(
        default="",
        description="Why it was decided so; policy where nobody had to be asked.",
    )


class FailedStep(Model):
    """Where the plan stopped."""

    index: Count = Field(description="Position in steps, from 0.")
    sqlstate: Annotated[str, Field(max_length=5)] = Field(
        default="", description="Error code of Postgres."
    )
    message: Line = Field(default="", description="What happened, without values of rows.")


class SchemaPlanStatus(Model):
    """What became of the plan."""

    observed_generation: Annotated[int, Field(ge=-1)] = Field(
        default=-1,
        description="The metadata.generation that this status is about; -1 before the first look.",
    )
    last_handled_reconcile_at: Line = Field(
        default="",
        description="The value of the annotation appdb.chatbuilds.com/requested-at that was "
        "last handled.",
    )
    conditions: Conditions = Field(
        default=(),
        description="Approved and Applied. docs/conditions.md explains each reason.",
    )
    decided_by: Annotated[str, Field(max_length=256)] = Field(
        default="", description="Who decided, as far as the API server tells."
    )
    decided_at: Time | None = Field(default=None, description="When it was decided.")
    started_at: Time | None = Field(default=None, description="When the first step began.")
    finished_at: Time | None = Field(default=None, description="When the last step ended.")
    failed_step: FailedStep | None = Field(default=None, description="Where the plan stopped.")


def _same(name: str) -> str:
    """An optional field of spec is as it was, also when it was absent."""
    return (
        f"(has(self.spec.{name}) ? self.spec.{name} : '')"
        f" == (has(oldSelf.spec.{name}) ? oldSelf.spec.{name} : '')"
    )


_RULES = rules(
    rule(f"{_same('summary')} && {_same('sourceRevision')}", _NEVER_CHANGES),
    rule(
        f"(self.spec.decision == oldSelf.spec.decision && {_same('decidedReason')})"
        " || !has(oldSelf.status) || !has(oldSelf.status.conditions)"
        " || !oldSelf.status.conditions.exists(c, c.type == 'Applied'"
        " && (c.status == 'True' || c.reason == 'Superseded'))",
        "the plan was applied or superseded, so its decision stands; change the source for a "
        "new plan",
    ),
)


class SchemaPlan(Model):
    """One proposed change of the schema of an AppDatabase, with the decision about it."""

    model_config = ConfigDict(json_schema_extra=_RULES)

    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: SchemaPlanSpec = Field(description="The plan and the decision about it.")
    status: SchemaPlanStatus = Field(
        default_factory=SchemaPlanStatus,
        description="What became of the plan.",
        json_schema_extra={"default": {"observedGeneration": -1}},
    )

    @classmethod
    def of(cls, live: Mapping[str, Any]) -> Self:
        """Read a live object. Raises InvalidSpec that names the first wrong field."""
        return cls(
            metadata=ObjectMeta.of(live),
            spec=SchemaPlanSpec.parse(live.get("spec"), at="spec"),
            status=SchemaPlanStatus.parse(live.get("status"), at="status"),
        )

"""What may run by itself, what waits for a person, and what never runs.

Pure. Decides about units; how dangerous they are was said by their recipes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from appdb.model.catalog import Key
from appdb.plan.hazards import Hazard, StepClass
from appdb.plan.order import holding_back, too_early
from appdb.plan.unit import Probe, Unit

REWRITE_LIMIT_BYTES = 64 * 1024 * 1024
# What may run by itself where nobody said otherwise.
MILD = frozenset({StepClass.SAFE, StepClass.ONLINE})


class Allowance(StrEnum):
    """What is done about a hazard."""

    NEVER = "Never"
    APPROVE = "Approve"
    AUTO = "Auto"


class DriftPolicy(StrEnum):
    """What is done about what somebody changed by hand."""

    REPORT = "Report"
    REPAIR = "Repair"
    IGNORE = "Ignore"


class RenameMode(StrEnum):
    """How a rename is made: at once, or by a second column beside the first for a while."""

    DIRECT = "Direct"
    EXPAND = "Expand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """A declared rename, by the names before the release; a table's has no column."""

    table: str
    to: str
    column: str | None = None
    mode: RenameMode = RenameMode.DIRECT

    def __str__(self) -> str:
        return f"{self.table}.{self.column}" if self.column else self.table


DEFAULT_ALLOWANCES: Mapping[Hazard, Allowance] = {
    hazard: Allowance.AUTO if hazard is Hazard.RENAME else Allowance.APPROVE for hazard in Hazard
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An approved plan that began to run and did not get to its end."""

    target_fingerprint: str
    statements: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """What people decided about plans: `approved` and `rejected` are hashes.

    `refused` is the SQL of steps of rejected plans of the same source: they wait whatever
    the policy says. What is left of a `begun` plan needs no second approval.
    """

    approved: frozenset[str] = frozenset()
    rejected: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    begun: tuple[Begun, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What people allow and give; the fields of `spec.schema` and the options of `apply`.

    `approved_plan` is `sha256:<hex>`. `casts` and `backfills` map `table.column` to an
    expression. `extensions` None means: whatever Postgres trusts. `max_class` is the
    server's floor: above it nothing runs without an approval. `drift` None means: what was
    changed by hand is changed back like anything else that differs.
    """

    allow: Mapping[Hazard, Allowance] = field(default_factory=dict)
    approved_plan: str | None = None
    decisions: Decisions = field(default_factory=Decisions)
    is_review: bool = False
    drift: DriftPolicy | None = None
    rewrite_limit_bytes: int = REWRITE_LIMIT_BYTES
    lock_timeout_ms: int = 2_000
    max_step_seconds: int = 7_200
    max_class: StepClass = StepClass.DESTROYS
    renames: tuple[Rename, ...] = ()
    backfills: Mapping[str, str] = field(default_factory=dict)
    casts: Mapping[str, str] = field(default_factory=dict)
    extensions: tuple[str, ...] | None = None

    def allowance(self, hazard: Hazard) -> Allowance:
        """What is done about a hazard."""
        return self.allow.get(hazard, DEFAULT_ALLOWANCES[hazard])


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What the live rows say against a unit: how many, and the keys of at most five."""

    probe: Probe
    count: int
    sample_keys: tuple[object, ...]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was measured on the live database: table sizes in bytes, and refusals by unit."""

    sizes: Mapping[Key, int] = field(default_factory=dict)
    refusals: Mapping[int, tuple[Refusal, ...]] = field(default_factory=dict)


class Verdict(StrEnum):
    """What becomes of a unit."""

    RUNS = "runs"
    PENDING = "pending"
    BLOCKED = "blocked"
    WITHHELD = "withheld"
    REPORTED = "reported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A unit with what becomes of it, and why in one sentence."""

    unit: Unit
    verdict: Verdict
    hazards: frozenset[Hazard]
    why: str = ""
    refusals: tuple[Refusal, ...] = ()

    @property
    def step_class(self) -> StepClass:
        """The class of the unit; what rows or objects forbid is X."""
        return StepClass.IMPOSSIBLE if self.verdict is Verdict.BLOCKED else self.unit.step_class


def judge(
    units: Sequence[Unit],
    policy: Policy,
    evidence: Evidence,
    *,
    is_approved: bool,
    drifted: frozenset[Key] = frozenset(),
) -> tuple[Judged, ...]:
    """Decide about every unit; what needs a unit that does not run waits with it."""
    early = too_early(units)
    found = [
        _judge_one(
            unit,
            policy,
            evidence,
            is_approved and place not in early,
            place in evidence.refusals,
            place,
        )
        if unit.subject not in drifted
        else _judge_drift(unit, policy, evidence, is_approved, place)
        for place, unit in enumerate(units)
    ]
    stopped = [j.unit for j in found if j.verdict is not Verdict.RUNS]
    for place, cause in holding_back(units, stopped).items():
        found[place] = Judged(
            unit=units[place],
            verdict=Verdict.PENDING,
            hazards=found[place].hazards,
            why=f"waits for {cause.subject.kind} {cause.subject}",
        )
    return tuple(found)


def first_run_waits(judged: Sequence[Judged]) -> bool:
    """Tell whether a first run over existing tables holds anything that is not S or O."""
    return any(j.step_class not in MILD for j in judged)


def _judge_one(  # noqa: PLR0917 - a decision is made of these facts
    unit: Unit,
    policy: Policy,
    evidence: Evidence,
    is_approved: bool,  # noqa: FBT001 - see above
    is_refused: bool,  # noqa: FBT001 - see above
    place: int,
) -> Judged:
    hazards = _hazards(unit, policy, evidence)
    never = sorted(h for h in hazards if policy.allowance(h) is Allowance.NEVER)
    if never:
        return Judged(
            unit=unit,
            verdict=Verdict.WITHHELD,
            hazards=hazards,
            why=f"{', '.join(never)} is set to Never",
        )
    if unit.obstacle is not None:
        return Judged(unit=unit, verdict=Verdict.BLOCKED, hazards=hazards, why=unit.obstacle.hint)
    if is_refused:
        refusals = evidence.refusals[place]
        return Judged(
            unit=unit,
            verdict=Verdict.BLOCKED,
            hazards=hazards,
            why=refusals[0].probe.hint,
            refusals=refusals,
        )
    waits = sorted(h for h in hazards if policy.allowance(h) is Allowance.APPROVE)
    why = _reason_to_wait(unit, policy, waits)
    if why and not is_approved:
        return Judged(unit=unit, verdict=Verdict.PENDING, hazards=hazards, why=why)
    return Judged(unit=unit, verdict=Verdict.RUNS, hazards=hazards)


def _hazards(unit: Unit, policy: Policy, evidence: Evidence) -> frozenset[Hazard]:
    size = sum(evidence.sizes.get(table, 0) for table in unit.rewrites)
    if unit.rewrites and size > policy.rewrite_limit_bytes:
        return unit.hazards | {Hazard.REWRITE}
    return unit.hazards


def _reason_to_wait(unit: Unit, policy: Policy, waits: Sequence[Hazard]) -> str:
    if waits:
        return f"{', '.join(waits)} needs an approval"
    if any(step.sql in policy.decisions.refused for step in unit.steps):
        return "the plan was rejected"
    if policy.is_review:
        return "every change needs an approval in mode Review"
    if unit.step_class.rank > policy.max_class.rank:
        return f"the server lets nothing above class {policy.max_class} run by itself"
    return ""


def _judge_drift(
    unit: Unit,
    policy: Policy,
    evidence: Evidence,
    is_approved: bool,  # noqa: FBT001 - see _judge_one
    place: int,
) -> Judged:
    """Repair is for safe and online steps; all else about drift is only told."""
    judged = _judge_one(unit, policy, evidence, is_approved, place in evidence.refusals, place)
    match policy.drift:
        case None:
            return judged
        case DriftPolicy.REPAIR if judged.step_class in MILD:
            return judged
        case DriftPolicy.REPAIR:
            why = f"changed by hand; undoing it is class {judged.step_class}, not S or O"
        case DriftPolicy.REPORT | DriftPolicy.IGNORE:
            why = "changed by hand; the drift policy leaves it"
        case _:
            assert_never(policy.drift)
    return Judged(unit=unit, verdict=Verdict.REPORTED, hazards=judged.hazards, why=why)

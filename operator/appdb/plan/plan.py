"""A plan: what would be done to a database, what waits, what is refused, and its identity.

Values and pure functions. The hash binds an approval to the very statements and the very
state they start from; it does not depend on policies or on rows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from appdb.model.catalog import Key, Stranger
from appdb.model.digest import digest_of_texts
from appdb.model.finding import Evidence as Origin
from appdb.plan.hazards import Hazard
from appdb.plan.order import too_early
from appdb.plan.policy import Evidence, Judged, Policy, Verdict, first_run_waits, judge
from appdb.plan.unit import Step, Unit

ENGINE = "appdb-migrate/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """A step with the unit it belongs to; `unit_number` counts from 1."""

    step: Step
    judged: Judged
    unit_number: int
    origin: Origin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Something of ours that somebody changed or took away by hand."""

    key: Key
    what: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything there is to say about a change of a database.

    `judged` are all units in their order, `mitigations` what keeps waiting drops harmless.
    `is_settled`: the last run left everything as declared, and nothing changed since.
    `managed` holds the keys that are ours once it has run, `former` those that were before.
    """

    base_fingerprint: str
    target_fingerprint: str
    judged: tuple[Judged, ...]
    mitigations: tuple[Judged, ...] = ()
    foreign: tuple[Stranger, ...] = ()
    drift: tuple[Drift, ...] = ()
    warnings: tuple[str, ...] = ()
    origins: Mapping[Key, Origin] = field(default_factory=dict)
    managed: frozenset[Key] = frozenset()
    former: frozenset[Key] = frozenset()
    source_digest: str = ""
    statements_digest: str = ""
    frameworks: tuple[str, ...] = ()
    is_first_run: bool = False
    is_adoption: bool = False
    is_direct: bool = False
    is_approved: bool = False
    is_settled: bool = False

    @cached_property
    def plan_hash(self) -> str:
        """`sha256:<hex>` over engine, starting state, target and every statement."""
        return hash_of(
            self.base_fingerprint, self.target_fingerprint, (j.unit for j in self.judged)
        )

    @cached_property
    def run_hash(self) -> str:
        """The identity of what runs now; that of the plan when nothing is left out."""
        running = [j.unit for j in self.judged if j.verdict is Verdict.RUNS]
        extra = [j.unit for j in self.mitigations]
        return hash_of(self.base_fingerprint, self.target_fingerprint, [*running, *extra])

    def _steps(self, *verdicts: Verdict) -> tuple[PlannedStep, ...]:
        return tuple(
            PlannedStep(
                step=step,
                judged=judged,
                unit_number=number,
                origin=origin_of(judged.unit.subject, self.origins),
            )
            for number, judged in enumerate(self.judged, 1)
            if judged.verdict in verdicts
            for step in judged.unit.steps
        )

    @cached_property
    def steps(self) -> tuple[PlannedStep, ...]:
        """What runs now, in order; what keeps waiting drops harmless comes last."""
        extra = tuple(
            PlannedStep(step=step, judged=judged, unit_number=len(self.judged) + number)
            for number, judged in enumerate(self.mitigations, 1)
            for step in judged.unit.steps
        )
        return self._steps(Verdict.RUNS) + extra

    @cached_property
    def pending(self) -> tuple[PlannedStep, ...]:
        """What waits for an approval, or for something that waits."""
        return self._steps(Verdict.PENDING)

    @cached_property
    def approvable(self) -> tuple[PlannedStep, ...]:
        """What an approval of this very plan would let run."""
        early = too_early([j.unit for j in self.judged])
        return tuple(step for step in self.pending if step.unit_number - 1 not in early)

    @cached_property
    def withheld(self) -> tuple[PlannedStep, ...]:
        """What the policy never lets run."""
        return self._steps(Verdict.WITHHELD)

    @cached_property
    def blocked(self) -> tuple[Judged, ...]:
        """What rows or other objects forbid."""
        return tuple(j for j in self.judged if j.verdict is Verdict.BLOCKED)

    @cached_property
    def standing_drift(self) -> tuple[Drift, ...]:
        """What was changed by hand and stays so when the plan has run."""
        undone = {j.unit.subject for j in self.judged if j.verdict is Verdict.RUNS}
        return tuple(each for each in self.drift if each.key not in undone)

    @cached_property
    def blocked_steps(self) -> tuple[PlannedStep, ...]:
        """The steps of what is blocked."""
        return self._steps(Verdict.BLOCKED)

    @property
    def leaves_something(self) -> bool:
        """True when a unit does not run, for whatever reason."""
        return any(j.verdict is not Verdict.RUNS for j in self.judged)

    @property
    def is_empty(self) -> bool:
        """True when nothing runs, waits or is blocked."""
        return self.exit_code == 0

    @property
    def exit_code(self) -> int:
        """0 nothing to do, 2 changes, 3 some wait, 4 some are blocked."""
        if self.blocked:
            return 4
        if self.pending:
            return 3
        return 2 if self.steps else 0


def hash_of(base: str, target: str, units: Iterable[Unit]) -> str:
    """Return the identity of a plan."""
    statements = [sql for unit in units for step in unit.steps for sql in step.statements]
    return digest_of_texts([ENGINE, base, target, *statements])


def origin_of(key: Key, origins: Mapping[Key, Origin]) -> Origin | None:
    """Find the source line that an object serves: its own, or its table's."""
    return origins.get(key) or origins.get(key.table)


def decide(
    units: tuple[Unit, ...],
    policy: Policy,
    evidence: Evidence,
    *,
    base: str,
    target: str,
    is_adoption: bool,
    drifted: frozenset[Key] = frozenset(),
) -> tuple[tuple[Judged, ...], tuple[Judged, ...], bool]:
    """Judge units; returns them, the mitigations of what does not run, and whether approved.

    Over existing tables without a ledger the whole waits unless every unit is S or O;
    there only an approval of the very plan helps.
    """
    plan_hash = hash_of(base, target, units)
    is_approved = _is_approved(plan_hash, target, units, policy)
    judged = judge(units, policy, evidence, is_approved=is_approved, drifted=drifted)
    if plan_hash in policy.decisions.rejected:
        return _all_waiting(judged, "the plan was rejected"), (), False
    if is_adoption:
        return _adoption(judged, is_approved=is_approved)
    mitigations = tuple(
        Judged(unit=j.unit.mitigation, verdict=Verdict.RUNS, hazards=frozenset())
        for j in judged
        if j.verdict is not Verdict.RUNS and j.unit.mitigation is not None
    )
    return judged, () if policy.is_review and not is_approved else mitigations, is_approved


def _adoption(
    judged: tuple[Judged, ...], *, is_approved: bool
) -> tuple[tuple[Judged, ...], tuple[Judged, ...], bool]:
    if is_approved or not first_run_waits(judged):
        return judged, (), is_approved
    why = "the tables were made by somebody else: the whole plan needs an approval"
    return _all_waiting(judged, why), (), False


def _all_waiting(judged: tuple[Judged, ...], why: str) -> tuple[Judged, ...]:
    kept = {Verdict.BLOCKED, Verdict.WITHHELD, Verdict.REPORTED}
    return tuple(
        j
        if j.verdict in kept
        else Judged(unit=j.unit, verdict=Verdict.PENDING, hazards=j.hazards, why=why)
        for j in judged
    )


def _is_approved(plan_hash: str, target: str, units: tuple[Unit, ...], policy: Policy) -> bool:
    """Tell whether this very plan was approved, or is what is left of one that was."""
    decisions = policy.decisions
    if plan_hash in decisions.rejected:
        return False
    if plan_hash in {policy.approved_plan, *decisions.approved}:
        return True
    early = too_early(units)
    statements = {
        step.sql for place, unit in enumerate(units) if place not in early for step in unit.steps
    }
    return any(
        begun.target_fingerprint == target and statements <= begun.statements
        for begun in decisions.begun
    )


def hazards_of(plan: Plan) -> frozenset[Hazard]:
    """All hazards of what runs or waits."""
    return frozenset(h for j in plan.judged for h in j.hazards)

"""The SchemaPlans of one AppDatabase: what was decided, what is over, what may go.

Pure. A plan is open until it was applied or superseded; only open plans bind anybody.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appdb.api.conditions import find_condition
from appdb.api.meta import Condition
from appdb.api.reasons import ConditionType, Reason
from appdb.api.schemaplan import Decision, SchemaPlan
from appdb.plan.policy import Begun, Decisions

# How many plans that are over are kept for each database.
KEPT = 10

# Who we are in managedFields says nothing about who decided.
_OURSELVES = "appdb-operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A SchemaPlan with the object it was read from."""

    live: Mapping[str, Any]
    plan: SchemaPlan

    @property
    def name(self) -> str:
        """The name of the object."""
        return self.plan.metadata.name

    @property
    def applied(self) -> Condition | None:
        """The condition that tells what became of it."""
        return find_condition(self.plan.status.conditions, ConditionType.APPLIED)

    @property
    def was_applied(self) -> bool:
        """True when every step ran."""
        return self.applied is not None and self.applied.is_true

    @property
    def is_open(self) -> bool:
        """True until it was applied or superseded."""
        applied = self.applied
        return applied is None or not (applied.is_true or applied.reason == Reason.SUPERSEDED)

    @property
    def has_begun(self) -> bool:
        """True when steps of it ran, or may have run, and it is not over."""
        applied = self.applied
        return (
            self.is_open
            and applied is not None
            and applied.reason in {Reason.APPLYING, Reason.FAILED}
        )

    def is_decided(self, decision: Decision) -> bool:
        """Tell whether an open plan has this decision."""
        return self.is_open and self.plan.spec.decision is decision

    @property
    def statements(self) -> frozenset[str]:
        """The SQL of its steps; of a large plan only of the first."""
        return frozenset(step.sql for step in self.plan.spec.steps)


@dataclass(frozen=True, slots=True)
class Shelf:
    """All plans of one incarnation of an AppDatabase, oldest first."""

    records: tuple[Record, ...] = ()

    @classmethod
    def of(cls, lives: Iterable[Mapping[str, Any]], *, uid: str) -> "Shelf":
        """Sort out the plans that are of this object and not being deleted."""
        found = [Record(live=live, plan=SchemaPlan.of(live)) for live in lives]
        ours = [
            each
            for each in found
            if each.plan.spec.app_database_ref.uid == uid and not each.plan.metadata.is_deleting
        ]
        return cls(tuple(sorted(ours, key=_age)))

    def find(self, plan_hash: str) -> Record | None:
        """Return the open plan with this hash."""
        return next(
            (each for each in self.records if each.is_open and _hash(each) == plan_hash), None
        )

    def was_applied(self, plan_hash: str) -> bool:
        """Tell whether an approval of this hash has been used up."""
        return any(each.was_applied and _hash(each) == plan_hash for each in self.records)

    def free_number(self, taken: Iterable[str], names: Sequence[str]) -> int:
        """Return which of the names nobody has, from 1."""
        known = {each.name for each in self.records} | set(taken)
        return next(number for number, name in enumerate(names, 1) if name not in known)

    def decisions(self, source_digest: str) -> Decisions:
        """Return what the decisions mean for planning from this source."""
        rejected = [each for each in self.records if each.is_decided(Decision.REJECTED)]
        approved = [each for each in self.records if each.is_decided(Decision.APPROVED)]
        return Decisions(
            approved=frozenset(map(_hash, approved)),
            rejected=frozenset(map(_hash, rejected)),
            refused=frozenset(
                statement
                for each in rejected
                if each.plan.spec.source_digest == source_digest
                for statement in each.statements
            ),
            begun=tuple(
                Begun(
                    target_fingerprint=each.plan.spec.target_fingerprint,
                    statements=each.statements,
                )
                for each in approved
                if each.has_begun
            ),
        )

    def rejection_of(
        self, plan_hash: str, source_digest: str, statements: frozenset[str]
    ) -> Record | None:
        """Return the open plan whose rejection holds for these statements."""
        for each in self.records:
            if not each.is_decided(Decision.REJECTED):
                continue
            is_same_source = each.plan.spec.source_digest == source_digest
            if _hash(each) == plan_hash or (is_same_source and statements <= each.statements):
                return each
        return None

    def begun(self, target: str, statements: frozenset[str]) -> Record | None:
        """Return the approved plan that these statements are the rest of."""
        for each in self.records:
            spec = each.plan.spec
            if (
                each.is_decided(Decision.APPROVED)
                and each.has_begun
                and spec.target_fingerprint == target
                and statements <= each.statements
            ):
                return each
        return None

    def outdated(self, current: Iterable[str]) -> tuple[Record, ...]:
        """Return the open plans that are none of the current ones, by name."""
        kept = set(current)
        return tuple(each for each in self.records if each.is_open and each.name not in kept)

    def surplus(self) -> tuple[Record, ...]:
        """Return the oldest of the plans that are over, beyond those that are kept."""
        over = [each for each in self.records if not each.is_open]
        return tuple(over[: max(0, len(over) - KEPT)])


def _hash(record: Record) -> str:
    return record.plan.spec.plan_hash


def _age(record: Record) -> tuple[str, str]:
    return str(record.live["metadata"].get("creationTimestamp", "")), record.name


IN_PLAN = ("f:spec", "f:decision")
IN_DATABASE = ("f:spec", "f:schema", "f:approvedPlan")


def decided_by(live: Mapping[str, Any], field: Sequence[str] = IN_PLAN) -> str:
    """Return who set the decision, as the API server tells: a client's name, or nothing.

    managedFields name the client that owns a field (`kubectl-patch`, `argocd-controller`);
    the API server keeps no user names there.
    """
    owners = [
        (str(entry.get("time", "")), str(entry.get("manager", "")))
        for entry in live["metadata"].get("managedFields") or ()
        if _owns(entry.get("fieldsV1") or {}, field)
    ]
    others = sorted(owner for owner in owners if owner[1] != _OURSELVES)
    return others[-1][1] if others else ""


def _owns(fields: Mapping[str, Any], path: Sequence[str]) -> bool:
    if not path:
        return True
    return path[0] in fields and _owns(fields[path[0]], path[1:])

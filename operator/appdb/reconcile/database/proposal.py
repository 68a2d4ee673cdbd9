"""Turns a plan of the engine into the SchemaPlan that people read and decide about.

Pure. What is written here is read like a code review: every step with its class, its
lock, why it is there, the line of the source that asks for it, and what is at stake.
"""

import base64
import gzip
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appdb.api import names
from appdb.api.appdatabase import AppDatabase
from appdb.api.schemaplan import (
    MAX_STEPS,
    Decision,
    PlanStep,
    PlanTarget,
    SchemaPlanSpec,
    StepClass,
    StepOrigin,
)
from appdb.cluster.secrets import label_value
from appdb.errors import one_line
from appdb.model.catalog import Key
from appdb.model.digest import short
from appdb.model.words import counted
from appdb.plan.hazards import StepClass as Class
from appdb.plan.plan import Plan, PlannedStep
from appdb.plan.policy import Judged
from appdb.reconcile.database.wanted import owner_reference

# Together far below what etcd takes; all that is more goes into the ConfigMap.
MAX_SQL_BYTES = 256 * 1024
MAX_STEP_CHARACTERS = 16_000
MAX_CONFIG_MAP_BYTES = 900 * 1024
NAME_LENGTH = 253


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a SchemaPlan will hold; `all_steps` are whole, and those that do not fit in too."""

    spec: SchemaPlanSpec
    all_steps: tuple[Mapping[str, Any], ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The AppDatabase that a plan is of, and the revision of its source."""

    name: str
    uid: str
    revision: str = ""


def propose_run(subject: Subject, plan: Plan, *, why: str) -> Proposal:
    """Return the proposal of what runs now, decided by a policy or by an approval."""
    return _proposal(
        subject, plan, plan.steps, {}, plan_hash=plan.run_hash, decision=(Decision.APPROVED, why)
    )


def propose_rest(subject: Subject, plan: Plan, weights: Mapping[Key, str]) -> Proposal:
    """Return the proposal of what waits, or is blocked, with what is at stake."""
    steps = (*plan.approvable, *plan.blocked_steps)
    return _proposal(
        subject, plan, steps, weights, plan_hash=plan.plan_hash, decision=(Decision.PENDING, "")
    )


def propose_whole(subject: Subject, plan: Plan, weights: Mapping[Key, str]) -> Proposal:
    """Return the proposal of everything, for a preview that runs nothing."""
    steps = (*plan.steps, *plan.pending, *plan.blocked_steps)
    return _proposal(
        subject, plan, steps, weights, plan_hash=plan.plan_hash, decision=(Decision.PENDING, "")
    )


def _proposal(
    subject: Subject,
    plan: Plan,
    planned: Sequence[PlannedStep],
    weights: Mapping[Key, str],
    *,
    plan_hash: str,
    decision: tuple[Decision, str],
) -> Proposal:
    every = tuple(step_of(each, weights) for each in planned)
    shown = _that_fit(every)
    is_cut = len(shown) < len(every) or any(_is_cut(each) for each in planned)
    spec = SchemaPlanSpec(
        app_database_ref=PlanTarget(name=subject.name, uid=subject.uid),
        plan_hash=plan_hash,
        base_fingerprint=plan.base_fingerprint,
        target_fingerprint=plan.target_fingerprint,
        source_digest=plan.source_digest,
        source_revision=subject.revision,
        summary=summary_of(planned, weights),
        steps=shown,
        step_count=len(every),
        risk=max((step.class_ for step in every), key=_rank, default=StepClass.S),
        truncated=is_cut,
        decision=decision[0],
        decided_reason=decision[1],
    )
    whole = tuple(
        step.to_object() | {"sql": each.step.sql} for step, each in zip(every, planned, strict=True)
    )
    return Proposal(spec=spec, all_steps=whole)


def _is_cut(planned: PlannedStep) -> bool:
    return len(planned.step.sql) > MAX_STEP_CHARACTERS


def step_of(planned: PlannedStep, weights: Mapping[Key, str] = {}) -> PlanStep:
    """Return one step as a SchemaPlan shows it; a very long statement is cut."""
    step, judged = planned.step, planned.judged
    unit, origin = judged.unit, planned.origin
    return PlanStep(
        sql=step.sql[:MAX_STEP_CHARACTERS] + " …" if _is_cut(planned) else step.sql,
        class_=StepClass(judged.step_class.value),
        hazards=tuple(sorted(judged.hazards)),
        reason=one_line(_reason(planned)),
        table=str(unit.subject.table) if unit.subject.parent else str(unit.subject),
        lock=step.lock.value,
        transactional=step.is_transactional,
        origin=StepOrigin(path=origin.span.path, line=origin.span.line) if origin else None,
        evidence=one_line(_evidence(judged, weights)),
    )


def _reason(planned: PlannedStep) -> str:
    judged = planned.judged
    hint = judged.unit.possible_rename
    parts = [planned.step.reason, judged.why, f"possible rename: {hint}" if hint else ""]
    return "; ".join(dict.fromkeys(part for part in parts if part))


def _evidence(judged: Judged, weights: Mapping[Key, str]) -> str:
    refusals = [
        f"{counted(refusal.count, 'row')} in the way ({refusal.probe.hazard})"
        for refusal in judged.refusals
    ]
    return "; ".join(refusals) or weights.get(judged.unit.subject, "")


def _that_fit(every: tuple[PlanStep, ...]) -> tuple[PlanStep, ...]:
    shown: list[PlanStep] = []
    room = MAX_SQL_BYTES
    for step in every[:MAX_STEPS]:
        room -= len(step.sql.encode())
        if room < 0:
            break
        shown.append(step)
    return tuple(shown)


def described(planned: PlannedStep) -> str:
    """Return what a step does to what, as `column users.age: deletes the column`."""
    subject = planned.judged.unit.subject
    return f"{subject.kind} {subject}: {planned.step.reason}"


def summary_of(planned: Sequence[PlannedStep], weights: Mapping[Key, str]) -> str:
    """Return one line: how many steps of which class, and what the riskiest does."""
    if not planned:
        return "nothing to do"
    counts = Counter(each.judged.step_class for each in planned)
    kinds = sorted(counts, key=lambda kind: kind.rank)
    said = ", ".join(f"{counts[kind]} {_WORDS[kind]}" for kind in kinds)
    if len(kinds) == 1:
        said = _WORDS[kinds[0]]
    worst = max(planned, key=lambda each: each.judged.step_class.rank)
    stake = _evidence(worst.judged, weights)
    tail = f"; {described(worst)}" + (f" ({stake})" if stake else "")
    return one_line(f"{counted(len(planned), 'step')}, {said}{tail}")


_WORDS = {
    Class.SAFE: "safe",
    Class.ONLINE: "online",
    Class.BLOCKS: "blocking a table",
    Class.COMPATIBILITY: "about compatibility",
    Class.DESTROYS: "destroying data",
    Class.IMPOSSIBLE: "forbidden by the data",
}


def _rank(kind: StepClass) -> int:
    return list(StepClass).index(kind)


def plan_name(database: str, plan_hash: str, number: int = 1) -> str:
    """Return the name of a plan; a number tells plans of the same hash apart."""
    tail = f"-{short(plan_hash, 10)}" + (f"-{number}" if number > 1 else "")
    return database[: NAME_LENGTH - len(tail)].rstrip("-.") + tail


def plan_object(database: AppDatabase, name: str, spec: SchemaPlanSpec) -> dict[str, Any]:
    """Return the SchemaPlan to create: owned by its database, no label copied."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": "SchemaPlan",
        "metadata": {
            "name": name,
            "namespace": database.metadata.namespace,
            "labels": _labels(database.metadata.name),
            "ownerReferences": [dict(owner_reference(database))],
        },
        "spec": spec.to_object(),
    }


def _labels(database: str) -> dict[str, str]:
    return {
        names.LABEL_MANAGED_BY: names.FIELD_MANAGER,
        names.LABEL_APPDATABASE: label_value(database),
    }


def selector_of(database: str) -> str:
    """Return the label selector of all plans of a database."""
    return f"{names.LABEL_APPDATABASE}={label_value(database)}"


def overflow_object(plan: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the ConfigMap with all steps of a large plan, owned by that plan.

    `steps.json` holds them as the SchemaPlan would, `plan.sql` reads as a script. Where
    both are too large for a ConfigMap they are packed with gzip.
    """
    metadata = plan["metadata"]
    texts = {
        "steps.json": json.dumps(list(steps), indent=1),
        "plan.sql": "\n".join(_script(step) for step in steps),
    }
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": {names.LABEL_MANAGED_BY: names.FIELD_MANAGER},
            "ownerReferences": [
                {
                    "apiVersion": names.API_VERSION,
                    "kind": "SchemaPlan",
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                    "controller": True,
                }
            ],
        },
    }
    if sum(len(text.encode()) for text in texts.values()) <= MAX_CONFIG_MAP_BYTES:
        return body | {"data": texts}
    return body | {"binaryData": {f"{key}.gz": _packed(text) for key, text in texts.items()}}


def _packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _script(step: Mapping[str, Any]) -> str:
    return f"-- {step['class']}: {step['reason']}\n{step['sql']};\n"

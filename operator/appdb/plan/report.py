"""Shows a plan to people and to programs: text, SQL, JSON, Markdown.

Pure. Holds no values of rows but the keys that the probes chose to show.
"""

import json
from collections.abc import Callable, Iterable, Iterator

from appdb.plan.hazards import Lock, Pace, StepClass
from appdb.plan.plan import Plan, PlannedStep
from appdb.plan.policy import Judged, Verdict

# Paints a text in the colour of a class; the CLI gives one, everybody else gets plain text.
Paint = Callable[[StepClass, str], str]

_VERDICTS = {
    Verdict.PENDING: "Waits",
    Verdict.BLOCKED: "Blocked",
    Verdict.WITHHELD: "Withheld: set to Never",
    Verdict.REPORTED: "Left alone by the drift policy",
}


def _plain(_: StepClass, text: str) -> str:
    return text


def step_value(planned: PlannedStep) -> dict[str, object]:
    """A step as `steps[]`, `pending[]` and `withheld[]` hold it."""
    step, judged = planned.step, planned.judged
    value: dict[str, object] = {
        "sql": step.sql,
        "class": judged.step_class.value,
        "hazards": sorted(judged.hazards),
        "reason": step.reason,
        "table": str(judged.unit.subject.table),
        "lock": step.lock.value,
        "transactional": step.is_transactional,
        "unit": planned.unit_number,
    }
    if planned.origin is not None:
        value["origin"] = {
            "path": planned.origin.span.path,
            "line": planned.origin.span.line,
        }
    if judged.why:
        value["why"] = judged.why
    if judged.unit.possible_rename:
        value["hint"] = f"possible rename: {judged.unit.possible_rename}"
    return value


def blocked_values(judged: Judged) -> Iterator[dict[str, object]]:
    """A blocked unit as `blocked[]` holds it: one entry for each reason."""
    unit = judged.unit
    column = unit.subject.name if unit.subject.kind == "column" else None
    sql = ";\n".join(step.sql for step in unit.steps)
    if unit.obstacle is not None:
        yield {
            "table": str(unit.subject.table) if unit.subject.parent else str(unit.subject),
            "column": column,
            "hazard": unit.obstacle.hazard,
            "count": 0,
            "sampleKeys": [],
            "hint": unit.obstacle.hint,
            "sql": sql,
        }
    for refusal in judged.refusals:
        yield {
            "table": str(refusal.probe.table),
            "column": refusal.probe.column or column,
            "hazard": refusal.probe.hazard,
            "count": refusal.count,
            "sampleKeys": list(refusal.sample_keys),
            "hint": refusal.probe.hint,
            "sql": sql,
        }


def plan_value(plan: Plan) -> dict[str, object]:
    """The whole plan as plain values; the shape is API."""
    return {
        "planHash": plan.plan_hash,
        "baseFingerprint": plan.base_fingerprint,
        "targetFingerprint": plan.target_fingerprint,
        "sourceDigest": plan.source_digest,
        "exitCode": plan.exit_code,
        "firstRun": plan.is_first_run,
        "adoptionRequired": plan.is_adoption and bool(plan.pending),
        "steps": [step_value(step) for step in plan.steps],
        "pending": [step_value(step) for step in plan.pending],
        "blocked": [value for judged in plan.blocked for value in blocked_values(judged)],
        "withheld": [step_value(step) for step in plan.withheld],
        "foreign": [{"kind": s.kind, "name": s.name} for s in plan.foreign],
        "drift": [
            {"kind": d.key.kind.value, "name": str(d.key), "what": d.what} for d in plan.drift
        ],
        "warnings": list(plan.warnings),
    }


def as_json(plan: Plan) -> str:
    """The plan for programs."""
    return json.dumps(plan_value(plan), indent=2, ensure_ascii=False) + "\n"


def as_sql(plan: Plan) -> str:
    """What runs now, as a script for reading; the engine does more than run it."""
    lines = [f"-- plan {plan.plan_hash}"]
    for planned in plan.steps:
        lines.append(f"-- {planned.judged.step_class}: {planned.step.reason}")
        lines += [f"{statement};" for statement in planned.step.statements]
    for planned in (*plan.pending, *plan.withheld):
        lines.append(f"-- not run, {planned.judged.why}: {planned.step.reason}")
        lines += [f"-- {line}" for line in planned.step.sql.splitlines()]
    for judged in plan.blocked:
        lines.append(f"-- blocked: {judged.unit.subject}: {judged.why}")
    return "\n".join(lines) + "\n"


def summary(plan: Plan) -> str:
    """One line: how much runs, waits and is blocked."""
    if plan.exit_code == 0 and not plan.withheld:
        return "nothing to do: the database is as declared"
    parts = [
        f"{_count(len(plan.steps), 'step')} to run",
        *([f"{len(plan.pending)} waiting for an approval"] if plan.pending else []),
        *([f"{len(plan.blocked)} blocked"] if plan.blocked else []),
        *([f"{len(plan.withheld)} withheld"] if plan.withheld else []),
    ]
    return ", ".join(parts)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def as_text(plan: Plan, paint: Paint = _plain) -> str:
    """The plan for a terminal."""
    lines = [f"plan {plan.plan_hash}: {summary(plan)}", ""]
    for planned in plan.steps:
        lines += _step_lines(planned, paint)
    for verdict, steps in ((Verdict.PENDING, plan.pending), (Verdict.WITHHELD, plan.withheld)):
        lines += _group(verdict, steps, paint)
    lines += _blocked_lines(plan, paint)
    if plan.foreign:
        names = ", ".join(f"{s.kind} {s.name}" for s in plan.foreign)
        lines += [f"Not ours, not touched: {names}", ""]
    if plan.drift:
        names = ", ".join(f"{d.key.kind} {d.key} ({d.what})" for d in plan.drift)
        lines += [f"Changed by hand since the last run: {names}", ""]
    lines += [f"warning: {warning}" for warning in plan.warnings]
    if plan.is_adoption and plan.pending:
        lines.append("AdoptionRequired: these tables were there before; review the whole plan.")
    if plan.pending and not plan.is_approved:
        lines.append(f"Approve with: --approve {plan.plan_hash}")
    return "\n".join(lines).rstrip() + "\n"


def _group(verdict: Verdict, steps: Iterable[PlannedStep], paint: Paint) -> list[str]:
    found = list(steps)
    if not found:
        return []
    lines = [f"{_VERDICTS[verdict]}:", ""]
    for planned in found:
        lines += _step_lines(planned, paint)
    return lines


def _step_lines(planned: PlannedStep, paint: Paint) -> list[str]:
    step, judged = planned.step, planned.judged
    mark = paint(judged.step_class, f" {judged.step_class} ")
    place = f"  ({planned.origin.span.path}:{planned.origin.span.line})" if planned.origin else ""
    lines = [f"{mark} {judged.unit.subject.kind} {judged.unit.subject}{place}"]
    lines += [f"      {line}" for line in step.sql.splitlines()]
    lines.append(f"      {step.reason}; {_how(planned)}")
    if judged.why:
        lines.append(f"      {judged.why}")
    if judged.unit.possible_rename:
        lines.append(f"      possible rename: {judged.unit.possible_rename}")
    return [*lines, ""]


def _how(planned: PlannedStep) -> str:
    step = planned.step
    lock = "no lock on tables in use" if step.lock is Lock.NONE else f"lock {step.lock.value}"
    pace = {
        Pace.BRIEF: "for a moment",
        Pace.LONG: "for as long as it works",
        Pace.ONLINE: "beside reads and writes",
    }[step.pace]
    return lock if step.lock is Lock.NONE else f"{lock} {pace}"


def _blocked_lines(plan: Plan, paint: Paint) -> list[str]:
    if not plan.blocked:
        return []
    lines = ["Blocked:", ""]
    mark = paint(StepClass.IMPOSSIBLE, f" {StepClass.IMPOSSIBLE} ")
    for judged in plan.blocked:
        lines.append(f"{mark} {judged.unit.subject.kind} {judged.unit.subject}")
        for value in blocked_values(judged):
            rows = f"{_count(int(str(value['count'])), 'row')}" if value["count"] else ""
            keys = value["sampleKeys"]
            shown = (
                f" (keys {', '.join(map(str, keys))})" if isinstance(keys, list) and keys else ""
            )
            what = f"{value['hazard']}: {rows}{shown}" if rows else str(value["hazard"])
            lines += [f"      {what}", f"      {value['hint']}"]
        lines.append("")
    return lines


def as_markdown(plan: Plan) -> str:
    """The plan for a comment on a pull request."""
    lines = [f"### Schema plan: {summary(plan)}", "", f"`{plan.plan_hash}`", ""]
    if plan.steps or plan.pending or plan.withheld:
        lines += ["| | Class | Change | Lock | Why |", "|---|---|---|---|---|"]
        lines += [_row("runs", planned) for planned in plan.steps]
        lines += [_row("waits", planned) for planned in plan.pending]
        lines += [_row("withheld", planned) for planned in plan.withheld]
        lines.append("")
    for judged in plan.blocked:
        for value in blocked_values(judged):
            lines.append(
                f"- **blocked** `{judged.unit.subject}` ({value['hazard']}, {value['count']} rows):"
                f" {_cell(str(value['hint']))}"
            )
    if plan.drift:
        names = ", ".join(f"`{d.key}` ({d.what})" for d in plan.drift)
        lines.append(f"- changed by hand: {names}")
    if plan.steps or plan.pending:
        sql = "\n".join(f"{planned.step.sql};" for planned in (*plan.steps, *plan.pending))
        lines += ["", "<details><summary>SQL</summary>", "", "```sql", sql, "```", "", "</details>"]
    return "\n".join(lines).rstrip() + "\n"


def _row(what: str, planned: PlannedStep) -> str:
    judged = planned.judged
    hazards = f" {', '.join(sorted(judged.hazards))}" if judged.hazards else ""
    reason = planned.step.reason + (f" ({judged.why})" if judged.why else "")
    return (
        f"| {what} | {judged.step_class}{hazards} | {judged.unit.subject.kind}"
        f" `{judged.unit.subject}` | {planned.step.lock.value} | {_cell(reason)} |"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

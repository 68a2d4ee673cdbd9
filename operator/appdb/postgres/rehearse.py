"""Runs a plan on an empty copy: what fails there is blocked, what lies about its cost is refused.

Touches the scratch database only.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

import psycopg

from appdb.errors import DDLFailed, PlanDiverges
from appdb.model.catalog import Key
from appdb.plan.diff import Change
from appdb.plan.hazards import Lock, StepClass
from appdb.plan.unit import Obstacle, Step, Token, Unit
from appdb.postgres.scratch import Bench, Measured

_MILD = {StepClass.SAFE, StepClass.ONLINE}


@dataclass(kw_only=True)
class Rehearsal:
    """One rehearsal over all its rounds; `given` are columns with an expression of a person.

    A unit that fails is blocked, and so is nothing else but what needs it; its tables are
    left out of the final comparison.
    """

    bench: Bench
    given: AbstractSet[Key]
    failed: list[Unit]
    missing: set[Token]

    async def run(self, units: Sequence[Unit]) -> tuple[Unit, ...]:
        """Run units and return them, those that fail with the obstacle.

        Raises:
            DDLFailed: the expression that somebody gave for a column does not work.
            PlanDiverges: a step is worse for a table than its class says.
        """
        return tuple([await self._try(unit) for unit in units])

    async def _try(self, unit: Unit) -> Unit:
        if not self.missing.isdisjoint(unit.needs - unit.makes):
            self._leave_out(unit)
            return unit
        try:
            async with self.bench.savepoint():
                for step in unit.steps:
                    _judge(unit, step, await self.bench.measure(rehearsed(step)))
        except psycopg.Error as err:
            if unit.subject in self.given:
                raise failure(unit, err) from err
            self._leave_out(unit)
            said = err.diag.message_primary or "no reason given"
            hint = f"it fails when tried: {said}; change what stands in the way by hand"
            return replace(
                unit, obstacle=unit.obstacle or Obstacle(hazard="unsupported", hint=hint)
            )
        return unit

    def _leave_out(self, unit: Unit) -> None:
        self.failed.append(unit)
        self.missing |= unit.makes

    def explains(self, change: Change) -> bool:
        """Tell whether a difference is left because a unit could not run."""
        tables = {unit.subject.table for unit in self.failed}
        return change.key.table in tables


def rehearsed(step: Step) -> tuple[str, ...]:
    """The statements that stand for a step in the rehearsal."""
    return step.statements if step.rehearsal is None else step.rehearsal


def _judge(unit: Unit, step: Step, measured: Measured) -> None:
    scans = bool(measured.scanned) and step.lock is Lock.ACCESS_EXCLUSIVE and not step.may_scan
    if unit.step_class not in _MILD or not (measured.rewritten or scans):
        return
    what = "rewrites" if measured.rewritten else "scans"
    raise PlanDiverges(
        f"a step planned as class {unit.step_class} {what} {unit.subject.table} under its lock:"
        f" nothing was changed; please report: {step.statements[0][:120]}"
    )


async def run_unit(bench: Bench, unit: Unit) -> None:
    """Run a unit on a bench; raises DDLFailed."""
    for step in unit.steps:
        for statement in rehearsed(step):
            try:
                await bench.run(statement)
            except psycopg.Error as err:
                raise failure(unit, err) from err


def failure(unit: Unit, err: psycopg.Error) -> DDLFailed:
    """Say that a unit does not work."""
    said = err.diag.message_primary or "no reason given"
    return DDLFailed(
        f"the change of {unit.subject.kind} {unit.subject} fails in the rehearsal: {said};"
        " nothing was changed"
    )

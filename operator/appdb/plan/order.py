"""Orders units so that each runs after what it needs.

Pure. Phases give the order; within one, needs do; where nothing decides, the order in
which the changes were found stays, so that the same change gives the same plan.
"""

from collections.abc import Iterable, Sequence

from appdb.plan.hazards import PHASES
from appdb.plan.unit import Token, Unit


def order_units(units: Iterable[Unit]) -> tuple[Unit, ...]:
    """Order units by phase and need; a circle of needs keeps the order of phases."""
    rank = {phase: place for place, phase in enumerate(PHASES)}
    waiting = sorted(units, key=lambda unit: (rank[unit.phase], unit.round))
    # A token that nobody here brings about is a fact already.
    open_tokens = _count(waiting)
    done: list[Unit] = []
    while waiting:
        unit = next((u for u in waiting if not _waits(u, open_tokens)), waiting[0])
        waiting.remove(unit)
        done.append(unit)
        for token in unit.makes:
            open_tokens[token] -= 1
    return tuple(done)


def _count(units: Sequence[Unit]) -> dict[Token, int]:
    found: dict[Token, int] = {}
    for unit in units:
        for token in unit.makes:
            found[token] = found.get(token, 0) + 1
    return found


def _waits(unit: Unit, open_tokens: dict[Token, int]) -> bool:
    own = unit.makes
    return any(open_tokens.get(token, 0) > (1 if token in own else 0) for token in unit.needs)


def holding_back(units: Sequence[Unit], stopped: Iterable[Unit]) -> dict[int, Unit]:
    """Find, by place, the units that need something of a stopped one, directly or not."""
    missing: dict[Token, Unit] = {}
    held: dict[int, Unit] = {}
    halted = {id(unit) for unit in stopped}
    made: dict[Token, int] = _count(units)
    for place, unit in enumerate(units):
        cause = next((missing[t] for t in unit.needs if t in missing and t not in unit.makes), None)
        if cause is not None and id(unit) not in halted:
            held[place] = cause
        if id(unit) in halted or cause is not None:
            for token in unit.makes:
                if made[token] >= 1:
                    missing.setdefault(token, unit)
    return held


def too_early(units: Sequence[Unit]) -> frozenset[int]:
    """Find, by place, the units that stand apart while what they need is still to be made."""
    made = _count(units)
    return frozenset(
        place for place, unit in enumerate(units) if unit.is_apart and _waits(unit, made)
    )

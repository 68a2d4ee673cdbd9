"""The values that recipes make: steps, and units of steps that are decided together.

Values only. A unit serves one change; its steps run in order and nothing of another unit
comes between them.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from appdb.model.catalog import Key
from appdb.plan.hazards import Hazard, Lock, Pace, Phase, StepClass


class Tag(StrEnum):
    """What is true of an object once a unit has run."""

    EXISTS = "exists"
    TYPED = "typed"
    FAMILY = "family"
    GONE = "gone"
    FILLED = "filled"


class Token(NamedTuple):
    """A fact that one unit brings about and another needs."""

    tag: Tag
    key: Key


def exists(*keys: Key) -> frozenset[Token]:
    """Return the facts that these objects exist."""
    return frozenset(Token(Tag.EXISTS, key) for key in keys)


def typed(*keys: Key) -> frozenset[Token]:
    """Return the facts that these columns exist and have their new type."""
    tags = (Tag.EXISTS, Tag.TYPED, Tag.FAMILY)
    return frozenset(Token(tag, key) for key in keys for tag in tags)


def alike(*keys: Key) -> frozenset[Token]:
    """Return the facts that these columns exist and have a type of their new family.

    A plain index or key can be built on a column that only gets wider or narrower later.
    """
    return frozenset(Token(tag, key) for key in keys for tag in (Tag.EXISTS, Tag.FAMILY))


def retyped(*keys: Key, is_alike: bool = False) -> frozenset[Token]:
    """Return the facts that these columns have their new type; `is_alike`: of the same family."""
    tags = (Tag.TYPED,) if is_alike else (Tag.TYPED, Tag.FAMILY)
    return frozenset(Token(tag, key) for key in keys for tag in tags)


def gone(*keys: Key) -> frozenset[Token]:
    """Return the facts that these objects are no longer there."""
    return frozenset(Token(Tag.GONE, key) for key in keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """Filling a column in batches: each in a transaction of its own, resumable.

    `only` is a condition on the rows beside that the column holds NULL.
    """

    column: Key
    expression: str
    only: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Statements that run together.

    `statements` run in one transaction when `is_transactional`, else each on its own. In
    the rehearsal `rehearsal` stands for them when given. `undo` restores the state before
    the unit when this step fails. `renamed` are renames that the names alone cannot show
    to be done, from and to.
    """

    statements: tuple[str, ...]
    reason: str
    lock: Lock = Lock.ACCESS_EXCLUSIVE
    pace: Pace = Pace.BRIEF
    is_transactional: bool = True
    undo: tuple[str, ...] = ()
    rehearsal: tuple[str, ...] | None = None
    backfill: Backfill | None = None
    may_scan: bool = False
    renamed: tuple[tuple[Key, Key], ...] = ()

    @property
    def sql(self) -> str:
        """The statements as one text."""
        return ";\n".join(self.statements)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A question to the live data, read-only.

    `condition` selects the rows that forbid the change, out of `source` (a table, or a
    query that shows it as the release would); `group` asks for rows that repeat each
    other in these expressions instead. `keys` are the columns whose values may be shown,
    at most five rows.
    `expression` is one that may fail on some rows; those count too.
    """

    table: Key
    source: str
    condition: str
    hazard: str
    hint: str
    column: str | None = None
    group: str = ""
    keys: tuple[str, ...] = ()
    is_assumed: bool = False
    expression: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why a unit cannot run, known without looking at rows; `hint` is the next step."""

    hazard: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One change and how it is made.

    `is_apart`: an approval covers it only when nothing that it needs is in the same plan.
    `rewrites` names tables whose size decides whether a class W unit runs by itself;
    `covers` are objects whose going is part of this unit.
    """

    subject: Key
    phase: Phase
    steps: tuple[Step, ...]
    step_class: StepClass
    hazards: frozenset[Hazard] = frozenset()
    needs: frozenset[Token] = frozenset()
    makes: frozenset[Token] = frozenset()
    probes: tuple[Probe, ...] = ()
    obstacle: Obstacle | None = None
    rewrites: tuple[Key, ...] = ()
    mitigation: "Unit | None" = None
    possible_rename: str | None = None
    is_apart: bool = False
    round: int = field(default=1, compare=False)

    def fill_after(self, step: Step) -> Backfill | None:
        """The backfill to be gone on with should the process end right after `step`."""
        place = self.steps.index(step)
        following = self.steps[place + 1] if place + 1 < len(self.steps) else None
        return following.backfill if following is not None else None

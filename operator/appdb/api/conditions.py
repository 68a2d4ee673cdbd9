"""Building the list of conditions, by the rules of metav1 and kstatus.

Pure: the clock is a parameter, and lists go in and come out.

kstatus reads an object as InProgress while observedGeneration lags, Reconciling is True or
Ready is not True, as Failed when Stalled is True, and else as Current. So Reconciling, Stalled
and Drifted are present only when True, and the first two never stand side by side.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Literal

from appdb.api.meta import Condition
from appdb.api.reasons import ConditionType, Reason
from appdb.errors import one_line

Status = Literal["True", "False", "Unknown"]

# Order in which conditions are shown; foreign ones follow as they came.
_ORDER = {kind.value: position for position, kind in enumerate(ConditionType)}
_EXCLUDES = {
    ConditionType.RECONCILING: ConditionType.STALLED,
    ConditionType.STALLED: ConditionType.RECONCILING,
}


class KStatus(StrEnum):
    IN_PROGRESS = "InProgress"
    CURRENT = "Current"
    FAILED = "Failed"
    TERMINATING = "Terminating"


def find_condition(conditions: Sequence[Condition], kind: ConditionType | str) -> Condition | None:
    return next((each for each in conditions if each.type == kind), None)


def set_condition(
    conditions: Sequence[Condition],
    kind: ConditionType,
    status: Status,
    *,
    reason: Reason | str,
    message: str,
    generation: int,
    now: datetime,
) -> tuple[Condition, ...]:
    """The list with this condition in it, in the one order we show.

    lastTransitionTime moves only when the status changes. Reconciling and Stalled, when set
    True, take the place of each other.
    """
    before = find_condition(conditions, kind)
    is_same_status = before is not None and before.status == status
    after = Condition(
        type=kind.value,
        status=status,
        observed_generation=generation,
        last_transition_time=before.last_transition_time if before and is_same_status else now,
        reason=str(reason),
        message=one_line(message),
    )
    dropped = {kind.value}
    if status == "True" and kind in _EXCLUDES:
        dropped.add(_EXCLUDES[kind].value)
    kept = [each for each in conditions if each.type not in dropped]
    return tuple(sorted([*kept, after], key=_position))


def remove_condition(
    conditions: Sequence[Condition], *kinds: ConditionType
) -> tuple[Condition, ...]:
    """The list without these conditions; those that are not there are passed over."""
    return tuple(each for each in conditions if each.type not in {kind.value for kind in kinds})


def kstatus_of(
    conditions: Sequence[Condition],
    *,
    generation: int,
    observed_generation: int,
    is_deleting: bool = False,
) -> KStatus:
    """How Flux, Helm and Argo CD will read the object."""
    if is_deleting:
        return KStatus.TERMINATING
    if generation != observed_generation or _is_true(conditions, ConditionType.RECONCILING):
        return KStatus.IN_PROGRESS
    if _is_true(conditions, ConditionType.STALLED):
        return KStatus.FAILED
    ready = find_condition(conditions, ConditionType.READY)
    return KStatus.CURRENT if ready is None or ready.is_true else KStatus.IN_PROGRESS


def _is_true(conditions: Sequence[Condition], kind: ConditionType) -> bool:
    found = find_condition(conditions, kind)
    return found is not None and found.is_true


def _position(condition: Condition) -> int:
    return _ORDER.get(condition.type, len(_ORDER))

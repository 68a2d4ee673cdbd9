"""Turns what was learned about a server into the status of its DatabaseServer. Pure."""

from dataclasses import dataclass
from datetime import datetime

from appdb.api.conditions import remove_condition, set_condition
from appdb.api.meta import Condition
from appdb.api.reasons import ConditionType, Reason, stalled_reason
from appdb.api.server import DatabaseServerStatus
from appdb.errors import AppDBError


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What a look at a server found; `reach` and `privilege` are what went wrong.

    `refusal` is the API server's, of what must be read before the server can be asked.
    """

    refusal: AppDBError | None = None
    reach: AppDBError | None = None
    privilege: AppDBError | None = None
    version: str = ""
    system_identifier: str = ""
    capabilities: tuple[str, ...] = ()
    databases: int = 0

    @property
    def is_reached(self) -> bool:
        """Tell whether the server was asked and answered."""
        return self.refusal is None and self.reach is None

    @property
    def failure(self) -> AppDBError | None:
        """Return what stands in the way of using the server."""
        return self.refusal or self.reach or self.privilege


def build_server_status(
    before: DatabaseServerStatus,
    learned: Learned,
    *,
    generation: int,
    requested_at: str,
    now: datetime,
) -> DatabaseServerStatus:
    """Return the status after a look; what is not known any more keeps its last value."""
    conditions = before.conditions
    if learned.refusal is None:
        conditions = _with(
            conditions,
            ConditionType.REACHABLE,
            learned.reach,
            done=(Reason.CONNECTED, f"Postgres {learned.version} answers"),
            generation=generation,
            now=now,
        )
    if learned.is_reached:
        conditions = _with(
            conditions,
            ConditionType.PRIVILEGED,
            learned.privilege,
            done=(Reason.PRIVILEGES_SUFFICIENT, "the admin may create databases and roles"),
            generation=generation,
            now=now,
        )
    conditions = _summed_up(conditions, learned.failure, learned.version, generation, now)
    known = learned.is_reached
    return before.model_copy(
        update={
            "observed_generation": generation,
            "last_handled_reconcile_at": requested_at or before.last_handled_reconcile_at,
            "conditions": conditions,
            "version": learned.version if known else before.version,
            "system_identifier": (learned.system_identifier if known else before.system_identifier),
            "capabilities": learned.capabilities if known else before.capabilities,
            "databases": learned.databases,
        }
    )


def _with(
    conditions: tuple[Condition, ...],
    kind: ConditionType,
    error: AppDBError | None,
    *,
    done: tuple[Reason, str],
    generation: int,
    now: datetime,
) -> tuple[Condition, ...]:
    reason, message = done if error is None else (Reason(error.reason), error.message)
    return set_condition(
        conditions,
        kind,
        "True" if error is None else "False",
        reason=reason,
        message=message,
        generation=generation,
        now=now,
    )


def _summed_up(
    conditions: tuple[Condition, ...],
    error: AppDBError | None,
    version: str,
    generation: int,
    now: datetime,
) -> tuple[Condition, ...]:
    if error is None:
        conditions = remove_condition(conditions, ConditionType.RECONCILING, ConditionType.STALLED)
    done = (Reason.CONNECTED, f"Postgres {version} answers and the admin may do its work")
    ready = _with(conditions, ConditionType.READY, error, done=done, generation=generation, now=now)
    if error is None:
        return ready
    stalled = stalled_reason(Reason(error.reason))
    return set_condition(
        ready,
        ConditionType.STALLED if stalled else ConditionType.RECONCILING,
        "True",
        reason=stalled or Reason.PROGRESSING_WITH_RETRY,
        message=error.message,
        generation=generation,
        now=now,
    )

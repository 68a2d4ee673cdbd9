"""What became of each stage of a run: values between acting and reporting."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from appdb.api.reasons import ConditionType, Reason
from appdb.errors import AppDBError


class Stage(StrEnum):
    """The stages of an AppDatabase in the order in which a person should look at them."""

    SERVER = "server"
    DATABASE = "database"
    CREDENTIALS = "credentials"
    SOURCE = "source"
    SCHEMA = "schema"

    @property
    def condition(self) -> ConditionType:
        """The condition that tells of this stage."""
        return _CONDITIONS[self]


_CONDITIONS = {
    Stage.SERVER: ConditionType.SERVER_REACHABLE,
    Stage.DATABASE: ConditionType.DATABASE_READY,
    Stage.CREDENTIALS: ConditionType.CREDENTIALS_READY,
    Stage.SOURCE: ConditionType.SOURCE_READY,
    Stage.SCHEMA: ConditionType.SCHEMA_SYNCED,
}


@dataclass(frozen=True, slots=True)
class Done:
    """The stage is as it should be."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The stage could not be brought to where it should be."""

    error: AppDBError


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Nobody looked: what was last said still stands."""


@dataclass(frozen=True, slots=True)
class Waits:
    """The stage was not tried because an earlier one failed; what was last said stands."""

    on: Stage


@dataclass(frozen=True, slots=True)
class Absent:
    """The stage does not apply: its condition is not shown."""


Result: TypeAlias = Done | Failed | Unchanged | Waits | Absent

"""What a step of a plan can do to an application: its class and its hazards.

Pure names; which change carries which is decided by the recipes, what may run by the policy.
"""

from enum import StrEnum


class StepClass(StrEnum):
    """How dangerous a step is, mildest first."""

    SAFE = "S"
    ONLINE = "O"
    BLOCKS = "W"
    COMPATIBILITY = "C"
    DESTROYS = "D"
    IMPOSSIBLE = "X"

    @property
    def rank(self) -> int:
        """The place in the order, 0 for the mildest."""
        return list(StepClass).index(self)


class Hazard(StrEnum):
    """What the policy decides about, by the words of `spec.schema.allow`."""

    REWRITE = "rewrite"
    NARROW = "narrow"
    DROP_COLUMN = "dropColumn"
    DROP_TABLE = "dropTable"
    DROP_CONSTRAINT = "dropConstraint"
    ENUM_REMOVE = "enumRemove"
    COMPATIBILITY = "compatibility"
    RENAME = "rename"


class Lock(StrEnum):
    """The strongest lock that a step takes on a table that is in use."""

    NONE = "none"
    SHARE_UPDATE_EXCLUSIVE = "SHARE UPDATE EXCLUSIVE"
    SHARE = "SHARE"
    SHARE_ROW_EXCLUSIVE = "SHARE ROW EXCLUSIVE"
    ACCESS_EXCLUSIVE = "ACCESS EXCLUSIVE"
    ROW = "ROW EXCLUSIVE"


class Pace(StrEnum):
    """How long a step may wait and work.

    brief: short lock wait, retried, seconds of work; long: short lock wait, retried, up to
    `maxStepDuration` of work; online: blocks nobody, so it may wait as long as it works.
    """

    BRIEF = "brief"
    LONG = "long"
    ONLINE = "online"


class Phase(StrEnum):
    """Where in a plan a unit of work stands; the order of the members is the order of work."""

    DEBRIS = "debris"
    LABELS = "labels"
    RENAMES = "renames"
    TYPES = "types"
    SEQUENCES = "sequences"
    RULE_DROPS = "ruleDrops"
    TABLES = "tables"
    COLUMNS = "columns"
    INDEXES = "indexes"
    RULES = "rules"
    REFERENCES = "references"
    INDEX_DROPS = "indexDrops"
    COLUMN_DROPS = "columnDrops"
    TABLE_DROPS = "tableDrops"
    SEQUENCE_DROPS = "sequenceDrops"
    TYPE_DROPS = "typeDrops"
    COMMENTS = "comments"


PHASES = tuple(Phase)

"""A DDL statement as a value: the text, what it makes, and the source line it serves.

Values only; the text is made by the one printer in the source layer or taken from a
plain SQL source, and run one statement per call.
"""

from enum import IntEnum

from appdb.model.finding import Evidence
from appdb.model.value import value


class DdlKind(IntEnum):
    """What a statement makes; the order is the order in which statements load."""

    EXTENSION = 1
    NAMESPACE = 2
    TYPE = 3
    SEQUENCE = 4
    TABLE = 5
    INDEX = 6
    CONSTRAINT = 7
    COMMENT = 8
    VIEW = 9


@value(frozen=True, slots=True, kw_only=True)
class DdlStatement:
    """One statement without the final semicolon.

    `schema` and `name` are those of the object made (for a constraint: the constraint),
    `table` the table that an index, constraint or comment belongs to.
    """

    kind: DdlKind
    sql: str
    name: str
    evidence: Evidence | None = None
    schema: str | None = None
    table: str | None = None

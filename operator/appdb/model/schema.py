"""The schema that a source declares: what its own ORM would create.

Values only, no behaviour. Names are as they will stand in the catalog, unquoted;
expressions and defaults are SQL text. `schema=None` means the database's default
schema (`public`). Every value carries the evidence it was read from.
"""

from dataclasses import dataclass
from enum import StrEnum

from appdb.model.finding import Evidence
from appdb.model.types import PgType
from appdb.model.value import value


class Identity(StrEnum):
    """GENERATED ... AS IDENTITY."""

    ALWAYS = "ALWAYS"
    BY_DEFAULT = "BY DEFAULT"


class Action(StrEnum):
    """What a foreign key does when the row it points to goes or changes."""

    NO_ACTION = "NO ACTION"
    RESTRICT = "RESTRICT"
    CASCADE = "CASCADE"
    SET_NULL = "SET NULL"
    SET_DEFAULT = "SET DEFAULT"


class Deferrable(StrEnum):
    """When a deferrable constraint is checked unless the session says otherwise."""

    IMMEDIATE = "INITIALLY IMMEDIATE"
    DEFERRED = "INITIALLY DEFERRED"


@value(frozen=True, slots=True, kw_only=True)
class Column:
    """`default` and `generated` are SQL expressions; `source_name` is the name in the code.

    `identity_options` is the text in the parentheses of an identity: `START WITH 100`.
    """

    name: str
    type: PgType
    nullable: bool
    evidence: Evidence
    default: str | None = None
    identity: Identity | None = None
    identity_options: str = ""
    generated: str | None = None
    collation: str | None = None
    comment: str | None = None
    source_name: str | None = None


@value(frozen=True, slots=True, kw_only=True)
class PrimaryKey:
    name: str | None
    columns: tuple[str, ...]
    evidence: Evidence
    deferrable: Deferrable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unique:
    """A UNIQUE constraint; an ORM that makes a unique index instead yields an `Index`."""

    name: str | None
    columns: tuple[str, ...]
    evidence: Evidence
    nulls_not_distinct: bool = False
    deferrable: Deferrable | None = None


@value(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    name: str | None
    columns: tuple[str, ...]
    table: str
    referenced: tuple[str, ...]
    evidence: Evidence
    schema: str | None = None
    on_delete: Action = Action.NO_ACTION
    on_update: Action = Action.NO_ACTION
    deferrable: Deferrable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    name: str | None
    expression: str
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """`definition` is the text after EXCLUDE: `USING gist (room WITH =, during WITH &&)`."""

    name: str | None
    definition: str
    evidence: Evidence


@value(frozen=True, slots=True, kw_only=True)
class IndexKey:
    """One part of an index: a column, or, with `expression`, SQL text that is parenthesized."""

    column: str | None = None
    expression: str | None = None
    descending: bool = False
    nulls_first: bool | None = None
    opclass: str | None = None
    collation: str | None = None


@value(frozen=True, slots=True, kw_only=True)
class Index:
    name: str | None
    keys: tuple[IndexKey, ...]
    evidence: Evidence
    unique: bool = False
    method: str = "btree"
    where: str | None = None
    include: tuple[str, ...] = ()
    nulls_not_distinct: bool = False
    storage: tuple[tuple[str, str], ...] = ()


@value(frozen=True, slots=True, kw_only=True)
class Table:
    """`framework` names the front end that read it (`prisma`); `source_name` the model's name."""

    name: str
    columns: tuple[Column, ...]
    evidence: Evidence
    framework: str
    schema: str | None = None
    primary_key: PrimaryKey | None = None
    uniques: tuple[Unique, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[Check, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    indexes: tuple[Index, ...] = ()
    comment: str | None = None
    source_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enum:
    name: str
    labels: tuple[str, ...]
    evidence: Evidence
    schema: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """`options` is the text after the name: `AS integer START 100 INCREMENT 5`."""

    name: str
    evidence: Evidence
    schema: str | None = None
    options: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    name: str
    evidence: Evidence
    schema: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """A Postgres schema that must exist beside `public`."""

    name: str
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """`query` is the SELECT as written, without a semicolon."""

    name: str
    query: str
    evidence: Evidence
    schema: str | None = None
    materialized: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """Everything that one source declares, in the order in which it is declared."""

    extensions: tuple[Extension, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    enums: tuple[Enum, ...] = ()
    sequences: tuple[Sequence, ...] = ()
    tables: tuple[Table, ...] = ()
    views: tuple[View, ...] = ()

    @property
    def column_count(self) -> int:
        """Columns of all tables."""
        return sum(len(table.columns) for table in self.tables)

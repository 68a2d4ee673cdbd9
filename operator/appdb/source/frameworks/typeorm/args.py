"""What decorators and schemas say, one value per statement: TypeORM's own metadata arguments.

Values only, in the order in which TypeORM itself would have registered them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from appdb.model.finding import Span
from appdb.source.evaluate.values import ClassValue, Value

# A class, or the name of an entity schema.
Target = ClassValue | str


class Mode(StrEnum):
    """What kind of column a decorator makes."""

    REGULAR = "regular"
    VIRTUAL = "virtual"
    VIRTUAL_PROPERTY = "virtual-property"
    CREATE_DATE = "createDate"
    UPDATE_DATE = "updateDate"
    DELETE_DATE = "deleteDate"
    VERSION = "version"
    TREE_LEVEL = "treeLevel"


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlDefault:
    """`default: () => "now()"`: SQL text, taken as it is."""

    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnOptions:
    """The options that matter in the database.

    `type` is a word of the driver, or `js:` and a constructor's name (`js:String`).
    `default` is None when there is none; `nullable` None when it was not said;
    `is_assumed` where one of them could not be read.
    """

    name: str | None = None
    type: str | None = None
    length: str | None = None
    precision: int | None = None
    scale: int | None = None
    collation: str | None = None
    primary: bool = False
    nullable: bool | None = None
    unique: bool = False
    comment: str | None = None
    default: Value | SqlDefault | None = None
    enum: tuple[str, ...] | None = None
    enum_name: str | None = None
    primary_key_name: str | None = None
    foreign_key_name: str | None = None
    as_expression: str | None = None
    generated_type: str | None = None
    identity: str | None = None
    generated: str | None = None
    array: bool = False
    spatial_type: str | None = None
    srid: int | None = None
    is_assumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnArgs:
    target: Target
    name: str
    mode: Mode
    options: ColumnOptions
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedArgs:
    """`prefix` is True for the property's name, a text, or False for none."""

    target: Target
    name: str
    type: Target
    prefix: str | bool
    span: Span


class RelationKind(StrEnum):
    ONE_TO_ONE = "one-to-one"
    ONE_TO_MANY = "one-to-many"
    MANY_TO_ONE = "many-to-one"
    MANY_TO_MANY = "many-to-many"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationArgs:
    """`inverse` is the path of the property on the other side, if it was named."""

    target: Target
    name: str
    kind: RelationKind
    type: Target
    span: Span
    inverse: str | None = None
    nullable: bool = True
    on_delete: str | None = None
    on_update: str | None = None
    deferrable: str | None = None
    constrained: bool = True
    is_tree_parent: bool = False
    is_tree_children: bool = False
    is_assumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinColumnArgs:
    target: Target
    property: str
    name: str | None = None
    referenced: str | None = None
    constraint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinTableArgs:
    target: Target
    property: str
    name: str | None = None
    schema: str | None = None
    join_columns: tuple[JoinColumnArgs, ...] | None = None
    inverse_columns: tuple[JoinColumnArgs, ...] | None = None
    synchronize: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexArgs:
    """`columns` are property paths."""

    target: Target
    columns: tuple[str, ...]
    span: Span
    name: str | None = None
    unique: bool = False
    where: str | None = None
    method: str | None = None
    synchronize: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class UniqueArgs:
    target: Target
    columns: tuple[str, ...]
    span: Span
    name: str | None = None
    deferrable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleArgs:
    """A check or an exclusion constraint."""

    target: Target
    expression: str
    span: Span
    name: str | None = None
    deferrable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKeyArgs:
    """A foreign key without a relation."""

    target: Target
    type: Target
    span: Span
    columns: tuple[str, ...] = ()
    referenced: tuple[str, ...] = ()
    name: str | None = None
    on_delete: str | None = None
    on_update: str | None = None
    deferrable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeArgs:
    """A tree and, for a closure table, how its table and columns are named."""

    target: Target
    kind: str
    closure_table: str | None = None
    ancestor: Value | None = None
    descendant: Value | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InheritanceArgs:
    target: Target
    column: ColumnOptions | None


class TableKind(StrEnum):
    REGULAR = "regular"
    CHILD = "entity-child"
    VIEW = "view"
    JUNCTION = "junction"
    CLOSURE_JUNCTION = "closure-junction"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableArgs:
    """`query` and what follows it are for views."""

    target: Target
    kind: TableKind
    span: Span
    name: str | None = None
    schema: str | None = None
    comment: str | None = None
    synchronize: bool = True
    query: str | None = None
    materialized: bool = False
    needs: tuple[Target, ...] = ()


class _Targeted(Protocol):
    @property
    def target(self) -> Target: ...


A = TypeVar("A", bound=_Targeted)


class Registry(Generic[A]):
    """Arguments of one kind in the order of their registration, found by target."""

    def __init__(self) -> None:
        self._all: list[A] = []
        self._by_target: dict[Target, list[int]] = {}

    def append(self, args: A) -> None:
        """Register arguments behind all others."""
        self._by_target.setdefault(args.target, []).append(len(self._all))
        self._all.append(args)

    def replace(self, old: A, new: A) -> None:
        """Put other arguments of the same target in the place of some."""
        for position in self._by_target.get(old.target, ()):
            if self._all[position] is old:
                self._all[position] = new

    def of(self, targets: Iterable[Target]) -> list[A]:
        """Return the arguments of targets, in the order of their registration."""
        positions = [p for target in set(targets) for p in self._by_target.get(target, ())]
        return [self._all[position] for position in sorted(positions)]

    def __iter__(self) -> Iterator[A]:
        return iter(self._all)


@dataclass(slots=True, kw_only=True)
class Storage:
    """Everything that was registered, in order: TypeORM's metadata arguments storage.

    `incomplete` are the classes of which something could not be read.
    """

    tables: list[TableArgs] = field(default_factory=list)
    columns: Registry[ColumnArgs] = field(default_factory=Registry)
    embeddeds: Registry[EmbeddedArgs] = field(default_factory=Registry)
    relations: Registry[RelationArgs] = field(default_factory=Registry)
    join_columns: Registry[JoinColumnArgs] = field(default_factory=Registry)
    join_tables: Registry[JoinTableArgs] = field(default_factory=Registry)
    indices: Registry[IndexArgs] = field(default_factory=Registry)
    uniques: Registry[UniqueArgs] = field(default_factory=Registry)
    checks: Registry[RuleArgs] = field(default_factory=Registry)
    exclusions: Registry[RuleArgs] = field(default_factory=Registry)
    foreign_keys: Registry[ForeignKeyArgs] = field(default_factory=Registry)
    trees: Registry[TreeArgs] = field(default_factory=Registry)
    inheritances: Registry[InheritanceArgs] = field(default_factory=Registry)
    generations: list[tuple[Target, str, str]] = field(default_factory=list)
    incomplete: set[Target] = field(default_factory=set)

"""A database's schema as one immutable value, in Postgres' own spelling.

Values only. Definitions are the text that Postgres deparses with an empty search path,
so two equal catalogs mean the same schema. What does not change the meaning (position,
size, volatility, who depends on what) is carried but never compared.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple, TypeAlias

from appdb.model.identifiers import qualified, quoted


class Kind(StrEnum):
    """What a key names."""

    NAMESPACE = "schema"
    EXTENSION = "extension"
    ENUM = "enum"
    DOMAIN = "domain"
    COMPOSITE = "composite"
    SEQUENCE = "sequence"
    TABLE = "table"
    COLUMN = "column"
    CONSTRAINT = "constraint"
    INDEX = "index"
    # Only of the ledger and of plans: a catalog holds its triggers of ours as `syncs`.
    TRIGGER = "trigger"

    # Every fingerprint spells thousands of them; this one is spelled in C.
    __repr__ = str.__repr__


class Key(NamedTuple):
    """Where an object stands; `parent` is the table of a column, constraint or index."""

    kind: Kind
    schema: str
    parent: str
    name: str

    @property
    def table(self) -> "Key":
        """The key of the table that this belongs to, or of the table itself."""
        return table_key(self.schema, self.parent or self.name)

    @property
    def relation(self) -> str:
        """The quoted name of the table that this belongs to, or of the object itself."""
        return qualified(self.schema, self.parent or self.name)

    @property
    def quoted(self) -> str:
        """The quoted own name, with the schema for what stands in one."""
        if self.kind in _UNQUALIFIED:
            return quoted(self.name)
        return qualified(self.schema, self.name)

    def __str__(self) -> str:
        """The name for people: `users.email`, `billing.users`."""
        parts = [self.parent, self.name] if self.parent else [self.name]
        return ".".join(parts if self.schema in {"", "public"} else [self.schema, *parts])


_UNQUALIFIED = {Kind.COLUMN, Kind.CONSTRAINT, Kind.NAMESPACE, Kind.EXTENSION, Kind.TRIGGER}


def table_key(schema: str, name: str) -> Key:
    """Return the key of a table."""
    return Key(Kind.TABLE, schema, "", name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """A schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """An installed extension and the schema that its objects stand in."""

    schema: str
    version: str = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumType:
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainCheck:
    name: str
    definition: str
    is_valid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainType:
    base: str
    collation: str | None
    default: str | None
    not_null: bool
    checks: tuple[DomainCheck, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositeType:
    """`attributes` are pairs of name and type in their order, which is not compared.

    ALTER TYPE can only append.
    """

    attributes: tuple[tuple[str, str], ...] = field(compare=False)
    compared: tuple[tuple[str, str], ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "compared", tuple(sorted(self.attributes)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """What a sequence counts with."""

    type: str
    start: int
    increment: int
    minimum: int
    maximum: int
    cache: int
    cycles: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """A sequence of its own or of a serial column (`owner`); not one of an identity."""

    counter: Counter
    owner: Key | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`options` are storage parameters as `name=value`, sorted."""

    is_unlogged: bool = False
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    `base` is the declared type that stands behind `type` (also of an array), `identity`
    is `ALWAYS`, `BY DEFAULT` or empty, `generated` is `STORED`, `VIRTUAL` or empty;
    `default` is then the expression. `uses` are the columns that the expression reads.
    `unvalidated` names a NOT NULL constraint (18) that was never validated: until it is,
    `not_null` is False.
    """

    type: str
    base: Key | None
    not_null: bool
    default: str | None
    identity: str
    counter: Counter | None
    generated: str
    collation: str | None
    position: int = field(compare=False)
    uses: tuple[str, ...] = field(default=(), compare=False)
    is_volatile: bool = field(default=False, compare=False)
    unvalidated: str | None = field(default=None, compare=False)
    has_checked_domain: bool = field(default=False, compare=False)


class Rule(StrEnum):
    """The kinds of constraints, by pg_constraint.contype."""

    PRIMARY_KEY = "p"
    UNIQUE = "u"
    FOREIGN_KEY = "f"
    CHECK = "c"
    EXCLUSION = "x"

    __repr__ = str.__repr__


NOT_ENFORCED = " NOT ENFORCED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """`definition` without NOT VALID; `index` is the definition of the index behind it."""

    rule: Rule
    definition: str
    columns: tuple[str, ...]
    is_valid: bool = True
    target: Key | None = None
    target_columns: tuple[str, ...] = ()
    index: str | None = None
    options: tuple[str, ...] = ()
    is_deferrable: bool = False

    @property
    def is_enforced(self) -> bool:
        """False for a rule that Postgres only keeps in mind (18)."""
        return not self.definition.endswith(NOT_ENFORCED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """`definition` starts at USING; `uses` are all columns it reads, in any place."""

    definition: str
    is_unique: bool
    columns: tuple[str, ...]
    is_valid: bool = True
    is_plain: bool = True
    uses: tuple[str, ...] = field(default=(), compare=False)


Record: TypeAlias = (
    Namespace
    | Extension
    | EnumType
    | DomainType
    | CompositeType
    | Sequence
    | Table
    | Column
    | Constraint
    | Index
)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Stranger:
    """Something that is seen and never touched: a view, a function, a trigger, a policy."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """A trigger of ours that keeps two columns in step while one takes the other's place.

    Trigger and function share `name`; `schema` is the function's. `table` is None when no
    trigger uses the function. `old` and `new` are the columns as they were made; one that is
    not `enabled` keeps nothing.
    """

    name: str
    schema: str
    table: Key | None
    old: str = ""
    new: str = ""
    is_enabled: bool = True

    @property
    def key(self) -> Key:
        """The trigger's key, or the lone function's."""
        if self.table is None:
            return Key(Kind.TRIGGER, self.schema, "", self.name)
        return Key(Kind.TRIGGER, self.table.schema, self.table.name, self.name)

    @property
    def columns(self) -> tuple[Key, ...]:
        """The columns that it keeps in step, the old one first."""
        if self.table is None:
            return ()
        place = (Kind.COLUMN, self.table.schema, self.table.name)
        return tuple(Key(*place, name) for name in (self.old, self.new))


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """All objects of a database. `dependents` names what would break with a column or table.

    `taken` are names of NOT NULL constraints (18) that say another column than the one they
    are on, as after a rename; such constraints are no objects of their own.
    """

    objects: Mapping[Key, Record]
    comments: Mapping[Key, str] = field(default_factory=dict)
    strangers: tuple[Stranger, ...] = ()
    dependents: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)
    version: int = 18
    syncs: tuple[Sync, ...] = ()
    taken: frozenset[Key] = frozenset()

    @cached_property
    def fingerprint(self) -> str:
        """`sha256:<hex>` over every object and comment, whatever their order."""
        digest = hashlib.sha256()
        for key in sorted(self.objects):
            digest.update(repr((*key, comparable(self.objects[key]))).encode())
        for key in sorted(self.comments):
            digest.update(repr((tuple(key), self.comments[key])).encode())
        for sync in self.syncs:
            digest.update(repr(sync).encode())
        return f"sha256:{digest.hexdigest()}"

    @cached_property
    def _children(self) -> Mapping[Key, tuple[Key, ...]]:
        found: dict[Key, list[Key]] = {}
        for key in self.objects:
            if key.parent:
                found.setdefault(key.table, []).append(key)
        return {table: tuple(keys) for table, keys in found.items()}

    @property
    def is_empty(self) -> bool:
        """True when nothing stands here but schemas and extensions."""
        return all(key.kind in {Kind.NAMESPACE, Kind.EXTENSION} for key in self.objects)

    @cached_property
    def _by_kind(self) -> Mapping[Kind, tuple[Key, ...]]:
        found: dict[Kind, list[Key]] = {}
        for key in self.objects:
            found.setdefault(key.kind, []).append(key)
        return {kind: tuple(keys) for kind, keys in found.items()}

    @cached_property
    def _owned(self) -> Mapping[Key, tuple[tuple[Key, Sequence], ...]]:
        found: dict[Key, list[tuple[Key, Sequence]]] = {}
        for key in self.keys(Kind.SEQUENCE):
            record = self.objects[key]
            if isinstance(record, Sequence) and record.owner is not None:
                found.setdefault(record.owner.table, []).append((key, record))
        return {table: tuple(pairs) for table, pairs in found.items()}

    def keys(self, kind: Kind) -> Iterator[Key]:
        """Yield the keys of one kind in the catalog's order."""
        return iter(self._by_kind.get(kind, ()))

    def sequences_of(self, table: Key) -> tuple[tuple[Key, Sequence], ...]:
        """Return the sequences that belong to columns of a table."""
        return self._owned.get(table, ())

    def children(self, table: Key) -> tuple[Key, ...]:
        """Return the keys of a table's columns, constraints and indexes."""
        return self._children.get(table, ())

    def columns(self, table: Key) -> dict[str, Column]:
        """Return a table's columns by name, in their order."""
        found = {
            key.name: record
            for key in self.children(table)
            if isinstance(record := self.objects[key], Column)
        }
        return dict(sorted(found.items(), key=lambda item: item[1].position))

    def constraints(self, table: Key) -> dict[Key, Constraint]:
        """Return a table's constraints."""
        return {
            key: record
            for key in self.children(table)
            if isinstance(record := self.objects[key], Constraint)
        }

    def indexes(self, table: Key) -> dict[Key, Index]:
        """Return a table's indexes that stand behind no constraint."""
        return {
            key: record
            for key in self.children(table)
            if isinstance(record := self.objects[key], Index)
        }

    def column(self, key: Key) -> Column | None:
        """Return a column, or None."""
        record = self.objects.get(key)
        return record if isinstance(record, Column) else None

    def primary_key(self, table: Key) -> tuple[str, ...]:
        """Return the columns of a table's primary key, or nothing."""
        for record in self.constraints(table).values():
            if record.rule is Rule.PRIMARY_KEY:
                return record.columns
        return ()

    def sync_of(self, column: Key) -> Sync | None:
        """Return what keeps a column in step with another one, if anything does."""
        return next((s for s in self.syncs if column in s.columns), None)

    def only(self, wanted: Iterable[Key]) -> "Catalog":
        """Return the part of the catalog with these keys."""
        keep = set(wanted)
        return Catalog(
            objects={key: record for key, record in self.objects.items() if key in keep},
            comments={key: text for key, text in self.comments.items() if key in keep},
            strangers=self.strangers,
            dependents=self.dependents,
            version=self.version,
            syncs=tuple(s for s in self.syncs if s.table in keep),
            taken=self.taken,
        )


_COMPARED: dict[type, Callable[[Record], tuple[object, ...]]] = {}


def comparable(record: Record) -> tuple[object, ...]:
    """Return the fields of a record that carry meaning, as a tuple."""
    kind = type(record)
    fields = _COMPARED.get(kind)
    if fields is None:
        names = [name for name, f in kind.__dataclass_fields__.items() if f.compare]
        # The class twice makes it a tuple for any number of fields.
        fields = _COMPARED[kind] = attrgetter("__class__.__name__", "__class__.__name__", *names)
    return fields(record)[1:]

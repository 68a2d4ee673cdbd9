"""A Prisma schema as understood: models with columns and relations, enums with labels.

Values between the syntax and the database's schema. Names here are resolved, rules about
keys, indexes and foreign keys are not applied yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from appdb.model.schema import Action
from appdb.model.types import PgType
from appdb.model.value import value
from appdb.source.frameworks.prisma.syntax import Arity, Block, Field
from appdb.source.frameworks.prisma.text import SourceText


@dataclass(frozen=True, slots=True)
class EnumDeclaration:
    """`labels` maps each value's name in the code to its label in the database."""

    name: str
    type: PgType
    labels: Mapping[str, str]
    source: SourceText
    at: int


@value(frozen=True, slots=True)
class Scalar:
    """A field that becomes a column.

    `kind` is the scalar's name, the enum's, or `Unsupported`; `type` is the column's type as
    other tables refer to it, `column_type` the one its own table declares (`serial`), `labels`
    those of an enum.
    """

    field: Field
    column: str
    kind: str
    type: PgType
    column_type: PgType
    default: str | None
    labels: frozenset[str] = frozenset()

    @property
    def arity(self) -> Arity:
        return self.field.arity


@value(frozen=True, slots=True)
class Relation:
    """A field that points to another model; `fields` only on the side that holds the key."""

    field: Field
    target: str
    name: str | None
    fields: tuple[str, ...]
    references: tuple[str, ...]
    on_delete: Action | None
    on_update: Action | None
    constraint: str | None
    is_ignored: bool

    @property
    def is_list(self) -> bool:
        return self.field.arity is Arity.LIST


End: TypeAlias = tuple[str, str | None]


@dataclass(slots=True)
class Model:
    """A model or view; `is_broken` when a finding says why it has no table.

    `relations` are in their order, `ends` the same by the other model and the relation's name.
    """

    name: str
    table: str
    schema: str | None
    block: Block
    scalars: dict[str, Scalar] = field(default_factory=dict)
    relations: dict[str, Relation] = field(default_factory=dict)
    ends: dict[End, list[Relation]] = field(default_factory=dict)
    is_broken: bool = False

    @property
    def source(self) -> SourceText:
        return self.block.source

    @property
    def is_view(self) -> bool:
        return self.block.kind == "view"

    def add(self, relation: Relation) -> None:
        """Take one more relation."""
        self.relations[relation.field.name] = relation
        self.ends.setdefault((relation.target, relation.name), []).append(relation)

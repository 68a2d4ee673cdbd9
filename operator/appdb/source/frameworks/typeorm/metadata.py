"""Entities as TypeORM builds them from the arguments: columns, relations, keys by reference.

Mutable on purpose, like the original: a relation changes the type of a column that another
declaration made. The state lives for one extraction only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from appdb.model.finding import Span
from appdb.source.evaluate.values import Value
from appdb.source.frameworks.typeorm.args import (
    ColumnArgs,
    IndexArgs,
    Mode,
    RelationArgs,
    RelationKind,
    RuleArgs,
    SqlDefault,
    TableArgs,
    TableKind,
    Target,
    TreeArgs,
    UniqueArgs,
)
from appdb.source.frameworks.typeorm.naming import NamingStrategy


@dataclass(slots=True, kw_only=True, eq=False)
class Embedded:
    """An embedded class inside an entity, or inside another embedded class."""

    name: str
    prefix: str | bool
    parent: "Embedded | None" = None
    columns: list["ColumnData"] = field(default_factory=list)
    relations: list["Relation"] = field(default_factory=list)
    indices: list["IndexData"] = field(default_factory=list)
    uniques: list["UniqueData"] = field(default_factory=list)
    embeddeds: list["Embedded"] = field(default_factory=list)

    @property
    def prefixes(self) -> list[str]:
        above = self.parent.prefixes if self.parent else []
        if self.prefix is True:
            return [*above, self.name]
        return [*above, self.prefix] if self.prefix else above

    @property
    def path(self) -> str:
        return f"{self.parent.path}.{self.name}" if self.parent else self.name

    def tree(self) -> list["Embedded"]:
        """This one and all inside it, outer first."""
        return [self, *(inner for embedded in self.embeddeds for inner in embedded.tree())]


@dataclass(slots=True, kw_only=True, eq=False)
class ColumnData:
    """A column while it is being built; see `ColumnOptions` for the fields' meaning."""

    entity: "Entity"
    name: str
    span: Span
    rule: str
    target: Target | None = None
    embedded: Embedded | None = None
    given: str | None = None
    type: str | None = None
    length: str | None = None
    precision: int | None = None
    scale: int | None = None
    collation: str | None = None
    comment: str | None = None
    primary: bool = False
    nullable: bool = False
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
    is_virtual: bool = False
    is_virtual_property: bool = False
    is_discriminator: bool = False
    is_tree_level: bool = False
    referenced: "ColumnData | None" = None
    database_name: str = ""

    def build(self, naming: NamingStrategy) -> None:
        """Derive the name in the database."""
        prefixes = self.embedded.prefixes if self.embedded else []
        self.database_name = naming.column_name(self.name, self.given, prefixes)

    def bare_name(self, naming: NamingStrategy) -> str:
        return naming.column_name(self.name, self.given, [])

    @property
    def path(self) -> str:
        path = f"{self.embedded.path}.{self.name}" if self.embedded else self.name
        other = self.referenced
        if self.is_virtual and other and self.entity.kind is not TableKind.JUNCTION:
            return path if other.name == self.name else f"{path}.{other.name}"
        return path


@dataclass(slots=True, kw_only=True, eq=False)
class Relation:
    """A relation seen from one side."""

    entity: "Entity"
    args: RelationArgs
    type: Target
    embedded: Embedded | None = None
    other: "Entity | None" = None
    inverse: "Relation | None" = None
    join_columns: list[ColumnData] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.args.name

    @property
    def path(self) -> str:
        return f"{self.embedded.path}.{self.name}" if self.embedded else self.name

    @property
    def has_join_column(self) -> bool:
        kind = self.args.kind
        return kind is RelationKind.MANY_TO_ONE or (
            kind is RelationKind.ONE_TO_ONE and bool(self.join_columns)
        )


@dataclass(slots=True, kw_only=True, eq=False)
class IndexData:
    """An index: by property paths of its arguments, or by columns that are known already."""

    args: IndexArgs
    embedded: Embedded | None = None
    columns: Sequence[ColumnData] | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class UniqueData:
    args: UniqueArgs
    embedded: Embedded | None = None
    columns: Sequence[ColumnData] | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class KeyData:
    """A foreign key."""

    columns: list[ColumnData]
    other: "Entity"
    referenced: list[ColumnData]
    span: Span
    given: str | None = None
    on_delete: str | None = None
    on_update: str | None = None
    deferrable: str | None = None
    is_assumed: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Entity:
    """One entity, or a join table that a relation makes.

    `is_assumed` where something of its classes could not be read.
    """

    args: TableArgs
    target_name: str
    tree: tuple[Target, ...] = ()
    kind: TableKind = TableKind.REGULAR
    is_sti: bool = False
    tree_args: TreeArgs | None = None
    parent: "Entity | None" = None
    children: list["Entity"] = field(default_factory=list)
    own_columns: list[ColumnData] = field(default_factory=list)
    own_relations: list[Relation] = field(default_factory=list)
    own_indices: list[IndexData] = field(default_factory=list)
    own_uniques: list[UniqueData] = field(default_factory=list)
    embeddeds: list[Embedded] = field(default_factory=list)
    foreign_keys: list[KeyData] = field(default_factory=list)
    checks: list[RuleArgs] = field(default_factory=list)
    exclusions: list[RuleArgs] = field(default_factory=list)
    schema: str | None = None
    bare_table: str = ""
    table: str = ""
    is_assumed: bool = False

    def all_embeddeds(self) -> list[Embedded]:
        return [inner for embedded in self.embeddeds for inner in embedded.tree()]

    @property
    def columns(self) -> list[ColumnData]:
        """Own columns, then those of embedded classes, as TypeORM orders them."""
        inner = (column for embedded in self.all_embeddeds() for column in embedded.columns)
        return [*self.own_columns, *inner]

    @property
    def relations(self) -> list[Relation]:
        inner = (relation for embedded in self.all_embeddeds() for relation in embedded.relations)
        return [*self.own_relations, *inner]

    @property
    def indices(self) -> list[IndexData]:
        inner = (index for embedded in self.all_embeddeds() for index in embedded.indices)
        return [*self.own_indices, *inner]

    @property
    def uniques(self) -> list[UniqueData]:
        inner = (unique for embedded in self.all_embeddeds() for unique in embedded.uniques)
        return [*self.own_uniques, *inner]

    @property
    def primary_columns(self) -> list[ColumnData]:
        return [column for column in self.columns if column.primary]

    def register(self, column: ColumnData) -> None:
        """Add a join column; entities of the same table see it too."""
        if column not in self.own_columns:
            self.own_columns.append(column)
            for child in self.children:
                child.register(column)


def column_of(entity: Entity, args: ColumnArgs, embedded: Embedded | None = None) -> ColumnData:
    """Make a column from its arguments, with what its mode adds."""
    options = args.options
    column = ColumnData(
        entity=entity,
        name=args.name,
        span=args.span,
        rule="typeorm.column",
        target=args.target,
        embedded=embedded,
        given=options.name or None,
        type=options.type,
        length=options.length or None,
        precision=options.precision,
        scale=options.scale,
        collation=options.collation,
        comment=options.comment,
        primary=options.primary,
        nullable=bool(options.nullable),
        default=options.default,
        enum=options.enum,
        enum_name=options.enum_name,
        primary_key_name=options.primary_key_name,
        foreign_key_name=options.foreign_key_name,
        as_expression=options.as_expression,
        generated_type=options.generated_type,
        identity=options.identity,
        array=options.array,
        spatial_type=options.spatial_type,
        srid=options.srid,
        is_assumed=options.is_assumed,
        is_virtual=args.mode is Mode.VIRTUAL,
        is_virtual_property=args.mode is Mode.VIRTUAL_PROPERTY,
    )
    _apply_mode(column, args.mode)
    return column


def _apply_mode(column: ColumnData, mode: Mode) -> None:
    match mode:
        case Mode.CREATE_DATE | Mode.UPDATE_DATE:
            column.type = column.type or "timestamp"
            column.default = column.default or SqlDefault(sql="now()")
        case Mode.DELETE_DATE:
            column.type = column.type or "timestamp"
            column.nullable = True
        case Mode.VERSION:
            column.type = "int4"
        case Mode.TREE_LEVEL:
            column.type = "int4"
            column.is_tree_level = True
        case Mode.REGULAR | Mode.VIRTUAL | Mode.VIRTUAL_PROPERTY:
            pass

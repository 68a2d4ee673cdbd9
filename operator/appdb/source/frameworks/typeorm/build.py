"""Builds entities from the arguments, step by step as TypeORM's EntityMetadataBuilder does.

The order of the steps is the order of the original; names, nullability and types come out of
it. What TypeORM would refuse is reported and left out, so that the rest still stands.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from appdb.source.evaluate.values import ClassValue, Literal
from appdb.source.frameworks.typeorm.args import (
    ColumnArgs,
    ColumnOptions,
    EmbeddedArgs,
    IndexArgs,
    Mode,
    RelationArgs,
    RelationKind,
    Storage,
    TableArgs,
    TableKind,
    Target,
)
from appdb.source.frameworks.typeorm.joins import Joins
from appdb.source.frameworks.typeorm.metadata import (
    ColumnData,
    Embedded,
    Entity,
    IndexData,
    KeyData,
    Relation,
    UniqueData,
    column_of,
)
from appdb.source.frameworks.typeorm.naming import NamingStrategy
from appdb.source.frameworks.typeorm.read import Reader
from appdb.source.frameworks.typeorm.report import Report

MAX_EMBEDDED_DEPTH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a data source says about all entities. `major` is TypeORM's own version."""

    naming: NamingStrategy
    schema: str | None = None
    prefix: str | None = None
    major: int = 0
    uuid_function: str = "uuid_generate_v4()"
    uuid_extension: str = "uuid-ossp"
    is_postgres: bool = True


def build(reader: Reader, settings: Settings) -> list[Entity]:
    """Return the entities and join tables, in TypeORM's order."""
    return _Builder(reader, settings).build()


class _Builder:
    def __init__(self, reader: Reader, settings: Settings) -> None:
        self.reader = reader
        self.storage: Storage = reader.storage
        self.report: Report = reader.report
        self.settings = settings
        self.entities: list[Entity] = []
        self.child_targets: set[Target] = set()
        self.others: dict[Target, Entity] = {}

    def build(self) -> list[Entity]:
        self.entities = [self._entity(args) for args in self.storage.tables]
        self.child_targets = {e.args.target for e in self.entities if e.kind is TableKind.CHILD}
        for entity in self.entities:
            self._find_parent(entity)
        regular = [e for e in self.entities if e.kind is not TableKind.CHILD]
        children = [e for e in self.entities if e.kind is TableKind.CHILD and e.parent]
        for entity in [*regular, *children]:
            self._name(entity)
        for entity in [*regular, *children]:
            self._fill(entity)
        for entity in [*regular, *children]:
            self._build_columns(entity)
        for entity in [*regular, *children]:
            self._link(entity)
        # TypeORM does this last; earlier, a key that refers to a uuid gets its type.
        self._generate(regular)
        made = self._join_all(regular)
        for entity in made:
            self._name_junction(entity)
        for entity in regular:
            self._index_discriminator(entity)
            self._foreign_keys(entity)
        return [*regular, *made]

    def _join_all(self, regular: list[Entity]) -> list[Entity]:
        joins = Joins(self.storage, self.settings.naming, self.report, self.settings.major)
        made: list[Entity] = []
        for entity in regular:
            self._join(joins, entity, made)
        for entity in regular:
            closure = joins.closure(entity, self.reader.evaluator)
            if closure is not None:
                made.append(closure)
        return made

    def _entity(self, args: TableArgs) -> Entity:
        target = args.target
        tree: tuple[Target, ...] = (target,)
        if isinstance(target, ClassValue):
            tree = self.reader.tree(target)
        is_sti = bool(self.storage.inheritances.of([target]))
        if is_sti or args.kind is TableKind.CHILD:
            tree = (*tree, *self._children_of(target))
        tree_args = next(iter(self.storage.trees.of([target])), None)
        return Entity(
            args=args,
            target_name=target.decl.name if isinstance(target, ClassValue) else target,
            tree=tree,
            kind=args.kind,
            is_sti=is_sti,
            tree_args=tree_args,
            is_assumed=not self.storage.incomplete.isdisjoint(tree),
        )

    def _children_of(self, target: Target) -> list[Target]:
        return [
            table.target
            for table in self.storage.tables
            if table.kind is TableKind.CHILD
            and isinstance(table.target, ClassValue)
            and table.target != target
            and target in self.reader.tree(table.target)
        ]

    def _find_parent(self, entity: Entity) -> None:
        if entity.kind is not TableKind.CHILD:
            return
        target = entity.args.target
        for other in self.entities:
            if other.is_sti and target in other.tree:
                entity.parent = other
                other.children.append(entity)
                return
        message = f"{entity.target_name} is a child entity, but no parent has @TableInheritance"
        self.report.add("INHERITANCE", message, entity.args.span)

    def _name(self, entity: Entity) -> None:
        settings, parent = self.settings, entity.parent
        source = parent if parent is not None else entity
        entity.schema = entity.args.schema or (parent.schema if parent else settings.schema)
        naming = settings.naming
        entity.bare_table = naming.table_name(source.target_name, source.args.name)
        entity.table = self._prefixed(entity.bare_table)

    def _prefixed(self, table: str) -> str:
        prefix = self.settings.prefix
        return self.settings.naming.prefix_table_name(prefix, table) if prefix else table

    def _name_junction(self, entity: Entity) -> None:
        entity.schema = entity.schema or self.settings.schema
        entity.table = self._prefixed(entity.bare_table)

    # Columns, relations, keys

    def _fill(self, entity: Entity) -> None:
        if entity.parent is not None:
            self._fill_child(entity, entity.parent)
            return
        entity.embeddeds = self._embeddeds(entity, entity.tree, None)
        if entity.is_sti:
            for embedded in entity.embeddeds:
                for column in embedded.columns:
                    column.nullable = True
        for args in self._columns(entity.tree):
            column = column_of(entity, self._overridden(entity, args))
            if args.target in self.child_targets:
                column.nullable = True
            entity.own_columns.append(column)
        self._discriminator(entity)
        self._tree_columns(entity)
        entity.own_relations = [
            Relation(entity=entity, args=args, type=args.type)
            for args in self._relations(entity.tree)
        ]
        tree = entity.tree
        entity.checks = self.storage.checks.of(tree)
        entity.exclusions = self.storage.exclusions.of(tree)
        entity.own_indices = [IndexData(args=i) for i in self.storage.indices.of(tree)]
        entity.own_uniques = [UniqueData(args=u) for u in self.storage.uniques.of(tree)]

    def _fill_child(self, entity: Entity, parent: Entity) -> None:
        """A child shares the columns and relations of its parent."""
        names = {args.name for args in self._columns(entity.tree)}
        entity.own_columns = [
            column
            for column in parent.own_columns
            if column.name in names or column.is_discriminator
        ]
        entity.own_relations = [
            relation
            for args in self._relations(entity.tree)
            for relation in parent.own_relations
            if relation.name == args.name
        ]
        entity.embeddeds = parent.embeddeds

    def _overridden(self, entity: Entity, args: ColumnArgs) -> ColumnArgs:
        """A class may give a default of its own to a column of its base.

        TypeORM writes it into the base's arguments, so entities that come later inherit it.
        """
        own = entity.args.target
        if args.target == own or entity.kind is not TableKind.REGULAR:
            return args
        columns = self.storage.columns
        child = next((c for c in columns.of([own]) if c.name == args.name), None)
        if child is None or child.options.default is None:
            return args
        changed = replace(args, options=replace(args.options, default=child.options.default))
        columns.replace(args, changed)
        return changed

    def _columns(self, tree: Iterable[Target]) -> list[ColumnArgs]:
        found: dict[str, ColumnArgs] = {}
        for args in self.storage.columns.of(tree):
            found.setdefault(args.name, args)
        return list(found.values())

    def _relations(self, tree: tuple[Target, ...]) -> list[RelationArgs]:
        """Relations by name; a class nearer to the entity may narrow the type of its base's."""
        found: dict[str, RelationArgs] = {}
        for args in self.storage.relations.of(tree):
            known = found.get(args.name)
            if known is None:
                found[args.name] = args
            elif tree.index(args.target) < tree.index(known.target):
                found[args.name] = replace(known, type=args.type)
        return list(found.values())

    def _embeddeds(
        self, entity: Entity, tree: tuple[Target, ...], parent: Embedded | None
    ) -> list[Embedded]:
        if parent is not None and parent.path.count(".") > MAX_EMBEDDED_DEPTH:
            message = f"{entity.target_name}.{parent.path} is embedded in itself"
            self.report.add("EMBEDDED", message, entity.args.span)
            return []
        found: list[Embedded] = []
        seen: set[tuple[str | bool, str]] = set()
        for args in self.storage.embeddeds.of(tree):
            if (args.prefix, args.name) not in seen:
                seen.add((args.prefix, args.name))
                found.append(self._embedded(entity, args, parent))
        return found

    def _embedded(self, entity: Entity, args: EmbeddedArgs, parent: Embedded | None) -> Embedded:
        embedded = Embedded(name=args.name, prefix=args.prefix, parent=parent)
        tree: tuple[Target, ...] = (args.type,)
        if isinstance(args.type, ClassValue):
            tree = self.reader.tree(args.type)
        entity.is_assumed |= not self.storage.incomplete.isdisjoint(tree)
        embedded.columns = [column_of(entity, c, embedded) for c in self._columns(tree)]
        embedded.relations = [
            Relation(entity=entity, args=r, type=r.type, embedded=embedded)
            for r in self._relations(tree)
        ]
        embedded.indices = [
            IndexData(args=i, embedded=embedded) for i in self.storage.indices.of(tree)
        ]
        embedded.uniques = [
            UniqueData(args=u, embedded=embedded) for u in self.storage.uniques.of(tree)
        ]
        embedded.embeddeds = self._embeddeds(entity, tree, embedded)
        return embedded

    def _discriminator(self, entity: Entity) -> None:
        for inheritance in self.storage.inheritances.of([entity.args.target]):
            if inheritance.column is None:
                continue
            name = inheritance.column.name or "type"
            known = next((c for c in entity.own_columns if c.name == name), None)
            if known is None:
                options = inheritance.column
                known = self._virtual(entity, name, options, "typeorm.discriminator")
                entity.own_columns.append(known)
            known.is_discriminator = True

    def _virtual(self, entity: Entity, name: str, options: ColumnOptions, rule: str) -> ColumnData:
        args = ColumnArgs(
            target=entity.args.target,
            name=name,
            mode=Mode.VIRTUAL,
            options=options,
            span=entity.args.span,
        )
        column = column_of(entity, args)
        column.rule = rule
        # TypeORM's own type for a discriminator that was only named.
        column.type = column.type or "varchar"
        return column

    def _tree_columns(self, entity: Entity) -> None:
        kind = entity.tree_args.kind if entity.tree_args else None
        naming, span = self.settings.naming, entity.args.span
        if kind == "materialized-path":
            options = ColumnOptions(
                name=naming.materialized_path,
                type="js:String",
                nullable=True,
                default=Literal(value="", span=span),
            )
            entity.own_columns.append(self._virtual(entity, "mpath", options, "typeorm.tree"))
        if kind == "nested-set":
            for number, name in enumerate(naming.nested_set, start=1):
                options = ColumnOptions(
                    name=name, type="js:Number", default=Literal(value=number, span=span)
                )
                entity.own_columns.append(self._virtual(entity, name, options, "typeorm.tree"))

    def _build_columns(self, entity: Entity) -> None:
        for column in entity.columns:
            column.build(self.settings.naming)

    # Relations

    def _link(self, entity: Entity) -> None:
        """Find the entity and the relation on the other side; drop relations that lead nowhere."""
        for relation in entity.relations:
            relation.other = self._other(relation.type)
            if relation.other is None:
                name = (
                    relation.type.decl.name
                    if isinstance(relation.type, ClassValue)
                    else relation.type
                )
                message = (
                    f"{entity.target_name}.{relation.path} relates to {name}, "
                    "which is no entity of the source"
                )
                self.report.add("RELATION", message, relation.args.span)
        entity.own_relations = [r for r in entity.own_relations if r.other is not None]
        for embedded in entity.all_embeddeds():
            embedded.relations = [r for r in embedded.relations if r.other is not None]
        for relation in entity.relations:
            path = self._inverse_path(entity, relation)
            other = relation.other
            if path and other is not None:
                relation.inverse = next((r for r in other.relations if r.path == path), None)

    def _other(self, wanted: Target) -> Entity | None:
        if not self.others:
            for entity in self.entities:
                if entity.kind is TableKind.CHILD and entity.parent is None:
                    continue
                names = (entity.args.target, entity.target_name, entity.args.name)
                for name in names:
                    if name is not None:
                        self.others.setdefault(name, entity)
        return self.others.get(wanted)

    def _inverse_path(self, entity: Entity, relation: Relation) -> str | None:
        if relation.args.inverse:
            return relation.args.inverse
        for mine, theirs in (
            ("is_tree_parent", "is_tree_children"),
            ("is_tree_children", "is_tree_parent"),
        ):
            if getattr(relation.args, mine):
                return next((r.name for r in entity.relations if getattr(r.args, theirs)), None)
        return None

    def _join(self, joins: Joins, entity: Entity, made: list[Entity]) -> None:
        for relation in entity.relations:
            if relation.args.kind in {RelationKind.ONE_TO_ONE, RelationKind.MANY_TO_ONE}:
                joins.join_columns(entity, relation)
        for relation in entity.relations:
            if relation.args.kind is RelationKind.MANY_TO_MANY:
                junction = joins.junction(entity, relation)
                if junction is not None:
                    made.append(junction)

    def _index_discriminator(self, entity: Entity) -> None:
        column = next((c for c in entity.own_columns if c.is_discriminator), None)
        if not entity.is_sti or column is None:
            return
        if entity.embeddeds and any(c.generated for c in entity.columns):
            return  # TypeORM makes the index, and loses it when it rebuilds such an entity.
        for index in entity.own_indices:
            if index.args.columns == (column.database_name,):
                return
        args = IndexArgs(target=entity.args.target, columns=(column.name,), span=entity.args.span)
        entity.own_indices.append(IndexData(args=args, columns=[column]))

    def _foreign_keys(self, entity: Entity) -> None:
        """Foreign keys that were declared without a relation."""
        for args in self.storage.foreign_keys.of(entity.tree):
            other = self._other(args.type)
            columns = [_by_name(entity, name) for name in args.columns]
            referenced = [_by_name(other, name) for name in args.referenced] if other else []
            if other is not None and not args.referenced:
                referenced = list(other.primary_columns)
            own = [c for c in columns if c is not None]
            theirs = [c for c in referenced if c is not None]
            if other is None or len(own) != len(columns) or len(theirs) != len(referenced):
                message = f"a foreign key of {entity.target_name} names what is not there"
                self.report.add("FOREIGN_KEY", message, args.span)
                continue
            entity.foreign_keys.append(
                KeyData(
                    columns=own,
                    other=other,
                    referenced=theirs,
                    span=args.span,
                    given=args.name,
                    on_delete=args.on_delete,
                    on_update=args.on_update,
                    deferrable=args.deferrable,
                )
            )

    def _generate(self, entities: list[Entity]) -> None:
        """Mark generated columns, which TypeORM does last."""
        strategies: dict[tuple[Target, str], str] = {}
        for target, name, given in self.storage.generations:
            strategies.setdefault((target, name), given)
        for entity in entities:
            for column in entity.columns:
                key = (column.target, column.name) if column.target is not None else None
                strategy = strategies.get(key) if key is not None else None
                if strategy is None:
                    continue
                column.generated = strategy
                if strategy == "uuid":
                    column.type = "uuid"
                elif strategy == "rowid":
                    column.type = "int"
                else:
                    column.type = column.type or "js:Number"


def _by_name(entity: Entity, name: str) -> ColumnData | None:
    return next((c for c in entity.columns if name in {c.name, c.database_name}), None)

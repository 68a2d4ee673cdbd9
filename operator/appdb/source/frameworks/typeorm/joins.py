"""Join columns, join tables and closure tables: TypeORM's RelationJoinColumnBuilder and kin."""

from collections.abc import Callable, Sequence

from appdb.source.evaluate.evaluator import Evaluator
from appdb.source.evaluate.values import Literal, ObjectValue, Undefined, Value, to_text
from appdb.source.frameworks.typeorm.args import (
    IndexArgs,
    JoinColumnArgs,
    JoinTableArgs,
    RelationKind,
    Storage,
    TableArgs,
    TableKind,
    UniqueArgs,
)
from appdb.source.frameworks.typeorm.metadata import (
    ColumnData,
    Entity,
    IndexData,
    KeyData,
    Relation,
    UniqueData,
)
from appdb.source.frameworks.typeorm.naming import NamingStrategy, shorten
from appdb.source.frameworks.typeorm.report import Report

_COPIED = ("type", "length", "precision", "scale", "collation", "enum", "enum_name")


class Joins:
    """Builds what joins entities; `major` is TypeORM's version, whose actions changed in 1."""

    def __init__(
        self, storage: Storage, naming: NamingStrategy, report: Report, major: int
    ) -> None:
        self.storage = storage
        self.naming = naming
        self.report = report
        self.major = major

    # Many-to-one and the owning side of one-to-one

    def join_columns(self, entity: Entity, relation: Relation) -> None:
        """Make or find the columns of a relation, its foreign key and its unique constraint."""
        given = [
            args
            for args in self.storage.join_columns.of([relation.args.target])
            if args.property == relation.name
        ]
        referenced = self._referenced(entity, relation, given)
        if referenced is None or relation.other is None:
            return
        columns = [self._column(entity, relation, given, column) for column in referenced]
        relation.join_columns = columns
        if not columns or not relation.args.constrained:
            return
        entity.foreign_keys.append(
            KeyData(
                columns=columns,
                other=relation.other,
                referenced=referenced,
                span=relation.args.span,
                given=given[0].constraint if given else None,
                on_delete=relation.args.on_delete,
                on_update=relation.args.on_update,
                deferrable=relation.args.deferrable,
                is_assumed=relation.args.is_assumed,
            )
        )
        is_one = relation.args.kind is RelationKind.ONE_TO_ONE
        if is_one and not all(column.primary for column in columns):
            self._relation_unique(entity, relation, columns)

    def _relation_unique(
        self, entity: Entity, relation: Relation, columns: Sequence[ColumnData]
    ) -> None:
        names = [column.database_name for column in columns]
        args = UniqueArgs(
            target=entity.args.target,
            columns=(),
            span=relation.args.span,
            name=self.naming.relation_unique_name(entity.table, names),
        )
        entity.own_uniques.append(UniqueData(args=args, columns=columns))

    def _referenced(
        self, entity: Entity, relation: Relation, given: list[JoinColumnArgs]
    ) -> list[ColumnData] | None:
        other = relation.other
        if other is None:
            return None
        if not any(args.referenced for args in given):
            needed = given or relation.args.kind is RelationKind.MANY_TO_ONE
            return list(other.primary_columns) if needed else []
        return self._by_property(entity, relation, given, other)

    def _by_property(
        self, entity: Entity, relation: Relation, given: Sequence[JoinColumnArgs], other: Entity
    ) -> list[ColumnData] | None:
        found: list[ColumnData] = []
        for args in given:
            column = next((c for c in other.own_columns if c.name == args.referenced), None)
            if column is None:
                message = (
                    f"{entity.target_name}.{relation.path} refers to {args.referenced} of "
                    f"{other.target_name}, which is not there; it is left out"
                )
                self.report.add("RELATION", message, relation.args.span)
                return None
            found.append(column)
        if self.major >= 1 and len(found) > 1:
            order = {id(column): n for n, column in enumerate(other.primary_columns)}
            found.sort(key=lambda column: order.get(id(column), len(order)))
        return found

    def _column(
        self,
        entity: Entity,
        relation: Relation,
        given: list[JoinColumnArgs],
        referenced: ColumnData,
    ) -> ColumnData:
        name = _given_name(given, referenced) or self.naming.join_column_name(
            relation.name, referenced.name
        )
        own = relation.embedded.columns if relation.embedded else entity.own_columns
        column = next((c for c in own if c.bare_name(self.naming) == name), None)
        if column is None:
            column = self._copy(entity, relation.name, name, referenced)
            column.span, column.rule = relation.args.span, "typeorm.join-column"
            column.comment = referenced.comment
            column.embedded = relation.embedded
            column.nullable = relation.args.nullable
            column.is_assumed = relation.args.is_assumed
            entity.register(column)
        elif column.referenced is not None:
            return column  # Another relation decided its type already.
        column.referenced = referenced
        # A relation imposes the type of what it refers to on a column that was declared.
        column.type = referenced.type
        column.build(self.naming)
        return column

    def _copy(self, entity: Entity, prop: str, name: str, referenced: ColumnData) -> ColumnData:
        copied = {key: getattr(referenced, key) for key in _COPIED}
        return ColumnData(
            entity=entity,
            name=prop,
            span=entity.args.span,
            rule="typeorm.join-table",
            given=name,
            is_virtual=True,
            referenced=referenced,
            **copied,
        )

    # Many-to-many

    def junction(self, entity: Entity, relation: Relation) -> Entity | None:
        """Make the join table of the owning side; None on the other side."""
        table = next(
            (
                t
                for t in self.storage.join_tables.of([relation.args.target])
                if t.property == relation.name
            ),
            None,
        )
        other = relation.other
        if table is None or other is None:
            return None
        near = self._junction_side(entity, relation, table.join_columns, entity)
        far = self._junction_side(entity, relation, table.inverse_columns, other)
        if not near or not far:
            message = f"{entity.target_name}.{relation.path}: a side of the join table has no key"
            self.report.add("RELATION", message, relation.args.span)
            return None
        junction = self._junction_table(entity, relation, table)
        naming = self.naming
        own = self._junction_columns(
            junction, near, table.join_columns, _named_by(naming.join_table_column_name, entity)
        )
        theirs = self._junction_columns(
            junction,
            far,
            table.inverse_columns,
            _named_by(naming.join_table_inverse_column_name, other),
        )
        self._part_names(own, theirs)
        junction.own_columns = [*own, *theirs]
        for column in junction.own_columns:
            column.span = relation.args.span
            column.build(naming)
        self._junction_keys(junction, relation, table, ((own, near), (theirs, far)))
        junction.own_indices = [self._index(junction, own), self._index(junction, theirs)]
        return junction

    def _junction_side(
        self,
        entity: Entity,
        relation: Relation,
        given: tuple[JoinColumnArgs, ...] | None,
        side: Entity,
    ) -> list[ColumnData] | None:
        if not given or not any(args.referenced for args in given):
            return list(side.primary_columns)
        return self._by_property(entity, relation, given, side)

    def _junction_table(self, entity: Entity, relation: Relation, table: JoinTableArgs) -> Entity:
        other = relation.other or entity
        inverse = relation.inverse.name if relation.inverse else ""
        name = table.name or self.naming.join_table_name(
            entity.bare_table, other.bare_table, relation.path, inverse
        )
        args = TableArgs(
            target=name,
            kind=TableKind.JUNCTION,
            span=relation.args.span,
            name=name,
            synchronize=table.synchronize,
        )
        junction = Entity(args=args, target_name="", kind=TableKind.JUNCTION)
        junction.schema = table.schema or entity.schema
        bare = self.naming.table_name("", name)
        junction.bare_table = shorten(bare) if len(bare) > 63 else bare
        return junction

    def _junction_columns(
        self,
        junction: Entity,
        referenced: list[ColumnData],
        given: tuple[JoinColumnArgs, ...] | None,
        derive: Callable[[ColumnData], str],
    ) -> list[ColumnData]:
        """Make one side's columns of a join table, named as given or as derived."""
        made: list[ColumnData] = []
        for column in referenced:
            name = _given_name(given or (), column) or derive(column)
            copy = self._copy(junction, name, name, column)
            copy.primary = True
            made.append(copy)
        return made

    def _part_names(self, own: list[ColumnData], theirs: list[ColumnData]) -> None:
        """Number the columns that have the same name on both sides."""
        for mine in own:
            for other in theirs:
                if mine.given == other.given:
                    mine.name = mine.given = self.naming.duplicate_column_name(mine.name, 1)
                    other.name = other.given = self.naming.duplicate_column_name(other.name, 2)

    def _junction_keys(
        self,
        junction: Entity,
        relation: Relation,
        table: JoinTableArgs,
        sides: tuple[tuple[list[ColumnData], list[ColumnData]], ...],
    ) -> None:
        if not relation.args.constrained or relation.other is None:
            return
        inverse, args = relation.inverse, relation.args
        # Before 1, the far side took the inverse's actions, and none when it gave none.
        fallback = "CASCADE" if self.major >= 1 or inverse is None else None
        far = inverse.args if inverse else None
        actions = (
            (args.on_delete or "CASCADE", args.on_update or "CASCADE", args.deferrable),
            (
                (far.on_delete if far else None) or fallback,
                (far.on_update if far else None) or fallback,
                far.deferrable if far else args.deferrable,
            ),
        )
        names = (table.join_columns, table.inverse_columns)
        for (columns, referenced), other, given, (delete, update, deferrable) in zip(
            sides, (relation.entity, relation.other), names, actions, strict=True
        ):
            junction.foreign_keys.append(
                KeyData(
                    columns=columns,
                    other=other,
                    referenced=referenced,
                    span=args.span,
                    given=given[0].constraint if given else None,
                    on_delete=delete,
                    on_update=update,
                    deferrable=deferrable if self.major >= 1 else None,
                )
            )

    def _index(self, junction: Entity, columns: list[ColumnData]) -> IndexData:
        args = IndexArgs(target=junction.args.target, columns=(), span=junction.args.span)
        return IndexData(args=args, columns=columns)

    # Closure tables

    def closure(self, entity: Entity, evaluator: Evaluator) -> Entity | None:
        """Make the table of ancestors and descendants of a closure tree."""
        tree = entity.tree_args
        if tree is None or tree.kind != "closure-table":
            return None
        args = TableArgs(
            target=f"{entity.target_name}#closure",
            kind=TableKind.CLOSURE_JUNCTION,
            span=entity.args.span,
            synchronize=entity.args.synchronize,
        )
        closure = Entity(args=args, target_name="", kind=TableKind.CLOSURE_JUNCTION)
        closure.schema = entity.schema
        closure.bare_table = self.naming.closure_table_name(tree.closure_table or entity.bare_table)
        for primary in entity.primary_columns:
            for end, callback in (("ancestor", tree.ancestor), ("descendant", tree.descendant)):
                name = _called(evaluator, callback, primary) or f"{primary.name}_{end}"
                column = self._copy(closure, name, name, primary)
                column.enum = column.enum_name = None
                column.given, column.primary, column.rule = None, True, "typeorm.closure"
                column.build(self.naming)
                closure.own_columns.append(column)
        ends = closure.own_columns[:2]
        closure.own_indices = [self._index(closure, [column]) for column in ends]
        self._level(entity, closure)
        if len(entity.primary_columns) == 1:
            for column in ends:
                closure.foreign_keys.append(
                    KeyData(
                        columns=[column],
                        other=entity,
                        referenced=list(entity.primary_columns),
                        span=entity.args.span,
                        on_delete="CASCADE",
                    )
                )
        return closure

    def _level(self, entity: Entity, closure: Entity) -> None:
        if any(column.is_tree_level for column in entity.columns):
            level = ColumnData(
                entity=closure,
                name="level",
                span=entity.args.span,
                rule="typeorm.closure",
                type="int4",
                is_virtual=True,
            )
            level.build(self.naming)
            closure.own_columns.append(level)


def _named_by(
    rule: Callable[[str, str, str | None], str], side: Entity
) -> Callable[[ColumnData], str]:
    return lambda column: rule(side.bare_table, column.name, column.database_name)


def _given_name(given: Sequence[JoinColumnArgs], referenced: ColumnData) -> str | None:
    for args in given:
        if args.name and (not args.referenced or args.referenced == referenced.name):
            return args.name
    return None


def _called(evaluator: Evaluator, callback: Value | None, column: ColumnData) -> str | None:
    """Call a callback that names a closure table's column."""
    if callback is None or isinstance(callback, Undefined):
        return None
    span = callback.span
    names = {
        "propertyName": column.name,
        "databaseName": column.database_name,
        "givenDatabaseName": column.given or "",
        "propertyPath": column.path,
    }
    described = ObjectValue(
        entries={key: Literal(value=name, span=span) for key, name in names.items()}, span=span
    )
    return to_text(evaluator.call(callback, (described,), span))

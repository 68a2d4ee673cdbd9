"""`new EntitySchema({...})`: the same arguments as decorators make, from one object."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from appdb.source.evaluate.values import (
    Call,
    ClassValue,
    FunctionValue,
    ListValue,
    ObjectValue,
    Unknown,
    Value,
    truth,
)
from appdb.source.frameworks.typeorm.args import (
    ColumnArgs,
    ColumnOptions,
    EmbeddedArgs,
    ForeignKeyArgs,
    IndexArgs,
    InheritanceArgs,
    Mode,
    RelationArgs,
    RelationKind,
    RuleArgs,
    Storage,
    TableArgs,
    TableKind,
    Target,
    TreeArgs,
    UniqueArgs,
)
from appdb.source.frameworks.typeorm.context import (
    called_with_paths,
    path_of,
    property_paths,
    string,
)
from appdb.source.frameworks.typeorm.options import Options, Unreadable, read_column
from appdb.source.frameworks.typeorm.relation_decorators import join_column_args, join_table_args

if TYPE_CHECKING:
    from appdb.source.frameworks.typeorm.read import Reader

_MODES = (
    ("createDate", Mode.CREATE_DATE),
    ("updateDate", Mode.UPDATE_DATE),
    ("deleteDate", Mode.DELETE_DATE),
    ("version", Mode.VERSION),
    ("treeLevel", Mode.TREE_LEVEL),
    ("virtualProperty", Mode.VIRTUAL_PROPERTY),
)
_RELATIONS = {kind.value: kind for kind in RelationKind}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Schema:
    reader: "Reader"
    options: Options
    target: Target
    name: str
    value: ObjectValue

    @property
    def storage(self) -> Storage:
        return self.reader.storage


_Part = Callable[[_Schema, str, Value], None]


def read_schema(reader: "Reader", call: Call) -> None:
    """Register everything that an entity schema declares."""
    value = call.arguments[0] if call.arguments else None
    if not isinstance(value, ObjectValue):
        reason = value.reason if isinstance(value, Unknown) else "it has no options"
        reader.report.unknown("an entity schema", Unknown(reason=reason, span=call.span))
        return
    try:
        _read(reader, value)
    except Unreadable:
        reader.report.add("LEFT_OUT", "an entity schema is left out", call.span)


def _read(reader: "Reader", value: ObjectValue) -> None:
    options = Options(value, "an entity schema", reader.report)
    given = options.get("target")
    name = options.text("name") or (given.decl.name if isinstance(given, ClassValue) else None)
    if name is None:
        raise Unreadable
    target: Target = given if isinstance(given, ClassValue) else name
    schema = _Schema(reader=reader, options=options, target=target, name=name, value=value)
    kind = {"view": TableKind.VIEW, "entity-child": TableKind.CHILD}.get(
        options.text("type") or "", TableKind.REGULAR
    )
    reader.storage.tables.append(
        TableArgs(
            target=target,
            kind=kind,
            span=value.span,
            name=options.text("tableName"),
            schema=options.text("schema"),
            query=options.text("expression"),
            materialized=options.flag("materialized"),
            synchronize=options.maybe("synchronize") is not False,
        )
    )
    _inheritance(schema)
    _parts(schema)


def _inheritance(schema: _Schema) -> None:
    given = schema.options.get("inheritance")
    if not isinstance(given, ObjectValue):
        return
    column = given.get("column")
    options: ColumnOptions | None = None
    if isinstance(column, ObjectValue):
        options = _column_options(schema, column, schema.name)
    elif string(column):
        options = ColumnOptions(name=string(column))
    schema.storage.inheritances.append(InheritanceArgs(target=schema.target, column=options))


def _parts(schema: _Schema) -> None:
    for name, value in _members(schema, "columns"):
        _left_out(schema, name, _column, value)
    for name, value in _members(schema, "relations"):
        _left_out(schema, name, _relation, value)
    for name, value in _members(schema, "embeddeds"):
        _left_out(schema, name, _embedded, value)
    for value in _items(schema, "indices"):
        _left_out(schema, "an index", _index, value)
    for value in _items(schema, "uniques"):
        _left_out(schema, "a unique constraint", _unique, value)
    for value in _items(schema, "foreignKeys"):
        _left_out(schema, "a foreign key", _foreign_key, value)
    _rules(schema)


def _rules(schema: _Schema) -> None:
    for key, rules in (
        ("checks", schema.storage.checks),
        ("exclusions", schema.storage.exclusions),
    ):
        for value in _items(schema, key):
            rule = _rule(schema, value)
            if rule is not None:
                rules.append(rule)
    for value in _items(schema, "trees"):
        _tree(schema, value)


def _left_out(schema: _Schema, name: str, read: _Part, value: Value) -> None:
    try:
        read(schema, name, value)
    except Unreadable:
        message = f"{schema.name}: {name} is left out"
        schema.reader.report.add("LEFT_OUT", message, value.span)


def _members(schema: _Schema, key: str) -> Iterator[tuple[str, Value]]:
    value = schema.options.get(key)
    if isinstance(value, ObjectValue):
        if value.unknown is not None:
            schema.reader.report.unknown(f"a part of {key} of {schema.name}", value.unknown)
        yield from value.entries.items()


def _items(schema: _Schema, key: str) -> Iterator[Value]:
    value = schema.options.get(key)
    if isinstance(value, ListValue):
        yield from value.items


def _column_options(schema: _Schema, value: Value, name: str) -> ColumnOptions:
    what = f"{schema.name}.{name}"
    return read_column(schema.reader.evaluator, value, what, schema.reader.report)


def _column(schema: _Schema, name: str, value: Value) -> None:
    options = _column_options(schema, value, name)
    entries = Options(value, f"{schema.name}.{name}", schema.reader.report)
    mode = Mode.REGULAR
    for key, candidate in _MODES:
        if entries.flag(key):
            mode = candidate
    if not options.type and mode is Mode.REGULAR:
        message = f"the column {schema.name}.{name} has no type"
        schema.reader.report.add("TYPE", message, value.span)
        raise Unreadable
    schema.storage.columns.append(
        ColumnArgs(target=schema.target, name=name, mode=mode, options=options, span=value.span)
    )
    if options.generated:
        schema.storage.generations.append((schema.target, name, options.generated))
    if options.unique:
        schema.storage.uniques.append(
            UniqueArgs(target=schema.target, columns=(name,), span=value.span)
        )
    foreign = entries.get("foreignKey")
    if isinstance(foreign, ObjectValue):
        _foreign_key(schema, name, foreign)


def _other(schema: _Schema, value: Value | None) -> Target:
    if isinstance(value, FunctionValue):
        value = schema.reader.evaluator.call(value, (), value.span)
    if isinstance(value, ClassValue):
        return value
    if isinstance(value, Call) and value.arguments:
        value = value.arguments[0]
    if isinstance(value, ObjectValue):
        value = value.get("name")
    name = string(value)
    if name is None:
        unread = value if isinstance(value, Unknown) else None
        reason = unread.reason if unread else "no target"
        span = value.span if value is not None else schema.value.span
        schema.reader.report.unknown(
            f"what {schema.name} relates to", Unknown(reason=reason, span=span)
        )
        raise Unreadable
    return name


def _relation(schema: _Schema, name: str, value: Value) -> None:
    options = Options(value, f"{schema.name}.{name}", schema.reader.report)
    kind = _RELATIONS.get(options.text("type") or "")
    if kind is None:
        raise Unreadable
    inverse = options.get("inverseSide")
    if isinstance(inverse, FunctionValue):
        inverse = called_with_paths(schema.reader.evaluator, inverse)
    args = RelationArgs(
        target=schema.target,
        name=name,
        kind=kind,
        type=_other(schema, options.get("target")),
        span=value.span,
        inverse=path_of(inverse) if inverse is not None else None,
        nullable=options.maybe("nullable") is not False,
        on_delete=options.text("onDelete"),
        on_update=options.text("onUpdate"),
        deferrable=options.text("deferrable"),
        constrained=options.maybe("createForeignKeyConstraints") is not False,
        is_tree_parent=options.flag("treeParent"),
        is_tree_children=options.flag("treeChildren"),
    )
    schema.storage.relations.append(args)
    _joins(schema, name, options)


def _joins(schema: _Schema, name: str, options: Options) -> None:
    report = schema.reader.report
    column = options.get("joinColumn")
    if column is not None and truth(column):
        for item in column.items if isinstance(column, ListValue) else (column,):
            given = item if isinstance(item, ObjectValue) else None
            schema.storage.join_columns.append(join_column_args(schema.target, name, given, report))
    table = options.get("joinTable")
    if table is not None and truth(table):
        given = table if isinstance(table, ObjectValue) else None
        schema.storage.join_tables.append(join_table_args(schema.target, name, given, report))


def _embedded(schema: _Schema, name: str, value: Value) -> None:
    options = Options(value, f"{schema.name}.{name}", schema.reader.report)
    inner = options.get("schema")
    if not isinstance(inner, Call) or not inner.arguments:
        raise Unreadable
    given = inner.arguments[0]
    if not isinstance(given, ObjectValue):
        raise Unreadable
    own = Options(given, f"{schema.name}.{name}", schema.reader.report)
    target = own.get("target")
    inner_target: Target = (
        target if isinstance(target, ClassValue) else own.text("name") or f"{schema.name}.{name}"
    )
    prefix = options.text("prefix")
    flag = options.maybe("prefix")
    schema.storage.embeddeds.append(
        EmbeddedArgs(
            target=schema.target,
            name=name,
            type=inner_target,
            prefix=prefix if prefix is not None else flag is not False,
            span=value.span,
        )
    )
    _parts(replace(schema, options=own, target=inner_target, value=given))


def _index(schema: _Schema, name: str, value: Value) -> None:
    del name
    options = Options(value, f"an index of {schema.name}", schema.reader.report)
    method = "gist" if options.flag("spatial") else options.text("type")
    schema.storage.indices.append(
        IndexArgs(
            target=schema.target,
            columns=_paths(schema, options),
            span=value.span,
            name=options.text("name"),
            unique=options.flag("unique"),
            where=options.text("where"),
            method=method.lower() if method else None,
            synchronize=options.maybe("synchronize") is not False,
        )
    )


def _paths(schema: _Schema, options: Options) -> tuple[str, ...]:
    columns = options.get("columns")
    if columns is None:
        raise Unreadable
    return property_paths(schema.reader.evaluator, columns, options.what, options.report)


def _unique(schema: _Schema, name: str, value: Value) -> None:
    del name
    options = Options(value, f"a unique constraint of {schema.name}", schema.reader.report)
    schema.storage.uniques.append(
        UniqueArgs(
            target=schema.target,
            columns=_paths(schema, options),
            span=value.span,
            name=options.text("name"),
            deferrable=options.text("deferrable"),
        )
    )


def _foreign_key(schema: _Schema, name: str, value: Value) -> None:
    options = Options(value, f"a foreign key of {schema.name}", schema.reader.report)

    def paths(key: str) -> tuple[str, ...]:
        given = options.get(key)
        if given is None:
            return ()
        return property_paths(schema.reader.evaluator, given, options.what, options.report)

    own = paths("columnNames") or (name,)
    schema.storage.foreign_keys.append(
        ForeignKeyArgs(
            target=schema.target,
            type=_other(schema, options.get("target")),
            span=value.span,
            columns=own,
            referenced=paths("referencedColumnNames") or paths("inverseSide"),
            name=options.text("name"),
            on_delete=options.text("onDelete"),
            on_update=options.text("onUpdate"),
            deferrable=options.text("deferrable"),
        )
    )


def _rule(schema: _Schema, value: Value) -> RuleArgs | None:
    options = Options(value, f"a constraint of {schema.name}", schema.reader.report)
    expression = options.text("expression")
    if expression is None:
        return None
    return RuleArgs(
        target=schema.target,
        expression=expression,
        span=value.span,
        name=options.text("name"),
        deferrable=options.text("deferrable"),
    )


def _tree(schema: _Schema, value: Value) -> None:
    options = Options(value, f"a tree of {schema.name}", schema.reader.report)
    kind = options.text("type")
    if kind:
        schema.storage.trees.append(TreeArgs(target=schema.target, kind=kind))

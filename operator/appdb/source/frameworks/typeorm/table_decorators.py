"""Decorators of classes, and those that make indexes and constraints on either."""

from collections.abc import Callable

from appdb.model.finding import Severity
from appdb.source.evaluate.values import (
    Call,
    ClassValue,
    FunctionValue,
    ListValue,
    Literal,
    ObjectValue,
    Undefined,
    Value,
)
from appdb.source.frameworks.typeorm.args import (
    ColumnOptions,
    ForeignKeyArgs,
    IndexArgs,
    InheritanceArgs,
    RuleArgs,
    TableArgs,
    TableKind,
    TreeArgs,
    UniqueArgs,
)
from appdb.source.frameworks.typeorm.context import (
    Context,
    argument,
    called_with_paths,
    known,
    name_of,
    objects,
    path_of,
    property_paths,
    related,
    string,
)
from appdb.source.frameworks.typeorm.options import Options, read_column

Handler = Callable[[Context, Call], None]


def entity(context: Context, call: Call) -> None:
    """`@Entity(name, options)`."""
    known(call, context.what, context.report)
    options = Options(objects(call), context.what, context.report)
    name = name_of(argument(call, 0), context.what, context.report)
    _table(context, options, name or options.text("name"))


def _table(context: Context, options: Options, name: str | None) -> None:
    context.storage.tables.append(
        TableArgs(
            target=context.owner,
            kind=TableKind.REGULAR,
            span=context.owner.decl.span,
            name=name,
            schema=options.text("schema"),
            comment=options.text("comment"),
            synchronize=options.maybe("synchronize") is not False,
        )
    )


def child_entity(context: Context, call: Call) -> None:
    """`@ChildEntity()`: shares its parent's table; the discriminator's value is no DDL."""
    del call
    context.storage.tables.append(
        TableArgs(target=context.owner, kind=TableKind.CHILD, span=context.owner.decl.span)
    )


def view_entity(context: Context, call: Call) -> None:
    """`@ViewEntity(name, {expression})`: a query as text is a view, a query builder is not read."""
    known(call, context.what, context.report)
    options = Options(objects(call), context.what, context.report)
    needs = options.get("dependsOn")
    context.storage.tables.append(
        TableArgs(
            target=context.owner,
            kind=TableKind.VIEW,
            span=context.owner.decl.span,
            name=name_of(argument(call, 0), context.what, context.report) or options.text("name"),
            schema=options.text("schema"),
            synchronize=options.maybe("synchronize") is not False,
            query=options.text("expression"),
            materialized=options.flag("materialized"),
            needs=tuple(
                item
                for item in (needs.items if isinstance(needs, ListValue) else ())
                if isinstance(item, ClassValue)
            ),
        )
    )


def closure_entity(context: Context, call: Call) -> None:
    """`@ClosureEntity()` of old versions."""
    entity(context, call)
    context.storage.trees.append(TreeArgs(target=context.owner, kind="closure-table"))


def table_inheritance(context: Context, call: Call) -> None:
    """`@TableInheritance({column})`."""
    known(call, context.what, context.report)
    options = Options(objects(call), context.what, context.report)
    given = options.get("column")
    column: ColumnOptions | None = None
    if isinstance(given, ObjectValue):
        column = read_column(context.evaluator, given, context.what, context.report)
    elif given is not None:
        column = ColumnOptions(name=string(given))
    context.storage.inheritances.append(InheritanceArgs(target=context.owner, column=column))


def tree(context: Context, call: Call) -> None:
    """`@Tree('closure-table' | 'materialized-path' | 'nested-set' | 'adjacency-list')`."""
    known(call, context.what, context.report)
    kind = string(argument(call, 0)) or ""
    closure = Options(objects(call) if kind == "closure-table" else None, "a tree", context.report)
    context.storage.trees.append(
        TreeArgs(
            target=context.owner,
            kind=kind,
            closure_table=closure.text("closureTableName"),
            ancestor=closure.get("ancestorColumnName"),
            descendant=closure.get("descendantColumnName"),
        )
    )


def _parts(context: Context, call: Call) -> tuple[str | None, Value | None, Options]:
    """Part the arguments of `@Index` and `@Unique` into name, fields and options."""
    known(call, context.what, context.report)
    name = name_of(argument(call, 0), context.what, context.report)
    fields = argument(call, 1 if name is not None else 0)
    given = objects(call)
    if isinstance(fields, ObjectValue | Undefined):
        fields = None
    return name, fields, Options(given, context.what, context.report)


def _columns(context: Context, fields: Value | None) -> tuple[str, ...]:
    if context.member is not None:
        return (context.name,)
    if fields is None or isinstance(fields, Literal):
        return ()
    return property_paths(context.evaluator, fields, context.what, context.report)


def index(context: Context, call: Call) -> None:
    """`@Index(name, columns, options)` on a class or a property."""
    name, fields, options = _parts(context, call)
    synchronize = options.maybe("synchronize") is not False
    columns = _columns(context, fields)
    if not columns and synchronize:
        message = f"an index of {context.what} names no columns; it is left out"
        context.report.add("INDEX", message, context.span)
        return
    context.storage.indices.append(index_args(context, columns, name, options))


def index_args(
    context: Context, columns: tuple[str, ...], name: str | None, options: Options
) -> IndexArgs:
    """Read the options of an index."""
    method = "gist" if options.flag("spatial") else options.text("type")
    if options.flag("fulltext"):
        message = f"{context.what}: Postgres has no fulltext indexes; a plain one is made"
        context.report.add("INDEX", message, context.span, Severity.INFO)
    return IndexArgs(
        target=context.owner,
        columns=columns,
        span=context.span,
        name=name,
        unique=options.flag("unique"),
        where=options.text("where"),
        method=method.lower() if method else None,
        synchronize=options.maybe("synchronize") is not False,
    )


def unique(context: Context, call: Call) -> None:
    """`@Unique(name, columns, options)` on a class or a property."""
    name, fields, options = _parts(context, call)
    columns = _columns(context, fields)
    if not columns:
        message = f"a unique constraint of {context.what} names no columns; it is left out"
        context.report.add("UNIQUE", message, context.span)
        return
    context.storage.uniques.append(
        UniqueArgs(
            target=context.owner,
            columns=columns,
            span=context.span,
            name=name,
            deferrable=options.text("deferrable"),
        )
    )


def _rule(context: Context, call: Call) -> RuleArgs | None:
    known(call, context.what, context.report)
    first, second = string(argument(call, 0)), string(argument(call, 1))
    expression = second or first
    if not expression:
        message = f"a constraint of {context.what} has no expression; it is left out"
        context.report.add("CHECK", message, context.span)
        return None
    options = Options(objects(call), context.what, context.report)
    return RuleArgs(
        target=context.owner,
        expression=expression,
        span=context.span,
        name=first if second else None,
        deferrable=options.text("deferrable"),
    )


def check(context: Context, call: Call) -> None:
    """`@Check(name, expression)`."""
    rule = _rule(context, call)
    if rule is not None:
        context.storage.checks.append(rule)


def exclusion(context: Context, call: Call) -> None:
    """`@Exclusion(name, expression)`."""
    rule = _rule(context, call)
    if rule is not None:
        context.storage.exclusions.append(rule)


def foreign_key(context: Context, call: Call) -> None:
    """`@ForeignKey(target, columns or inverse, referenced, options)`."""
    known(call, context.what, context.report)
    second, third = argument(call, 1), argument(call, 2)
    options = Options(_last_object(call), context.what, context.report)
    columns: tuple[str, ...] = (context.name,) if context.member else ()
    referenced: tuple[str, ...] = ()
    if isinstance(second, ListValue):
        columns = property_paths(context.evaluator, second, context.what, context.report)
    elif isinstance(second, FunctionValue):
        path = path_of(called_with_paths(context.evaluator, second))
        referenced = (path,) if path else ()
    elif string(second):
        referenced = (string(second) or "",)
    if isinstance(third, ListValue):
        referenced = property_paths(context.evaluator, third, context.what, context.report)
    context.storage.foreign_keys.append(
        ForeignKeyArgs(
            target=context.owner,
            type=related(context, argument(call, 0)),
            span=context.span,
            columns=columns,
            referenced=referenced,
            name=options.text("name"),
            on_delete=options.text("onDelete"),
            on_update=options.text("onUpdate"),
            deferrable=options.text("deferrable"),
        )
    )


def _last_object(call: Call) -> ObjectValue | None:
    return next((a for a in reversed(call.arguments[1:]) if isinstance(a, ObjectValue)), None)


KEY_DECORATORS: dict[str, Handler] = {
    "Index": index,
    "Unique": unique,
    "Check": check,
    "Exclusion": exclusion,
    "ForeignKey": foreign_key,
}
CLASS_DECORATORS: dict[str, Handler] = {
    **KEY_DECORATORS,
    "Entity": entity,
    "ChildEntity": child_entity,
    "ViewEntity": view_entity,
    "ClosureEntity": closure_entity,
    "TableInheritance": table_inheritance,
    "Tree": tree,
}

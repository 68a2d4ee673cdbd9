"""Decorators that make relations and say how they are joined."""

from collections.abc import Callable
from dataclasses import replace

from appdb.source.evaluate.values import (
    Call,
    FunctionValue,
    ListValue,
    ObjectValue,
    Unknown,
    Value,
    truth,
)
from appdb.source.frameworks.typeorm.args import (
    JoinColumnArgs,
    JoinTableArgs,
    RelationArgs,
    RelationKind,
    Target,
)
from appdb.source.frameworks.typeorm.context import (
    Context,
    argument,
    called_with_paths,
    known,
    objects,
    path_of,
    related,
)
from appdb.source.frameworks.typeorm.options import Options, Unreadable
from appdb.source.frameworks.typeorm.report import Report

Handler = Callable[[Context, Call], None]


def relation_args(
    context: Context, name: str, kind: RelationKind, other: Target, options: Options
) -> RelationArgs:
    """Read what the options of a relation say about the database."""
    before = context.report.doubts
    read = RelationArgs(
        target=context.owner,
        name=name,
        kind=kind,
        type=other,
        span=context.span,
        nullable=options.maybe("nullable") is not False,
        on_delete=options.text("onDelete"),
        on_update=options.text("onUpdate"),
        deferrable=options.text("deferrable"),
        constrained=options.maybe("createForeignKeyConstraints") is not False,
    )
    return replace(read, is_assumed=context.report.doubts > before)


def _relation(kind: RelationKind) -> Handler:
    def handler(context: Context, call: Call) -> None:
        known(call, context.what, context.report)
        options = Options(_options(call), context.what, context.report)
        other = related(context, argument(call, 0))
        args = relation_args(context, context.name, kind, other, options)
        inverse = inverse_path(context, argument(call, 1))
        context.storage.relations.append(replace(args, inverse=inverse))

    return handler


def _options(call: Call) -> ObjectValue | None:
    """The options, which are never the first argument (that may be a schema)."""
    rest = call.arguments[1:]
    return next((value for value in rest if isinstance(value, ObjectValue)), None)


def inverse_path(context: Context, value: Value | None) -> str | None:
    """Return the property that `(user) => user.photos` or `'photos'` names."""
    if value is None or isinstance(value, ObjectValue):
        return None
    if isinstance(value, FunctionValue):
        value = called_with_paths(context.evaluator, value)
    path = path_of(value)
    if path is None and isinstance(value, Unknown):
        context.report.unknown(f"the inverse side of {context.what}", value)
    return path


def _tree(*, parent: bool) -> Handler:
    def handler(context: Context, call: Call) -> None:
        known(call, context.what, context.report)
        options = Options(objects(call), context.what, context.report)
        kind = RelationKind.MANY_TO_ONE if parent else RelationKind.ONE_TO_MANY
        args = relation_args(context, context.name, kind, context.owner, options)
        context.storage.relations.append(
            replace(args, is_tree_parent=parent, is_tree_children=not parent)
        )

    return handler


def join_column(context: Context, call: Call) -> None:
    """`@JoinColumn()`, with options or a list of them."""
    known(call, context.what, context.report)
    first = argument(call, 0)
    for options in first.items if isinstance(first, ListValue) else (first,):
        context.storage.join_columns.append(
            join_column_args(context.owner, context.name, options, context.report)
        )


def join_column_args(
    target: Target, name: str, value: Value | None, report: Report
) -> JoinColumnArgs:
    """Read one join column."""
    options = Options(value, name, report)
    return JoinColumnArgs(
        target=target,
        property=name,
        name=options.text("name"),
        referenced=options.text("referencedColumnName"),
        constraint=options.text("foreignKeyConstraintName"),
    )


def join_table(context: Context, call: Call) -> None:
    """`@JoinTable()`."""
    known(call, context.what, context.report)
    context.storage.join_tables.append(
        join_table_args(context.owner, context.name, objects(call), context.report)
    )


def join_table_args(
    target: Target, name: str, value: Value | None, report: Report
) -> JoinTableArgs:
    """Read a join table's options."""
    options = Options(value, name, report)

    def columns(one: str, several: str) -> tuple[JoinColumnArgs, ...] | None:
        single, many = options.get(one), options.get(several)
        if single is not None and truth(single):
            return (join_column_args(target, name, single, report),)
        if many is None:
            return None
        if not isinstance(many, ListValue):
            raise Unreadable
        return tuple(join_column_args(target, name, item, report) for item in many.items)

    return JoinTableArgs(
        target=target,
        property=name,
        name=options.text("name"),
        schema=options.text("schema"),
        join_columns=columns("joinColumn", "joinColumns"),
        inverse_columns=columns("inverseJoinColumn", "inverseJoinColumns"),
        synchronize=options.maybe("synchronize") is not False,
    )


RELATION_DECORATORS: dict[str, Handler] = {
    "OneToOne": _relation(RelationKind.ONE_TO_ONE),
    "ManyToOne": _relation(RelationKind.MANY_TO_ONE),
    "OneToMany": _relation(RelationKind.ONE_TO_MANY),
    "ManyToMany": _relation(RelationKind.MANY_TO_MANY),
    "TreeParent": _tree(parent=True),
    "TreeChildren": _tree(parent=False),
    "JoinColumn": join_column,
    "JoinTable": join_table,
}

"""Decorators that make columns."""

from collections.abc import Callable
from dataclasses import replace

from appdb.source.evaluate.values import (
    Call,
    ClassValue,
    FunctionValue,
    ListValue,
    ObjectValue,
    Unknown,
    Value,
)
from appdb.source.frameworks.typeorm.args import (
    ColumnArgs,
    ColumnOptions,
    EmbeddedArgs,
    Mode,
    UniqueArgs,
)
from appdb.source.frameworks.typeorm.context import Context, argument, known, objects, string
from appdb.source.frameworks.typeorm.options import Options, Unreadable, read_column, type_word
from appdb.source.frameworks.typeorm.reflect import reflected_type

Handler = Callable[[Context, Call], None]


def column(context: Context, call: Call) -> None:
    """`@Column(...)`: a column, or an embedded class when given a function."""
    known(call, context.what, context.report)
    first = argument(call, 0)
    if isinstance(first, FunctionValue | ClassValue):
        _embedded(context, first, objects(call))
        return
    options = _read(context, objects(call))
    word = type_word(first) if first is not None and not isinstance(first, ObjectValue) else None
    options = _typed(context, replace(options, type=word or options.type))
    if options.unique:
        _unique(context)
    _add(context, options)
    if options.generated:
        _generate(context, options.generated)


def primary_column(context: Context, call: Call) -> None:
    """`@PrimaryColumn(...)`."""
    known(call, context.what, context.report)
    options = _read(context, objects(call))
    first = argument(call, 0)
    word = type_word(first) if first is not None and not isinstance(first, ObjectValue) else None
    options = _typed(context, replace(options, type=word or options.type))
    _add(context, replace(options, primary=True, nullable=False))
    if options.generated:
        _generate(context, options.generated)


def primary_generated_column(context: Context, call: Call) -> None:
    """`@PrimaryGeneratedColumn('uuid' | 'increment' | 'identity' | 'rowid', ...)`."""
    known(call, context.what, context.report)
    strategy = string(argument(call, 0)) or "increment"
    options = _read(context, objects(call))
    default = {"uuid": "uuid", "rowid": "int"}.get(strategy, "js:Number")
    word = options.type or default
    _add(context, replace(options, primary=True, type=word))
    _generate(context, strategy)


def _special(mode: Mode) -> Handler:
    def handler(context: Context, call: Call) -> None:
        known(call, context.what, context.report)
        _add(context, _read(context, objects(call)), mode)

    return handler


def tree_level_column(context: Context, call: Call) -> None:
    """`@TreeLevelColumn()`."""
    del call
    _add(context, ColumnOptions(), Mode.TREE_LEVEL)


def generated(context: Context, call: Call) -> None:
    """`@Generated(...)` beside another column decorator."""
    known(call, context.what, context.report)
    _generate(context, string(argument(call, 0)) or "increment")


def object_id_column(context: Context, call: Call) -> None:
    """`@ObjectIdColumn()`: MongoDB has no tables to make."""
    del call
    message = f"{context.owner.decl.name} is an entity of MongoDB; no table is made"
    context.report.add("MONGODB", message, context.span)


def ignored(context: Context, call: Call) -> None:
    """A decorator without a trace in the database."""
    del context, call


def _read(context: Context, value: Value | None) -> ColumnOptions:
    return read_column(context.evaluator, value, context.what, context.report)


def _typed(context: Context, options: ColumnOptions) -> ColumnOptions:
    """Fill in the type from the TypeScript annotation when none was given."""
    if options.type:
        return options
    annotation = context.member.annotation if context.member else None
    found = reflected_type(context.evaluator, annotation, context.owner.scope)
    if found.word is None:
        message = f"the column type of {context.what} is not known: {found.reason}; give a type"
        context.report.add("TYPE", message, context.span)
        raise Unreadable
    return replace(options, type=found.word)


def _add(context: Context, options: ColumnOptions, mode: Mode = Mode.REGULAR) -> None:
    context.storage.columns.append(
        ColumnArgs(
            target=context.owner, name=context.name, mode=mode, options=options, span=context.span
        )
    )


def _generate(context: Context, strategy: str) -> None:
    context.storage.generations.append((context.owner, context.name, strategy))


def _unique(context: Context) -> None:
    context.storage.uniques.append(
        UniqueArgs(target=context.owner, columns=(context.name,), span=context.span)
    )


def _embedded(context: Context, value: Value, given: ObjectValue | None) -> None:
    if isinstance(value, FunctionValue):
        value = context.evaluator.call(value, (), value.span)
    if isinstance(value, ListValue) and len(value.items) == 1:
        value = value.items[0]
    if not isinstance(value, ClassValue):
        unread = (
            value if isinstance(value, Unknown) else Unknown(reason="no class", span=value.span)
        )
        context.report.unknown(f"the embedded class of {context.what}", unread)
        raise Unreadable
    options = Options(given, context.what, context.report)
    context.require(value)
    prefix = options.text("prefix")
    flag = options.maybe("prefix")
    context.storage.embeddeds.append(
        EmbeddedArgs(
            target=context.owner,
            name=context.name,
            type=value,
            prefix=prefix if prefix is not None else flag is not False,
            span=context.span,
        )
    )


COLUMN_DECORATORS: dict[str, Handler] = {
    "Column": column,
    "PrimaryColumn": primary_column,
    "PrimaryGeneratedColumn": primary_generated_column,
    "CreateDateColumn": _special(Mode.CREATE_DATE),
    "UpdateDateColumn": _special(Mode.UPDATE_DATE),
    "DeleteDateColumn": _special(Mode.DELETE_DATE),
    "VersionColumn": _special(Mode.VERSION),
    "TreeLevelColumn": tree_level_column,
    "Generated": generated,
    "ObjectIdColumn": object_id_column,
    "VirtualColumn": ignored,
    "ViewColumn": ignored,
    "RelationId": ignored,
    "RelationCount": ignored,
}

"""A naming strategy that the project wrote itself, read by the evaluator method by method.

A method that cannot be read is reported once and TypeORM's own is used in its place.
"""

from collections.abc import Callable, Sequence

from appdb.source.evaluate.calls import function_scope
from appdb.source.evaluate.evaluator import Evaluator
from appdb.source.evaluate.externals import PureFunction
from appdb.source.evaluate.values import (
    ClassValue,
    External,
    FunctionValue,
    ListValue,
    Literal,
    Undefined,
    Unknown,
    Value,
    to_text,
)
from appdb.source.frameworks.typeorm.naming import (
    NamingStrategy,
    SnakeNamingStrategy,
    camel_case,
    snake_case,
    title_case,
)
from appdb.source.frameworks.typeorm.report import Report
from appdb.source.modules.classes import Member, MemberKind

MAX_BASES = 10
# Methods that name tables and columns; what the others name matters to TypeORM alone.
_NAMING_DATA = frozenset(
    {
        "tableName", "closureJunctionTableName", "columnName", "joinColumnName", "joinTableName",
        "joinTableColumnName", "joinTableInverseColumnName", "joinTableColumnDuplicationPrefix",
        "prefixTableName",
    }
)  # fmt: skip
_PARENT = "typeorm#strategy"


class ProjectNamingStrategy(NamingStrategy):
    """Asks the project's class for each name; what it does not define comes from its base."""

    def __init__(self, evaluator: Evaluator, made: ClassValue, report: Report, major: int) -> None:
        super().__init__(major)
        self._evaluator = evaluator
        self._report = report
        self._classes: list[ClassValue] = []
        self._parent = self._find_parent(made)
        self._failed: set[str] = set()
        register(evaluator, self._parent)

    def _find_parent(self, made: ClassValue) -> NamingStrategy:
        current: Value = made
        while isinstance(current, ClassValue) and len(self._classes) < MAX_BASES:
            self._classes.append(current)
            base = current.decl.base
            if base is None:
                break
            current = self._evaluator.evaluate(base, current.scope)
        if isinstance(current, External) and current.names[-1:] == ("SnakeNamingStrategy",):
            return SnakeNamingStrategy(self._major)
        return NamingStrategy(self._major)

    def _ask(self, name: str, *arguments: str | Sequence[str] | None) -> str | None:
        for owner in self._classes:
            member = owner.decl.member(name)
            if member is not None and member.kind is MemberKind.METHOD:
                return self._call(owner, member, arguments)
        return None

    def _call(
        self, owner: ClassValue, member: Member, arguments: tuple[str | Sequence[str] | None, ...]
    ) -> str | None:
        function = FunctionValue(node=member.node, scope=owner.scope, span=member.span)
        given = tuple(_value(argument, function) for argument in arguments)
        scope = function_scope(self._evaluator, function, given, function.span)
        parent = External(package=_PARENT, names=(), span=function.span)
        scope.values["super"] = scope.values["this"] = parent
        result = self._evaluator.run_body(function, scope)
        text = to_text(result)
        if text is not None:
            return text
        if member.name not in self._failed:
            self._failed.add(member.name)
            self.is_assumed |= member.name in _NAMING_DATA
            reason = result.reason if isinstance(result, Unknown) else "its result is not a text"
            message = (
                f"{owner.decl.name}.{member.name} is not followed: {reason}; TypeORM's own is used"
            )
            self._report.add("NAMING", message, member.span)
        return None

    def table_name(self, class_name: str, given: str | None) -> str:
        own = self._ask("tableName", class_name, given)
        return own if own is not None else self._parent.table_name(class_name, given)

    def closure_table_name(self, original: str) -> str:
        own = self._ask("closureJunctionTableName", original)
        return own if own is not None else self._parent.closure_table_name(original)

    def column_name(self, prop: str, given: str | None, prefixes: Sequence[str]) -> str:
        own = self._ask("columnName", prop, given, prefixes)
        return own if own is not None else self._parent.column_name(prop, given, prefixes)

    def join_column_name(self, relation: str, referenced: str) -> str:
        own = self._ask("joinColumnName", relation, referenced)
        return own if own is not None else self._parent.join_column_name(relation, referenced)

    def join_table_name(
        self, first: str, second: str, first_property: str, second_property: str
    ) -> str:
        arguments = (first, second, first_property, second_property)
        own = self._ask("joinTableName", *arguments)
        return own if own is not None else self._parent.join_table_name(*arguments)

    def join_table_column_name(self, table: str, prop: str, column: str | None) -> str:
        own = self._ask("joinTableColumnName", table, prop, column)
        return own if own is not None else self._parent.join_table_column_name(table, prop, column)

    def join_table_inverse_column_name(self, table: str, prop: str, column: str | None) -> str:
        own = self._ask("joinTableInverseColumnName", table, prop, column)
        return own if own is not None else self.join_table_column_name(table, prop, column)

    def duplicate_column_name(self, column: str, index: int) -> str:
        own = self._ask("joinTableColumnDuplicationPrefix", column, str(index))
        return own if own is not None else self._parent.duplicate_column_name(column, index)

    def prefix_table_name(self, prefix: str, table: str) -> str:
        own = self._ask("prefixTableName", prefix, table)
        return own if own is not None else self._parent.prefix_table_name(prefix, table)

    def primary_key_name(self, table: str, columns: Sequence[str]) -> str:
        own = self._ask("primaryKeyName", table, columns)
        return own if own is not None else self._parent.primary_key_name(table, columns)

    def unique_name(self, table: str, columns: Sequence[str]) -> str:
        own = self._ask("uniqueConstraintName", table, columns)
        return own if own is not None else self._parent.unique_name(table, columns)

    def relation_unique_name(self, table: str, columns: Sequence[str]) -> str:
        own = self._ask("relationConstraintName", table, columns)
        return own if own is not None else self._parent.relation_unique_name(table, columns)

    def foreign_key_name(
        self, table: str, columns: Sequence[str], referenced: str, referenced_columns: Sequence[str]
    ) -> str:
        own = self._ask("foreignKeyName", table, columns, referenced, referenced_columns)
        if own is not None:
            return own
        return self._parent.foreign_key_name(table, columns, referenced, referenced_columns)

    def index_name(self, table: str, columns: Sequence[str], where: str | None) -> str:
        own = self._ask("indexName", table, columns, where)
        return own if own is not None else self._parent.index_name(table, columns, where)

    def check_name(self, table: str, expression: str) -> str:
        own = self._ask("checkConstraintName", table, expression)
        return own if own is not None else self._parent.check_name(table, expression)

    def exclusion_name(self, table: str, expression: str) -> str:
        own = self._ask("exclusionConstraintName", table, expression)
        return own if own is not None else self._parent.exclusion_name(table, expression)


def _value(argument: str | Sequence[str] | None, function: FunctionValue) -> Value:
    span = function.span
    if argument is None:
        return Undefined(span=span)
    if isinstance(argument, str):
        return Literal(value=argument, span=span)
    items = tuple(Literal(value=item, span=span) for item in argument)
    return ListValue(items=items, span=span)


def register(evaluator: Evaluator, parent: NamingStrategy) -> None:
    """Teach the evaluator the functions that naming strategies are written with."""
    for package in ("typeorm/util/StringUtils", "typeorm/util/StringUtils.js"):
        for name, text_function in (
            ("snakeCase", snake_case),
            ("camelCase", camel_case),
            ("titleCase", title_case),
        ):
            evaluator.pure[package, name] = _on_text(text_function)
    for name, method in _parent_methods(parent).items():
        evaluator.pure[_PARENT, name] = method


def _on_text(function: Callable[[str], str]) -> PureFunction:
    def call(arguments: tuple[object, ...]) -> str | None:
        return function(arguments[0]) if arguments and isinstance(arguments[0], str) else None

    return call


def _parent_methods(parent: NamingStrategy) -> dict[str, PureFunction]:
    def method(name: str) -> PureFunction:
        def call(arguments: tuple[object, ...]) -> str | None:
            found = getattr(parent, name)(*arguments)
            return found if isinstance(found, str) else None

        return call

    return {
        "tableName": method("table_name"),
        "columnName": method("column_name"),
        "joinColumnName": method("join_column_name"),
        "joinTableName": method("join_table_name"),
        "joinTableColumnName": method("join_table_column_name"),
        "primaryKeyName": method("primary_key_name"),
        "uniqueConstraintName": method("unique_name"),
        "relationConstraintName": method("relation_unique_name"),
        "foreignKeyName": method("foreign_key_name"),
        "indexName": method("index_name"),
        "checkConstraintName": method("check_name"),
    }

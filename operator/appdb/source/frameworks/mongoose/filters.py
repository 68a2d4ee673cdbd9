"""A `partialFilterExpression` as the WHERE of an index. Pure.

Source: MongoDB manual, "Partial Indexes": equality, $exists, $gt, $gte, $lt, $lte, $type,
$and, $or, $in. What has no plain translation gives None, and the caller says so.
"""

import math

from appdb.model.identifiers import literal, quoted
from appdb.model.schema import Column
from appdb.source.evaluate.values import ListValue, Literal, ObjectValue, Value, number_text

MAX_NESTING = 20
_COMPARISONS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<=", "$eq": "="}
_TEXTS, _NUMBERS = {"text"}, {"double precision", "integer", "bigint", "numeric"}

Columns = dict[str, Column]


class _Untranslatable(ValueError):  # noqa: N818 - reads as what it says
    """A part without a plain meaning in SQL."""


def where_of(value: Value, columns: Columns) -> str | None:
    """Return the condition; `columns` are by dotted path. None when it cannot be said in SQL."""
    if not isinstance(value, ObjectValue):
        return None
    try:
        return _all(value, columns, 0)
    except _Untranslatable:
        return None


def _all(value: Value, columns: Columns, depth: int) -> str:
    if not isinstance(value, ObjectValue) or value.unknown is not None or depth > MAX_NESTING:
        raise _Untranslatable
    parts: list[str] = []
    for key, member in value.entries.items():
        if key in {"$and", "$or"}:
            parts.append(_joined(key, member, columns, depth))
        else:
            parts.extend(_on_path(key, member, columns))
    if not parts:
        raise _Untranslatable
    return " AND ".join(parts)


def _joined(key: str, value: Value, columns: Columns, depth: int) -> str:
    if not isinstance(value, ListValue) or not value.items:
        raise _Untranslatable
    word = " AND " if key == "$and" else " OR "
    return "(" + word.join(f"({_all(item, columns, depth + 1)})" for item in value.items) + ")"


def _on_path(path: str, value: Value, columns: Columns) -> list[str]:
    column = columns.get(path)
    if column is None or column.type.dimensions:
        raise _Untranslatable
    name = quoted(column.name)
    if not isinstance(value, ObjectValue):
        return [_compared(name, "=", value, column)]
    if value.unknown is not None or not value.entries:
        raise _Untranslatable
    return [_operated(name, key, member, column) for key, member in value.entries.items()]


def _operated(name: str, operator: str, value: Value, column: Column) -> str:
    match operator, value:
        case "$exists", Literal(value=bool() as wanted):
            return f"{name} IS NOT NULL" if wanted else f"{name} IS NULL"
        case "$type", _:
            return f"{name} IS NOT NULL"
        case "$ne", Literal(value=None):
            return f"{name} IS NOT NULL"
        case "$in", ListValue(items=items) if items:
            listed = ", ".join(_constant(item, column) for item in items)
            return f"{name} IN ({listed})"
        case _ if operator in _COMPARISONS:
            return _compared(name, _COMPARISONS[operator], value, column)
        case _:
            raise _Untranslatable


def _compared(name: str, operator: str, value: Value, column: Column) -> str:
    if isinstance(value, Literal) and value.value is None:
        if operator != "=":
            raise _Untranslatable
        return f"{name} IS NULL"
    return f"{name} {operator} {_constant(value, column)}"


def _constant(value: Value, column: Column) -> str:
    type_ = column.type.name
    match value:
        case Literal(value=bool() as content) if type_ == "boolean":
            return "true" if content else "false"
        case Literal(value=str() as content) if type_ in _TEXTS and "\0" not in content:
            return literal(content)
        case Literal(value=int() | float() as number) if type_ in _NUMBERS and not isinstance(
            number, bool
        ):
            if math.isfinite(number) and abs(number) < 1e15:
                return number_text(number)
            raise _Untranslatable
        case _:
            raise _Untranslatable

"""Reads the `where` argument of a partial index: raw("...") or an object of fields.

The preview `partialIndexes` of Prisma 7. Values of the object are strings, numbers, booleans,
null, or one of these behind `not`.
"""

from appdb.model.identifiers import literal, quoted
from appdb.source.frameworks.prisma.model import Model
from appdb.source.frameworks.prisma.remarks import Code, Invalid
from appdb.source.frameworks.prisma.sqltext import as_expression
from appdb.source.frameworks.prisma.syntax import (
    Argument,
    Call,
    Expression,
    Mapping,
    Name,
    Number,
    Text,
)


def predicate(model: Model, value: Expression | None) -> str | None:
    """Return the condition of an index as SQL, or None when there is none.

    Raises:
        Invalid: the argument is not one of the two forms.
    """
    if value is None:
        return None
    if isinstance(value, Mapping):
        if not value.items:
            raise Invalid(Code.INDEX, value.at, "the `where` argument cannot be an empty object")
        return " AND ".join(_condition(model, entry) for entry in value.items)
    is_raw = isinstance(value, Call) and value.name == "raw" and len(value.arguments) == 1
    text = value.arguments[0].value if is_raw and isinstance(value, Call) else None
    if not isinstance(text, Text):
        message = '`where` is an object such as { active: true }, or raw("...")'
        raise Invalid(Code.INDEX, value.at, message)
    sql = as_expression(text.value)
    if sql is None:
        raise Invalid(Code.INDEX, text.at, "the text in `raw()` is not one expression")
    return sql


def _condition(model: Model, entry: Argument) -> str:
    if entry.name is None or entry.name not in model.scalars:
        raise Invalid(Code.INDEX, entry.at, f"`{entry.name}` is no field that has a column")
    scalar = model.scalars[entry.name]
    column, value = quoted(scalar.column), entry.value
    is_negated = False
    if isinstance(value, Mapping):
        if len(value.items) != 1 or value.items[0].name != "not":
            raise Invalid(Code.INDEX, value.at, "only `not` may stand inside")
        is_negated, value = True, value.items[0].value
    if isinstance(value, Name) and value.name == "null":
        return f"{column} IS {'NOT ' if is_negated else ''}NULL"
    if isinstance(value, Text) and scalar.labels and value.value not in scalar.labels:
        raise Invalid(Code.INDEX, value.at, f"the enum of `{entry.name}` has no such label")
    return f"{column} {'!=' if is_negated else '='} {_constant(value)}"


def _constant(value: Expression) -> str:
    match value:
        case Text(value=text):
            return literal(text)
        case Number(text=text):
            return text
        case Name(name="true" | "false" as name):
            return name
        case _:
            message = "a value here is a string, a number, true, false or null"
            raise Invalid(Code.INDEX, value.at, message)

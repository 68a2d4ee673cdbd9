"""Reads the arguments of an attribute into values by name, and refuses the rest.

Each attribute has one argument that may stand without its name. Values are checked for
their kind only; what they mean is decided by the callers.
"""

from collections.abc import Mapping
from typing import NoReturn

from appdb.model.identifiers import fits
from appdb.source.frameworks.prisma.remarks import Code, Invalid
from appdb.source.frameworks.prisma.syntax import (
    Attribute,
    Expression,
    Name,
    Sequence,
    Text,
)

Arguments = Mapping[str, Expression]


def read_arguments(
    attribute: Attribute, names: tuple[str, ...], unnamed: str | None = None
) -> dict[str, Expression]:
    """Return the arguments by name; one may come without it, as `unnamed`.

    Raises:
        Invalid: an argument is unknown or given twice.
    """
    found: dict[str, Expression] = {}
    for argument in attribute.arguments:
        name = argument.name if argument.name is not None else unnamed
        if name is None or name not in names:
            shown = f"`{name}` of" if name else "without a name in"
            refuse(attribute, f"there is no argument {shown} `@{attribute.name}`", argument.at)
        if name in found:
            refuse(attribute, f"the argument `{name}` is given twice", argument.at)
        found[name] = argument.value
    return found


def refuse(attribute: Attribute, message: str, at: int | None = None) -> NoReturn:
    """Raise the refusal of an attribute."""
    raise Invalid(Code.ATTRIBUTE, attribute.at if at is None else at, message)


def text_of(value: Expression | None, what: str) -> str | None:
    """Return a string argument that is not empty, or None when it is missing.

    Raises:
        Invalid: the value is no string, or an empty one.
    """
    if value is None:
        return None
    if not isinstance(value, Text):
        raise Invalid(Code.ATTRIBUTE, value.at, f"`{what}` must be a string")
    if not value.value:
        raise Invalid(Code.ATTRIBUTE, value.at, f"`{what}` cannot be an empty string")
    if "\0" in value.value:
        raise Invalid(Code.NAME, value.at, f"`{what}` holds a NUL, which no name can carry")
    return value.value


def short_text_of(value: Expression | None, what: str) -> str | None:
    """Return a string argument that fits as a name into Postgres' 63 bytes.

    Raises:
        Invalid: it does not, or see `text_of`.
    """
    text = text_of(value, what)
    if value is not None and text is not None and not fits(text):
        message = "Postgres keeps 63 bytes of a name; this one is longer"
        raise Invalid(Code.NAME, value.at, message)
    return text


def name_of(value: Expression, what: str) -> str:
    """Return a constant (`Cascade`).

    Raises:
        Invalid: the value is anything else.
    """
    if not isinstance(value, Name):
        raise Invalid(Code.ATTRIBUTE, value.at, f"`{what}` must be a constant")
    return value.name


def items_of(value: Expression) -> tuple[Expression, ...]:
    """Return the items of a list; a single value stands for a list of one, as in Prisma."""
    return value.items if isinstance(value, Sequence) else (value,)

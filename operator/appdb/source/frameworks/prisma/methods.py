"""Which operator class an index takes, and which columns an index method can hold.

Facts about Postgres 15 and later, as tables. A pair that Postgres would refuse is refused here,
because an index that cannot be built would take the whole schema with it.
"""

import re

from appdb.source.frameworks.prisma.model import Scalar
from appdb.source.frameworks.prisma.remarks import Code, Invalid
from appdb.source.frameworks.prisma.sqltext import is_operator_class
from appdb.source.frameworks.prisma.syntax import Call, Expression, Name, Text

_WORD = re.compile(r"[A-Z][a-z]*\d*")
# Postgres writes these as one word where Prisma writes two.
_JOINED = (("TimestampTz", "Timestamptz"), ("TimeTz", "Timetz"), ("MinMax", "Minmax"))
_JOINED_BITS = (("VarBit", "Varbit"),)

_WITHOUT_ORDER = frozenset({"json", "xml"})
_GIST_BY_DEFAULT = frozenset({"tsvector", "tsquery"})
_SPGIST_BY_DEFAULT = frozenset({"text", "varchar", "citext", "inet"})
_NO_BRIN = frozenset({"boolean", "jsonb", "json", "xml", "money"})


def operator_class(value: Expression) -> str:
    """Return the operator class that `ops:` names: one of Prisma's words, or raw("...").

    Raises:
        Invalid: it is neither.
    """
    if isinstance(value, Name):
        if not value.name.endswith("Ops"):
            raise Invalid(Code.INDEX, value.at, f"`{value.name}` is no operator class")
        return _snake(value.name)
    is_raw = isinstance(value, Call) and value.name == "raw" and len(value.arguments) == 1
    text = value.arguments[0].value if is_raw and isinstance(value, Call) else None
    if not isinstance(text, Text):
        raise Invalid(Code.INDEX, value.at, '`ops` is an operator class or raw("...")')
    if text.value and not is_operator_class(text.value):
        raise Invalid(Code.INDEX, text.at, "the text in `raw()` is not one operator class")
    return text.value.strip()


def _snake(name: str) -> str:
    for two, one in (*_JOINED, *_JOINED_BITS):
        name = name.replace(two, one)
    return "_".join(_WORD.findall(name)).lower()


def check_method(scalar: Scalar, method: str, opclass: str | None, at: int) -> None:
    """Refuse a column that the index method has no operator class for.

    Raises:
        Invalid: with the reason.
    """
    if opclass or scalar.type.verbatim or scalar.type.declared:
        return
    if not _has_default(scalar, method):
        message = (
            f"`{scalar.field.name}` ({scalar.type.sql}) has no default operator class for an "
            f"index of type {method}"
        )
        raise Invalid(Code.INDEX, at, message)


def _has_default(scalar: Scalar, method: str) -> bool:
    base, is_list = scalar.type.name, scalar.type.dimensions > 0
    match method:
        case "gin":
            return is_list or base == "jsonb"
        case "gist":
            return base in _GIST_BY_DEFAULT
        case "spgist":
            return not is_list and base in _SPGIST_BY_DEFAULT
        case "brin":
            return not is_list and base not in _NO_BRIN
        case _:
            return base not in _WITHOUT_ORDER

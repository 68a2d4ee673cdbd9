"""Which operator class an index takes, and which columns an index method can hold.

Facts about Postgres 15 and later, as tables. A pair that Postgres would refuse is refused here,
because an index that cannot be built would take the whole schema with it.
"""

import re
from collections.abc import Mapping

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


# Prisma's operator classes of BRIN are a type and a kind; Postgres takes them for that type only.
_BRIN_TYPES: Mapping[str, tuple[str, ...]] = {
    "Bit": ("bit",), "VarBit": ("varbit",), "Bpchar": ("char",), "Bytea": ("bytea",),
    "Date": ("date",), "Float4": ("real",), "Float8": ("double precision",), "Inet": ("inet",),
    "Int2": ("smallint",), "Int4": ("integer",), "Int8": ("bigint",), "Numeric": ("numeric",),
    "Oid": ("oid",), "Text": ("text", "varchar"), "Timestamp": ("timestamp",),
    "TimestampTz": ("timestamp with time zone",), "Time": ("time",),
    "TimeTz": ("time with time zone",), "Uuid": ("uuid",),
}  # fmt: skip
_BRIN_NAME = re.compile(r"([A-Z]\w*?)(?:Bloom|MinMaxMulti|MinMax|Inclusion)Ops")
_OTHER_CLASSES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "InetOps": (("gist", "spgist"), ("inet",)),
    "JsonbOps": (("gin",), ("jsonb",)),
    "JsonbPathOps": (("gin",), ("jsonb",)),
    "ArrayOps": (("gin",), ()),
    "TextOps": (("spgist",), ("text", "varchar")),
}


def operator_class(scalar: Scalar, method: str, value: Expression) -> str:
    """Return the operator class that `ops:` names: one of Prisma's words, or raw("...").

    Raises:
        Invalid: it is neither.
    """
    if isinstance(value, Name):
        _check_class(scalar, method, value)
        return _snake(value.name)
    is_raw = isinstance(value, Call) and value.name == "raw" and len(value.arguments) == 1
    text = value.arguments[0].value if is_raw and isinstance(value, Call) else None
    if not isinstance(text, Text):
        raise Invalid(Code.INDEX, value.at, '`ops` is an operator class or raw("...")')
    if text.value and not is_operator_class(text.value):
        raise Invalid(Code.INDEX, text.at, "the text in `raw()` is not one operator class")
    return text.value.strip()


def _check_class(scalar: Scalar, method: str, value: Name) -> None:
    found = _BRIN_NAME.fullmatch(value.name)
    if found is not None and found[1] in _BRIN_TYPES:
        methods: tuple[str, ...] = ("brin",)
        types = _BRIN_TYPES[found[1]]
    elif value.name in _OTHER_CLASSES:
        methods, types = _OTHER_CLASSES[value.name]
    else:
        raise Invalid(Code.INDEX, value.at, f"`{value.name}` is no operator class")
    fits = scalar.type.name in types if types else scalar.type.dimensions > 0
    if method not in methods or not (fits or scalar.type.verbatim):
        message = f"`{value.name}` does not serve {scalar.type.sql} in an index of type {method}"
        raise Invalid(Code.INDEX, value.at, message)


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

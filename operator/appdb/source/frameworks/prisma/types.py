"""Which Postgres type a Prisma type means: the scalars and the native types (`@db.X`).

Tables of facts and one function over them. Source: Prisma's PostgreSQL connector, measured on
its own DDL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from appdb.model.types import PgType, builtin

SCALARS: Mapping[str, PgType] = {
    "String": builtin("text"),
    "Boolean": builtin("boolean"),
    "Int": builtin("integer"),
    "BigInt": builtin("bigint"),
    "Float": builtin("double precision"),
    "Decimal": builtin("numeric", 65, 30),
    "DateTime": builtin("timestamp", 3),
    "Json": builtin("jsonb"),
    "Bytes": builtin("bytea"),
}

SERIALS: Mapping[str, PgType] = {
    "integer": builtin("serial"),
    "bigint": builtin("bigserial"),
    "smallint": builtin("smallserial"),
}


@dataclass(frozen=True, slots=True)
class Native:
    """A native type: its spelling, the scalars it serves, how many arguments it takes."""

    name: str
    scalars: tuple[str, ...]
    counts: tuple[int, ...] = (0,)
    maximum: int | None = None


_LENGTH = (0, 1)
_SIX = 6

NATIVES: Mapping[str, Native] = {
    "SmallInt": Native("smallint", ("Int",)),
    "Integer": Native("integer", ("Int",)),
    "BigInt": Native("bigint", ("BigInt",)),
    "Decimal": Native("numeric", ("Decimal",), (0, 2), 1000),
    "Money": Native("money", ("Decimal",)),
    "Inet": Native("inet", ("String",)),
    "Oid": Native("oid", ("Int",)),
    "Citext": Native("citext", ("String",)),
    "Real": Native("real", ("Float",)),
    "DoublePrecision": Native("double precision", ("Float",)),
    "VarChar": Native("varchar", ("String",), _LENGTH),
    "Char": Native("char", ("String",), _LENGTH),
    "Text": Native("text", ("String",)),
    "ByteA": Native("bytea", ("Bytes",)),
    "Timestamp": Native("timestamp", ("DateTime",), _LENGTH, _SIX),
    "Timestamptz": Native("timestamp with time zone", ("DateTime",), _LENGTH, _SIX),
    "Date": Native("date", ("DateTime",)),
    "Time": Native("time", ("DateTime",), _LENGTH, _SIX),
    "Timetz": Native("time with time zone", ("DateTime",), _LENGTH, _SIX),
    "Boolean": Native("boolean", ("Boolean",)),
    "Bit": Native("bit", ("String",), _LENGTH),
    "VarBit": Native("varbit", ("String",), _LENGTH),
    "Uuid": Native("uuid", ("String",)),
    "Xml": Native("xml", ("String",)),
    "Json": Native("json", ("Json",)),
    "JsonB": Native("jsonb", ("Json",)),
}


class UnknownNativeType(Exception):  # noqa: N818 - a signal inside the front end
    """The native type does not exist, or not for this scalar or with these arguments."""


@cache
def native_type(scalar: str, native: str, arguments: tuple[str, ...]) -> PgType:
    """Return the type that `@db.<native>(<arguments>)` gives to a scalar.

    Raises:
        UnknownNativeType: with the words for a person.
    """
    known = NATIVES.get(native)
    if known is None:
        raise UnknownNativeType(f"Postgres has no native type `{native}`")
    if scalar not in known.scalars:
        raise UnknownNativeType(
            f"native type `{native}` does not fit a field of type {scalar}, "
            f"only {' or '.join(known.scalars)}"
        )
    _check_arguments(native, known, arguments)
    return builtin(known.name, *(int(argument) for argument in arguments))


def _check_arguments(native: str, known: Native, arguments: tuple[str, ...]) -> None:
    shown = f"{native}({','.join(arguments)})"
    if len(arguments) not in known.counts:
        wanted = " or ".join(str(count) for count in known.counts)
        raise UnknownNativeType(f"`{native}` takes {wanted} arguments, not {len(arguments)}")
    if not all(argument.isascii() and argument.isdigit() for argument in arguments):
        raise UnknownNativeType(f"the arguments of `{shown}` must be whole numbers")
    numbers = [int(argument[:9]) for argument in arguments]
    if known.maximum is not None and any(number > known.maximum for number in numbers):
        raise UnknownNativeType(f"`{shown}`: Postgres allows at most {known.maximum}")
    if native == "Decimal" and numbers and (numbers[1] > numbers[0] or numbers[0] == 0):
        raise UnknownNativeType(f"`{shown}`: the scale must not be larger than the precision")
    if native in {"VarChar", "Char", "Bit", "VarBit"} and any(n == 0 for n in numbers):
        raise UnknownNativeType(f"`{shown}`: Postgres wants a length of at least 1")

"""What `@default(...)` leaves in the database: SQL, a sequence, or nothing.

Literals, now(), dbgenerated() and autoincrement() reach the database; uuid(), cuid(), nanoid()
and ulid() are made by the client. A value that does not fit its type is refused as Prisma does.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

from appdb.model.identifiers import literal
from appdb.model.types import PgType
from appdb.model.value import value
from appdb.source.frameworks.prisma.arguments import read_arguments
from appdb.source.frameworks.prisma.model import EnumDeclaration
from appdb.source.frameworks.prisma.remarks import Code, Invalid
from appdb.source.frameworks.prisma.sqltext import as_expression
from appdb.source.frameworks.prisma.syntax import (
    Attribute,
    Call,
    Expression,
    Name,
    Number,
    Sequence,
    Text,
)

# The functions of the client and the arguments each takes; they leave nothing in the database.
_CLIENT_FUNCTIONS: Mapping[str, frozenset[int]] = {
    "uuid": frozenset({4, 7}),
    "cuid": frozenset({1, 2}),
    "nanoid": frozenset(range(2, 256)),
    "ulid": frozenset(),
}
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))"
)


@value(frozen=True, slots=True, kw_only=True)
class Default:
    """`sql` is the expression, `serial` asks for a sequence, `verbatim` is the author's own SQL."""

    sql: str | None = None
    serial: bool = False
    verbatim: bool = False


@value(frozen=True, slots=True, kw_only=True)
class Target:
    """The field that the default is for; the rest is what other databases have."""

    kind: str
    type: PgType
    is_list: bool
    enum: EnumDeclaration | None
    has_sequences: bool = False
    has_names: bool = False


def read_default(attribute: Attribute, target: Target) -> Default:
    """Read one `@default`.

    Raises:
        Invalid: Prisma refuses it, or its SQL is not one expression.
    """
    names = ("value", "map") if target.has_names else ("value",)
    arguments = read_arguments(attribute, names, "value")
    value = arguments.get("value")
    if value is None:
        raise Invalid(Code.DEFAULT, attribute.at, "`@default` has no value")
    if isinstance(value, Call):
        return _call(value, target)
    if target.kind == "Unsupported":
        raise _wrong(value, "dbgenerated(), the type is Unsupported")
    if not target.is_list:
        return Default(sql=_literal(value, target))
    if not isinstance(value, Sequence):
        raise _wrong(value, "a list, the field is one")
    items = ", ".join(_literal(item, target) for item in value.items)
    return Default(sql=f"ARRAY[{items}]::{target.type.sql}")


def _wrong(value: Expression, wanted: str) -> Invalid:
    return Invalid(Code.DEFAULT, value.at, f"the default must be {wanted}")


def _call(call: Call, target: Target) -> Default:
    match call.name:
        case "dbgenerated":
            return _dbgenerated(call)
        case "now":
            _only_for(call, target, ("DateTime",))
            _refuse_list(call, target)
            _check_argument(call, frozenset())
            return Default(sql="CURRENT_TIMESTAMP")
        case "autoincrement":
            _only_for(call, target, ("Int", "BigInt"))
            _refuse_list(call, target)
            _check_argument(call, frozenset())
            return Default(serial=True)
        case "sequence" if target.has_sequences:
            _only_for(call, target, ("Int", "BigInt"))
            return Default(serial=True)
        case name if name in _CLIENT_FUNCTIONS:
            _only_for(call, target, ("String",))
            _check_argument(call, _CLIENT_FUNCTIONS[name])
            return Default()
        case name:
            raise Invalid(Code.DEFAULT, call.at, f"`{name}()` is no function that Prisma knows")


def _refuse_list(call: Call, target: Target) -> None:
    if target.is_list:
        message = f"`{call.name}()` is one value, which Postgres refuses for a list"
        raise Invalid(Code.DEFAULT, call.at, message)


def _check_argument(call: Call, allowed: frozenset[int]) -> None:
    if not call.arguments:
        return
    value = call.arguments[0].value
    text = value.text if isinstance(value, Number) else ""
    if len(call.arguments) > 1 or not text.isdigit() or int(text[:9]) not in allowed:
        message = f"`{call.name}()` does not take this argument"
        raise Invalid(Code.DEFAULT, value.at, message)


def _only_for(call: Call, target: Target, kinds: tuple[str, ...]) -> None:
    if target.kind not in kinds:
        raise Invalid(
            Code.DEFAULT,
            call.at,
            f"`{call.name}()` cannot be the default of a field of type {target.kind}",
        )


def _dbgenerated(call: Call) -> Default:
    if not call.arguments:
        return Default()
    value = call.arguments[0].value
    if len(call.arguments) > 1 or not isinstance(value, Text):
        raise Invalid(Code.DEFAULT, value.at, "`dbgenerated()` takes one string")
    if not value.value:
        raise Invalid(
            Code.DEFAULT, value.at, "`dbgenerated()` takes an expression or no argument at all"
        )
    sql = as_expression(value.value)
    if sql is None:
        raise Invalid(Code.DEFAULT, value.at, "the text in `dbgenerated()` is not one expression")
    return Default(sql=sql, verbatim=True)


def _literal(value: Expression, target: Target) -> str:
    if target.enum is not None:
        return _label(value, target.enum)
    return _READERS[target.kind](value)


def _label(value: Expression, enum: EnumDeclaration) -> str:
    if not isinstance(value, Name):
        raise _wrong(value, f"a value of the enum {enum.name}")
    if value.name not in enum.labels:
        raise Invalid(Code.DEFAULT, value.at, f"the enum {enum.name} has no value `{value.name}`")
    return literal(enum.labels[value.name])


def _string(value: Expression) -> str:
    if not isinstance(value, Text):
        raise _wrong(value, "a String")
    if "\0" in value.value:
        raise Invalid(Code.DEFAULT, value.at, "Postgres keeps no NUL in a text")
    return literal(value.value)


def _boolean(value: Expression) -> str:
    if not isinstance(value, Name) or value.name not in {"true", "false"}:
        raise _wrong(value, "true or false")
    return value.name


def _integer(value: Expression) -> str:
    if not isinstance(value, Number) or "." in value.text or len(value.text) > 20:
        raise _wrong(value, "a whole number")
    return str(int(value.text))


def _number(value: Expression) -> str:
    if not isinstance(value, Number):
        raise _wrong(value, "a number")
    return _decimal_text(value.text)


def _decimal(value: Expression) -> str:
    if isinstance(value, Number):
        return _decimal_text(value.text)
    if not isinstance(value, Text) or not re.fullmatch(
        r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", value.value
    ):
        raise _wrong(value, "a number")
    return _decimal_text(value.value)


def _decimal_text(text: str) -> str:
    number = Decimal(text)
    # The constructor is exact for any number of digits; there is no negative zero in SQL.
    return format(-number if number.is_zero() and number.is_signed() else number, "f")


def _json(value: Expression) -> str:
    if not isinstance(value, Text):
        raise _wrong(value, "a Json text")
    try:
        json.loads(value.value, parse_constant=_no_constant)
    except (ValueError, RecursionError) as err:
        raise _wrong(value, "valid Json") from err
    return _string(value)


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _bytes(value: Expression) -> str:
    if not isinstance(value, Text):
        raise _wrong(value, "bytes in base64")
    try:
        content = base64.b64decode(value.value, validate=True)
    except (binascii.Error, ValueError) as err:
        raise _wrong(value, "bytes in base64") from err
    return literal(f"\\x{content.hex()}")


def _moment(value: Expression) -> str:
    found = _TIME.fullmatch(value.value) if isinstance(value, Text) else None
    if found is None:
        raise _wrong(value, "a time as in 2020-01-31T10:30:00Z")
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = found.groups()
    try:
        datetime(  # noqa: DTZ001 - only to check the digits
            int(year), int(month), int(day), int(hour), int(minute), min(int(second), 59)
        )
    except ValueError as err:
        raise _wrong(value, "a time that exists") from err
    digits = f".{fraction[:9]}" if fraction else ""
    offset = f"{sign}{hours}:{minutes}" if sign else "+00:00"
    return literal(f"{year}-{month}-{day} {hour}:{minute}:{second}{digits} {offset}")


_READERS: Mapping[str, Callable[[Expression], str]] = {
    "String": _string,
    "Boolean": _boolean,
    "Int": _integer,
    "BigInt": _integer,
    "Float": _number,
    "Decimal": _decimal,
    "DateTime": _moment,
    "Json": _json,
    "Bytes": _bytes,
}

"""Unary and binary operators on known values; None where the answer is not known.

Pure. Only what constants and enums are written with: no objects, no coercion tricks.
"""

import math
from collections.abc import Callable

from appdb.model.finding import Span
from appdb.source.evaluate.values import (
    ClassValue,
    External,
    FunctionValue,
    ListValue,
    Literal,
    ObjectValue,
    Undefined,
    Value,
    to_text,
    truth,
)

Number = int | float


def as_number(value: Value) -> Number | None:
    """Return a number's value; booleans and texts are not numbers here."""
    match value:
        case Literal(value=bool()):
            return None
        case Literal(value=int() | float() as number):
            return number
        case _:
            return None


def _int32(number: Number) -> int:
    return (int(number) + 2**31) % 2**32 - 2**31


def _whole(number: Number) -> Number:
    if isinstance(number, float) and number.is_integer() and abs(number) < 2**53:
        return int(number)
    return number


def _power(left: Number, right: Number) -> Number | None:
    if abs(left) > 1e6 or abs(right) > 64:
        return None
    try:
        result = float(left) ** float(right)
    except (OverflowError, ZeroDivisionError):
        return None
    return result if isinstance(result, float) else None


_ARITHMETIC: dict[str, Callable[[Number, Number], Number | None]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else None,
    "%": lambda a, b: math.fmod(a, b) if b else None,
    "**": _power,
    "<<": lambda a, b: _int32(_int32(a) << (int(b) & 31)),
    ">>": lambda a, b: _int32(a) >> (int(b) & 31),
    ">>>": lambda a, b: (_int32(a) % 2**32) >> (int(b) & 31),
    "|": lambda a, b: _int32(a) | _int32(b),
    "&": lambda a, b: _int32(a) & _int32(b),
    "^": lambda a, b: _int32(a) ^ _int32(b),
}
_COMPARISONS: dict[str, Callable[[Number, Number], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


def binary(operator: str, left: Value, right: Value, span: Span) -> Value | None:
    """Apply a binary operator that looks at both sides."""
    if operator in {"===", "==", "!==", "!="}:
        same = _same(left, right)
        return None if same is None else Literal(value=same is operator.startswith("="), span=span)
    a, b = as_number(left), as_number(right)
    if a is not None and b is not None:
        return _on_numbers(operator, a, b, span)
    if operator != "+" or not (_is_text(left) or _is_text(right)):
        return None
    one, two = to_text(left), to_text(right)
    return None if one is None or two is None else Literal(value=one + two, span=span)


def _on_numbers(operator: str, left: Number, right: Number, span: Span) -> Value | None:
    if operator in _COMPARISONS:
        return Literal(value=_COMPARISONS[operator](left, right), span=span)
    if operator not in _ARITHMETIC or max(abs(left), abs(right)) > 1e300:
        return None
    result = _ARITHMETIC[operator](left, right)
    if result is None or not math.isfinite(result):
        return None
    return Literal(value=_whole(result), span=span)


def _is_text(value: Value) -> bool:
    return isinstance(value, Literal) and isinstance(value.value, str)


def _same(left: Value, right: Value) -> bool | None:
    match left, right:
        case Literal(value=a), Literal(value=b):
            return isinstance(a, bool) == isinstance(b, bool) and a == b
        case Undefined(), Undefined():
            return True
        case (Undefined(), Literal(value=other)) | (Literal(value=other), Undefined()):
            return False if other is not None else None
        case External(), External():
            return True if (left.package, left.names) == (right.package, right.names) else None
        case _:
            return None


def unary(operator: str, operand: Value, span: Span) -> Value | None:
    """Apply a unary operator."""
    number = as_number(operand)
    match operator:
        case "-" if number is not None:
            return Literal(value=-number, span=span)
        case "+" if number is not None:
            return Literal(value=number, span=span)
        case "~" if number is not None:
            return Literal(value=~_int32(number), span=span)
        case "!":
            known = truth(operand)
            return None if known is None else Literal(value=not known, span=span)
        case "void":
            return Undefined(span=span)
        case "typeof":
            word = _type_word(operand)
            return None if word is None else Literal(value=word, span=span)
        case _:
            return None


def _type_word(value: Value) -> str | None:
    match value:
        case Undefined():
            return "undefined"
        case Literal(value=bool()):
            return "boolean"
        case Literal(value=str()):
            return "string"
        case Literal(value=int() | float()):
            return "number"
        case Literal() | ListValue() | ObjectValue():
            return "object"
        case FunctionValue() | ClassValue():
            return "function"
        case _:
            return None


def is_nullish(value: Value) -> bool | None:
    """Return whether a value is null or undefined; None when it is not known."""
    match value:
        case Undefined() | Literal(value=None):
            return True
        case _:
            return False if truth(value) is not None else None

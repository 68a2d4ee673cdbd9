"""Reads the options beside a type: required, unique, index, enum, ref, timestamps.

Pure on values. An option that the evaluator could not read is a finding of its reader.
"""

from dataclasses import dataclass

from appdb.source.evaluate.enums import enum_members
from appdb.source.evaluate.values import (
    ListValue,
    Literal,
    ObjectValue,
    Undefined,
    Unknown,
    Value,
    truth,
)

TEXT_LIST = tuple[str, ...]


def flag(options: ObjectValue, key: str) -> bool:
    """Tell whether an option is on."""
    value = options.get(key)
    return value is not None and truth(value) is True


def is_required(options: ObjectValue) -> bool:
    """Tell whether a path must have a value always: `true` or `[true, 'why']`.

    A function decides for each document, and so the column stays nullable.
    """
    value = options.get("required")
    if isinstance(value, ListValue):
        value = value.items[0] if value.items else None
    match value:
        case Literal(value=bool() as content):
            return content
        case Literal(value=str() as content):
            return bool(content)  # `required: 'say who'` is true with a message.
        case Literal(value=int() as number):
            return bool(number)
        case ObjectValue():
            # `{isRequired: ..., message: ...}`: on unless `isRequired` says otherwise.
            asked = value.get("isRequired")
            return asked is None or (truth(asked) is True and isinstance(asked, Literal))
        case _:
            return False


def text_option(options: ObjectValue, key: str) -> str | None:
    """Return an option that is a text."""
    value = options.get(key)
    return value.value if isinstance(value, Literal) and isinstance(value.value, str) else None


def enum_texts(options: ObjectValue) -> TEXT_LIST | Unknown | None:
    """Return the texts that are allowed; None without an enum, Unknown when it cannot be read.

    Null in an enum only says that null is allowed, which CHECK does anyway.
    """
    value = options.get("enum")
    if isinstance(value, ObjectValue) and isinstance(value.get("values"), ListValue | ObjectValue):
        value = value.entries["values"]
    if value is None or isinstance(value, Undefined | Unknown):
        return value if isinstance(value, Unknown) else None
    if isinstance(value, ObjectValue):
        if value.unknown is not None:
            return value.unknown
        value = ListValue(items=tuple(enum_members(value).values()), span=value.span)
    if not isinstance(value, ListValue):
        return Unknown(reason="it is no list of values", span=value.span)
    texts: list[str] = []
    for item in value.items:
        match item:
            case Literal(value=str() as text):
                texts.append(text)
            case Literal(value=None) | Undefined():
                pass
            case Unknown():
                return item
            case _:
                return Unknown(reason="a value is no text", span=item.span)
    return tuple(dict.fromkeys(texts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timestamps:
    """The paths that timestamps add, None for one that is off."""

    created: str | None
    updated: str | None


def timestamps(value: Value | None) -> Timestamps | None:
    """Return what the option `timestamps` asks for; None when it is off or not there."""
    match value:
        case ObjectValue():
            return Timestamps(
                created=_stamp(value, "createdAt"), updated=_stamp(value, "updatedAt")
            )
        case Literal(value=content) if content:
            return Timestamps(created="createdAt", updated="updatedAt")
        case _:
            return None


def _stamp(value: ObjectValue, name: str) -> str | None:
    match value.get(name):
        case None:
            return name
        case Literal(value=str() as text) if text:
            return text
        case Literal(value=True):
            return name
        case _:
            return None

"""SQL for a default that is a literal, cast as Mongoose casts it. Anything else has none.

Pure. What Postgres would refuse for the column's type gives no default, never a broken one.
"""

import json
import math
import re
from datetime import datetime

from appdb.model.identifiers import literal
from appdb.source.evaluate.values import ListValue, Literal, ObjectValue, Value, number_text
from appdb.source.frameworks.mongoose.model import PathType, Shape
from appdb.source.frameworks.mongoose.types import SCALARS

MAX_JSON = 4_000
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)?)?")
_TRUTHS = {
    "true": "true",
    "1": "true",
    "yes": "true",
    "false": "false",
    "0": "false",
    "no": "false",
}
_WIDTHS = {"Int32": 31, "BigInt": 63, "Long": 63}


class _NotPlain(ValueError):  # noqa: N818 - reads as what it says
    """A value that is no JSON."""


def sql_default(value: Value, type_: PathType) -> str | None:
    """Return a default as SQL; None when it is not a literal that the type takes."""
    try:
        if type_.shape is Shape.DOCUMENT:
            return _document(value)
        if type_.shape is Shape.ARRAY:
            return _array(value, type_.word)
        return _scalar(value, type_.word)
    except (ValueError, RecursionError):
        return None


def _scalar(value: Value, word: str) -> str | None:
    if not isinstance(value, Literal) or value.value is None:
        return None
    content = value.value
    match word:
        case "String" | "ObjectId":
            return literal(content if isinstance(content, str) else _spelled(content))
        case "Boolean":
            return _TRUTHS.get(_spelled(content).lower())
        case "Number" | "Double" | "Decimal128":
            return _number(content)
        case "Int32" | "BigInt" | "Long":
            return _whole(content, _WIDTHS[word])
        case "Date":
            return _date(content)
        case "UUID":
            return (
                literal(content) if isinstance(content, str) and _UUID.fullmatch(content) else None
            )
        case _:
            return None


def _spelled(content: str | float) -> str:
    return content if isinstance(content, str) else number_text(content)


def _number(content: str | float) -> str | None:
    if isinstance(content, bool):
        return "1" if content else "0"
    if isinstance(content, str):
        return content if _NUMBER.fullmatch(content) else None
    return number_text(content) if math.isfinite(content) and abs(content) < 1e21 else None


def _whole(content: str | float, bits: int) -> str | None:
    known = _number(content)
    if known is None or not re.fullmatch(r"-?\d+", known):
        return None
    return known if -(2**bits) <= int(known) < 2**bits else None


def _date(content: str | float) -> str | None:
    """ISO 8601 only; without a zone a date is UTC, as in JavaScript, and a time is local."""
    if not isinstance(content, str) or not _DATE.fullmatch(content):
        return None
    datetime.fromisoformat(content)
    if "T" in content and not re.search(r"(?:Z|[+-]\d\d:\d\d)$", content):
        return None
    return literal(content if "T" in content else f"{content}T00:00:00Z")


def _array(value: Value, word: str) -> str | None:
    if not isinstance(value, ListValue):
        return None
    items = [_scalar(item, word) for item in value.items]
    if None in items:
        return None
    listed = ", ".join(item or "" for item in items)
    return f"ARRAY[{listed}]::{SCALARS[word].sql}[]"


def _document(value: Value) -> str | None:
    plain = _plain(value)
    if plain is None:
        return None
    text = json.dumps(plain, ensure_ascii=False, allow_nan=False)
    if len(text) > MAX_JSON or "\\u0000" in text:
        return None
    return f"{literal(text)}::jsonb"


def _plain(value: Value) -> object:
    match value:
        case Literal(value=content):
            return content
        case ListValue(items=items):
            return [_plain(item) for item in items]
        case ObjectValue(entries=entries, unknown=None):
            return {key: _plain(item) for key, item in entries.items()}
        case _:
            raise _NotPlain

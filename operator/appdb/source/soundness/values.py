"""Whether a constant or a simple expression can be a column's value.

Only what is certain is refused: a constant that the type's input function would not take,
or an expression whose type is plain to see and has no assignment cast (pg_cast).
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from appdb.source.soundness.types import INTEGERS, RANGES, base_of_words
from appdb.source.sqltext import Token, TokenKind

_INTEGER = re.compile(r"\s*[-+]?\d+\s*")
_NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*|\s*(?:NaN|-?Infinity)\s*")
_UUID = re.compile(r"\s*\{?[0-9a-fA-F]{4}(?:-?[0-9a-fA-F]{4}){7}\}?\s*")
_TRUTHS = frozenset({"t", "true", "y", "yes", "on", "1", "f", "false", "n", "no", "off", "0"})
_ARRAY = re.compile(r"\s*(?:\[[^\]]*\]\s*=\s*)?\{.*\}\s*", re.DOTALL)
_COORDINATE = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
# Nothing in it is nested, quoted or escaped, so that its items are plain to see.
_FLAT_ARRAY = re.compile(r"\s*\{(?P<items>[^{}\"\\]*)\}\s*")
_RANGE = re.compile(r"\s*(?:[\[(].*,.*[\])]|empty)\s*", re.DOTALL)
_MOMENT = re.compile(
    r"\d\s*[-/.:\s]\s*\w|\d{6}|\w{3}\s*[-/.\s]?\s*\d"
    r"|\b(?:now|today|tomorrow|yesterday|epoch|infinity|allballs)\b",
    re.IGNORECASE,
)
_NUMBERS = INTEGERS | {"numeric", "real", "double precision"}
_STRINGS = frozenset({"text", "character varying", "character", "name", "citext"})
_DATES = frozenset({"date", "timestamp without time zone", "timestamp with time zone"})
_TIMES = frozenset({"time without time zone", "time with time zone"})
_JSON = frozenset({"json", "jsonb"})
_CALLS: Mapping[str, str] = {
    "now": "timestamp with time zone",
    "clock_timestamp": "timestamp with time zone",
    "statement_timestamp": "timestamp with time zone",
    "transaction_timestamp": "timestamp with time zone",
    "gen_random_uuid": "uuid",
    "uuid_generate_v4": "uuid",
    "uuid_generate_v1": "uuid",
    "nextval": "bigint",
    "random": "double precision",
    "to_timestamp": "timestamp with time zone",
    "make_interval": "interval",
    "to_tsvector": "tsvector",
    "jsonb_build_object": "jsonb",
    "jsonb_build_array": "jsonb",
    "json_build_object": "json",
    "json_build_array": "json",
    **dict.fromkeys(
        (
            "upper", "lower", "md5", "concat", "concat_ws", "to_char", "format", "replace",
            "left", "right", "encode", "initcap", "repeat",
        ),
        "text",
    ),
}  # fmt: skip
_WORDS: Mapping[str, str] = {
    "current_timestamp": "timestamp with time zone",
    "localtimestamp": "timestamp without time zone",
    "current_date": "date",
    "current_time": "time with time zone",
    "localtime": "time without time zone",
    "true": "boolean",
    "false": "boolean",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A type as far as it matters here: its known name (None: not known) and whether an array."""

    base: str | None
    is_array: bool = False


def shape_of(found: Sequence[Token]) -> Shape | None:
    """Return the type of an expression that is plain to see, else None. A lone string has none."""
    cast = _last_cast(found)
    if cast is not None:
        return cast
    if found[0].text in {"-", "+"}:
        found = found[1:]
    if not found:
        return None
    first = found[0]
    if len(found) == 1:
        if first.kind is TokenKind.NUMBER:
            return Shape(base="integer" if first.text.isdigit() else "numeric")
        base = _WORDS.get(first.word)
        return Shape(base=base) if base and first.kind is TokenKind.WORD else None
    if first.word in {*_CALLS, *_WORDS} and found[1].text == "(" and _closes_last(found):
        base = _CALLS.get(first.word) or _WORDS.get(first.word)
        return Shape(base=base)
    return None


def _closes_last(found: Sequence[Token]) -> bool:
    """Tell whether the bracket that opens at the second token closes at the last one."""
    depth = 0
    for at, token in enumerate(found):
        depth += (token.text == "(") - (token.text == ")")
        if at and depth == 0:
            return at == len(found) - 1
    return False


def _last_cast(found: Sequence[Token]) -> Shape | None:
    """The type behind a final `::`, when a bare value stands before it and nothing behind."""
    places = [at for at, token in enumerate(found) if token.text == "::"]
    if not places:
        return None
    before, behind = found[: places[-1]], found[places[-1] + 1 :]
    words = [token for token in behind if token.kind in {TokenKind.WORD, TokenKind.QUOTED}]
    rest = {token.text for token in behind if token not in words}
    plain = all(
        t.kind is TokenKind.NUMBER or t.text in {"(", ")", "[", "]", ",", "."}
        for t in behind
        if t not in words
    )
    if not words or not plain or not _is_one_value(before):
        return None
    base = base_of_words(" ".join(token.word for token in words))
    return Shape(base=base or enum_base(words[-1].name), is_array="[" in rest)


def enum_base(name: str) -> str:
    """Return the name under which an enum goes here, apart from all built-in types."""
    return f'enum "{name}"'


def _is_one_value(found: Sequence[Token]) -> bool:
    """Tell whether `::` takes all that stands before it: one token, one call, one bracket."""
    if len(found) == 1:
        return True
    depth, before = 0, ""
    for token in found:
        if depth == 0 and token.kind is not TokenKind.SIGN:
            # Two values side by side: in `now() AT TIME ZONE 'utc'::text` only the last is cast.
            if before not in {"", ".", "::"}:
                return False
        elif depth == 0 and token.text not in {"(", ")", "[", "]", "::", "."}:
            return False
        depth += (token.text in {"(", "["}) - (token.text in {")", "]"})
        before = token.text
    # A cast inside a bracket that is still open is not that of the whole.
    return depth == 0


def can_assign(value: Shape, column: Shape) -> bool:
    """Tell whether a value of one type can be stored in a column of another."""
    if value.base is None or column.base is None:
        return True
    if column.base in _STRINGS and not column.is_array:
        return True
    if value.is_array != column.is_array:
        return False
    if value.base == column.base:
        return True
    families = (_NUMBERS, _DATES, _JSON, _STRINGS, frozenset({"inet", "cidr"}))
    if any(value.base in family and column.base in family for family in families):
        return True
    if column.base in _TIMES:
        return value.base in _TIMES | _DATES | {"interval"}
    if column.base == "interval":
        return value.base in _TIMES
    return (value.base, column.base) in {
        ("integer", "oid"), ("bigint", "oid"), ("integer", "money"), ("bigint", "money"),
        ("numeric", "money"), ("money", "numeric"), ("integer", "bit"), ("bit varying", "bit"),
        ("bit", "bit varying"), ("box", "circle"), ("text", "xml"), ("macaddr", "macaddr8"),
        ("integer", '"char"'), ("date", "timestamp with time zone"),
    }  # fmt: skip


def is_readable(text: str, column: Shape) -> bool:
    """Tell whether the input function of a type takes a text; True where that is not known."""
    if column.is_array:
        flat = _FLAT_ARRAY.fullmatch(text)
        items = flat["items"].split(",") if flat is not None and flat["items"].strip() else []
        item = Shape(base=column.base)
        if any(each.strip().lower() != "null" and not is_readable(each, item) for each in items):
            return False
        return _ARRAY.fullmatch(text) is not None
    reads = next((reads for bases, reads in _INPUTS if column.base in bases), None)
    return reads is None or reads(text)


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(name: str) -> None:
    raise ValueError(name)


def _is_range(text: str) -> bool:
    return _RANGE.fullmatch(text) is not None


def _of_numbers(*counts: int) -> Callable[[str], bool]:
    """A shape is written with so many numbers; a path or polygon, with pairs of them."""

    def reads(text: str) -> bool:
        count = len(_COORDINATE.findall(text))
        return count in counts if counts else count > 0 and count % 2 == 0

    return reads


def _has_digit(text: str) -> bool:
    return any(char.isdigit() for char in text)


_INPUTS: tuple[tuple[frozenset[str], Callable[[str], bool]], ...] = (
    (INTEGERS, lambda text: _INTEGER.fullmatch(text) is not None),
    (_NUMBERS, lambda text: _NUMBER.fullmatch(text) is not None),
    (frozenset({"boolean"}), lambda text: text.strip().lower() in _TRUTHS),
    (frozenset({"uuid"}), lambda text: _UUID.fullmatch(text) is not None),
    (_JSON, _is_json),
    (_DATES | _TIMES, lambda text: _MOMENT.search(text) is not None),
    (RANGES, _is_range),
    (frozenset({"point"}), _of_numbers(2)),
    (frozenset({"circle"}), _of_numbers(3)),
    (frozenset({"line"}), _of_numbers(3, 4)),
    (frozenset({"lseg", "box"}), _of_numbers(4)),
    (frozenset({"path", "polygon"}), _of_numbers()),
    (frozenset({"interval", "inet", "cidr", "macaddr", "macaddr8", "money"}), _has_digit),
)

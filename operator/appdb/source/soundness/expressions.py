"""Whether a piece of SQL from a source can stand inside a statement, and would load there.

A piece that could end the statement, or swallow what follows it, never passes. What it
computes is the application's own business.
"""

import itertools
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from appdb.model.schema import Enum, Extension
from appdb.model.types import PgType
from appdb.source.merge import place
from appdb.source.soundness.functions import unknown_function
from appdb.source.soundness.types import base_of, base_of_words, dimensions_of
from appdb.source.soundness.values import Shape, can_assign, enum_base, is_readable, shape_of
from appdb.source.sqltext import Token, TokenKind, one_expression, string_text, without_comments

_SEQUENCE = re.compile(r'(?:(?P<schema>"(?:[^"]|"")+"|[\w$]+)\.)?(?P<name>"(?:[^"]|"")+"|[\w$]+)')
# Never a value of its own: a query, or a name of the new row.
_FORBIDDEN = frozenset({"select", "with", "values", "insert", "update", "delete"})
# Any other word alone would be a column, and a default reads none.
_VALUES = frozenset(
    {
        "null", "true", "false", "current_date", "current_time", "current_timestamp", "localtime",
        "localtimestamp", "current_user", "session_user", "system_user", "user", "current_role",
        "current_catalog", "current_schema",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What an expression may name: the schema's enums, sequences and extensions."""

    enums: dict[tuple[str, str], Enum] = field(default_factory=dict)
    sequences: Collection[tuple[str, str]] = ()
    extensions: Collection[Extension] = ()


@lru_cache(maxsize=2048)
def clean(text: str) -> str | None:
    """Return an expression without comments, or None when it is not exactly one."""
    found = one_expression(text)
    if found is None or found[0].word in _FORBIDDEN or _has_query(found):
        return None
    return without_comments(text, found)


def _has_query(found: Sequence[Token]) -> bool:
    return any(
        before.text == "(" and after.word in {"select", "with", "values"}
        for before, after in itertools.pairwise(found)
    )


def unknown_columns(text: str, columns: Collection[str]) -> list[str]:
    """Return the quoted names of an expression that no column has; bare words are not judged."""
    found = one_expression(text) or []
    names: list[str] = []
    for at, token in enumerate(found):
        if token.kind is not TokenKind.QUOTED:
            continue
        before = found[at - 1].word if at else ""
        after = found[at + 1].text if at + 1 < len(found) else ""
        if before in {"::", ".", "collate", "as"} or after in {"(", "."}:
            continue
        if token.name not in columns:
            names.append(token.name)
    return names


def default_problem(text: str, type_: PgType, known: Known) -> str | None:
    """Say why a cleaned default would not load for a column of this type, or None."""
    found = one_expression(text)
    if found is None:
        return "it is not one SQL expression"
    if len(found) == 1 and found[0].kind is TokenKind.WORD and found[0].word not in _VALUES:
        return f"{found[0].text} is no value"
    problem = _sequence_problem(found, known) if "nextval" in text.lower() else None
    if problem is None and "::" in text:
        problem = _cast_problem(found, known)
    if problem is None and "(" in text:
        unknown = unknown_function(found, known.extensions)
        problem = f"there is no function {unknown}" if unknown is not None else None
    if problem is not None:
        return problem
    if type_.declared and not type_.dimensions:
        return _enum_problem(text, found, type_, known)
    return value_problem(text, type_)


@lru_cache(maxsize=2048)
def value_problem(text: str, type_: PgType) -> str | None:
    """Say why a cleaned value would not fit a column of this type, or None."""
    found = one_expression(text) or ()
    column = Shape(
        base=enum_base(type_.name) if type_.declared else base_of(type_),
        is_array=dimensions_of(type_) > 0,
    )
    constant = string_text(found[0]) if len(found) == 1 else None
    if constant is not None:
        return None if is_readable(constant, column) else f"{found[0].text} is no {type_.sql}"
    value = shape_of(found)
    if value is None or can_assign(value, column):
        return None
    return f"it is {value.base}{'[]' if value.is_array else ''}, not {type_.sql}"


def _sequence_problem(found: Sequence[Token], known: Known) -> str | None:
    for at, token in enumerate(found[:-2]):
        if token.word != "nextval" or found[at + 1].text != "(":
            continue
        wanted = _SEQUENCE.fullmatch(string_text(found[at + 2]) or "")
        if wanted is None:
            continue
        schema = _folded(wanted["schema"]) if wanted["schema"] else None
        if place(schema, _folded(wanted["name"])) not in known.sequences:
            return f"there is no sequence {found[at + 2].text}"
    return None


def _folded(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


def _cast_problem(found: Sequence[Token], known: Known) -> str | None:
    """Look at the types that values are cast to, and at labels that are cast to an enum."""
    for at, token in enumerate(found):
        if token.text != "::" or at + 1 >= len(found):
            continue
        schema, target = _cast_target(found[at + 1 :])
        enum = known.enums.get(place(schema, target.name))
        if enum is not None:
            label = string_text(found[at - 1]) if at else None
            is_array = any(t.text == "[" for t in found[at + 2 : at + 5])
            if label is not None and not is_array and label not in enum.labels:
                return f"{found[at - 1].text} is no label of {enum.name}"
        elif not _is_built_in(target, schema):
            return f"there is no type {target.text}"
    return None


def _cast_target(rest: Sequence[Token]) -> tuple[str | None, Token]:
    if len(rest) > 2 and rest[1].text == ".":
        return rest[0].name, rest[2]
    return None, rest[0]


def _is_built_in(target: Token, schema: str | None) -> bool:
    if target.kind is TokenKind.QUOTED:
        return target.name == "char" or schema == "pg_catalog"
    first_words = {"double", "bit", "character", "national", "timestamp", "time", "interval"}
    return target.word in first_words or base_of_words(target.word) is not None


def _enum_problem(text: str, found: Sequence[Token], type_: PgType, known: Known) -> str | None:
    enum = known.enums.get(place(type_.schema, type_.name))
    label = string_text(found[0]) if len(found) == 1 else None
    if enum is None or label is None:
        return value_problem(text, type_)
    return None if label in enum.labels else f"{found[0].text} is no label of {enum.name}"

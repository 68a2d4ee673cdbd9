"""Whether a piece of SQL from a source can stand inside a statement, and would load there.

A piece that could end the statement, or swallow what follows it, never passes. What it
computes is the application's own business.
"""

import itertools
import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field

from appdb.model.schema import Enum
from appdb.model.types import PgType
from appdb.source.merge import place
from appdb.source.soundness.types import INTEGERS, base_of
from appdb.source.sqltext import Token, TokenKind, one_expression, string_text, without_comments

_INTEGER = re.compile(r"\s*[-+]?\d+\s*")
_NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*|\s*(?:NaN|-?Infinity)\s*")
_UUID = re.compile(r"\s*\{?[0-9a-fA-F]{4}(?:-?[0-9a-fA-F]{4}){7}\}?\s*")
_TRUTHS = frozenset(["t", "true", "y", "yes", "on", "1", "f", "false", "n", "no", "off", "0"])
_SEQUENCE = re.compile(r'(?:(?P<schema>"(?:[^"]|"")+"|[\w$]+)\.)?(?P<name>"(?:[^"]|"")+"|[\w$]+)')
# Never a value of its own: a query, or a name of the new row.
_FORBIDDEN = frozenset({"select", "with", "values", "insert", "update", "delete"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What an expression may name: the schema's enums and sequences."""

    enums: dict[tuple[str, str], Enum] = field(default_factory=dict)
    sequences: Collection[tuple[str, str]] = ()


def clean(text: str) -> str | None:
    """Return an expression without comments, or None when it is not exactly one."""
    found = one_expression(text)
    if found is None or found[0].word in _FORBIDDEN or _has_query(found):
        return None
    return without_comments(text, found)


def _has_query(found: list[Token]) -> bool:
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
    problem = _sequence_problem(found, known) or _cast_problem(found, known)
    if problem or type_.dimensions:
        return problem
    if type_.declared:
        return _enum_problem(found, type_, known)
    return _constant_problem(found, base_of(type_))


def _sequence_problem(found: list[Token], known: Known) -> str | None:
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


def _cast_problem(found: list[Token], known: Known) -> str | None:
    """Look at casts to quoted types: the only ones that the schema itself must have."""
    names = {name for _, name in known.enums}
    for at, token in enumerate(found):
        if token.text != "::" or at + 1 >= len(found):
            continue
        rest = found[at + 1 :]
        target = rest[2] if len(rest) > 2 and rest[1].text == "." else rest[0]
        if target.kind is TokenKind.QUOTED and target.name not in names | {"char"}:
            return f"there is no type {target.text}"
    return None


def _enum_problem(found: list[Token], type_: PgType, known: Known) -> str | None:
    enum = known.enums.get(place(type_.schema, type_.name))
    if enum is None or (len(found) > 1 and found[1].text != "::"):
        return None
    label = string_text(found[0])
    if label is not None:
        return None if label in enum.labels else f"{found[0].text} is no label of {enum.name}"
    if found[0].kind is TokenKind.NUMBER or found[0].word in {"true", "false"}:
        return f"it is no label of {enum.name}"
    return None


def _constant_problem(found: list[Token], base: str | None) -> str | None:
    """Judge constants only: a call or an operator may give any type."""
    if base is None or not found:
        return None
    text = string_text(found[0])
    if len(found) == 1 and text is not None:
        return None if _is_readable(text, base) else f"{found[0].text} is no {base}"
    if len(found) == 1 and found[0].word in {"true", "false"}:
        fits = base == "boolean" or base in {"text", "character varying", "character"}
        return None if fits else f"{found[0].text} is no {base}"
    signless = found[1:] if found[0].text in {"-", "+"} else found
    if len(signless) == 1 and signless[0].kind is TokenKind.NUMBER:
        fits = base not in {"boolean", "uuid", "json", "jsonb", "date", "bytea"} and not (
            base.startswith("time")
        )
        return None if fits else f"the number {signless[0].text} is no {base}"
    return None


def _is_readable(text: str, base: str) -> bool:
    """Tell whether the input function of a type takes a text; True where that is not known."""
    if base in INTEGERS:
        return _INTEGER.fullmatch(text) is not None
    if base in {"numeric", "real", "double precision"}:
        return _NUMBER.fullmatch(text) is not None
    if base == "boolean":
        return text.strip().lower() in _TRUTHS
    if base == "uuid":
        return _UUID.fullmatch(text) is not None
    if base in {"json", "jsonb"}:
        try:
            json.loads(text, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return False
    return True


def _refuse(name: str) -> None:
    raise ValueError(name)

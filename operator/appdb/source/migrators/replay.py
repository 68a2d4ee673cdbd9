"""What a folder of SQL migrations does to an empty database, as statements that may be tried.

An allow-list: what declares, changes or drops tables and types is kept as it is written;
what only moves rows does nothing where there are none and is left out; for anything else
the folder cannot be replayed, and the answer says what and where.
"""

import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from appdb.model.migrator import Replay
from appdb.source.frameworks.sql.split import Script, statements, words
from appdb.source.project import SourceFile
from appdb.source.soundness.names import is_reserved_schema
from appdb.source.sqltext import NotSql, Token, TokenKind

MOST_STATEMENTS = 20_000

_MADE = frozenset({"table", "type", "domain", "schema", "sequence", "index"})
_IDLE = frozenset(
    {
        *("begin", "start", "commit", "end", "set", "reset", "select", "update", "delete"),
        *("insert", "truncate", "analyze", "vacuum", "lock", "reindex"),
    }
)
_COMMENTED = frozenset({"table", "column", "index", "constraint", "type", "domain", "sequence"})
# Drizzle before 0.30 wrapped what may be there already.
_GUARDED = re.compile(
    r"\s*BEGIN\b(?P<inner>.*?)\bEXCEPTION\s+WHEN\s+duplicate_object\s+THEN\s+null\s*;\s*END\s*;?\s*",
    re.IGNORECASE | re.DOTALL,
)


# Names of what the application's own role cannot make, by kind.
_Wanted: TypeAlias = dict[str, list[str]]


class _Refused(ValueError):  # noqa: N818 - reads as what it says
    """A statement that is not replayed; the message ends the sentence "cannot be replayed: "."""


def replay_of(files: Iterable[SourceFile]) -> Replay:
    """Return what SQL files do, one after another."""
    kept: list[str] = []
    wanted: _Wanted = {"extension": [], "schema": []}
    for file in files:
        script = Script(file)
        try:
            for found in statements(script.text):
                kept.extend(_kept(script.text, found, wanted))
        except NotSql as error:
            return Replay(refusal=f"{script.span(error.offset)}: {error}")
        except _Refused as error:
            return Replay(refusal=f"{script.span(found[0].start)}: {error}")
        if len(kept) > MOST_STATEMENTS:
            return Replay(refusal=f"it has more than {MOST_STATEMENTS} statements")
    return Replay(
        statements=tuple(kept),
        extensions=tuple(dict.fromkeys(wanted["extension"])),
        schemas=tuple(dict.fromkeys(wanted["schema"])),
    )


def _kept(text: str, found: list[Token], wanted: _Wanted) -> Iterator[str]:
    match found[0].word, found[1].word if len(found) > 1 else "":
        case "create", "extension":
            wanted["extension"].append(_named(found))
        case "create" | "drop" as first, second:
            what = _made(found) if first == "create" else second
            if what not in _MADE or _is_query(found):
                raise _unknown(found)
            if (first, second) == ("create", "schema"):
                wanted["schema"].append(_own_schema(found))
            yield _without_concurrently(text, found)
        case "alter", second if second in _MADE:
            yield from _altered(text, found)
        case "comment", "on" if len(found) > 2 and found[2].word in _COMMENTED:
            yield _as_written(text, found)
        case "do", _:
            yield from _guarded(found, wanted)
        case first, _:
            _refuse_unless_idle(first, found)


def _unknown(found: list[Token]) -> _Refused:
    return _Refused(f"{words(found, 2)} makes something that is not managed here")


def _refuse_unless_idle(first: str, found: list[Token]) -> None:
    """What moves rows does nothing where there are none."""
    if first == "insert" and "from" not in {token.word for token in found}:
        raise _Refused("it inserts rows, and a database that is made here has none")
    if first not in _IDLE:
        raise _unknown(found)


def _made(found: list[Token]) -> str:
    """What a CREATE makes."""
    skipped = {"create", "unique", "unlogged"}
    return next((token.word for token in found if token.word not in skipped), "")


def _is_query(found: list[Token]) -> bool:
    if found[0].word != "create" or _made(found) != "table":
        return False
    depth = 0
    for token in found:
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.kind is TokenKind.WORD and token.word == "as":
            return True
    return False


def _own_schema(found: list[Token]) -> str:
    name = _named(found)
    if not name or name == "authorization" or is_reserved_schema(name):
        raise _Refused(f'schema "{name}" is not one that an application may make')
    return name


def _named(found: list[Token]) -> str:
    """The name of the extension or schema that a statement makes."""
    skipped = {"create", "extension", "schema", "if", "not", "exists"}
    return next((token.name for token in found if token.word not in skipped), "")


def _altered(text: str, found: list[Token]) -> Iterator[str]:
    rest = {token.word for token in found}
    if [token.word for token in found[-3:-1]] == ["owner", "to"]:
        return
    if "security" in rest or "trigger" in rest:
        raise _Refused("row level security and triggers are not managed here")
    yield _as_written(text, found)


def _guarded(found: list[Token], wanted: _Wanted) -> Iterator[str]:
    body = next((token.text for token in found if token.kind is TokenKind.STRING), "")
    tag = body[: body.find("$", 1) + 1]
    match = _GUARDED.fullmatch(body.removeprefix(tag).removesuffix(tag)) if tag else None
    if match is None:
        raise _Refused("a DO block is a program, and nothing of the application is run")
    inner = match["inner"]
    for each in statements(inner):
        yield from _kept(inner, each, wanted)


def _as_written(text: str, found: list[Token]) -> str:
    return text[found[0].start : found[-1].end]


def _without_concurrently(text: str, found: list[Token]) -> str:
    """An index is built in a transaction here, where CONCURRENTLY is not allowed."""
    at = next((token for token in found[:5] if token.word == "concurrently"), None)
    if at is None:
        return _as_written(text, found)
    return f"{text[found[0].start : at.start]}{text[at.end : found[-1].end]}"

"""The order in which statements load. Pure.

Kinds come in their own order. Within tables and types of plain SQL, what a statement
names comes before it, whatever file it stands in.
"""

from collections.abc import Iterable

from appdb.model.ddl import DdlKind, DdlStatement
from appdb.source.sqltext import TokenKind, tokens

_SORTED = frozenset({DdlKind.TABLE, DdlKind.TYPE})
# What stands behind these words must be there before a table is made.
_ASKING = frozenset({"references", "inherits", "like", "of"})


def in_loading_order(
    printed: Iterable[DdlStatement], verbatim: Iterable[DdlStatement]
) -> tuple[DdlStatement, ...]:
    """Sort statements by kind. Those that were printed keep their order and come first."""
    first, behind = list(printed), list(verbatim)
    return tuple(
        statement
        for kind in DdlKind
        for statement in (
            *(each for each in first if each.kind is kind),
            *_by_need([each for each in behind if each.kind is kind], kind),
        )
    )


def _by_need(statements: list[DdlStatement], kind: DdlKind) -> Iterable[DdlStatement]:
    """Depth first, without recursion; in a cycle the given order stays."""
    if kind not in _SORTED:
        return statements
    names: dict[str, list[DdlStatement]] = {}
    for each in statements:
        names.setdefault(each.name, []).append(each)
    placed: dict[int, DdlStatement] = {}
    begun: set[int] = set()
    stack = list(reversed(statements))
    while stack:
        current = stack[-1]
        if id(current) in placed:
            stack.pop()
        elif id(current) in begun:
            placed[id(current)] = stack.pop()
        else:
            begun.add(id(current))
            stack.extend(each for each in _needs(current, names) if id(each) not in begun)
    return placed.values()


def _needs(statement: DdlStatement, names: dict[str, list[DdlStatement]]) -> list[DdlStatement]:
    """The statements whose names this one mentions, for a table only where it must have them."""
    found: list[DdlStatement] = []
    is_table, asked = statement.kind is DdlKind.TABLE, False
    for token in tokens(statement.sql):
        if token.kind is TokenKind.WORD and token.word in _ASKING:
            asked = True
        elif token.kind in {TokenKind.WORD, TokenKind.QUOTED}:
            if asked or not is_table:
                found.extend(each for each in names.get(token.name, ()) if each is not statement)
        elif asked and token.text not in {".", "(", ","}:
            asked = False
    return found

"""Views that load: one query, over tables and views that are there.

A query is not understood further than that: which columns it reads is for the server.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from appdb.model.schema import Table, View
from appdb.source.merge import Place, place
from appdb.source.soundness.names import Relations, checked
from appdb.source.soundness.remarks import Remarks
from appdb.source.sqltext import Token, TokenKind, one_expression, without_comments

_QUERIES = frozenset({"select", "with", "values", "table"})
_NAMES = frozenset({TokenKind.WORD, TokenKind.QUOTED})


def sound_views(
    views: Iterable[View], tables: Mapping[Place, Table], relations: Relations, remarks: Remarks
) -> tuple[View, ...]:
    """Return the views that load, in their order; a view may read those before it."""
    kept: list[View] = []
    there = set(tables)
    for view in views:
        if not checked(view.name, f'view "{view.name}"', view.evidence, remarks):
            continue
        found = one_expression(view.query.strip().removesuffix(";"))
        problem = _problem(found, there)
        if problem is None:
            owner = relations.take(view.schema, view.name, f'view "{view.name}"')
            problem = None if owner is None else f"the name belongs to {owner}"
        if problem is not None or found is None:
            remarks.warn(
                "VIEW_LEFT_OUT", f'view "{view.name}" is left out: {problem}', view.evidence
            )
            continue
        there.add(place(view.schema, view.name))
        query = without_comments(view.query.strip().removesuffix(";"), found)
        kept.append(replace(view, query=query))
    return tuple(kept)


def _problem(found: Sequence[Token] | None, there: set[Place]) -> str | None:
    if found is None or found[0].word not in _QUERIES:
        return "it is not one query"
    own = {
        token.name
        for token, after in itertools.pairwise(found)
        if token.kind in _NAMES and after.word == "as"
    }
    for schema, name in _sources(found):
        known = place(schema, name) in there or (schema is None and name in own)
        if not known and schema not in {"pg_catalog", "information_schema"}:
            return f'there is no table "{name}"'
    return None


def _sources(found: Sequence[Token]) -> Iterable[tuple[str | None, str]]:
    """Yield the names behind FROM and JOIN, but for functions and queries in parentheses."""
    for at, token in enumerate(found[:-1]):
        if token.kind is not TokenKind.WORD or token.word not in {"from", "join"}:
            continue
        rest = found[at + 1 :]
        if rest[0].word in {"only", "lateral"}:
            rest = rest[1:]
        if not rest or rest[0].kind not in _NAMES:
            continue
        # EXTRACT(year FROM x) and the like: a bracket closes before anything else comes.
        if len(rest) > 2 and rest[1].text == "." and rest[2].kind in _NAMES:
            if len(rest) < 4 or rest[3].text != "(":
                yield rest[0].name, rest[2].name
        elif (len(rest) < 2 or rest[1].text != "(") and not _in_call(found, at):
            yield None, rest[0].name


def _in_call(found: Sequence[Token], at: int) -> bool:
    """Tell whether FROM stands inside EXTRACT(...), TRIM(...) or SUBSTRING(...)."""
    depth = 0
    for back in range(at - 1, -1, -1):
        text = found[back].text
        depth += (text == ")") - (text == "(")
        if depth < 0:
            before = found[back - 1].word if back else ""
            return before in {"extract", "trim", "substring", "overlay", "position"}
    return False

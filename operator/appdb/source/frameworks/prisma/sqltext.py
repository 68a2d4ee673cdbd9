"""Decides whether SQL that a schema carries is one expression, one type or one operator class.

The text is a stranger's and goes into DDL as it is, so it may not end the statement, open a
comment or add a clause. It is judged, never changed in meaning.
"""

import re
from collections.abc import Sequence

from appdb.source.sqltext import Token, TokenKind, one_expression, without_comments

_SIMPLE = re.compile(
    r"[A-Za-z_][\w.]*(?:\([^()';\"]*\))?|'[^'\\]*'(?:::[A-Za-z_][\w ]*)?|-?\d+(?:\.\d+)?"
)
_TYPE = re.compile(
    r"""(?:[A-Za-z_][\w.]*|"(?:[^"\0]|"")+")(?:\."(?:[^"\0]|"")+")?(?:\s+\w+)*
        (?:\s*\(\s*[\w\s,.-]*\))?(?:\s+(?:with|without)\s+time\s+zone)?(?:\s*\[\d*\])*""",
    re.VERBOSE | re.IGNORECASE,
)
_NOT_IN_TYPES = re.compile(
    r"\b(?:not|null|default|check|primary|unique|references|generated|collate|constraint)\b",
    re.IGNORECASE,
)
_OPCLASS = re.compile(r"(?:[A-Za-z_]\w*\.)?[A-Za-z_]\w*(?:\s*\([\w\s=,.']*\))?")


def as_expression(sql: str) -> str | None:
    """Return the text as one closed expression for DDL, or None when it is not one."""
    found = one_expression(sql)
    if found is None or _has_comma(found):
        return None
    text = without_comments(sql, found)
    # Parentheses keep a clause (`1 NOT NULL`, `1 REFERENCES x`) from reaching the statement.
    return text if _SIMPLE.fullmatch(text) else f"({text})"


def _has_comma(tokens: Sequence[Token]) -> bool:
    depth = 0
    for token in tokens:
        if token.kind is TokenKind.SIGN:
            depth += (token.text in {"(", "["}) - (token.text in {")", "]"})
            if token.text == "," and depth == 0:
                return True
    return False


def is_type(sql: str) -> bool:
    """Tell whether the text names one type and nothing else."""
    return bool(_TYPE.fullmatch(sql.strip())) and not _NOT_IN_TYPES.search(sql)


def is_operator_class(sql: str) -> bool:
    """Tell whether the text is one operator class, with or without parameters."""
    return _OPCLASS.fullmatch(sql.strip()) is not None


def columns_of(sql: str, columns: frozenset[str]) -> frozenset[str]:
    """Return which of the columns an expression reads."""
    tokens = one_expression(sql) or []
    found = set()
    for place, token in enumerate(tokens):
        if token.kind not in {TokenKind.WORD, TokenKind.QUOTED} or token.name not in columns:
            continue
        before = tokens[place - 1].text if place else ""
        after = tokens[place + 1].text if place + 1 < len(tokens) else ""
        if before not in {"::", "."} and after not in {"(", "."}:
            found.add(token.name)
    return frozenset(found)

"""SQL text as tokens: enough to tell one statement or expression from several.

Follows PostgreSQL, "Lexical Structure": nested comments, E'' strings, dollar quotes,
quoted names. It knows no grammar and never runs anything. Linear in the text.
"""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import lru_cache

from appdb.model.value import value


class TokenKind(StrEnum):
    WORD = "word"
    QUOTED = "quoted"
    STRING = "string"
    NUMBER = "number"
    SIGN = "sign"


@value(frozen=True, slots=True, kw_only=True)
class Token:
    """`start` and `end` are offsets into the text."""

    kind: TokenKind
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """A bare word in lower case, the text of any other token."""
        return self.text.lower() if self.kind is TokenKind.WORD else self.text

    @property
    def name(self) -> str:
        """The identifier that a word or a quoted name stands for."""
        if self.kind is TokenKind.QUOTED:
            return self.text[1:-1].replace('""', '"')
        return self.text.lower()


class NotSql(ValueError):  # noqa: N818 - reads as what it says
    """A quote or a comment that does not end; `offset` is where it starts."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


_TOKEN = re.compile(
    r"""
      (?P<space>\s+|--[^\r\n]*)
    | (?P<comment>/\*)
    | (?P<escaped>[eE]'(?:[^'\\]|\\.|'')*')
    | (?P<string>(?:[bBxXnN]|[uU]&)?'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")*")
    | (?P<dollar>\$(?P<tag>(?:[^\W\d]\w*)?)\$)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<number>\.?\d[\w.]*)
    | (?P<sign>::|\$\d+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_OPENING, _CLOSING = {"(": ")", "[": "]"}, frozenset({")", "]"})
_KINDS = {
    "escaped": TokenKind.STRING,
    "string": TokenKind.STRING,
    "quoted": TokenKind.QUOTED,
    "word": TokenKind.WORD,
    "number": TokenKind.NUMBER,
    "sign": TokenKind.SIGN,
}


def tokens(text: str, start: int = 0) -> Iterator[Token]:
    """Yield the tokens of a text from an offset on, without spaces and comments.

    Raises:
        NotSql: a quote or a comment does not end.
    """
    at = start
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise NotSql("not SQL", at)
        end, group = found.end(), found.lastgroup
        if found["comment"]:
            end = _comment_end(text, at)
        elif found["dollar"]:
            end = _dollar_end(text, found)
            yield Token(kind=TokenKind.STRING, text=text[at:end], start=at, end=end)
        elif found["space"] is None:
            if found[0] in {"'", '"'}:
                raise NotSql(f"the quote {found[0]} does not end", at)
            yield Token(kind=_KINDS[group], text=found[0], start=at, end=end)
        at = end


def _comment_end(text: str, start: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, start):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    raise NotSql("the comment does not end", start)


def _dollar_end(text: str, found: re.Match[str]) -> int:
    closing = text.find(found["dollar"], found.end())
    if closing < 0:
        raise NotSql(f"the quote {found['dollar']} does not end", found.start())
    return closing + len(found["dollar"])


def is_balanced(statement: Sequence[Token]) -> bool:
    """Tell whether every bracket is closed by its own kind."""
    waiting: list[str] = []
    for token in statement:
        if token.text in _OPENING and token.kind is TokenKind.SIGN:
            waiting.append(_OPENING[token.text])
        elif token.text in _CLOSING and (not waiting or waiting.pop() != token.text):
            return False
    return not waiting


@lru_cache(maxsize=2048)
def one_expression(text: str) -> Sequence[Token] | None:
    """Return the tokens of a text that can stand inside a statement, else None.

    It can when it is not empty, has no semicolon, no open quote or comment, and balanced
    brackets: then nothing of it can end the statement or swallow what follows.
    """
    try:
        found = tuple(tokens(text))
    except NotSql:
        return None
    if not found or "\0" in text or not is_balanced(found):
        return None
    return None if any(token.text == ";" for token in found) else found


def without_comments(text: str, found: Sequence[Token]) -> str:
    """Return a text whose comments are gone; a line comment would swallow what follows."""
    if "--" not in text and "/*" not in text:
        return text.strip()
    parts: list[str] = []
    end = found[0].start
    for token in found:
        parts += [" "] if token.start > end else []
        parts.append(token.text)
        end = token.end
    return "".join(parts)


def string_text(token: Token) -> str | None:
    """Return what a plain string constant stands for; None for the other forms."""
    if token.kind is not TokenKind.STRING or not token.text.startswith("'"):
        return None
    return token.text[1:-1].replace("''", "'")

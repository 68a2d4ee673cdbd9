"""Walks over the tokens of one statement."""

from appdb.source.sqltext import Token, TokenKind

_NAMES = frozenset({TokenKind.WORD, TokenKind.QUOTED})
Name = tuple[str | None, str]


class Cursor:
    """A place among tokens; a step that does not fit moves nothing."""

    def __init__(self, found: list[Token], at: int = 0) -> None:
        self.found = found
        self.at = at

    @property
    def token(self) -> Token | None:
        """The next token, or None at the end."""
        return self.found[self.at] if self.at < len(self.found) else None

    @property
    def word(self) -> str:
        """The next bare word in lower case, or the sign; empty at the end."""
        token = self.token
        return "" if token is None else token.word

    def take(self, *wanted: str) -> bool:
        """Step over words when they all come next."""
        following = self.found[self.at : self.at + len(wanted)]
        if [token.word for token in following] != list(wanted):
            return False
        self.at += len(wanted)
        return True

    def name(self) -> Name | None:
        """Step over a name, with its schema if it has one."""
        first = self.token
        if first is None or first.kind not in _NAMES:
            return None
        self.at += 1
        if self.word != ".":
            return None, first.name
        self.at += 1
        second = self.token
        if second is None or second.kind not in _NAMES:
            return None
        self.at += 1
        return first.name, second.name

    def group(self) -> list[Token] | None:
        """Step over a pair of brackets and return what is inside."""
        if self.word != "(":
            return None
        depth, start = 0, self.at + 1
        while self.token is not None:
            depth += (self.word == "(") - (self.word == ")")
            self.at += 1
            if depth == 0:
                return self.found[start : self.at - 1]
        return None


def split_by_comma(found: list[Token]) -> list[list[Token]]:
    """Cut tokens at the commas that stand in no brackets."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in found:
        depth += (token.text in {"(", "["}) - (token.text in {")", "]"})
        if token.text == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def columns_of(group: list[Token] | None) -> tuple[str, ...]:
    """Return the names in a list of columns."""
    return tuple(part[0].name for part in split_by_comma(group or []))

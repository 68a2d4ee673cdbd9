"""Cuts a script into statements, past what psql and pg_dump put between them."""

import re
from bisect import bisect_right
from collections.abc import Iterator

from appdb.model.finding import Span
from appdb.source.project import SourceFile
from appdb.source.sqltext import Token, tokens

_END_OF_LINE = re.compile(r"\r?\n|\r|\Z")
_END_OF_DATA = re.compile(r"^\\\.\s*$", re.MULTILINE)


class Script:
    """The text of one file, and where its lines start."""

    def __init__(self, file: SourceFile) -> None:
        self.path = file.path
        self.text = file.text
        self._starts = [0, *(found.end() for found in re.finditer("\n", self.text))]

    def span(self, offset: int) -> Span:
        """Return line and column of an offset into the text."""
        line = bisect_right(self._starts, offset)
        return Span(path=self.path, line=line, column=offset - self._starts[line - 1] + 1)


def statements(text: str) -> Iterator[list[Token]]:
    """Yield each statement as its tokens, without the semicolon.

    Lines for psql itself (those that start with a backslash) and the data behind COPY are skipped.

    Raises:
        NotSql: a quote or a comment does not end.
    """
    at = 0
    while True:
        current: list[Token] = []
        for token in tokens(text, at):
            if token.text == "\\" and not current:
                at = _behind(_END_OF_LINE, text, token.end)
                break
            at = token.end
            if token.text == ";":
                break
            current.append(token)
        else:
            if current:
                yield current
            return
        if current:
            yield current
            if current[0].word == "copy" and current[-1].word == "stdin":
                at = _behind(_END_OF_DATA, text, at)


def _behind(end: re.Pattern[str], text: str, start: int) -> int:
    found = end.search(text, start)
    return len(text) if found is None else found.end()


def words(statement: list[Token], count: int) -> str:
    """Return the first words of a statement, for people."""
    return " ".join(token.text for token in statement[:count]).upper()

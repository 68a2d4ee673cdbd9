"""A schema file as text: comments masked at the same length, offsets turned into places.

Masking keeps every offset, so that all later reading works on one text and still points into
the file as its author wrote it. Nothing here knows what a line means.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate

from appdb.model.finding import Span

# A string first: it may hold what looks like a comment.
_STRING_OR_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*(?:(?!\*/)[\s\S])*(?:\*/)?')
_NOT_LINE_END = re.compile(r"[^\n]")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceText:
    """One file; `masked` has the length of `text` and blanks where comments stood."""

    path: str
    text: str
    masked: str
    open_comment: int | None = None
    line_starts: tuple[int, ...] = field(repr=False)

    def span(self, offset: int) -> Span:
        """Return the place of an offset."""
        line = bisect_right(self.line_starts, offset)
        return Span(path=self.path, line=line, column=offset - self.line_starts[line - 1] + 1)


def read_text(path: str, text: str) -> SourceText:
    """Normalize line ends, drop a byte order mark and mask the comments of a file."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    open_comment = None

    def mask(found: re.Match[str]) -> str:
        nonlocal open_comment
        matched = found[0]
        if matched[0] == '"':
            return matched
        if matched[1] == "/":
            return " " * len(matched)
        if len(matched) < 4 or not matched.endswith("*/"):
            open_comment = found.start()
        return _NOT_LINE_END.sub(" ", matched)

    lines = text.split("\n")
    if "/*" in text:
        masked = _STRING_OR_COMMENT.sub(mask, text)
    else:
        masked = "\n".join(
            _STRING_OR_COMMENT.sub(mask, line) if "//" in line else line for line in lines
        )
    starts = accumulate((len(line) + 1 for line in lines[:-1]), initial=0)
    return SourceText(
        path=path, text=text, masked=masked, open_comment=open_comment, line_starts=tuple(starts)
    )

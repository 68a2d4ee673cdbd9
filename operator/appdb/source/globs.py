"""Globs over logical paths, with `**`. Pure text."""

import re
from collections.abc import Iterable
from functools import lru_cache


def matches_any(path: str, globs: Iterable[str]) -> bool:
    """Tell whether a path matches one of the globs."""
    return any(_pattern(glob).fullmatch(path) is not None for glob in globs)


@lru_cache(maxsize=512)
def _pattern(glob: str) -> re.Pattern[str]:
    """Translate a glob; one without `/` matches the last part of a path, `x/` all below x."""
    wanted = glob.removeprefix("./").removeprefix("/")
    if wanted.endswith("/"):
        wanted += "**"
    prefix = "" if "/" in wanted or wanted == "**" else "(?:.*/)?"
    return re.compile(prefix + "".join(_translated(wanted)), re.DOTALL)


_PIECE = re.compile(r"\*\*/|/\*\*$|\*+|\?|\[[!^]?\]?[^\]]*\]|\{[^{}]*\}|[^*?\[{]+|.", re.DOTALL)


def _translated(glob: str) -> Iterable[str]:
    for piece in _PIECE.findall(glob):
        if piece == "**/":
            yield "(?:.*/)?"
        elif piece == "/**":
            yield "(?:/.*)?"
        elif piece.startswith("**"):
            yield ".*"
        elif piece.startswith("*"):
            yield "[^/]*"
        elif piece == "?":
            yield "[^/]"
        elif len(piece) > 2 and piece[0] == "[":
            negated = piece[1] in "!^"
            members = re.escape(piece[2 if negated else 1 : -1]).replace(r"\-", "-")
            yield f"[{'^' if negated else ''}{members}]"
        elif piece[0] == "{" and piece[-1] == "}":
            yield "(?:" + "|".join("".join(_translated(p)) for p in piece[1:-1].split(",")) + ")"
        else:
            yield re.escape(piece)

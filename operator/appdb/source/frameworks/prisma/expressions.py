"""Reads attribute lists and expressions: a small recursive parser over one line.

The language has no line breaks inside parentheses or lists, so a line is all there is to read.
Problems are raised with their offset; nothing is skipped or repaired.
"""

import re
from functools import lru_cache

from appdb.source.frameworks.prisma.syntax import (
    Argument,
    Attribute,
    Call,
    Expression,
    Mapping,
    Name,
    Number,
    Sequence,
    Text,
)

MAX_DEPTH = 32

_TOKEN = re.compile(
    r"""[^\S\n]*(?:
        (?P<string>"(?:[^"\\\x00-\x1f]|\\.)*")
      | (?P<number>-?\d+(?:\.\d+)?)(?![\w.])
      | (?P<name>[^\W_][\w-]*(?:\.[^\W_][\w-]*)*)
      | (?P<sign>@@|[@(),:\[\]{}=])
      | (?P<end>$)
    )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SIMPLE = {
    '"': '"',
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
}


class NotPrisma(Exception):  # noqa: N818 - a signal inside the parser, turned into a finding
    """The text at `at` is not what the language allows there."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at
        self.message = message


class _Reader:
    """Tokens of one line, one ahead."""

    __slots__ = ("at", "kind", "position", "text", "value")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.kind = self.value = ""
        self.at = 0
        self.advance()

    def advance(self) -> None:
        found = _TOKEN.match(self.text, self.position)
        if found is None:
            rest = self.text[self.position :]
            start = self.position + len(rest) - len(rest.lstrip())
            raise NotPrisma(start, _describe(self.text[start]))
        self.kind = kind = found.lastgroup or ""
        self.value = value = found[kind]
        self.position = position = found.end()
        self.at = position - len(value)

    def accept(self, sign: str) -> bool:
        # No token of another kind is spelled like a sign.
        if self.value != sign:
            return False
        self.advance()
        return True

    def expect(self, sign: str) -> None:
        if not self.accept(sign):
            raise self.unexpected(f"`{sign}`")

    def unexpected(self, wanted: str) -> NotPrisma:
        if self.kind == "end":
            return NotPrisma(
                self.at, f"expected {wanted} before the end of the line; a line cannot be continued"
            )
        return NotPrisma(self.at, f"expected {wanted}, found `{self.value[:40]}`")


def _describe(char: str) -> str:
    if char == '"':
        return "this string is not closed on its line, or it holds a control character"
    return f"`{char}` cannot stand here"


@lru_cache(maxsize=8192)
def read_attributes(text: str) -> tuple[Attribute, ...]:
    """Read the attributes of a field: all that stands behind its type.

    Raises:
        NotPrisma: the text is not a list of attributes.
    """
    reader = _Reader(text)
    found = []
    while reader.kind != "end":
        at = reader.at
        reader.expect("@")
        found.append(_attribute(reader, at))
    return tuple(found)


@lru_cache(maxsize=2048)
def read_block_attribute(text: str) -> Attribute:
    """Read one `@@name(...)`.

    Raises:
        NotPrisma: the text is anything else.
    """
    reader = _Reader(text)
    at = reader.at
    reader.expect("@@")
    found = _attribute(reader, at)
    if reader.kind != "end":
        raise reader.unexpected("the end of the line")
    return found


def read_value(text: str) -> Expression | None:
    """Read what stands behind `key =` in a datasource or generator.

    Raises:
        NotPrisma: the text is not one expression.
    """
    reader = _Reader(text)
    if reader.kind == "end":
        return None
    found = _expression(reader, MAX_DEPTH)
    if reader.kind != "end":
        raise reader.unexpected("the end of the line")
    return found


def _attribute(reader: _Reader, at: int) -> Attribute:
    if reader.kind != "name":
        raise reader.unexpected("the name of an attribute")
    name = reader.value
    reader.advance()
    arguments = _arguments(reader, MAX_DEPTH) if reader.accept("(") else ()
    return Attribute(name, arguments, at)


def _arguments(reader: _Reader, depth: int) -> tuple[Argument, ...]:
    return _listed(reader, ")", depth)


def _listed(reader: _Reader, closing: str, depth: int) -> tuple[Argument, ...]:
    found: list[Argument] = []
    if reader.accept(closing):
        return ()
    while True:
        found.append(_argument(reader, depth))
        comma = reader.at
        if reader.accept(closing):
            return tuple(found)
        reader.expect(",")
        if reader.accept(closing):
            raise NotPrisma(comma, "trailing commas are not valid here, remove the comma")


def _argument(reader: _Reader, depth: int) -> Argument:
    at = reader.at
    value = _expression(reader, depth - 1)
    if isinstance(value, Name) and reader.accept(":"):
        if reader.kind == "sign" and reader.value in {",", ")"}:
            raise NotPrisma(at, f"the argument `{value.name}` is missing a value")
        return Argument(value.name, _expression(reader, depth - 1), at)
    return Argument(None, value, at)


def _expression(reader: _Reader, depth: int) -> Expression:
    if depth <= 0:
        raise NotPrisma(reader.at, f"nested deeper than {MAX_DEPTH} levels")
    kind, value, at = reader.kind, reader.value, reader.at
    if kind == "end":
        raise reader.unexpected("a value")
    reader.advance()
    if kind == "name":
        return Call(value, _arguments(reader, depth), at) if reader.accept("(") else Name(value, at)
    if kind == "string":
        return Text(unescape(value[1:-1], at + 1), at)
    if kind == "number":
        return Number(value, at)
    if value == "[":
        return Sequence(_items(reader, depth), at)
    if value == "{":
        return Mapping(_listed(reader, "}", depth), at)
    raise NotPrisma(at, f"expected a value, found `{value}`")


def _items(reader: _Reader, depth: int) -> tuple[Expression, ...]:
    found: list[Expression] = []
    if reader.accept("]"):
        return ()
    while True:
        found.append(_expression(reader, depth - 1))
        if reader.accept("]"):
            return tuple(found)
        reader.expect(",")


def unescape(raw: str, at: int) -> str:
    """Resolve the escapes of a string (those of JSON).

    Raises:
        NotPrisma: an escape is unknown.
    """
    if "\\" not in raw:
        return raw

    def resolve(found: re.Match[str]) -> str:
        if found[1]:
            return chr(int(found[1], 16))
        if found[2] not in _SIMPLE:
            raise NotPrisma(at + found.start(), f"unknown escape sequence `{found[0]}`")
        return _SIMPLE[found[2]]

    resolved = _ESCAPE.sub(resolve, raw)
    try:
        return resolved.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as err:
        raise NotPrisma(at, "the string holds half of a surrogate pair") from err

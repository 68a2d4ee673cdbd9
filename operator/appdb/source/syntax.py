"""TypeScript and JavaScript as trees: parse once per file, read nodes safely.

Nothing here recurses over a tree, prints one or asks for a node's parent: trees are as deep as
a stranger wants them to be. What a program means is for `modules` and `evaluate`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

from appdb.errors import ParseFailed
from appdb.model.finding import Span

TYPESCRIPT_SUFFIXES = (".ts", ".mts", ".cts")
JAVASCRIPT_SUFFIXES = (".tsx", ".js", ".jsx", ".mjs", ".cjs")
SUFFIXES = TYPESCRIPT_SUFFIXES + JAVASCRIPT_SUFFIXES

_ESCAPE = re.compile(
    r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|[\s\S]))"
)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_LINE_ENDS = ("\n", "\r\n", "\r", "\u2028", "\u2029")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceTree:
    """One parsed file. `is_broken` says that some part of it did not parse."""

    path: str
    root: Node

    @property
    def is_broken(self) -> bool:
        return self.root.has_error

    def span(self, node: Node) -> Span:
        """Return where a node starts."""
        return span_of(self.path, node)


@cache
def _language(*, jsx: bool) -> Language:
    if jsx:
        return Language(tree_sitter_typescript.language_tsx())
    return Language(tree_sitter_typescript.language_typescript())


def is_script(path: str) -> bool:
    """Tell whether a path names TypeScript or JavaScript (declaration files are not program)."""
    return path.endswith(SUFFIXES) and not path.endswith((".d.ts", ".d.mts", ".d.cts"))


def parse(path: str, content: bytes) -> SourceTree:
    """Parse one file; parts that do not parse stay in the tree as error nodes.

    Raises:
        ParseFailed: the file holds a NUL or is not UTF-8 (binary input parses at a
            thirtieth of the speed, and means nothing).
    """
    if b"\0" in content:
        raise ParseFailed(f"{path}:1:1: the file holds a NUL byte, it is not program text")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as err:
        line = content.count(b"\n", 0, err.start) + 1
        raise ParseFailed(f"{path}:{line}:1: the file is not UTF-8") from err
    # A parser that was stopped once resumes on its next input: never reuse one.
    parser = Parser(_language(jsx=not path.endswith(TYPESCRIPT_SUFFIXES)))
    return SourceTree(path=path, root=parser.parse(content.removeprefix(b"\xef\xbb\xbf")).root_node)


def span_of(path: str, node: Node) -> Span:
    """Return where a node starts, counted from 1."""
    row, column = node.start_point
    return Span(path=path, line=row + 1, column=column + 1)


def text(node: Node) -> str:
    """Return the source text of a node."""
    return (node.text or b"").decode("utf-8")


def named(node: Node) -> list[Node]:
    """Return the named children without comments."""
    return [child for child in node.named_children if child.type != "comment"]


def child_of_type(node: Node, *types: str) -> Node | None:
    """Return the first named child of one of the types."""
    return next((child for child in node.named_children if child.type in types), None)


def has_token(node: Node, token: str) -> bool:
    """Tell whether a keyword or sign stands directly in a node (`static`, `default`)."""
    return any(child.type == token for child in node.children)


def walk(node: Node) -> Iterator[Node]:
    """Yield the named nodes of a subtree in source order, without recursion."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(current.named_children))


def first_error(node: Node) -> Node | None:
    """Return the first node that did not parse, or None."""
    stack = [node]
    while stack:
        current = stack.pop()
        if current.is_error or current.is_missing:
            return current
        stack.extend(child for child in reversed(current.children) if child.has_error)
    return None


def unescape(raw: str) -> str:
    """Resolve the escapes of a JavaScript string."""

    def resolve(found: re.Match[str]) -> str:
        code = found[1] or found[2] or found[3]
        if code:
            value = int(code, 16)
            return chr(value) if value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF else "\ufffd"
        char = found[4]
        return "" if char in _LINE_ENDS else _SIMPLE.get(char, char)

    return _ESCAPE.sub(resolve, raw)


def string_value(node: Node) -> str:
    """Return the text that a `string` node (or a template part) stands for."""
    raw = text(node)
    if node.type == "string":
        raw = raw[1:-1]
    return unescape(raw)


def property_name(node: Node) -> str | None:
    """Return a property's name as written, or None when it is computed."""
    match node.type:
        case "string":
            return string_value(node)
        case "computed_property_name":
            inner = named(node)
            return string_value(inner[0]) if inner and inner[0].type == "string" else None
        case _:
            return text(node)

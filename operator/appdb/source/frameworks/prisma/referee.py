"""A second opinion on where blocks and fields begin: the grammar of tree-sitter.

Our parser carries the details. The grammar sees a text of the same length in which all that it
cannot read is masked, and must find the same blocks and fields; where it does not, the block is
refused. What the grammar makes up while it recovers from an error never reaches the schema.
"""

import re
from collections.abc import Iterator

from tree_sitter import Node
from tree_sitter_language_pack import get_parser

from appdb.source.frameworks.prisma.syntax import Block, Document, Problem

_JUDGED = frozenset({"model", "enum"})
_BLOCKS = re.compile(
    r"""^[^\S\n]*(?:datasource|generator|view|type)[^\S\n]+[^\W_][\w-]*[^\S\n]*\{[^\n]*\n
        (?:(?![^\S\n]*\})[^\n]*\n)*[^\S\n]*\}""",
    re.VERBOSE | re.MULTILINE,
)
_IN_LINES = re.compile(
    r"""(?P<unsupported>Unsupported[^\S\n]*\([^\S\n]*"(?:[^"\\\n]|\\.)*"[^\S\n]*\))
      | (?P<attributes>@[^\n]*)
      | (?P<foreign>[^\x00-\x7f]+)""",
    re.VERBOSE,
)
_VISIBLE = re.compile(r"[^\n]")
_Seen = tuple[Node, list[Node]]


def objections(document: Document) -> tuple[Problem, ...]:
    """Return a problem for each block that the grammar reads otherwise.

    A document with problems of its own is blocked already, and an error of it would spread
    over its neighbours.
    """
    if document.problems:
        return ()
    expected = {block.at: block for block in document.blocks if block.kind in _JUDGED}
    if not expected:
        return ()
    masked = mask(document.source.masked)
    root = get_parser("prisma").parse(masked.encode("ascii")).root_node
    found = dict(_named_blocks(root))
    return tuple(
        Problem(block.at, f"the {block.kind} `{block.name}` cannot be read for certain")
        for at, block in expected.items()
        if at not in found or not _agrees(block, found[at])
    )


def mask(text: str) -> str:
    """Return ASCII text of the same length that the grammar can read."""
    blanked = _BLOCKS.sub(lambda found: _VISIBLE.sub(" ", found[0]), text)
    return "\n".join(map(_masked_line, blanked.split("\n")))


def _masked_line(line: str) -> str:
    before = line.partition("@")[0]
    if before.isascii() and "Unsupported" not in before:
        return before.ljust(len(line))
    return _IN_LINES.sub(_replacement, line)


def _replacement(found: re.Match[str]) -> str:
    matched = found[0]
    match found.lastgroup:
        case "unsupported":
            return "Unsupported".ljust(len(matched), "_")
        case "foreign":
            return "".join("x" if char.isalnum() else " " for char in matched)
        case _:
            return _VISIBLE.sub(" ", matched)


def _named_blocks(root: Node) -> Iterator[tuple[int, _Seen]]:
    """Yield where the name of each block stands, the block, and its fields or values."""
    for node in root.named_children:
        if node.type in {"model_block", "enum_block"} and (named := node.named_children):
            yield named[0].start_byte, (node, named[1:])


def _agrees(block: Block, seen: _Seen) -> bool:
    node, entries = seen
    if node.has_error:
        return False
    starts = [entry.start_byte for entry in entries]
    return starts == [entry.at for entry in (block.values or block.fields)]

"""Reads a schema file into blocks, line by line, as the language is defined.

A block opens and closes at a line's edge and a field is one line. A line that is not understood
is a problem with its place and breaks its block; no line is ever repaired.
"""

import re

from appdb.source.frameworks.prisma.expressions import (
    NotPrisma,
    read_attributes,
    read_block_attribute,
    read_value,
    unescape,
)
from appdb.source.frameworks.prisma.syntax import (
    Arity,
    Block,
    BlockAttribute,
    Document,
    EnumValue,
    Field,
    Problem,
    Property,
)
from appdb.source.frameworks.prisma.text import SourceText

_HEAD = re.compile(
    r"\s*(model|enum|type|view|datasource|generator)\s+([^\W_][\w-]*)\s*\{\s*(?P<rest>.*)"
)
_FIELD = re.compile(
    r"""\s*(?P<name>[^\W_][\w-]*)(?P<colon>\s*:\s*|\s+)
        (?P<type>Unsupported\s*\(\s*"(?P<raw>(?:[^"\\]|\\.)*)"\s*\)|[^\W_][\w-]*)
        \s*(?P<arity>\[\s*\]|\?)?\s*""",
    re.VERBOSE,
)
_VALUE = re.compile(r"\s*([^\W_][\w-]*)\s*")
_PROPERTY = re.compile(r"\s*([^\W_][\w-]*)\s*=\s*")


class _Lines:
    """What was read so far and the block that is open."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.blocks: list[Block] = []
        self.problems: list[Problem] = []
        self.block: Block | None = None

    def refuse(self, at: int, message: str) -> None:
        self.problems.append(Problem(at, message))
        if self.block is not None:
            self.block.is_broken = True

    def close(self, at: int) -> None:
        if self.block is not None:
            self.block.end = at
            self.blocks.append(self.block)
            self.block = None


def parse(source: SourceText) -> Document:
    """Read a file; every problem comes back with its offset, in order."""
    lines = _Lines(source)
    if source.open_comment is not None:
        lines.refuse(source.open_comment, "this comment is never closed")
    offset = 0
    for line in source.masked.split("\n"):
        if line and not line.isspace():
            _read_line(lines, line, offset)
        offset += len(line) + 1
    if lines.block is not None:
        block = lines.block
        lines.refuse(block.at, f"the {block.kind} `{block.name}` is never closed")
        lines.close(len(source.masked))
    return Document(source, tuple(lines.blocks), tuple(lines.problems))


def _read_line(lines: _Lines, line: str, offset: int) -> None:
    while line:
        if lines.block is None:
            _read_head(lines, line, offset)
            return
        stripped = line.lstrip()
        if stripped[:1] != "}":
            _read_content(lines, lines.block, line, offset)
            return
        at = len(line) - len(stripped) + 1
        lines.close(offset + at)
        line, offset = line[at:], offset + at
        if not line.strip():
            return


def _read_head(lines: _Lines, line: str, offset: int) -> None:
    found = _HEAD.match(line)
    if found is None:
        at = offset + len(line) - len(line.lstrip())
        message = (
            "this line does not start with a keyword of Prisma's (model, enum, datasource, ...)"
        )
        if re.match(r"\s*type\s+\w+\s*=", line):
            message = "type aliases are no part of the language any more"
        lines.refuse(at, message)
        return
    kind, name = found[1], found[2]
    lines.block = Block(kind, name, offset + found.start(2), lines.source, [], [], [], [])
    _check_name(lines, name, offset + found.start(2), kind)
    if found["rest"]:
        lines.refuse(offset + found.start("rest"), "a line break must follow the opening brace")


def _read_content(lines: _Lines, block: Block, line: str, offset: int) -> None:
    try:
        if "@@" in line and line.lstrip().startswith("@@"):
            attribute = read_block_attribute(line)
            block.attributes.append(BlockAttribute(attribute, offset))
        elif block.kind == "enum":
            _read_enum_value(lines, block, line, offset)
        elif block.kind in {"datasource", "generator"}:
            _read_property(block, line, offset)
        else:
            _read_field(lines, block, line, offset)
    except NotPrisma as problem:
        lines.refuse(problem.at + offset, problem.message)


def _read_field(lines: _Lines, block: Block, line: str, offset: int) -> None:
    found = _FIELD.match(line)
    if found is None:
        start = len(line) - len(line.lstrip())
        if re.fullmatch(r"\s*[^\W_][\w-]*\s*", line):
            raise NotPrisma(start, "this field has a name but no type")
        raise NotPrisma(start, "this line is no valid field or attribute")
    name, colon, type_name, raw, arity = found.groups()
    if ":" in colon:
        raise NotPrisma(found.start("colon"), "a field has no `:` between name and type")
    at, base = found.start(1), found.end()
    _check_name(lines, name, offset + at, "field")
    rest = line[base:]
    if rest.startswith(("[", "?", "!")):
        raise NotPrisma(base, "a type is `Type`, `Type?` or `Type[]`")
    if raw is not None:
        raw, type_name = unescape(raw, found.start("raw")), "Unsupported"
    try:
        attributes = read_attributes(rest)
    except NotPrisma as problem:
        raise NotPrisma(problem.at + base, problem.message) from problem
    block.fields.append(
        Field(
            name,
            offset + at,
            type_name,
            offset + found.start("type"),
            _ARITIES[arity[0] if arity else ""],
            raw,
            attributes,
            offset + base,
        )
    )


_ARITIES = {"": Arity.REQUIRED, "?": Arity.OPTIONAL, "[": Arity.LIST}


def _read_enum_value(lines: _Lines, block: Block, line: str, offset: int) -> None:
    found = _VALUE.match(line)
    if found is None:
        raise NotPrisma(len(line) - len(line.lstrip()), "this line is no value of an enum")
    _check_name(lines, found[1], offset + found.start(1), "enum value")
    base = found.end()
    try:
        attributes = read_attributes(line[base:])
    except NotPrisma as problem:
        raise NotPrisma(problem.at + base, problem.message) from problem
    block.values.append(EnumValue(found[1], offset + found.start(1), attributes, offset + base))


def _read_property(block: Block, line: str, offset: int) -> None:
    found = _PROPERTY.match(line)
    if found is None:
        start = len(line) - len(line.lstrip())
        raise NotPrisma(start, f"this line is no `key = value` of a {block.kind}")
    base = found.end()
    try:
        value = read_value(line[base:])
    except NotPrisma as problem:
        raise NotPrisma(problem.at + base, problem.message) from problem
    block.properties.append(Property(found[1], value, offset + found.start(1), offset + base))


def _check_name(lines: _Lines, name: str, at: int, what: str) -> None:
    if name[0].isdigit():
        lines.refuse(at, f"the name of a {what} must not start with a number: `{name}`")
    elif "-" in name:
        lines.refuse(at, f"`-` is not allowed in the name of a {what}: `{name}`")

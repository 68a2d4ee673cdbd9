"""The syntax of a Prisma schema as values: blocks, fields, attributes, expressions.

Offsets of attributes and expressions count from the start of their attribute list: equal lists
are read once and shared. `at` of blocks and fields, and `base`, count from the file's start.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from appdb.model.value import value
from appdb.source.frameworks.prisma.text import SourceText


@value(frozen=True, slots=True)
class Text:
    """A string, escapes resolved."""

    value: str
    at: int


@value(frozen=True, slots=True)
class Number:
    text: str
    at: int


@value(frozen=True, slots=True)
class Name:
    """A constant or a path: `Cascade`, `true`, `address.street`."""

    name: str
    at: int


@value(frozen=True, slots=True)
class Sequence:
    items: "tuple[Expression, ...]"
    at: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """An object of the `where` argument: `{ active: true }`."""

    items: "tuple[Argument, ...]"
    at: int


@value(frozen=True, slots=True)
class Call:
    name: str
    arguments: "tuple[Argument, ...]"
    at: int


Expression: TypeAlias = Text | Number | Name | Sequence | Mapping | Call


@value(frozen=True, slots=True)
class Argument:
    """`name` is None for a positional argument."""

    name: str | None
    value: Expression
    at: int


@value(frozen=True, slots=True)
class Attribute:
    """`@name(...)` or `@@name(...)`, the name without its signs."""

    name: str
    arguments: tuple[Argument, ...]
    at: int


class Arity(StrEnum):
    REQUIRED = ""
    OPTIONAL = "?"
    LIST = "[]"


@value(frozen=True, slots=True)
class Field:
    """A field of a model; `unsupported` is the text of `Unsupported("...")`."""

    name: str
    at: int
    type_name: str
    type_at: int
    arity: Arity
    unsupported: str | None
    attributes: tuple[Attribute, ...]
    base: int


@value(frozen=True, slots=True)
class EnumValue:
    name: str
    at: int
    attributes: tuple[Attribute, ...]
    base: int


@value(frozen=True, slots=True)
class BlockAttribute:
    attribute: Attribute
    base: int


@dataclass(frozen=True, slots=True)
class Property:
    """`key = value` of a datasource or generator; a value that is missing is None."""

    name: str
    value: Expression | None
    at: int
    base: int


@dataclass(slots=True)
class Block:
    """A top-level block while and after it is read; `is_broken` when a line was refused."""

    kind: str
    name: str
    at: int
    source: SourceText
    fields: list[Field]
    values: list[EnumValue]
    attributes: list[BlockAttribute]
    properties: list[Property]
    end: int = 0
    is_broken: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """A place in a file that is not Prisma."""

    at: int
    message: str


@dataclass(frozen=True, slots=True)
class Document:
    source: SourceText
    blocks: tuple[Block, ...]
    problems: tuple[Problem, ...]

"""What an expression may turn out to be: a closed union of values, each with its place.

Calls into packages are kept as values too (`Call`, `External`), so that a front end reads
`new Schema({...})` or `Column({...})` as data. Values only; the order of an object's keys is
JavaScript's.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from tree_sitter import Node

from appdb.model.finding import Span
from appdb.source.modules.classes import ClassDecl

if TYPE_CHECKING:
    from appdb.source.evaluate.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Not known without running the program. `reason` is told to a person."""

    reason: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """A string, number, boolean or null. Whole numbers are `int`, whatever their spelling."""

    value: str | int | float | bool | None
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Undefined:
    """JavaScript's `undefined`."""

    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class ListValue:
    """An array, or a Set."""

    items: tuple["Value", ...]
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectValue:
    """An object or an enum.

    `entries` are in JavaScript's order of keys. For an enum they hold the reverse
    mapping of numbers too, and `enum` is its name. `unknown` says that a spread or a
    computed key could not be read, so that an absent key means nothing.
    """

    entries: dict[str, "Value"]
    span: Span
    enum: str | None = None
    unknown: Unknown | None = None

    def get(self, key: str) -> "Value | None":
        """Return the value of a key; None when it is not there or not known."""
        return self.entries.get(key)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FunctionValue:
    """A function of the project: its node and the scope it was made in."""

    node: Node
    scope: "Scope"
    span: Span
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassValue:
    """A class of the project; `scope` is where its names are looked up."""

    decl: ClassDecl
    scope: "Scope"
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NamespaceValue:
    """`import * as x`, or a `namespace`: names are looked up when asked for.

    Either `path` (a module of the project) or `scope` is set.
    """

    span: Span
    path: str | None = None
    scope: "Scope | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """A name of a package (`mongoose`, `Schema.Types.ObjectId`) or, without one, a global."""

    package: str | None
    names: tuple[str, ...]
    span: Span

    @property
    def name(self) -> str:
        """The dotted name; of a whole package the empty string."""
        return ".".join(self.names)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Call:
    """A call that is not evaluated: into a package, or `new` of a class.

    Two mentions of one call are the same object, so `is` tells a schema from another.
    """

    callee: "Value"
    arguments: tuple["Value", ...]
    span: Span
    is_new: bool = False
    node: Node | None = None
    scope: "Scope | None" = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MemberOf:
    """A member of a `Call`: `pgTable(...).id`, or the method in `z.string().min(3)`."""

    target: "Value"
    name: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class RegExpValue:
    """A regular expression as written."""

    pattern: str
    span: Span
    flags: str = field(default="")


Value: TypeAlias = (
    Unknown
    | Literal
    | Undefined
    | ListValue
    | ObjectValue
    | FunctionValue
    | ClassValue
    | NamespaceValue
    | External
    | Call
    | MemberOf
    | RegExpValue
)


def in_key_order(entries: dict[str, Value]) -> dict[str, Value]:
    """Order keys as JavaScript does: array indices ascending, then the others as inserted."""
    indices = [key for key in entries if is_index(key)]
    if not indices:
        return entries
    indices.sort(key=int)
    rest = [key for key in entries if not is_index(key)]
    return {key: entries[key] for key in [*indices, *rest]}


def is_index(key: str) -> bool:
    """Tell whether a key is an array index (which JavaScript puts first)."""
    return key.isascii() and key.isdigit() and (key == "0" or key[0] != "0") and len(key) < 10


def number_text(number: float) -> str:
    """Spell a number as JavaScript does (1e21 and more are left to Python)."""
    if isinstance(number, bool):
        return "true" if number else "false"
    if number == int(number) and abs(number) < 1e21:
        return str(int(number))
    return repr(number).replace("e-0", "e-")


def to_text(value: Value) -> str | None:
    """Return what a template or a concatenation makes of a value; None when it is not known."""
    match value:
        case Literal(value=str() as text):
            return text
        case Literal(value=None):
            return "null"
        case Literal(value=number) if isinstance(number, int | float):
            return number_text(number)
        case Undefined():
            return "undefined"
        case ListValue(items=items):
            parts = [to_text(item) for item in items]
            return None if None in parts else ",".join(part or "" for part in parts)
        case _:
            return None


_CONSTRUCTORS = frozenset(
    {"String", "Number", "Boolean", "Date", "Object", "Array", "Map", "Buffer"}
)


def truth(value: Value) -> bool | None:
    """Return whether a value counts as true; None when it is not known."""
    match value:
        case Literal(value=content):
            return bool(content)
        case Undefined():
            return False
        case ListValue() | ObjectValue() | FunctionValue() | ClassValue() | Call() | RegExpValue():
            return True
        case External(package=None, names=(name,)) if name in _CONSTRUCTORS:
            return True
        case _:
            return None

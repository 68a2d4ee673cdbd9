"""What the names of a block of statements mean: the syntax behind each, before any value.

Used for modules, namespaces and function bodies alike. It looks at the statements of one
block only and evaluates nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tree_sitter import Node

from appdb.source.syntax import child_of_type, has_token, named, property_name, text


class BindingKind(StrEnum):
    """What a name stands for."""

    VARIABLE = "variable"
    FUNCTION = "function"
    CLASS = "class"
    ENUM = "enum"
    NAMESPACE = "namespace"
    TYPE = "type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What a rest element takes: all keys but `without`, or the items from `start` on."""

    without: tuple[str, ...] = ()
    start: int | None = None


Keys = tuple[str | int | Rest, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Binding:
    """A declared name.

    `node` is the declaration (for a variable: its declarator). `keys` leads from the
    declarator's value to the name in a destructuring pattern; `fallback` is the pattern's
    default. `is_reassigned` marks a variable that gets another value later.
    """

    name: str
    kind: BindingKind
    node: Node
    keys: Keys = ()
    fallback: Node | None = None
    is_reassigned: bool = False
    decorators: tuple[Node, ...] = ()


_KINDS = {
    "function_declaration": BindingKind.FUNCTION,
    "generator_function_declaration": BindingKind.FUNCTION,
    "class_declaration": BindingKind.CLASS,
    "abstract_class_declaration": BindingKind.CLASS,
    "enum_declaration": BindingKind.ENUM,
    "internal_module": BindingKind.NAMESPACE,
    "interface_declaration": BindingKind.TYPE,
    "type_alias_declaration": BindingKind.TYPE,
}
_VARIABLES = ("lexical_declaration", "variable_declaration")


def declaration_of(statement: Node) -> Node:
    """Look through `export`, `declare` and the statement around a namespace."""
    match statement.type:
        case "export_statement":
            inner = statement.child_by_field_name("declaration")
            return declaration_of(inner) if inner is not None else statement
        case "ambient_declaration" | "expression_statement":
            inner = child_of_type(statement, *_KINDS, *_VARIABLES)
            return inner if inner is not None else statement
        case _:
            return statement


def read_bindings(statements: Iterable[Node]) -> dict[str, Binding]:
    """Return the names that statements declare; of two declarations a value wins over a type."""
    found: dict[str, Binding] = {}
    assigned: set[str] = set()
    for statement in statements:
        declaration = declaration_of(statement)
        # Without `export` the decorators stand inside the class and are read with it.
        around = statement.named_children if declaration is not statement else []
        outer = tuple(child for child in around if child.type == "decorator")
        for binding in _declared(declaration, outer):
            known = found.get(binding.name)
            if known is None or known.kind is BindingKind.TYPE:
                found[binding.name] = binding
        assigned.update(_assigned_name(statement))
    for name in assigned & found.keys():
        found[name] = _reassigned(found[name])
    return found


def _reassigned(binding: Binding) -> Binding:
    if (
        binding.kind is not BindingKind.VARIABLE
        or binding.node.child_by_field_name("value") is None
    ):
        return binding
    return Binding(
        name=binding.name,
        kind=binding.kind,
        node=binding.node,
        keys=binding.keys,
        is_reassigned=True,
    )


def _assigned_name(statement: Node) -> Iterable[str]:
    if statement.type != "expression_statement":
        return
    expression = statement.named_children[0] if statement.named_children else statement
    if expression.type in {"assignment_expression", "augmented_assignment_expression"}:
        left = expression.child_by_field_name("left")
        if left is not None and left.type == "identifier":
            yield text(left)


def _declared(node: Node, decorators: tuple[Node, ...]) -> Iterable[Binding]:
    if node.type in _VARIABLES:
        for declarator in named(node):
            if declarator.type == "variable_declarator":
                pattern = declarator.child_by_field_name("name")
                if pattern is not None:
                    yield from _variables(declarator, pattern)
        return
    kind = _KINDS.get(node.type)
    name = node.child_by_field_name("name")
    if kind is not None and name is not None:
        yield Binding(name=text(name), kind=kind, node=node, decorators=decorators)


def _variables(declarator: Node, pattern: Node) -> Iterable[Binding]:
    for name, keys, fallback in pattern_names(pattern):
        yield Binding(
            name=name,
            kind=BindingKind.VARIABLE,
            node=declarator,
            keys=keys,
            fallback=fallback,
        )


def pattern_names(pattern: Node) -> Iterable[tuple[str, Keys, Node | None]]:
    """Yield the names of a pattern with the keys that lead to them and their defaults."""
    stack: list[tuple[Node, Keys, Node | None]] = [(pattern, (), None)]
    while stack:
        node, keys, fallback = stack.pop()
        match node.type:
            case "identifier":
                yield text(node), keys, fallback
            case "shorthand_property_identifier_pattern":
                yield text(node), (*keys, text(node)), fallback
            case "object_pattern":
                stack.extend((child, _rest(child, node, keys), None) for child in named(node))
            case "array_pattern":
                stack.extend((child, (*keys, i), None) for i, child in _positions(node))
            case "rest_pattern":
                last = keys[-1] if keys else None
                own = (*keys[:-1], Rest(start=last)) if isinstance(last, int) else keys
                stack.extend((child, own, None) for child in named(node))
            case "pair_pattern":
                stack.extend(_pair(node, keys))
            case "object_assignment_pattern" | "assignment_pattern":
                left, right = (node.child_by_field_name(side) for side in ("left", "right"))
                if left is not None:
                    stack.append((left, keys, right))
            case _:
                pass


def _positions(pattern: Node) -> Iterable[tuple[int, Node]]:
    """The elements of an array pattern; a hole counts as a place."""
    position = 0
    for child in pattern.children:
        if child.type == ",":
            position += 1
        elif child.is_named and child.type != "comment":
            yield position, child


def _rest(child: Node, pattern: Node, keys: Keys) -> Keys:
    if child.type != "rest_pattern":
        return keys
    others = (_key_name(other) for other in named(pattern) if other.type != "rest_pattern")
    return (*keys, Rest(without=tuple(name for name in others if name is not None)))


def _key_name(part: Node) -> str | None:
    match part.type:
        case "pair_pattern":
            key = part.child_by_field_name("key")
            return property_name(key) if key is not None else None
        case "object_assignment_pattern":
            left = part.child_by_field_name("left")
            return text(left) if left is not None else None
        case _:
            return text(part)


def _pair(node: Node, keys: Keys) -> Iterable[tuple[Node, Keys, Node | None]]:
    key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
    name = property_name(key) if key is not None else None
    if name is not None and value is not None:
        yield value, (*keys, name), None


def is_default(statement: Node) -> bool:
    """Tell whether an export statement is the default one."""
    return has_token(statement, "default")

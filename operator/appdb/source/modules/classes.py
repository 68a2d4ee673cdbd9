"""Classes as declared: name, base, decorators and members; nothing is evaluated."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tree_sitter import Node

from appdb.model.finding import Span
from appdb.source.syntax import child_of_type, has_token, named, property_name, span_of, text, walk

CLASS_TYPES = ("class_declaration", "abstract_class_declaration", "class")


class MemberKind(StrEnum):
    """What a class member is."""

    FIELD = "field"
    METHOD = "method"
    GETTER = "getter"
    SETTER = "setter"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Member:
    """One member.

    `annotation` is the type node, `value` the initializer; `decorators` are the expressions
    behind the `@` signs. `is_broken` when it did not parse.
    """

    name: str
    kind: MemberKind
    node: Node
    span: Span
    decorators: tuple[Node, ...] = ()
    annotation: Node | None = None
    value: Node | None = None
    is_static: bool = False
    is_optional: bool = False

    @property
    def is_broken(self) -> bool:
        return self.node.has_error or any(decorator.has_error for decorator in self.decorators)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassDecl:
    """One class. `base` is the expression after `extends`."""

    name: str
    path: str
    node: Node
    span: Span
    decorators: tuple[Node, ...]
    base: Node | None
    members: tuple[Member, ...]
    is_abstract: bool
    type_parameters: tuple[str, ...] = ()
    base_arguments: tuple[Node, ...] = ()

    def member(self, name: str) -> Member | None:
        """Return the member of that name."""
        return next((member for member in self.members if member.name == name), None)


def decorator_expression(decorator: Node) -> Node | None:
    """Return the expression behind the `@`."""
    inner = named(decorator)
    return inner[0] if inner else None


def _decorators(nodes: list[Node]) -> tuple[Node, ...]:
    found = (decorator_expression(node) for node in nodes if node.type == "decorator")
    return tuple(node for node in found if node is not None)


def read_class(path: str, node: Node, outer: tuple[Node, ...] = ()) -> ClassDecl:
    """Read a class node; `outer` are decorators that stand before its `export`."""
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    base, arguments = _heritage(node)
    parameters = node.child_by_field_name("type_parameters")
    return ClassDecl(
        name=text(name) if name is not None else "",
        path=path,
        node=node,
        span=span_of(path, name if name is not None else node),
        decorators=_decorators([*outer, *node.named_children]),
        base=base,
        members=tuple(_members(path, body)) if body is not None else (),
        is_abstract=node.type == "abstract_class_declaration" or has_token(node, "abstract"),
        type_parameters=tuple(
            text(named(parameter)[0]) for parameter in named(parameters) if named(parameter)
        )
        if parameters is not None
        else (),
        base_arguments=arguments,
    )


def _heritage(node: Node) -> tuple[Node | None, tuple[Node, ...]]:
    heritage = child_of_type(node, "class_heritage")
    if heritage is None:
        return None, ()
    clause = child_of_type(heritage, "extends_clause")
    if clause is None:
        return None, ()
    arguments = clause.child_by_field_name("type_arguments")
    values = clause.child_by_field_name("value")
    return values, tuple(named(arguments)) if arguments is not None else ()


def _members(path: str, body: Node) -> Iterator[Member]:
    waiting: list[Node] = []  # decorators of a method stand before it, beside it in the body
    for node in body.named_children:
        match node.type:
            case "decorator":
                waiting.append(node)
            case "public_field_definition" | "method_definition" | "abstract_method_signature":
                member = _member(path, node, _decorators([*waiting, *node.named_children]))
                waiting = []
                if member is not None:
                    yield member
            case "comment":
                pass
            case _:
                waiting = []


def _member(path: str, node: Node, decorators: tuple[Node, ...]) -> Member | None:
    name_node = node.child_by_field_name("name")
    name = property_name(name_node) if name_node is not None else None
    if name_node is None or name is None:
        return None
    annotation = node.child_by_field_name("type") or node.child_by_field_name("return_type")
    inner = named(annotation) if annotation is not None else []
    return Member(
        name=name,
        kind=_kind(node),
        node=node,
        span=span_of(path, name_node),
        decorators=decorators,
        annotation=inner[0] if inner else None,
        value=node.child_by_field_name("value"),
        is_static=has_token(node, "static"),
        is_optional=has_token(node, "?"),
    )


def _kind(node: Node) -> MemberKind:
    if node.type == "public_field_definition":
        return MemberKind.FIELD
    if has_token(node, "get"):
        return MemberKind.GETTER
    return MemberKind.SETTER if has_token(node, "set") else MemberKind.METHOD


def class_nodes(root: Node) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    """Yield each class of a tree, however nested, with the decorators before its `export`.

    This visits every node: ask only where a file is known to matter.
    """
    seen: set[int] = set()
    for node in walk(root):
        if node.type == "export_statement":
            inner = child_of_type(node, *CLASS_TYPES)
            if inner is not None:
                seen.add(inner.id)
                yield inner, tuple(c for c in node.named_children if c.type == "decorator")
        elif node.type in CLASS_TYPES and node.id not in seen:
            yield node, ()

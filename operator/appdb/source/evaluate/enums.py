"""Enums with TypeScript's numbering: members may refer to earlier ones."""

from typing import TYPE_CHECKING

from tree_sitter import Node

from appdb.source.evaluate.operators import as_number
from appdb.source.evaluate.scope import Scope
from appdb.source.evaluate.values import (
    Literal,
    ObjectValue,
    Unknown,
    Value,
    in_key_order,
    number_text,
)
from appdb.source.syntax import named, property_name, span_of, text

if TYPE_CHECKING:
    from appdb.source.evaluate.evaluator import Evaluator


def enum_value(evaluator: "Evaluator", node: Node, scope: Scope) -> ObjectValue:
    """Return the object that an enum is at run time, with the reverse mapping of numbers."""
    span = span_of(scope.module.path, node)
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    entries: dict[str, Value] = {}
    reverse: dict[str, Value] = {}
    own = text(name) if name is not None else ""
    # Members see the earlier ones by their bare names, and by the name of the enum.
    so_far: dict[str, Value] = {own: ObjectValue(entries=entries, span=span, enum=own)}
    outer = Scope(module=scope.module, bindings={}, parent=scope, values=so_far)
    inner = Scope(module=scope.module, bindings={}, parent=outer, values=entries)
    previous: Value | None = None
    for member in named(body) if body is not None else []:
        key = _key(member)
        if key is None:
            continue
        previous = _member(evaluator, member, inner, previous)
        entries[key] = previous
        number = as_number(previous)
        if number is not None:
            reverse[number_text(number)] = Literal(value=key, span=previous.span)
    return ObjectValue(entries=in_key_order({**reverse, **entries}), span=span, enum=own)


def _key(member: Node) -> str | None:
    name = member.child_by_field_name("name") if member.type == "enum_assignment" else member
    return property_name(name) if name is not None else None


def _member(evaluator: "Evaluator", member: Node, scope: Scope, previous: Value | None) -> Value:
    span = span_of(scope.module.path, member)
    if member.type == "enum_assignment":
        value = member.child_by_field_name("value")
        return (
            evaluator.evaluate(value, scope) if value is not None else Literal(value=0, span=span)
        )
    if previous is None:
        return Literal(value=0, span=span)
    number = as_number(previous)
    if number is None:
        return Unknown(reason="an enum member without a value follows one of text", span=span)
    return Literal(value=number + 1, span=span)


def enum_members(value: ObjectValue) -> dict[str, Value]:
    """Return the declared members of an enum object, without the reverse mapping."""
    return {key: member for key, member in value.entries.items() if not _is_reverse(key, value)}


def _is_reverse(key: str, value: ObjectValue) -> bool:
    member = value.entries[key]
    if value.enum is None or not isinstance(member, Literal) or not isinstance(member.value, str):
        return False
    target = value.entries.get(member.value)
    return (
        target is not None
        and as_number(target) is not None
        and (number_text(as_number(target) or 0) == key)
    )

"""One small function per kind of expression node; `HANDLERS` is the whole language understood.

What has no handler is Unknown. Functions and classes become values and are not entered here.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tree_sitter import Node

from appdb.source.evaluate import calls, database
from appdb.source.evaluate.numbers import read_number
from appdb.source.evaluate.operators import binary, is_nullish, unary
from appdb.source.evaluate.scope import Scope
from appdb.source.evaluate.values import (
    FunctionValue,
    ListValue,
    Literal,
    ObjectValue,
    RegExpValue,
    Undefined,
    Unknown,
    Value,
    in_key_order,
    is_index,
    to_text,
    truth,
)
from appdb.source.syntax import named, property_name, span_of, string_value, text

if TYPE_CHECKING:
    from appdb.source.evaluate.evaluator import Evaluator

MAX_ITEMS = 20_000
MAX_TEXT = 1_000_000
_LOGICAL = ("&&", "||", "??")

Handler = Callable[["Evaluator", Node, Scope], Value]


def field(node: Node, name: str) -> Node:
    """Return a field of a node; the node itself when a broken tree lacks it."""
    return node.child_by_field_name(name) or node


def _literal(content: str | float | bool | None) -> Handler:  # noqa: FBT001 - a value, not a flag
    def handler(_: "Evaluator", node: Node, scope: Scope) -> Value:
        return Literal(value=content, span=span_of(scope.module.path, node))

    return handler


def _string(_: "Evaluator", node: Node, scope: Scope) -> Value:
    return Literal(value=string_value(node), span=span_of(scope.module.path, node))


def _number(evaluator: "Evaluator", node: Node, scope: Scope) -> Value:
    number = read_number(text(node))
    if number is None:
        return evaluator.unknown("not a number", node, scope)
    return Literal(value=number, span=span_of(scope.module.path, node))


def _template(evaluator: "Evaluator", node: Node, scope: Scope) -> Value:
    parts: list[str] = []
    for part in named(node):
        if part.type != "template_substitution":
            parts.append(string_value(part))
            continue
        value = evaluator.evaluate((named(part) or [part])[0], scope)
        known = to_text(value)
        if known is None:
            if isinstance(value, Unknown):
                return value
            return evaluator.unknown("a template holds what is not text", part, scope)
        parts.append(known)
    return sized_text("".join(parts), evaluator, node, scope)


def sized_text(content: str, evaluator: "Evaluator", node: Node, scope: Scope) -> Value:
    """Return a text literal, or Unknown when it is unreasonably long."""
    if len(content) > MAX_TEXT:
        return evaluator.unknown("the text is too long", node, scope)
    return Literal(value=content, span=span_of(scope.module.path, node))


def _identifier(evaluator: "Evaluator", node: Node, scope: Scope) -> Value:
    if node.type in {"this", "super"} and scope.find(node.type) is None:
        return evaluator.unknown(f"{node.type} is not known here", node, scope)
    return evaluator.name(text(node), scope, span_of(scope.module.path, node))


def _undefined(_: "Evaluator", node: Node, scope: Scope) -> Value:
    return Undefined(span=span_of(scope.module.path, node))


def _regex(_: "Evaluator", node: Node, scope: Scope) -> Value:
    flags = node.child_by_field_name("flags")
    return RegExpValue(
        pattern=text(field(node, "pattern")),
        flags=text(flags) if flags is not None else "",
        span=span_of(scope.module.path, node),
    )


def _inner(evaluator: "Evaluator", node: Node, scope: Scope) -> Value:
    """`(x)`, `x!`, `x as T`, `x satisfies T`, `f<T>`, `await x`: the expression inside."""
    children = named(node)
    if not children:
        return evaluator.unknown("an empty expression", node, scope)
    return evaluator.evaluate(children[0], scope)


def _last(evaluator: "Evaluator", node: Node, scope: Scope) -> Value:
    """`<T>x` and `a, b`."""
    children = named(node)
    return (
        evaluator.evaluate(children[-1], scope) if children else _undefined(evaluator, node, scope)
    )


def _array(evaluator: "Evaluator", node: Node, scope: Scope) -> Value:
    items: list[Value] = []
    for child in named(node):
        if child.type != "spread_element":
            items.append(evaluator.evaluate(child, scope))
            continue
        value = evaluator.evaluate((named(child) or [child])[0], scope)
        if not isinstance(value, ListValue):
            return (
                value
                if isinstance(value, Unknown)
                else evaluator.unknown("what is spread into a list is not a list", child, scope)
            )
        items.extend(value.items)
        if len(items) > MAX_ITEMS:
            return evaluator.unknown("the list is too long", node, scope)
    return ListValue(items=tuple(items), span=span_of(scope.module.path, node))


def _object(evaluator: "Evaluator", node: Node, scope: Scope) -> Value:
    entries: dict[str, Value] = {}
    unknown: Unknown | None = None
    for child in named(node):
        problem = _entry(evaluator, child, scope, entries)
        if problem is not None:
            # What came before may have been overwritten by what could not be read.
            unknown = problem
            entries = dict.fromkeys(entries, problem) if child.type == "spread_element" else entries
        if len(entries) > MAX_ITEMS:
            return evaluator.unknown("the object is too large", node, scope)
    return ObjectValue(
        entries=in_key_order(entries), span=span_of(scope.module.path, node), unknown=unknown
    )


def _entry(
    evaluator: "Evaluator", child: Node, scope: Scope, entries: dict[str, Value]
) -> Unknown | None:
    match child.type:
        case "pair":
            key = _key(evaluator, field(child, "key"), scope)
            if isinstance(key, Unknown):
                return key
            entries.pop(key, None) if is_index(key) else None
            entries[key] = evaluator.evaluate(field(child, "value"), scope)
        case "shorthand_property_identifier":
            entries[text(child)] = _identifier(evaluator, child, scope)
        case "method_definition":
            name = property_name(field(child, "name"))
            if name is not None:
                span = span_of(scope.module.path, child)
                entries[name] = FunctionValue(node=child, scope=scope, span=span, name=name)
        case "spread_element":
            return _spread(evaluator, child, scope, entries)
        case _:
            return evaluator.unknown("a part of the object does not parse", child, scope)
    return None


def _spread(
    evaluator: "Evaluator", child: Node, scope: Scope, entries: dict[str, Value]
) -> Unknown | None:
    value = evaluator.evaluate((named(child) or [child])[0], scope)
    match value:
        case ObjectValue():
            entries.update(value.entries)
            return value.unknown
        case ListValue(items=items):
            entries.update({str(i): item for i, item in enumerate(items)})
            return None
        case Literal() | Undefined():
            return None  # Spreading null, undefined or false adds nothing.
        case Unknown():
            return value
        case _:
            return evaluator.unknown("what is spread here is not known", child, scope)


def _key(evaluator: "Evaluator", node: Node, scope: Scope) -> str | Unknown:
    if node.type == "number":
        number = read_number(text(node))
        return (
            text(node)
            if number is None
            else to_text(Literal(value=number, span=span_of(scope.module.path, node))) or text(node)
        )
    name = property_name(node)
    if name is not None:
        return name
    value = _inner(evaluator, node, scope)
    known = to_text(value)
    if known is not None:
        return known
    return (
        value
        if isinstance(value, Unknown)
        else evaluator.unknown("a computed key is not known", node, scope)
    )


def _member(evaluator: "Evaluator", node: Node, scope: Scope) -> Value:
    value = evaluator.evaluate(field(node, "object"), scope)
    span = span_of(scope.module.path, node)
    if is_nullish(value) is True and any(c.type == "optional_chain" for c in node.children):
        return Undefined(span=span)
    name = node.child_by_field_name("property")
    if name is None or name.type == "private_property_identifier":
        return evaluator.unknown("a private member is not known", node, scope)
    return evaluator.member(value, text(name), span)


def _subscript(evaluator: "Evaluator", node: Node, scope: Scope) -> Value:
    value = evaluator.evaluate(field(node, "object"), scope)
    span = span_of(scope.module.path, node)
    if is_nullish(value) is True and any(c.type == "optional_chain" for c in node.children):
        return Undefined(span=span)
    index = evaluator.evaluate(field(node, "index"), scope)
    key = to_text(index)
    if key is None and isinstance(value, ObjectValue):
        found = database.chosen(value, index)
        if found is not None:
            evaluator.assume(span)
            return found
    if key is None:
        return (
            index
            if isinstance(index, Unknown)
            else evaluator.unknown("an index is not known", node, scope)
        )
    return evaluator.member(value, key, span)


def _binary(evaluator: "Evaluator", node: Node, scope: Scope) -> Value:
    """A chain `a + b + c` leans to the left as deep as it is long: go down in a loop."""
    pending: list[Node] = []
    while node.type == "binary_expression":
        pending.append(node)
        node = field(node, "left")
    result = evaluator.evaluate(node, scope)
    while pending:
        current = pending.pop()
        result = _apply(evaluator, current, result, scope)
        if isinstance(result, Literal) and isinstance(result.value, str):
            result = sized_text(result.value, evaluator, current, scope)
    return result


def _apply(evaluator: "Evaluator", node: Node, left: Value, scope: Scope) -> Value:
    operator = text(field(node, "operator"))
    right_node = field(node, "right")
    if operator in _LOGICAL:
        return _logical(evaluator, operator, left, right_node, scope)
    right = evaluator.evaluate(right_node, scope)
    span = span_of(scope.module.path, node)
    found = binary(operator, left, right, span)
    if found is not None:
        return found
    found = database.compared(operator, left, right, span)
    if found is not None:
        evaluator.assume(span)
        return found
    for side in (left, right):
        if isinstance(side, Unknown):
            return side
    return evaluator.unknown(f"the result of {operator} is not known", node, scope)


def _logical(
    evaluator: "Evaluator", operator: str, left: Value, right: Node, scope: Scope
) -> Value:
    known = is_nullish(left) if operator == "??" else truth(left)
    if known is None:
        reason = f"what {operator} decides by is not known"
        return left if isinstance(left, Unknown) else evaluator.unknown(reason, right, scope)
    takes_right = not known if operator == "||" else known
    return evaluator.evaluate(right, scope) if takes_right else left


def _unary(evaluator: "Evaluator", node: Node, scope: Scope) -> Value:
    operand = evaluator.evaluate(field(node, "argument"), scope)
    operator = text(field(node, "operator"))
    found = unary(operator, operand, span_of(scope.module.path, node))
    if found is not None:
        return found
    if isinstance(operand, Unknown):
        return operand
    return evaluator.unknown(f"the result of {operator} is not known", node, scope)


def _ternary(evaluator: "Evaluator", node: Node, scope: Scope) -> Value:
    test = evaluator.evaluate(field(node, "condition"), scope)
    known = truth(test)
    if known is None:
        reason = "the test of a condition is not known"
        return test if isinstance(test, Unknown) else evaluator.unknown(reason, node, scope)
    return evaluator.evaluate(field(node, "consequence" if known else "alternative"), scope)


def _function(_: "Evaluator", node: Node, scope: Scope) -> Value:
    name = node.child_by_field_name("name")
    span = span_of(scope.module.path, node)
    return FunctionValue(
        node=node, scope=scope, span=span, name=text(name) if name is not None else ""
    )


def _class(evaluator: "Evaluator", node: Node, scope: Scope) -> Value:
    return evaluator.class_value(node, scope)


HANDLERS: dict[str, Handler] = {
    "string": _string,
    "number": _number,
    "template_string": _template,
    "true": _literal(True),  # noqa: FBT003 - the value itself
    "false": _literal(False),  # noqa: FBT003 - the value itself
    "null": _literal(None),
    "undefined": _undefined,
    "identifier": _identifier,
    "this": _identifier,
    "super": _identifier,
    "type_identifier": _identifier,
    "regex": _regex,
    "parenthesized_expression": _inner,
    "non_null_expression": _inner,
    "as_expression": _inner,
    "satisfies_expression": _inner,
    "instantiation_expression": _inner,
    "await_expression": _inner,
    "type_assertion": _last,
    "sequence_expression": _last,
    "array": _array,
    "object": _object,
    "member_expression": _member,
    "subscript_expression": _subscript,
    "binary_expression": _binary,
    "unary_expression": _unary,
    "ternary_expression": _ternary,
    "arrow_function": _function,
    "function_expression": _function,
    "function_declaration": _function,
    "class": _class,
    "class_declaration": _class,
    "abstract_class_declaration": _class,
    "call_expression": calls.call_expression,
    "new_expression": calls.new_expression,
}

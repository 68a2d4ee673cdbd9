"""Loops over lists that are known: `for (const x of list)` and `list.forEach((x) => ...)`.

Each round is a body and a scope in which the loop's name is bound. A loop over what is not
known has no rounds; its body is then looked at once, with nothing bound.
"""

from collections.abc import Iterator

from tree_sitter import Node

from appdb.source.evaluate.calls import function_scope
from appdb.source.evaluate.evaluator import Evaluator
from appdb.source.evaluate.scope import Scope
from appdb.source.evaluate.values import FunctionValue, ListValue
from appdb.source.modules.bindings import pattern_names
from appdb.source.syntax import has_token, named, span_of, text

MAX_ROUNDS = 200
_FUNCTIONS = ("arrow_function", "function_expression")

Round = tuple[Node, Scope]


def repeated(evaluator: Evaluator, node: Node, scope: Scope) -> Iterator[Round]:
    """Yield the rounds of a loop; nothing for any other node."""
    if node.type == "for_in_statement" and has_token(node, "of"):
        yield from _for_of(evaluator, node, scope)
    elif node.type == "call_expression":
        yield from _for_each(evaluator, node, scope)


def _for_of(evaluator: Evaluator, node: Node, scope: Scope) -> Iterator[Round]:
    left, right, body = (node.child_by_field_name(key) for key in ("left", "right", "body"))
    if left is None or right is None or body is None:
        return
    items = evaluator.evaluate(right, scope)
    if not isinstance(items, ListValue) or len(items.items) > MAX_ROUNDS:
        return
    for item in items.items:
        inner = Scope(module=scope.module, bindings={}, parent=scope)
        for name, keys, _ in pattern_names(left):
            value = item
            for key in keys:
                value = evaluator.member(value, str(key), value.span)
            inner.values[name] = value
        yield body, inner


def _for_each(evaluator: Evaluator, node: Node, scope: Scope) -> Iterator[Round]:
    callee, arguments = (node.child_by_field_name(key) for key in ("function", "arguments"))
    if callee is None or callee.type != "member_expression" or arguments is None:
        return
    target, name = (callee.child_by_field_name(key) for key in ("object", "property"))
    given = named(arguments)
    if target is None or name is None or text(name) not in {"forEach", "map"}:
        return
    if not given or given[0].type not in _FUNCTIONS:
        return
    body = given[0].child_by_field_name("body")
    items = evaluator.evaluate(target, scope)
    if body is None or not isinstance(items, ListValue) or len(items.items) > MAX_ROUNDS:
        return
    span = span_of(scope.module.path, node)
    function = FunctionValue(node=given[0], scope=scope, span=span)
    for item in items.items:
        yield body, function_scope(evaluator, function, (item,), span)

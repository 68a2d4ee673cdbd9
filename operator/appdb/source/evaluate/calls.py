"""Calls: into helpers of the project by substitution, into packages as data, else Unknown.

A helper is followed when its body is one expression, or statements that `statements` follows.
"""

from typing import TYPE_CHECKING

from tree_sitter import Node

from appdb.model.finding import Span
from appdb.source.evaluate import builtins, statements
from appdb.source.evaluate.externals import plain_arguments
from appdb.source.evaluate.operators import is_nullish
from appdb.source.evaluate.scope import Scope
from appdb.source.evaluate.values import (
    Call,
    ClassValue,
    External,
    FunctionValue,
    ListValue,
    MemberOf,
    ObjectValue,
    Undefined,
    Unknown,
    Value,
)
from appdb.source.modules.bindings import Keys, Rest, pattern_names, read_bindings
from appdb.source.modules.scan import COMMONJS, Import
from appdb.source.syntax import has_token, named, span_of, string_value, text

if TYPE_CHECKING:
    from appdb.source.evaluate.evaluator import Evaluator


def arguments_of(evaluator: "Evaluator", node: Node, scope: Scope) -> tuple[Value, ...]:
    """Evaluate the arguments of a call; what is spread is spread."""
    arguments = node.child_by_field_name("arguments")
    if arguments is None:
        return ()
    if arguments.type == "template_string":
        return _tagged(evaluator, arguments, scope)
    found: list[Value] = []
    for child in named(arguments):
        if child.type != "spread_element":
            found.append(evaluator.evaluate(child, scope))
            continue
        value = evaluator.evaluate((named(child) or [child])[0], scope)
        if isinstance(value, ListValue):
            found.extend(value.items)
        else:
            found.append(evaluator.unknown("spread arguments are not known", child, scope))
    return tuple(found)


def _tagged(evaluator: "Evaluator", template: Node, scope: Scope) -> tuple[Value, ...]:
    """The texts of a tagged template as one list, then the values between them."""
    texts, values = [""], list[Value]()
    for part in named(template):
        if part.type == "template_substitution":
            values.append(evaluator.evaluate((named(part) or [part])[0], scope))
            texts.append("")
        else:
            texts[-1] += string_value(part)
    span = span_of(scope.module.path, template)
    return (ListValue(items=tuple(builtins.literal(t, span) for t in texts), span=span), *values)


def call_expression(evaluator: "Evaluator", node: Node, scope: Scope) -> Value:
    """`f(x)`, `a.f(x)`, `require('m')`, and tagged templates."""
    callee_node = node.child_by_field_name("function")
    if callee_node is None:
        return evaluator.unknown("the call does not parse", node, scope)
    if callee_node.type in {"import", "super"}:
        return evaluator.unknown(f"{callee_node.type} is not evaluated", node, scope)
    span = span_of(scope.module.path, node)
    if callee_node.type == "member_expression":
        return _method_call(evaluator, node, callee_node, scope)
    callee = evaluator.evaluate(callee_node, scope)
    if isinstance(callee, External) and callee.package is None and callee.names == ("require",):
        return _require(evaluator, arguments_of(evaluator, node, scope), scope, span)
    return _apply(evaluator, callee, node, scope)


def _method_call(evaluator: "Evaluator", node: Node, callee: Node, scope: Scope) -> Value:
    target_node, name_node = (callee.child_by_field_name(key) for key in ("object", "property"))
    if target_node is None or name_node is None:
        return evaluator.unknown("the call does not parse", node, scope)
    target, name = evaluator.evaluate(target_node, scope), text(name_node)
    span = span_of(scope.module.path, node)
    if is_nullish(target) is True and any(c.type == "optional_chain" for c in callee.children):
        return Undefined(span=span)
    if builtins.has_method(target, name):
        arguments = arguments_of(evaluator, node, scope)
        return builtins.call_method(evaluator, target, name, arguments, span)
    return _apply(evaluator, evaluator.member(target, name, span), node, scope)


def _apply(evaluator: "Evaluator", callee: Value, node: Node, scope: Scope) -> Value:
    span = span_of(scope.module.path, node)
    if isinstance(callee, Unknown):
        return callee
    arguments = arguments_of(evaluator, node, scope)
    if isinstance(callee, External) and callee.package is None:
        found = builtins.call_global(evaluator, callee.name, arguments, span)
        if found is not None:
            return found
    if isinstance(callee, External):
        known = _pure(evaluator, callee, arguments, span)
        if known is not None:
            return known
    if isinstance(callee, External | Call | MemberOf):
        return Call(callee=callee, arguments=arguments, span=span, node=node, scope=scope)
    return call(evaluator, callee, arguments, span)


def _pure(
    evaluator: "Evaluator", callee: External, arguments: tuple[Value, ...], span: Span
) -> Value | None:
    """Call a package's function that is known to be pure; None for all others."""
    function = evaluator.pure.get((callee.package or "", callee.name))
    given = plain_arguments(arguments) if function is not None else None
    result = function(given) if function is not None and given is not None else None
    return None if result is None else builtins.literal(result, span)


def _require(
    evaluator: "Evaluator", arguments: tuple[Value, ...], scope: Scope, span: Span
) -> Value:
    specifier = builtins.as_text(arguments[0]) if arguments else None
    if specifier is None:
        return Unknown(reason="what is required is not known", span=span)
    wanted = Import(specifier=specifier, name=COMMONJS)
    return evaluator.value_of(evaluator.graph.imported(scope.module.path, wanted), span)


def new_expression(evaluator: "Evaluator", node: Node, scope: Scope) -> Value:
    """`new X(...)`: a Set is its list, everything else is kept as data."""
    constructor = node.child_by_field_name("constructor")
    if constructor is None:
        return evaluator.unknown("the call does not parse", node, scope)
    callee = evaluator.evaluate(constructor, scope)
    if isinstance(callee, Unknown):
        return callee
    span = span_of(scope.module.path, node)
    arguments = arguments_of(evaluator, node, scope)
    if isinstance(callee, External) and callee.package is None and callee.name == "Set":
        return builtins.make_set(arguments, span)
    return Call(callee=callee, arguments=arguments, span=span, is_new=True, node=node, scope=scope)


def call(
    evaluator: "Evaluator", function: Value, arguments: tuple[Value, ...], span: Span
) -> Value:
    """Return what a function returns for arguments."""
    match function:
        case FunctionValue():
            return _enter(evaluator, function, arguments, span)
        case External() | Call() | MemberOf():
            return Call(callee=function, arguments=arguments, span=span)
        case Unknown():
            return function
        case ClassValue():
            return Unknown(reason=f"class {function.decl.name} is called without new", span=span)
        case _:
            return Unknown(reason="what is called is not a function", span=span)


def _enter(
    evaluator: "Evaluator", function: FunctionValue, arguments: tuple[Value, ...], span: Span
) -> Value:
    if has_token(function.node, "async") or has_token(function.node, "*"):
        return Unknown(reason="an async function or generator is not evaluated", span=span)
    scope = function_scope(evaluator, function, arguments, span)
    return run_body(evaluator, function, scope)


def run_body(evaluator: "Evaluator", function: FunctionValue, scope: Scope) -> Value:
    """Return what a function's body returns in a scope that was made for it."""
    span = function.span
    body = function.node.child_by_field_name("body")
    if body is None:
        return Unknown(reason="the function has no body", span=span)
    if body.type != "statement_block":
        return evaluator.evaluate(body, scope)
    returned = statements.run(evaluator, named(body), scope)
    return Undefined(span=span) if returned is None else returned


def function_scope(
    evaluator: "Evaluator", function: FunctionValue, arguments: tuple[Value, ...], span: Span
) -> Scope:
    """Return the scope of a function's body with its parameters bound to arguments."""
    body = function.node.child_by_field_name("body")
    block = named(body) if body is not None and body.type == "statement_block" else []
    scope = Scope(
        module=function.scope.module, bindings=read_bindings(block), parent=function.scope
    )
    for position, (pattern, default) in enumerate(_parameters(function.node)):
        if pattern.type == "rest_pattern":
            rest: Value = ListValue(items=arguments[position:], span=span)
            _bind(evaluator, (named(pattern) or [pattern])[0], rest, scope)
            break
        value = arguments[position] if position < len(arguments) else Undefined(span=span)
        if isinstance(value, Undefined) and default is not None:
            value = evaluator.evaluate(default, scope)
        _bind(evaluator, pattern, value, scope)
    return scope


def _parameters(function: Node) -> list[tuple[Node, Node | None]]:
    single = function.child_by_field_name("parameter")
    if single is not None:
        return [(single, None)]
    parameters = function.child_by_field_name("parameters")
    found: list[tuple[Node, Node | None]] = []
    for parameter in named(parameters) if parameters is not None else []:
        pattern = parameter.child_by_field_name("pattern")
        if pattern is not None and pattern.type != "this":
            found.append((pattern, parameter.child_by_field_name("value")))
    return found


def _bind(evaluator: "Evaluator", pattern: Node, value: Value, scope: Scope) -> None:
    for name, keys, fallback in pattern_names(pattern):
        scope.values[name] = taken(evaluator, value, keys, fallback, scope)


def taken(
    evaluator: "Evaluator", value: Value, keys: Keys, fallback: Node | None, scope: Scope
) -> Value:
    """Return what a destructuring pattern takes from a value."""
    for key in keys:
        if isinstance(key, Rest):
            value = _remaining(value, key)
        else:
            value = evaluator.member(value, str(key), value.span)
    if isinstance(value, Undefined) and fallback is not None:
        return evaluator.evaluate(fallback, scope)
    return value


def _remaining(value: Value, rest: Rest) -> Value:
    match value:
        case ObjectValue():
            kept = {k: v for k, v in value.entries.items() if k not in rest.without}
            return ObjectValue(entries=kept, span=value.span, unknown=value.unknown)
        case ListValue(items=items):
            return ListValue(items=items[rest.start or 0 :], span=value.span)
        case Unknown():
            return value
        case _:
            return Unknown(reason="the rest of a pattern is not known", span=value.span)

"""Classes of the project that extend Mongoose's Schema: what they hand to `super(...)`."""

from tree_sitter import Node

from appdb.model.finding import Span
from appdb.source.evaluate.calls import arguments_of, function_scope
from appdb.source.evaluate.evaluator import Evaluator
from appdb.source.evaluate.scope import Scope
from appdb.source.evaluate.values import ClassValue, FunctionValue, Unknown, Value
from appdb.source.syntax import text, walk

MAX_BASES = 12


def super_arguments(
    evaluator: Evaluator, value: ClassValue, arguments: tuple[Value, ...], span: Span
) -> tuple[Value, ...]:
    """Return the arguments that reach Mongoose's own constructor."""
    for _ in range(MAX_BASES):
        entered = constructor_scope(evaluator, value, arguments, span)
        if entered is not None:
            constructor, scope = entered
            calls = (n for n in walk(constructor) if n.type == "call_expression")
            above = next((n for n in calls if _is_super(text(n))), None)
            if above is None:
                reason = f"what {value.decl.name} hands to super is not known"
                return (Unknown(reason=reason, span=value.span),)
            arguments = arguments_of(evaluator, above, scope)
        base = evaluator.evaluate(value.decl.base, value.scope) if value.decl.base else None
        if not isinstance(base, ClassValue):
            return arguments
        value = base
    return arguments


def constructor_scope(
    evaluator: Evaluator, value: ClassValue, arguments: tuple[Value, ...], span: Span
) -> tuple[Node, Scope] | None:
    """Return a class's own constructor and the scope of its body; None when it has none."""
    constructor = value.decl.member("constructor")
    if constructor is None:
        return None
    function = FunctionValue(node=constructor.node, scope=value.scope, span=value.span)
    return constructor.node, function_scope(evaluator, function, arguments, span)


def _is_super(shown: str) -> bool:
    return shown.startswith("super(")

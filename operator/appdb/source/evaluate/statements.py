"""Statements of a helper, followed one by one to the value that it returns.

Declarations, conditions and switches with a known test, and assignments to the helper's own
variables and parameters. Loops and everything with an effect elsewhere are not followed.
"""

from typing import TYPE_CHECKING

from tree_sitter import Node

from appdb.source.evaluate.database import is_open, names_postgres
from appdb.source.evaluate.operators import binary
from appdb.source.evaluate.scope import Scope
from appdb.source.evaluate.values import (
    Call,
    Literal,
    ObjectValue,
    Undefined,
    Unknown,
    Value,
    truth,
)
from appdb.source.modules.bindings import read_bindings
from appdb.source.syntax import has_token, named, span_of, text

if TYPE_CHECKING:
    from appdb.source.evaluate.evaluator import Evaluator

_HARMLESS = ("console.", "super(")
_DECLARATIONS = (
    "lexical_declaration",
    "variable_declaration",
    "function_declaration",
    "class_declaration",
    "abstract_class_declaration",
    "enum_declaration",
    "type_alias_declaration",
    "interface_declaration",
    "empty_statement",
)


def run(evaluator: "Evaluator", statements: list[Node], scope: Scope) -> Value | None:
    """Follow statements to a return; None when they end without one."""
    for statement in statements:
        if statement.type == "break_statement":
            return None
        returned = _follow(evaluator, statement, scope)
        if returned is not None:
            return returned
    return None


def _follow(evaluator: "Evaluator", statement: Node, scope: Scope) -> Value | None:
    match statement.type:
        case "return_statement":
            children = named(statement)
            if not children:
                return Undefined(span=span_of(scope.module.path, statement))
            return evaluator.evaluate(children[0], scope)
        case "if_statement":
            return _branch(evaluator, statement, scope)
        case "switch_statement":
            return _switch(evaluator, statement, scope)
        case "statement_block":
            return _block(evaluator, statement, scope)
        case "lexical_declaration" | "variable_declaration":
            _declare(evaluator, statement, scope)
            return None
        case kind if kind in _DECLARATIONS:
            return None
        case "expression_statement":
            return _expression(evaluator, statement, scope)
        case kind:
            reason = f"a helper with {kind.replace('_', ' ')} is not followed"
            return evaluator.unknown(reason, statement, scope)


def _declare(evaluator: "Evaluator", statement: Node, scope: Scope) -> None:
    """Give a variable that may change later its first value; constants are read when needed."""
    if has_token(statement, "const"):
        return
    for declarator in named(statement):
        name, value = (declarator.child_by_field_name(key) for key in ("name", "value"))
        if name is None or name.type != "identifier":
            continue
        span = span_of(scope.module.path, declarator)
        scope.values[text(name)] = (
            evaluator.evaluate(value, scope) if value is not None else Undefined(span=span)
        )


def _expression(evaluator: "Evaluator", statement: Node, scope: Scope) -> Value | None:
    children = named(statement)
    if not children or children[0].type == "string" or text(statement).startswith(_HARMLESS):
        return None
    expression = children[0]
    if expression.type == "assignment_expression" and _assign(evaluator, expression, scope):
        return None
    if _changes_package_object(evaluator, expression, scope):
        return None
    return evaluator.unknown("a helper with effects is not followed", statement, scope)


def _changes_package_object(evaluator: "Evaluator", node: Node, scope: Scope) -> bool:
    """Tell whether a statement acts on an object of a package that the helper itself holds.

    Such an object is a `Call`, which is what it was before: `schema.index(...)`. Whoever
    knows the package follows what was done to it.
    """
    if node.type == "assignment_expression":
        node = node.child_by_field_name("left") or node
    is_member = False
    while node.type in {"call_expression", "member_expression"}:
        is_member = is_member or node.type == "member_expression"
        node = node.child_by_field_name("function") or node.child_by_field_name("object") or node
    if not is_member or node.type != "identifier":
        return False
    holder = scope.find(text(node))
    if holder is None or holder.parent is None:
        return False
    return isinstance(evaluator.evaluate(node, scope), Call)


def _assign(evaluator: "Evaluator", node: Node, scope: Scope) -> bool:
    """Assign to a variable of the helper, or to a member of an object that one holds."""
    left, right = (node.child_by_field_name(side) for side in ("left", "right"))
    if left is None or right is None:
        return False
    target, key = left, None
    if left.type == "member_expression":
        target = left.child_by_field_name("object") or left
        key = left.child_by_field_name("property")
    holder = scope.find(text(target)) if target.type == "identifier" else None
    if holder is None or holder.parent is None:
        return False
    value = evaluator.evaluate(right, scope)
    if key is None:
        holder.values[text(target)] = value
        return True
    known = evaluator.evaluate(target, scope)
    if not isinstance(known, ObjectValue):
        return False
    entries = {**known.entries, text(key): value}
    changed = ObjectValue(entries=entries, span=known.span, unknown=known.unknown)
    holder.values[text(target)] = changed
    return True


def _block(evaluator: "Evaluator", block: Node, scope: Scope) -> Value | None:
    statements = named(block)
    inner = Scope(module=scope.module, bindings=read_bindings(statements), parent=scope)
    return run(evaluator, statements, inner)


def _branch(evaluator: "Evaluator", statement: Node, scope: Scope) -> Value | None:
    condition = statement.child_by_field_name("condition")
    test = evaluator.evaluate(condition, scope) if condition is not None else None
    known = truth(test) if test is not None else None
    if test is None or known is None:
        reason = "the test of a condition is not known"
        return test if isinstance(test, Unknown) else evaluator.unknown(reason, statement, scope)
    branch = statement.child_by_field_name("consequence" if known else "alternative")
    if branch is None:
        return None
    if branch.type == "else_clause":
        branch = (named(branch) or [branch])[0]
    return _follow(evaluator, branch, scope)


def _switch(evaluator: "Evaluator", statement: Node, scope: Scope) -> Value | None:
    """Follow the case that is meant, and those below it until a break or a return."""
    subject, body = (statement.child_by_field_name(key) for key in ("value", "body"))
    if subject is None or body is None:
        return evaluator.unknown("the switch does not parse", statement, scope)
    value = evaluator.evaluate(subject, scope)
    cases = named(body)
    start = _case(evaluator, value, cases, scope)
    if isinstance(start, Unknown):
        return start
    followed = [
        inner for case in cases[start:] for inner in named(case)[case.type == "switch_case" :]
    ]
    return run(evaluator, followed, scope)


def _case(evaluator: "Evaluator", value: Value, cases: list[Node], scope: Scope) -> int | Unknown:
    """Return the place of the case that a value meets; behind all of them for none."""
    default = len(cases)
    for place, case in enumerate(cases):
        if case.type == "switch_default":
            default = place
            continue
        test = evaluator.evaluate(named(case)[0], scope) if named(case) else value
        met = _meets(evaluator, value, test)
        if met is None:
            reason = "what a switch decides by is not known"
            return value if isinstance(value, Unknown) else Unknown(reason=reason, span=value.span)
        if met:
            return place
    return default


def _meets(evaluator: "Evaluator", value: Value, test: Value) -> bool | None:
    if is_open(value):
        is_postgres = names_postgres(test)
        if is_postgres is not None:
            evaluator.assume(value.span)
        return is_postgres
    same = binary("===", value, test, value.span)
    return truth(same) if isinstance(same, Literal) else None

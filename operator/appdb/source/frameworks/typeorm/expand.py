"""Follows a project's own decorators to those of TypeORM that they apply.

`applyDecorators(...)`, functions that return decorators, and decorator functions whose body
applies others to `(target, key)`. Nothing is run: bodies are read statement by statement.
"""

import re
from collections.abc import Iterator

from tree_sitter import Node

from appdb.source.evaluate.calls import function_scope
from appdb.source.evaluate.evaluator import Evaluator
from appdb.source.evaluate.scope import Scope
from appdb.source.evaluate.values import (
    Call,
    External,
    FunctionValue,
    ListValue,
    MemberOf,
    Unknown,
    Value,
    truth,
)
from appdb.source.modules.graph import Package
from appdb.source.syntax import named, span_of, text

MAX_DEPTH = 12
# Decorators that say how a field is checked, shown or injected; they make no columns.
_HARMLESS = re.compile(
    r"class-(?:validator|transformer)(?:[-/].*)?|@nestjs/.*|.*(?:graphql|swagger|openapi|validat).*"
    r"|@automapper/.*|inversify|tsyringe|typedi|mobx|mobx-.*|routing-controllers.*|tsoa|@tsed/.*"
)
_TYPEORM = re.compile(r"(?:@(?!nestjs/)[\w.-]+/)?typeorm(?:/.*)?")


def is_typeorm(package: str | None) -> bool:
    """Tell whether a package is TypeORM or a fork of it (`@n8n/typeorm`), by whatever path."""
    return package is not None and _TYPEORM.fullmatch(package) is not None


def decorator_calls(evaluator: Evaluator, node: Node, scope: Scope) -> Iterator[Call | Unknown]:
    """Yield the TypeORM decorators that an expression behind `@` applies.

    Decorators of other packages yield nothing; one that cannot be followed is Unknown.
    """
    if not _is_foreign(evaluator, node, scope):
        yield from _expand(evaluator, evaluator.evaluate(node, scope), 0)


def may_hide_column(evaluator: Evaluator, node: Node, scope: Scope) -> str | None:
    """Return why a decorator that applies none of TypeORM's might still declare a column."""
    name = _leftmost(node)
    target = evaluator.target(name, scope) if name is not None else None
    if isinstance(target, Package):
        is_known = is_typeorm(target.package) or _HARMLESS.fullmatch(target.package)
        return None if is_known else f"it comes from {target.package}"
    if isinstance(evaluator.evaluate(node, scope), FunctionValue):
        return "it keeps for itself what it is given"
    return None


def _leftmost(node: Node) -> str | None:
    """Return the name that a decorator's expression begins with."""
    while node.type in {"call_expression", "member_expression", "instantiation_expression"}:
        inner = node.child_by_field_name("function") or node.child_by_field_name("object")
        if inner is None:
            return None
        node = inner
    return text(node) if node.type == "identifier" else None


def _is_foreign(evaluator: Evaluator, node: Node, scope: Scope) -> bool:
    """Tell by the leftmost name that nothing of TypeORM can be behind a decorator."""
    name = _leftmost(node)
    if name is None:
        return False
    target = evaluator.target(name, scope)
    if isinstance(target, Package):
        return not (is_typeorm(target.package) or target.package == "@nestjs/common")
    return target is None and scope.find(name) is None


def _expand(evaluator: Evaluator, value: Value, depth: int) -> Iterator[Call | Unknown]:
    if depth > MAX_DEPTH:
        yield Unknown(reason="decorators are nested too deeply", span=value.span)
        return
    match value:
        case Unknown():
            yield value
        case Call(callee=External() as callee):
            yield from _of_package(evaluator, value, callee, depth)
        case ListValue(items=items):
            for item in items:
                yield from _expand(evaluator, item, depth + 1)
        case FunctionValue():
            yield from _applied(evaluator, value, depth)
        case _:
            return


def _of_package(
    evaluator: Evaluator, call: Call, callee: External, depth: int
) -> Iterator[Call | Unknown]:
    if is_typeorm(callee.package):
        yield call
    elif callee.names[-1:] == ("applyDecorators",):
        for argument in call.arguments:
            yield from _expand(evaluator, argument, depth + 1)


def _applied(evaluator: Evaluator, function: FunctionValue, depth: int) -> Iterator[Call | Unknown]:
    """The decorators that a decorator function applies to its target."""
    # What is decorated is not known here: a condition on it is reported, not decided.
    target = External(package="typeorm#target", names=(), span=function.span)
    scope = function_scope(evaluator, function, (target, target), function.span)
    body = function.node.child_by_field_name("body")
    if body is None:
        return
    if body.type != "statement_block":
        yield from _call(evaluator, body, scope, depth)
        return
    yield from _statements(evaluator, named(body), scope, depth)


def _statements(
    evaluator: Evaluator, statements: list[Node], scope: Scope, depth: int
) -> Iterator[Call | Unknown]:
    for statement in statements:
        match statement.type:
            case "expression_statement" | "return_statement":
                for child in named(statement):
                    yield from _call(evaluator, child, scope, depth)
            case "statement_block":
                yield from _statements(evaluator, named(statement), scope, depth)
            case "if_statement":
                yield from _branch(evaluator, statement, scope, depth)
            case "for_in_statement":
                right = statement.child_by_field_name("right")
                if right is not None:
                    yield from _expand(evaluator, evaluator.evaluate(right, scope), depth + 1)
            case _:
                pass


def _branch(
    evaluator: Evaluator, statement: Node, scope: Scope, depth: int
) -> Iterator[Call | Unknown]:
    condition = statement.child_by_field_name("condition")
    known = truth(evaluator.evaluate(condition, scope)) if condition is not None else None
    if known is None:
        reason = "a decorator depends on what is not known"
        yield Unknown(reason=reason, span=span_of(scope.module.path, statement))
        return
    branch = statement.child_by_field_name("consequence" if known else "alternative")
    if branch is not None:
        inner = named(branch) if branch.type == "else_clause" else [branch]
        yield from _statements(evaluator, inner, scope, depth)


def _call(evaluator: Evaluator, node: Node, scope: Scope, depth: int) -> Iterator[Call | Unknown]:
    """`Decorator(...)(target, key)`, or `decorators.forEach((d) => d(target, key))`."""
    while node.type in {"as_expression", "parenthesized_expression", "non_null_expression"}:
        node = named(node)[0]
    if node.type != "call_expression":
        return
    function = node.child_by_field_name("function")
    if function is None or _is_foreign(evaluator, function, scope):
        return
    if function.type == "member_expression":
        target = function.child_by_field_name("object")
        if target is not None and text(function).endswith((".forEach", ".map", ".reduce")):
            yield from _expand(evaluator, evaluator.evaluate(target, scope), depth + 1)
            return
    value = evaluator.evaluate(function, scope)
    if isinstance(value, External | MemberOf):
        return
    yield from _expand(evaluator, value, depth + 1)

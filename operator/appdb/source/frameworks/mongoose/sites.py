"""Finds the calls that make and change schemas and models, wherever they stand in a file.

Walks the tree without recursion and keeps the scope of every place, so that a call inside a
function is evaluated among the function's own names. Nothing is evaluated here but tests of
conditions inside helpers that are entered on purpose.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tree_sitter import Node

from appdb.source.evaluate.evaluator import Evaluator
from appdb.source.evaluate.scope import Scope
from appdb.source.evaluate.values import External, Value, truth
from appdb.source.frameworks.mongoose.loops import repeated
from appdb.source.modules.bindings import pattern_names, read_bindings
from appdb.source.syntax import named, span_of, text

FUNCTIONS = frozenset({
    "arrow_function", "function_expression", "function_declaration", "method_definition",
    "generator_function_declaration", "generator_function",
})  # fmt: skip

# Functions whose calls declare something, by the last part of their names.
DECLARING = frozenset({
    "model", "discriminator", "forFeature", "forFeatureAsync", "createForClass", "pluralize",
    "getModelForClass", "getDiscriminatorModelForClass",
})  # fmt: skip
# Methods of a schema that change what it declares.
CHANGING = frozenset({"add", "index", "set", "plugin", "path", "remove"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Site:
    """One call: its last name, its node and the scope of its place."""

    name: str
    node: Node
    scope: Scope
    function: Node | None = None

    @property
    def target(self) -> Node | None:
        """The expression before the last dot of the callee."""
        callee = self.node.child_by_field_name("function")
        if callee is None or callee.type != "member_expression":
            return None
        return callee.child_by_field_name("object")

    @property
    def callee(self) -> Node | None:
        """The callee, when it is a plain name or a dotted one."""
        return self.node.child_by_field_name("function")


@dataclass(slots=True, kw_only=True)
class Budget:
    """How many nodes may be looked at more than once, in helpers and loops of a whole project."""

    left: int = 100_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Place:
    node: Node
    scope: Scope
    function: Node | None
    is_again: bool = False


def sites(
    evaluator: Evaluator, root: Node, scope: Scope, budget: Budget, *, entered: bool = False
) -> Iterator[Site]:
    """Yield the calls below a node in source order; a loop over a known list once a round.

    `entered` says that the node is the body of a function whose parameters are known: then
    a branch whose test is known to be false is not looked at. Without budget it ends early.
    """
    stack = [_Place(node=root, scope=scope, function=None, is_again=entered)]
    while stack:
        place = stack.pop()
        node = place.node
        if place.is_again:
            budget.left -= 1
            if budget.left < 0:
                return
        name = _callee_name(node) if node.type == "call_expression" else ""
        if name:
            yield Site(name=name, node=node, scope=place.scope, function=place.function)
        rounds = repeated(evaluator, node, place.scope)
        inside = [replace(place, node=b, scope=s, is_again=True) for b, s in rounds]
        if not inside and node.type == "if_statement" and entered:
            branches = _taken_branches(evaluator, node, place.scope)
            inside = [replace(place, node=branch) for branch in branches]
        elif not inside:
            inner, children = _inside(place)
            inside = [replace(inner, node=child) for child in children]
        stack.extend(reversed(inside))


def _callee_name(node: Node) -> str:
    callee = node.child_by_field_name("function")
    if callee is None:
        return ""
    if callee.type == "identifier":
        return text(callee)
    if callee.type != "member_expression":
        return ""
    name = callee.child_by_field_name("property")
    return text(name) if name is not None else ""


def _inside(place: _Place) -> tuple[_Place, list[Node]]:
    """Return the scope inside a node and what to look at there."""
    node = place.node
    if node.type in FUNCTIONS:
        body = node.child_by_field_name("body")
        inner = replace(place, scope=symbolic_scope(node, place.scope), function=node)
        if body is None:
            return inner, []
        return inner, named(body) if body.type == "statement_block" else [body]
    if node.type == "statement_block":
        bindings = read_bindings(named(node))
        if bindings:
            scope = Scope(module=place.scope.module, bindings=bindings, parent=place.scope)
            place = replace(place, scope=scope)
    return place, node.named_children


def symbolic_scope(function: Node, outer: Scope) -> Scope:
    """Return a function's scope in which each parameter stands for a global of its name."""
    body = function.child_by_field_name("body")
    statements = named(body) if body is not None and body.type == "statement_block" else []
    scope = Scope(module=outer.module, bindings=read_bindings(statements), parent=outer)
    for name, node in _parameter_names(function):
        if name not in scope.bindings:
            scope.values[name] = _symbol(name, node, outer)
    return scope


def _symbol(name: str, node: Node, scope: Scope) -> Value:
    span = span_of(scope.module.path, node)
    if name.lower() in {"mongoose", "_mongoose"}:
        return External(package="mongoose", names=(), span=span)
    return External(package=None, names=(name,), span=span)


def _parameter_names(function: Node) -> Iterator[tuple[str, Node]]:
    single = function.child_by_field_name("parameter")
    if single is not None:
        yield text(single), single
    parameters = function.child_by_field_name("parameters")
    for parameter in named(parameters) if parameters is not None else []:
        pattern = parameter.child_by_field_name("pattern") or parameter
        for name, _, _ in pattern_names(pattern):
            yield name, parameter


def _taken_branches(evaluator: Evaluator, node: Node, scope: Scope) -> list[Node]:
    condition = node.child_by_field_name("condition")
    known = truth(evaluator.evaluate(condition, scope)) if condition is not None else None
    branches = [
        (node.child_by_field_name("consequence"), True),
        (node.child_by_field_name("alternative"), False),
    ]
    return [branch for branch, when in branches if branch is not None and known in {None, when}]

"""Finds the calls that make and change schemas and models, wherever they stand in a file.

Walks the tree without recursion and keeps the scope of every place, so that a call inside a
function is evaluated among the function's own names. Nothing is evaluated here but tests of
conditions inside helpers that are entered on purpose.
"""

from collections.abc import Iterator
from dataclasses import dataclass

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


# A node, the scope of its place, the function around it, and whether it is met once more.
_Place = tuple[Node, Scope, Node | None, bool]
_LEAVES = frozenset({
    "identifier", "property_identifier", "string", "number", "comment", "true", "false", "null",
    "type_annotation", "type_identifier", "predefined_type", "import_statement", "regex",
    "interface_declaration", "type_alias_declaration", "type_arguments",
    "shorthand_property_identifier", "this", "undefined",
})  # fmt: skip


def sites(
    evaluator: Evaluator, root: Node, scope: Scope, budget: Budget, *, entered: bool = False
) -> Iterator[Site]:
    """Yield the calls below a node in source order; a loop over a known list once a round.

    `entered` says that the node is the body of a function whose parameters are known: then
    a branch whose test is known to be false is not looked at. Without budget it ends early.
    """
    stack: list[_Place] = [(root, scope, None, entered)]
    while stack:
        node, here, function, is_again = stack.pop()
        if is_again:
            budget.left -= 1
            if budget.left < 0:
                return
        name = _callee_name(node) if node.type == "call_expression" else ""
        if name:
            yield Site(name=name, node=node, scope=here, function=function)
        rounds = [(body, bound, function, True) for body, bound in repeated(evaluator, node, here)]
        if rounds:
            stack.extend(reversed(rounds))
            continue
        if node.type == "if_statement" and entered:
            children = _taken_branches(evaluator, node, here)
        else:
            here, children = _inside(node, here)
            function = node if node.type in FUNCTIONS else function
        stack.extend(
            (child, here, function, is_again)
            for child in reversed(children)
            if child.type not in _LEAVES
        )


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


def _inside(node: Node, scope: Scope) -> tuple[Scope, list[Node]]:
    """Return the scope inside a node and what to look at there."""
    if node.type in FUNCTIONS:
        body = node.child_by_field_name("body")
        inner = symbolic_scope(node, scope)
        if body is None:
            return inner, []
        return inner, named(body) if body.type == "statement_block" else [body]
    if node.type == "statement_block":
        bindings = read_bindings(named(node))
        if bindings:
            scope = Scope(module=scope.module, bindings=bindings, parent=scope)
    return scope, node.named_children


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

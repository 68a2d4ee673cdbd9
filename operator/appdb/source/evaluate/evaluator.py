"""The bounded evaluator: an expression and its scope in, a value out.

It follows names across files and substitutes the parameters of simple helpers. Depth, steps
and sizes are bounded; what goes beyond, or is not understood, is `Unknown` with a reason.
"""

from collections.abc import Callable

from tree_sitter import Node

from appdb.model.finding import Span
from appdb.source.evaluate import access, calls, expressions
from appdb.source.evaluate.enums import enum_value
from appdb.source.evaluate.externals import PureFunction, known_functions
from appdb.source.evaluate.scope import Scope
from appdb.source.evaluate.values import (
    ClassValue,
    External,
    FunctionValue,
    NamespaceValue,
    Unknown,
    Value,
)
from appdb.source.modules.bindings import Binding, BindingKind, read_bindings
from appdb.source.modules.classes import read_class
from appdb.source.modules.graph import (
    Declared,
    Expression,
    Missing,
    ModuleGraph,
    Package,
    Target,
    Whole,
)
from appdb.source.modules.scan import Module
from appdb.source.syntax import named, span_of, text

MAX_DEPTH = 80
MAX_STEPS = 100_000
MAX_TOTAL_STEPS = 3_000_000


class Evaluator:
    """Evaluates expressions of one project; remembers what a name turned out to be."""

    def __init__(self, graph: ModuleGraph) -> None:
        self.graph = graph
        # Pure functions of packages by package and name; front ends add what they know.
        self.pure: dict[tuple[str, str], PureFunction] = known_functions()
        # Members of what packages return, by name, where a front end knows the value.
        self.known_members: dict[str, Callable[[Value], Value | None]] = {}
        self._scopes: dict[str, Scope] = {}
        self._nodes: dict[tuple[str, int, str | None], Value] = {}
        self._classes: dict[tuple[int, int], ClassValue] = {}
        self._busy: set[tuple[int, object]] = set()
        # Where a decision was taken for Postgres; front ends tell of it.
        self.assumed: set[Span] = set()
        self._depth = 0
        self._steps = 0
        self._total = 0

    # What front ends ask for

    def scope(self, module: Module) -> Scope:
        """Return the top-level scope of a module."""
        known = self._scopes.get(module.path)
        if known is None:
            known = self._scopes[module.path] = Scope(module=module, bindings=module.bindings)
        return known

    def evaluate(self, node: Node, scope: Scope) -> Value:
        """Return the value of an expression in a scope."""
        if self._depth == 0:
            self._steps = 0
        self._steps += 1
        self._total += 1
        if self._depth >= MAX_DEPTH:
            return self.unknown("the expression is nested too deeply", node, scope)
        if self._steps > MAX_STEPS or self._total > MAX_TOTAL_STEPS:
            return self.unknown("the expression takes too much computing", node, scope)
        handler = expressions.HANDLERS.get(node.type)
        if handler is None:
            reason = f"{node.type.replace('_', ' ')} is not evaluated"
            return self.unknown(reason, node, scope)
        self._depth += 1
        try:
            return handler(self, node, scope)
        finally:
            self._depth -= 1

    def name(self, name: str, scope: Scope, span: Span) -> Value:
        """Return what a name stands for in a scope: of the project, a package or the language."""
        holder = scope.find(name)
        if holder is not None and name in holder.values:
            return holder.values[name]
        if holder is not None:
            return self._bound(holder.bindings[name], holder, span)
        target = self.graph.local(scope.module, name)
        if target is None:
            return External(package=None, names=(name,), span=span)
        return self.value_of(target, span)

    def evaluate_name(self, name: str, scope: Scope, node: Node) -> Value:
        """Return what a name stands for, with the place of a node."""
        return self.name(name, scope, span_of(scope.module.path, node))

    def target(self, name: str, scope: Scope) -> Target | None:
        """Return the declaration behind a name (types too); None for parameters and globals."""
        holder = scope.find(name)
        if holder is not None:
            binding = holder.bindings.get(name)
            return Declared(module=holder.module, binding=binding) if binding is not None else None
        return self.graph.local(scope.module, name)

    def value_of(self, target: Target, span: Span) -> Value:
        """Return the value behind a target of the module graph."""
        match target:
            case Declared(module=module, binding=binding):
                return self._bound(binding, self.scope(module), span)
            case Expression(module=module, node=node, key=key):
                value = self._remembered(node, self.scope(module))
                return value if key is None else self.member(value, key, span)
            case Whole(path=path):
                return NamespaceValue(path=path, span=span)
            case Package(package=package, name=name):
                names = (name,) if name is not None else ()
                return External(package=package, names=names, span=span)
            case Missing(reason=reason):
                return Unknown(reason=reason, span=span)

    def export(self, path: str, name: str, span: Span) -> Value:
        """Return the value of a module's export."""
        return self.value_of(self.graph.export(path, name), span)

    def member(self, value: Value, name: str, span: Span) -> Value:
        """Return `value.name`."""
        return access.member(self, value, name, span)

    def call(self, function: Value, arguments: tuple[Value, ...], span: Span) -> Value:
        """Return what a function of the project returns, or a `Call` into a package."""
        return calls.call(self, function, arguments, span)

    def assume(self, span: Span) -> None:
        """Note that something was decided for Postgres, which nobody said."""
        self.assumed.add(span)

    def run_body(self, function: FunctionValue, scope: Scope) -> Value:
        """Return what a function's body returns in a scope that was made for it."""
        return calls.run_body(self, function, scope)

    def class_value(self, node: Node, scope: Scope, outer: tuple[Node, ...] = ()) -> ClassValue:
        """Return the class of a class node; one node in one scope is always the same object.

        A function that makes classes (a mixin) makes another one at each call.
        """
        key = (id(scope), node.start_byte)
        known = self._classes.get(key)
        if known is None:
            decl = read_class(scope.module.path, node, outer)
            known = ClassValue(decl=decl, scope=scope, span=decl.span)
            self._classes[key] = known
        return known

    def unknown(self, reason: str, node: Node, scope: Scope) -> Unknown:
        """Return an Unknown at a node."""
        return Unknown(reason=reason, span=span_of(scope.module.path, node))

    # Names and what they are bound to

    def _remembered(self, node: Node, scope: Scope) -> Value:
        key = (scope.module.path, node.start_byte, node.type)
        if key not in self._nodes:
            self._nodes[key] = self._guarded(node, scope)
        return self._nodes[key]

    def _guarded(self, node: Node, scope: Scope) -> Value:
        """Evaluate a node that a name stands for; a name that needs itself is not known."""
        key = (id(scope), node.start_byte)
        if key in self._busy:
            return self.unknown("the value refers to itself", node, scope)
        self._busy.add(key)
        try:
            return self.evaluate(node, scope)
        finally:
            self._busy.discard(key)

    def _bound(self, binding: Binding, scope: Scope, span: Span) -> Value:
        known = scope.values.get(binding.name)
        if known is None:
            known = self._value(binding, scope, span)
            if not (isinstance(known, Unknown) and self._busy):
                scope.values[binding.name] = known
        return known

    def _value(self, binding: Binding, scope: Scope, span: Span) -> Value:
        node = binding.node
        match binding.kind:
            case BindingKind.VARIABLE:
                return self._variable(binding, scope)
            case BindingKind.FUNCTION:
                place = span_of(scope.module.path, node)
                return FunctionValue(node=node, scope=scope, span=place, name=binding.name)
            case BindingKind.CLASS:
                return self.class_value(node, scope, binding.decorators)
            case BindingKind.ENUM:
                return enum_value(self, node, scope)
            case BindingKind.NAMESPACE:
                return self._namespace(node, scope)
            case BindingKind.TYPE:
                return Unknown(reason=f"{binding.name} is a type, not a value", span=span)

    def _variable(self, binding: Binding, scope: Scope) -> Value:
        if binding.is_reassigned:
            return self.unknown(f"{binding.name} is assigned more than once", binding.node, scope)
        node = binding.node.child_by_field_name("value")
        if node is None:
            return self.unknown(f"{binding.name} has no value here", binding.node, scope)
        if not binding.keys:
            return self._guarded(node, scope)
        value = (
            self._remembered(node, scope) if scope.parent is None else self._guarded(node, scope)
        )
        return calls.taken(self, value, binding.keys, binding.fallback, scope)

    def _namespace(self, node: Node, scope: Scope) -> Value:
        body = node.child_by_field_name("body")
        bindings = read_bindings(named(body)) if body is not None else {}
        inner = Scope(module=scope.module, bindings=bindings, parent=scope)
        return NamespaceValue(scope=inner, span=span_of(scope.module.path, node))


def type_name(node: Node) -> str | None:
    """Return the name of a plain type reference (`User`, `User<T>`), else None."""
    match node.type:
        case "type_identifier" | "predefined_type":
            return text(node)
        case "generic_type":
            name = node.child_by_field_name("name")
            return text(name) if name is not None else None
        case _:
            return None

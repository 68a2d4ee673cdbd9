"""What TypeScript would write as `design:type` for a property: a constructor's name.

A type that is `Object` there is refused by TypeORM; here it is None with a reason. `null` and
`undefined` in a union are left out whatever `strict` says, since real code that works was either
not strict or named the type.
"""

from dataclasses import dataclass

from tree_sitter import Node

from appdb.source.evaluate.enums import enum_members
from appdb.source.evaluate.evaluator import Evaluator, type_name
from appdb.source.evaluate.operators import as_number
from appdb.source.evaluate.scope import Scope
from appdb.source.evaluate.values import ClassValue, ListValue, Literal, ObjectValue, Value
from appdb.source.modules.bindings import BindingKind
from appdb.source.modules.graph import Declared, Missing, Package
from appdb.source.syntax import named, text

MAX_HOPS = 20

_WORDS = {
    "string": "js:String",
    "number": "js:Number",
    "boolean": "js:Boolean",
    "symbol": "js:Symbol",
    "bigint": "js:BigInt",
}
_GLOBALS = (
    "String",
    "Number",
    "Boolean",
    "Date",
    "Buffer",
    "Promise",
    "Map",
    "Set",
    "Array",
    "Uint8Array",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reflected:
    """`word` is like `js:String`, or None when TypeScript would say Object, because of `reason`."""

    word: str | None
    reason: str = ""


def reflected_type(evaluator: Evaluator, annotation: Node | None, scope: Scope) -> Reflected:
    """Return the constructor that TypeScript reflects for a type annotation."""
    if annotation is None:
        return Reflected(word=None, reason="the property has no type")
    return _reflect(evaluator, annotation, scope, 0)


def _reflect(evaluator: Evaluator, node: Node, scope: Scope, hops: int) -> Reflected:
    if hops > MAX_HOPS:
        return Reflected(word=None, reason="the type is nested too deeply")
    match node.type:
        case "predefined_type":
            word = _WORDS.get(text(node))
            return Reflected(word=word, reason="" if word else f"{text(node)} has no column type")
        case "literal_type":
            return _literal(node)
        case "template_literal_type":
            return Reflected(word="js:String")
        case "array_type" | "tuple_type":
            return Reflected(word="js:Array")
        case "parenthesized_type" | "readonly_type":
            inner = named(node)
            return _reflect(evaluator, inner[-1], scope, hops + 1) if inner else _object(node)
        case "union_type":
            return _union(evaluator, node, scope, hops)
        case "type_identifier" | "generic_type":
            return _reference(evaluator, node, scope, hops)
        case "nested_type_identifier":
            return _nested(evaluator, node, scope)
        case _:
            return _object(node)


def _object(node: Node) -> Reflected:
    shown = " ".join(text(node)[:60].split())
    return Reflected(word=None, reason=f"TypeScript reflects `{shown}` as Object")


def _literal(node: Node) -> Reflected:
    inner = named(node)
    kind = inner[0].type if inner else ""
    word = {
        "string": "js:String",
        "number": "js:Number",
        "unary_expression": "js:Number",
        "true": "js:Boolean",
        "false": "js:Boolean",
    }.get(kind)
    return Reflected(word=word, reason="" if word else "the type is null or undefined")


def _members(node: Node) -> list[Node]:
    """The members of a union, which the grammar nests to the left."""
    found: list[Node] = []
    stack = [node]
    while stack:
        current = stack.pop()
        if current.type == "union_type":
            stack.extend(named(current))
        else:
            found.append(current)
    return found


def _union(evaluator: Evaluator, node: Node, scope: Scope, hops: int) -> Reflected:
    words: set[str] = set()
    for member in _members(node):
        if text(member) in {"null", "undefined", "never"}:
            continue
        found = _reflect(evaluator, member, scope, hops + 1)
        if found.word is None:
            return found
        words.add(found.word)
    return Reflected(word=words.pop()) if len(words) == 1 else _object(node)


def _reference(evaluator: Evaluator, node: Node, scope: Scope, hops: int) -> Reflected:
    name = type_name(node)
    if name is None:
        return _object(node)
    target = evaluator.target(name, scope)
    match target:
        case None:
            word = f"js:{name}" if name in _GLOBALS else None
            return Reflected(word=word) if word else _object(node)
        case Declared(module=module, binding=binding):
            inner = evaluator.scope(module)
            match binding.kind:
                case BindingKind.ENUM:
                    return _enum(evaluator, name, scope, node)
                case BindingKind.CLASS:
                    return Reflected(word=f"js:{name}")
                case BindingKind.TYPE if binding.node.type == "type_alias_declaration":
                    value = binding.node.child_by_field_name("value")
                    return _alias(evaluator, value, inner, hops) if value else _object(node)
                case _:
                    return _object(node)
        case Package(package=package):
            return Reflected(word=None, reason=f"the type {name} comes from {package}")
        case Missing(reason=reason):
            return Reflected(word=None, reason=f"the type {name} is not known: {reason}")
        case _:
            return _object(node)


def _nested(evaluator: Evaluator, node: Node, scope: Scope) -> Reflected:
    """`State.Open` (a member of an enum) or `models.State` (an enum or class of a module)."""
    parts = [part for part in text(node).split(".") if part]
    value = evaluator.evaluate_name(parts[0], scope, node)
    for part in parts[1:]:
        value = evaluator.member(value, part, value.span)
    match value:
        case Literal():
            return _of_values([value], node)
        case ObjectValue() if value.enum is not None:
            return _of_values(list(enum_members(value).values()), node)
        case ClassValue(decl=decl):
            return Reflected(word=f"js:{decl.name}")
        case _:
            return _object(node)


def _alias(evaluator: Evaluator, value: Node, scope: Scope, hops: int) -> Reflected:
    """An alias of `(typeof X)[keyof typeof X]` is the union of a constant object's values."""
    shown = "".join(text(value).split())
    if value.type == "lookup_type" and "typeof" in shown:
        name = shown.replace("(", "").removeprefix("typeof").partition(")")[0].partition("[")[0]
        constant = evaluator.evaluate_name(name, scope, value)
        if isinstance(constant, ObjectValue):
            return _of_values(list(constant.entries.values()), value)
        if isinstance(constant, ListValue) and shown.endswith("[number]"):
            return _of_values(list(constant.items), value)
    return _reflect(evaluator, value, scope, hops + 1)


def _enum(evaluator: Evaluator, name: str, scope: Scope, node: Node) -> Reflected:
    value = evaluator.evaluate_name(name, scope, node)
    if not isinstance(value, ObjectValue):
        return _object(node)
    return _of_values(list(enum_members(value).values()), node)


def _of_values(values: list[Value], node: Node) -> Reflected:
    texts = [isinstance(v, Literal) and isinstance(v.value, str) for v in values]
    if all(texts):
        return Reflected(word="js:String")
    if all(as_number(v) is not None for v in values):
        return Reflected(word="js:Number")
    return _object(node)

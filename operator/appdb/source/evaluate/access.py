"""Reading a member of a value: `a.b`, `a['b']`, `a[0]`, and taking a class's statics."""

from typing import TYPE_CHECKING

from appdb.model.finding import Span
from appdb.source.evaluate.values import (
    Call,
    ClassValue,
    External,
    FunctionValue,
    ListValue,
    Literal,
    MemberOf,
    NamespaceValue,
    ObjectValue,
    RegExpValue,
    Undefined,
    Unknown,
    Value,
    is_index,
)

if TYPE_CHECKING:
    from appdb.source.evaluate.evaluator import Evaluator

MAX_BASES = 20


def member(evaluator: "Evaluator", value: Value, name: str, span: Span) -> Value:
    """Return `value.name`; a member of a package or a call stays symbolic."""
    match value:
        case Unknown():
            return value
        case ObjectValue():
            return _of_object(value, name, span)
        case ListValue() | Literal(value=str()):
            return _of_sequence(value, name, span)
        case ClassValue():
            return _static(evaluator, value, name, span)
        case NamespaceValue():
            return _of_namespace(evaluator, value, name, span)
        case External():
            return _of_external(value, name, span)
        case Call() | MemberOf():
            known = evaluator.known_members.get(name)
            found = known(value) if known is not None else None
            return found or MemberOf(target=value, name=name, span=span)
        case FunctionValue() | Literal() | Undefined() | RegExpValue():
            return Unknown(reason=f"the member {name} is not known", span=span)


def _of_external(value: External, name: str, span: Span) -> Value:
    if value.package is None and value.names[:2] == ("process", "env"):
        return Unknown(reason=f"{name} comes from the environment", span=span)
    return External(package=value.package, names=(*value.names, name), span=span)


def _of_object(value: ObjectValue, name: str, span: Span) -> Value:
    found = value.entries.get(name)
    if found is not None:
        return found
    return value.unknown if value.unknown is not None else Undefined(span=span)


def _of_sequence(value: ListValue | Literal, name: str, span: Span) -> Value:
    items = value.items if isinstance(value, ListValue) else str(value.value)
    if name in {"length", "size"}:
        return Literal(value=len(items), span=span)
    if not is_index(name):
        return Unknown(reason=f"the member {name} is not known", span=span)
    if int(name) >= len(items):
        return Undefined(span=span)
    item = items[int(name)]
    return Literal(value=item, span=span) if isinstance(item, str) else item


def _of_namespace(evaluator: "Evaluator", value: NamespaceValue, name: str, span: Span) -> Value:
    if value.path is not None:
        return evaluator.export(value.path, name, span)
    if value.scope is not None and name in value.scope.bindings:
        return evaluator.name(name, value.scope, span)
    return Undefined(span=span)


def _static(evaluator: "Evaluator", value: ClassValue, name: str, span: Span) -> Value:
    current: Value = value
    for _ in range(MAX_BASES):
        if not isinstance(current, ClassValue):
            break
        found = current.decl.member(name)
        if found is not None and found.is_static and found.value is not None:
            return evaluator.evaluate(found.value, current.scope)
        base = current.decl.base
        if base is None:
            break
        current = evaluator.evaluate(base, current.scope)
    if name == "name":
        return Literal(value=value.decl.name, span=span)
    return MemberOf(target=value, name=name, span=span)

"""Schemas that are written as classes: `@nestjs/mongoose` and Typegoose.

A class becomes the very object that its decorators would hand to Mongoose, so that one set of
rules reads both. The inferred type is what TypeScript reflects for the property.
"""

from dataclasses import dataclass

from tree_sitter import Node

from appdb.source.evaluate.evaluator import Evaluator, type_name
from appdb.source.evaluate.values import (
    Call,
    ClassValue,
    External,
    FunctionValue,
    ListValue,
    ObjectValue,
    Undefined,
    Unknown,
    Value,
)
from appdb.source.frameworks.mongoose.identify import last_name
from appdb.source.frameworks.mongoose.report import Report
from appdb.source.frameworks.mongoose.types import word_of
from appdb.source.frameworks.typeorm.reflect import reflected_type
from appdb.source.modules.classes import Member
from appdb.source.syntax import text

MAX_BASES = 12
_PROPERTY = frozenset({"Prop", "prop"})
_CLASS = frozenset({"Schema", "modelOptions"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassSchema:
    """What a class declares: a definition and the options of its schema."""

    definition: ObjectValue
    options: ObjectValue


def has_properties(evaluator: Evaluator, value: ClassValue) -> bool:
    """Tell whether a class or a base of it declares a path."""
    return any(
        _decorator(evaluator, member, each) is not None
        for each in lineage(evaluator, value)
        for member in each.decl.members
    )


def lineage(evaluator: Evaluator, value: ClassValue) -> list[ClassValue]:
    """Return a class and its bases, the nearest first."""
    found = [value]
    while len(found) < MAX_BASES and found[-1].decl.base is not None:
        base = evaluator.evaluate(found[-1].decl.base, found[-1].scope)
        if not isinstance(base, ClassValue) or base in found:
            break
        found.append(base)
    return found


def class_schema(evaluator: Evaluator, value: ClassValue, report: Report) -> ClassSchema:
    """Return what a class declares, its bases' paths first."""
    entries: dict[str, Value] = {}
    for each in reversed(lineage(evaluator, value)):
        for member in each.decl.members:
            found = _property(evaluator, member, each, report)
            if found is not None:
                entries.pop(member.name, None)
                entries[member.name] = found
    definition = ObjectValue(entries=entries, span=value.span)
    return ClassSchema(definition=definition, options=_options(evaluator, value))


def _options(evaluator: Evaluator, value: ClassValue) -> ObjectValue:
    for each in lineage(evaluator, value):
        for node in each.decl.decorators:
            call = evaluator.evaluate(node, each.scope)
            if not isinstance(call, Call) or last_name(call.callee) not in _CLASS:
                continue
            options = call.arguments[0] if call.arguments else None
            if isinstance(options, ObjectValue):
                inner = options.get("schemaOptions")
                return inner if isinstance(inner, ObjectValue) else options
    return ObjectValue(entries={}, span=value.span)


def class_changes(evaluator: Evaluator, value: ClassValue) -> list[Call]:
    """Return the decorators of Typegoose that change a schema: `@index(...)`, `@plugin(...)`."""
    found = (
        evaluator.evaluate(node, each.scope)
        for each in reversed(lineage(evaluator, value))
        for node in each.decl.decorators
    )
    return [c for c in found if isinstance(c, Call) and last_name(c.callee) in {"index", "plugin"}]


def _decorator(evaluator: Evaluator, member: Member, owner: ClassValue) -> Call | None:
    for node in member.decorators:
        if node.type != "call_expression":
            continue
        call = evaluator.evaluate(node, owner.scope)
        if isinstance(call, Call) and last_name(call.callee) in _PROPERTY:
            return call
    return None


def _property(
    evaluator: Evaluator, member: Member, owner: ClassValue, report: Report
) -> Value | None:
    call = _decorator(evaluator, member, owner)
    if call is None:
        return None
    if member.is_broken:
        report.error("SYNTAX", f"{owner.decl.name}.{member.name} does not parse", member.span)
        return None
    is_typegoose = last_name(call.callee) == "prop"
    options = call.arguments[0] if call.arguments else None
    if isinstance(options, Call) and last_name(options.callee) == "raw":
        return options.arguments[0] if options.arguments else Undefined(span=options.span)
    if isinstance(options, ListValue):
        return options
    if isinstance(options, FunctionValue | ClassValue) or word_of(options or call) is not None:
        options = ObjectValue(entries={"type": options or call}, span=member.span)
    if isinstance(options, Unknown):
        report.unknown(f"what {owner.decl.name}.{member.name} is", options)
    given = options if isinstance(options, ObjectValue) else None
    entries = dict(given.entries) if given else {}
    kind = _type(evaluator, entries.get("type"))
    if is_typegoose:
        if kind is None and "ref" in entries:
            kind = External(package="mongoose", names=("ObjectId",), span=member.span)
        kind = _typegoose(kind, member)
    if kind is None:
        kind = _inferred(evaluator, member, owner)
    entries["type"] = kind
    unknown = given.unknown if given else None
    return ObjectValue(entries=entries, span=member.span, unknown=unknown)


def _type(evaluator: Evaluator, kind: Value | None) -> Value | None:
    """Look through `type: () => X`, which Nest and Typegoose call."""
    if isinstance(kind, FunctionValue):
        kind = evaluator.call(kind, (), kind.span)
    return None if kind is None or isinstance(kind, Undefined) else kind


def _typegoose(kind: Value | None, member: Member) -> Value | None:
    """Typegoose takes `type: String` on a list for the type of its items."""
    shown = text(member.annotation) if member.annotation is not None else ""
    is_list = shown.endswith("[]") or shown.startswith(("Array<", "mongoose.Types.Array<"))
    if kind is None or isinstance(kind, ListValue) or not is_list:
        return kind
    return ListValue(items=(kind,), span=kind.span)


def _inferred(evaluator: Evaluator, member: Member, owner: ClassValue) -> Value:
    node = member.annotation
    if node is None:
        # TypeScript reflects Object then, whatever the initial value is.
        return Unknown(reason="the property has no type", span=member.span)
    named_type = _named(evaluator, node, owner)
    if named_type is not None:
        return named_type
    reflected = reflected_type(evaluator, node, owner.scope)
    if reflected.word is None:
        return Unknown(reason=reflected.reason, span=member.span)
    word = reflected.word.removeprefix("js:")
    if word == "Array":
        return ListValue(items=(), span=member.span)
    return External(package=None, names=(word,), span=member.span)


def _named(evaluator: Evaluator, node: Node, owner: ClassValue) -> Value | None:
    """A class of the project, or a type of Mongoose's by its dotted name."""
    shown = text(node).partition("<")[0]
    word = shown.rpartition(".")[2]
    if word in {"ObjectId", "ObjectID", "Decimal128", "UUID", "Buffer"}:
        return External(package="mongoose", names=(word,), span=owner.span)
    name = type_name(node)
    if name is None:
        return None
    value = evaluator.evaluate_name(name, owner.scope, node)
    return value if isinstance(value, ClassValue) else None

"""Tells what a value is to Mongoose: a schema, a model, or the name of one.

Asks the evaluator, changes nothing. Packages are known by name; a parameter that somebody
passes (`module.exports = (mongoose) => ...`) stands for what its members are called.
"""

from dataclasses import dataclass

from appdb.model.finding import Span
from appdb.source.evaluate.evaluator import Evaluator
from appdb.source.evaluate.values import (
    Call,
    ClassValue,
    External,
    FunctionValue,
    Literal,
    MemberOf,
    ObjectValue,
    Undefined,
    Unknown,
    Value,
)

MAX_BASES = 12

# Methods of a schema that return the schema itself.
_CHAINED = frozenset({
    "add", "index", "set", "plugin", "pre", "post", "method", "methods", "static", "statics",
    "loadClass", "discriminator", "remove", "alias", "searchIndex", "query",
})  # fmt: skip
_SUBSETS = frozenset({"pick", "omit", "clone"})

SchemaKey = tuple[str, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subset:
    """`schema.pick([...])`, `schema.omit([...])`, or all of it: `schema.clone()`."""

    method: str
    base: Value
    keys: Value | None


def last_name(value: Value) -> str:
    """Return the last part of a dotted name of a package, a global or a member."""
    match value:
        case External(names=names) if names:
            return names[-1]
        case MemberOf(name=name):
            return name
        case _:
            return ""


def _may_be_mongoose(value: Value) -> bool:
    match value:
        case External(package=package):
            return package is None or "mongo" in package or package.startswith((".", "@", "~"))
        case MemberOf():
            return True
        case _:
            return False


def is_class_factory(callee: Value) -> bool:
    """Tell whether a call makes a schema of a class: `SchemaFactory.createForClass`."""
    name = last_name(callee)
    return name in {"createForClass", "buildSchema"} and _may_be_mongoose(callee)


def is_schema_class(evaluator: Evaluator, value: Value) -> bool:
    """Tell whether `new value(...)` is a schema: Mongoose's class or one that extends it."""
    for _ in range(MAX_BASES):
        if not isinstance(value, ClassValue):
            return last_name(value) == "Schema" and _may_be_mongoose(value)
        if value.decl.base is None:
            return False
        value = evaluator.evaluate(value.decl.base, value.scope)
    return False


def schema_call(evaluator: Evaluator, value: Value) -> Call | None:
    """Return the call that made a schema, looking through chained methods; else None."""
    for _ in range(200):
        if isinstance(value, MemberOf) and value.name == "schema":
            return _schema_of_model(evaluator, value.target)
        if not isinstance(value, Call):
            return None
        callee = value.callee
        if isinstance(callee, MemberOf) and callee.name in _CHAINED:
            value = callee.target
            continue
        if is_class_factory(callee) or subset(value) is not None:
            return value
        return value if is_schema_class(evaluator, callee) else None
    return None


def _schema_of_model(evaluator: Evaluator, model: Value) -> Call | None:
    if isinstance(model, Call) and last_name(model.callee) == "model" and len(model.arguments) > 1:
        return schema_call(evaluator, model.arguments[1])
    return None


def subset(call: Call) -> Subset | None:
    """Return what a call copies of another schema; None for any other call."""
    callee = call.callee
    if not isinstance(callee, MemberOf) or callee.name not in _SUBSETS:
        return None
    keys = call.arguments[0] if call.arguments else None
    if keys is None and callee.name != "clone":
        return None
    if not isinstance(callee.target, Call):
        return None
    return Subset(method=callee.name, base=callee.target, keys=keys)


def schema_key(call: Call) -> SchemaKey:
    """Return what makes two mentions the same schema: the place, and the scope it was made in."""
    if call.node is None:
        return (call.span.path, -1, id(call))
    return (call.span.path, call.node.start_byte, id(call.scope))


def model_name(
    evaluator: Evaluator, value: Value, models: dict[Span, str], depth: int = 0
) -> str | None:
    """Return the name of the model that a value is or means; None when it is not known.

    `models` are names by the place of the call that makes them: of `models.User || model(...)`
    that place is all that the evaluator can tell.
    """
    if depth > MAX_BASES:
        return None
    match value:
        case Literal(value=str() as name):
            return name
        case Call(callee=callee, arguments=arguments) if last_name(callee) in {
            "model",
            "discriminator",
            "getModelForClass",
        }:
            return model_name(evaluator, arguments[0], models, depth + 1) if arguments else None
        case MemberOf(target=target, name="modelName"):
            return model_name(evaluator, target, models, depth + 1)
        case External(names=(*_, "models", name)):
            return name
        case ClassValue(decl=decl):
            return decl.name
        case FunctionValue():
            returned = evaluator.call(value, (), value.span)
            return model_name(evaluator, returned, models, depth + 1)
        case Unknown(span=span):
            return models.get(span)
        case _:
            return None


def definition_of(evaluator: Evaluator, value: Value) -> Value | None:
    """Return `schema.obj`, the object that a schema was made of; None when it is not known."""
    call = schema_call(evaluator, value)
    if call is None or is_class_factory(call.callee) or isinstance(call.callee, ClassValue):
        return None
    return call.arguments[0] if call.arguments and subset(call) is None else None


def options_of(evaluator: Evaluator, value: Value) -> Value | None:
    """Return `schema.options`, as far as they were given; None when they are not known."""
    call = schema_call(evaluator, value)
    if call is None or is_class_factory(call.callee) or isinstance(call.callee, ClassValue):
        return None
    if subset(call) is not None:
        return None
    given = call.arguments[1] if len(call.arguments) > 1 else None
    return given or ObjectValue(entries={}, span=call.span)


def is_absent(value: Value | None) -> bool:
    """Tell whether a key is not there, or there with nothing: undefined, null or false."""
    match value:
        case None | Undefined():
            return True
        case Literal(value=content):
            return content is None or content is False
        case _:
            return False

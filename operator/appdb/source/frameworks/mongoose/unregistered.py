"""Schemas of Nest that no module registers in the source at hand.

Often only the folder of the schemas is given. A class whose schema is made and that stands in
no other class is then taken for a model of its own name, as an assumption that is told.
"""

from collections.abc import Iterator

from appdb.model.finding import Confidence
from appdb.source.evaluate.values import Call, ClassValue, ListValue, Literal, ObjectValue, Value
from appdb.source.frameworks.mongoose.classes import class_schema
from appdb.source.frameworks.mongoose.collect import Collector
from appdb.source.frameworks.mongoose.identify import is_class_factory, schema_call, schema_key
from appdb.source.frameworks.mongoose.model import Model
from appdb.source.frameworks.mongoose.report import Report

MAX_NESTING = 12


def add_unregistered(collector: Collector) -> None:
    """Add the models that are assumed."""
    silent = Report()
    taken = {schema_key(model.schema) for model in collector.models.values()}
    inner: set[ClassValue] = set()
    options: dict[ClassValue, ObjectValue] = {}
    for _, value in collector.factories:
        found = class_schema(collector.evaluator, value, silent)
        options[value] = found.options
        inner.update(_classes(collector, found.definition, 0))
    for call, value in collector.factories:
        asked = options[value].get("_id")
        is_document = isinstance(asked, Literal) and asked.value is False
        if schema_key(call) in taken or value in inner or is_document:
            continue
        _assume(collector, call, value)


def _assume(collector: Collector, call: Call, value: ClassValue) -> None:
    name = value.decl.name
    if name in collector.models:
        return
    collector.models[name] = Model(
        name=name, schema=call, span=value.span, confidence=Confidence.ASSUMED
    )
    message = f"no module of the source registers {name}; it is taken for a model of that name"
    collector.report.info("ASSUMED_MODEL", message, value.span)


def _classes(collector: Collector, value: Value, depth: int) -> Iterator[ClassValue]:
    """Yield the classes that stand in a definition as types of documents."""
    if depth > MAX_NESTING:
        return
    match value:
        case ObjectValue(entries=entries):
            for key, member in entries.items():
                if key != "ref":
                    yield from _classes(collector, member, depth + 1)
        case ListValue(items=items):
            for item in items:
                yield from _classes(collector, item, depth + 1)
        case ClassValue():
            yield value
        case Call():
            yield from _made_of(collector, value)
        case _:
            pass


def _made_of(collector: Collector, value: Call) -> Iterator[ClassValue]:
    made = schema_call(collector.evaluator, value)
    if made is not None and is_class_factory(made.callee) and made.arguments:
        first = made.arguments[0]
        if isinstance(first, ClassValue):
            yield first

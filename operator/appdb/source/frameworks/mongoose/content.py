"""Puts a schema together: its definition, its options, and what was done to it afterwards.

The order is Mongoose's: the definition, `_id`, timestamps, then every later call. A schema is
put together once, whoever asks.
"""

from collections.abc import Callable
from dataclasses import dataclass

from appdb.model.finding import Span
from appdb.source.evaluate.evaluator import Evaluator
from appdb.source.evaluate.values import (
    Call,
    ClassValue,
    External,
    FunctionValue,
    ListValue,
    Literal,
    MemberOf,
    ObjectValue,
    Undefined,
    Unknown,
    Value,
)
from appdb.source.frameworks.mongoose.classes import class_schema
from appdb.source.frameworks.mongoose.extended import super_arguments
from appdb.source.frameworks.mongoose.identify import (
    SchemaKey,
    is_class_factory,
    schema_call,
    schema_key,
    subset,
)
from appdb.source.frameworks.mongoose.merging import merged
from appdb.source.frameworks.mongoose.model import IndexSpec, SchemaContent, SchemaPath
from appdb.source.frameworks.mongoose.options import timestamps
from appdb.source.frameworks.mongoose.paths import Definition, plain_path
from appdb.source.frameworks.mongoose.plugins import added_fields, plain_names
from appdb.source.frameworks.mongoose.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One call on a schema after it was made: `schema.add(...)`."""

    method: str
    arguments: tuple[Value, ...]
    span: Span
    extent: tuple[int, int] = (0, 0)


class Schemas:
    """The schemas of a project. Changes are collected first, then contents are asked for."""

    def __init__(self, evaluator: Evaluator, report: Report) -> None:
        self.evaluator = evaluator
        self.report = report
        self.changes: dict[SchemaKey, list[Change]] = {}
        self._contents: dict[SchemaKey, SchemaContent] = {}
        self._busy: set[SchemaKey] = set()

    def change(self, call: Call, change: Change) -> None:
        """Remember what is done to a schema."""
        known = self.changes.setdefault(schema_key(call), [])
        # In a chain the outer call is met first, and is the later one.
        start, end = change.extent
        later = [each for each in known if each.extent[0] == start and each.extent[1] > end]
        chained = sum(1 for each in later if each.span == change.span)
        known.insert(len(known) - chained, change)

    def content(self, call: Call, what: str) -> SchemaContent:
        """Return a schema's paths and indexes; `what` names it in findings."""
        key = schema_key(call)
        known = self._contents.get(key)
        if known is not None:
            return known
        if key in self._busy:
            return SchemaContent(span=call.span, problem="the schema contains itself")
        self._busy.add(key)
        content = self._put_together(call, what)
        self._busy.discard(key)
        self._contents[key] = content
        return content

    def _put_together(self, call: Call, what: str) -> SchemaContent:
        content = SchemaContent(span=call.span)
        part = subset(call)
        if part is not None:
            self._take_part(content, part.base, part.method, part.keys, what)
        else:
            definition, options = self._arguments(call, content)
            self._set_options(content, options, what)
            self._add(content, definition, what)
        if content.problem is None and part is None:
            self._add_id(content, call.span)
        self._add_timestamps(content, call.span)
        for change in self.changes.get(schema_key(call), ()):
            self._apply(content, change, what)
        return content

    def _arguments(self, call: Call, content: SchemaContent) -> tuple[Value | None, Value | None]:
        """Return the definition and the options that a schema is made of."""
        arguments = call.arguments
        if is_class_factory(call.callee):
            if not arguments or not isinstance(arguments[0], ClassValue):
                content.problem = "the class of the schema is not known"
                return None, None
            found = class_schema(self.evaluator, arguments[0], self.report)
            return found.definition, found.options
        if isinstance(call.callee, ClassValue):
            arguments = super_arguments(self.evaluator, call.callee, arguments, call.span)
        padded = (*arguments, *(Undefined(span=call.span),) * 2)
        return padded[0], padded[1]

    def _set_options(self, content: SchemaContent, options: Value | None, what: str) -> None:
        options = merged(options)
        match options:
            case ObjectValue():
                content.options.update(options.entries)
                if options.unknown is not None:
                    self.report.unknown(f"a part of the options of {what}", options.unknown)
            case Unknown():
                self.report.unknown(f"the options of {what}", options)
            case _:
                pass

    def _definition(self, content: SchemaContent, what: str) -> Definition:
        key = content.options.get("typeKey")
        word = key.value if isinstance(key, Literal) and isinstance(key.value, str) else "type"
        return Definition(evaluator=self.evaluator, report=self.report, what=what, type_key=word)

    def _add(self, content: SchemaContent, definition: Value | None, what: str) -> None:
        definition = merged(definition)
        match definition:
            case None | Undefined() | Literal(value=None):
                return
            case ObjectValue():
                if definition.unknown is not None and not definition.entries:
                    content.problem = definition.unknown.reason
                    return
                self._merge(content, self._definition(content, what).read(definition))
            case ListValue(items=items):
                for item in items:
                    self._add(content, item, what)
            case MemberOf(target=target, name="obj"):
                self._add(content, target, what)
            case Unknown(reason=reason):
                content.problem = reason
            case _:
                other = schema_call(self.evaluator, definition)
                if other is None:
                    content.problem = "its definition is not known"
                    return
                self._merge(content, dict(self.content(other, what).paths))
                content.indexes.extend(self.content(other, what).indexes)

    def _merge(self, content: SchemaContent, paths: dict[str, SchemaPath | None]) -> None:
        for name, path in paths.items():
            if path is None:
                content.paths.pop(name, None)
                content.options["_id"] = Literal(value=False, span=content.span)
            else:
                content.paths[name] = path

    def _take_part(
        self, content: SchemaContent, base: Value, method: str, keys: Value | None, what: str
    ) -> None:
        call = schema_call(self.evaluator, base)
        names = plain_names(keys)
        if call is None or not (names or method == "clone"):
            content.problem = f"what is {method}ed is not known"
            return
        found = self.content(call, what)
        content.options.update(found.options)
        for name, path in found.paths.items():
            wanted = any(name == each or name.startswith(f"{each}.") for each in names)
            if name == "_id" or wanted is (method == "pick"):
                content.paths[name] = path
        if method == "clone":
            content.indexes.extend(found.indexes)

    def _add_id(self, content: SchemaContent, span: Span) -> None:
        asked = content.options.get("_id")
        has_own = any(name == "_id" or name.startswith("_id.") for name in content.paths)
        if not has_own and not (isinstance(asked, Literal) and asked.value is False):
            content.paths["_id"] = plain_path("_id", "ObjectId", span, "mongoose.id")

    def _add_timestamps(self, content: SchemaContent, span: Span) -> None:
        given = content.options.get("timestamps")
        if isinstance(given, Unknown | MemberOf | Call | External):
            reason = given.reason if isinstance(given, Unknown) else "its value is not known"
            self.report.unknown("the option timestamps", Unknown(reason=reason, span=span))
        wanted = timestamps(given)
        for name in (wanted.created, wanted.updated) if wanted else ():
            if name is not None and name not in content.paths:
                content.paths[name] = plain_path(name, "Date", span, "mongoose.timestamps")

    # What is done to a schema afterwards

    def _apply(self, content: SchemaContent, change: Change, what: str) -> None:
        handler = _CHANGES.get(change.method)
        if handler is not None:
            handler(self, content, change, what)

    def added(self, content: SchemaContent, change: Change, what: str) -> None:
        """`schema.add(definition, prefix)`."""
        arguments = change.arguments
        if not arguments:
            return
        definition = arguments[0]
        prefix = _text(arguments, 1)
        if prefix and isinstance(definition, ObjectValue):
            read = self._definition(content, what).read(definition, prefix)
            self._merge(content, read)
            return
        before = content.problem
        self._add(content, definition, what)
        if content.problem is not before:
            reason = content.problem or ""
            self.report.unknown(
                f"what is added to {what}", Unknown(reason=reason, span=change.span)
            )
            content.problem = before

    def indexed(self, content: SchemaContent, change: Change, what: str) -> None:
        """`schema.index(fields, options)`."""
        fields = change.arguments[0] if change.arguments else None
        options = change.arguments[1] if len(change.arguments) > 1 else None
        if isinstance(fields, Literal) and isinstance(fields.value, str):
            one = Literal(value=1, span=fields.span)
            fields = ObjectValue(entries={fields.value: one}, span=fields.span)
        if not isinstance(fields, ObjectValue) or fields.unknown is not None:
            reason = fields.reason if isinstance(fields, Unknown) else "its fields are not known"
            self.report.unknown(f"an index of {what}", Unknown(reason=reason, span=change.span))
            return
        if isinstance(options, Unknown):
            self.report.unknown(f"an index of {what}", options)
            return
        given = options if isinstance(options, ObjectValue) else None
        kinds = tuple(
            (name, value.value if isinstance(value, Literal) else None)
            for name, value in fields.entries.items()
        )
        empty = ObjectValue(entries={}, span=change.span)
        content.indexes.append(IndexSpec(fields=kinds, options=given or empty, span=change.span))

    def optioned(self, content: SchemaContent, change: Change, what: str) -> None:
        """`schema.set(option, value)`."""
        name = _text(change.arguments, 0)
        if name is None or len(change.arguments) < 2:
            return
        value = change.arguments[1]
        if isinstance(value, Unknown):
            self.report.unknown(f"the option {name} of {what}", value)
            return
        content.options[name] = value
        if name == "timestamps":
            self._add_timestamps(content, change.span)

    def pathed(self, content: SchemaContent, change: Change, what: str) -> None:
        """`schema.path(name, type)`."""
        name = _text(change.arguments, 0)
        if name is None or len(change.arguments) < 2:
            return
        path = self._definition(content, what).path(name, change.arguments[1])
        if path is not None:
            content.paths[name] = path

    def removed(self, content: SchemaContent, change: Change, what: str) -> None:
        """`schema.remove(names)`."""
        names = plain_names(change.arguments[0] if change.arguments else None)
        if not names:
            self.report.warn("REMOVE", f"what is removed from {what} is not known", change.span)
        for name in list(content.paths):
            if any(name == each or name.startswith(f"{each}.") for each in names):
                del content.paths[name]

    def plugged(self, content: SchemaContent, change: Change, what: str) -> None:
        """`schema.plugin(plugin, options)`, of a package."""
        plugin = change.arguments[0] if change.arguments else None
        options = change.arguments[1] if len(change.arguments) > 1 else None
        package, name = plugin_name(plugin)
        if package is None:
            if not isinstance(plugin, FunctionValue):
                message = f"what the plugin {name} adds to {what} is not known"
                self.report.warn("PLUGIN", message, change.span)
            return
        fields = added_fields(package, options)
        if fields is None:
            message = f"{what} uses the plugin {package}; what it adds is not known"
            self.report.warn("PLUGIN", message, change.span)
            return
        for field, word in fields.items():
            if field not in content.paths:
                content.paths[field] = plain_path(field, word, change.span, "mongoose.plugin")
        if fields:
            listed = ", ".join(fields)
            message = f"the plugin {package} adds {listed} to {what}"
            self.report.info("PLUGIN_KNOWN", message, change.span)


def plugin_name(plugin: Value | None) -> tuple[str | None, str]:
    """Return a plugin's package, if it is of one, and its name for a person."""
    match plugin:
        case External(package=str() as package):
            return package, package
        case External():
            return None, plugin.name
        case Call(callee=callee) | MemberOf(target=callee):
            return plugin_name(callee)
        case _:
            return None, "used here"


def _text(arguments: tuple[Value, ...], position: int) -> str | None:
    value = arguments[position] if len(arguments) > position else None
    return value.value if isinstance(value, Literal) and isinstance(value.value, str) else None


_Handler = Callable[[Schemas, SchemaContent, Change, str], None]
_CHANGES: dict[str, _Handler] = {
    "add": Schemas.added,
    "index": Schemas.indexed,
    "set": Schemas.optioned,
    "path": Schemas.pathed,
    "remove": Schemas.removed,
    "plugin": Schemas.plugged,
}

"""Meets every call that declares something, and remembers the models it makes.

Files are met in the order of their paths, calls in that of the text. A helper of the project
that takes a schema or makes a model is entered with the arguments it is given.
"""

from collections.abc import Iterable
from dataclasses import replace

from tree_sitter import Node

from appdb.model.finding import Confidence, Span
from appdb.source.evaluate.calls import arguments_of, function_scope
from appdb.source.evaluate.evaluator import Evaluator
from appdb.source.evaluate.scope import Scope
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
    to_text,
)
from appdb.source.frameworks.mongoose.classes import class_changes
from appdb.source.frameworks.mongoose.content import Change, Schemas
from appdb.source.frameworks.mongoose.extended import constructor_scope
from appdb.source.frameworks.mongoose.identify import (
    SchemaKey,
    last_name,
    model_name,
    schema_call,
    schema_key,
)
from appdb.source.frameworks.mongoose.model import Model
from appdb.source.frameworks.mongoose.report import Report
from appdb.source.frameworks.mongoose.sites import (
    CHANGING,
    DECLARING,
    FUNCTIONS,
    Budget,
    Site,
    sites,
)
from appdb.source.modules.scan import Module
from appdb.source.syntax import named, span_of, text

MAX_ENTERED = 4
_MARKS = tuple(f".{name}(" for name in ("model", "add", "index", "plugin", "set", "discriminator"))


class Collector:
    """Everything that a project declares, before it is laid out as tables."""

    def __init__(self, evaluator: Evaluator, report: Report) -> None:
        self.evaluator = evaluator
        self.report = report
        self.schemas = Schemas(evaluator, report)
        self.models: dict[str, Model] = {}
        self.places: dict[Span, str] = {}
        self.factories: list[tuple[Call, ClassValue]] = []
        self.is_pluralized = True
        self.budget = Budget()
        self._late: list[tuple[Site, tuple[Value, ...]]] = []
        self._calls: list[Site] = []
        self._wrappers: list[Site] = []
        self._entered: set[tuple[str, int]] = set()
        self._everywhere: list[Site] = []
        self._made: set[SchemaKey] = set()
        self._plugged: set[tuple[str, int, SchemaKey]] = set()

    def collect(self, modules: Iterable[Module]) -> None:
        """Meet all calls of all modules, then what needed others first."""
        for module in modules:
            scope = self.evaluator.scope(module)
            for site in sites(self.evaluator, module.tree.root, scope, self.budget):
                self._meet(site, 0)
        for site in self._calls:
            self._helper(site)
        for site, arguments in self._late:
            self._discriminator(site, arguments)
        self._plug_everywhere()
        for site in self._wrappers:
            if site.function is None or site.function.start_byte not in self._called(site):
                message = "a model is made of what a caller gives, and no caller is known"
                self.report.warn("MODEL", message, self._span(site))

        if self.budget.left < 0:
            place = Span(
                path=self._wrappers[0].scope.module.path if self._wrappers else ".", line=1
            )
            self.report.warn("DEEP", "helpers and loops go too far to be followed", place)

    def _plug_everywhere(self) -> None:
        """`mongoose.plugin(...)` is for every schema."""
        for site in self._everywhere:
            for model in self.models.values():
                if model.base is None:
                    self._change(site, model.schema, 0)

    def _called(self, site: Site) -> set[int]:
        path = site.scope.module.path
        return {start for where, start in self._entered if where == path}

    def model_of(self, value: Value) -> str | None:
        """Return the name of the model that a value means."""
        return model_name(self.evaluator, value, self.places)

    def _meet(self, site: Site, depth: int) -> None:
        imported = site.scope.module.imports.get(site.name)
        if imported is not None and site.target is None and imported.name in DECLARING:
            site = replace(site, name=imported.name)  # `import { model as define } from ...`
        if site.name in DECLARING:
            self._declaring(site, depth)
        elif site.name in CHANGING and site.target is not None:
            self._changing(site, depth)
        elif depth == 0 and site.node.child_by_field_name("arguments") is not None:
            self._calls.append(site)

    def _arguments(self, site: Site) -> tuple[Value, ...]:
        return arguments_of(self.evaluator, site.node, site.scope)

    def _span(self, site: Site) -> Span:
        return span_of(site.scope.module.path, site.node)

    # Models

    def _declaring(self, site: Site, depth: int) -> None:
        match site.name:
            case "model":
                self._model(site, is_helper=depth > 0)
            case "discriminator":
                self._late.append((site, self._arguments(site)))
            case "forFeature" | "forFeatureAsync":
                self._features(site)
            case "createForClass":
                self._factory(site)
            case "getModelForClass" | "getDiscriminatorModelForClass":
                self._class_model(site)
            case "pluralize":
                first = (self._arguments(site) or (Undefined(span=self._span(site)),))[0]
                if isinstance(first, Literal) and first.value is None:
                    self.is_pluralized = False
            case _:
                pass

    def _model(self, site: Site, *, is_helper: bool) -> None:
        arguments = self._arguments(site)
        if len(arguments) < 2:
            return
        name, schema = self.model_of(arguments[0]), self._schema(site, arguments[1])
        span = self._span(site)
        if name is None or schema is None:
            self._not_a_model(site, arguments, span)
            return
        if not is_helper:
            self.places[span] = name
        if schema_key(schema) not in self._made:
            self._made.add(schema_key(schema))
            self._made_in_helper(schema, site)
            self._made_by_class(schema)
        self._add_model(name, schema, span, _option_text(arguments, 2))

    def _made_in_helper(self, schema: Call, site: Site) -> None:
        """Meet what a helper does to the schema that it makes and returns."""
        maker = schema.node
        while maker is not None and maker.type not in FUNCTIONS:
            maker = maker.parent
        body = maker.child_by_field_name("body") if maker is not None else None
        if maker is None or body is None or schema.scope is None or _is_in(site, maker):
            return
        for statement in named(body):
            for each in sites(self.evaluator, statement, schema.scope, self.budget, entered=True):
                if each.name in CHANGING and each.target is not None:
                    self._changing(each, 1)

    def _made_by_class(self, schema: Call) -> None:
        """Meet what the constructor of a class that extends Schema does: `this.add(...)`."""
        callee = schema.callee
        if not isinstance(callee, ClassValue):
            return
        entered = constructor_scope(self.evaluator, callee, schema.arguments, schema.span)
        body = entered[0].child_by_field_name("body") if entered is not None else None
        if entered is None or body is None:
            return
        for statement in named(body):
            for each in sites(self.evaluator, statement, entered[1], self.budget, entered=True):
                is_own = each.target is not None and each.target.type == "this"
                if is_own and each.name in CHANGING:
                    self._change(each, schema, 1)

    def _schema(self, site: Site, value: Value) -> Call | None:
        """Return the schema of a model; a plain object is made one, as Mongoose does."""
        known = schema_call(self.evaluator, value)
        if known is not None or not isinstance(value, ObjectValue):
            return known
        if not self._is_of_mongoose(site):
            return None
        callee = External(package="mongoose", names=("Schema",), span=value.span)
        return Call(callee=callee, arguments=(value,), span=value.span, is_new=True)

    def _is_of_mongoose(self, site: Site) -> bool:
        callee = site.callee
        owner = self.evaluator.evaluate(callee, site.scope) if callee is not None else None
        return isinstance(owner, External) and "mongo" in (owner.package or "")

    def _not_a_model(self, site: Site, arguments: tuple[Value, ...], span: Span) -> None:
        """Something is called model, and it is Mongoose's or it is not."""
        name = self.model_of(arguments[0])
        if any(_is_symbol(argument) for argument in arguments[:2]) and site.function is not None:
            self._wrappers.append(site)
            return
        is_mongoose = self._is_of_mongoose(site)
        if schema_call(self.evaluator, arguments[1]) is not None:
            self.report.warn("MODEL", "a model's name is not known; it has no table", span)
        elif is_mongoose and name is not None:
            schema = arguments[1]
            reason = schema.reason if isinstance(schema, Unknown) else "it is not in the source"
            message = f"the schema of {name} is not known, it has no table: {reason}"
            self.report.warn("MODEL", message, span)

    def _add_model(
        self,
        name: str,
        schema: Call,
        span: Span,
        collection: str | None = None,
        confidence: Confidence = Confidence.EXACT,
    ) -> Model | None:
        known = self.models.get(name)
        if known is not None:
            if schema_key(known.schema) != schema_key(schema):
                place = f"{known.span.path}:{known.span.line}"
                message = f"the model {name} is declared twice; that of {place} is used"
                self.report.warn("TWICE", message, span)
            return None
        model = Model(
            name=name, schema=schema, span=span, collection=collection, confidence=confidence
        )
        self.models[name] = model
        return model

    def _factory(self, site: Site) -> None:
        call = self.evaluator.evaluate(site.node, site.scope)
        if isinstance(call, Call) and call.arguments and isinstance(call.arguments[0], ClassValue):
            self.factories.append((call, call.arguments[0]))

    def _class_model(self, site: Site) -> None:
        arguments = self._arguments(site)
        call = self.evaluator.evaluate(site.node, site.scope)
        is_child = site.name == "getDiscriminatorModelForClass"
        given = arguments[1:] if is_child else arguments
        if not given or not isinstance(given[0], ClassValue) or not isinstance(call, Call):
            return
        value = given[0]
        schema = Call(
            callee=External(package="mongoose", names=("createForClass",), span=call.span),
            arguments=(value,),
            span=value.span,
            node=value.decl.node,
            scope=value.scope,
        )
        for change in class_changes(self.evaluator, value):
            method = last_name(change.callee)
            self.schemas.change(
                schema, Change(method=method, arguments=change.arguments, span=change.span)
            )
        span = self._span(site)
        self.places[span] = value.decl.name
        if not is_child:
            self._add_model(value.decl.name, schema, span)
            return
        name = Literal(value=value.decl.name, span=span)
        self._child(arguments[0], (name, schema), span)

    def _features(self, site: Site) -> None:
        arguments = self._arguments(site)
        items = arguments[0] if arguments else None
        if not isinstance(items, ListValue):
            return
        for item in items.items:
            if not isinstance(item, ObjectValue):
                continue
            name, schema = self._feature(item)
            if name is None or schema is None:
                self._unread_feature(item, name)
                continue
            self._add_model(name, schema, item.span, _text(item.get("collection")))
            self._feature_children(name, item)

    def _feature(self, item: ObjectValue) -> tuple[str | None, Call | None]:
        name = item.get("name")
        schema = item.get("schema")
        factory = item.get("useFactory")
        if schema is None and isinstance(factory, FunctionValue):
            return (
                self.model_of(name) if name is not None else None,
                self._made_by(factory),
            )
        return (
            self.model_of(name) if name is not None else None,
            schema_call(self.evaluator, schema) if schema is not None else None,
        )

    def _made_by(self, factory: FunctionValue) -> Call | None:
        """Return the schema that a factory changes or returns."""
        scope = function_scope(self.evaluator, factory, (), factory.span)
        body = factory.node.child_by_field_name("body")
        if body is None:
            return None
        if body.type != "statement_block":
            return schema_call(self.evaluator, self.evaluator.evaluate(body, scope))
        for site in sites(self.evaluator, body, scope, self.budget, entered=True):
            self._meet(site, 1)
        for statement in named(body):
            if statement.type == "return_statement" and named(statement):
                value = self.evaluator.evaluate(named(statement)[0], scope)
                return schema_call(self.evaluator, value)
        return None

    def _unread_feature(self, item: ObjectValue, name: str | None) -> None:
        if "schema" in item.entries or "useFactory" in item.entries:
            message = f"the schema of {name or 'a model'} is not known; it has no table"
            self.report.warn("MODEL", message, item.span)

    def _feature_children(self, base: str, item: ObjectValue) -> None:
        children = item.get("discriminators")
        for child in children.items if isinstance(children, ListValue) else ():
            if isinstance(child, ObjectValue):
                arguments = tuple(
                    child.entries[key]
                    for key in ("name", "schema", "value")
                    if key in child.entries
                )
                parent = Literal(value=base, span=child.span)
                self._child(parent, arguments, child.span)

    # Discriminators

    def _discriminator(self, site: Site, arguments: tuple[Value, ...]) -> None:
        target = site.target
        if target is None or len(arguments) < 2:
            return
        base = self.evaluator.evaluate(target, site.scope)
        span = self._span(site)
        schema = schema_call(self.evaluator, base)
        if schema is not None and not isinstance(base, MemberOf):
            self._schema_discriminator(schema, arguments, span)
            return
        if _is_of_path(base):
            return  # It changes what is inside of a document.
        self._child(base, arguments, span)

    def _schema_discriminator(self, schema: Call, arguments: tuple[Value, ...], span: Span) -> None:
        for model in list(self.models.values()):
            if schema_key(model.schema) == schema_key(schema):
                self._child(Literal(value=model.name, span=span), arguments, span)

    def _child(self, base: Value, arguments: tuple[Value, ...], span: Span) -> None:
        parent_name = self.model_of(base)
        parent = self.models.get(parent_name) if parent_name is not None else None
        name = self.model_of(arguments[0]) if arguments else None
        schema = schema_call(self.evaluator, arguments[1]) if len(arguments) > 1 else None
        if parent is None or name is None or schema is None:
            if name is not None or schema is not None:
                shown = name or "without a known name"
                message = f"the discriminator {shown} is left out: its base or schema is not known"
                self.report.warn("DISCRIMINATOR", message, span)
            return
        known = self.models.get(name)
        if known is not None and (known.base is not None or known is parent):
            return
        child = Model(
            name=name, schema=schema, span=span, base=parent, value=_value(name, arguments)
        )
        self.models[name] = child
        self.places[span] = name
        parent.children.append(child)

    # What is done to schemas

    def _changing(self, site: Site, depth: int) -> None:
        target = site.target
        if target is None or target.type in {"this", "super", "string", "array", "object"}:
            return
        value = self.evaluator.evaluate(target, site.scope)
        schema = schema_call(self.evaluator, value)
        if schema is not None:
            self._change(site, schema, depth)
        elif site.name == "plugin" and _is_mongoose_itself(value):
            self._everywhere.append(site)

    def _change(self, site: Site, schema: Call, depth: int) -> None:
        arguments, span = self._arguments(site), self._span(site)
        if site.name == "plugin" and arguments and isinstance(arguments[0], FunctionValue):
            self._enter(arguments[0], (schema, *arguments[1:]), span, depth)
            return
        self.schemas.change(schema, _change(site, arguments, span))

    def _helper(self, site: Site) -> None:
        """Enter a helper of the project that makes a model or is handed a schema."""
        callee = site.callee
        if callee is None or callee.type not in {"identifier", "member_expression"}:
            return
        function = self.evaluator.evaluate(callee, site.scope)
        if not isinstance(function, FunctionValue):
            return
        wraps = any(_same(w.function, w.scope, function) for w in self._wrappers)
        if not wraps and not any(mark in text(function.node) for mark in _MARKS):
            return
        arguments = self._arguments(site)
        if wraps or any(schema_call(self.evaluator, each) is not None for each in arguments):
            self._enter(function, arguments, self._span(site), 0)

    def _enter(
        self, function: FunctionValue, arguments: tuple[Value, ...], span: Span, depth: int
    ) -> None:
        body = function.node.child_by_field_name("body")
        if body is None or depth >= MAX_ENTERED:
            return
        place = (function.scope.module.path, function.node.start_byte)
        schema = schema_call(self.evaluator, arguments[0]) if len(arguments) == 1 else None
        if schema is not None:
            if (*place, schema_key(schema)) in self._plugged:
                return  # A plugin that is plugged in by itself or twice adds nothing more.
            self._plugged.add((*place, schema_key(schema)))
        self._entered.add(place)
        scope: Scope = function_scope(self.evaluator, function, arguments, span)
        for site in sites(self.evaluator, body, scope, self.budget, entered=True):
            self._meet(site, depth + 1)


def _change(site: Site, arguments: tuple[Value, ...], span: Span) -> Change:
    start, end = site.node.start_byte, site.node.end_byte
    return Change(method=site.name, arguments=arguments, span=span, extent=(start, end))


def _same(node: object, scope: Scope, function: FunctionValue) -> bool:
    start = getattr(node, "start_byte", None)
    return start == function.node.start_byte and scope.module.path == function.scope.module.path


def _is_mongoose_itself(value: Value) -> bool:
    return isinstance(value, External) and value.package == "mongoose" and not value.names


def _is_in(site: Site, function: Node) -> bool:
    """Tell whether a call stands in a function itself, where all calls are met anyway."""
    own = site.function
    return own is not None and (own.start_byte, own.end_byte) == (
        function.start_byte,
        function.end_byte,
    )


def _is_of_path(value: Value) -> bool:
    """Tell whether a value is `schema.path('x')`, or the schema of it."""
    if isinstance(value, MemberOf):
        value = value.target
    return isinstance(value, Call) and last_name(value.callee) == "path"


def _is_symbol(value: Value) -> bool:
    return isinstance(value, External) and value.package is None


def _text(value: Value | None) -> str | None:
    return value.value if isinstance(value, Literal) and isinstance(value.value, str) else None


def _option_text(arguments: tuple[Value, ...], position: int) -> str | None:
    return _text(arguments[position]) if len(arguments) > position else None


def _value(name: str, arguments: tuple[Value, ...]) -> str:
    """Return what the discriminator key holds: the third argument, its `value`, or the name."""
    given = arguments[2] if len(arguments) > 2 else None
    if isinstance(given, ObjectValue):
        given = given.get("value")
    known = to_text(given) if isinstance(given, Literal) and given.value is not None else None
    return known or name

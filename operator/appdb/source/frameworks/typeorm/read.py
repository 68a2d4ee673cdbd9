"""Reads the classes of a project in the order in which TypeORM would have met them.

A class is read once, after its base class. Classes without decorators of TypeORM leave no
trace. What does not parse is reported and left out.
"""

import re

from tree_sitter import Node

from appdb.model.finding import Severity
from appdb.source.evaluate.evaluator import Evaluator
from appdb.source.evaluate.values import (
    Call,
    ClassValue,
    External,
    ListValue,
    ObjectValue,
    Unknown,
    Value,
)
from appdb.source.frameworks.typeorm.args import Storage, TableKind
from appdb.source.frameworks.typeorm.column_decorators import COLUMN_DECORATORS
from appdb.source.frameworks.typeorm.context import Context
from appdb.source.frameworks.typeorm.expand import (
    decorator_calls,
    is_typeorm,
    may_hide_column,
)
from appdb.source.frameworks.typeorm.options import Unreadable
from appdb.source.frameworks.typeorm.relation_decorators import RELATION_DECORATORS
from appdb.source.frameworks.typeorm.report import Report
from appdb.source.frameworks.typeorm.schemas import read_schema
from appdb.source.frameworks.typeorm.table_decorators import CLASS_DECORATORS, KEY_DECORATORS
from appdb.source.modules.bindings import BindingKind
from appdb.source.modules.classes import ClassDecl, Member, MemberKind, class_nodes
from appdb.source.modules.scan import Module
from appdb.source.scripts import classes_of
from appdb.source.syntax import first_error, span_of, text

MAX_BASES = 20
_ENTITY_TEXT = re.compile(rb"@\w*\.?(?:Entity|ChildEntity|ViewEntity)\b|\bEntitySchema\b")
_CLASS = re.compile(rb"\bclass\b(?![-\w'\"])")

MEMBER_DECORATORS = {**COLUMN_DECORATORS, **RELATION_DECORATORS, **KEY_DECORATORS}


class Reader:
    """Fills a storage from classes and entity schemas."""

    def __init__(self, evaluator: Evaluator, report: Report) -> None:
        self.evaluator = evaluator
        self.report = report
        self.storage = Storage()
        self._bases: dict[ClassValue, ClassValue | None] = {}
        self._done: set[ClassValue] = set()
        self._schemas: set[int] = set()

    def read_module(self, path: str, content: bytes) -> None:
        """Read the entities of a module; their bases and embedded classes come along."""
        module = self.evaluator.graph.module(path)
        if module is None:
            return
        declares = _ENTITY_TEXT.search(content) is not None
        if module.tree.is_broken and declares:
            self._broken(module)
        for value in classes_of(self.evaluator, module):
            if self._is_entity(value):
                self.read_class(value)
        if b"EntitySchema" in content:
            self._read_schemas(module)
        if declares and len(_CLASS.findall(content)) > len(
            list(classes_of(self.evaluator, module))
        ):
            self._nested_classes(module)

    def tree(self, value: ClassValue) -> tuple[ClassValue, ...]:
        """Return a class and its bases, the nearest first."""
        found = [value]
        while len(found) < MAX_BASES:
            base = self._base(found[-1])
            if base is None or base in found:
                break
            found.append(base)
        return tuple(found)

    def read_class(self, value: ClassValue) -> None:
        """Read a class after its base classes."""
        for each in reversed(self.tree(value)):
            if each not in self._done:
                self._done.add(each)
                self._read_one(each)

    def _is_entity(self, value: ClassValue) -> bool:
        for node in value.decl.decorators:
            for call in decorator_calls(self.evaluator, node, value.scope):
                if isinstance(call, Call) and _name(call) in {
                    "Entity",
                    "ChildEntity",
                    "ViewEntity",
                    "ClosureEntity",
                }:
                    return True
        return False

    def _base(self, value: ClassValue) -> ClassValue | None:
        if value not in self._bases:
            self._bases[value] = self._find_base(value)
        return self._bases[value]

    def _find_base(self, value: ClassValue) -> ClassValue | None:
        node = value.decl.base
        if node is None:
            return None
        found = self.evaluator.evaluate(node, value.scope)
        match found:
            case ClassValue():
                return found
            case External(package=package, names=names) if is_typeorm(package) or (
                package is None and names == ("Object",)
            ):
                return None
            case Unknown(reason=reason):
                self._missing_base(value, node, reason)
            case _:
                self._missing_base(value, node, "it is not a class of the source")
        return None

    def _missing_base(self, value: ClassValue, node: Node, reason: str) -> None:
        self.storage.incomplete.add(value)
        shown = " ".join(text(node)[:60].split())
        message = f"the base class {shown} of {value.decl.name} is not known: {reason}"
        self.report.add("BASE", message, span_of(value.decl.path, node))

    def _read_one(self, value: ClassValue) -> None:
        for member in value.decl.members:
            if member.is_broken:
                self._broken_member(value.decl, member)
                continue
            applied = [self._apply(value, node, member) for node in reversed(member.decorators)]
            if member.kind is MemberKind.FIELD and not any(applied):
                self._hidden(value, member)
        for node in reversed(value.decl.decorators):
            self._apply(value, node, None)

    def _hidden(self, value: ClassValue, member: Member) -> None:
        """Tell of a field whose decorators make no column that can be seen, but might."""
        for node in member.decorators:
            reason = may_hide_column(self.evaluator, node, value.scope)
            if reason is not None:
                self.storage.incomplete.add(value)
                shown = " ".join(text(node).partition("(")[0].split())
                message = (
                    f"{value.decl.name}.{member.name} has no decorator of TypeORM; @{shown} "
                    f"may declare a column, but {reason}"
                )
                self.report.add("DECORATOR", message, member.span)

    def _apply(self, value: ClassValue, node: Node, member: Member | None) -> bool:
        """Apply what stands behind an `@`; tell whether anything of TypeORM does."""
        is_found = False
        context = Context(
            evaluator=self.evaluator,
            storage=self.storage,
            report=self.report,
            owner=value,
            span=member.span if member else span_of(value.decl.path, node),
            require=self.read_class,
            member=member,
        )
        for call in decorator_calls(self.evaluator, node, value.scope):
            is_found = True
            if isinstance(call, Unknown):
                self.storage.incomplete.add(value)
                shown = text(node).partition("(")[0]
                self.report.unknown(f"the decorator @{shown} on {context.what}", call)
                continue
            self._handle(context, call)
        return is_found

    def _handle(self, context: Context, call: Call) -> None:
        handlers = MEMBER_DECORATORS if context.member else CLASS_DECORATORS
        handler = handlers.get(_name(call))
        if handler is None:
            return
        try:
            handler(context, call)
        except Unreadable:
            self.storage.incomplete.add(context.owner)
            message = f"{context.what}: what @{_name(call)} declares is left out"
            self.report.add("LEFT_OUT", message, context.span)

    def _broken(self, module: Module) -> None:
        error = first_error(module.tree.root)
        node = error if error is not None else module.tree.root
        message = f"the file does not parse near `{_shown(node)}`; it declares entities"
        self.report.add("SYNTAX", message, module.tree.span(node), Severity.ERROR)

    def _broken_member(self, decl: ClassDecl, member: Member) -> None:
        message = f"{decl.name}.{member.name} does not parse; it is left out"
        self.report.add("SYNTAX", message, member.span, Severity.ERROR)

    def _nested_classes(self, module: Module) -> None:
        """Entities inside functions cannot be read: which class it is, is known at run time."""
        known = {value.decl.node.start_byte for value in classes_of(self.evaluator, module)}
        for node, outer in class_nodes(module.tree.root):
            if node.start_byte in known:
                continue
            inner = [child for child in node.named_children if child.type == "decorator"]
            if any(b"Entity" in (d.text or b"") for d in [*outer, *inner]):
                name = node.child_by_field_name("name")
                shown = text(name) if name is not None else "without a name"
                message = f"the entity class {shown} is made inside a function; it is left out"
                self.report.add("NESTED", message, module.tree.span(node))

    def _read_schemas(self, module: Module) -> None:
        scope = self.evaluator.scope(module)
        for binding in module.bindings.values():
            if binding.kind is BindingKind.VARIABLE and not binding.keys:
                span = span_of(module.path, binding.node)
                self._schema(self.evaluator.name(binding.name, scope, span))
        for name, export in sorted(module.exports.items()):
            if export.node is not None:
                self._schema(
                    self.evaluator.export(module.path, name, module.tree.span(export.node))
                )

    def _schema(self, value: Value) -> None:
        """Read a value that is a schema, or holds schemas as members."""
        for each in _members(value):
            if isinstance(each, Call) and id(each) not in self._schemas and _is_schema(each):
                self._schemas.add(id(each))
                read_schema(self, each)


def _members(value: Value) -> tuple[Value, ...]:
    match value:
        case ObjectValue(entries=entries):
            return tuple(entries.values())
        case ListValue(items=items):
            return items
        case _:
            return (value,)


def _is_schema(call: Call) -> bool:
    callee = call.callee
    return (
        call.is_new
        and isinstance(callee, External)
        and is_typeorm(callee.package)
        and callee.names[-1:] == ("EntitySchema",)
    )


def _name(call: Call) -> str:
    callee = call.callee
    return callee.names[-1] if isinstance(callee, External) and callee.names else ""


def _shown(node: Node) -> str:
    return " ".join(text(node)[:40].split())


def is_table(kind: TableKind) -> bool:
    """Tell whether an entity of a kind has a table of its own."""
    return kind not in {TableKind.CHILD, TableKind.VIEW}

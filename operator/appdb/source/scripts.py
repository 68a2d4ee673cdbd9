"""The engine for TypeScript and JavaScript, made once per project and shared by front ends."""

from collections.abc import Iterator

from appdb.source.evaluate.evaluator import Evaluator
from appdb.source.evaluate.values import ClassValue
from appdb.source.filekind import SCRIPTS
from appdb.source.modules.bindings import BindingKind
from appdb.source.modules.graph import ModuleGraph
from appdb.source.modules.scan import DEFAULT, Module
from appdb.source.project import Project


def evaluator_of(project: Project) -> Evaluator:
    """Return the project's evaluator; `evaluator.graph` is its module graph."""
    return project.memo("scripts.evaluator", lambda: _make(project))


def _make(project: Project) -> Evaluator:
    scripts = [file.path for file in project.of_kind(*SCRIPTS) if not _declares_only(file.path)]
    everything = {file.path for file in project.files}
    manifests = (path for path in project.ignored if path.endswith(".json"))
    return Evaluator(ModuleGraph({*everything, *manifests}, project.read, scripts))


def _declares_only(path: str) -> bool:
    return path.endswith((".d.ts", ".d.mts", ".d.cts"))


def scripts_holding(project: Project, *words: str) -> list[str]:
    """Return the paths of scripts whose text holds one of the words. Cheap: nothing is parsed."""
    marks = [word.encode() for word in words]
    return [
        file.path
        for file in project.of_kind(*SCRIPTS)
        if not _declares_only(file.path) and any(mark in file.content for mark in marks)
    ]


def classes_of(evaluator: Evaluator, module: Module) -> Iterator[ClassValue]:
    """Yield the classes of a module's top-level block in source order.

    Also `export default class` without a name, and `const X = class {...}`.
    """
    scope = evaluator.scope(module)
    found: list[ClassValue] = []
    for binding in module.bindings.values():
        if binding.kind is BindingKind.CLASS:
            found.append(evaluator.class_value(binding.node, scope, binding.decorators))
        elif binding.kind is BindingKind.VARIABLE:
            value = binding.node.child_by_field_name("value")
            if value is not None and value.type == "class":
                found.append(evaluator.class_value(value, scope))
    default = module.exports.get(DEFAULT)
    if default is not None and default.node is not None and default.node.type == "class":
        found.append(evaluator.class_value(default.node, scope))
    yield from sorted(found, key=lambda value: value.decl.node.start_byte)

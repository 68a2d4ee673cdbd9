"""The graph of modules: follows a name through imports, barrels and cycles to its declaration.

Files are parsed when they are first asked for. A name leads to exactly one `Target`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tree_sitter import Node

from appdb.errors import ParseFailed
from appdb.source.modules.bindings import Binding
from appdb.source.modules.resolve import Resolver
from appdb.source.modules.scan import COMMONJS, DEFAULT, NAMESPACE, Export, Import, Module, scan
from appdb.source.syntax import is_script, parse

MAX_HOPS = 48


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Declared:
    """A declaration in a module's top-level block."""

    module: Module
    binding: Binding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expression:
    """An exported expression; with `key`, that member of its value."""

    module: Module
    node: Node
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """All exports of a module of the project."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A name of a package; without `name`, the package as a whole."""

    package: str
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Nothing in the source: a file that is not there, or a name that it does not export."""

    reason: str


@dataclass(slots=True)
class _Trail:
    """What one question has asked already: cycles end, and no path is walked twice."""

    seen: set[tuple[str, str]] = field(default_factory=set)
    depth: int = 0


Target = Declared | Expression | Whole | Package | Missing


class ModuleGraph:
    """The modules of one source; `broken` collects the files that could not be parsed at all."""

    def __init__(
        self,
        paths: Iterable[str],
        read: Callable[[str], bytes | None],
        scripts: Iterable[str] | None = None,
    ) -> None:
        """Take all paths, a reader, and which of the paths are scripts (else: by suffix)."""
        self._paths = frozenset(paths)
        self._scripts = tuple(sorted(scripts if scripts is not None else filter(is_script, paths)))
        self._read = read
        self._modules: dict[str, Module | None] = {}
        self._resolver = Resolver(self._paths, self._text)
        self._exports: dict[tuple[str, str], Target] = {}
        self._locals: dict[tuple[str, str], Target | None] = {}
        self.broken: dict[str, ParseFailed] = {}
        self._stand_ins: list[tuple[re.Pattern[str], str]] = []

    def let_stand_in(self, pattern: re.Pattern[str], package: str) -> None:
        """Take relative imports that lead to no file of the source for a package.

        An ORM's own tests and samples import it from `../../src`.
        """
        self._stand_ins.append((pattern, package))
        self._locals.clear()
        self._exports.clear()

    def _text(self, path: str) -> str | None:
        content = self._read(path)
        return None if content is None else content.decode("utf-8", errors="replace")

    @property
    def paths(self) -> list[str]:
        """The scripts to read, sorted; imports may lead to others."""
        return list(self._scripts)

    def module(self, path: str) -> Module | None:
        """Return a module, parsed on first use; None when it is not there or not text."""
        if path not in self._modules:
            self._modules[path] = self._load(path)
        return self._modules[path]

    def _load(self, path: str) -> Module | None:
        content = self._read(path) if path in self._paths else None
        if content is None:
            return None
        try:
            return scan(parse(path, content))
        except ParseFailed as err:
            self.broken[path] = err
            return None

    def resolve(self, importer: str, specifier: str) -> str | None:
        """Return the path that a specifier means; None for a package or a missing file."""
        return self._resolver.resolve(importer, specifier)

    def local(self, module: Module, name: str) -> Target | None:
        """Follow a name of a module's top-level block; None when the module does not know it."""
        key = (module.path, name)
        if key not in self._locals:
            self._locals[key] = self._local(module, name, _Trail())
        return self._locals[key]

    def imported(self, importer: str, wanted: Import) -> Target:
        """Follow an import statement's name to its declaration."""
        return self._imported(importer, wanted, _Trail())

    def export(self, path: str, name: str) -> Target:
        """Follow an exported name (`default`, `*` for all) of a module to its declaration."""
        return self._export(path, name, _Trail())

    def _local(self, module: Module, name: str, trail: "_Trail") -> Target | None:
        imported = module.imports.get(name)
        if imported is not None:
            return self._imported(module.path, imported, trail)
        binding = module.bindings.get(name)
        return None if binding is None else Declared(module=module, binding=binding)

    def _imported(self, importer: str, wanted: Import, trail: "_Trail") -> Target:
        path = self.resolve(importer, wanted.specifier)
        if path is not None:
            return self._export(path, wanted.name, trail)
        stand_in = self._stand_in(wanted.specifier)
        if wanted.specifier.startswith(".") and stand_in is None:
            return Missing(reason=f"{wanted.specifier} is not in the source")
        whole = wanted.name in {NAMESPACE, DEFAULT, COMMONJS}
        package = stand_in or wanted.specifier
        return Package(package=package, name=None if whole else wanted.name)

    def _stand_in(self, specifier: str) -> str | None:
        found = (package for pattern, package in self._stand_ins if pattern.fullmatch(specifier))
        return next(found, None) if specifier.startswith(".") else None

    def _export(self, path: str, name: str, trail: "_Trail") -> Target:
        key = (path, name)
        known = self._exports.get(key)
        if known is not None:
            return known
        if key in trail.seen or trail.depth > MAX_HOPS:
            return Missing(reason=f"{path} does not export {name}")
        trail.seen.add(key)
        trail.depth += 1
        found = self._find_export(path, name, trail)
        trail.depth -= 1
        if found is None:
            found = Missing(reason=f"{path} does not export {name}")
        if trail.depth == 0 or not isinstance(found, Missing):
            self._exports[key] = found
        return found

    def _find_export(self, path: str, name: str, trail: "_Trail") -> Target | None:
        module = self.module(path)
        if module is None:
            return Missing(reason=f"{path} could not be read")
        commonjs = module.exports.get(COMMONJS)
        if name in {NAMESPACE, COMMONJS}:
            return self._whole(module, commonjs)
        export = module.exports.get(name)
        if export is not None:
            return self._follow(module, export, trail)
        starred = self._starred(module, name, trail)
        if starred is not None:
            return starred
        if commonjs is not None and commonjs.node is not None:
            key = None if name == DEFAULT else name
            return Expression(module=module, node=commonjs.node, key=key)
        return Whole(path=path) if name == DEFAULT and self._is_script_of_commonjs(module) else None

    def _starred(self, module: Module, name: str, trail: "_Trail") -> Target | None:
        """Look through `export *`; a package, which exports who knows what, comes last."""
        package: Target | None = None
        for specifier in module.stars if name != DEFAULT else ():
            found = self._imported(module.path, Import(specifier=specifier, name=name), trail)
            if isinstance(found, Package):
                package = package or found
            elif not isinstance(found, Missing):
                return found
        return package

    def _whole(self, module: Module, commonjs: Export | None) -> Target:
        if commonjs is not None and commonjs.node is not None:
            return Expression(module=module, node=commonjs.node)
        return Whole(path=module.path)

    def _is_script_of_commonjs(self, module: Module) -> bool:
        """Without a default export, a default import means all of `exports` (esModuleInterop)."""
        return bool(module.exports) and all(
            export.node is not None for export in module.exports.values()
        )

    def _follow(self, module: Module, export: Export, trail: "_Trail") -> Target | None:
        if export.source is not None:
            return self._imported(module.path, export.source, trail)
        if export.node is not None:
            return Expression(module=module, node=export.node)
        return self._local(module, export.local or "", trail)

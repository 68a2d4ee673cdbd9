"""Which file of the source an import means, by Node's and TypeScript's rules.

Only paths of the project are looked at. What is found nowhere in it is a package.
"""

import posixpath
from collections.abc import Iterable, Iterator
from typing import Any

from appdb.source.modules.jsonc import read_jsonc
from appdb.source.modules.tsconfig import CONFIG_NAMES, Aliases, Read, read_aliases
from appdb.source.syntax import SUFFIXES, is_script

_COMPILED = {".js": (".ts", ".tsx"), ".mjs": (".mts",), ".cjs": (".cts",), ".jsx": (".tsx",)}
_CONDITIONS = ("types", "source", "import", "require", "node", "default")


class Resolver:
    """Answers for one set of paths; `read` returns a file's text, None when it is not there."""

    def __init__(self, paths: Iterable[str], read: Read) -> None:
        self._paths = frozenset(paths)
        self._read = read
        self._known: dict[tuple[str, str], str | None] = {}
        self._aliases: dict[str, Aliases] = {}
        self._manifests: dict[str, dict[str, Any]] = {}
        self._workspaces = self._read_workspaces()
        self._by_stem = _by_stem(path for path in self._paths if is_script(path))

    def resolve(self, importer: str, specifier: str) -> str | None:
        """Return the path of the file that `importer` means by `specifier`, None for a package."""
        key = (posixpath.dirname(importer), specifier)
        if key not in self._known:
            self._known[key] = self._find(importer, specifier)
        return self._known[key]

    def _find(self, importer: str, specifier: str) -> str | None:
        if specifier.startswith("."):
            return self._file(
                posixpath.normpath(posixpath.join(posixpath.dirname(importer), specifier))
            )
        folder = posixpath.dirname(importer)
        for candidate in self._candidates(folder, specifier):
            found = self._file(candidate)
            if found is not None:
                return found
        return self._by_suffix(folder, specifier)

    def _candidates(self, folder: str, specifier: str) -> Iterator[str]:
        yield from self._aliases_of(folder).candidates(specifier)
        if specifier.startswith("#"):
            yield from self._own_imports(folder, specifier)
        yield from self._workspace(specifier)
        if specifier.startswith("/"):
            yield specifier.lstrip("/")

    def _file(self, path: str) -> str | None:
        """Apply the rules of extensions, compiled names and index files."""
        if path in self._paths and is_script(path):
            return path
        stem, extension = posixpath.splitext(path)
        for other in _COMPILED.get(extension, ()):
            if stem + other in self._paths:
                return stem + other
        path = "" if path == "." else path
        for suffix in SUFFIXES:
            if path + suffix in self._paths:
                return path + suffix
        return self._folder(path)

    def _folder(self, path: str) -> str | None:
        main = self._manifest(path).get("main") if path else None
        if isinstance(main, str):
            target = posixpath.normpath(posixpath.join(path, main))
            if target != path and target in self._paths and is_script(target):
                return target
        for suffix in SUFFIXES:
            index = posixpath.join(path, f"index{suffix}")
            if index in self._paths:
                return index
        return None

    def _aliases_of(self, folder: str) -> Aliases:
        known = self._aliases.get(folder)
        if known is None:
            known = self._aliases[folder] = self._find_aliases(folder)
        return known

    def _find_aliases(self, folder: str) -> Aliases:
        for above in _upwards(folder):
            for name in CONFIG_NAMES:
                path = posixpath.join(above, name)
                if path in self._paths:
                    found = read_aliases(path, self._read)
                    if found.paths or found.base is not None:
                        return found
        return Aliases()

    def _manifest(self, folder: str) -> dict[str, Any]:
        path = posixpath.join(folder, "package.json")
        if path not in self._paths:
            return {}
        if path not in self._manifests:
            self._manifests[path] = read_jsonc(self._read(path) or "")
        return self._manifests[path]

    def _own_imports(self, folder: str, specifier: str) -> Iterator[str]:
        for above in _upwards(folder):
            imports = self._manifest(above).get("imports")
            if isinstance(imports, dict):
                yield from _mapped(imports, specifier, above)
                return

    def _read_workspaces(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for path in sorted(self._paths):
            if posixpath.basename(path) == "package.json" and "node_modules/" not in path:
                name = self._manifest(posixpath.dirname(path)).get("name")
                if isinstance(name, str):
                    found.setdefault(name, posixpath.dirname(path))
        return found

    def _workspace(self, specifier: str) -> Iterator[str]:
        parts = specifier.split("/")
        for size in (1, 2):
            name, rest = "/".join(parts[:size]), "/".join(parts[size:])
            folder = self._workspaces.get(name)
            if folder is None:
                continue
            exports = self._manifest(folder).get("exports")
            if isinstance(exports, dict):
                yield from _mapped(exports, f"./{rest}" if rest else ".", folder)
            for root in (folder, posixpath.join(folder, "src"), posixpath.join(folder, "lib")):
                yield posixpath.normpath(posixpath.join(root, rest))

    def _by_suffix(self, folder: str, specifier: str) -> str | None:
        """Without a tsconfig in the source: the one file whose path ends like the specifier."""
        rest = specifier.lstrip("@~#")
        tail = rest.partition("/")[2]
        if not tail or self._is_dependency(folder, specifier):
            return None
        for wanted in (rest.lstrip("/"), tail):
            found = self._matching(wanted) if "/" in wanted or specifier[0] in "@~#" else []
            if len(found) == 1:
                return found[0]
        return None

    def _matching(self, wanted: str) -> list[str]:
        stem = _stem(wanted)
        found: list[str] = []
        for candidate in (stem, f"{stem}/index"):
            for path in self._by_stem.get(posixpath.basename(candidate), ()):
                without = _stem(path)
                if without == candidate or without.endswith(f"/{candidate}"):
                    found.append(path)
        return found

    def _is_dependency(self, folder: str, specifier: str) -> bool:
        parts = specifier.split("/")
        name = "/".join(parts[:2]) if specifier.startswith("@") else parts[0]
        for above in _upwards(folder):
            manifest = self._manifest(above)
            for kind in ("dependencies", "devDependencies", "peerDependencies"):
                listed = manifest.get(kind)
                if isinstance(listed, dict) and name in listed:
                    return True
        return False


def _stem(path: str) -> str:
    for suffix in SUFFIXES:
        if path.endswith(suffix):
            return path.removesuffix(suffix)
    return path


def _by_stem(paths: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in sorted(paths):
        found.setdefault(posixpath.basename(_stem(path)), []).append(path)
    return found


def _upwards(folder: str) -> Iterator[str]:
    yield folder
    while folder:
        folder = posixpath.dirname(folder)
        yield folder


def _mapped(table: dict[str, Any], specifier: str, folder: str) -> Iterator[str]:
    """The targets of package.json `imports` or `exports` for a specifier."""
    aliases = Aliases(
        paths=tuple(
            (pattern, tuple(posixpath.join(folder, target) for target in _targets(value)))
            for pattern, value in table.items()
        )
    )
    yield from aliases.candidates(specifier)


def _targets(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [target for part in value for target in _targets(part)]
    if isinstance(value, dict):
        return [t for name in _CONDITIONS if name in value for t in _targets(value[name])]
    return []

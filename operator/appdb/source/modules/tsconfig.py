"""Path aliases of tsconfig.json, with `extends` followed, read as data."""

import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from appdb.source.modules.jsonc import read_jsonc

MAX_EXTENDS = 16
CONFIG_NAMES = ("tsconfig.json", "jsconfig.json", "tsconfig.base.json")

Read = Callable[[str], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aliases:
    """`paths` maps patterns (`@/*`) to targets that are project paths already."""

    base: str | None = None
    paths: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def candidates(self, specifier: str) -> list[str]:
        """Return the project paths that a specifier may mean, the best first."""
        found: list[str] = []
        matches = [
            (pattern, targets) for pattern, targets in self.paths if _fits(pattern, specifier)
        ]
        # An exact pattern wins, then the longest text before the star (TypeScript's own rule).
        matches.sort(key=lambda m: ("*" in m[0], -len(m[0].partition("*")[0])))
        for pattern, targets in matches[:1]:
            head, star, tail = pattern.partition("*")
            middle = specifier[len(head) : len(specifier) - len(tail)] if star else ""
            found.extend(posixpath.normpath(target.replace("*", middle, 1)) for target in targets)
        if self.base is not None:
            found.append(posixpath.normpath(posixpath.join(self.base, specifier)))
        return found


def _fits(pattern: str, specifier: str) -> bool:
    head, star, tail = pattern.partition("*")
    if not star:
        return pattern == specifier
    return (
        len(specifier) >= len(head) + len(tail)
        and specifier.startswith(head)
        and specifier.endswith(tail)
    )


def read_aliases(path: str, read: Read) -> Aliases:
    """Read the aliases of one configuration file; what it extends is the fallback."""
    return _read(path, read, 0)


def _read(path: str, read: Read, depth: int) -> Aliases:
    content = read(path)
    if content is None or depth > MAX_EXTENDS:
        return Aliases()
    config = read_jsonc(content)
    inherited = Aliases()
    for parent in _parents(config, path, read):
        found = _read(parent, read, depth + 1)
        inherited = Aliases(
            base=found.base if found.base is not None else inherited.base,
            paths=found.paths or inherited.paths,
        )
    return _own(config, posixpath.dirname(path), inherited)


def _own(config: dict[str, Any], folder: str, inherited: Aliases) -> Aliases:
    options = config.get("compilerOptions")
    if not isinstance(options, dict):
        return inherited
    base = options.get("baseUrl")
    own_base = posixpath.normpath(posixpath.join(folder, base)) if isinstance(base, str) else None
    root = own_base if own_base is not None else inherited.base
    paths = options.get("paths")
    return Aliases(
        base=root,
        paths=_paths(paths, root if root is not None else folder)
        if isinstance(paths, dict)
        else inherited.paths,
    )


def _paths(paths: dict[str, Any], root: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple(
        (pattern, tuple(posixpath.join(root, t) for t in targets if isinstance(t, str)))
        for pattern, targets in paths.items()
        if isinstance(targets, list)
    )


def _parents(config: dict[str, Any], path: str, read: Read) -> list[str]:
    extends = config.get("extends")
    names = [extends] if isinstance(extends, str) else extends if isinstance(extends, list) else []
    found = (_parent(name, path, read) for name in names if isinstance(name, str))
    return [parent for parent in found if parent is not None]


def _parent(name: str, path: str, read: Read) -> str | None:
    """A relative path, or the path inside a package that lies in the source."""
    folder = posixpath.dirname(path)
    if name.startswith("."):
        roots = [folder]
    else:
        parts = folder.split("/") if folder else []
        above = ["/".join(parts[:n]) for n in range(len(parts), -1, -1)]
        roots = [posixpath.join(up, "node_modules") for up in above] + above
    for root in roots:
        target = posixpath.normpath(posixpath.join(root, name))
        for candidate in (target, f"{target}.json", f"{target}/tsconfig.json"):
            if candidate.endswith(".json") and read(candidate) is not None:
                return candidate
    return None

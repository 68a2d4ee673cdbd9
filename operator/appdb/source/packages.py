"""Versions of packages as package.json, requirements files and pyproject.toml ask for them.

Read as data, leniently: a manifest that does not parse asks for nothing. Lock files are
not read; they are large and the range decides the rules well enough.
"""

import json
import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

_COMMENT_OR_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*[\s\S]*?\*/')
_STRING_OR_COMMA = re.compile(r'"(?:[^"\\\n]|\\.)*"|,(?=\s*[}\]])')
_NUMBERS = re.compile(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?")
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*([^;#]*)")
_LISTS = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageVersion:
    """A range as written (`^5.2`) and its lowest version (`(5, 2)`).

    `numbers` is empty where the range names none (`latest`, `*`, `workspace:*`).
    """

    text: str
    numbers: tuple[int, ...] = ()

    @property
    def major(self) -> int | None:
        """The first number, or None where the range does not tell."""
        return self.numbers[0] if self.numbers else None


def parse_range(text: str) -> PackageVersion:
    """Read a range of npm or pip; of several parts the first with a lower bound counts."""
    for part in re.split(r"\|\||,|\s+(?=[<>=^~])", text.removeprefix("npm:").rpartition("@")[2]):
        trimmed = part.strip()
        if trimmed.startswith(("<", "!")) or "://" in trimmed:
            continue
        found = _NUMBERS.search(trimmed)
        if found:
            numbers = tuple(int(number) for number in found.groups() if number is not None)
            return PackageVersion(text=text, numbers=numbers)
    return PackageVersion(text=text)


def read_json(text: str) -> Any:
    """Read JSON that may hold comments and trailing commas; None where it does not parse."""
    bare = _COMMENT_OR_STRING.sub(lambda m: m[0] if m[0].startswith('"') else " ", text)
    bare = _STRING_OR_COMMA.sub(lambda m: m[0] if m[0].startswith('"') else "", bare)
    try:
        return json.loads(bare)
    except (ValueError, RecursionError):
        return None


class Manifests:
    """What the manifests of a project ask for; `texts` are the manifest files by path."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._asked = {path: dict(_asked(path, text)) for path, text in texts.items()}
        self._catalogs = dict(_catalogs(texts))

    def find(self, name: str, near: str) -> PackageVersion | None:
        """Return what the nearest manifest above `near` asks for, else the shallowest of all."""
        wanted = normal_name(name)
        for path in self._by_distance(near):
            text = self._asked[path].get(wanted)
            if text is not None:
                return parse_range(self._from_catalog(wanted, text))
        return None

    def _by_distance(self, near: str) -> Iterator[str]:
        above = list(_upwards(posixpath.dirname(near)))
        rank = {folder: place for place, folder in enumerate(above)}
        yield from sorted(
            self._asked,
            key=lambda path: (
                rank.get(posixpath.dirname(path), len(above)),
                path.count("/"),
                path,
            ),
        )

    def _from_catalog(self, name: str, text: str) -> str:
        if not text.startswith("catalog:"):
            return text
        return self._catalogs.get((text.removeprefix("catalog:") or "default", name), text)


def is_manifest(path: str) -> bool:
    """Tell whether a file may name packages and their versions."""
    name = posixpath.basename(path).lower()
    return name in {"package.json", "pyproject.toml", "pipfile", "pnpm-workspace.yaml"} or (
        "requirements" in path.lower() and name.endswith((".txt", ".in"))
    )


def normal_name(name: str) -> str:
    """Fold a package's name: PyPI takes `-`, `_` and `.` and letters' case for the same."""
    if name.startswith("@"):
        return name.lower()
    return re.sub(r"[-_.]+", "-", name).lower()


def _upwards(folder: str) -> Iterator[str]:
    yield folder
    while folder:
        folder = posixpath.dirname(folder)
        yield folder


def _asked(path: str, text: str) -> Iterator[tuple[str, str]]:
    name = posixpath.basename(path).lower()
    if name == "package.json":
        yield from _from_package_json(read_json(text))
    elif name in {"pyproject.toml", "pipfile"}:
        yield from _from_toml(text)
    elif name.endswith((".txt", ".in")):
        yield from _from_requirements(text.splitlines())


def _from_package_json(data: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(data, dict):
        return
    for key in reversed(_LISTS):
        listed = data.get(key)
        if isinstance(listed, dict):
            yield from (
                (normal_name(name), text) for name, text in listed.items() if isinstance(text, str)
            )


def _from_requirements(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        found = _REQUIREMENT.match(line)
        if found:
            yield normal_name(found[1]), found[2].strip()


def _from_toml(text: str) -> Iterator[tuple[str, str]]:
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return
    listed = _at(data, "project", "dependencies")
    if isinstance(listed, list):
        yield from _from_requirements([line for line in listed if isinstance(line, str)])
    for table in (_at(data, "tool", "poetry", "dependencies"), _at(data, "packages")):
        if isinstance(table, dict):
            for name, value in table.items():
                asked = value.get("version") if isinstance(value, dict) else value
                yield normal_name(name), asked if isinstance(asked, str) else "*"


def _at(data: Any, *keys: str) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _catalogs(texts: Mapping[str, str]) -> Iterator[tuple[tuple[str, str], str]]:
    """The `catalog:` versions of pnpm-workspace.yaml, by catalog and package."""
    for path, text in texts.items():
        if posixpath.basename(path) != "pnpm-workspace.yaml":
            continue
        try:
            data = yaml.safe_load(text)
        except (yaml.YAMLError, RecursionError):
            continue
        catalogs = {"default": _at(data, "catalog"), **(_at(data, "catalogs") or {})}
        for catalog, listed in catalogs.items():
            if isinstance(listed, dict):
                yield from (((catalog, normal_name(n)), str(v)) for n, v in listed.items())

"""Which files make one schema, when a source holds several.

A schema is one datasource and the files without one that stand with it. package.json and
prisma.config may name the place. Where several independent schemas are found, one is chosen by
fixed rules and the others are named in a finding; they are never mixed.
"""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from appdb.source.project import Kind, Project, SourceFile

_DATASOURCE = re.compile(rb"^[^\S\n]*datasource\s+\w+\s*\{", re.MULTILINE)
_POSTGRES = re.compile(rb'^\s*provider\s*=\s*"postgres(?:ql)?"', re.MULTILINE)
_CONFIG_NAMES = re.compile(r"(?:^|/)(?:\.config/)?prisma(?:\.config)?\.[cm]?[jt]s$")
_CONFIG_SCHEMA = re.compile(
    r"\bschema\s*:\s*(?:[\w.]*\b(?:join|resolve)\s*\(([^()]*)\)|(['\"`][^'\"`]+['\"`]))"
)
_QUOTED = re.compile(r"['\"`]([^'\"`]+)['\"`]")
_COPIES = frozenset({"generated", "dist", "build", "node_modules", "migrations", "__generated__"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The files of the schema that is read, and the roots of those that are not."""

    files: tuple[str, ...]
    others: tuple[str, ...] = ()


def choose_files(project: Project) -> Choice | None:
    """Return the files of the schema to read, or None when there is no Prisma file."""
    files = project.of_kind(Kind.PRISMA)
    if not files:
        return None
    named = _named_files(project, files)
    groups = _groups(named or files)
    if len(groups) == 1:
        return Choice(files=tuple(sorted(groups[0])))
    groups.sort(key=lambda group: _rank(project, group))
    chosen = groups[0]
    content = {_essence(project, path) for path in chosen}
    others = tuple(
        sorted(group[0] for group in groups[1:] if _essence(project, group[0]) not in content)
    )
    return Choice(files=tuple(sorted(chosen)), others=others)


def _named_files(project: Project, files: Sequence[SourceFile]) -> list[SourceFile]:
    """The files at the one place that package.json or prisma.config names, if it is one."""
    places = sorted(set(_named_places(project)))
    found = [[file for file in files if _is_at(file.path, place)] for place in places]
    filled = [group for group in found if group]
    return filled[0] if len(filled) == 1 else []


def _is_at(path: str, place: str) -> bool:
    return path == place or place in {"", "."} or path.startswith(f"{place}/")


def _named_places(project: Project) -> Iterator[str]:
    for file in project.files:
        folder = posixpath.dirname(file.path)
        if posixpath.basename(file.path) == "package.json":
            manifest = project.json(file.path)
            prisma = manifest.get("prisma") if isinstance(manifest, dict) else None
            place = prisma.get("schema") if isinstance(prisma, dict) else None
            if isinstance(place, str):
                yield posixpath.normpath(posixpath.join(folder, place))
        elif _CONFIG_NAMES.search(file.path):
            for found in _CONFIG_SCHEMA.finditer(file.text):
                parts = _QUOTED.findall(found[1] or found[2])
                yield posixpath.normpath(posixpath.join(folder, *parts))


def _groups(files: Sequence[SourceFile]) -> list[list[str]]:
    """Each root file first in its group; a file without a datasource joins the nearest root."""
    roots = [file.path for file in files if _DATASOURCE.search(file.content)]
    parts = [file.path for file in files if file.path not in roots]
    if not roots:
        return [parts]
    groups = {root: [root] for root in roots}
    for path in parts:
        groups[max(roots, key=lambda root: _nearness(root, path))].append(path)
    return list(groups.values())


def _nearness(root: str, path: str) -> tuple[int, int, int]:
    """More shared folders are nearer; of equals the root higher up, then the first by path."""
    folders, own = posixpath.dirname(root).split("/"), posixpath.dirname(path).split("/")
    shared = 0
    for left, right in zip(folders, own, strict=False):
        if left != right:
            break
        shared += 1
    beyond = 0 if folders == [""] else len(folders) - shared
    return (shared, -beyond, -len(folders))


def _rank(project: Project, group: list[str]) -> tuple[bool, bool, bool, bool, int, int, str]:
    """Lower is better: no copy, for Postgres, many tables, by its usual name, high up."""
    root = group[0]
    folders = set(root.split("/")[:-1])
    content = b"\n".join(project.read(path) or b"" for path in group)
    return (
        bool(folders & _COPIES),
        not _POSTGRES.search(content),
        not re.search(rb"^\s*model\s", content, re.MULTILINE),
        posixpath.basename(root) != "schema.prisma",
        root.count("/"),
        -len(re.findall(rb"^\s*model\s", content, re.MULTILINE)),
        root,
    )


def _essence(project: Project, path: str) -> bytes:
    """A file without spaces: the client keeps a formatted copy of the schema beside itself."""
    return re.sub(rb"\s+", b"", project.read(path) or b"")

"""Folders of SQL that other tools run: told by their names and marks.

They are found so that their tables are left to them; the records of these tools are not
written here.
"""

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from appdb.model.migrator import Migration, Migrator, Tool
from appdb.source.filekind import Kind
from appdb.source.migrators.folder import Source, base
from appdb.source.migrators.sqlscan import makes_schemas
from appdb.source.project import SourceFile

_FLYWAY = re.compile(
    r"(?:^|/)(?:V[\d._]+__[^/]+|R__[^/]+)\.sql$"
    r"|(?:^|/)(?:migrations?|flyway)/V\d[\d._]*/[^/]+\.sql$"
)
_FLYWAY_FOLDER = re.compile(r"(?:^|/)V\d[\d._]*$")
_UP = re.compile(r"^\d+_.+\.up\.sql$")
_DOWN = re.compile(r"[._]down\.sql$")
_TIMED = re.compile(r"^\d{14}_.*\.sql$")
_NUMBERED = re.compile(r"^\d{1,14}[_.-].+\.sql$")
_FOLDERS = frozenset({"migrations", "migration", "migrate"})
_GOOSE = re.compile(rb"^--\s*\+goose\s+Up\b", re.MULTILINE)
_DBMATE = re.compile(rb"^--\s*migrate:up\b", re.MULTILINE)


def find(source: Source, taken: frozenset[str]) -> Iterator[Migrator]:
    """Find what is left when `taken` paths belong to others already."""
    found: defaultdict[tuple[Tool, str], list[SourceFile]] = defaultdict(list)
    for file in source.of_kind(Kind.SQL):
        tool = None if file.path in taken else _tool(file)
        if tool is not None:
            found[tool, _folder(file.path)].append(file)
    for (tool, folder), files in found.items():
        yield Migrator(
            tool=tool,
            folder=folder,
            migrations=tuple(_migrations(files)),
            obstacle=f"the records of {tool} are not known to appdb",
            wants_schemas=makes_schemas(files),
        )


def _tool(file: SourceFile) -> Tool | None:
    name, folder = base(file.path), posixpath.dirname(file.path).lower()
    if _GOOSE.search(file.content):
        return Tool.GOOSE
    if _DBMATE.search(file.content):
        return Tool.DBMATE
    if _FLYWAY.search(file.path):
        return Tool.FLYWAY
    if _UP.match(name):
        return Tool.GOLANG_MIGRATE
    if f"/{folder}".endswith("/supabase/migrations") and _TIMED.match(name):
        return Tool.SUPABASE
    is_numbered = _NUMBERED.match(name) and not _DOWN.search(name)
    return Tool.SQL if is_numbered and base(folder) in _FOLDERS else None


def _folder(path: str) -> str:
    """The folder; Flyway's `V1__name` reads as a folder where it was the key of a ConfigMap."""
    folder = posixpath.dirname(path)
    return posixpath.dirname(folder) if _FLYWAY_FOLDER.search(folder) else folder


def _migrations(files: Iterable[SourceFile]) -> Iterator[Migration]:
    for file in sorted(files, key=lambda each: each.path):
        yield Migration(name=base(file.path).removesuffix(".sql"), path=file.path)

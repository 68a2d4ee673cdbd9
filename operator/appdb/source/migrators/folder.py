"""What the finders of migrations share: the files of a source, their folders, their settings.

Text work on bytes that somebody else wrote: nothing is run, and a setting that is not
written as a plain text is unknown, not guessed.
"""

import hashlib
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from appdb.source.filekind import Kind
from appdb.source.project import Project, SourceFile

_COMMENT = re.compile(r"/\*(?:[^*]|\*(?!/))*(?:\*/|\Z)|(?:^|(?<=\s))//[^\n]*", re.MULTILINE)
_LITERAL = r"(?:(?P<quote>[\"'`])(?P<text>[^\"'`$\n]*)(?P=quote)|(?P<other>[^\s,}\]]+))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The files that may be read, and all bytes as they came: checksums count every one."""

    project: Project
    contents: Mapping[str, bytes]

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """The files to read, in the order of their paths."""
        return self.project.files

    def of_kind(self, *kinds: Kind) -> tuple[SourceFile, ...]:
        """The files of some kinds."""
        return self.project.of_kind(*kinds)

    def get(self, path: str) -> SourceFile | None:
        """A file that may be read, by its path."""
        return None if path in self.project.ignored else self.project.get(path)

    def json(self, path: str) -> Any:
        """A JSON file as data; None without one."""
        return self.project.json(path)

    def checksum(self, path: str) -> str:
        """The hex SHA-256 over a file's bytes."""
        return hashlib.sha256(self.contents[path]).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What an application sets; `obstacle` says why it cannot be told."""

    value: str | None = None
    obstacle: str = ""


def by_folder(files: Iterable[SourceFile]) -> dict[str, list[SourceFile]]:
    """Group files by the folder that they are in."""
    found: defaultdict[str, list[SourceFile]] = defaultdict(list)
    for file in files:
        found[posixpath.dirname(file.path)].append(file)
    return found


def base(path: str) -> str:
    """The last part of a path."""
    return posixpath.basename(path)


def stem(path: str) -> str:
    """The last part of a path without its suffix."""
    return posixpath.splitext(posixpath.basename(path))[0]


def under(folder: str, name: str) -> str:
    """A path below a folder; the root of the source is the empty folder."""
    return posixpath.join(folder, name)


def common_folder(paths: Iterable[str]) -> str:
    """The deepest folder that all paths are in."""
    folders = [posixpath.dirname(path) for path in paths]
    return posixpath.commonpath(folders) if all(folders) else ""


def nearest(path: str, holders: Iterable[str]) -> str:
    """The deepest of some folders that a path lies in; the root of the source without one."""
    above = [folder for folder in holders if folder == "" or path.startswith(f"{folder}/")]
    return max(above, key=len, default="")


def without_comments(text: str) -> str:
    """A script without its comments; a `//` inside a word, as of a URL, is none."""
    return _COMMENT.sub(" ", text)


def script_setting(texts: Iterable[tuple[str, str]], key: str) -> Setting:
    """Read what `key: "value"` says in scripts, given as pairs of path and text."""
    return one_setting(key, _values(texts, key))


def one_setting(key: str, found: Iterable[tuple[str, str | None]]) -> Setting:
    """Return the one value of pairs of path and value, where None is no plain text."""
    values: set[str] = set()
    for path, value in found:
        if value is None:
            return Setting(obstacle=f"{path} sets {key} to something that is no plain text")
        values.add(value)
    if len(values) > 1:
        return Setting(obstacle=f"{key} is set to {' and to '.join(sorted(values))}")
    return Setting(value=next(iter(values), None))


def _values(texts: Iterable[tuple[str, str]], key: str) -> Iterator[tuple[str, str | None]]:
    pattern = re.compile(rf"(?<![\w.])[\"']?{key}[\"']?\s*:\s*{_LITERAL}")
    for path, text in texts:
        for found in pattern.finditer(text):
            yield path, found["text"]

"""The source as front ends see it: logical paths, kinds, versions, and what was left out.

Holds bytes and answers questions about them; it parses no program text, reads nothing
from disk and never changes. What is left out carries a reason.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, cast

from appdb.model.finding import Finding, Severity, Span
from appdb.source.filekind import (
    SCRIPTS,
    Kind,
    declares_tables,
    ignore_reason,
    is_generated_declaration,
    is_in_test_folder,
    is_minified,
    kind_of,
)
from appdb.source.packages import Manifests, PackageVersion, is_manifest, read_json

__all__ = ["Kind", "PackageVersion", "Project", "SourceFile"]

T = TypeVar("T")

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One readable file: valid UTF-8 without NUL and without byte order mark.

    Line ends are as written (LF or CRLF), so that offsets and spans fit the file.
    """

    path: str
    content: bytes
    kind: Kind

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode()

    def span(self, offset: int) -> Span:
        """Return line and column, counted from 1, of a byte offset into `content`."""
        line_start = self.content.rfind(b"\n", 0, offset) + 1
        return Span(
            path=self.path,
            line=self.content.count(b"\n", 0, offset) + 1,
            column=len(self.content[line_start:offset].decode(errors="replace")) + 1,
        )


class Project:
    """A set of files by logical path (`src/user.entity.ts`, always with `/`).

    `files` are those to read, in the order of their paths; `ignored` says of each other
    path why it is not, and `passed_over` names the minified ones that may declare tables;
    `unreadable` are findings about files that ought to be read and are no text, with the
    kind that their names promise. `set_aside` says of further paths why they are ignored.
    """

    def __init__(
        self, contents: Mapping[str, bytes], *, set_aside: Mapping[str, str] | None = None
    ) -> None:
        self.ignored: dict[str, str] = {}
        self.passed_over: tuple[str, ...] = ()
        self.unreadable: tuple[tuple[Finding, Kind], ...] = ()
        self._memo: dict[Hashable, Any] = {}
        self._readable: dict[str, SourceFile] = {}
        for path in sorted(contents):
            self._add(path, contents[path])
        self._leave_out()
        self.ignored |= set_aside or {}

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """The files to read, in the order of their paths."""
        return self.memo("project.files", self._files)

    def of_kind(self, *kinds: Kind) -> tuple[SourceFile, ...]:
        """Return the files of some kinds, in the order of their paths."""
        return tuple(file for file in self.files if file.kind in kinds)

    def get(self, path: str) -> SourceFile | None:
        """Return a file by its path; also one that is ignored, if it is readable text."""
        return self._readable.get(path)

    def read(self, path: str) -> bytes | None:
        """Return a file's content, as `get` does."""
        file = self._readable.get(path)
        return None if file is None else file.content

    def json(self, path: str) -> Any:
        """Return a JSON file as data, comments and trailing commas allowed; None without one."""
        file = self._readable.get(path)
        if file is None:
            return None
        return self.memo(("project.json", path), lambda: read_json(file.text))

    def package_version(self, name: str, near: str = "") -> PackageVersion | None:
        """Return what the nearest package.json or requirements file above `near` asks for.

        Without one above, any other manifest of the project counts; None when no manifest
        names the package.
        """
        return self._manifests.find(name, near)

    def memo(self, key: Hashable, factory: Callable[[], T]) -> T:
        """Return what `factory` made for this key the first time it was asked."""
        if key not in self._memo:
            self._memo[key] = factory()
        return cast("T", self._memo[key])

    @cached_property
    def _manifests(self) -> Manifests:
        texts = {p: f.text for p, f in self._readable.items() if is_manifest(p)}
        return Manifests({p: text for p, text in texts.items() if ignore_reason(p) is None})

    def _files(self) -> tuple[SourceFile, ...]:
        return tuple(file for path, file in self._readable.items() if path not in self.ignored)

    def _add(self, path: str, content: bytes) -> None:
        reason = ignore_reason(path)
        if reason is not None:
            self.ignored[path] = reason
        content = content.removeprefix(_BOM)
        kind = kind_of(path, content)
        problem = _unreadable(content)
        if problem is None:
            self._readable[path] = SourceFile(path=path, content=content, kind=kind)
        elif reason is None:
            self.ignored[path] = problem
            if kind is not Kind.OTHER:
                self.unreadable = (*self.unreadable, (_not_text(path, content, problem), kind))

    def _leave_out(self) -> None:
        """Leave out what the paths of all files or the content decide."""
        paths = frozenset(self._readable)
        for path, file in self._readable.items():
            if path in self.ignored:
                continue
            if is_generated_declaration(path, paths):
                self.ignored[path] = "a declaration file beside its source"
            elif file.kind in SCRIPTS and is_minified(file.content):
                self.ignored[path] = "minified"
                if declares_tables(file.content):
                    self.passed_over = (*self.passed_over, path)
        self._leave_out_tests(path for path in paths if path not in self.ignored)

    def _leave_out_tests(self, paths: Iterable[str]) -> None:
        """Leave out test folders, but never all that there is of a kind."""
        candidates = sorted(paths)
        tests = {path for path in candidates if is_in_test_folder(path)}
        elsewhere = {self._readable[path].kind for path in candidates if path not in tests}
        for path in sorted(tests):
            if self._readable[path].kind in elsewhere:
                self.ignored[path] = "tests"


def _unreadable(content: bytes) -> str | None:
    if b"\0" in content:
        return "holds a NUL byte, it is not text"
    try:
        content.decode()
    except UnicodeDecodeError:
        return "is not valid UTF-8"
    return None


def _not_text(path: str, content: bytes, problem: str) -> Finding:
    at = content.find(b"\0")
    if at < 0:
        try:
            content.decode()
        except UnicodeDecodeError as error:
            at = error.start
    return Finding(
        code="FILE_NOT_TEXT",
        severity=Severity.ERROR,
        message=f"the file {problem}; it cannot be read",
        span=Span(
            path=path,
            line=content.count(b"\n", 0, at) + 1,
            column=at - content.rfind(b"\n", 0, at),
        ),
    )

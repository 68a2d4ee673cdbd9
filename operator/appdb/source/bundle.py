"""A source as bytes by path: what an analysis starts from, wherever the files come from.

Puts files together and refuses what cannot be one source: two files of one path, paths
that lead out, links, more than the limits. It does not look into the files.
"""

import base64
import binascii
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

from appdb.errors import SourceInvalid, SourceTooLarge
from appdb.model.digest import digest_of_files
from appdb.source.archive import is_archive, unpack
from appdb.source.globs import matches_any
from appdb.source.limits import DEFAULT_LIMITS, Limits, mebibytes

_DRIVE = re.compile(r"^[A-Za-z]:")
_PYTHON_NAME = re.compile(r"(?:(.*)__)?(__(?:init|main)__\.py)")

ConfigMapFiles = tuple[str, Mapping[str, str], Mapping[str, str | bytes]]


@dataclass(frozen=True, kw_only=True)
class SourceBundle:
    """Files by logical path; `origins` says of each path where it came from, for messages.

    `left_out` names files that were there and not taken, with the reason.
    """

    files: Mapping[str, bytes]
    origins: Mapping[str, str]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """`sha256:<hex>` over paths and contents, whatever their order."""
        return digest_of_files(self.files)

    @cached_property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(len(content) for content in self.files.values())

    def select(
        self, *, include: Sequence[str] | None = None, exclude: Sequence[str] | None = None
    ) -> "SourceBundle":
        """Return the files that match a glob of `include` (all without one) and none of `exclude`.

        `*` and `?` stay within a folder, `**` does not; a glob without `/` matches the
        last part of a path.
        """
        kept = {
            path: content
            for path, content in self.files.items()
            if (not include or matches_any(path, include)) and not matches_any(path, exclude or ())
        }
        return SourceBundle(
            files=MappingProxyType(kept),
            origins=MappingProxyType({path: self.origins[path] for path in kept}),
            left_out=self.left_out,
        )


def bundle_of_config_maps(
    maps: Iterable[ConfigMapFiles], limits: Limits = DEFAULT_LIMITS
) -> SourceBundle:
    """Put ConfigMaps together: (name, data, binaryData), where `__` in a key stands for `/`.

    A value of binaryData is bytes or their base64, as the API serves it; a key that ends
    in `.tar.gz` or `.tgz` is unpacked, its files lie where they lie in the archive.

    Raises:
        SourceInvalid: two files of one path, a path that leads out, a broken archive.
        SourceTooLarge: over the limits.
    """
    collected = _Collected(limits)
    for name, data, binary in maps:
        for key in sorted(data):
            origin = f"key {key!r} of ConfigMap {name!r}"
            collected.take_compressed(len(data[key].encode()), origin)
            collected.add(path_of_key(key), data[key].encode(), origin)
        for key in sorted(binary):
            origin = f"key {key!r} of ConfigMap {name!r}"
            content = _decoded(binary[key], origin)
            collected.take_compressed(len(content), origin)
            _add_binary(collected, key, content, origin)
    return collected.bundle()


def bundle_of_texts(
    texts: Mapping[str, str], limits: Limits = DEFAULT_LIMITS, origin: str = "spec.source.inline"
) -> SourceBundle:
    """Put texts by path together, e.g. those of `spec.source.inline`.

    Raises:
        SourceInvalid, SourceTooLarge: see `bundle_of_config_maps`.
    """
    return bundle_of_files({path: text.encode() for path, text in texts.items()}, limits, origin)


def bundle_of_files(
    files: Mapping[str, bytes],
    limits: Limits = DEFAULT_LIMITS,
    origin: str = "the source",
    *,
    left_out: Mapping[str, str] | None = None,
) -> SourceBundle:
    """Put contents by path together.

    Raises:
        SourceInvalid, SourceTooLarge: see `bundle_of_config_maps`.
    """
    collected = _Collected(limits)
    for path in sorted(files):
        collected.add(path, files[path], f"{path!r} of {origin}")
    return replace(collected.bundle(), left_out=dict(left_out or {}))


def path_of_key(key: str) -> str:
    """Return the path that a ConfigMap's key stands for; Python's own `__init__.py` stays whole."""
    found = _PYTHON_NAME.fullmatch(key)
    if found is None:
        return key.replace("__", "/")
    return "/".join((*(found[1] or "").split("__"), found[2])).removeprefix("/")


def _add_binary(collected: "_Collected", key: str, content: bytes, origin: str) -> None:
    if not is_archive(key):
        if b"\0" in content or not _is_utf8(content):
            raise SourceInvalid(
                f"{origin} is binary; binaryData may hold source text or a .tar.gz of it"
            )
        collected.add(path_of_key(key), content, origin)
        return
    for path, member in unpack(content, origin, collected.remaining()):
        collected.add(path, member, f"{path!r} in {origin}")


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decoded(value: str | bytes, origin: str) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as err:
        raise SourceInvalid(f"{origin} is not base64; create it again from the file") from err


class _Collected:
    """The files so far; checks each against the others and the limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._files: dict[str, bytes] = {}
        self._origins: dict[str, str] = {}
        self._size = 0
        self._compressed = 0

    def remaining(self) -> Limits:
        """The limits that an archive has left."""
        return Limits(
            file_bytes=self._limits.file_bytes,
            total_bytes=self._limits.total_bytes - self._size,
            input_bytes=self._limits.input_bytes,
            files=self._limits.files - len(self._files),
            path_length=self._limits.path_length,
            depth=self._limits.depth,
        )

    def take_compressed(self, size: int, origin: str) -> None:
        """Count bytes as they are stored."""
        self._compressed += size
        if self._compressed > self._limits.input_bytes:
            raise SourceTooLarge(
                f"with {origin} the source is {mebibytes(self._compressed)} as stored, more than "
                f"{mebibytes(self._limits.input_bytes)}; leave out what declares no tables"
            )

    def add(self, path: str, content: bytes, origin: str) -> None:
        """Add one file."""
        clean = _clean(path, origin, self._limits)
        if clean in self._files:
            raise SourceInvalid(
                f"path {clean!r} comes from {self._origins[clean]} and from {origin}; "
                "remove one of them"
            )
        if len(content) > self._limits.file_bytes:
            raise SourceTooLarge(
                f"{origin} is {mebibytes(len(content))}, more than "
                f"{mebibytes(self._limits.file_bytes)} for one file; exclude it or split it"
            )
        self._size += len(content)
        if self._size > self._limits.total_bytes:
            raise SourceTooLarge(
                f"with {origin} the source is more than {mebibytes(self._limits.total_bytes)}; "
                "leave out what declares no tables"
            )
        if len(self._files) >= self._limits.files:
            raise SourceTooLarge(
                f"the source has more than {self._limits.files} files ({origin} is one more); "
                "leave out what declares no tables"
            )
        self._files[clean] = content
        self._origins[clean] = origin

    def bundle(self) -> SourceBundle:
        """Return what was collected, in the order of the paths."""
        self._refuse_file_as_folder()
        return SourceBundle(
            files=MappingProxyType({path: self._files[path] for path in sorted(self._files)}),
            origins=MappingProxyType(self._origins),
        )

    def _refuse_file_as_folder(self) -> None:
        for path in self._files:
            folder = posixpath.dirname(path)
            while folder:
                if folder in self._files:
                    raise SourceInvalid(
                        f"path {folder!r} ({self._origins[folder]}) is a file and, for "
                        f"{self._origins[path]}, a folder; rename one of them"
                    )
                folder = posixpath.dirname(folder)


def _clean(path: str, origin: str, limits: Limits) -> str:
    """Return a path without `./`; refuse what leads out of the source or is no name."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in {"", "."}]
    if path.startswith(("/", "\\")) or _DRIVE.match(path):
        raise SourceInvalid(f"{origin} has an absolute path; paths start at the source's root")
    if ".." in parts:
        raise SourceInvalid(f"{origin} leads out of the source by '..'; use a path inside it")
    if not parts or any(ord(char) < 32 or ord(char) == 127 for char in path):
        raise SourceInvalid(f"{origin} has a path that is empty or holds control characters")
    clean = "/".join(parts)
    if len(clean.encode(errors="surrogateescape")) > limits.path_length:
        raise SourceInvalid(
            f"a path starting with {clean[:60]!r} is longer than {limits.path_length} bytes"
        )
    if len(parts) > limits.depth:
        raise SourceInvalid(
            f"a path starting with {clean[:60]!r} is deeper than {limits.depth} folders"
        )
    return clean

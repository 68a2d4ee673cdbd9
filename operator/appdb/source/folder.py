"""Reads a source from disk for the command line: files and folders below given paths.

Never leaves the folder it was given (links are not followed out of it) and skips early
what no front end reads.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from appdb.errors import SourceInvalid
from appdb.source.archive import is_archive, unpack
from appdb.source.bundle import SourceBundle, bundle_of_files
from appdb.source.filekind import Kind, ignore_reason, kind_of, may_be_source
from appdb.source.limits import DEFAULT_LIMITS, Limits, mebibytes


def bundle_of_paths(paths: Iterable[Path], limits: Limits = DEFAULT_LIMITS) -> SourceBundle:
    """Read files and folders.

    The paths of a folder's files start in it; with several arguments each keeps the name
    that it was given, so that messages lead back to the file.

    Raises:
        SourceInvalid: a path does not exist or cannot be read, or two give one file.
        SourceTooLarge: over the limits.
    """
    given = list(paths)
    files: dict[str, bytes] = {}
    left_out: dict[str, str] = {}
    for path in given:
        prefix = "" if len(given) == 1 else _prefix(path)
        for name, content in _read(path, limits):
            if content is None:
                left_out[f"{prefix}{name}"] = f"larger than {mebibytes(limits.file_bytes)}"
            else:
                files[f"{prefix}{name}"] = content
    origin = ", ".join(str(path) for path in given)
    return bundle_of_files(files, limits, origin, left_out=left_out)


def _prefix(path: Path) -> str:
    """The folder as it was given; what leads upwards is cut off, logical paths cannot hold it."""
    folder = path if path.is_dir() else path.parent
    parts = [part for part in folder.parts if part not in {"..", ".", folder.anchor}]
    return "".join(f"{part}/" for part in parts)


def _read(path: Path, limits: Limits) -> Iterator[tuple[str, bytes | None]]:
    try:
        if path.is_dir():
            yield from _folder(path.resolve(strict=True), limits)
        elif is_archive(path.name):
            yield from unpack(path.read_bytes(), str(path), limits)
        else:
            yield path.name, path.read_bytes()
    except OSError as err:
        raise SourceInvalid(f"cannot read {path}: {err.strerror or err}") from err


def _folder(root: Path, limits: Limits) -> Iterator[tuple[str, bytes | None]]:
    for folder, folders, names in os.walk(root):
        below = Path(folder).relative_to(root).as_posix()
        prefix = "" if below == "." else f"{below}/"
        folders[:] = sorted(name for name in folders if not _is_skipped(f"{prefix}{name}/_"))
        for name in sorted(names):
            file = Path(folder) / name
            if _is_wanted(root, file, f"{prefix}{name}"):
                yield f"{prefix}{name}", _content(file, limits)


def _is_skipped(path: str) -> bool:
    """Also the folders `..data` and `..2026_11_24` of a mounted ConfigMap, seen by their links."""
    return path.startswith("..") or "/.." in path or ignore_reason(path) is not None


def _is_wanted(root: Path, file: Path, path: str) -> bool:
    kind = kind_of(path, b"")
    if _is_skipped(path) or (kind is Kind.OTHER and not may_be_source(path)):
        return False
    if file.is_symlink() and not _is_only_way(root, file):
        return False
    try:
        return stat.S_ISREG(file.stat().st_mode)
    except OSError:
        # A link to nothing, or to itself.
        return False


def _is_only_way(root: Path, link: Path) -> bool:
    """Tell whether a link leads to a file of the folder that is not read under its own name."""
    target = Path(os.path.realpath(link))
    return target.is_relative_to(root) and _is_skipped(target.relative_to(root).as_posix())


def _content(file: Path, limits: Limits) -> bytes | None:
    """Read a file; None for one over the limit that declares nothing by itself."""
    is_data = kind_of(file.name, b"") not in {Kind.PRISMA, Kind.SQL, Kind.PYTHON}
    if is_data and file.stat().st_size > limits.file_bytes:
        return None
    return file.read_bytes()

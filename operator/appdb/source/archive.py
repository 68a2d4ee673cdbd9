"""Unpacks a `.tar.gz` in memory, as a stream, and stops at the first thing that is not a file.

Nothing is written to disk, so names and modes can do no harm; what is bounded is time and
memory: a bomb is stopped at the limit, whatever its headers claim.
"""

import io
import tarfile
import zlib
from collections.abc import Iterator

from appdb.errors import SourceInvalid, SourceTooLarge
from appdb.source.limits import Limits, mebibytes

_BLOCK = 64 * 1024
# Headers, padding and the members that are skipped come on top of what is kept.
_OVERHEAD = 2


def is_archive(key: str) -> bool:
    """Tell whether a key names an archive."""
    return key.lower().endswith((".tar.gz", ".tgz"))


def unpack(content: bytes, origin: str, limits: Limits) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of each file of an archive, in the archive's order.

    Raises:
        SourceInvalid: not a gzipped tar, cut off, or with a link or device in it.
        SourceTooLarge: it expands to more than the limits.
    """
    stream = _Inflated(content, origin, limits.total_bytes * _OVERHEAD)
    try:
        with tarfile.open(fileobj=stream, mode="r|", errorlevel=2) as archive:
            yield from _members(archive, origin, limits)
    except (tarfile.TarError, zlib.error, EOFError, UnicodeError, ValueError) as err:
        raise SourceInvalid(
            f"{origin} is not a readable .tar.gz ({err}); make it with `tar -czf`"
        ) from err


def _members(archive: tarfile.TarFile, origin: str, limits: Limits) -> Iterator[tuple[str, bytes]]:
    total = count = headers = 0
    for member in archive:
        headers += 1
        if headers > limits.files * _OVERHEAD:
            raise SourceTooLarge(f"{origin} has more than {headers - 1} entries")
        if member.isdir() or member.name.rpartition("/")[2].startswith("._"):
            continue
        if not member.isreg():
            raise SourceInvalid(
                f"{member.name!r} in {origin} is {_what(member)}; an archive may hold "
                "files and folders only"
            )
        count, total = count + 1, total + member.size
        if count > limits.files or total > limits.total_bytes:
            raise SourceTooLarge(
                f"{origin} expands to more than {mebibytes(limits.total_bytes)} or "
                f"{limits.files} files; leave out what declares no tables"
            )
        if member.size > limits.file_bytes:
            raise SourceTooLarge(
                f"{member.name!r} in {origin} is {mebibytes(member.size)}, more than "
                f"{mebibytes(limits.file_bytes)} for one file"
            )
        yield member.name, _content(archive, member)
    if count == 0:
        raise SourceInvalid(f"{origin} holds no files")


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    content = b"" if file is None else file.read()
    if len(content) != member.size:
        raise EOFError("cut off")
    return content


def _what(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return "a link"
    if member.isdev():
        return "a device or a pipe"
    return "not an ordinary file"


class _Inflated(io.RawIOBase):
    """Inflates gzip block by block and refuses to go over a limit."""

    def __init__(self, content: bytes, origin: str, limit: int) -> None:
        super().__init__()
        self._source = memoryview(content)
        self._origin = origin
        self._left = limit
        self._limit = limit
        self._engine = zlib.decompressobj(wbits=31)
        self._pending = b""
        if not content.startswith(b"\x1f\x8b"):
            raise SourceInvalid(f"{origin} is not gzip; make it with `tar -czf`")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, and fewer only at the end."""
        if size < 0:
            raise ValueError("an archive is read in blocks")
        parts: list[bytes] = []
        while size > 0:
            part = self._some(size)
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _some(self, size: int) -> bytes:
        while not self._engine.eof:
            if not self._pending:
                self._pending = bytes(self._source[:_BLOCK])
                self._source = self._source[_BLOCK:]
            if not self._pending:
                raise EOFError("cut off")
            part = self._engine.decompress(self._pending, size)
            self._pending = self._engine.unconsumed_tail
            if part:
                return self._counted(part)
        return b""

    def _counted(self, part: bytes) -> bytes:
        self._left -= len(part)
        if self._left < 0:
            raise SourceTooLarge(
                f"{self._origin} expands to more than {mebibytes(self._limit)}; "
                "leave out what declares no tables"
            )
        return part

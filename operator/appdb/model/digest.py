"""Stable digests: the same content gives the same text on every machine and Python.

Pure. Lengths go into the hash, so that moving a byte from a path to a content changes it.
"""

import hashlib
from collections.abc import Iterable, Mapping


def _feed(digest: "hashlib._Hash", part: bytes) -> None:
    digest.update(len(part).to_bytes(8, "big"))
    digest.update(part)


def digest_of_files(files: Mapping[str, bytes]) -> str:
    """Return `sha256:<hex>` over paths and contents; the order of the mapping does not matter."""
    digest = hashlib.sha256()
    for path in sorted(files):
        _feed(digest, path.encode())
        _feed(digest, files[path])
    return f"sha256:{digest.hexdigest()}"


def digest_of_texts(texts: Iterable[str]) -> str:
    """Return `sha256:<hex>` over texts in their order."""
    digest = hashlib.sha256()
    for text in texts:
        _feed(digest, text.encode())
    return f"sha256:{digest.hexdigest()}"


def short(digest: str, length: int = 12) -> str:
    """Return the first hex digits, for people."""
    return digest.removeprefix("sha256:")[:length]

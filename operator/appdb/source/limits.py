"""How much source is read: the one place for these numbers. Values only."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes in bytes; `input_bytes` counts what is stored (compressed), `total_bytes` what is read.

    A ConfigMap holds at most 1 MiB, so eight full ones fit; a syntax tree takes about 40
    times the bytes of its file, which bounds `file_bytes`.
    """

    file_bytes: int = 2 * MIB
    total_bytes: int = 32 * MIB
    input_bytes: int = 8 * MIB
    files: int = 10_000
    path_length: int = 512
    depth: int = 32


DEFAULT_LIMITS = Limits()


def mebibytes(size: int) -> str:
    """Write a size for people."""
    return f"{size} bytes" if size < MIB // 10 else f"{size / MIB:.1f} MiB"

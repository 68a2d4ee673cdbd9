"""Files that hold credentials: readable by their owner from the first byte on."""

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, mode 0600."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    fresh.replace(path)

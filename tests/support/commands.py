"""The command as people and pipelines run it: a process of its own over a folder."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from support.code import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Runs the command against one database with the source in one folder."""

    folder: Path
    dsn: str

    def lay(self, files: Mapping[str, str]) -> None:
        """Write files below the folder."""
        for path, text in files.items():
            place = self.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")

    def run(self, command: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one command over the folder."""
        return subprocess.run(
            [sys.executable, "-m", "appdb", command, str(self.folder), *words],
            env=os.environ | {"DATABASE_URL": self.dsn, "PYTHONPATH": str(ROOT / "operator")},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

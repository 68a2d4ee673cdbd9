"""Runs code that starts parts in a process of its own, to see what is left when that ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from appdb.local.processes import read_birth
from appdb.local.waiting import wait_until

SOURCES = Path(__file__).parents[2] / "operator"
PROLOGUE = "import json, sys\nfrom pathlib import Path\n"
# The script says in one line of JSON what it has started, then waits to be ended.
EPILOGUE = "\nprint(json.dumps(told), flush=True)\nsys.stdin.read()\n"


class Parent:
    """A process that runs a script, which leaves its findings in `told`."""

    def __init__(self, script: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROLOGUE + script + EPILOGUE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(SOURCES)},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def read(self) -> Any:
        """What the script told, once it is as far."""
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def end(self) -> None:
        """Let the script come to its end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(30)


def is_gone(pid: int, *, timeout_seconds: float = 15) -> bool:
    return wait_until(lambda: read_birth(pid) == "", timeout_seconds=timeout_seconds)

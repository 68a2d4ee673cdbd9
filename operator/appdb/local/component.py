"""One long-running part of the sandbox that may be stopped, killed, frozen and started again."""

import signal
from dataclasses import dataclass, field
from pathlib import Path

from appdb.local.failure import SandboxError
from appdb.local.processes import Command, Process, start_process

STOP_SECONDS = 10


@dataclass(slots=True, kw_only=True)
class Component:
    """A process by its role; `command` is what a start runs."""

    name: str
    command: Command
    process: Process | None = field(default=None)

    @property
    def log_path(self) -> Path:
        return self.command.log

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.is_alive

    def start(self) -> Process:
        """Start the process unless it runs; readiness is asked elsewhere."""
        if self.process is None or not self.process.is_alive:
            self.process = start_process(self.command)
        return self.process

    def stop(self, timeout_seconds: float = STOP_SECONDS) -> None:
        """SIGTERM, and SIGKILL when that does not do."""
        if self.process is not None:
            self.process.stop(signal.SIGTERM, timeout_seconds=timeout_seconds)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._running().stop()

    def freeze(self) -> None:
        """SIGSTOP: the process keeps its connections and answers nothing."""
        self._running().send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._running().send(signal.SIGCONT)

    def read_log(self, limit: int = 2000) -> str:
        """The end of the log, for messages."""
        if not self.log_path.exists():
            return ""
        return self.log_path.read_text(encoding="utf-8", errors="replace")[-limit:]

    def _running(self) -> Process:
        if self.process is None:
            raise SandboxError(f"{self.name} is not started")
        return self.process

"""Processes of the sandbox: started quietly, named safely, never left behind.

A process that is not detached shares a process group with a watchdog, a shell that ends
the whole group as soon as its standard input closes, that is, when this process is gone
for whatever reason, SIGKILL included. A parent-death signal would not do: it is bound to
the thread that forks, and is lost when the child enters a user namespace.
"""

import atexit
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from appdb.local.waiting import wait_until

# SIGINT is a clean end for all parts (for Postgres: "fast"); SIGCONT wakes stopped ones for it.
WATCHDOG = 'trap "" HUP INT QUIT TERM; read -r _; kill -INT 0; kill -CONT 0; sleep 6; kill -KILL 0'

_watchdog_lock = threading.Lock()
_watchdogs: dict[int, subprocess.Popen[bytes]] = {}
# Detached processes outlive their Popen value; keeping it silences ResourceWarning.
_detached: list[subprocess.Popen[bytes]] = []
_watched: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run: `log` receives stdout and stderr, `uid`/`gid` need root."""

    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    owner: tuple[int, int] | None = None
    detached: bool = False


@dataclass(slots=True, kw_only=True)
class Process:
    """A process by pid and birth, so that a pid used again is never taken for it."""

    pid: int
    birth: str
    _popen: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def is_alive(self) -> bool:
        if self._popen is not None:
            return self._popen.poll() is None
        return read_birth(self.pid) == self.birth

    @property
    def exit_code(self) -> int | None:
        """Known for our own children that have ended; negative is a signal's number."""
        return None if self._popen is None else self._popen.poll()

    def send(self, signal_number: signal.Signals) -> None:
        """Signal the process; one that has ended is left alone."""
        if not self.is_alive:
            return
        try:
            os.kill(self.pid, signal_number)
        except ProcessLookupError:
            return

    def wait(self, timeout_seconds: float) -> bool:
        return wait_until(lambda: not self.is_alive, timeout_seconds=timeout_seconds)

    def stop(self, *signals: signal.Signals, timeout_seconds: float = 10) -> None:
        """Send one signal after the other until the process ends; SIGKILL is the last."""
        for signal_number in (*signals, signal.SIGKILL):
            self.send(signal_number)
            self.send(signal.SIGCONT)
            if self.wait(timeout_seconds):
                return


def start_process(command: Command) -> Process:
    """Start a process with no standard input, its output appended to `command.log`."""
    command.log.parent.mkdir(parents=True, exist_ok=True)
    uid, gid = command.owner or (None, None)
    with command.log.open("ab") as log:
        popen = subprocess.Popen(
            list(command.argv),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=command.cwd,
            env=None if command.env is None else dict(command.env),
            user=uid,
            group=gid,
            extra_groups=None if uid is None else [],
            start_new_session=command.detached,
            process_group=None if command.detached else _watched_group(),
        )
    (_detached if command.detached else _watched).append(popen)
    return Process(pid=popen.pid, birth=read_birth(popen.pid), _popen=popen)


def find_process(pid: int, birth: str) -> Process | None:
    """The process of that pid and birth, when it still runs."""
    process = Process(pid=pid, birth=birth)
    return process if birth and process.is_alive else None


def read_birth(pid: int) -> str:
    """When the process started, in the system's own unit; empty when it is gone or a zombie."""
    if os.path.isdir("/proc/self"):  # noqa: PTH112 - asked often, by every poll
        return _birth_from_proc(pid)
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, birth = shown.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else birth.strip()


def _birth_from_proc(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    # proc(5): the name is in parentheses and may hold anything; state is field 3, starttime 22.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in {"Z", "X"} else fields[19]


def _watched_group() -> int:
    """The process group that ends with this process."""
    with _watchdog_lock:
        watchdog = _watchdogs.get(os.getpid())
        if watchdog is None or watchdog.poll() is not None:
            watchdog = subprocess.Popen(
                ["/bin/sh", "-c", WATCHDOG, "appdb-watchdog"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )
            _watchdogs[os.getpid()] = watchdog
        return watchdog.pid


@atexit.register
def _dismiss_watchdog() -> None:
    """End the watchdog at once when it has nobody to end; else it does its work."""
    watchdog = _watchdogs.get(os.getpid())
    if watchdog is not None and all(popen.poll() is not None for popen in _watched):
        watchdog.kill()
        watchdog.wait()
        if watchdog.stdin is not None:
            watchdog.stdin.close()

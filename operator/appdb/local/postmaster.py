"""Starts a Postgres server process on existing data and waits until it answers."""

import re
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from appdb.local.failure import PartNotReady, SandboxError
from appdb.local.identity import Identity
from appdb.local.pgfiles import render_settings, server_environment
from appdb.local.processes import Command, Process, start_process
from appdb.local.waiting import pause, wait_until

START_SECONDS = 60
# The memory of a killed server stays until its last backend has noticed.
STILL_DYING = re.compile(r"shared memory block .* still in use|lock file .* already exists")
PORT_TAKEN = re.compile(r"could not bind .*Address already in use")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A Postgres: how to reach it as its superuser, and where its files are."""

    host: str
    port: int
    username: str
    password: str
    version: int
    bin_dir: Path
    data_dir: Path
    socket_dir: Path
    log_path: Path

    def dsn(
        self, database: str = "postgres", *, username: str = "", password: str | None = None
    ) -> str:
        """A libpq URI; the superuser's unless a login is named."""
        login = quote(username or self.username, safe="")
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{login}:{secret}@{self.host}:{self.port}/{quote(database, safe='')}"


class PortTaken(SandboxError):  # noqa: N818 - reads as a state, as appdb.errors does
    """Somebody else listens on the port that was free a moment ago."""


def write_settings(server: Server, settings: Mapping[str, str]) -> None:
    """Put the settings beside postgresql.conf and include them; ALTER SYSTEM still wins."""
    own = dict(settings) | {
        "port": str(server.port),
        "unix_socket_directories": str(server.socket_dir),
    }
    (server.data_dir / "appdb.conf").write_text(render_settings(own), encoding="utf-8")
    main = server.data_dir / "postgresql.conf"
    text = main.read_text(encoding="utf-8")
    if "appdb.conf" not in text:
        main.write_text(f"{text}\ninclude = 'appdb.conf'\n", encoding="utf-8")


def launch(server: Server, identity: Identity, *, is_detached: bool) -> Process:
    """Start the server and wait until it takes connections.

    Raises PortTaken, SandboxError when it ends at once, PartNotReady after a minute.
    """
    command = Command(
        argv=(*identity.prefix, str(server.bin_dir / "postgres"), "-D", str(server.data_dir)),
        log=server.log_path,
        env=server_environment(),
        cwd=Path("/"),
        owner=identity.owner,
        detached=is_detached,
    )
    deadline = time.monotonic() + START_SECONDS
    while True:
        process, output = _launch_once(command, server, deadline)
        if process is not None:
            return process
        if PORT_TAKEN.search(output):
            raise PortTaken(f"port {server.port} was taken by another process")
        if not STILL_DYING.search(output) or time.monotonic() > deadline:
            raise SandboxError(f"Postgres ended at once: {output.strip()[-250:]}")
        pause(0.1)


def _launch_once(command: Command, server: Server, deadline: float) -> tuple[Process | None, str]:
    """The ready process, or None and what the one that ended wrote."""
    offset = server.log_path.stat().st_size if server.log_path.exists() else 0
    process = start_process(command)
    wait_until(
        lambda: not process.is_alive or _is_ready(server, process),
        timeout_seconds=deadline - time.monotonic(),
    )
    if process.is_alive and _is_ready(server, process):
        return process, ""
    if process.is_alive:
        process.stop(signal.SIGQUIT)
        raise PartNotReady(
            f"Postgres did not become ready in {START_SECONDS} s; see {server.log_path}"
        )
    with server.log_path.open(encoding="utf-8", errors="replace") as log:
        log.seek(offset)
        return None, log.read()


def _is_ready(server: Server, process: Process) -> bool:
    """Whether postmaster.pid says so: its first line is the pid, its eighth the state.

    The pid file of a killed server stays behind, so the pid must be that of this one.
    """
    try:
        lines = (server.data_dir / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, PermissionError):
        return False
    return len(lines) >= 8 and lines[0] == str(process.pid) and lines[7].strip() == "ready"

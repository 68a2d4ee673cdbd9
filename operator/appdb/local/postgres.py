"""A real Postgres of our own: loopback only, passwords checked, gone when we are.

Uses the programs of an installed Postgres and none of its helpers. The superuser's
password is made here, is never an argument of a process and never in a log.
"""

import json
import secrets
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import sql

from appdb.local.failure import SandboxError
from appdb.local.files import write_private
from appdb.local.identity import Identity, choose_identity
from appdb.local.pgbinaries import default_version, find_postgres, read_major
from appdb.local.pgfiles import SUPERUSER, Folders, init_data, prepare_folders
from appdb.local.ports import LOOPBACK, free_port
from appdb.local.postmaster import PortTaken, Server, launch, write_settings
from appdb.local.processes import Process, find_process

STOP_SECONDS = 15
PORT_ATTEMPTS = 10
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "max_connections": "200",
    "shared_buffers": "32MB",
    "log_line_prefix": "%m [%p] %u@%d ",
    "logging_collector": "off",
    # Safe against killed processes. Commits stay synchronous: whoever kills the server must
    # find afterwards what it had confirmed.
    "fsync": "off",
    "full_page_writes": "off",
}
# For who wants the data to survive a machine that loses power as well.
DURABLE = {"fsync": "on", "full_page_writes": "on"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A role that logs in; `dsn` is a libpq URI with the password."""

    name: str
    password: str
    dsn: str


class EmbeddedPostgres:
    """One Postgres in one folder; it may be stopped, killed and started again.

    `version` is a major version (18, 16, 15, ...), `bin_dir` names the programs instead.
    Port and data stay the same over restarts. A detached server outlives this process and
    is found again by another `EmbeddedPostgres` on the same folder. As a context manager
    it is removed at the end, with its data. Who looks for all passwords that it gave out
    looks for `password_mark`, with which they begin.
    """

    def __init__(
        self,
        home: Path,
        version: int | None = None,
        *,
        bin_dir: Path | None = None,
        settings: Mapping[str, str] | None = None,
        logs_statements: bool = False,
        is_detached: bool = False,
        identity: Identity | None = None,
    ) -> None:
        self.home = home.absolute()
        self.settings: dict[str, str] = (
            SETTINGS | ({"log_statement": "all"} if logs_statements else {}) | dict(settings or {})
        )
        self._version = version
        self._wanted_bin_dir = bin_dir
        self._is_detached = is_detached
        self._identity = identity
        self.password_mark = ""
        self._folders: Folders | None = None
        self._server: Server | None = None
        self._process: Process | None = None
        self._recall()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    @property
    def server(self) -> Server:
        """The server's facts; raises SandboxError before the first start."""
        if self._server is None:
            raise SandboxError(f"the Postgres in {self.home} was never started")
        return self._server

    @property
    def process(self) -> Process:
        """The postmaster, for whoever wants to signal it."""
        if self._process is None:
            raise SandboxError(f"the Postgres in {self.home} is not started")
        return self._process

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.is_alive

    @property
    def identity(self) -> Identity:
        self._identity = self._identity or choose_identity()
        return self._identity

    def start(self) -> Server:
        """Start and wait until it answers; the first call makes the data and finds a port.

        Raises SandboxError when it ends at once, PartNotReady when it takes too long.
        """
        if self.is_running:
            return self.server
        if self._server is None:
            return self._start_first()
        self._launch(self._server)
        return self._server

    def stop(self, *, immediately: bool = False) -> None:
        """End the server: "fast" (sessions end, data is flushed), else "immediate"."""
        if self._process is None:
            return
        first = () if immediately else (signal.SIGINT,)
        self._process.stop(*first, signal.SIGQUIT, timeout_seconds=STOP_SECONDS)
        self._process = None
        self._remember()

    def kill(self) -> None:
        """SIGKILL the postmaster, as a crash does; `start` recovers."""
        self.process.stop()
        self._process = None
        self._remember()

    def restart(self) -> Server:
        """Stop and start again, on the same port and data."""
        self.stop()
        return self.start()

    def remove(self) -> None:
        """Stop and delete everything but the log."""
        self.stop()
        folders = self._folders
        for folder in (folders.data_dir, folders.socket_dir, *folders.temporary) if folders else ():
            shutil.rmtree(folder, ignore_errors=True)
        self._facts_path.unlink(missing_ok=True)
        self._server = self._folders = None

    def create_admin(self, name: str = "appdb_admin") -> Login:
        """Make the admin that a platform team has: CREATEDB CREATEROLE, no superuser."""
        return self._create_role(name, sql.SQL("CREATEDB CREATEROLE"))

    def create_login(self, name: str) -> Login:
        """Make a login role without any right."""
        return self._create_role(name, sql.SQL("NOCREATEDB NOCREATEROLE"))

    def _create_role(self, name: str, attributes: sql.SQL) -> Login:
        password = self.password_mark + secrets.token_urlsafe(24)
        statement = sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER {} PASSWORD {}")
        with psycopg.connect(self.server.dsn(), autocommit=True) as connection:
            # The verifier is made here: a log of statements never holds the password.
            verifier = connection.pgconn.encrypt_password(
                password.encode(), name.encode(), b"scram-sha-256"
            ).decode()
            connection.execute(
                statement.format(sql.Identifier(name), attributes, sql.Literal(verifier))
            )
        dsn = self.server.dsn(username=name, password=password)
        return Login(name=name, password=password, dsn=dsn)

    def _start_first(self) -> Server:
        bin_dir = self._wanted_bin_dir or find_postgres(self._version or default_version())
        version = read_major(bin_dir)
        self._folders = prepare_folders(self.home, bin_dir, self.identity)
        password = self.password_mark + secrets.token_urlsafe(24)
        init_data(self._folders, self.identity, password)
        for attempt in range(1, PORT_ATTEMPTS + 1):
            server = self._server = Server(
                host=LOOPBACK,
                port=free_port(),
                username=SUPERUSER,
                password=password,
                version=version,
                bin_dir=self._folders.bin_dir,
                data_dir=self._folders.data_dir,
                socket_dir=self._folders.socket_dir,
                log_path=self.home / "postgres.log",
            )
            try:
                self._launch(server)
            except PortTaken:
                if attempt == PORT_ATTEMPTS:
                    raise
            else:
                return server
        raise AssertionError("the last attempt returns or raises")

    def _launch(self, server: Server) -> None:
        write_settings(server, self.settings)
        self._process = launch(server, self.identity, is_detached=self._is_detached)
        self._remember()

    @property
    def _facts_path(self) -> Path:
        return self.home / "postgres.json"

    def _remember(self) -> None:
        """Keep the facts for another process, readable by the owner alone."""
        if self._server is None or self._folders is None:
            return
        facts = {
            "server": {name: _plain(getattr(self._server, name)) for name in Server.__slots__},
            "temporary": [str(folder) for folder in self._folders.temporary],
            "pid": self._process.pid if self._process else 0,
            "birth": self._process.birth if self._process else "",
        }
        write_private(self._facts_path, json.dumps(facts))

    def _recall(self) -> None:
        if not self._facts_path.exists():
            return
        facts = json.loads(self._facts_path.read_text(encoding="utf-8"))
        self._server = _read_server(facts["server"])
        self._folders = Folders(
            bin_dir=self._server.bin_dir,
            data_dir=self._server.data_dir,
            socket_dir=self._server.socket_dir,
            temporary=tuple(Path(folder) for folder in facts["temporary"]),
        )
        self._process = find_process(facts["pid"], facts["birth"])


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _read_server(facts: Mapping[str, Any]) -> Server:
    paths = ("bin_dir", "data_dir", "socket_dir", "log_path")
    typed: dict[str, Any] = {name: Path(v) if name in paths else v for name, v in facts.items()}
    return Server(**typed)

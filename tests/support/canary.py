"""Passwords that existed while real parts ran, and the places where none of them may stand.

Every password is looked for in all its spellings; what is found is told by place, line and
owner, and never by itself. What is shorter than twelve characters is a word, no password.
"""

import base64
import json
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from appdb.local.postgres import EmbeddedPostgres
from appdb.local.sandbox import Options, Sandbox
from support.apiserver import GROUP_PATH, ApiServer
from support.secretwatch import SecretWatch

SHORTEST = 12
# In every password that a fixture thinks up itself, and in nothing else.
MARK = "canary-0123456789abcdef"
# libpq makes them; the log of Postgres, which has each statement, is their one place.
VERIFIER = b"SCRAM-SHA-256$"
LISTS = (
    f"{GROUP_PATH}/appdatabases",
    f"{GROUP_PATH}/databaseservers",
    f"{GROUP_PATH}/schemaplans",
    "/api/v1/events",
    "/api/v1/configmaps",
    "/apis/coordination.k8s.io/v1/leases",
)

Passwords = Mapping[str, str]
_server_logs: list[Path] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A file in which no password may stand, and whether a verifier may."""

    path: Path
    has_verifiers: bool = False


def spellings(password: str) -> dict[bytes, str]:
    """How a password may be written, and the name of each way."""
    plain = password.encode()
    found = {
        quote(password, safe="").encode(): "quoted for a URI",
        json.dumps(password)[1:-1].encode(): "in JSON",
        plain: "as it is",
    }
    for shift in range(3):
        # Of these characters, and of no other, every bit comes from the password.
        text = base64.b64encode(b"\0" * shift + plain)
        inner = text[-(-shift * 8 // 6) : (shift + len(plain)) * 8 // 6]
        found |= {inner: "in base64", inner.translate(bytes.maketrans(b"+/", b"-_")): "in base64"}
    return found


def leaks(place: Place, passwords: Passwords) -> list[str]:
    """Where in a file a password stands: place and line, whose it is, how it is written."""
    told = {
        spelling: f"password of {whose}, {how}"
        for password, whose in passwords.items()
        if len(password) >= SHORTEST and "\n" not in password.strip()
        for spelling, how in spellings(password.strip()).items()
    }
    if not place.has_verifiers:
        told[VERIFIER] = "a verifier"
    with tempfile.TemporaryFile() as patterns:
        patterns.write(b"\n".join(told))
        patterns.flush()
        source = f"/dev/fd/{patterns.fileno()}"
        done = subprocess.run(
            ["grep", "-anoF", "-f", source, "--", str(place.path)],
            env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
            pass_fds=[patterns.fileno()],
            capture_output=True,
            check=False,
        )
    assert done.returncode in {0, 1}, done.stderr.decode()
    hits = (line.partition(b":") for line in done.stdout.splitlines())
    return sorted({f"{place.path}:{line.decode()}: {told[hit]}" for line, _, hit in hits})


def require_silence(places: Iterable[Place], passwords: Passwords) -> None:
    """Fail when one of the passwords stands in one of the places."""
    __tracebackhide__ = True
    found = [leak for place in places for leak in leaks(place, passwords)]
    assert not found, "\n".join(["passwords where none may be:", *found[:20]])


def places_of(sandbox: Sandbox) -> Iterator[Place]:
    """Everything that a sandbox wrote and shows; what it shows is put into files first."""
    # Of the operator, of others that ran beside it, and of the control plane with its audit.
    for folder in (sandbox.home, sandbox.control_plane.layout.logs_dir):
        for path in sorted(folder.glob("*.log")):
            yield Place(path=path)
    yield Place(path=sandbox.postgres.server.log_path, has_verifiers=True)
    shown = {
        "objects.txt": every_object(ApiServer.as_admin(sandbox.control_plane)),
        "metrics.txt": sandbox.operator.get("/metrics")[1],
        "commands.txt": every_command_line(),
        "environments.txt": every_environment(sandbox),
    }
    for name, text in shown.items():
        path = sandbox.home / name
        path.write_text(text)
        yield Place(path=path)


def every_object(api: ApiServer) -> str:
    """What stands in the cluster, one object a line; Secrets are where passwords belong."""
    items = (item for path in LISTS for item in api.request("GET", path).body.get("items", ()))
    return "\n".join(json.dumps(item) for item in items)


def every_command_line() -> str:
    return "\n".join(_read_proc(path) for path in Path("/proc").glob("[0-9]*/cmdline"))


def every_environment(sandbox: Sandbox) -> str:
    """The variables of our own processes, one process a line."""
    components = (*sandbox.control_plane.components, sandbox.operator.component)
    pids = [part.process.pid for part in components if part.process and part.is_running]
    if sandbox.postgres.is_running:
        pids.append(sandbox.postgres.process.pid)
    return "\n".join(_read_proc(Path(f"/proc/{pid}/environ")) for pid in pids)


def _read_proc(path: Path) -> str:
    """Words of a process in one line; empty where there is no /proc, or the process has gone."""
    try:
        return path.read_bytes().replace(b"\0", b" ").decode(errors="replace").replace("\n", " ")
    except OSError:
        return ""


@contextmanager
def watched_sandbox(home: Path, options: Options | None = None) -> Iterator[Sandbox]:
    """A sandbox in which, when all went well, no password was told by the end."""
    with Sandbox(home, options) as sandbox, SecretWatch(sandbox.control_plane, home) as watch:
        yield sandbox
        passwords = watch.finish() | passwords_of(sandbox.postgres)
        servers = (Place(path=path, has_verifiers=True) for path in _server_logs if path.exists())
        require_silence((*places_of(sandbox), *servers), passwords)


@contextmanager
def watched_postgres(home: Path, version: int | None = None) -> Iterator[EmbeddedPostgres]:
    """A server with every statement in its log, in which no password of a fixture stands.

    Its log grows to hundreds of megabytes: the mark alone is looked for, at the end.
    """
    server = EmbeddedPostgres(home, version, logs_statements=True)
    server.password_mark = MARK
    with server as postgres:
        yield postgres
        log = Place(path=postgres.server.log_path, has_verifiers=True)
        require_silence([log], {MARK: "a fixture"})


@contextmanager
def watched_neighbour(home: Path) -> Iterator[EmbeddedPostgres]:
    """A second server of a sandbox, searched for the sandbox's passwords too, at its end."""
    with watched_postgres(home) as postgres:
        _server_logs.append(postgres.server.log_path)
        yield postgres


def passwords_of(postgres: EmbeddedPostgres) -> dict[str, str]:
    """That of the superuser, and the mark of those that fixtures and tests think up."""
    return {postgres.server.password: "the superuser", MARK: "a fixture"}

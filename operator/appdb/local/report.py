"""Says what a sandbox is made of, for people and for scripts; changes nothing but links."""

import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appdb.local.component import Component
from appdb.local.sandbox import Sandbox

CLIENTS = ("psql", "pg_dump", "pg_restore")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One process of a sandbox; `pid` is 0 when it does not run."""

    name: str
    pid: int
    address: str
    log: str


def read_parts(sandbox: Sandbox) -> tuple[Part, ...]:
    """Look at every process."""
    return tuple(_parts(sandbox))


def _parts(sandbox: Sandbox) -> Iterator[Part]:
    plane, postgres, operator = sandbox.control_plane, sandbox.postgres, sandbox.operator
    yield _part(plane.etcd, "UNIX socket")
    yield _part(plane.apiserver, plane.url)
    yield _part(plane.controller_manager, "")
    server = postgres.server
    yield Part(
        name=f"postgres {server.version}",
        pid=postgres.process.pid if postgres.is_running else 0,
        address=f"{server.host}:{server.port}",
        log=str(server.log_path),
    )
    if sandbox.runs_operator:
        yield _part(operator.component, operator.url if operator.http_port else "")


def _part(component: Component, address: str) -> Part:
    process = component.process
    return Part(
        name=component.name,
        pid=process.pid if process and process.is_alive else 0,
        address=address,
        log=str(component.log_path),
    )


def link_clients(sandbox: Sandbox) -> Path:
    """A folder with kubectl, psql and pg_dump of the sandbox's versions, for PATH."""
    folder = sandbox.home / "bin"
    folder.mkdir(exist_ok=True)
    bin_dir = sandbox.postgres.server.bin_dir
    programs = {name: bin_dir / name for name in CLIENTS} | {
        "kubectl": sandbox.control_plane.binaries.kubectl
    }
    for name, program in programs.items():
        link = folder / name
        if program.exists() and not link.is_symlink():
            link.symlink_to(program)
    return folder


def own_command() -> str:
    """How to call `appdb` from here: by name, else by the path of this environment's script."""
    if shutil.which("appdb"):
        return "appdb"
    script = Path(sys.executable).parent / "appdb"
    if not script.exists():
        return f"{shlex.quote(sys.executable)} -m appdb"
    is_near = script.is_relative_to(Path.cwd())
    return shlex.quote(str(script.relative_to(Path.cwd()) if is_near else script))


def render_environment(sandbox: Sandbox, *, path: str | None) -> str:
    """Lines for a shell to evaluate; no password is among them.

    `path` is the present PATH: programs that are missing on it are added at its end.
    """
    server = sandbox.postgres.server
    lines = {
        "KUBECONFIG": str(sandbox.kubeconfig),
        "PGHOST": server.host,
        "PGPORT": str(server.port),
    }
    exports = [f"export {name}={shlex.quote(value)}" for name, value in lines.items()]
    clients = sandbox.home / "bin"
    if any(shutil.which(name, path=path) is None for name in ("kubectl", "psql")):
        exports.append(f'export PATH="$PATH":{shlex.quote(str(clients))}')
    return "".join(f"{line}\n" for line in exports)

"""Folders of one embedded Postgres: the data, the socket, and programs its user can read.

Writes below the folder that it is given and below the system's temporary folder, nowhere
else, and changes no mode or owner of anything that it did not make.
"""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from appdb.local.failure import SandboxError
from appdb.local.identity import Identity

SUPERUSER = "postgres"
# A UNIX socket's path has at most 107 bytes; ".s.PGSQL.65535" needs 15 of them.
SOCKET_DIR_LIMIT = 90
# macOS knows C.UTF-8 only since version 15.
LOCALE = "C.UTF-8" if sys.platform == "linux" else "C"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where one Postgres lives; `temporary` are to be removed with it."""

    bin_dir: Path
    data_dir: Path
    socket_dir: Path
    temporary: tuple[Path, ...] = ()


def prepare_folders(home: Path, bin_dir: Path, identity: Identity) -> Folders:
    """Make the folders below `home`; where its user cannot reach them, in temporary ones."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if identity.owner is None:
        return _own_folders(home, bin_dir)
    return _given_folders(bin_dir, identity.owner)


def init_data(folders: Folders, identity: Identity, password: str) -> None:
    """Run initdb with SCRAM everywhere; the password passes through a file that is removed."""
    handle, password_file = tempfile.mkstemp(prefix="appdb-", dir=folders.data_dir.parent)
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(password)
        if identity.owner:
            os.chown(password_file, *identity.owner)
        _run_initdb(folders, identity, password_file)
    finally:
        Path(password_file).unlink()


def _run_initdb(folders: Folders, identity: Identity, password_file: str) -> None:
    uid, gid = identity.owner or (None, None)
    argv = [
        *identity.prefix, str(folders.bin_dir / "initdb"), "--pgdata", str(folders.data_dir),
        "--username", SUPERUSER, "--pwfile", password_file, "--encoding", "UTF8",
        "--auth-local", "scram-sha-256", "--auth-host", "scram-sha-256", "--locale", LOCALE,
        "--no-sync",
    ]  # fmt: skip
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=server_environment(),
        user=uid,
        group=gid,
        extra_groups=None if uid is None else [],
    )
    if done.returncode != 0:
        raise SandboxError(f"initdb failed in {folders.data_dir}: {done.stderr.strip()[-300:]}")


def server_environment() -> dict[str, str]:
    """The environment without PG* variables, which would turn the tools to another server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C"}


def render_settings(settings: Mapping[str, str]) -> str:
    """Lines of postgresql.conf; every value is quoted, which suits numbers as well."""
    quoted = {name: value.replace("'", "''") for name, value in settings.items()}
    return "".join(f"{name} = '{value}'\n" for name, value in quoted.items())


def _own_folders(home: Path, bin_dir: Path) -> Folders:
    socket_dir = home / "socket"
    temporary: tuple[Path, ...] = ()
    if len(os.fsencode(socket_dir)) > SOCKET_DIR_LIMIT:
        socket_dir = Path(tempfile.mkdtemp(prefix="appdb-socket-"))
        temporary = (socket_dir,)
    socket_dir.mkdir(mode=0o700, exist_ok=True)
    return Folders(
        bin_dir=bin_dir, data_dir=home / "data", socket_dir=socket_dir, temporary=temporary
    )


def _given_folders(bin_dir: Path, owner: tuple[int, int]) -> Folders:
    place = Path(tempfile.mkdtemp(prefix="appdb-postgres-"))
    for folder in (place, place / "data", place / "socket"):
        folder.mkdir(mode=0o700, exist_ok=True)
        os.chown(folder, *owner)
    if not _is_open_to_all(bin_dir):
        bin_dir = _copy_programs(bin_dir, place)
    return Folders(
        bin_dir=bin_dir,
        data_dir=place / "data",
        socket_dir=place / "socket",
        temporary=(place,),
    )


def _copy_programs(bin_dir: Path, place: Path) -> Path:
    """Copy an installation; its libraries may stand beside the package, as wheels do it."""
    installation = bin_dir.parent
    package = installation.parent
    copied = place / package.name / installation.name
    shutil.copytree(installation, copied, symlinks=True, ignore=shutil.ignore_patterns("include"))
    for libraries in package.parent.glob(f"{package.name}.libs"):
        shutil.copytree(libraries, place / libraries.name, symlinks=True)
    for folder in (copied.parent, copied):
        folder.chmod(0o755)
    return copied / "bin"


def _is_open_to_all(folder: Path) -> bool:
    resolved = folder.resolve()
    return all(
        stat.S_IMODE(parent.stat().st_mode) & stat.S_IXOTH
        for parent in (resolved, *resolved.parents)
    )

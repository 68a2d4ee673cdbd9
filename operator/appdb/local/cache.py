"""The user's cache: programs that are costly to get, kept per version and platform."""

import fcntl
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from appdb.local.failure import SandboxError

# Where progress goes, one line at a time.
Report = Callable[[str], None]

MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def platform_name() -> tuple[str, str]:
    """Operating system and machine in Go's words: ("linux", "amd64")."""
    machine = platform.machine().lower()
    return sys.platform, MACHINES.get(machine, machine)


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Our folder in the user's cache (XDG base directory specification)."""
    return base_dir(environ, "XDG_CACHE_HOME", ".cache") / "appdb"


def base_dir(environ: Mapping[str, str], variable: str, default: str) -> Path:
    """A base folder of the XDG specification, by which a relative path is to be ignored.

    Raises SandboxError for a user without a home folder.
    """
    base = environ.get(variable, "")
    if base.startswith("/"):
        return Path(base)
    try:
        return Path.home() / default
    except RuntimeError as err:
        raise SandboxError(
            f"this user has no home folder; set HOME, or {variable} to a folder of yours"
        ) from err


def kubernetes_dir(version: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Where the programs of one Kubernetes version are kept."""
    return cache_dir(environ) / "kubernetes" / "-".join((f"v{version}", *platform_name()))


@contextmanager
def locked(folder: Path, report: Report) -> Iterator[None]:
    """Hold a folder for one process; others wait and are told so.

    Raises SandboxError when the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        opened = (folder / ".lock").open("w")
    except OSError as err:
        raise SandboxError(
            f"{folder} cannot be written ({err.strerror}); set XDG_CACHE_HOME and "
            "XDG_STATE_HOME to folders of yours"
        ) from err
    with opened as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"another process is filling {folder}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield

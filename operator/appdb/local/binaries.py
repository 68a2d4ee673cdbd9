"""The programs of the control plane: found, else fetched, else built.

In this order: `$KUBEBUILDER_ASSETS`, the user's cache, the envtest archive, Go modules.
The archive holds no controller manager; that one is built.
"""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from appdb.local.cache import Report, kubernetes_dir, locked
from appdb.local.download import DownloadFailed, fetch_envtest
from appdb.local.failure import SandboxError
from appdb.local.gobuild import Workshop, build_programs
from appdb.local.golang import ensure_go

KUBERNETES_VERSION = "1.36.3"
ASSETS_VARIABLE = "KUBEBUILDER_ASSETS"
# In the order of building: the long one last, so that the first lines come soon.
SERVERS = ("etcd", "kubectl", "kube-apiserver")
MANAGER = "kube-controller-manager"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """Paths of the four programs."""

    etcd: Path
    kubectl: Path
    apiserver: Path
    controller_manager: Path


def ensure_binaries(*, report: Report, environ: Mapping[str, str] = os.environ) -> Binaries:
    """The four programs, gotten or built where they are missing, which may take minutes.

    Raises SandboxError saying what to install when that fails.
    """
    assets = environ.get(ASSETS_VARIABLE)
    if assets:
        return _from_assets(Path(assets), report=report, environ=environ)
    folder = kubernetes_dir(KUBERNETES_VERSION, environ)
    _fill(folder, (*SERVERS, MANAGER), KUBERNETES_VERSION, report=report, environ=environ)
    return _binaries(folder, folder / MANAGER)


def _from_assets(folder: Path, *, report: Report, environ: Mapping[str, str]) -> Binaries:
    missing = _missing(folder, SERVERS)
    if missing:
        raise SandboxError(
            f"{ASSETS_VARIABLE} is {folder}, which holds no {', '.join(missing)}; "
            "point it at a folder that does, or unset it"
        )
    if not _missing(folder, (MANAGER,)):
        return _binaries(folder, folder / MANAGER)
    version = choose_manager_version(read_apiserver_version(folder / "kube-apiserver"))
    cached = kubernetes_dir(version, environ)
    _fill(cached, (MANAGER,), version, report=report, environ=environ)
    return _binaries(folder, cached / MANAGER)


def choose_manager_version(apiserver_version: str) -> str:
    """Our version when its minor is the API server's, else the API server's own.

    A controller manager must not be newer than its API server (Kubernetes version skew policy).
    """
    is_same_minor = _minor(apiserver_version) == _minor(KUBERNETES_VERSION)
    return KUBERNETES_VERSION if is_same_minor else apiserver_version


def read_apiserver_version(program: Path) -> str:
    """`1.36.3`; raises SandboxError when the program does not run."""
    try:
        shown = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as err:
        raise SandboxError(f"{program} does not run: {err}") from err
    found = re.search(r"v(\d+\.\d+\.\d+)", shown)
    if found is None:
        raise SandboxError(f"{program} does not say its version: {shown}")
    return found[1]


def _fill(
    folder: Path,
    programs: Sequence[str],
    version: str,
    *,
    report: Report,
    environ: Mapping[str, str],
) -> None:
    """Get what is missing into the folder, one process at a time."""
    if not _missing(folder, programs):
        return
    with locked(folder, report):
        if _missing(folder, [name for name in programs if name in SERVERS]):
            try:
                fetch_envtest(version, folder, report=report, environ=environ)
            except DownloadFailed as failure:
                report(f"no archive: {failure.message}")
        missing = _missing(folder, programs)
        if missing:
            go = ensure_go(report=report, environ=environ)
            workshop = Workshop(go=go, target=folder, report=report, environ=environ)
            build_programs(missing, version, workshop)


def _missing(folder: Path, programs: Sequence[str]) -> list[str]:
    return [name for name in programs if not os.access(folder / name, os.X_OK)]


def _minor(version: str) -> str:
    return version.rpartition(".")[0]


def _binaries(folder: Path, manager: Path) -> Binaries:
    return Binaries(
        etcd=folder / "etcd",
        kubectl=folder / "kubectl",
        apiserver=folder / "kube-apiserver",
        controller_manager=manager,
    )

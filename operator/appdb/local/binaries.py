"""Finds the programs of the control plane."""

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from appdb.local.failure import SandboxError

KUBERNETES_VERSION = "1.36.3"
ETCD_VERSION = "3.6.8"
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """Paths of the four programs."""

    etcd: Path
    apiserver: Path
    controller_manager: Path
    kubectl: Path


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The user's cache for this product."""
    base = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "appdb"


def binaries_dir(environ: Mapping[str, str] = os.environ) -> Path:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return cache_dir(environ) / "kubernetes" / f"v{KUBERNETES_VERSION}-{sys.platform}-{machine}"


def find_binaries(environ: Mapping[str, str] = os.environ) -> Binaries:
    folders = [binaries_dir(environ)]
    if environ.get("KUBEBUILDER_ASSETS"):
        folders.insert(0, Path(environ["KUBEBUILDER_ASSETS"]))
    found = {}
    for program in PROGRAMS:
        path = next((f / program for f in folders if (f / program).is_file()), None)
        if path is None:
            raise SandboxError(f"{program} is in none of {', '.join(map(str, folders))}")
        found[program] = path
    return Binaries(
        etcd=found["etcd"],
        apiserver=found["kube-apiserver"],
        controller_manager=found["kube-controller-manager"],
        kubectl=found["kubectl"],
    )

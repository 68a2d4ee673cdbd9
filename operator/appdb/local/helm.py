"""Helm, for the tests of the chart: built once from its Go module into the user's cache."""

import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from appdb.local.cache import Report, cache_dir, locked
from appdb.local.gobuild import GO_VERSION, Workshop
from appdb.local.golang import ensure_go

HELM_VERSION = "3.22.0"
HELM_MODULE = "helm.sh/helm/v3"


def ensure_helm(*, report: Report, environ: Mapping[str, str] = os.environ) -> Path:
    """The program in the cache; built when it is not there, which takes about a minute.

    Raises SandboxError when it cannot be built.
    """
    folder = cache_dir(environ) / "helm" / f"v{HELM_VERSION}"
    program = folder / "helm"
    if not os.access(program, os.X_OK):
        with locked(folder, report):
            if not os.access(program, os.X_OK):
                go = ensure_go(report=report, environ=environ)
                _build(Workshop(go=go, target=folder, report=report, environ=environ))
    return program


def _build(workshop: Workshop) -> None:
    started = time.monotonic()
    workshop.report("building helm ...")
    version = f"-X {HELM_MODULE}/internal/version.version=v{HELM_VERSION}"
    with tempfile.TemporaryDirectory(prefix="appdb-build-") as place:
        folder = Path(place)
        (folder / "go.mod").write_text(
            f"module appdb/helm\n\ngo {GO_VERSION}\n\nrequire {HELM_MODULE} v{HELM_VERSION}\n",
            encoding="utf-8",
        )
        fresh = workshop.target / f".helm.{os.getpid()}"
        flags = ("-mod=mod", "-trimpath", "-ldflags", f"-s -w {version}")
        workshop.run(("build", *flags, "-o", str(fresh), f"{HELM_MODULE}/cmd/helm"), folder)
        fresh.replace(workshop.target / "helm")
    workshop.report(f"built helm in {time.monotonic() - started:.0f} s")

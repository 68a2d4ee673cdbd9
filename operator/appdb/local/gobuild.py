"""Builds the control plane's programs from Go modules, whose checksums Go itself verifies.

Slow (minutes), so each program is reported, and each that is ready stays when a later
one fails.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appdb.local.cache import Report, cache_dir
from appdb.local.failure import SandboxError
from appdb.local.golang import Go

ETCD_VERSION = "3.6.8"
KUBERNETES_MODULE = "k8s.io/kubernetes"
ETCD_MODULE = "go.etcd.io/etcd/server/v3"
GO_VERSION = "1.26.0"
SILENCE_SECONDS = 30
# The etcd command is a module of its own with local replacements, which Go refuses from
# afar; this is all that it does.
ETCD_MAIN = f"""package main

import (
	"os"

	"{ETCD_MODULE}/etcdmain"
)

func main() {{ etcdmain.Main(os.Args) }}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Where and with what is built; `target` receives the programs."""

    go: Go
    target: Path
    report: Report
    environ: Mapping[str, str]

    def run(self, arguments: Sequence[str], cwd: Path) -> str:
        """Run go; raises SandboxError with the end of its complaint."""
        done = subprocess.run(
            [str(self.go.program), *arguments],
            cwd=cwd,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SandboxError(f"go {arguments[0]} failed: {done.stderr.strip()[-250:]}")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        """Go's settings; its caches are ours when it is ours, else the user's."""
        fixed = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off"}
        caches = {
            "GOPATH": str(cache_dir(self.environ) / "go-path"),
            "GOCACHE": str(cache_dir(self.environ) / "go-build"),
            "GOFLAGS": "-modcacherw",
        }
        home = {"HOME": str(Path.home())}
        return home | dict(self.environ) | fixed | (caches if self.go.is_ours else {})


def build_programs(programs: Sequence[str], version: str, workshop: Workshop) -> None:
    """Build the named programs (etcd among them, or any of Kubernetes) into the target.

    Raises SandboxError at the first that fails.
    """
    workshop.report(
        f"building {', '.join(programs)} from Go modules; this is done once and takes minutes"
    )
    with tempfile.TemporaryDirectory(prefix="appdb-build-") as place:
        for program in programs:
            started = time.monotonic()
            folder = Path(place) / ("etcd" if program == "etcd" else "kubernetes")
            workshop.report(f"building {program} ...")
            with _signs_of_life(program, workshop.report):
                _build(program, version, folder, workshop)
            workshop.report(f"built {program} in {time.monotonic() - started:.0f} s")
    if workshop.go.is_ours:
        # Two gigabytes that nothing needs any more.
        for name in ("go-path", "go-build"):
            shutil.rmtree(cache_dir(workshop.environ) / name, ignore_errors=True)


@contextmanager
def _signs_of_life(program: str, report: Report) -> Iterator[None]:
    """Report that a build goes on, so that nobody takes its silence for a hang."""
    started = time.monotonic()
    done = threading.Event()

    def speak() -> None:
        while not done.wait(SILENCE_SECONDS):
            report(f"still building {program}, {time.monotonic() - started:.0f} s so far")

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    try:
        yield
    finally:
        done.set()
        speaker.join()


def _build(program: str, version: str, folder: Path, workshop: Workshop) -> None:
    if not folder.exists():
        folder.mkdir(parents=True)
        prepare = _prepare_etcd if program == "etcd" else _prepare_kubernetes
        prepare(folder, version, workshop)
    package = "." if program == "etcd" else f"{KUBERNETES_MODULE}/cmd/{program}"
    flags = "-s -w" if program == "etcd" else f"-s -w {render_version_flags(version)}"
    fresh = workshop.target / f".{program}.{os.getpid()}"
    workshop.run(
        ("build", "-mod=mod", "-trimpath", "-ldflags", flags, "-o", str(fresh), package), folder
    )
    fresh.replace(workshop.target / program)


def render_version_flags(version: str) -> str:
    """Linker flags that tell the programs their version; without them they say v0.0.0."""
    major, minor, _ = version.split(".")
    package = "k8s.io/component-base/version"
    values = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor}
    return " ".join(f"-X {package}.{name}={value}" for name, value in values.items())


def _prepare_etcd(folder: Path, _version: str, _workshop: Workshop) -> None:
    (folder / "go.mod").write_text(
        f"module appdb/etcd\n\ngo {GO_VERSION}\n\nrequire {ETCD_MODULE} v{ETCD_VERSION}\n",
        encoding="utf-8",
    )
    (folder / "main.go").write_text(ETCD_MAIN, encoding="utf-8")


def _prepare_kubernetes(folder: Path, version: str, workshop: Workshop) -> None:
    """Write a module that requires Kubernetes with its staging modules as published."""
    (folder / "go.mod").write_text(
        f"module appdb/kubernetes\n\ngo {GO_VERSION}\n\nrequire {KUBERNETES_MODULE} v{version}\n",
        encoding="utf-8",
    )
    shown = workshop.run(("mod", "download", "-json", f"{KUBERNETES_MODULE}@v{version}"), folder)
    published = Path(json.loads(shown)["GoMod"]).read_text(encoding="utf-8")
    with (folder / "go.mod").open("a", encoding="utf-8") as module:
        module.write(render_replacements(published, version))


def render_replacements(go_mod: str, version: str) -> str:
    """Lines of go.mod that take each staging module as it is published: v0.minor.patch."""
    names = re.findall(r"^\s+(k8s\.io/\S+) => \./staging", go_mod, flags=re.MULTILINE)
    staged = f"v0.{version.partition('.')[2]}"
    return "".join(f"replace {name} => {name} {staged}\n" for name in names)

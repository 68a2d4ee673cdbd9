"""Programs that are one Go module each: built once into the user's cache.

For tools of the tests and the chart. The control plane, whose modules need more than a
`require`, is built by `gobuild`.
"""

import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from appdb.local.cache import Report, cache_dir, locked
from appdb.local.gobuild import GO_VERSION, Workshop
from appdb.local.golang import ensure_go


@dataclass(frozen=True, slots=True, kw_only=True)
class GoTool:
    """A program; `package` is its main inside the module, `linked` are linker flags."""

    name: str
    module: str
    version: str
    package: str
    linked: str = ""

    def ensure(self, *, report: Report, environ: Mapping[str, str] = os.environ) -> Path:
        """The program in the cache; built when it is not there, which takes about a minute.

        Raises SandboxError when it cannot be built.
        """
        folder = cache_dir(environ) / self.name / f"v{self.version}"
        program = folder / self.name
        if not os.access(program, os.X_OK):
            with locked(folder, report):
                if not os.access(program, os.X_OK):
                    go = ensure_go(report=report, environ=environ)
                    self._build(Workshop(go=go, target=folder, report=report, environ=environ))
        return program

    def _build(self, workshop: Workshop) -> None:
        started = time.monotonic()
        workshop.report(f"building {self.name} ...")
        with tempfile.TemporaryDirectory(prefix="appdb-build-") as place:
            folder = Path(place)
            (folder / "go.mod").write_text(
                f"module appdb/{self.name}\n\ngo {GO_VERSION}\n\n"
                f"require {self.module} v{self.version}\n",
                encoding="utf-8",
            )
            fresh = workshop.target / f".{self.name}.{os.getpid()}"
            flags = ("-mod=mod", "-trimpath", "-ldflags", f"-s -w {self.linked}".strip())
            package = f"{self.module}/{self.package}"
            workshop.run(("build", *flags, "-o", str(fresh), package), folder)
            fresh.replace(workshop.target / self.name)
        workshop.report(f"built {self.name} in {time.monotonic() - started:.0f} s")

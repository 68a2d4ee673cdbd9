"""The whole product on one machine: a real API server, a real Postgres, the operator.

Everything lies in one folder and listens on loopback, on ports that were free; several
sandboxes run side by side.
"""

import json
import logging
import shutil
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from appdb.local.binaries import Binaries, ensure_binaries
from appdb.local.cache import Report
from appdb.local.controlplane import ControlPlane
from appdb.local.files import write_private
from appdb.local.manifests import (
    OPERATOR_NAMESPACE,
    SERVICE_ACCOUNT,
    apply_objects,
    build_server_objects,
    install_manifests,
)
from appdb.local.operatorprocess import OperatorProcess
from appdb.local.postgres import EmbeddedPostgres, Login
from appdb.local.processes import find_process

logger = logging.getLogger(__name__)

# A detached sandbox is used for days; it gets a fresh token with every start.
TOKEN_LIFETIME = "720h"  # noqa: S105 - a duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a sandbox is made.

    `is_detached` parts outlive this process. `operator_settings` are `APPDB_*` variables.
    """

    postgres_version: int | None = None
    postgres_settings: Mapping[str, str] = field(default_factory=dict)
    logs_statements: bool = False
    audits: bool = False
    is_detached: bool = False
    runs_operator: bool = True
    operator_settings: Mapping[str, str] = field(default_factory=dict)


class Sandbox:
    """A control plane, a Postgres and an operator that belong together.

    As a context manager it is removed at the end; the logs stay in a folder that it was
    given, and after an error. A detached one is found again by another `Sandbox` on the
    same folder.
    """

    def __init__(
        self,
        home: Path | None = None,
        options: Options | None = None,
        *,
        binaries: Binaries | None = None,
        report: Report = logger.info,
    ) -> None:
        self.options = options or Options()
        self._is_temporary = home is None
        self.home = (home or Path(tempfile.mkdtemp(prefix="appdb-sandbox-"))).absolute()
        self.is_new = not self._facts_path.exists()
        self._report = report
        self.control_plane = ControlPlane(
            self.home / "cluster",
            binaries=binaries or self._recall_binaries() or ensure_binaries(report=report),
            audits=self.options.audits,
            is_detached=self.options.is_detached,
        )
        self.postgres = EmbeddedPostgres(
            self.home / "postgres",
            self.options.postgres_version,
            settings=self.options.postgres_settings,
            logs_statements=self.options.logs_statements,
            is_detached=self.options.is_detached,
        )
        self.operator = OperatorProcess(
            kubeconfig=self.control_plane.kubeconfig_path(SERVICE_ACCOUNT, OPERATOR_NAMESPACE),
            log_path=self.home / "operator.log",
            settings=self.options.operator_settings,
            is_detached=self.options.is_detached,
        )
        self.runs_operator = self.options.runs_operator
        self._admin: Login | None = None
        self._recall()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException as error:
            self._end(error)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end(error)

    @property
    def kubeconfig(self) -> Path:
        """Of cluster-admin."""
        return self.control_plane.kubeconfig

    @property
    def http_port(self) -> int:
        """Of the operator's probes and metrics."""
        return self.operator.http_port

    @property
    def admin(self) -> Login:
        """The Postgres login that the operator uses: CREATEDB CREATEROLE, no superuser."""
        if self._admin is None:
            self._admin = self.postgres.create_admin()
            self._remember()
        return self._admin

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl as cluster-admin; raises SandboxError with its complaint."""
        return self.control_plane.kubectl(*arguments, stdin=stdin)

    def start(self) -> None:
        """Start what does not run and wait until it is ready; safe to repeat."""
        with ThreadPoolExecutor(max_workers=2) as pool:
            starts = (pool.submit(self.control_plane.start), pool.submit(self.postgres.start))
        for start in starts:
            start.result()
        self._report(f"API server ready at {self.control_plane.url}")
        server = self.postgres.server
        self._report(f"Postgres {server.version} ready at {server.host}:{server.port}")
        self.install()
        if self.runs_operator:
            self.operator.start()
            self._report(f"operator ready at {self.operator.url}")
        else:
            self.operator.stop()
        self._remember()

    def install(self) -> None:
        """Apply CRDs, roles, the admin's Secret and the DatabaseServer; safe to repeat."""
        kubectl = self.control_plane.kubectl
        install_manifests(kubectl)
        apply_objects(kubectl, *build_server_objects(self.postgres.server, self.admin))
        self.control_plane.kubeconfig_for(
            SERVICE_ACCOUNT, OPERATOR_NAMESPACE, lifetime=TOKEN_LIFETIME
        )

    def stop(self) -> None:
        """Stop everything; data and ports stay."""
        self.operator.stop()
        with ThreadPoolExecutor(max_workers=2) as pool:
            stops = (pool.submit(self.control_plane.stop), pool.submit(self.postgres.stop))
        for stop in stops:
            stop.result()
        self._remember()

    def remove(self, *, keeps_logs: bool) -> None:
        """Stop everything and delete it, the logs too unless they are to be kept."""
        self.stop()
        self.control_plane.remove()
        self.postgres.remove()
        self._facts_path.unlink(missing_ok=True)
        if not keeps_logs:
            shutil.rmtree(self.home, ignore_errors=True)

    def _end(self, error: BaseException | None) -> None:
        """Remove; an interrupt is no error that somebody would look for in the logs."""
        self.remove(keeps_logs=isinstance(error, Exception) or not self._is_temporary)

    @property
    def _facts_path(self) -> Path:
        return self.home / "sandbox.json"

    def _remember(self) -> None:
        process = self.operator.component.process if self.operator.is_running else None
        binaries = self.control_plane.binaries
        facts = {
            "binaries": {name: str(getattr(binaries, name)) for name in Binaries.__slots__},
            "runs_operator": self.runs_operator,
            "admin": asdict(self._admin) if self._admin else None,
            "operator": {
                "port": self.operator.http_port,
                "pid": process.pid if process else 0,
                "birth": process.birth if process else "",
            },
        }
        write_private(self._facts_path, json.dumps(facts))

    def _recall_binaries(self) -> Binaries | None:
        if self.is_new:
            return None
        facts = json.loads(self._facts_path.read_text(encoding="utf-8"))
        return Binaries(**{name: Path(path) for name, path in facts["binaries"].items()})

    def _recall(self) -> None:
        if self.is_new:
            return
        facts = json.loads(self._facts_path.read_text(encoding="utf-8"))
        self.runs_operator = facts["runs_operator"]
        self._admin = Login(**facts["admin"]) if facts["admin"] else None
        known = facts["operator"]
        self.operator.http_port = known["port"]
        self.operator.component.process = find_process(known["pid"], known["birth"])

"""Helm, for the tests of the chart: built once from its Go module into the user's cache."""

import os
from collections.abc import Mapping
from pathlib import Path

from appdb.local.cache import Report
from appdb.local.gotool import GoTool

HELM_VERSION = "3.22.0"
HELM_MODULE = "helm.sh/helm/v3"

_HELM = GoTool(
    name="helm",
    module=HELM_MODULE,
    version=HELM_VERSION,
    package="cmd/helm",
    linked=f"-X {HELM_MODULE}/internal/version.version=v{HELM_VERSION}",
)


def ensure_helm(*, report: Report, environ: Mapping[str, str] = os.environ) -> Path:
    """The program in the cache; built when it is not there, which takes about a minute.

    Raises SandboxError when it cannot be built.
    """
    return _HELM.ensure(report=report, environ=environ)

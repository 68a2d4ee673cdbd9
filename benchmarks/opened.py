"""A sandbox to measure in."""

from collections.abc import Iterator
from contextlib import contextmanager

from client import Client

from appdb.local.manifests import OPERATOR_NAMESPACE, SERVICE_ACCOUNT
from appdb.local.sandbox import Options, Sandbox

OPERATOR = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{SERVICE_ACCOUNT}"
NAMESPACE = "bench"
_NEVER_DUE = '{"spec": {"resync": "8760h"}}'


@contextmanager
def opened_sandbox() -> Iterator[tuple[Sandbox, Client]]:
    """Start real parts and the operator; the round of inspection is not what is measured."""
    options = Options(audits=True, runs_operator=True)
    with Sandbox(options=options, report=lambda line: print(f"# {line}")) as sandbox:
        sandbox.kubectl("create", "namespace", NAMESPACE)
        sandbox.kubectl("wait", "--for=condition=Ready", "dbsrv/local", "--timeout=60s")
        sandbox.kubectl("patch", "dbsrv", "local", "--type=merge", "-p", _NEVER_DUE)
        yield sandbox, Client.of(sandbox.control_plane)

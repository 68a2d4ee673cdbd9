"""What the sandbox applies to its cluster.

The operator's manifests as they are shipped, without the Deployment, and a server object
that points at the sandbox's Postgres.

The roles come from `deploy/kustomize/base` and from nowhere else, so that the operator has
here exactly the rights that it has in a real cluster.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

import appdb
from appdb.local.access import Kubectl
from appdb.local.failure import PartNotReady, SandboxError
from appdb.local.postgres import Login
from appdb.local.postmaster import Server
from appdb.local.waiting import wait_until

OPERATOR_NAMESPACE = "appdb-system"
SERVICE_ACCOUNT = "appdb-operator"
SERVER_NAME = "local"
ADMIN_SECRET = "local-postgres-admin"  # noqa: S105 - a name
API_VERSION = "appdb.chatbuilds.com/v1alpha1"
FIELD_MANAGER = "appdb-local"
# The operator runs as a process here, and nobody scrapes it.
LEFT_OUT = frozenset({"Deployment", "PodMonitor", "ServiceMonitor", "PrometheusRule"})
SETTLE_SECONDS = 30


def find_base() -> Path:
    """The folder of the kustomization: in a checkout, else inside the installed package.

    Raises SandboxError when neither has it.
    """
    package = Path(appdb.__file__).parent
    places = (package.parents[1] / "deploy" / "kustomize" / "base", package / "deploy" / "base")
    for place in places:
        if (place / "kustomization.yaml").is_file():
            return place
    raise SandboxError(
        f"the operator's manifests are in none of {', '.join(map(str, places))}; "
        "run from a checkout of the project"
    )


def install_manifests(kubectl: Kubectl, base: Path | None = None) -> None:
    """Apply CRDs, namespace, ServiceAccount and roles; on return the kinds are served."""
    # The CRDs lie beside the base, which kustomize takes for an escape.
    rendered = kubectl(
        "kustomize", str(base or find_base()), "--load-restrictor=LoadRestrictionsNone"
    )
    objects = [entry for entry in yaml.safe_load_all(rendered) if entry]
    kept = [entry for entry in objects if entry["kind"] not in LEFT_OUT]
    apply_objects(kubectl, *kept)
    names = [
        f"crd/{entry['metadata']['name']}"
        for entry in kept
        if entry["kind"] == "CustomResourceDefinition"
    ]
    if names:
        kubectl("wait", "--for=condition=Established", f"--timeout={SETTLE_SECONDS}s", *names)


def apply_objects(kubectl: Kubectl, *objects: Mapping[str, Any]) -> None:
    """Server-side apply of all objects in one call.

    A kind is served a moment after its definition is established, so "no matches" is asked again.
    """
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    arguments = ("apply", "--server-side", "--force-conflicts", "-f", "-")
    complaint = ""

    def is_applied() -> bool:
        nonlocal complaint
        done = kubectl.run(*arguments, f"--field-manager={FIELD_MANAGER}", stdin=listed)
        complaint = done.stderr.strip()
        if done.returncode != 0 and "no matches for kind" not in complaint:
            raise SandboxError(f"kubectl apply: {complaint}")
        return done.returncode == 0

    if not wait_until(is_applied, timeout_seconds=SETTLE_SECONDS, interval_seconds=0.2):
        raise PartNotReady(f"kubectl apply: {complaint}")


def build_server_objects(server: Server, admin: Login) -> tuple[Mapping[str, Any], ...]:
    """The admin's Secret and a default DatabaseServer that every namespace may use."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": ADMIN_SECRET, "namespace": OPERATOR_NAMESPACE},
        "type": "kubernetes.io/basic-auth",
        "stringData": {"username": admin.name, "password": admin.password},
    }
    spec = {
        "host": server.host,
        "port": server.port,
        "adminSecretRef": {"name": ADMIN_SECRET},
        "allowedNamespaces": {"all": True},
        "isDefault": True,
    }
    database_server = {
        "apiVersion": API_VERSION,
        "kind": "DatabaseServer",
        "metadata": {"name": SERVER_NAME},
        "spec": spec,
    }
    return secret, database_server

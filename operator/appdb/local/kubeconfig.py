"""Kubeconfig files: one cluster, one user with a token."""

import base64
import json
from pathlib import Path

from appdb.local.files import write_private


def write_kubeconfig(
    path: Path, *, server: str, ca_path: Path, token: str, namespace: str = "default"
) -> None:
    """Write a kubeconfig (JSON, which is YAML too) that only its owner can read."""
    authority = base64.b64encode(ca_path.read_bytes()).decode()
    context = {"cluster": "appdb", "user": "appdb", "namespace": namespace}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "appdb",
                "cluster": {"server": server, "certificate-authority-data": authority},
            }
        ],
        "users": [{"name": "appdb", "user": {"token": token}}],
        "contexts": [{"name": "appdb", "context": context}],
        "current-context": "appdb",
    }
    write_private(path, json.dumps(config, indent=1))

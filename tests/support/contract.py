"""Valid objects of our kinds, and the CRDs on the API server of a test."""

from pathlib import Path
from typing import Any

from appdb.local.controlplane import ControlPlane

ROOT = Path(__file__).resolve().parents[2]
CRDS = ROOT / "crds"


def install_crds(control_plane: ControlPlane) -> None:
    """Install the committed CRDs, and wait until they are served; again is harmless."""
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    control_plane.kubectl("wait", "--for=condition=Established", "-f", str(CRDS), "--timeout=30s")


def server_spec() -> dict[str, Any]:
    return {"host": "db.example.com", "adminSecretRef": {"name": "main-admin"}}


def plan_spec() -> dict[str, Any]:
    return {
        "appDatabaseRef": {"name": "shop", "uid": "6ab8c5f5-0000-0000-0000-000000000000"},
        "planHash": "sha256:" + "0" * 64,
        "baseFingerprint": "base",
        "targetFingerprint": "target",
        "sourceDigest": "digest",
        "stepCount": 1,
        "risk": "D",
        "truncated": False,
        "steps": [
            {
                "sql": "ALTER TABLE users DROP COLUMN age",
                "class": "D",
                "hazards": ["dropColumn"],
                "table": "users",
                "origin": {"path": "schema.prisma", "line": 7},
            }
        ],
    }

"""The manifests of the kustomize base and of the chart, as comparable values."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from support.contract import ROOT

BASE = ROOT / "deploy" / "kustomize" / "base"
CHART = ROOT / "charts" / "appdb-operator"
HELM_LABELS = {
    "helm.sh/chart",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
}

Manifest = dict[str, Any]


def read_base(*, normalised: bool = False) -> Any:
    """Objects of the base as a list, or normalised by kind and name."""
    kustomization = yaml.safe_load((BASE / "kustomization.yaml").read_text())
    texts = [(BASE / name).read_text() for name in kustomization["resources"]]
    objects = [each for text in texts for each in yaml.safe_load_all(text)]
    (image,) = kustomization["images"]
    for each in objects:
        if each["kind"] == "Deployment":
            container = each["spec"]["template"]["spec"]["containers"][0]
            container["image"] += f":{image['newTag']}"
    return by_name(objects) if normalised else objects


def select(objects: list[Manifest], kind: str, name: str) -> Manifest:
    return next(
        each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name
    )


def find_helm() -> str | None:
    """APPDB_HELM, the user's cache, or the PATH."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "appdb"
    candidates = [os.environ.get("APPDB_HELM"), *map(str, cache.glob("**/helm"))]
    return next(
        (each for each in candidates if each and Path(each).is_file()), shutil.which("helm")
    )


def render_chart(values: dict[str, Any]) -> dict[tuple[str, str], Manifest]:
    """What `helm template` makes of the chart. Raises ValueError with what Helm says."""
    done = subprocess.run(
        [
            *(str(find_helm()), "template", "appdb-operator", str(CHART)),
            *("--namespace", "appdb-system", "--values", "-"),
        ],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ValueError(done.stderr)
    return by_name([each for each in yaml.safe_load_all(done.stdout) if each])


def by_name(objects: list[Manifest]) -> dict[tuple[str, str], Manifest]:
    """By kind and name, with the namespace before it where it is not the operator's own."""
    found = {}
    for each in objects:
        _drop_helm_labels(each)
        metadata = each["metadata"]
        namespace = metadata.get("namespace", "appdb-system")
        prefix = "" if namespace == "appdb-system" else f"{namespace}/"
        found[each["kind"], prefix + metadata["name"]] = each
    return found


def _drop_helm_labels(node: Any) -> None:
    match node:
        case dict():
            for key in HELM_LABELS & node.keys():
                del node[key]
            for value in node.values():
                _drop_helm_labels(value)
        case list():
            for value in node:
                _drop_helm_labels(value)

"""What people see of the kinds through kubectl, on the real API server."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from appdb.api.kinds import KINDS
from appdb.local.access import Kubectl
from appdb.local.controlplane import ControlPlane
from support.contract import ROOT, install_crds, plan_spec, server_spec

pytestmark = pytest.mark.cluster

API_VERSION = "appdb.chatbuilds.com/v1alpha1"
SPECS: dict[str, dict[str, Any]] = {
    "AppDatabase": {},
    "DatabaseServer": server_spec(),
    "SchemaPlan": plan_spec(),
}


@pytest.fixture(scope="module")
def kubectl(control_plane: ControlPlane) -> Kubectl:
    install_crds(control_plane)
    return control_plane.kubectl


@pytest.fixture
def apply(kubectl: Kubectl, namespace: str) -> Iterator[Callable[..., None]]:
    """Apply an object of ours into the test's namespace."""
    applied: list[str] = []

    def apply_one(kind: str, name: str, spec: dict[str, Any] | None) -> None:
        body: dict[str, Any] = {
            "apiVersion": API_VERSION,
            "kind": kind,
            "metadata": {"name": name},
        }
        if spec is not None:
            body["spec"] = spec
        kubectl("apply", "-n", namespace, "--validate=strict", "-f", "-", stdin=json.dumps(body))
        applied.append(f"{kind.lower()}/{name}")

    yield apply_one
    for each in applied:
        kubectl("delete", "-n", namespace, each, "--wait=false", "--ignore-not-found")


@pytest.mark.parametrize("kind", SPECS)
def test_an_object_nobody_looked_at_is_in_progress_for_kstatus(kubectl, namespace, apply, kind):
    apply(kind, "fresh", SPECS[kind])

    live = json.loads(kubectl("get", "-n", namespace, kind, "fresh", "-o", "json"))
    assert {"observedGeneration": -1} == live["status"]


def test_an_object_without_a_spec_gets_the_defaults(kubectl, namespace, apply):
    apply("AppDatabase", "bare", None)

    spec = json.loads(kubectl("get", "-n", namespace, "appdb", "bare", "-o", "json"))["spec"]
    assert ("Retain", False, "Auto", "Primary") == (
        spec["deletionPolicy"],
        spec["protect"],
        spec["schema"]["mode"],
        spec["credentials"]["endpoint"],
    )
    assert "source" not in spec


@pytest.mark.parametrize(
    ("kind", "spec", "field"),
    [
        ("AppDatabase", {"databasename": "x"}, "spec.databasename"),
        ("AppDatabase", {"schema": {"mod": "Auto"}}, "spec.schema.mod"),
        ("AppDatabase", {"access": [{"name": "a", "rol": "Reader"}]}, "spec.access[0].rol"),
        ("DatabaseServer", server_spec() | {"tls": {"modes": "x"}}, "spec.tls.modes"),
        ("SchemaPlan", plan_spec() | {"step": []}, "spec.step"),
    ],
)
def test_an_unknown_field_is_refused_by_name(kubectl, namespace, kind, spec, field):
    body = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "x"}, "spec": spec}

    refused = kubectl.run(
        "apply", "-n", namespace, "--validate=strict", "-f", "-", stdin=json.dumps(body)
    )

    assert 0 != refused.returncode
    assert f'unknown field "{field}"' in refused.stderr


def set_status(kubectl, namespace, target, status):
    patch = json.dumps({"status": status})
    kubectl("patch", "-n", namespace, target, "--subresource=status", "--type=merge", "-p", patch)


def condition(kind: str, status: str, reason: str, message: str = "") -> dict[str, str]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }


def test_one_line_says_whether_it_is_fine_and_why_not(kubectl, namespace, apply):
    apply("AppDatabase", "shop", {})
    set_status(
        *(kubectl, namespace, "appdb/shop"),
        {
            "observedGeneration": 1,
            "conditions": [
                condition("Ready", "False", "SecretConflict", "Secret shop-db is not ours"),
                condition("Stalled", "True", "SecretConflict"),
            ],
            "database": {"name": "team_shop"},
            "server": {"name": "main"},
            "schema": {"tables": 12, "planRef": {"name": "shop-1"}},
            "binding": {"name": "shop-db"},
            "usage": {"size": "8Mi"},
        },
    )

    narrow = kubectl("get", "-n", namespace, "appdb").splitlines()
    wide = kubectl("get", "-n", namespace, "appdb", "-o", "wide")
    assert "NAME READY REASON DATABASE SERVER TABLES SECRET AGE" == " ".join(narrow[0].split())
    shown = " ".join(narrow[1].split()[:-1])
    assert "shop False SecretConflict team_shop main 12 shop-db" == shown
    assert "Secret shop-db is not ours" in wide
    assert {"SIZE", "PLAN", "SOURCE", "MESSAGE"} < set(wide.split())


def test_a_server_in_one_line(kubectl, namespace, apply):
    apply("DatabaseServer", f"s-{namespace}", server_spec())
    set_status(
        *(kubectl, namespace, f"dbsrv/s-{namespace}"),
        {
            "conditions": [condition("Ready", "True", "Connected")],
            "version": "18.4",
            "databases": 3,
        },
    )

    header, line = kubectl("get", "dbsrv", f"s-{namespace}").splitlines()
    assert "NAME READY REASON HOST VERSION DATABASES AGE" == " ".join(header.split())
    assert "True Connected db.example.com 18.4 3" == " ".join(line.split()[1:-1])


def test_a_plan_in_one_line(kubectl, namespace, apply):
    apply("SchemaPlan", "shop-1", plan_spec())

    header, line = kubectl("get", "-n", namespace, "appplan").splitlines()
    assert "NAME APPDB RISK STEPS DECISION APPLIED AGE" == " ".join(header.split())
    assert "shop-1 shop D 1 Pending" == " ".join(line.split()[:5])


def test_kinds_answer_to_their_short_names_and_share_a_category(kubectl):
    lines = kubectl(
        "api-resources", "--api-group=appdb.chatbuilds.com", "-o", "wide", "--no-headers"
    ).splitlines()

    assert {("appdb", "true"), ("dbsrv", "false"), ("appplan", "true")} == {
        (line.split()[1], line.split()[3]) for line in lines
    }
    assert all(line.split()[-1] == "dbplatform" for line in lines)


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("spec.serverRef.name=main", ["a"]),
        ("spec.databaseName=b_db", ["b"]),
        ("spec.credentials.secretName=a-secret", ["a"]),
    ],
)
def test_objects_are_found_by_their_fields(kubectl, namespace, apply, selector, found):
    apply(
        "AppDatabase",
        "a",
        {"serverRef": {"name": "main"}, "credentials": {"secretName": "a-secret"}},
    )
    apply("AppDatabase", "b", {"databaseName": "b_db"})

    names = kubectl(
        *("get", "-n", namespace, "appdb", f"--field-selector={selector}"),
        *("-o", "jsonpath={.items[*].metadata.name}"),
    )
    assert found == names.split()


def test_explain_describes_every_field_on_the_way(kubectl):
    for kind in KINDS:
        text = kubectl("explain", f"{kind.singular}.spec", f"--api-version={API_VERSION}")
        assert "<no description>" not in text
    spec = kubectl("explain", "appdatabase.spec")
    assert "The application's own source, from which the tables are read." in spec
    assert "Retain: database and Secret stay" in " ".join(spec.split())
    assert "at least 1h" in kubectl("explain", "appdatabase.spec.credentials.rotation.interval")


def test_the_secret_of_an_object_is_found_by_service_binding(kubectl):
    label = "{.metadata.labels['servicebinding\\.io/provisioned-service']}"

    assert "true" == kubectl(
        "get", "crd", "appdatabases.appdb.chatbuilds.com", "-o", f"jsonpath={label}"
    )


def test_a_generated_configmap_is_referred_to_by_its_hashed_name(kubectl, tmp_path):
    names = ROOT / "deploy" / "kustomize" / "source-names.yaml"
    (tmp_path / "source-names.yaml").write_text(names.read_text())
    (tmp_path / "schema.prisma").write_text("model A { id Int @id }")
    body = {
        "apiVersion": API_VERSION,
        "kind": "AppDatabase",
        "metadata": {"name": "shop"},
        "spec": {"source": {"configMaps": [{"name": "shop-source"}]}},
    }
    (tmp_path / "shop.yaml").write_text(json.dumps(body))
    generator = [{"name": "shop-source", "files": ["schema.prisma"]}]
    kustomization = {
        "configurations": ["source-names.yaml"],
        "configMapGenerator": generator,
        "resources": ["shop.yaml"],
    }
    (tmp_path / "kustomization.yaml").write_text(json.dumps(kustomization))

    rendered = list(yaml.safe_load_all(kubectl("kustomize", str(tmp_path))))
    names_by_kind = {each["kind"]: each["metadata"]["name"] for each in rendered}
    database = next(each for each in rendered if each["kind"] == "AppDatabase")
    assert names_by_kind["ConfigMap"] != "shop-source"
    assert [{"name": names_by_kind["ConfigMap"]}] == database["spec"]["source"]["configMaps"]

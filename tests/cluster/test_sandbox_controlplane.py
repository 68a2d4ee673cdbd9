import json

import pytest

from appdb.local.controlplane import ControlPlane

pytestmark = pytest.mark.cluster


def test_a_service_account_has_only_the_rights_it_was_given(
    control_plane: ControlPlane, namespace: str
):
    control_plane.kubectl("create", "serviceaccount", "reader", "-n", namespace)
    control_plane.kubectl(
        "create", "role", "reader", "-n", namespace, "--verb=list", "--resource=configmaps"
    )
    control_plane.kubectl(
        *("create", "rolebinding", "reader", "-n", namespace, "--role=reader"),
        f"--serviceaccount={namespace}:reader",
    )
    reader = control_plane.kubectl_as(control_plane.kubeconfig_for("reader", namespace))

    assert "kube-root-ca.crt" in reader("get", "configmaps")
    assert "Forbidden" in reader.run("get", "secrets").stderr


def test_an_object_goes_with_its_owner(control_plane: ControlPlane, namespace: str):
    kubectl = control_plane.kubectl
    kubectl("create", "configmap", "parent", "-n", namespace)
    uid = kubectl("get", "configmap", "parent", "-n", namespace, "-o", "jsonpath={.metadata.uid}")
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "parent", "uid": uid}
    child = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "child", "namespace": namespace, "ownerReferences": [owner]},
    }
    kubectl("apply", "-f", "-", stdin=json.dumps(child))

    kubectl("delete", "configmap", "parent", "-n", namespace)

    kubectl("wait", "--for=delete", "configmap/child", "-n", namespace, "--timeout=30s")


def test_every_request_is_in_the_audit_log(control_plane: ControlPlane, namespace: str):
    control_plane.kubectl("create", "configmap", "noted", "-n", namespace)

    events = map(json.loads, control_plane.audit_log.read_text().splitlines())
    created = [
        event["verb"]
        for event in events
        if event.get("objectRef", {}).get("namespace") == namespace
        and event["objectRef"].get("name") == "noted"
    ]
    assert ["create"] == created

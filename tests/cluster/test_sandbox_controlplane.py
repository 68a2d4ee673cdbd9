import json

import pytest

from appdb.local.audit import mark_end, read_requests
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
    log = control_plane.audit_log
    before = mark_end(log)
    control_plane.kubectl("create", "configmap", "noted", "-n", namespace)
    control_plane.kubectl("get", "configmap", "noted", "-n", namespace)
    control_plane.kubectl.run("get", "configmap", "missing", "-n", namespace)

    asked = [
        (request.verb, request.name, request.status, request.is_write)
        for request in read_requests(log, since=before, user="appdb-admin")
        if (request.namespace, request.resource) == (namespace, "configmaps")
    ]
    assert [
        ("create", "noted", 201, True),
        ("get", "noted", 200, False),
        ("get", "missing", 404, False),
    ] == asked

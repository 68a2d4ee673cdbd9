"""The shipped roles on the real API server: what the operator may do, and what people may."""

import json

import pytest

from appdb.local.access import Kubectl
from appdb.local.controlplane import ControlPlane
from support.apiserver import ApiServer
from support.contract import ROOT

pytestmark = [pytest.mark.cluster, pytest.mark.security]

OPERATOR = "system:serviceaccount:appdb-system:appdb-operator"
GROUP = "appdb.chatbuilds.com"


@pytest.fixture(scope="module")
def kubectl(control_plane: ControlPlane) -> Kubectl:
    """With everything of deploy/kustomize/base, as one `kubectl apply -k` installs it."""
    base = ROOT / "deploy" / "kustomize" / "base"
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(base))
    return control_plane.kubectl


@pytest.fixture(scope="module")
def api(kubectl: Kubectl, control_plane: ControlPlane) -> ApiServer:
    return ApiServer.as_admin(control_plane)


@pytest.mark.parametrize(
    ("verbs", "resource"),
    [
        ("get list watch patch", f"appdatabases.{GROUP}"),
        ("patch", f"appdatabases.{GROUP}/status"),
        ("update", f"appdatabases.{GROUP}/finalizers"),
        ("get list watch", f"databaseservers.{GROUP}"),
        ("patch", f"databaseservers.{GROUP}/status"),
        ("get list watch create patch delete", f"schemaplans.{GROUP}"),
        ("patch", f"schemaplans.{GROUP}/status"),
        ("get list watch create", "configmaps"),
        ("get list watch create patch delete", "secrets"),
        ("get list watch", "namespaces"),
        ("create patch", "events"),
        ("create patch", "events.events.k8s.io"),
        ("list watch", "customresourcedefinitions.apiextensions.k8s.io"),
    ],
)
def test_the_operator_may_do_its_work_everywhere(api, verbs, resource):
    for verb in verbs.split():
        assert api.may(OPERATOR, verb, resource, "default"), verb


@pytest.mark.parametrize(
    ("verbs", "resource"),
    [
        ("create update delete deletecollection", f"appdatabases.{GROUP}"),
        ("create update patch delete", f"databaseservers.{GROUP}"),
        ("update deletecollection", "secrets"),
        ("update patch delete", "configmaps"),
        ("create update patch delete", "namespaces"),
        ("get create update", "leases.coordination.k8s.io"),
        ("get list create delete", "pods"),
        ("create", "pods/exec"),
        ("get create bind escalate", "clusterroles.rbac.authorization.k8s.io"),
        ("impersonate", "users"),
        ("create patch", "customresourcedefinitions.apiextensions.k8s.io"),
    ],
)
def test_the_operator_may_do_nothing_else(api, verbs, resource):
    for verb in verbs.split():
        assert not api.may(OPERATOR, verb, resource, "default"), verb


def test_the_lease_is_in_the_operators_own_namespace(api):
    for verb in ("get", "create", "update"):
        lease = "leases.coordination.k8s.io"
        assert api.may(OPERATOR, verb, lease, "appdb-system"), verb


@pytest.fixture
def holder(kubectl: Kubectl, namespace: str, request: pytest.FixtureRequest) -> str:
    """A user who holds one ClusterRole in the test's namespace."""
    role = str(request.node.callspec.params["role"])
    name = f"{role}-{namespace}"
    kubectl(
        "create", "rolebinding", name, "-n", namespace, f"--clusterrole={role}", f"--user={name}"
    )
    return name


@pytest.mark.parametrize(
    ("role", "allowed", "refused"),
    [
        (
            "appdb-view",
            {"appdatabases": "get list", "schemaplans": "get"},
            {"appdatabases": "patch"},
        ),
        ("appdb-edit", {"appdatabases": "create patch delete"}, {"schemaplans": "patch update"}),
        (
            "appdb-plan-approver",
            {"schemaplans": "get patch update"},
            {"appdatabases": "patch", "schemaplans": "create delete"},
        ),
        ("appdb-servicebinding", {"appdatabases": "get watch"}, {"schemaplans": "get"}),
    ],
)
def test_people_may_do_what_their_role_says(api, namespace, holder, role, allowed, refused):
    for expected, rights in ((True, allowed), (False, refused)):
        for resource, verbs in rights.items():
            for verb in verbs.split():
                found = api.may(holder, verb, f"{resource}.{GROUP}", namespace)
                assert expected == found, (role, verb, resource)


def test_the_owner_of_servers_may_write_them(kubectl, api, namespace):
    name = f"owner-{namespace}"
    kubectl(
        *("create", "clusterrolebinding", name, "--clusterrole=appdb-server-admin"),
        f"--user={name}",
    )

    assert api.may(name, "create", f"databaseservers.{GROUP}", "")
    kubectl("delete", "clusterrolebinding", name)


@pytest.mark.parametrize(
    ("standing", "verb"), [("view", "get"), ("edit", "create"), ("admin", "create")]
)
def test_the_standing_roles_of_kubernetes_reach_our_kinds(kubectl, standing, verb):
    labels = kubectl(
        *("get", "clusterroles", "-o", "jsonpath={.items[*].metadata.name}"),
        *("-l", f"rbac.authorization.k8s.io/aggregate-to-{standing}=true"),
    ).split()

    assert ("appdb-edit" if verb == "create" else "appdb-view") in labels
    assert "appdb-plan-approver" not in labels


def test_the_pod_is_what_the_restricted_standard_wants(kubectl):
    """The namespace enforces it, so a pod of the template's shape is proof."""
    place = ("-n", "appdb-system")
    live = json.loads(kubectl("get", *place, "deployment", "appdb-operator", "-o", "json"))
    pod = live["spec"]["template"] | {"apiVersion": "v1", "kind": "Pod"}
    pod["metadata"] = {"name": "tried"}

    kubectl("create", *place, "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
    pod["spec"]["securityContext"] = {}
    refused = kubectl.run("create", *place, "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
    assert "violates PodSecurity" in refused.stderr

"""Kustomize base, chart and image: one content, written down once too often to trust by eye."""

import json
import re
import subprocess
from typing import Any

import pytest
import yaml

from appdb import __version__
from appdb.api.crd import render_crds
from appdb.commands.run import run
from appdb.settings import Settings, read_settings
from support.chart_readme import render_readme
from support.contract import ROOT
from support.json_schema import TYPES, errors_of
from support.manifests import BASE, CHART, find_helm, read_base, render_chart, select

OPERATOR_ROLES = ("ClusterRole", "Role")


def test_the_copies_of_the_crds_are_the_generated_ones():
    for copy in (BASE / "crds.yaml", CHART / "files" / "crds.yaml"):
        assert render_crds() == copy.read_text(encoding="utf-8"), "run scripts/crds"


def test_the_base_lists_all_its_files():
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]

    assert {path.name for path in BASE.iterdir()} - {"kustomization.yaml"} == set(listed)


def test_no_role_has_a_wildcard():
    for role in read_base():
        if role["kind"] in OPERATOR_ROLES:
            for rule in role["rules"]:
                assert "*" not in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])


def test_only_the_approver_and_the_operator_may_write_plans():
    writers = {
        role["metadata"]["name"]
        for role in read_base()
        if role["kind"] == "ClusterRole"
        for rule in role["rules"]
        if "schemaplans" in rule["resources"] and {"patch", "update"} & set(rule["verbs"])
    }

    assert {"appdb-operator", "appdb-plan-approver"} == writers


def test_the_pod_is_hardened_and_drains():
    deployment = select(read_base(), "Deployment", "appdb-operator")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert ("Recreate", 1, 60) == (
        deployment["spec"]["strategy"]["type"],
        deployment["spec"]["replicas"],
        pod["terminationGracePeriodSeconds"],
    )
    assert {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    } == pod["securityContext"]
    assert {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    } == container["securityContext"]
    assert "limits" in container["resources"]


def test_the_environment_holds_no_names_that_look_like_settings():
    """A Service called appdb-operator would give APPDB_OPERATOR_SERVICE_HOST and more."""
    pod = select(read_base(), "Deployment", "appdb-operator")["spec"]["template"]["spec"]

    assert pod["enableServiceLinks"] is False


def test_the_operator_knows_every_flag_and_variable_it_is_given():
    pod = select(read_base(), "Deployment", "appdb-operator")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    known = {option for each in run.params for option in each.opts}

    assert {argument.partition("=")[0] for argument in container["args"]} <= known
    for variable in ("APPDB_LEADER_ELECTION", *(each["name"] for each in container["env"])):
        assert variable.removeprefix("APPDB_").lower() in Settings.model_fields
    grace = read_settings({}, {}).grace_seconds
    assert f"--grace-seconds={grace:.0f}" in container["args"]
    assert grace + 10 <= pod["terminationGracePeriodSeconds"]


def test_versions_are_those_of_the_package():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    (image,) = yaml.safe_load((BASE / "kustomization.yaml").read_text())["images"]

    assert {__version__} == {chart["version"], chart["appVersion"], image["newTag"]}


def values_schema() -> dict[str, Any]:
    return json.loads((CHART / "values.schema.json").read_text())


def nodes_of(node: Any):
    if isinstance(node, dict):
        yield node
        for child in node.values():
            yield from nodes_of(child)


def test_the_readme_of_the_chart_lists_the_values():
    assert render_readme() == (CHART / "README.md").read_text(encoding="utf-8"), "run scripts/crds"


def is_typed(node: Any) -> bool:
    return isinstance(node.get("type"), str)


def test_the_values_are_valid_and_each_is_described():
    schema = values_schema()
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    assert [] == list(errors_of(schema, values))
    assert {node["type"] for node in nodes_of(schema["properties"]) if is_typed(node)} <= set(TYPES)
    assert set(values) == set(schema["properties"]) - {"global"}
    assert all("description" in each for each in schema["properties"].values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"replicaCounts": 1},
        {"image": {"tags": "x"}},
        {"replicaCount": 2},
        {"replicaCount": 2, "leaderElection": {"enabled": False}},
        {"httpPort": 80},
        {"image": {"digest": "latest"}},
    ],
)
def test_a_wrong_value_is_refused(wrong):
    assert list(errors_of(values_schema(), wrong))


def test_more_than_one_replica_needs_the_lease():
    good = {"replicaCount": 2, "leaderElection": {"enabled": True}}

    assert [] == list(errors_of(values_schema(), good))


def test_each_object_of_the_values_refuses_unknown_keys():
    """But for maps of strings, and parts of Kubernetes' own types that are passed on."""
    for node in nodes_of(values_schema()["properties"]):
        if node.get("type") == "object" and "properties" in node:
            assert node["additionalProperties"] is False, node


def test_every_value_is_used_by_a_template():
    templates = "".join(
        path.read_text() for path in (CHART / "templates").iterdir() if path.is_file()
    )
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    paths = []
    for name, value in values.items():
        has_parts = isinstance(value, dict) and "properties" in values_schema()["properties"][name]
        paths += [f"{name}.{part}" for part in value] if has_parts else [name]
    assert [] == [path for path in paths if f".Values.{path}" not in templates]


def test_the_image_keeps_the_grammars_that_front_ends_read():
    dockerfile = (ROOT / "Dockerfile").read_text()
    kept = set(re.findall(r"(\w+)\.abi3\.so", dockerfile))
    sources = "".join(
        path.read_text() for path in (ROOT / "operator" / "appdb" / "source").rglob("*.py")
    )
    read = set(re.findall(r"get_(?:parser|language|binding)\(\"(\w+)\"", sources))

    assert {"prisma", "graphql", "typescript", "tsx", "javascript", "python"} == kept
    assert read <= kept


def test_the_image_runs_as_the_user_of_the_deployment():
    dockerfile = (ROOT / "Dockerfile").read_text()

    assert "USER 65532:65532" in dockerfile
    assert 'ENTRYPOINT ["appdb", "run"]' in dockerfile
    assert "--require-hashes" in dockerfile


helm = pytest.mark.skipif(
    find_helm() is None, reason="no Helm: set APPDB_HELM or put helm on the PATH"
)


@helm
def test_the_chart_renders_what_kustomize_applies():
    """But for labels of Helm's own, and the namespace, which Helm does not make."""
    base = {
        key: value
        for key, value in read_base(normalised=True).items()
        if key != ("Namespace", "appdb-system")
    }
    chart = render_chart({"crds": {"keep": False}})

    assert base.keys() == chart.keys()
    for key, expected in base.items():
        assert expected == chart[key], key


@helm
def test_crds_stay_by_default_and_are_left_out_on_request():
    kept = [each for (kind, _), each in render_chart({}).items() if "CustomResource" in kind]
    without = render_chart({"crds": {"install": False}})

    assert {"keep"} == {each["metadata"]["annotations"]["helm.sh/resource-policy"] for each in kept}
    assert not [key for key in without if "CustomResource" in key[0]]


@helm
def test_with_namespaces_named_the_rights_end_there():
    objects = render_chart({"watchNamespaces": ["team-a", "team-b"]})
    cluster_role = objects["ClusterRole", "appdb-operator"]
    reachable = {name for rule in cluster_role["rules"] for name in rule["resources"]}
    (container,) = objects["Deployment", "appdb-operator"]["spec"]["template"]["spec"]["containers"]

    assert {
        "databaseservers",
        "databaseservers/status",
        "namespaces",
        "customresourcedefinitions",
    } == reachable
    assert {"--namespace=team-a", "--namespace=team-b"} < set(container["args"])
    assert ("Role", "team-a/appdb-operator-tenant") in objects
    assert ("RoleBinding", "team-b/appdb-operator-tenant") in objects


@helm
def test_every_option_of_the_chart_reaches_its_place():
    objects = render_chart(
        {
            "replicaCount": 2,
            "leaderElection": {"enabled": True},
            "serviceMonitor": {"enabled": True, "labels": {"team": "x"}},
            "serviceAccount": {"annotations": {"a": "b"}},
            "imagePullSecrets": [{"name": "registry"}],
            "nodeSelector": {"disk": "ssd"},
            "tolerations": [{"operator": "Exists"}],
            "affinity": {"nodeAffinity": {}},
            "topologySpreadConstraints": [{"maxSkew": 1}],
            "priorityClassName": "high",
            "extraArgs": ["--x"],
            "extraEnv": [{"name": "HTTPS_PROXY", "value": "p"}],
            "extraEnvFrom": [{"secretRef": {"name": "s"}}],
            "extraVolumes": [{"name": "v", "emptyDir": {}}],
            "extraVolumeMounts": [{"name": "v", "mountPath": "/v"}],
            "podAnnotations": {"p": "q"},
            "image": {"digest": "sha256:" + "a" * 64},
        }
    )
    deployment = objects["Deployment", "appdb-operator"]["spec"]
    pod = deployment["template"]["spec"]
    (container,) = pod["containers"]

    assert (2, "RollingUpdate") == (deployment["replicas"], deployment["strategy"]["type"])
    assert {"p": "q"} == deployment["template"]["metadata"]["annotations"]
    assert container["image"].endswith("@sha256:" + "a" * 64)
    assert {"APPDB_LEADER_ELECTION", "HTTPS_PROXY"} < {each["name"] for each in container["env"]}
    assert "--x" in container["args"]
    assert ["tmp", "v"] == [each["name"] for each in container["volumeMounts"]]
    assert ["tmp", "v"] == [each["name"] for each in pod["volumes"]]
    assert "high" == pod["priorityClassName"]
    assert {"imagePullSecrets", "nodeSelector", "tolerations", "affinity"} < pod.keys()
    assert "x" == objects["ServiceMonitor", "appdb-operator"]["metadata"]["labels"]["team"]


@helm
def test_the_chart_has_nothing_to_lint():
    done = subprocess.run(
        [str(find_helm()), "lint", "--strict", str(CHART)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stdout + done.stderr


@helm
def test_the_chart_refuses_unknown_values():
    with pytest.raises(ValueError, match="replicaCounts"):
        render_chart({"replicaCounts": 2})

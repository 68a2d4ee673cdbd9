"""The CRDs: structural, strict, described, bounded, and equal to what is committed."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from pydantic import Field

from appdb.api.appdatabase import AppDatabase
from appdb.api.base import Json, Model
from appdb.api.crd import UnsupportedModelError, build_crd, build_schema, render_crd, render_crds
from appdb.api.kinds import APPDATABASE, KINDS, Kind
from appdb.commands.crds import crds
from support.contract import ROOT

FORBIDDEN = {
    "$ref",
    "$defs",
    "anyOf",
    "oneOf",
    "allOf",
    "not",
    "nullable",
    "title",
    "const",
    "patternProperties",
    "propertyNames",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-int-or-string",
}


def nodes_of(node: Json, path: str) -> Iterator[tuple[str, Json]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes_of(child, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if name in node:
            yield from nodes_of(node[name], f"{path}[]")


NODES = [
    node
    for kind in KINDS
    for node in nodes_of(build_schema(kind), kind.kind)
    if node[0] != f"{kind.kind}.metadata"
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_committed_crds_are_the_generated_ones(kind: Kind):
    committed = (ROOT / "crds" / f"{kind.plural}.yaml").read_text(encoding="utf-8")

    assert render_crd(kind) == committed, "run scripts/crds"


def test_the_folder_holds_nothing_but_the_generated_crds():
    assert {f"{kind.plural}.yaml" for kind in KINDS} == {
        path.name for path in (ROOT / "crds").iterdir()
    }


def test_the_command_prints_all_of_them():
    printed = CliRunner().invoke(crds)

    assert (0, render_crds()) == (printed.exit_code, printed.output)
    assert [kind.kind for kind in KINDS] == [
        each["spec"]["names"]["kind"] for each in yaml.safe_load_all(printed.output)
    ]


def test_every_node_has_a_type_and_a_description():
    bare = [
        path
        for path, node in NODES
        if "type" not in node or (not path.endswith("[]") and len(node["description"]) < 5)
    ]

    assert [] == bare


def test_nothing_is_in_the_schema_that_a_structural_one_forbids():
    assert [] == [path for path, node in NODES if FORBIDDEN & node.keys()]


def test_every_string_list_and_map_has_a_bound():
    bounds = {"string": ("maxLength", "enum"), "array": ("maxItems",)}

    def is_unbounded(node: Json) -> bool:
        if node["type"] == "object":
            return "properties" not in node and "maxProperties" not in node
        wanted = bounds.get(node["type"])
        return wanted is not None and not any(bound in node for bound in wanted)

    standard = {f"{kind.kind}.{name}" for kind in KINDS for name in ("kind", "apiVersion")}
    assert [] == [path for path, node in NODES if is_unbounded(node) and path not in standard]


def test_every_default_is_valid_where_it_stands():
    for path, node in NODES:
        if node["type"] == "string" and "default" in node:
            assert node["default"], path
            assert node["default"] in node.get("enum", [node["default"]]), path


def test_every_rule_has_a_message_of_one_sentence():
    for path, node in NODES:
        for rule in node.get("x-kubernetes-validations", []):
            assert 20 < len(rule["message"]) <= 200, path
            assert "\n" not in rule["rule"] + rule["message"], path


def test_lists_of_conditions_merge_by_type():
    for kind in KINDS:
        conditions = build_schema(kind)["properties"]["status"]["properties"]["conditions"]
        assert ("map", ["type"]) == (
            conditions["x-kubernetes-list-type"],
            conditions["x-kubernetes-list-map-keys"],
        )


def test_a_new_object_is_in_progress():
    for kind in KINDS:
        status = build_schema(kind)["properties"]["status"]
        assert {"observedGeneration": -1} == status["default"]


def test_the_kinds_are_named_as_the_documents_say():
    names = {
        kind.kind: (kind.plural, kind.short_names, kind.scope, build_crd(kind)["metadata"])
        for kind in KINDS
    }

    label = {"servicebinding.io/provisioned-service": "true"}
    group = "appdb.chatbuilds.com"
    assert names == {
        "AppDatabase": (
            *("appdatabases", ("appdb",), "Namespaced"),
            {"name": f"appdatabases.{group}", "labels": label},
        ),
        "DatabaseServer": (
            *("databaseservers", ("dbsrv",), "Cluster"),
            {"name": f"databaseservers.{group}"},
        ),
        "SchemaPlan": (
            *("schemaplans", ("appplan",), "Namespaced"),
            {"name": f"schemaplans.{group}"},
        ),
    }


def test_no_category_has_the_name_of_a_kind():
    """Else `kubectl get appdb NAME` fails."""
    for kind in KINDS:
        taken = {kind.plural, kind.singular, *kind.short_names}
        categories = build_crd(kind)["spec"]["names"]["categories"]
        assert ["dbplatform"] == categories
        assert not taken & set(categories)


def test_age_is_the_last_column():
    assert {"Age"} == {kind.columns[-1].name for kind in KINDS}


class Union(Model):
    both: int | str = Field(description="Two types.")


class Unbounded(Model):
    text: str = Field(description="No bound.")


class Undescribed(Model):
    flag: bool = False


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Union, r"spec\.both: a structural schema has no unions"),
        (Unbounded, r"spec\.text needs maxLength"),
        (Undescribed, r"spec\.flag has no description"),
    ],
)
def test_a_model_that_a_crd_cannot_say_is_refused(part: Any, message: str):
    class Wrong(AppDatabase):
        spec: part = Field(description="Wrong.")

    wrong = Kind(model=Wrong, plural="wrongs", short_names=(), scope="Cluster", columns=())

    with pytest.raises(UnsupportedModelError, match=message):
        build_schema(wrong)
    assert build_schema(APPDATABASE)

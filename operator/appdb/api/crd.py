"""Turns the models into CustomResourceDefinitions: structural, strict, described and bounded.

Pure. What it cannot express (a field without a description, a real union) is refused here,
when the CRDs are generated, and not by the API server of a user.
"""

from collections.abc import Mapping
from typing import Any

import yaml

from appdb.api.base import Json
from appdb.api.kinds import KINDS, Column, Kind
from appdb.api.names import CATEGORY, GROUP, VERSION

HEADER = "# Generated from appdb.api by scripts/crds; change the models, not this file.\n"

_DATE_TIME_LENGTH = 64
_STANDARD = {
    "apiVersion": "Group and version of this representation.",
    "kind": "Kind of the object.",
}
_DROPPED = {"title", "$defs"}


class UnsupportedModelError(TypeError):
    """A model uses something that a structural schema cannot say; a mistake in appdb.api."""


def build_crd(kind: Kind) -> Json:
    """The CustomResourceDefinition of one kind."""
    metadata: Json = {"name": f"{kind.plural}.{GROUP}"}
    if kind.labels:
        metadata["labels"] = dict(kind.labels)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": {
            "group": GROUP,
            "scope": kind.scope,
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.singular,
                "shortNames": list(kind.short_names),
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [_column(each) for each in kind.columns],
                    **_selectable(kind),
                    "schema": {"openAPIV3Schema": build_schema(kind)},
                }
            ],
        },
    }


def build_schema(kind: Kind) -> Json:
    """The structural schema of one kind, without references."""
    raw = kind.model.model_json_schema(by_alias=True, mode="validation")
    properties = raw["properties"]
    ours = {name: properties[name] for name in ("spec", "status")}
    converted = _convert(raw | {"properties": ours}, raw["$defs"], kind.kind)
    converted["properties"] = {
        **{name: {"type": "string", "description": text} for name, text in _STANDARD.items()},
        "metadata": {"type": "object"},
        **converted["properties"],
    }
    return converted


def render_crd(kind: Kind) -> str:
    """One CRD as YAML, byte for byte as it is committed."""
    return HEADER + yaml.safe_dump(build_crd(kind), sort_keys=False, width=100)


def render_crds() -> str:
    """All CRDs as one stream of YAML documents."""
    return "---\n".join(render_crd(kind) for kind in KINDS)


def _column(column: Column) -> Json:
    shown: Json = {"name": column.name, "type": column.type, "jsonPath": column.path}
    if column.is_wide:
        shown["priority"] = 1
    return shown | {"description": column.description}


def _selectable(kind: Kind) -> Json:
    fields = [{"jsonPath": path} for path in kind.selectable]
    return {"selectableFields": fields} if fields else {}


def _convert(node: Mapping[str, Any], defs: Mapping[str, Any], path: str) -> Json:
    flat = _resolved(node, defs, path)
    converted: Json = {}
    for key, value in flat.items():
        match key:
            case "properties":
                converted[key] = _properties(value, defs, path)
            case "items" | "additionalProperties":
                converted[key] = _convert(value, defs, f"{path}[]")
            case "default" if value in (None, "", []):
                pass
            case _ if key not in _DROPPED:
                converted[key] = value
    return _bounded(converted, path)


def _resolved(node: Mapping[str, Any], defs: Mapping[str, Any], path: str) -> Json:
    """Follow a reference, or unpack `X or null`; words beside it win."""
    beside = {key: value for key, value in node.items() if key not in {"$ref", "anyOf"}}
    if "$ref" in node:
        target = defs[node["$ref"].removeprefix("#/$defs/")]
        return _resolved(target, defs, path) | beside
    if "anyOf" in node:
        choices = [each for each in node["anyOf"] if each.get("type") != "null"]
        if len(choices) != 1:
            raise UnsupportedModelError(f"{path}: a structural schema has no unions")
        return _resolved(choices[0], defs, path) | beside
    return dict(node)


def _properties(properties: Mapping[str, Any], defs: Mapping[str, Any], path: str) -> Json:
    converted: Json = {}
    for name, node in properties.items():
        at = f"{path}.{name}"
        converted[name] = _convert(node, defs, at)
        if "description" not in converted[name]:
            raise UnsupportedModelError(f"{at} has no description")
    return converted


def _bounded(node: Json, path: str) -> Json:
    match node.get("type"):
        case "string":
            if node.get("format") == "date-time":
                node["maxLength"] = _DATE_TIME_LENGTH
            bound = "enum" if "enum" in node else "maxLength"
        case "array":
            bound = "maxItems"
        case "object":
            bound = "properties" if "properties" in node else "maxProperties"
        case "integer":
            node["format"] = "int64"
            bound = "minimum"
        case "number":
            node["format"] = "double"
            bound = "minimum"
        case "boolean":
            bound = "type"
        case other:
            raise UnsupportedModelError(f"{path}: type {other} is not supported")
    if bound not in node:
        raise UnsupportedModelError(f"{path} needs {bound}")
    return _ordered(node)


_FIRST = ("description", "type", "format")
_LAST = ("x-kubernetes-validations", "required", "properties", "items", "additionalProperties")


def _ordered(node: Json) -> Json:
    """What a reader looks for first stands first, and nested parts stand last."""
    middle = [key for key in node if key not in _FIRST and key not in _LAST]
    order = [*_FIRST, *sorted(middle), *_LAST]
    return {key: node[key] for key in order if key in node}

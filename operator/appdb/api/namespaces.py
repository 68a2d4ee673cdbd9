"""`DatabaseServer.spec.allowedNamespaces`: who may use a server, by name or by label.

The comparisons are those of Kubernetes' own label selectors.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from appdb.api.base import Model, NamespaceName, rule, rules

_LabelValue = Annotated[str, Field(max_length=63)]
_LabelKey = Annotated[str, Field(min_length=1, max_length=317)]


class SelectorOperator(StrEnum):
    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class SelectorRequirement(Model):
    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.operator in ['In', 'NotIn']"
                " ? has(self.values) && self.values.size() > 0"
                " : !has(self.values) || self.values.size() == 0",
                "values are needed with In and NotIn, and only there",
            ),
        ),
    )

    key: _LabelKey = Field(description="Label key.")
    operator: SelectorOperator = Field(description="How the label is compared with the values.")
    values: Annotated[tuple[_LabelValue, ...], Field(max_length=64)] = Field(
        default=(),
        description="Values to compare with; only for In and NotIn.",
    )

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Kubernetes' rule: NotIn also holds where the label is missing."""
        match self.operator:
            case SelectorOperator.IN:
                return self.key in labels and labels[self.key] in self.values
            case SelectorOperator.NOT_IN:
                return self.key not in labels or labels[self.key] not in self.values
            case SelectorOperator.EXISTS:
                return self.key in labels
            case SelectorOperator.DOES_NOT_EXIST:
                return self.key not in labels


class NamespaceSelector(Model):
    """A label selector; all parts must match, and an empty one matches every namespace."""

    match_labels: Annotated[Mapping[str, _LabelValue], Field(max_length=32)] = Field(
        default_factory=dict,
        description="Labels that a namespace must have.",
    )
    match_expressions: Annotated[tuple[SelectorRequirement, ...], Field(max_length=16)] = Field(
        default=(),
        description="Comparisons that must hold for its labels.",
    )

    def matches(self, labels: Mapping[str, str]) -> bool:
        wanted = self.match_labels.items()
        return all(labels.get(key) == value for key, value in wanted) and all(
            each.matches(labels) for each in self.match_expressions
        )


class AllowedNamespaces(Model):
    """Who may use the server; empty means nobody."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "[has(self.all) && self.all, has(self.names), has(self.selector)]"
                ".filter(given, given).size() <= 1",
                "allowedNamespaces takes one of all, names and selector",
            ),
        ),
    )

    all: bool | None = Field(default=None, description="True allows every namespace.")
    names: Annotated[
        tuple[NamespaceName, ...],
        Field(max_length=256, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = Field(default=(), description="Names of namespaces.")
    selector: NamespaceSelector | None = Field(
        default=None,
        description="Namespaces whose labels match.",
    )

    def admits(self, namespace: str, labels: Mapping[str, str]) -> bool:
        if self.all or namespace in self.names:
            return True
        return self.selector is not None and self.selector.matches(labels)

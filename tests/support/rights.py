"""Rights of the operator that are taken away and given back, by the real RBAC."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from appdb.local.sandbox import Sandbox
from support.apiserver import ApiServer

ROLE = "/apis/rbac.authorization.k8s.io/v1/clusterroles/appdb-operator"
OWN_ROLE = "/apis/rbac.authorization.k8s.io/v1/namespaces/appdb-system/roles/appdb-operator"


@contextmanager
def without_right(sandbox: Sandbox, resource: str, *verbs: str) -> Iterator[None]:
    """Take verbs on a resource (all, when none is named) from the operator's two roles."""
    api = ApiServer.as_admin(sandbox.control_plane)
    before = {path: api.request("GET", path).body["rules"] for path in (ROLE, OWN_ROLE)}
    try:
        for path, rules in before.items():
            assert api.patch(path, {"rules": _lessened(rules, resource, verbs)}).status == 200
        yield
    finally:
        for path, rules in before.items():
            assert api.patch(path, {"rules": rules}).status == 200


def _lessened(rules: list[Any], resource: str, verbs: tuple[str, ...]) -> list[Any]:
    kept = copy.deepcopy(rules)
    for rule in kept:
        if resource in rule["resources"]:
            rule["verbs"] = [v for v in rule["verbs"] if verbs and v not in verbs]
    return [rule for rule in kept if rule["verbs"]]

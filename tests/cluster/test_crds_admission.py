"""Every rule of the CRDs, on the real API server, with a good and a bad object and its message.

A case holds a spec that is created, and perhaps a patch of it; "status" is written between.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from appdb.api.crd import build_crd
from appdb.api.kinds import KINDS
from appdb.local.controlplane import ControlPlane
from support.apiserver import Answer, ApiServer, collection
from support.contract import install_crds, plan_spec, server_spec
from support.sandbox import unique_name

pytestmark = pytest.mark.cluster

APPDB, SERVER, PLAN = "appdatabases", "databaseservers", "schemaplans"
HASH = "sha256:" + "0" * 64


@dataclass(frozen=True, kw_only=True)
class Case:
    """`bad` is refused with `message`; `good` is a neighbour of it that is accepted."""

    name: str
    message: str
    bad: Any
    good: tuple[Any, ...]
    kind: str = APPDB
    before: dict[str, Any] | None = None
    status: dict[str, Any] = field(default_factory=dict)


def a_plan(**changes: Any) -> dict[str, Any]:
    return plan_spec() | changes


def a_server(**changes: Any) -> dict[str, Any]:
    return server_spec() | changes


def applied(status: str, reason: str) -> dict[str, Any]:
    return {
        "conditions": [
            {
                "type": "Applied",
                "status": status,
                "reason": reason,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        ]
    }


def access(*logins: dict[str, str]) -> dict[str, Any]:
    return {"access": list(logins)}


CREATED = (
    Case(
        name="two kinds of source",
        message="source needs exactly one of configMaps, inline and template",
        bad={"source": {"template": "blog", "inline": {"schema.sql": "x"}}},
        good=(
            {"source": {"template": "blog"}},
            {"source": {"inline": {"schema.sql": "x"}}},
            {"source": {"configMaps": [{"name": "a"}]}},
        ),
    ),
    Case(
        name="a table with both names for a while",
        message="mode Expand is for columns: give column, or use mode Direct",
        bad={"schema": {"renames": [{"table": "users", "to": "people", "mode": "Expand"}]}},
        good=(
            {"schema": {"renames": [{"table": "users", "to": "people"}]}},
            {"schema": {"renames": [{"table": "u", "column": "a", "to": "b", "mode": "Expand"}]}},
        ),
    ),
    Case(
        name="a source without any",
        message="without any source leave spec.source out",
        bad={"source": {"framework": "Prisma"}},
        good=({},),
    ),
    *(
        Case(
            name=f"the reserved database name {name}",
            message="databaseName must not be postgres nor begin with template, pg_, rds or _appdb",
            bad={"databaseName": name},
            good=({"databaseName": f"x{name}"},),
        )
        for name in ("postgres", "template1", "pg_shop", "rdsadmin", "_appdb_scratch")
    ),
    Case(
        name="a rotation every 59 minutes",
        message="rotation.interval must be at least 1h",
        bad={"credentials": {"rotation": {"interval": "59m59s"}}},
        good=(
            {"credentials": {"rotation": {"interval": "1h"}}},
            {"credentials": {"rotation": {"trigger": "2026-11"}}},
        ),
    ),
    Case(
        name="a grace beyond all calendars",
        message="rotation.grace must be at most 876000h",
        bad={"credentials": {"rotation": {"grace": "876001h"}}},
        good=({"credentials": {"rotation": {"grace": "876000h"}}},),
    ),
    Case(
        name="a grace as long as the interval",
        message="rotation.grace must be shorter than rotation.interval",
        bad={"credentials": {"rotation": {"interval": "2h", "grace": "120m"}}},
        good=(
            {"credentials": {"rotation": {"interval": "2h", "grace": "119m"}}},
            {"credentials": {"rotation": {"interval": "2h", "grace": "0s"}}},
            {"credentials": {"rotation": {"grace": "5h"}}},
        ),
    ),
    *(
        Case(
            name=f"the label {key} on the Secret",
            message="belong to the operator and to GitOps tools; choose another key",
            bad={"credentials": {"labels": {key: "x"}}},
            good=({"credentials": {"labels": {"reloader.stakater.com/match": "true"}}},),
        )
        for key in (
            "appdb.chatbuilds.com/appdatabase",
            "app.kubernetes.io/managed-by",
            "app.kubernetes.io/instance",
        )
    ),
    Case(
        name="an annotation of ours on the Secret",
        message="annotations appdb.chatbuilds.com/* belong to the operator",
        bad={"credentials": {"annotations": {"appdb.chatbuilds.com/data-hash": "x"}}},
        good=({"credentials": {"annotations": {"team": "a"}}},),
    ),
    Case(
        name="a template key with a blank",
        message="keys of credentials.template are keys of a Secret",
        bad={"credentials": {"template": {"my url": "{{uri}}"}}},
        good=({"credentials": {"template": {"SPRING_URL": "{{jdbc-uri}}"}}},),
    ),
    *(
        Case(
            name=f"the access name {name}",
            message="names of the database's own roles; choose another name",
            bad=access({"name": name}),
            good=(access({"name": f"{name}x"}),),
        )
        for name in ("owner", "app", "user", "user_b", "user-b", "ro", "rw")
    ),
    Case(
        name="access names that differ in a dash",
        message="the names in access must differ in more than '-' and '_'",
        bad=access({"name": "bi-team"}, {"name": "bi_team"}),
        good=(access({"name": "bi-team"}, {"name": "bi_teams"}),),
    ),
    Case(
        name="an access name that is the second login of another",
        message="that is the second login of an Overlap",
        bad=access({"name": "bi"}, {"name": "bi_b"}),
        good=(access({"name": "bi"}, {"name": "bi-b"}), access({"name": "bi_b"})),
    ),
    Case(
        name="the same access name twice",
        message="Duplicate value",
        bad=access({"name": "bi"}, {"name": "bi", "secretName": "other"}),
        good=(access({"name": "bi"}),),
    ),
    Case(
        name="one Secret for two logins",
        message="each login in access needs a Secret of its own",
        bad=access({"name": "a", "secretName": "s"}, {"name": "b", "secretName": "s"}),
        good=(access({"name": "a", "secretName": "s"}, {"name": "b", "secretName": "t"}),),
    ),
    Case(
        name="the application's Secret for a login of access",
        message="a secretName in access is that of the application's own Secret",
        bad={"credentials": {"secretName": "s"}} | access({"name": "a", "secretName": "s"}),
        good=({"credentials": {"secretName": "s"}} | access({"name": "a", "secretName": "t"}),),
    ),
    Case(
        name="a backfill of a bare column",
        message="each key must be table.column",
        bad={"schema": {"backfill": {"full_name": "'x'"}}},
        good=({"schema": {"backfill": {"users.full_name": "'x'"}}},),
    ),
    Case(
        name="verify-full without a CA",
        message="tls.mode verify-ca and verify-full need tls.caSecretRef",
        kind=SERVER,
        bad=a_server(tls={"mode": "verify-full"}),
        good=(
            a_server(tls={"mode": "verify-full", "caSecretRef": {"name": "ca"}}),
            a_server(tls={"mode": "require"}),
            a_server(tls={"caSecretRef": {"name": "ca"}}),
        ),
    ),
    Case(
        name="a template as maintenance database",
        message="maintenanceDatabase must not be a template",
        kind=SERVER,
        bad=a_server(maintenanceDatabase="template1"),
        good=(a_server(maintenanceDatabase="defaultdb"),),
    ),
    Case(
        name="namespaces by name and by label",
        message="allowedNamespaces takes one of all, names and selector",
        kind=SERVER,
        bad=a_server(allowedNamespaces={"names": ["a"], "selector": {}}),
        good=(
            a_server(allowedNamespaces={}),
            a_server(allowedNamespaces={"all": True}),
            a_server(allowedNamespaces={"all": False, "names": ["a"]}),
            a_server(allowedNamespaces={"selector": {"matchLabels": {"tier": "gold"}}}),
        ),
    ),
    Case(
        name="a comparison without its values",
        message="values are needed with In and NotIn, and only there",
        kind=SERVER,
        bad=a_server(
            allowedNamespaces={"selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}
        ),
        good=(
            a_server(
                allowedNamespaces={
                    "selector": {
                        "matchExpressions": [
                            {"key": "a", "operator": "In", "values": ["b"]},
                            {"key": "c", "operator": "Exists"},
                        ]
                    }
                }
            ),
        ),
    ),
    Case(
        name="a resync every second",
        message="resync must be at least 10s",
        kind=SERVER,
        bad=a_server(resync="1s"),
        good=(a_server(resync="10s"),),
    ),
)

CHANGED = (
    Case(
        name="another server",
        message="serverRef may be set once: a database does not move",
        before={"serverRef": {"name": "a"}},
        bad={"spec": {"serverRef": {"name": "b"}}},
        good=({"spec": {"suspend": True}},),
    ),
    Case(
        name="no server any more",
        message="serverRef may be set once",
        before={"serverRef": {"name": "a"}},
        bad={"spec": {"serverRef": None}},
        good=({"spec": {"serverRef": {"name": "a"}}},),
    ),
    Case(
        name="another database name",
        message="databaseName may be set once",
        before={"databaseName": "a"},
        bad={"spec": {"databaseName": "b"}},
        good=({"spec": {"databaseName": "a", "protect": True}},),
    ),
    Case(
        name="no database name any more",
        message="databaseName may be set once",
        before={"databaseName": "a"},
        bad={"spec": {"databaseName": None}},
        good=({"spec": {"protect": True}},),
    ),
    Case(
        name="another Secret",
        message="credentials.secretName may be set once: pods refer to it",
        before={"credentials": {"secretName": "a"}},
        bad={"spec": {"credentials": {"secretName": "b"}}},
        good=({"spec": {"credentials": {"endpoint": "Pooler"}}},),
    ),
    Case(
        name="no credentials any more",
        message="credentials.secretName may be set once",
        before={"credentials": {"secretName": "a"}},
        bad={"spec": {"credentials": None}},
        good=({"spec": {"credentials": {"secretName": "a"}}},),
    ),
    Case(
        name="a server other than the one in use",
        message="the database already lives on the server in status.server.name",
        before={},
        status={"server": {"name": "main"}, "database": {"name": "team_shop"}},
        bad={"spec": {"serverRef": {"name": "other"}}},
        good=({"spec": {"serverRef": {"name": "main"}}},),
    ),
    Case(
        name="a reserved name while there is no database yet on the server",
        message="databaseName must not be postgres",
        before={},
        status={"server": {"name": "main"}},
        bad={"spec": {"databaseName": "postgres"}},
        good=({"spec": {"serverRef": {"name": "other"}}},),
    ),
    Case(
        name="a database name other than the one in use",
        message="the database already has the name in status.database.name",
        before={},
        status={"database": {"name": "team_shop"}},
        bad={"spec": {"databaseName": "shop"}},
        good=({"spec": {"databaseName": "team_shop"}},),
    ),
    Case(
        name="a Secret other than the one in use",
        message="the credentials are already in the Secret in status.binding.name",
        before={},
        status={"binding": {"name": "shop-db"}},
        bad={"spec": {"credentials": {"secretName": "other"}}},
        good=({"spec": {"credentials": {"secretName": "shop-db"}}},),
    ),
    Case(
        name="the first server, name and Secret",
        message="databaseName must not be postgres",
        before={},
        bad={"spec": {"databaseName": "postgres"}},
        good=(
            {"spec": {"serverRef": {"name": "a"}}},
            {"spec": {"databaseName": "a"}},
            {"spec": {"credentials": {"secretName": "a"}}},
        ),
    ),
    *(
        Case(
            name=f"another {name} of a plan",
            message="a plan never changes, only spec.decision and spec.decidedReason do",
            kind=PLAN,
            before=a_plan(),
            bad={"spec": {name: value}},
            good=({"spec": {"decision": "Approved", "decidedReason": "looks right"}},),
        )
        for name, value in (
            ("steps", []),
            ("planHash", "sha256:" + "1" * 64),
            ("baseFingerprint", "x"),
            ("targetFingerprint", "x"),
            ("sourceDigest", "x"),
            ("appDatabaseRef", {"name": "other"}),
            ("stepCount", 7),
            ("risk", "S"),
            ("truncated", True),
            ("summary", "nothing to see here"),
            ("sourceRevision", "v2"),
        )
    ),
    *(
        Case(
            name=f"the decision on a plan that is {reason}",
            message="the plan was applied or superseded, so its decision stands",
            kind=PLAN,
            before=a_plan(decision="Approved"),
            status=applied(status, reason),
            bad={"spec": {"decision": "Rejected"}},
            good=({"spec": {"decision": "Approved"}}, {"metadata": {"labels": {"a": "b"}}}),
        )
        for status, reason in (("True", "Succeeded"), ("False", "Superseded"))
    ),
    Case(
        name="the reason for the decision afterwards",
        message="the plan was applied or superseded, so its decision stands",
        kind=PLAN,
        before=a_plan(decision="Approved"),
        status=applied("True", "Succeeded"),
        bad={"spec": {"decidedReason": "it was not me"}},
        good=({"spec": {"decision": "Approved"}},),
    ),
)


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> ApiServer:
    install_crds(control_plane)
    return ApiServer.as_admin(control_plane)


def post(api: ApiServer, case: Case, spec: dict[str, Any], query: str = "?dryRun=All") -> Answer:
    kind = next(each for each in KINDS if each.plural == case.kind)
    body = {
        "apiVersion": "appdb.chatbuilds.com/v1alpha1",
        "kind": kind.kind,
        "metadata": {"name": unique_name("c")},
        "spec": copy.deepcopy(spec),
    }
    namespace = "default" if kind.scope == "Namespaced" else None
    return api.create(collection(case.kind, namespace) + query, body)


@pytest.mark.parametrize("case", CREATED, ids=lambda case: case.name)
def test_creation_is_refused_with_the_way_out(api: ApiServer, case: Case):
    refused = post(api, case, case.bad)

    assert (422, True) == (refused.status, case.message in refused.message), refused.message
    for spec in case.good:
        accepted = post(api, case, spec)
        assert 201 == accepted.status, accepted.message


@pytest.fixture
def existing(api: ApiServer, request: pytest.FixtureRequest) -> Iterator[str]:
    case: Case = request.node.callspec.params["case"]
    created = post(api, case, case.before or {}, query="")
    assert 201 == created.status, created.message
    path = f"{collection(case.kind, 'default')}/{created.body['metadata']['name']}"
    if case.status:
        written = api.patch(f"{path}/status", {"status": case.status})
        assert 200 == written.status, written.message
    yield path
    api.request("DELETE", path)


@pytest.mark.parametrize("case", CHANGED, ids=lambda case: case.name)
def test_change_is_refused_with_the_way_out(api: ApiServer, case: Case, existing: str):
    refused = api.patch(f"{existing}?dryRun=All", case.bad)

    assert (422, True) == (refused.status, case.message in refused.message), refused.message
    for patch in case.good:
        accepted = api.patch(f"{existing}?dryRun=All", patch)
        assert 200 == accepted.status, accepted.message


def _messages(node: Any) -> Iterator[str]:
    match node:
        case dict():
            for each in node.get("x-kubernetes-validations", []):
                yield each["message"]
            for value in node.values():
                yield from _messages(value)
        case list():
            for value in node:
                yield from _messages(value)


def test_every_rule_of_the_crds_has_a_case():
    covered = {case.message for case in (*CREATED, *CHANGED)}
    written = {message for kind in KINDS for message in _messages(build_crd(kind))}

    assert set() == {each for each in written if not any(part in each for part in covered)}

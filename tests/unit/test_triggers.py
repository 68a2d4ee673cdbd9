"""What the watches make of events: keys of the queue, and nothing for our own echo."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from appdb.api import names
from appdb.cluster.resources import (
    APP_DATABASES,
    CONFIG_MAPS,
    DATABASE_SERVERS,
    NAMESPACES,
    SECRETS,
    Resource,
)
from appdb.reconcile.keys import database_key, plan_key, server_key
from appdb.reconcile.refs import ReferenceMap
from appdb.runtime.handlers import COUNT_SECONDS, SETTLE_SECONDS, Triggers

SHOP, MAIN = database_key("team-a", "shop"), server_key("main")


@dataclass
class Recorded:
    """Triggers whose queue is a list."""

    added: list[Any] = field(default_factory=list)
    behind: list[Any] = field(default_factory=list)
    listed: set[tuple[str, str]] = field(default_factory=set)
    delayed: list[Any] = field(default_factory=list)
    forgotten: list[Any] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)
    triggers: Triggers = field(init=False)

    def __post_init__(self) -> None:
        self.triggers = Triggers(
            refs=ReferenceMap(),
            add=self.added.append,
            add_behind=self.behind.append,
            is_as_listed=self.is_as_listed,
            add_after=lambda key, seconds: self.delayed.append((key, seconds)),
            forget=self.forgotten.append,
            ask=self.asked.append,
            operator_namespace="appdb-system",
        )

    def is_as_listed(self, resource: Resource, body: Any, change: str | None) -> bool:
        return change is None and (resource.plural, body["metadata"]["name"]) in self.listed

    def clear(self) -> "Recorded":
        self.added.clear()
        self.delayed.clear()
        return self


def a_body(spec: dict[str, Any] | None = None, *, status: Any = None, **metadata: Any) -> Any:
    known = {"namespace": "team-a", "name": "shop", "uid": "u1", "generation": 1}
    return {"metadata": known | metadata, "spec": spec or {}, "status": status or {}}


def a_server(*, status: Any = None, **metadata: Any) -> Any:
    known = {"name": "main", "uid": "s1", "generation": 1}
    spec = {"adminSecretRef": {"name": "admin"}}
    return {"metadata": known | metadata, "spec": spec, "status": status or {}}


@pytest.fixture
def seen() -> Recorded:
    """Triggers that know the server `main` and the AppDatabase `shop` on it."""
    recorded = Recorded()
    recorded.triggers.on_server("ADDED", a_server())
    spec = {"serverRef": {"name": "main"}, "source": {"configMaps": [{"name": "code"}]}}
    recorded.triggers.on_database("ADDED", a_body(spec))
    return recorded


SPEC = {"serverRef": {"name": "main"}, "source": {"configMaps": [{"name": "code"}]}}


def test_a_new_object_is_looked_at(seen: Recorded):
    assert SHOP in seen.added
    assert MAIN in seen.added


@pytest.mark.parametrize(
    "echo",
    [
        a_body(SPEC, status={"observedGeneration": 1}),
        a_body(SPEC, status={"database": {"name": "shop"}}, finalizers=[names.FINALIZER]),
        a_body(SPEC, resourceVersion="2"),
        a_body(SPEC, finalizers=[names.FINALIZER]),
        a_body(SPEC, labels={"team": "a"}),
        a_body(SPEC, annotations={"someone.else/note": "x"}),
    ],
    ids=["status", "done", "version", "finalizer", "labels", "foreign annotation"],
)
def test_what_changes_nothing_for_us_asks_for_no_run(seen: Recorded, echo: Any):
    seen.clear().triggers.on_database("MODIFIED", echo)

    assert ([], []) == (seen.added, seen.delayed)


@pytest.mark.parametrize(
    "news",
    [
        a_body(SPEC, generation=2),
        a_body(SPEC, deletionTimestamp="2026-01-01T00:00:00Z"),
        a_body(SPEC, uid="u2"),
        a_body(SPEC, annotations={names.ANNOTATION_REQUESTED_AT: "now"}),
        a_body(SPEC, annotations={names.ANNOTATION_FORCE_FORGET: "true"}),
        a_body(SPEC, status={"observedGeneration": 1, "database": {"name": "shop"}}),
    ],
    ids=["spec", "deletion", "made again", "requested", "forget", "finalizer lost"],
)
def test_what_a_person_changed_asks_for_a_run(seen: Recorded, news: Any):
    seen.clear().triggers.on_database("MODIFIED", news)

    assert [SHOP] == seen.added


def test_a_new_list_looks_at_everything_again(seen: Recorded):
    seen.clear().triggers.on_database(None, a_body(SPEC))

    assert [SHOP] == seen.added


def test_an_edited_source_is_waited_for_and_a_new_one_is_not(seen: Recorded):
    source = {"metadata": {"namespace": "team-a", "name": "code"}}

    seen.clear().triggers.on_config_map("MODIFIED", source)
    assert ([], [(SHOP, SETTLE_SECONDS)]) == (seen.added, seen.delayed)
    seen.clear().triggers.on_config_map("ADDED", source)
    assert ([SHOP], []) == (seen.added, seen.delayed)


@pytest.mark.parametrize(
    "source",
    [
        {"metadata": {"namespace": "team-a", "name": "other"}},
        {"metadata": {"namespace": "team-b", "name": "code"}},
    ],
)
def test_a_source_of_nobody_asks_for_nothing(seen: Recorded, source: Any):
    seen.clear().triggers.on_config_map("MODIFIED", source)

    assert ([], []) == (seen.added, seen.delayed)


def test_a_secret_that_was_deleted_or_edited_asks_for_a_run(seen: Recorded):
    edited = {"metadata": {"namespace": "team-a", "name": "shop-db"}, "data": {}}

    seen.clear().triggers.on_secret("MODIFIED", edited)
    seen.triggers.on_secret("DELETED", edited)

    assert [SHOP, SHOP] == seen.added


def an_admin_secret(version: str, name: str = "main-admin") -> Any:
    return {"metadata": {"namespace": "appdb-system", "name": name, "resourceVersion": version}}


def test_an_admin_secret_that_changed_has_its_server_looked_at(seen: Recorded):
    spec = {
        "adminSecretRef": {"name": "main-admin"},
        "tls": {"caSecretRef": {"name": "main-ca", "key": "ca.crt"}},
    }
    seen.triggers.on_server("MODIFIED", a_server(generation=2) | {"spec": spec})
    listed = ((None, an_admin_secret("1")), (None, an_admin_secret("1")))
    for change, secret in (*listed, ("ADDED", an_admin_secret("1", name="of-nobody"))):
        seen.clear().triggers.on_admin_secret(change, secret)
        assert [] == seen.added

    for change, secret in (
        ("MODIFIED", an_admin_secret("2")),
        (None, an_admin_secret("3")),
        ("DELETED", an_admin_secret("4")),
        ("ADDED", an_admin_secret("5")),
        ("ADDED", an_admin_secret("6", name="main-ca")),
    ):
        seen.clear().triggers.on_admin_secret(change, secret)
        assert [MAIN] == seen.added


def test_a_server_that_changed_has_its_databases_looked_at(seen: Recorded):
    seen.clear().triggers.on_server("MODIFIED", a_server(generation=2))

    assert [MAIN, SHOP] == seen.added


def test_a_server_whose_status_we_wrote_does_not(seen: Recorded):
    seen.clear().triggers.on_server("MODIFIED", a_server(status={"observedGeneration": 1}))

    assert ([], []) == (seen.added, seen.delayed)


def test_after_a_start_a_server_counts_once_all_databases_are_listed():
    recorded = Recorded()

    recorded.triggers.on_server(None, a_server(status={"observedGeneration": 1}))
    assert ([], [(MAIN, COUNT_SECONDS)]) == (recorded.added, recorded.delayed)
    recorded.clear().triggers.on_server(None, a_server())
    assert ([MAIN], []) == (recorded.added, recorded.delayed)


def test_databases_that_come_and_go_are_counted_on_their_server(seen: Recorded):
    seen.clear().triggers.on_database("ADDED", a_body(SPEC, name="blog"))
    assert [(MAIN, COUNT_SECONDS)] == seen.delayed

    seen.clear().triggers.on_database("DELETED", a_body(SPEC))
    assert [(MAIN, COUNT_SECONDS)] == seen.delayed
    assert [SHOP] == seen.forgotten


def test_a_namespace_asks_for_runs_only_when_its_labels_change(seen: Recorded):
    seen.triggers.on_namespace(None, {"metadata": {"name": "team-a", "labels": {"a": "1"}}})
    seen.clear().triggers.on_namespace(
        "MODIFIED", {"metadata": {"name": "team-a", "labels": {"a": "1"}, "resourceVersion": "7"}}
    )
    assert [] == seen.added

    seen.triggers.on_namespace("MODIFIED", {"metadata": {"name": "team-a", "labels": {}}})
    assert [SHOP] == seen.added


def test_an_object_without_a_named_server_follows_every_server(seen: Recorded):
    seen.triggers.on_database("ADDED", a_body({}, name="bare"))

    seen.clear().triggers.on_server("MODIFIED", a_server(generation=2))

    assert database_key("team-a", "bare") in seen.added


def a_plan(decision="Pending", handled="", **annotations):
    body = a_body({"appDatabaseRef": {"name": "shop"}, "decision": decision}, name="shop-1")
    body["metadata"]["annotations"] = annotations
    return body | {"status": {"lastHandledReconcileAt": handled}}


def test_a_decision_asks_for_a_full_look_at_the_database(seen: Recorded):
    seen.clear().triggers.on_plan("ADDED", a_plan())
    assert [] == seen.added

    seen.triggers.on_plan("MODIFIED", a_plan())
    seen.triggers.on_plan("MODIFIED", a_plan("Approved"))
    seen.triggers.on_plan("MODIFIED", a_plan("Approved"))

    assert ([SHOP], [SHOP]) == (seen.added, seen.asked)


def test_a_plan_that_is_taken_away_asks_for_a_look(seen: Recorded):
    seen.clear().triggers.on_plan("DELETED", a_plan("Approved"))

    assert [SHOP] == seen.added


def test_plans_listed_at_a_start_ask_for_nothing(seen: Recorded):
    seen.clear().triggers.on_plan(None, a_plan("Approved"))

    assert [] == seen.added


def test_a_request_on_a_plan_is_heard_once(seen: Recorded):
    asked = {names.ANNOTATION_REQUESTED_AT: "now"}
    seen.clear().triggers.on_plan("MODIFIED", a_plan(**asked))
    seen.triggers.on_plan("MODIFIED", a_plan(handled="now", **asked))

    assert [plan_key("team-a", "shop-1")] == seen.added


def test_what_was_left_in_order_comes_behind_all_changes(seen: Recorded):
    seen.listed = {("appdatabases", "shop"), ("databaseservers", "main"), ("configmaps", "code")}
    handled = {"observedGeneration": 1}

    seen.clear().triggers.on_database(None, a_body(SPEC, status=handled))
    seen.triggers.on_config_map(None, {"metadata": {"namespace": "team-a", "name": "code"}})
    seen.triggers.on_server(None, a_server(generation=1, uid="s2", status=handled))

    assert ([], [SHOP]) == (seen.added, seen.behind)


def test_what_changed_while_nobody_looked_comes_at_once(seen: Recorded):
    seen.listed = {("appdatabases", "shop")}

    seen.clear().triggers.on_database(None, a_body(SPEC, status={"observedGeneration": 0}))

    assert ([SHOP], []) == (seen.added, seen.behind)


def test_a_namespace_that_changed_after_it_was_listed_has_its_databases_looked_at(seen: Recorded):
    namespace = {"metadata": {"name": "team-a", "labels": {"a": "1"}}}
    seen.clear().triggers.on_namespace(None, namespace)
    assert [SHOP] == seen.added

    other = Recorded()
    other.listed = {("namespaces", "team-a")}
    other.triggers.on_database("ADDED", a_body(SPEC))
    other.clear().triggers.on_namespace(None, namespace)
    assert [] == other.added


@pytest.mark.parametrize(
    ("resource", "namespace", "name", "looked_at"),
    [
        (APP_DATABASES, "team-a", "shop", [SHOP]),
        (DATABASE_SERVERS, "", "main", [SHOP]),
        (CONFIG_MAPS, "team-a", "code", [SHOP]),
        (SECRETS, "team-a", "shop-db", [SHOP]),
        (SECRETS, "team-b", "shop-db", []),
        (NAMESPACES, "", "team-a", []),
    ],
)
def test_what_went_before_the_watches_began_has_its_users_looked_at(
    seen: Recorded, resource: Resource, namespace: str, name: str, looked_at: list[Any]
):
    seen.clear().triggers.on_unseen(resource, namespace, name)

    assert looked_at == seen.added

"""Tables of what `decide` answers: observed in, actions and known results out."""

from dataclasses import replace
from typing import Any

import pytest

from appdb.api import names
from appdb.api.appdatabase import AppDatabase
from appdb.cluster.secrets import build_secret
from appdb.errors import ServerNotFound, SourceNotFound
from appdb.postgres.connect import ServerAddress
from appdb.reconcile.database.decide import (
    NOTHING,
    Analyze,
    CheckNames,
    HoldObject,
    ProveLogins,
    Provision,
    RetireLogins,
    UseLogin,
    WriteSecrets,
    decide,
)
from appdb.reconcile.database.observed import Observed, SourceView
from appdb.reconcile.database.rotation import Turn
from appdb.reconcile.database.wanted import (
    credentials_of,
    effective_policy,
    secret_place,
    wanted_on_server,
)
from appdb.reconcile.results import Absent, Failed, Stage, Waits
from support.appdatabases import CLUSTER, CODE_BUNDLE, NOW, SERVER, a_database, a_ready_status

CODE = SourceView(bundle=CODE_BUNDLE)
FROM_CODE = {"source": {"configMaps": [{"name": "code"}]}}
ON_SERVER = [CheckNames(), WriteSecrets(), Provision(), UseLogin(), RetireLogins()]


def a_secret(database: AppDatabase, password: str = "x" * 32) -> dict[str, Any]:
    """The Secret as it stands after we applied it."""
    wanted = wanted_on_server(database, SERVER, CLUSTER, name="team_a_shop", password=password)
    address = ServerAddress(host="db.example")
    secret = build_secret(
        secret_place(database, effective_policy(database, SERVER)),
        credentials_of(database, SERVER, address, wanted),
    )
    fields = {"f:data": {f"f:{key}": {} for key in secret["data"]}}
    managed = [{"manager": names.FIELD_MANAGER, "fieldsV1": fields}]
    return secret | {"metadata": secret["metadata"] | {"managedFields": managed}}


def a_settled(spec: Any = FROM_CODE, **changes: Any) -> Observed:
    """An object that is as it should be."""
    database = a_database(spec, a_ready_status(), finalizers=[names.FINALIZER])
    observed = Observed(
        live={},
        database=database,
        cluster_id=CLUSTER,
        server=SERVER,
        source=CODE if spec else None,
        secret=a_secret(database),
        is_due=False,
        now=NOW,
    )
    return replace(observed, **changes)


def a_new(spec: Any = FROM_CODE, **changes: Any) -> Observed:
    return a_settled(spec, **{"database": a_database(spec), "secret": None} | changes)


def with_status(**changes: Any) -> AppDatabase:
    return a_database(FROM_CODE, a_ready_status(**changes), finalizers=[names.FINALIZER])


def test_nothing_is_done_about_an_object_that_is_as_it_should_be():
    assert NOTHING is decide(a_settled())


def test_a_new_object_is_held_before_anything_is_made():
    decision = decide(a_new())

    assert [Analyze(), HoldObject(), *ON_SERVER] == list(decision.actions)
    assert {} == dict(decision.known)


@pytest.mark.parametrize(
    "change",
    [
        {"is_due": True},
        {"database": with_status(observedGeneration=0)},
        {"database": with_status(conditions=[])},
        {"database": with_status(source={"digest": "sha256:other"})},
        {"database": with_status(source=None)},
        {"database": with_status(server={"name": "main", "host": "old", "port": 5432})},
        {"database": a_database(FROM_CODE, a_ready_status())},
        {"source": replace(CODE, revision="r2")},
        {"secret": None},
        {"secret": a_secret(a_database(FROM_CODE), password="y" * 32) | {"data": {}}},
        {
            "server": SERVER.model_copy(
                update={
                    "metadata": SERVER.metadata,
                    "status": SERVER.status.model_copy(update={"system_identifier": "8"}),
                }
            )
        },
        {
            "database": a_database(
                FROM_CODE,
                a_ready_status(),
                finalizers=[names.FINALIZER],
                annotations={names.ANNOTATION_REQUESTED_AT: "now"},
            )
        },
    ],
    ids=[
        "due",
        "new generation",
        "not ready",
        "other source",
        "source never read",
        "other endpoint",
        "finalizer lost",
        "other revision",
        "Secret gone",
        "Secret edited",
        "other cluster",
        "requested",
    ],
)
def test_everything_that_may_have_changed_is_reason_to_look(change: dict[str, Any]):
    decision = decide(a_settled(**change))

    assert ON_SERVER == [each for each in decision.actions if each in ON_SERVER]


def test_a_request_that_was_handled_is_no_reason_to_look():
    database = a_database(
        FROM_CODE,
        a_ready_status(lastHandledReconcileAt="now"),
        finalizers=[names.FINALIZER],
        annotations={names.ANNOTATION_REQUESTED_AT: "now"},
    )

    assert NOTHING is decide(a_settled(database=database))


def test_without_a_server_nothing_is_made_and_all_else_waits():
    error = ServerNotFound("there is none")

    decision = decide(a_new(server=error))

    assert [Analyze()] == list(decision.actions)
    waits = dict.fromkeys((Stage.DATABASE, Stage.CREDENTIALS, Stage.SCHEMA), Waits(Stage.SERVER))
    assert {Stage.SERVER: Failed(error)} | waits == dict(decision.known)


def test_without_its_source_database_and_login_are_made_all_the_same():
    error = SourceNotFound("not there")

    decision = decide(a_new(source=error))

    assert [HoldObject(), *ON_SERVER] == list(decision.actions)
    assert {Stage.SOURCE: Failed(error), Stage.SCHEMA: Waits(Stage.SOURCE)} == dict(decision.known)


def test_a_missing_source_does_not_matter_to_tables_that_are_left_alone():
    spec = FROM_CODE | {"schema": {"mode": "Off"}}

    decision = decide(a_new(spec, source=SourceNotFound("not there")))

    assert Stage.SCHEMA not in decision.known


def test_without_a_source_its_condition_is_not_shown():
    decision = decide(a_new(None))

    assert [HoldObject(), *ON_SERVER] == list(decision.actions)
    assert {Stage.SOURCE: Absent()} == dict(decision.known)


def test_a_foreign_secret_stops_everything_before_the_finalizer():
    foreign = {"metadata": {"labels": {}}, "data": {"password": "eA=="}}

    decision = decide(a_new(secret=foreign))

    assert [Analyze()] == list(decision.actions)
    found = decision.known[Stage.CREDENTIALS]
    assert isinstance(found, Failed)
    assert "SecretConflict" == found.error.reason
    assert Waits(Stage.CREDENTIALS) == decision.known[Stage.DATABASE]


def test_a_held_object_is_not_held_again():
    database = a_database(FROM_CODE, finalizers=[names.FINALIZER])

    assert HoldObject() not in decide(replace(a_new(), database=database)).actions


def rotating(mode: str, **credentials: Any) -> AppDatabase:
    spec = FROM_CODE | {"credentials": {"rotation": {"trigger": "new", "mode": mode}}}
    known = {
        "database": {"name": "team_a_shop", "login": "team_a_shop_user"},
        "credentials": {"lastRotated": "2025-12-31T00:00:00Z"} | credentials,
    }
    return a_database(spec, a_ready_status(**known), finalizers=[names.FINALIZER])


def test_a_login_in_use_gets_its_password_after_the_secret():
    decision = decide(a_settled(database=rotating("InPlace")))

    assert (Turn.RENEW, ON_SERVER) == (decision.turn, list(decision.actions)[1:])


def test_a_login_that_nobody_uses_is_proved_before_the_secret_names_it():
    decision = decide(a_settled(database=rotating("Overlap")))

    expected = [
        CheckNames(),
        Provision(),
        ProveLogins(),
        WriteSecrets(),
        UseLogin(),
        RetireLogins(),
    ]
    assert (Turn.SWAP, expected) == (decision.turn, list(decision.actions)[1:])


@pytest.mark.parametrize(
    ("until", "looks"), [("2025-12-31T23:59:59Z", True), ("2026-01-01T00:00:01Z", False)]
)
def test_the_end_of_a_grace_is_reason_to_look(until, looks):
    database = rotating("Overlap", lastTrigger="new", previousLoginUntil=until)

    assert looks is (decide(a_settled(database=database)) is not NOTHING)

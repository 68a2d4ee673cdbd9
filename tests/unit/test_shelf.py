"""The plans of one database: which bind, which are over, which may go."""

from datetime import UTC, datetime, timedelta

import pytest

from appdb.api.schemaplan import Decision
from appdb.reconcile.database.shelf import IN_DATABASE, KEPT, Shelf, decided_by

START = datetime(2026, 1, 1, tzinfo=UTC)
UID = "u-1"
SQL = "ALTER TABLE users DROP COLUMN age"


def digest(letter):
    return f"sha256:{letter * 64}"


def a_plan(letter="a", *, decision="Pending", applied=None, age=0, uid=UID, sql=(SQL,), **changes):
    """A SchemaPlan as the API server gives it; `applied` is status and reason."""
    metadata = {
        "name": f"shop-{letter}{age}",
        "namespace": "team",
        "uid": f"p-{letter}{age}",
        "creationTimestamp": (START + timedelta(minutes=age)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    spec = {
        "appDatabaseRef": {"name": "shop", "uid": uid},
        "planHash": digest(letter),
        "baseFingerprint": "base",
        "targetFingerprint": "target",
        "sourceDigest": "source",
        "steps": [{"sql": each, "class": "D"} for each in sql],
        "decision": decision,
    }
    condition = {
        "type": "Applied",
        "status": applied[0] if applied else "False",
        "reason": applied[1] if applied else "Pending",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    return {"metadata": metadata, "spec": spec | changes, "status": {"conditions": [condition]}}


def shelf(*lives):
    return Shelf.of(lives, uid=UID)


@pytest.mark.parametrize(
    ("applied", "is_open"),
    [
        (None, True),
        (("False", "Pending"), True),
        (("False", "Applying"), True),
        (("False", "Failed"), True),
        (("True", "Succeeded"), False),
        (("False", "Superseded"), False),
    ],
)
def test_a_plan_is_open_until_it_was_applied_or_superseded(applied, is_open):
    (record,) = shelf(a_plan(applied=applied)).records

    assert is_open is record.is_open


def test_plans_of_an_earlier_incarnation_or_on_their_way_out_do_not_count():
    leaving = a_plan("b")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    assert () == shelf(a_plan(uid="another"), leaving).records


def test_only_open_decisions_bind():
    found = shelf(
        a_plan("a", decision="Approved"),
        a_plan("b", decision="Rejected"),
        a_plan("c", decision="Approved", applied=("True", "Succeeded")),
        a_plan("d", decision="Rejected", applied=("False", "Superseded")),
        a_plan("e"),
    ).decisions("source")

    assert frozenset({digest("a")}) == found.approved
    assert frozenset({digest("b")}) == found.rejected
    assert frozenset({SQL}) == found.refused


def test_a_rejection_of_statements_holds_for_its_source_only():
    rejected = shelf(a_plan(decision="Rejected"))

    assert frozenset({SQL}) == rejected.decisions("source").refused
    assert frozenset() == rejected.decisions("another").refused
    assert rejected.rejection_of(digest("z"), "source", frozenset({SQL}))
    assert not rejected.rejection_of(digest("z"), "another", frozenset({SQL}))
    assert not rejected.rejection_of(digest("z"), "source", frozenset({SQL, "more"}))
    assert rejected.rejection_of(digest("a"), "another", frozenset({"what it may"}))


@pytest.mark.parametrize(
    ("decision", "reason", "is_begun"),
    [
        ("Approved", "Applying", True),
        ("Approved", "Failed", True),
        ("Approved", "Pending", False),
        ("Pending", "Failed", False),
        ("Rejected", "Failed", False),
    ],
)
def test_what_is_left_of_an_approved_plan_that_began_is_approved(decision, reason, is_begun):
    found = shelf(a_plan(decision=decision, applied=("False", reason), sql=(SQL, "another")))

    assert is_begun is bool(found.decisions("source").begun)
    assert is_begun is bool(found.begun("target", frozenset({SQL})))
    assert not found.begun("elsewhere", frozenset({SQL}))
    assert not found.begun("target", frozenset({SQL, "not in it"}))


def test_an_approval_is_used_up_by_a_plan_that_ran():
    ran = shelf(a_plan(decision="Approved", applied=("True", "Succeeded")))

    assert ran.was_applied(digest("a"))
    assert not ran.was_applied(digest("b"))
    assert not shelf(a_plan(applied=("False", "Superseded"))).was_applied(digest("a"))


def test_open_plans_that_nobody_asks_for_are_outdated():
    found = shelf(a_plan("a"), a_plan("b"), a_plan("c", applied=("True", "Succeeded")))

    assert ["shop-b0"] == [record.name for record in found.outdated(["shop-a0"])]


def test_the_oldest_that_are_over_go_and_open_ones_never():
    over = [a_plan("a", applied=("True", "Succeeded"), age=number) for number in range(1, KEPT + 4)]
    found = shelf(*reversed(over), a_plan("f", age=0))

    assert ["shop-a1", "shop-a2", "shop-a3"] == [record.name for record in found.surplus()]


def test_a_name_that_is_taken_is_not_given_again():
    found = shelf(a_plan("a"))

    assert 2 == found.free_number([], ["shop-a0", "shop-a0-2"])
    assert 3 == found.free_number(["shop-a0-2"], ["shop-a0", "shop-a0-2", "shop-a0-3"])


def owner(manager, time, fields=("f:decision",)):
    return {
        "manager": manager,
        "time": time,
        "fieldsV1": {"f:spec": {field: {} for field in fields}},
    }


@pytest.mark.parametrize(
    ("managed", "expected"),
    [
        ([], ""),
        ([owner("appdb-operator", "2026-01-02T00:00:00Z")], ""),
        ([owner("kubectl-patch", "2026-01-01T00:00:00Z")], "kubectl-patch"),
        (
            [
                owner("kubectl-edit", "2026-01-01T00:00:00Z"),
                owner("argocd", "2026-01-02T00:00:00Z"),
            ],
            "argocd",
        ),
        ([owner("kubectl-label", "2026-01-01T00:00:00Z", ("f:other",))], ""),
    ],
)
def test_the_newest_owner_of_the_decision_decided(managed, expected):
    live = {"metadata": {"managedFields": managed}}

    assert expected == decided_by(live)


def test_who_put_the_hash_into_the_spec_decided():
    fields = {"f:spec": {"f:schema": {"f:approvedPlan": {}}}}
    managed = [{"manager": "argocd", "time": "2026-01-01T00:00:00Z", "fieldsV1": fields}]

    assert "argocd" == decided_by({"metadata": {"managedFields": managed}}, IN_DATABASE)
    assert "" == decided_by({"metadata": {"managedFields": managed}})


def test_decisions_read_as_they_are_written():
    assert ["Pending", "Approved", "Rejected"] == [each.value for each in Decision]

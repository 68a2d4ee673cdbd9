"""What an object and its server's floor mean for the migration engine."""

import pytest

from appdb.api.appdatabase import AppDatabase
from appdb.api.server import DatabaseServer
from appdb.errors import AdoptionRequired, DDLFailed, PlanPendingApproval
from appdb.model.catalog import Key, Kind
from appdb.plan.hazards import Hazard, Phase, StepClass
from appdb.plan.plan import Plan
from appdb.plan.policy import Allowance, DriftPolicy, Judged, Verdict
from appdb.plan.unit import Step, Unit
from appdb.postgres.apply import Failure, Outcome
from appdb.reconcile.database.left import require_applied
from appdb.reconcile.database.policy import policy_of

SERVER = {"host": "pg", "adminSecretRef": {"name": "admin"}}


def policy(schema=None, floor=None):
    database = AppDatabase.of({"spec": {"schema": schema or {}}})
    server = DatabaseServer.of({"spec": SERVER | ({"floor": floor} if floor else {})})
    return policy_of(database, server)


def a_unit():
    return Unit(
        subject=Key(Kind.COLUMN, "public", "users", "age"),
        phase=Phase.COLUMN_DROPS,
        steps=(Step(statements=("ALTER TABLE users DROP COLUMN age",), reason="deletes it"),),
        step_class=StepClass.DESTROYS,
        hazards=frozenset({Hazard.DROP_COLUMN}),
    )


def a_plan(verdict, **changes):
    judged = Judged(unit=a_unit(), verdict=verdict, hazards=frozenset(), why="because")
    values = {"base_fingerprint": "a", "target_fingerprint": "b", "judged": (judged,)}
    return Plan(**(values | changes))


def an_outcome(*failures):
    return Outcome(applied=1, fingerprint="f", seconds=0.1, failures=failures)


def test_every_hazard_needs_an_approval_but_a_declared_rename():
    allowances = {hazard: policy().allowance(hazard) for hazard in Hazard}

    assert Allowance.AUTO == allowances.pop(Hazard.RENAME)
    assert {Allowance.APPROVE} == set(allowances.values())


def test_each_field_of_the_spec_reaches_the_policy():
    found = policy(
        {
            "mode": "Review",
            "allow": {"dropColumn": "Auto", "enumRemove": "Never"},
            "approvedPlan": f"sha256:{'0' * 64}",
            "renames": [
                {"table": "users", "column": "name", "to": "full_name", "mode": "Expand"},
                {"table": "old", "to": "new"},
            ],
            "backfill": {"users.age": "0"},
            "casts": {"users.age": "age::int"},
            "driftPolicy": "Ignore",
            "rewriteLimit": "1Mi",
            "lockTimeout": "250ms",
            "maxStepDuration": "1m",
        }
    )

    assert found.is_review
    assert Allowance.AUTO == found.allowance(Hazard.DROP_COLUMN)
    assert Allowance.NEVER == found.allowance(Hazard.ENUM_REMOVE)
    assert found.approved_plan == f"sha256:{'0' * 64}"
    assert [("full_name", "Expand"), ("new", "Direct")] == [
        (rename.to, rename.mode) for rename in found.renames
    ]
    assert {"users.age": "0"} == found.backfills
    assert {"users.age": "age::int"} == found.casts
    assert DriftPolicy.IGNORE == found.drift
    assert (2**20, 250, 60) == (
        found.rewrite_limit_bytes,
        found.lock_timeout_ms,
        found.max_step_seconds,
    )


def test_the_floor_of_the_server_bounds_what_runs_by_itself():
    assert StepClass.DESTROYS == policy().max_class
    assert StepClass.SAFE == policy(floor={"maxHazard": "S"}).max_class


def test_an_applied_plan_leaves_nothing_to_tell():
    require_applied(a_plan(Verdict.RUNS), an_outcome())


def test_a_waiting_step_is_told_with_the_hash_that_releases_it():
    plan = a_plan(Verdict.PENDING)

    with pytest.raises(PlanPendingApproval, match=plan.plan_hash):
        require_applied(plan, an_outcome())


def test_tables_that_were_there_before_wait_as_an_adoption():
    with pytest.raises(AdoptionRequired):
        require_applied(a_plan(Verdict.PENDING, is_adoption=True), an_outcome())


def test_a_failed_step_is_told_before_anything_else():
    failure = Failure(unit=a_unit(), error=DDLFailed("it failed"))

    with pytest.raises(DDLFailed, match="it failed"):
        require_applied(a_plan(Verdict.PENDING), an_outcome(failure))

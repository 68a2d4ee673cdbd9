"""What a SchemaPlan shows of a plan: every step like a line of a review."""

import base64
import gzip
import json

import pytest

from appdb.api.appdatabase import AppDatabase
from appdb.api.schemaplan import MAX_STEPS
from appdb.model.catalog import Key, Kind
from appdb.model.finding import Evidence as Origin
from appdb.model.finding import Span
from appdb.plan.hazards import Hazard, Phase, StepClass
from appdb.plan.plan import Plan
from appdb.plan.policy import Judged, Refusal, Verdict
from appdb.plan.unit import Probe, Step, Unit
from appdb.reconcile.database.proposal import (
    NAME_LENGTH,
    Subject,
    overflow_object,
    plan_name,
    plan_object,
    propose_rest,
    propose_run,
    propose_whole,
)

AGE = Key(Kind.COLUMN, "public", "users", "age")
EMAIL = Key(Kind.COLUMN, "public", "users", "email")
DATABASE = AppDatabase.of({"metadata": {"name": "shop", "namespace": "team", "uid": "u-1"}})
SUBJECT = Subject(name="shop", uid="u-1", revision="v7")


def judged(key=AGE, verdict=Verdict.PENDING, kind=StepClass.DESTROYS, sql="DROP", **changes):
    unit = Unit(
        subject=key,
        phase=Phase.COLUMN_DROPS,
        steps=(Step(statements=(sql,), reason="deletes the column"),),
        step_class=kind,
        possible_rename=changes.pop("possible_rename", None),
    )
    values = {"hazards": frozenset({Hazard.DROP_COLUMN}), "why": "dropColumn needs an approval"}
    return Judged(unit=unit, verdict=verdict, **(values | changes))


def a_plan(*each):
    origin = Origin(span=Span(path="schema.prisma", line=7), rule="model")
    return Plan(
        base_fingerprint="base",
        target_fingerprint="target",
        judged=each,
        origins={AGE: origin},
        source_digest="source",
    )


SAFE = judged(EMAIL, Verdict.RUNS, StepClass.SAFE, "ADD", hazards=frozenset(), why="")


def test_a_step_has_its_class_lock_reason_origin_and_evidence():
    proposal = propose_rest(SUBJECT, a_plan(judged()), {AGE: "column has 1,204 non-null values"})

    (step,) = proposal.spec.to_object()["steps"]
    assert step == {
        "sql": "DROP",
        "class": "D",
        "hazards": ["dropColumn"],
        "reason": "deletes the column; dropColumn needs an approval",
        "table": "users",
        "lock": "ACCESS EXCLUSIVE",
        "origin": {"path": "schema.prisma", "line": 7},
        "evidence": "column has 1,204 non-null values",
        "transactional": True,
    }


def test_what_runs_and_what_waits_are_proposed_apart():
    plan = a_plan(SAFE, judged())

    run = propose_run(SUBJECT, plan, why="policy").spec
    rest = propose_rest(SUBJECT, plan, {}).spec
    assert (["ADD"], "Approved", "policy", "S") == (
        [step.sql for step in run.steps],
        run.decision,
        run.decided_reason,
        run.risk,
    )
    assert (["DROP"], "Pending", "D") == (
        [step.sql for step in rest.steps],
        rest.decision,
        rest.risk,
    )
    assert ("v7", "shop") == (run.source_revision, run.app_database_ref.name)
    assert run.plan_hash == plan.run_hash != rest.plan_hash == plan.plan_hash
    assert ["ADD", "DROP"] == [s.sql for s in propose_whole(SUBJECT, plan, {}).spec.steps]


def test_a_plan_that_leaves_nothing_out_has_one_hash():
    plan = a_plan(SAFE)

    assert plan.run_hash == plan.plan_hash


def test_rows_in_the_way_are_counted_and_never_shown():
    probe = Probe(table=AGE.table, source="users", condition="x", hazard="null", hint="fill it")
    refusal = Refusal(probe=probe, count=3, sample_keys=("secret",))
    blocked = judged(verdict=Verdict.BLOCKED, refusals=(refusal,), why="fill it")

    spec = propose_rest(SUBJECT, a_plan(blocked), {}).spec
    assert ("X", "3 rows in the way (null)") == (spec.risk, spec.steps[0].evidence)
    assert "secret" not in json.dumps(spec.to_object())


def test_the_summary_counts_and_names_the_riskiest():
    weights = {AGE: "column has 2 non-null values"}
    spec = propose_whole(SUBJECT, a_plan(SAFE, judged()), weights).spec

    assert spec.summary == (
        "2 steps, 1 safe, 1 destroying data; column users.age: deletes the column "
        "(column has 2 non-null values)"
    )


def test_a_possible_rename_is_said():
    hinted = judged(possible_rename="renames: [{table: users, column: age, to: years}]")

    (step,) = propose_rest(SUBJECT, a_plan(hinted), {}).spec.steps
    assert "possible rename: renames" in step.reason


@pytest.mark.parametrize(
    ("number", "sql", "shown"),
    [(MAX_STEPS, "x", MAX_STEPS), (MAX_STEPS + 1, "x", MAX_STEPS), (90, "x" * 10_000, 26)],
)
def test_a_large_plan_is_cut_to_what_an_object_holds(number, sql, shown):
    keys = [AGE._replace(name=f"c{place}") for place in range(number)]
    proposal = propose_rest(SUBJECT, a_plan(*(judged(key, sql=sql) for key in keys)), {})

    assert (number, number) == (proposal.spec.step_count, len(proposal.all_steps))
    assert shown == len(proposal.spec.steps)
    assert (number > shown) is proposal.spec.truncated


def test_a_statement_that_is_too_long_is_cut_and_whole_in_the_config_map():
    proposal = propose_rest(SUBJECT, a_plan(judged(sql="x" * 20_000)), {})
    live = {"metadata": {"name": "shop-1", "namespace": "team", "uid": "p-1"}}

    body = overflow_object(live, proposal.all_steps)
    assert proposal.spec.truncated
    assert len(proposal.spec.steps[0].sql) < 16_384
    assert "x" * 20_000 in body["data"]["plan.sql"]
    assert "SchemaPlan" == body["metadata"]["ownerReferences"][0]["kind"]


def test_what_no_config_map_takes_is_packed():
    steps = propose_rest(SUBJECT, a_plan(judged(sql="x" * 1_000_000)), {}).all_steps
    live = {"metadata": {"name": "shop-1", "namespace": "team", "uid": "p-1"}}

    packed = overflow_object(live, steps)["binaryData"]["steps.json.gz"]
    assert 1_000_000 == len(json.loads(gzip.decompress(base64.b64decode(packed)))[0]["sql"])


def test_the_name_tells_database_and_hash_and_fits():
    assert "shop-0123456789" == plan_name("shop", "sha256:0123456789abcdef")
    assert "shop-0123456789-3" == plan_name("shop", "sha256:0123456789abcdef", 3)
    assert NAME_LENGTH == len(plan_name("a" * 300, "sha256:0123456789abcdef", 3))


def test_a_plan_is_owned_by_its_database():
    spec = propose_rest(SUBJECT, a_plan(judged()), {}).spec

    (owner,) = plan_object(DATABASE, "shop-1", spec)["metadata"]["ownerReferences"]
    assert ("AppDatabase", "shop", "u-1") == (owner["kind"], owner["name"], owner["uid"])

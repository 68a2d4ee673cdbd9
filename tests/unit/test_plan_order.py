"""Units run after what they need, and wait with it."""

from dataclasses import replace

import pytest

from appdb.model.catalog import Key, Kind, table_key
from appdb.plan.hazards import Hazard, Phase, StepClass
from appdb.plan.order import holding_back, order_units
from appdb.plan.plan import decide, hash_of
from appdb.plan.policy import Allowance, Begun, Decisions, Evidence, Policy, Verdict, judge
from appdb.plan.unit import Obstacle, Step, Unit, exists, gone

TABLE = table_key("public", "t")


def column(name: str) -> Key:
    return Key(Kind.COLUMN, "public", "t", name)


def a_unit(name: str, phase: Phase = Phase.COLUMNS, **more) -> Unit:
    return Unit(
        **{
            "subject": column(name),
            "phase": phase,
            "steps": (Step(statements=(f"-- {name}",), reason=name),),
            "step_class": StepClass.SAFE,
            **more,
        }
    )


def names(units) -> list[str]:
    return [unit.subject.name for unit in units]


def test_phases_decide_and_ties_keep_their_order():
    units = [a_unit("d", Phase.COLUMN_DROPS), a_unit("b"), a_unit("c"), a_unit("a", Phase.TABLES)]

    assert ["a", "b", "c", "d"] == names(order_units(units))


def test_a_need_comes_before_who_needs_it():
    needs = a_unit("needs", needs=exists(column("x")))
    makes = a_unit("makes", makes=exists(column("x")))

    assert ["makes", "needs"] == names(order_units([needs, makes]))


def test_a_circle_of_needs_still_ends():
    first = a_unit("a", needs=exists(column("y")), makes=exists(column("x")))
    second = a_unit("b", needs=exists(column("x")), makes=exists(column("y")))

    assert ["a", "b"] == names(order_units([first, second]))


def test_what_needs_a_stopped_unit_waits_directly_or_not():
    stopped = a_unit("stopped", makes=exists(column("x")))
    near = a_unit("near", needs=exists(column("x")), makes=gone(column("z")))
    far = a_unit("far", needs=gone(column("z")))
    free = a_unit("free")
    units = [stopped, near, far, free]

    assert {1, 2} == holding_back(units, [stopped]).keys()


DROP = a_unit("drop", step_class=StepClass.DESTROYS, hazards=frozenset({Hazard.DROP_COLUMN}))


@pytest.mark.parametrize(
    ("allowance", "approved", "verdict"),
    [
        (Allowance.APPROVE, False, Verdict.PENDING),
        (Allowance.APPROVE, True, Verdict.RUNS),
        (Allowance.AUTO, False, Verdict.RUNS),
        (Allowance.NEVER, True, Verdict.WITHHELD),
    ],
)
def test_a_hazard_is_decided_by_its_allowance(allowance, approved, verdict):
    policy = Policy(allow={Hazard.DROP_COLUMN: allowance})

    (judged,) = judge([DROP], policy, Evidence(), is_approved=approved)

    assert verdict is judged.verdict


def test_an_obstacle_blocks_even_what_is_approved():
    unit = replace(DROP, obstacle=Obstacle(hazard="dependents", hint="used by view v"))

    (judged,) = judge([unit], Policy(), Evidence(), is_approved=True)

    assert (Verdict.BLOCKED, StepClass.IMPOSSIBLE) == (judged.verdict, judged.step_class)


@pytest.mark.parametrize(("size", "verdict"), [(10, Verdict.RUNS), (11, Verdict.PENDING)])
def test_the_size_decides_about_a_rewrite(size, verdict):
    unit = a_unit("w", step_class=StepClass.BLOCKS, rewrites=(TABLE,))
    policy = Policy(rewrite_limit_bytes=10)

    (judged,) = judge([unit], policy, Evidence(sizes={TABLE: size}), is_approved=False)

    assert verdict is judged.verdict


def test_the_floor_of_a_server_is_above_every_allowance():
    policy = Policy(allow={Hazard.DROP_COLUMN: Allowance.AUTO}, max_class=StepClass.COMPATIBILITY)

    (judged,) = judge([DROP], policy, Evidence(), is_approved=False)

    assert Verdict.PENDING is judged.verdict


def test_the_hash_is_of_state_target_and_statements():
    units = (a_unit("a"), a_unit("b"))

    assert hash_of("x", "y", units) == hash_of("x", "y", units)
    others = [hash_of("z", "y", units), hash_of("x", "z", units), hash_of("x", "y", units[:1])]
    assert hash_of("x", "y", units) not in others


def test_an_adoption_waits_whole_unless_all_is_mild():
    mild, wild = a_unit("mild"), DROP
    asked = {"base": "x", "target": "y", "is_adoption": True}

    allowed = Policy(allow={Hazard.DROP_COLUMN: Allowance.AUTO})
    judged, _, _ = decide((mild, wild), allowed, Evidence(), **asked)
    assert {Verdict.PENDING} == {j.verdict for j in judged}

    judged, _, _ = decide((mild,), Policy(), Evidence(), **asked)
    assert {Verdict.RUNS} == {j.verdict for j in judged}

    approved = Policy(approved_plan=hash_of("x", "y", (mild, wild)))
    judged, _, is_approved = decide((mild, wild), approved, Evidence(), **asked)
    assert is_approved
    assert {Verdict.RUNS} == {j.verdict for j in judged}


def verdicts(policy, *units):
    judged, _, _ = decide(units, policy, Evidence(), base="x", target="y", is_adoption=False)
    return [j.verdict for j in judged]


def test_a_rejected_plan_waits_whole_whatever_the_policy_says():
    units = (a_unit("mild"), DROP)
    free = dict.fromkeys(Hazard, Allowance.AUTO)
    rejected = Decisions(rejected=frozenset({hash_of("x", "y", units)}))

    assert [Verdict.RUNS] * 2 == verdicts(Policy(allow=free), *units)
    assert [Verdict.PENDING] * 2 == verdicts(Policy(allow=free, decisions=rejected), *units)
    approved = Policy(approved_plan=hash_of("x", "y", units), decisions=rejected)
    assert [Verdict.PENDING] * 2 == verdicts(approved, *units)


def test_refused_steps_wait_in_another_plan_and_hold_back_nothing_else():
    free = dict.fromkeys(Hazard, Allowance.AUTO)
    refused = Decisions(refused=frozenset(step.sql for step in DROP.steps))
    policy = Policy(allow=free, decisions=refused)

    assert [Verdict.RUNS, Verdict.PENDING] == verdicts(policy, a_unit("mild"), DROP)


@pytest.mark.parametrize(
    ("target", "statements", "expected"),
    [
        ("y", {"more"}, Verdict.RUNS),
        ("z", {"more"}, Verdict.PENDING),
        ("y", None, Verdict.PENDING),
    ],
)
def test_the_rest_of_an_approved_plan_needs_no_second_approval(target, statements, expected):
    known = frozenset(step.sql for step in DROP.steps) if statements else frozenset({"other"})
    begun = Begun(target_fingerprint=target, statements=known | (statements or set()))

    assert [expected] == verdicts(Policy(decisions=Decisions(begun=(begun,))), DROP)


def test_an_approval_never_covers_what_stands_apart_from_what_it_needs():
    begin = a_unit("begin", makes=exists(column("new")))
    end = replace(DROP, needs=exists(column("new")), is_apart=True)
    both = Policy(is_review=True, approved_plan=hash_of("x", "y", (begin, end)))
    alone = Policy(is_review=True, approved_plan=hash_of("x", "y", (end,)))

    assert [Verdict.RUNS, Verdict.PENDING] == verdicts(both, begin, end)
    assert [Verdict.RUNS] == verdicts(alone, end)

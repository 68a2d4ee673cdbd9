"""Which declared renames are due, and in which order."""

import pytest

from appdb.model.catalog import Catalog, Column, Key, Kind, Table, table_key
from appdb.plan.policy import Rename
from appdb.plan.renames import rename_units, resolve_renames

COLUMN = Column(
    type="integer",
    base=None,
    not_null=False,
    default=None,
    identity="",
    counter=None,
    generated="",
    collation=None,
    position=1,
)


def a_catalog(*names: str) -> Catalog:
    objects: dict = {table_key("public", "t"): Table()}
    for name in names:
        objects[Key(Kind.COLUMN, "public", "t", name)] = COLUMN
    return Catalog(objects=objects)


def renames(*pairs: str) -> list[Rename]:
    return [Rename(table="t", column=pair[0], to=pair[1]) for pair in pairs]


def due(live: str, desired: str, *pairs: str, done: dict | None = None) -> list[str]:
    before, after = a_catalog(*live), a_catalog(*desired)
    found = resolve_renames(renames(*pairs), before, after, before.objects.keys(), done or {})
    return [f"{r.key.name}{r.to.name}" for r in found.due]


@pytest.mark.parametrize(
    ("live", "desired", "pairs", "expected"),
    [
        ("a", "b", ("ab",), ["ab"]),
        ("b", "b", ("ab",), []),
        ("ab", "b", ("ab",), ["ab"]),
        ("ab", "ab", ("ab",), []),
        ("a", "ab", ("ab",), ["ab"]),
        ("ab", "bc", ("ab", "bc"), ["ab", "bc"]),
        ("ab", "abc", ("ab", "bc"), ["bc", "ab"]),
        ("abc", "abc", ("ab", "bc"), []),
        ("ab", "ab", ("ab", "ba"), ["ab", "ba"]),
        ("x", "x", ("ab",), []),
    ],
)
def test_a_rename_is_due_when_its_work_is_still_to_be_done(live, desired, pairs, expected):
    assert sorted(expected) == sorted(due(live, desired, *pairs))


def test_a_circle_is_done_once():
    a, b = (Key(Kind.COLUMN, "public", "t", name) for name in "ab")

    assert [] == due("ab", "ab", "ab", "ba", done={b: a, a: b})


def test_an_unknown_rename_is_a_warning():
    live = a_catalog("x")

    found = resolve_renames(renames("ab"), live, live, live.objects.keys())

    assert ("rename t.a=b: neither name is there",) == found.warnings


def test_a_chain_frees_names_first_and_a_circle_goes_over_a_temporary_name():
    live = a_catalog("a", "b")
    managed = live.objects.keys()
    chain = resolve_renames(renames("ab", "bc"), live, a_catalog("b", "c"), managed)
    circle = resolve_renames(renames("ab", "ba"), live, live, managed)

    first, second = (u.steps[0].sql for u in rename_units(chain, live, managed, set()))
    assert ('TO "c"' in first, 'TO "b"' in second) == (True, True)
    (swap,) = rename_units(circle, live, managed, set())
    assert 3 == len(swap.steps[0].statements)


def test_what_is_in_the_way_goes_first_and_only_when_it_is_ours():
    live = a_catalog("a", "b")
    found = resolve_renames(renames("ab"), live, a_catalog("b"), live.objects.keys())

    drop, rename = rename_units(found, live, live.objects.keys(), set())
    assert ("D", "C") == (drop.step_class.value, rename.step_class.value)
    (together,) = rename_units(found, live, live.objects.keys(), {drop.subject})
    assert "IS NOT NULL" in together.steps[0].sql
    (taken,) = rename_units(found, live, {Key(Kind.COLUMN, "public", "t", "a")}, set())
    assert taken.obstacle is not None

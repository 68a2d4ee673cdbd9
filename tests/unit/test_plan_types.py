"""What a change of type means, pair by pair."""

import pytest

from appdb.model.catalog import Column, Key, Kind
from appdb.plan.typechange import Spelled, comparable_types, spelled, type_change


def a_column(type_: str, base: Key | None = None) -> Column:
    return Column(
        type=type_,
        base=base,
        not_null=False,
        default=None,
        identity="",
        counter=None,
        generated="",
        collation=None,
        position=1,
    )


ENUM = Key(Kind.ENUM, "public", "", "st")


@pytest.mark.parametrize(
    ("before", "after", "step_class", "rewrites"),
    [
        ("character varying(5)", "character varying(9)", "S", False),
        ("character varying(5)", "text", "S", False),
        ("text", "character varying", "S", False),
        ("numeric(10,2)", "numeric(12,2)", "S", False),
        ("numeric(10,2)", "numeric", "S", False),
        ("timestamp(3) with time zone", "timestamp with time zone", "S", False),
        ("smallint", "integer", "W", True),
        ("integer", "bigint", "W", True),
        ("integer", "numeric", "W", True),
        ("integer", "numeric(12,2)", "W", True),
        ("integer", "text", "W", True),
        ("json", "jsonb", "W", True),
        ("integer[]", "bigint[]", "W", True),
        ("text", "public.citext", "W", True),
        ("bigint", "integer", "D", True),
        ("character varying(9)", "character varying(5)", "D", True),
        ("text", "character varying(5)", "D", True),
        ("numeric(10,2)", "numeric(10,1)", "D", True),
        ("numeric", "integer", "D", True),
        ("double precision", "real", "D", True),
        ("integer", "numeric(4,2)", "D", True),
        ("timestamp with time zone", "timestamp(0) with time zone", "D", True),
        ("timestamp with time zone", "date", "D", True),
        ("timestamp without time zone", "timestamp with time zone", "C", False),
        ("date", "timestamp with time zone", "C", True),
    ],
)
def test_a_change_that_postgres_can_make(before, after, step_class, rewrites):
    found = type_change(a_column(before), a_column(after))

    assert (step_class, rewrites, True) == (
        found.step_class.value,
        found.rewrites,
        found.is_possible,
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("text", "integer"),
        ("text", "uuid"),
        ("text[]", "integer[]"),
        ("integer", "boolean"),
        ("integer", "integer[]"),
        ("jsonb", "integer"),
        ("uuid", "bigint"),
    ],
)
def test_a_change_that_needs_a_cast_is_not_possible_without(before, after):
    assert not type_change(a_column(before), a_column(after)).is_possible


def test_an_enum_becomes_text_by_itself_and_nothing_else():
    enum = a_column("public.st", ENUM)

    assert "text" == type_change(enum, a_column("text")).using
    assert not type_change(enum, a_column("integer")).is_possible
    assert not type_change(a_column("text"), enum).is_possible


@pytest.mark.parametrize("after", ["character varying(3)", "text", "integer", "numeric(3,1)"])
def test_a_narrower_type_never_comes_with_a_cast_that_could_cut(after):
    for before in ("text", "bigint", "numeric(10,4)", "character varying(90)"):
        found = type_change(a_column(before), a_column(after)) if before != after else None
        assert found is None or found.using is None


def test_rows_of_arrays_are_asked_by_element():
    found = type_change(a_column("bigint[]"), a_column("integer[]"))

    assert not found.is_possible
    narrowed = type_change(a_column("character varying(9)[]"), a_column("character varying(5)[]"))
    assert "unnest({c})" in (narrowed.loses or "")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("numeric(10,2)[]", Spelled("numeric", (10, 2), 1)),
        ("timestamp(3) with time zone", Spelled("timestamp with time zone", (3,), 0)),
        ('public."We ird"[][]', Spelled('public."We ird"', (), 2)),
    ],
)
def test_a_type_is_taken_apart(text, parts):
    assert parts == spelled(text)


def test_foreign_keys_join_types_of_one_family_only():
    assert comparable_types("integer", "bigint")
    assert comparable_types("character varying(9)", "text")
    assert not comparable_types("integer", "text")
    assert not comparable_types("text", "text[]")

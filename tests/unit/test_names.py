"""Names of databases and roles: stable, within 63 bytes, never two alike."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appdb.model.identifiers import fits
from appdb.model.names import (
    RESERVED_ACCESS_NAMES,
    database_name_for,
    hashed_database_name_for,
    role_name_for,
    role_names_for,
)

LABEL = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
NAME = st.from_regex(r"[a-z0-9]([-.a-z0-9]{0,120}[a-z0-9])?", fullmatch=True)
DATABASE = st.from_regex(r"[a-z_][a-z0-9_]{0,62}", fullmatch=True)


@pytest.mark.parametrize(
    ("namespace", "name", "expected"),
    [
        ("team-a", "shop", "team_a_shop"),
        ("a", "b.c-d", "a_b_c_d"),
        ("x" * 30, "y" * 32, f"{'x' * 30}_{'y' * 32}"),
        ("x" * 30, "y" * 33, f"{'x' * 30}_{'y' * 23}_43d16d6e"),
        ("pg", "stats", "db_pg_stats"),
        ("rdsadmin", "x", "db_rdsadmin_x"),
        ("template1", "x", "db_template1_x"),
        ("9lives", "cat", "db_9lives_cat"),
    ],
)
def test_a_database_is_named_after_namespace_and_name(namespace, name, expected):
    assert expected == database_name_for(namespace, name)


@given(LABEL, NAME)
def test_every_derived_name_is_one_that_a_spec_could_have_given(namespace, name):
    derived = database_name_for(namespace, name)

    assert re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", derived)
    assert not re.match(r"pg_|rds|template|postgres$", derived)


def test_two_objects_may_derive_one_name_and_the_claim_has_to_tell_them_apart():
    assert database_name_for("a-b", "c") == database_name_for("a", "b-c")
    assert hashed_database_name_for("a-b", "c") != hashed_database_name_for("a", "b-c")


LONG = st.text("abc-.9", min_size=63, max_size=90)


@given(st.sets(st.tuples(LABEL, LONG), min_size=2, max_size=8))
def test_no_two_names_that_were_cut_are_one(objects):
    assert len(objects) == len({database_name_for(*each) for each in objects})


def test_two_long_names_that_differ_at_the_end_stay_apart():
    assert database_name_for("team", "y" * 80 + "a") != database_name_for("team", "y" * 80 + "b")


def test_the_roles_of_a_database_are_named_as_documented():
    roles = role_names_for("shop")

    assert ("shop_owner", "shop_app", "shop_user", "shop_user_b", "shop_ro", "shop_rw") == (
        roles.owner,
        roles.app,
        roles.login,
        roles.login_b,
        roles.readers,
        roles.writers,
    )
    assert "shop_report" == roles.access("report")


@given(DATABASE)
def test_roles_fit_and_no_two_are_alike(database):
    roles = role_names_for(database)
    names = [roles.owner, roles.app, roles.login, roles.login_b, roles.readers, roles.writers]

    assert len(names) == len(set(names))
    assert all(fits(name) for name in names)


@given(st.sets(DATABASE, min_size=2, max_size=6), st.sampled_from(["owner", "app", "user_b"]))
def test_roles_of_two_databases_stay_apart_after_the_cut(databases, suffix):
    longest = {database.ljust(63, "x") for database in databases}

    assert len(longest) == len({role_name_for(database, suffix) for database in longest})


@given(DATABASE, st.text("abcdefghij-", min_size=1, max_size=63))
def test_an_access_login_fits_whatever_it_is_called(database, access_name):
    assert fits(role_name_for(database, access_name))


def test_long_access_names_that_differ_at_the_end_stay_apart():
    names = [role_name_for("d" * 60, "a" * 60 + end) for end in "xy"]

    assert names[0] != names[1]


@pytest.mark.parametrize("reserved", sorted(RESERVED_ACCESS_NAMES))
def test_an_access_login_cannot_take_the_name_of_another_role(reserved):
    with pytest.raises(ValueError, match="reserved"):
        role_names_for("shop").access(reserved)


def test_a_cut_keeps_the_purpose_of_the_role_readable():
    for suffix in ("owner", "app", "user", "user_b"):
        assert role_name_for("d" * 63, suffix).endswith(f"_{suffix}")


def test_names_never_change_between_versions_of_the_operator():
    """Status keeps names, but a lost status must find the same ones again."""
    pairs = itertools.product(["team-a", "n" * 63], ["shop", "m" * 100])

    assert [
        "team_a_shop",
        "team_a_mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm_37c30d51",
        "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn_aaac93f3",
        "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn_8c7ef29a",
    ] == [database_name_for(*pair) for pair in pairs]

"""How roles come to be made, from facts alone."""

from dataclasses import replace

import pytest

from appdb.model.claim import Claimant
from appdb.postgres.facts import DatabaseFacts
from appdb.postgres.roles import role_statements
from appdb.postgres.wanted import wanted_database

CLAIMANT = Claimant(cluster="c", namespace="team", name="shop", uid="u")
WANTED = wanted_database("shop", CLAIMANT, password="a password")
NOTHING = DatabaseFacts(
    admin="admin",
    asked_in="postgres",
    version_num=180_000,
    is_superuser=False,
    can_create_roles=True,
    database=None,
    roles={},
    template="UTF8 C",
)
HELD = (WANTED.roles.owner, WANTED.roles.app)
SELF_GRANT = "SET LOCAL createrole_self_grant = "


def statements(facts, held=HELD):
    made = role_statements(facts, WANTED, lambda _login: "a verifier", held=held)
    return [statement.as_string(None) for statement in made]


def test_the_creator_of_a_role_becomes_its_member_while_it_is_made():
    made = statements(NOTHING)

    assert [
        f"{SELF_GRANT}'inherit, set'",
        'CREATE ROLE "shop_owner" NOLOGIN',
        'CREATE ROLE "shop_app" NOLOGIN',
        f"{SELF_GRANT}''",
        "CREATE ROLE \"shop_user\" LOGIN PASSWORD 'a verifier'",
    ] == made[:5]
    assert not [each for each in made if "CURRENT_USER" in each]


@pytest.mark.parametrize(
    ("facts", "granted"),
    [
        pytest.param(replace(NOTHING, version_num=150_000), True, id="before 16 by a GRANT"),
        pytest.param(replace(NOTHING, is_superuser=True), False, id="a superuser needs none"),
    ],
)
def test_elsewhere_no_setting_is_touched(facts, granted):
    made = statements(facts)

    assert not [each for each in made if each.startswith(SELF_GRANT)]
    assert granted == ('GRANT "shop_owner", "shop_app" TO CURRENT_USER' in made)


def test_roles_that_nobody_asked_to_hold_are_made_without():
    assert not [each for each in statements(NOTHING, held=()) if SELF_GRANT in each]

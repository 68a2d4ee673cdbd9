"""Tables of who gets which login and which Secret: objects and Secrets in, logins out."""

import base64
from typing import Any

import pytest

from appdb.api import names
from appdb.cluster.secrets import Mark, SecretPlace, build_secret, read_mark
from appdb.model.claim import Part
from appdb.postgres.connect import ServerAddress
from appdb.reconcile.database.logins import (
    access_status,
    conflict_of,
    issue,
    leftover_roles,
    login_slots,
    turn_of_object,
)
from appdb.reconcile.database.observed import Observed
from appdb.reconcile.database.rotation import Turn
from appdb.reconcile.database.wanted import credentials_of, wanted_on_server
from support.appdatabases import CLUSTER, NOW, SERVER, a_database, a_ready_status

NAME = "team_a_shop"
MARK = Mark(at=NOW, trigger="t", since=NOW)


def a_secret(name: str, username: str, *, access: str = "", owner: str = "shop") -> dict[str, Any]:
    """A Secret as it stands after we applied it."""
    database = a_database()
    wanted = wanted_on_server(database, SERVER, CLUSTER, name=NAME, password=f"of-{username}")
    login = type(wanted.logins[0])(username=username, password=f"of-{username}")
    place = SecretPlace(
        namespace="team-a", name=name, database_object=owner, access=access, mark=MARK
    )
    address = ServerAddress(host="db.example")
    return build_secret(place, credentials_of(database, SERVER, address, wanted, login=login))


def observed(
    spec: dict[str, Any] | None = None,
    secret: dict[str, Any] | None = None,
    access_secrets: dict[str, Any] | None = None,
    **status: Any,
) -> Observed:
    known = a_ready_status(database={"name": NAME, "login": f"{NAME}_user"}, **status)
    return Observed(
        live={},
        database=a_database(spec or {}, known),
        cluster_id=CLUSTER,
        server=SERVER,
        source=None,
        secret=secret,
        is_due=False,
        now=NOW,
        access_secrets=access_secrets or {},
    )


def given(seen: Observed) -> dict[str, tuple[str, str]]:
    """Secret name to (login, password); a new password reads NEW."""
    found = issue(seen, login_slots(seen, NAME), lambda: "NEW")
    return {each.slot.secret_name: (each.login.username, each.login.password) for each in found}


A, B = f"{NAME}_user", f"{NAME}_user_b"
DUE = {"credentials": {"lastRotated": "2025-01-01T00:00:00Z"}}


def rotating(mode: str) -> dict[str, Any]:
    return {"credentials": {"rotation": {"trigger": "new", "mode": mode}}}


@pytest.mark.parametrize(
    ("spec", "secret", "status", "login"),
    [
        ({}, None, {}, (A, "NEW")),
        ({}, a_secret("shop-db", A), {}, (A, f"of-{A}")),
        ({}, a_secret("shop-db", B), {}, (B, f"of-{B}")),
        (rotating("InPlace"), a_secret("shop-db", A), DUE, (A, "NEW")),
        (rotating("Overlap"), a_secret("shop-db", A), DUE, (B, "NEW")),
        (rotating("Overlap"), a_secret("shop-db", B), DUE, (A, "NEW")),
        (rotating("Overlap"), None, DUE, (B, "NEW")),
        (rotating("InPlace"), a_secret("shop-db", B), DUE, (B, "NEW")),
        (rotating("Overlap"), a_secret("shop-db", A), {}, (A, f"of-{A}")),
    ],
    ids=[
        "new",
        "kept",
        "kept on the other side",
        "in place",
        "overlap",
        "overlap back",
        "overlap of a lost Secret",
        "in place on the other side",
        "never told: not due",
    ],
)
def test_the_login_of_the_application(spec, secret, status, login):
    assert {"shop-db": login} == given(observed(spec, secret, **status))


def test_an_edited_username_is_outvoted():
    secret = a_secret("shop-db", A)
    secret["data"]["username"] = base64.b64encode(B.encode()).decode()

    assert {"shop-db": (A, f"of-{A}")} == given(observed({}, secret))


def test_a_login_of_access_never_takes_the_password_of_another():
    spec = {"access": [{"name": "bi"}, {"name": "job", "secretName": "x"}]}
    found = {"x": a_secret("x", f"{NAME}_bi", access="bi")}

    seen = observed(spec, a_secret("shop-db", A), found)

    assert (f"{NAME}_job", "NEW") == given(seen)["x"]


def test_a_secret_that_changes_its_name_takes_the_password_along():
    spec = {"access": [{"name": "bi", "secretName": "new"}]}
    status = {"access": [{"name": "bi", "login": f"{NAME}_bi", "secretName": "shop-db-bi"}]}
    old = a_secret("shop-db-bi", f"{NAME}_bi", access="bi")

    seen = observed(spec, a_secret("shop-db", A), {"shop-db-bi": old, "new": None}, **status)

    assert (f"{NAME}_bi", f"of-{NAME}_bi") == given(seen)["new"]


@pytest.mark.parametrize(
    ("access", "found", "says"),
    [
        ([{"name": "bi"}], {"shop-db-bi": {"metadata": {"name": "shop-db-bi"}}}, "is not this"),
        ([{"name": "bi"}], {"shop-db-bi": a_secret("shop-db-bi", "x", owner="cart")}, "is not"),
        ([{"name": "bi"}, {"name": "job", "secretName": "shop-db-bi"}], {}, "asked for twice"),
        ([{"name": "job", "secretName": "shop-db"}], {}, "asked for twice"),
    ],
)
def test_a_secret_of_somebody_else_is_a_conflict_that_names_it(access, found, says):
    seen = observed({"access": access}, a_secret("shop-db", A), found)

    conflict = conflict_of(login_slots(seen, NAME))

    assert conflict is not None
    assert says in conflict.message
    assert f"team-a/{access[-1].get('secretName', 'shop-db-bi')}" in conflict.message
    assert (A, f"of-{A}") == given(seen)["shop-db"]


def test_one_login_that_had_its_rotation_keeps_it_while_the_others_follow():
    spec = rotating("Overlap") | {"access": [{"name": "bi"}]}
    status = {
        "access": [{"name": "bi", "login": f"{NAME}_bi", "secretName": "shop-db-bi"}],
        "credentials": {"lastRotated": NOW.strftime("%Y-%m-%dT%H:%M:%SZ")},
    }
    own = a_secret("shop-db", B)
    own["metadata"]["annotations"] |= {
        names.ANNOTATION_ROTATED_AT: "2026-01-01T00:00:01Z",
        names.ANNOTATION_ROTATED_FOR: "new",
        names.ANNOTATION_ROTATED_SINCE: "2026-01-01T00:00:00Z",
    }
    bi = a_secret("shop-db-bi", f"{NAME}_bi", access="bi")

    seen = observed(spec, own, {"shop-db-bi": bi}, **status)

    assert Turn.SWAP is turn_of_object(seen, login_slots(seen, NAME))
    assert {"shop-db": (B, f"of-{B}"), "shop-db-bi": (f"{NAME}_bi_b", "NEW")} == given(seen)


def test_a_mark_survives_the_way_through_the_secret():
    assert MARK == read_mark(a_secret("shop-db", A))


CLAIMED = {
    A: Part.LOGIN,
    B: Part.LOGIN,
    f"{NAME}_app": Part.APP,
    f"{NAME}_owner": Part.OWNER,
    f"{NAME}_bi": Part.ACCESS,
    f"{NAME}_ro": Part.READERS,
}


@pytest.mark.parametrize(
    ("access", "found", "is_over", "gone"),
    [
        ([], {}, True, [f"{NAME}_bi", f"{NAME}_ro", B]),
        ([], {}, False, [f"{NAME}_bi", f"{NAME}_ro"]),
        ([{"name": "bi"}], {}, True, [B]),
        ([{"name": "bi"}], {}, False, []),
        ([{"name": "bi"}], {"shop-db-bi": {"metadata": {}}}, True, [B]),
    ],
)
def test_the_roles_that_go(access, found, is_over, gone):
    seen = observed({"access": access}, a_secret("shop-db", A), found)
    slots = login_slots(seen, NAME)
    wanted = [each.login.username for each in issue(seen, slots, lambda: "NEW")]
    if access and not found:
        wanted.append(f"{NAME}_ro")

    assert gone == list(leftover_roles(CLAIMED, slots, wanted, is_over=is_over))


def test_a_login_that_was_taken_out_stands_in_status_until_it_is_gone():
    status = {"access": [{"name": "bi", "login": f"{NAME}_bi", "secretName": "shop-db-bi"}]}
    seen = observed({"access": [{"name": "job"}]}, a_secret("shop-db", A), **status)
    issues = issue(seen, login_slots(seen, NAME), lambda: "NEW")

    before = access_status(seen.database, issues, has_retired=False)
    after = access_status(seen.database, issues, has_retired=True)

    assert ["job", "bi"] == [each.name for each in before]
    assert ["job"] == [each.name for each in after]

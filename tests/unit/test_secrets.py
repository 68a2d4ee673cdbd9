"""The credential Secret: its keys, its encoding, and what survives a user's edits."""

import base64
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appdb.api import names
from appdb.cluster.secrets import (
    PASSWORD_ALPHABET,
    Address,
    Credentials,
    SecretPlace,
    build_secret,
    differs,
    is_intact,
    is_ours,
    label_value,
    new_password,
    read_keys,
    read_password,
    secret_keys,
)
from appdb.errors import InvalidSpec

STANDARD_KEYS = {
    "type", "provider", "host", "port", "database", "dbname", "username", "user", "password",
    "uri", "connection_string", "jdbc-uri", "pgpass", "sslmode", "DATABASE_URL", "PGHOST",
    "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSSLMODE",
}  # fmt: skip


def credentials(**changes):
    values = {
        "main": Address("pg.internal", 5432),
        "primary": Address("pg.internal", 5432),
        "database": "team_a_shop",
        "username": "team_a_shop_user",
        "password": "s3cret-Password_0123456789abcdef",
        "sslmode": "prefer",
    }
    return Credentials(**(values | changes))


def place(**changes):
    values = {"namespace": "team-a", "name": "shop-db", "database_object": "shop"}
    return SecretPlace(**(values | changes))


def live(secret, *, foreign=None, **edits):
    """The Secret as the API server would hold it, after some edits."""
    data = dict(secret["data"])
    fields = {f"f:{key}": {} for key in data}
    data |= {k: base64.b64encode(v.encode()).decode() for k, v in (foreign or {}).items()}
    data |= {k: base64.b64encode(v.encode()).decode() for k, v in edits.items()}
    entry = {"manager": names.FIELD_MANAGER, "operation": "Apply", "fieldsV1": {"f:data": fields}}
    metadata = secret["metadata"] | {"managedFields": [entry]}
    return secret | {"data": data, "metadata": metadata}


def test_the_secret_has_exactly_the_standard_keys():
    assert STANDARD_KEYS == set(secret_keys(credentials()))


def test_a_ca_a_pooler_and_replicas_add_their_keys():
    keys = secret_keys(
        credentials(
            ca="PEM",
            sslmode="verify-full",
            pooler=Address("pool", 6432),
            main=Address("pool", 6432),
            replicas=(Address("r1", 5432), Address("r2", 5433)),
        )
    )

    assert {"ca.crt", "direct-uri", "pooler-uri", "replica-uri"} == set(keys) - STANDARD_KEYS
    assert "@pool:6432/" in keys["DATABASE_URL"]
    assert "@pg.internal:5432/" in keys["direct-uri"]
    assert "@r1:5432,r2:5433/" in keys["replica-uri"]
    assert keys["uri"].endswith("?sslmode=verify-full")


@given(
    password=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
    database=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
)
def test_any_password_and_name_survive_the_way_through_the_uri(password, database):
    uri = urlsplit(secret_keys(credentials(password=password, database=database))["uri"])

    assert password == unquote(uri.password)
    assert database == unquote(uri.path[1:])
    assert "pg.internal" == uri.hostname


def test_a_mode_that_drivers_misread_is_left_out_of_the_uri():
    assert "sslmode" not in secret_keys(credentials(sslmode="prefer"))["DATABASE_URL"]
    assert "sslmode=require" in secret_keys(credentials(sslmode="require"))["DATABASE_URL"]


def test_an_ipv6_host_stands_in_brackets_in_uris_and_without_in_pghost():
    keys = secret_keys(credentials(main=Address("[fd00::5]", 5432)))

    assert "@[fd00::5]:5432/" in keys["uri"]
    assert "fd00::5" == keys["PGHOST"]


def test_a_password_file_escapes_colons_and_backslashes():
    keys = secret_keys(credentials(password="a:b\\c"))

    assert keys["pgpass"].endswith(":a\\:b\\\\c")


def test_a_template_is_filled_with_standard_keys_and_runs_no_code():
    keys = secret_keys(
        credentials(template={"SPRING_URL": "jdbc:{{host}}:{{ port }}/{{database}}"})
    )

    assert "jdbc:pg.internal:5432/team_a_shop" == keys["SPRING_URL"]


@pytest.mark.parametrize("template", [{"uri": "x"}, {"X": "{{nosuch}}"}])
def test_a_template_that_cannot_be_filled_names_the_key(template):
    with pytest.raises(InvalidSpec, match=r"credentials\.template"):
        secret_keys(credentials(template=template))


def test_a_password_is_long_and_needs_no_encoding():
    password = new_password()

    assert 32 == len(password)
    assert set(password) <= set(PASSWORD_ALPHABET)
    assert password != new_password()


def test_no_repr_shows_the_password():
    assert "s3cret" not in repr(credentials())


def test_a_secret_is_ours_by_the_name_of_its_object_only():
    secret = build_secret(place(), credentials())

    assert is_ours(secret, "shop")
    assert not is_ours(secret, "other")
    assert not is_ours({"metadata": {}}, "shop")


def test_a_long_name_still_fits_into_a_label():
    assert 63 >= len(label_value("a" * 200))
    assert label_value("a" * 200) != label_value("a" * 201)


def test_what_was_written_is_intact_and_does_not_differ():
    secret = build_secret(place(), credentials())

    assert is_intact(live(secret))
    assert not differs(live(secret), secret)


def test_a_foreign_key_disturbs_nothing():
    secret = build_secret(place(), credentials())
    grown = live(secret, foreign={"SENTRY_DSN": "x"})

    assert is_intact(grown)
    assert not differs(grown, secret)


def test_an_edited_key_is_noticed_and_the_password_is_found_in_the_others():
    secret = build_secret(place(), credentials())
    edited = live(secret, password="hand-made")

    assert not is_intact(edited)
    assert differs(edited, secret)
    assert credentials().password == read_password(edited)


def test_a_secret_whose_keys_do_not_agree_yields_no_password():
    secret = build_secret(place(), credentials())
    edited = live(secret, password="a", PGPASSWORD="b", uri="c", DATABASE_URL="d")

    assert read_password(edited) is None


@pytest.mark.parametrize(
    "change",
    [
        {"labels": {"team": "a"}},
        {"annotations": {"reloader": "on"}},
        {"owner": {"uid": "u1", "kind": "AppDatabase"}},
    ],
)
def test_new_labels_annotations_or_an_owner_differ(change):
    before = live(build_secret(place(), credentials()))

    assert differs(before, build_secret(place(**change), credentials()))


def test_an_owner_that_is_no_longer_wanted_differs():
    before = live(build_secret(place(owner={"uid": "u1"}), credentials()))

    assert differs(before, build_secret(place(), credentials()))


def test_a_key_that_left_the_template_differs():
    before = live(build_secret(place(), credentials(template={"X": "{{host}}"})))

    assert differs(before, build_secret(place(), credentials()))


def test_keys_that_are_no_text_are_passed_over():
    assert {"a": "b"} == read_keys({"data": {"a": "Yg==", "bad": "/w==", "worse": "!"}})

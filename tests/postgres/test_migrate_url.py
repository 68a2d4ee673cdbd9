"""A database URL is read without asking libpq's environment for what it says itself."""

import pytest

from appdb.errors import InvalidSpec
from appdb.postgres.url import parse_url


@pytest.mark.parametrize(
    ("url", "environ", "expected"),
    [
        ("postgresql://u:p%40w@h:6000/d", {}, ("h", 6000, "u", "p@w", "d")),
        ("postgres://u@h/d", {"PGPASSWORD": "s"}, ("h", 5432, "u", "s", "d")),
        ("host=h user=u dbname=d password='a b'", {}, ("h", 5432, "u", "a b", "d")),
        ("postgresql://u:p@h", {}, ("h", 5432, "u", "p", "u")),
    ],
)
def test_a_url_names_server_login_and_database(url, environ, expected):
    found = parse_url(url, environ=environ)

    assert expected == (
        found.address.host,
        found.address.port,
        found.login.username,
        found.login.password,
        found.database,
    )


def test_tls_is_taken_from_the_url():
    assert "require" == parse_url("postgresql://u@h/d?sslmode=require").address.sslmode


@pytest.mark.parametrize("url", ["postgresql://u:s3cret@h:port/d", "postgresql://:s3cret@/d", "x"])
def test_what_cannot_be_read_is_refused_without_repeating_it(url):
    with pytest.raises(InvalidSpec) as error:
        parse_url(url, environ={})

    assert "s3cret" not in error.value.message


def test_several_hosts_are_refused():
    with pytest.raises(InvalidSpec, match="primary"):
        parse_url("postgresql://u@a,b/d", environ={})

import json
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appdb.cluster.secrets import PASSWORD_ALPHABET
from appdb.runtime.logs import JsonFormatter, TextFormatter, redacted

CANARY = "hunter2-CANARY_secret"


def a_record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    record = logging.LogRecord("appdb.test", logging.INFO, "file.py", 1, message, args, None)
    record.__dict__.update(extra)
    return record


@pytest.mark.parametrize(
    "text",
    [
        f"connecting to postgresql://shop:{CANARY}@db:5432/shop?sslmode=require",
        f"postgres://u:{CANARY}@[::1]/x",
        f"password={CANARY}",
        f"host=db password={CANARY} port=5432",
        f"PGPASSWORD={CANARY}",
        f"Password: {CANARY}",
        f'{{"password": "{CANARY}"}}',
        f"ALTER ROLE a PASSWORD '{CANARY}'",
        f"Authorization: Bearer {CANARY}",
        f"token={CANARY}",
    ],
)
def test_what_looks_like_a_credential_is_not_logged(text: str):
    assert CANARY not in redacted(text)


@settings(deadline=None)
@given(st.text(PASSWORD_ALPHABET, min_size=32, max_size=32))
def test_no_password_that_we_make_survives_in_a_url(password: str):
    assert password not in redacted(f"error for postgresql://a:{password}@h:1/d, trying again")


@pytest.mark.parametrize(
    "text",
    [
        "database team_a_shop is owned by team_a_shop_owner",
        "https://127.0.0.1:6443/api/v1/namespaces",
        "the admin's password was refused",
    ],
)
def test_what_is_no_credential_is_logged_as_it_is(text: str):
    assert text == redacted(text)


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_neither_message_nor_fields_nor_traceback_carry_one(formatter: logging.Formatter):
    record = a_record("opening %s", f"postgres://a:{CANARY}@h/d", uri=f"pg://a:{CANARY}@h/d")
    record.exc_info = (ValueError, ValueError(f"password={CANARY}"), None)

    assert CANARY not in formatter.format(record)


@pytest.mark.parametrize(
    "text", [f"password={CANARY}", f'{{"token": "{CANARY}"}}', f"Bearer {CANARY}"]
)
def test_a_line_stays_json_where_something_was_cut(text: str):
    line = json.loads(JsonFormatter().format(a_record(text, said=text, more="x")))

    assert "x" == line["more"]
    assert CANARY not in str(line)


def test_a_line_is_one_object_with_time_level_and_fields():
    line = JsonFormatter().format(a_record("a stage\nis not done", object="a/b", tries=2))

    assert "\n" not in line
    found = json.loads(line)
    assert ("info", "appdb.test", "a/b", 2) == (
        found["level"],
        found["logger"],
        found["object"],
        found["tries"],
    )
    assert found["time"].endswith("+00:00")

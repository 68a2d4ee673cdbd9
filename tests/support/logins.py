"""Logins of a team's database: what a Secret opens, and what is on the server under our names."""

from collections.abc import Mapping

import psycopg

from support.team import Json, Team, decoded, until

LONG_AGO = "2020-01-01T00:00:00Z"


def may_log_in(keys: Mapping[str, str]) -> bool:
    """Tell whether the keys of a Secret, as they are or were, open a session."""
    try:
        with psycopg.connect(keys.get("DATABASE_URL", ""), connect_timeout=5):
            return True
    except psycopg.OperationalError:
        return False


def keys_of(team: Team, secret: str) -> dict[str, str]:
    found = team.secret(secret)
    assert found is not None, f"no Secret {secret}"
    return decoded(found)


def login_roles(team: Team, name: str) -> list[str]:
    """The roles of a database that may log in."""
    database = team.status(name)["database"]["name"]
    with psycopg.connect(team.sandbox.postgres.server.dsn()) as superuser:
        rows = superuser.execute(
            "SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s) AND rolcanlogin"
            " ORDER BY 1",
            (f"{database}_",),
        ).fetchall()
    return [row[0] for row in rows]


def rotate(team: Team, name: str, trigger: str, **rotation: str) -> None:
    """Set the trigger and wait until it is handled and the object is Ready."""
    team.apply(name, credentials={"rotation": {"trigger": trigger, **rotation}})
    until(
        lambda: credentials(team, name).get("lastTrigger") == trigger, say=lambda: team.tell(name)
    )
    team.await_ready(name)


def credentials(team: Team, name: str) -> Json:
    return team.status(name).get("credentials", {})


def set_credentials(team: Team, name: str, **changes: str) -> None:
    """Put times into status, as if they had gone by, and wake the operator."""
    body = {"status": {"credentials": changes}}
    path = f"{team._path(name)}/status"
    assert team.api.patch(path, body).status == 200

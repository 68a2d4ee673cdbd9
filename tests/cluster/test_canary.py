"""Passwords stand in Secrets and nowhere else, whatever happens."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from appdb.local.sandbox import Options, Sandbox
from support.logins import keys_of, rotate
from support.platform import Platform
from support.sandbox import fresh_namespace
from support.shop import PRISMA, PRISMA_WRONG
from support.team import Team, until

pytestmark = [pytest.mark.cluster, pytest.mark.security]

EVERY_KIND = "appdatabases,databaseservers,schemaplans,events,configmaps,leases"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that says all it can: debug logs, every statement, every request."""
    options = Options(
        audits=True, logs_statements=True, operator_settings={"APPDB_LOG_LEVEL": "debug"}
    )
    with Sandbox(tmp_path_factory.mktemp("canary"), options) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def secrets_of_a_life(own: Sandbox) -> list[str]:
    """Every password of databases that were made, healed, broken and dropped."""
    with fresh_namespace(own.control_plane) as name:
        team, platform = Team(sandbox=own, namespace=name), Platform(sandbox=own)
        found = [own.admin.password, own.postgres.server.password, "wrong-admin-CANARY"]
        team.apply_source("shop", {"schema.prisma": PRISMA})
        team.apply("shop", source={"configMaps": [{"name": "shop"}]})
        team.await_ready("shop")
        found.append(team.keys("shop")["password"])
        team.api.request("DELETE", f"/api/v1/namespaces/{name}/secrets/shop-db")
        team.request_look("shop")
        team.await_ready("shop")
        found.append(team.keys("shop")["password"])
        team.apply_source("shop", {"schema.prisma": PRISMA_WRONG})
        team.await_says("shop", "SourceReady", "False", "ParseFailed")
        found += rotated_passwords(team)
        team.apply("gone", deletionPolicy="Delete")
        team.await_ready("gone")
        found.append(team.keys("gone")["password"])
        with psycopg.connect(team.keys("gone")["DATABASE_URL"]):
            team.delete("gone")
            team.await_gone("gone")
        with platform.server(own.postgres, adminSecretRef={"name": "none"}) as server:
            platform.write_admin(server, "appdb_admin", "wrong-admin-CANARY")
            platform.patch(server, {"spec": {"adminSecretRef": {"name": f"{server}-admin"}}})
            platform.await_says(server, "Reachable", "False", "AuthenticationFailed")
        (own.home / "objects.yaml").write_text(own.kubectl("get", "-A", "-o", "yaml", EVERY_KIND))
        (own.home / "metrics.txt").write_text(own.operator.get("/metrics")[1])
        (own.home / "processes.txt").write_text(every_command_line())
        yield found


def rotated_passwords(team: Team) -> list[str]:
    """Every password of an object whose logins change, in both ways and with a login taken away."""
    team.apply("turn", access=[{"name": "bi"}, {"name": "job", "role": "Writer"}])
    team.await_ready("turn")
    secrets = ("turn-db", "turn-db-bi", "turn-db-job")
    found = [keys_of(team, secret)["password"] for secret in secrets]
    for trigger, mode in (("one", "InPlace"), ("two", "Overlap"), ("three", "Overlap")):
        rotate(team, "turn", trigger, mode=mode, grace="0s")
        found += [keys_of(team, secret)["password"] for secret in secrets]
    team.apply("turn", access=[])
    until(lambda: team.secret("turn-db-bi") is None, say=lambda: team.tell("turn"))
    return found


def every_command_line() -> str:
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(lines)


def test_the_passwords_are_all_different_and_long(secrets_of_a_life: list[str]):
    assert len(secrets_of_a_life) == len(set(secrets_of_a_life))
    assert all(len(password) >= 18 for password in secrets_of_a_life)


@pytest.mark.parametrize(
    ("place", "proof"),
    [
        ("operator.log", "a stage is not done"),
        ("objects.yaml", "kind: AppDatabase"),
        ("metrics.txt", "appdb_database_ready"),
        ("processes.txt", "appdb run"),
    ],
)
def test_no_password_is_in_what_the_operator_says(
    own: Sandbox, secrets_of_a_life: list[str], place: str, proof: str
):
    require_none_of(secrets_of_a_life, (own.home / place).read_text(errors="replace"), proof)


def test_no_password_is_in_the_log_of_postgres(own: Sandbox, secrets_of_a_life: list[str]):
    text = own.postgres.server.log_path.read_text(errors="replace")

    require_none_of(secrets_of_a_life, text, "CREATE DATABASE")


def test_no_password_is_in_the_audit_log(own: Sandbox, secrets_of_a_life: list[str]):
    text = own.control_plane.audit_log.read_text(errors="replace")

    require_none_of(secrets_of_a_life, text, "appdatabases")


def require_none_of(passwords: list[str], text: str, proof: str) -> None:
    """None of them is there; `proof` is, so that an empty text does not pass."""
    assert proof in text
    assert [] == [password[:4] for password in passwords if password in text]

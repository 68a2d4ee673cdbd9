"""Passwords stand in Secrets and nowhere else, whatever happens; and who looks for them finds them.

Every sandbox of the tests is searched at its end (`support/canary.py`). This one says all it can.
"""

import base64
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from appdb.local.sandbox import Options, Sandbox
from support.canary import (
    Place,
    leaks,
    passwords_of,
    places_of,
    require_silence,
    spellings,
    watched_sandbox,
)
from support.logins import rotate
from support.platform import Platform
from support.sandbox import fresh_namespace, unique_name
from support.secretwatch import SecretWatch
from support.shop import PRISMA, PRISMA_WRONG
from support.team import Team, until

pytestmark = [pytest.mark.cluster, pytest.mark.security]

WRONG = "wrong-admin-CANARY"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that says all it can: debug logs, every statement, every request."""
    options = Options(
        audits=True, logs_statements=True, operator_settings={"APPDB_LOG_LEVEL": "debug"}
    )
    with watched_sandbox(tmp_path_factory.mktemp("canary"), options) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def lived(own: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Every password of databases that were made, healed, broken, rotated and dropped."""
    home = tmp_path_factory.mktemp("watch")
    with SecretWatch(own.control_plane, home) as watch, fresh_namespace(own.control_plane) as name:
        team = Team(sandbox=own, namespace=name)
        heal_and_break(team)
        rotate_and_take_away(team)
        drop_under_a_session(team)
        refuse_the_admin(Platform(sandbox=own))
        yield watch.finish() | passwords_of(own.postgres)


def heal_and_break(team: Team) -> None:
    team.apply_source("shop", {"schema.prisma": PRISMA})
    team.apply("shop", source={"configMaps": [{"name": "shop"}]})
    team.await_ready("shop")
    team.api.request("DELETE", f"/api/v1/namespaces/{team.namespace}/secrets/shop-db")
    team.request_look("shop")
    team.await_ready("shop")
    team.apply_source("shop", {"schema.prisma": PRISMA_WRONG})
    team.await_says("shop", "SourceReady", "False", "ParseFailed")


def rotate_and_take_away(team: Team) -> None:
    team.apply("turn", access=[{"name": "bi"}, {"name": "job", "role": "Writer"}])
    team.await_ready("turn")
    for trigger, mode in (("one", "InPlace"), ("two", "Overlap"), ("three", "Overlap")):
        rotate(team, "turn", trigger, mode=mode, grace="0s")
    team.apply("turn", access=[])
    until(lambda: team.secret("turn-db-bi") is None, say=lambda: team.tell("turn"))


def drop_under_a_session(team: Team) -> None:
    team.apply("gone", deletionPolicy="Delete")
    team.await_ready("gone")
    with psycopg.connect(team.keys("gone")["DATABASE_URL"]):
        team.delete("gone")
        team.await_gone("gone")


def refuse_the_admin(platform: Platform) -> None:
    postgres = platform.sandbox.postgres
    with platform.server(postgres, adminSecretRef={"name": "none"}) as server:
        platform.write_admin(server, "appdb_admin", WRONG)
        platform.patch(server, {"spec": {"adminSecretRef": {"name": f"{server}-admin"}}})
        platform.await_says(server, "Reachable", "False", "AuthenticationFailed")


def test_every_password_of_a_life_is_collected(own: Sandbox, lived: dict[str, str]):
    of_apps = [whose for whose in lived.values() if "Secret ns" in whose]

    # Two of `shop`; of `turn` one each and three more by rotations; one of `gone`.
    assert 2 + 3 * (1 + 3) + 1 == len(of_apps)
    assert {own.admin.password, own.postgres.server.password, WRONG} <= set(lived)


@pytest.mark.parametrize(
    ("place", "proof"),
    [
        ("operator.log", "a stage is not done"),
        ("audit.log", "observedGeneration"),
        ("postgres.log", "CREATE DATABASE"),
        ("objects.txt", '"kind": "AppDatabase"'),
        ("metrics.txt", "appdb_build_info"),
        ("commands.txt", "appdb run"),
        ("environments.txt", "KUBECONFIG="),
    ],
)
def test_no_password_of_a_life_is_told(own: Sandbox, lived: dict[str, str], place: str, proof: str):
    places = {each.path.name: each for each in places_of(own)}

    # The proof is that the place was filled: of an empty one it would be true too.
    assert proof in places[place].path.read_text(errors="replace")
    assert [] == leaks(places[place], lived)


def plant_in_operator_log(sandbox: Sandbox, password: str) -> None:
    with sandbox.operator.log_path.open("a") as log:
        log.write(f'{{"message": "connecting to postgresql://a:{quote(password, safe="")}@h"}}\n')


def plant_in_statement(sandbox: Sandbox, password: str) -> None:
    with psycopg.connect(sandbox.postgres.server.dsn()) as superuser:
        superuser.execute(f"SELECT $planted${password}$planted$".encode())


def plant_in_status(sandbox: Sandbox, password: str) -> None:
    """A status that told a password for a moment is told by the log of requests."""
    with fresh_namespace(sandbox.control_plane) as name:
        team = Team(sandbox=sandbox, namespace=name)
        team.apply("told", suspend=True)
        path = f"{team._path('told')}/status"
        for text in (password, "shop"):
            status = {"status": {"database": {"name": text}}}
            assert team.api.patch(path, status).status == 200


def plant_in_config_map(sandbox: Sandbox, password: str) -> None:
    sandbox.kubectl("create", "configmap", unique_name("told"), f"--from-literal=a={password}")


PLANTS: dict[str, Callable[[Sandbox, str], None]] = {
    "operator.log": plant_in_operator_log,
    "postgres.log": plant_in_statement,
    "audit.log": plant_in_status,
    "objects.txt": plant_in_config_map,
}


@pytest.mark.parametrize("place", PLANTS)
def test_a_password_that_was_planted_is_found(own: Sandbox, place: str):
    planted = f"{unique_name('planted')}-p@ss/word"
    PLANTS[place](own, planted)

    with pytest.raises(AssertionError, match=rf"{place}:[0-9]+: password of nobody") as raised:
        require_silence(places_of(own), {planted: "nobody"})
    assert planted not in str(raised.value)


def test_a_password_in_a_command_line_is_found(own: Sandbox):
    planted = f"{unique_name('planted')}-password"
    command = ["sh", "-c", "read -r _", f"postgresql://a:{planted}@h"]

    with (
        subprocess.Popen(command, stdin=subprocess.PIPE),
        pytest.raises(AssertionError, match=r"commands\.txt:[0-9]+: password of nobody"),
    ):
        require_silence(places_of(own), {planted: "nobody"})


def test_a_verifier_is_found_where_none_may_stand(tmp_path: Path):
    path = tmp_path / "log"
    path.write_text("fine\nPASSWORD 'SCRAM-SHA-256$4096:c2FsdA==$a:b'\n")

    assert [f"{path}:2: a verifier"] == leaks(Place(path=path), {})
    assert [] == leaks(Place(path=path, has_verifiers=True), {})


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz"])
def test_a_password_is_found_inside_of_anything_in_base64(tmp_path: Path, before: str):
    path, password = tmp_path / "log", "hunter2-hunter2-%"
    path.write_bytes(base64.b64encode(f"{before}{password}&after".encode()))

    assert [f"{path}:1: password of nobody, in base64"] == leaks(
        Place(path=path), {password: "nobody"}
    )
    assert all(len(each) > 12 for each in spellings(password))

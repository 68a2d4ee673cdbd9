"""Kills in the middle of rotations: every Secret logs in, and nothing is left over."""

import random
from collections.abc import Iterator

import pytest

from appdb.local.operatorprocess import OperatorProcess
from support.canary import watched_sandbox
from support.kills import STARTED, kill_while_working
from support.logins import credentials, keys_of, login_roles, may_log_in
from support.sandbox import fresh_namespace
from support.team import Team, until

pytestmark = [pytest.mark.faults, pytest.mark.cluster, pytest.mark.slow]

KILLS = 20
LONGEST_LIFE_SECONDS = 0.8
LONGER = 1.5
ACCESS = [{"name": "report", "role": "Reader"}, {"name": "etl", "role": "Writer"}]
MODES = {"over1": "Overlap", "over2": "Overlap", "inplace1": "InPlace", "inplace2": "InPlace"}


@pytest.fixture
def team(tmp_path) -> Iterator[Team]:
    """A namespace of a sandbox of its own, whose operator is killed."""
    with watched_sandbox(tmp_path) as sandbox, fresh_namespace(sandbox.control_plane) as name:
        yield Team(sandbox=sandbox, namespace=name)


def secrets_of(name: str) -> list[str]:
    return [f"{name}-db", *(f"{name}-db-{access['name']}" for access in ACCESS)]


def passwords_of(team: Team) -> set[str]:
    """The passwords that stand in the Secrets now."""
    return {keys_of(team, secret)["password"] for name in MODES for secret in secrets_of(name)}


def broken_secrets(team: Team, names: list[str]) -> list[str]:
    """The Secrets that do not log in."""
    found = [secret for name in names for secret in secrets_of(name)]
    return [secret for secret in found if not may_log_in(keys_of(team, secret))]


@pytest.mark.timeout(600)
def test_twenty_kills_in_rotations_lock_nobody_out(team: Team):
    chance = random.Random(12)
    for name in MODES:
        team.apply(name, access=ACCESS, deletionPolicy="Delete")
    for name in MODES:
        team.await_ready(name, seconds=60)
    team.sandbox.operator.kill()
    overlapping = [name for name, mode in MODES.items() if mode == "Overlap"]
    first = passwords_of(team)
    seen, longest = set(first), LONGEST_LIFE_SECONDS

    for number in range(KILLS):
        for name, mode in MODES.items():
            rotation = {"trigger": f"t{number}", "mode": mode, "grace": "1s"}
            team.apply(name, credentials={"rotation": rotation})
        operator = team.sandbox.operator
        kill_while_working(operator, chance, after=STARTED, longest_seconds=longest)
        # A login of an Overlap works before its Secret names it, whatever was killed.
        assert [] == broken_secrets(team, overlapping), f"kill {number}"
        found = passwords_of(team)
        # On a busy machine a life may be too short for anything to happen in it.
        longest = LONGEST_LIFE_SECONDS if found - seen else longest * LONGER
        seen |= found
    # The kills met rotations: passwords came and went in between.
    assert seen - first
    team.sandbox.operator.start()

    for name in MODES:
        await_settled(team, name, f"t{KILLS - 1}")
    assert [] == broken_secrets(team, list(MODES))
    for name in MODES:
        usernames = sorted(keys_of(team, secret)["username"] for secret in secrets_of(name))
        assert usernames == login_roles(team, name)


def await_settled(team: Team, name: str, trigger: str) -> None:
    """Wait for a trigger and for the end of its grace."""
    until(
        lambda: (
            credentials(team, name).get("lastTrigger") == trigger
            and "previousLogin" not in credentials(team, name)
        ),
        seconds=60,
        say=lambda: team.tell(name),
    )
    team.await_ready(name, seconds=60)


@pytest.mark.timeout(600)
def test_two_operators_at_once_lock_nobody_out(team: Team):
    """A leader that does not know yet that it lost: here two that never ask."""
    rival = OperatorProcess(
        kubeconfig=team.sandbox.operator.kubeconfig, log_path=team.sandbox.home / "rival.log"
    )
    for name in MODES:
        team.apply(name, access=ACCESS, deletionPolicy="Delete")
    for name in MODES:
        team.await_ready(name, seconds=60)
    rival.start()
    try:
        for number in range(KILLS):
            for name, mode in MODES.items():
                rotation = {"trigger": f"t{number}", "mode": mode, "grace": "0s"}
                team.apply(name, credentials={"rotation": rotation})
            for name in MODES:
                await_settled(team, name, f"t{number}")
            until(
                lambda: not broken_secrets(team, list(MODES)),
                say=lambda: broken_secrets(team, list(MODES)),
            )
    finally:
        rival.kill()

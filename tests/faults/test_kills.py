"""A process that is killed anywhere, again and again, leaves nothing that does not heal."""

import random
from collections.abc import Iterator

import psycopg
import pytest

from appdb.api.conditions import KStatus
from appdb.local.sandbox import Options
from support.canary import watched_sandbox
from support.kills import LISTED, kill_while_working
from support.sandbox import fresh_namespace
from support.shop import PRISMA
from support.team import Team

pytestmark = [pytest.mark.faults, pytest.mark.cluster, pytest.mark.slow]

OBJECTS = 20
KILLS = 30
LONGEST_LIFE_SECONDS = 1.2


@pytest.fixture
def team(tmp_path) -> Iterator[Team]:
    """A namespace of a sandbox of its own, whose operator is killed."""
    with (
        watched_sandbox(tmp_path, Options(postgres_settings={"log_statement": "ddl"})) as sandbox,
        fresh_namespace(sandbox.control_plane) as name,
    ):
        yield Team(sandbox=sandbox, namespace=name)


@pytest.mark.timeout(600)
def test_thirty_kills_during_twenty_provisionings_end_in_twenty_logins(team: Team):
    chance = random.Random(20)
    team.apply_source("shop", {"schema.prisma": PRISMA})
    names = [f"shop{number}" for number in range(OBJECTS)]
    for name in names:
        team.apply(name, source={"configMaps": [{"name": "shop"}]})

    for _ in range(KILLS):
        kill(team, chance)
    team.sandbox.operator.start()

    for name in names:
        team.await_ready(name, seconds=180)
    for name in names:
        assert ["User"] == team.tables(name)
    require_nothing_left_over(team, names)


@pytest.mark.timeout(600)
def test_kills_during_deletions_leave_no_database_behind(team: Team):
    chance = random.Random(7)
    names = [f"gone{number}" for number in range(8)]
    for name in names:
        team.apply(name, deletionPolicy="Delete")
    for name in names:
        team.await_ready(name, seconds=120)

    for name in names:
        team.delete(name)
    for _ in range(10):
        kill(team, chance)
    team.sandbox.operator.start()

    for name in names:
        team.await_gone(name, seconds=120)
    assert [] == leftovers(team)


def kill(team: Team, chance: random.Random) -> None:
    operator = team.sandbox.operator
    kill_while_working(operator, chance, after=LISTED, longest_seconds=LONGEST_LIFE_SECONDS)


def require_nothing_left_over(team: Team, names: list[str]) -> None:
    """As many databases as objects, each owned by its owner role, and the admin in none."""
    assert all(team.kstatus(name) is KStatus.CURRENT for name in names)
    assert sorted(team.status(name)["database"]["name"] for name in names) == leftovers(team)
    with psycopg.connect(team.sandbox.postgres.server.dsn()) as superuser:
        held = superuser.execute(
            "SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid"
            " WHERE m.member = %s::regrole AND m.grantor = m.member",
            (team.sandbox.admin.name,),
        ).fetchall()
    assert [] == held


def leftovers(team: Team) -> list[str]:
    """Every database of the namespace that is on the server."""
    with psycopg.connect(team.sandbox.postgres.server.dsn()) as superuser:
        rows = superuser.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY 1",
            (f"{team.namespace}_",),
        ).fetchall()
    return [row[0] for row in rows]

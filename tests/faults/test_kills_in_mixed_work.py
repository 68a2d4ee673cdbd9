"""SIGKILL at random moments of everything at once: create, change, rotate, delete.

Everything converges, no role or database is left over, every Secret logs in, no row is lost.
"""

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from appdb.api.conditions import KStatus
from support.canary import watched_sandbox
from support.kills import LISTED, kill_while_working
from support.logins import keys_of, login_roles, may_log_in
from support.sandbox import fresh_namespace
from support.shop import PRISMA
from support.team import Team

pytestmark = [pytest.mark.faults, pytest.mark.cluster, pytest.mark.slow]

KILLS = int(os.environ.get("APPDB_KILLS", "30"))
OBJECTS = 10
ACTIONS_BETWEEN_KILLS = 4
LONGEST_LIFE_SECONDS = 1.5


@dataclass(slots=True, kw_only=True)
class Crowd:
    """Objects that come, change and go; `rows` are the ids that each database must have."""

    team: Team
    chance: random.Random
    rows: dict[str, set[str]] = field(default_factory=dict)
    alive: set[str] = field(default_factory=set)
    met: set[str] = field(default_factory=set)
    columns: int = 0
    written: int = 0

    @property
    def names(self) -> list[str]:
        return [f"mix{number:02}" for number in range(OBJECTS)]

    def retains(self, name: str) -> bool:
        """Every third object leaves its database behind, and finds it again."""
        return int(name[-2:]) % 3 == 0

    def act(self) -> None:
        """Do one thing of those that a team does."""
        name = self.chance.choice(self.names)
        if name not in self.alive:
            self.create(name)
            return
        self.chance.choice([self.change, self.rotate, self.rotate, self.write, self.delete])(name)

    def create(self, name: str) -> None:
        if self.team.exists(name):
            return  # It is still being deleted.
        if not self.retains(name):
            self.rows.pop(name, None)
        self.alive.add(name)
        self.met.add("create")
        source = {"configMaps": [{"name": "shop"}]}
        policy = "Retain" if self.retains(name) else "Delete"
        self.team.apply(name, source=source, deletionPolicy=policy)

    def change(self, _name: str) -> None:
        """One more column in the source that all of them share."""
        self.columns += 1
        self.met.add("change")
        extra = "".join(f"\n  extra{number} String?" for number in range(1, self.columns + 1))
        schema = PRISMA.replace("name  String?", f"name  String?{extra}")
        self.team.apply_source("shop", {"schema.prisma": schema})

    def rotate(self, name: str) -> None:
        self.met.add("rotate")
        mode = self.chance.choice(["InPlace", "Overlap"])
        trigger = f"t{self.chance.random()}"
        self.team.apply(
            name, credentials={"rotation": {"trigger": trigger, "mode": mode, "grace": "1s"}}
        )

    def delete(self, name: str) -> None:
        self.met.add("delete")
        self.alive.discard(name)
        self.team.delete(name)

    def write(self, name: str) -> None:
        """A row in a database whose object is Ready; nobody may lose it."""
        if self.team.kstatus(name) is not KStatus.CURRENT:
            return
        self.written += 1
        email = f"row{self.written}@example.com"
        with self.superuser(name) as session:
            session.execute('INSERT INTO "User" (email) VALUES (%s)', (email,))
        self.rows.setdefault(name, set()).add(email)

    def superuser(self, name: str) -> psycopg.Connection:
        """A superuser's session in the database of an object."""
        dsn = self.team.sandbox.postgres.server.dsn()
        database = f"{self.team.namespace}_{name}"
        return psycopg.connect(make_conninfo(dsn, dbname=database), autocommit=True)

    def found(self, name: str) -> set[str]:
        with self.superuser(name) as session:
            return {row[0] for row in session.execute('SELECT email FROM "User"').fetchall()}

    def names_on_server(self, query: str) -> list[str]:
        with psycopg.connect(self.team.sandbox.postgres.server.dsn()) as session:
            return [row[0] for row in session.execute(query, (f"{self.team.namespace}_",))]


@pytest.fixture
def crowd(tmp_path) -> Iterator[Crowd]:
    """A namespace of a sandbox of its own, whose operator is killed."""
    seed = int(os.environ.get("APPDB_KILLS_SEED", "100"))
    with watched_sandbox(tmp_path) as sandbox, fresh_namespace(sandbox.control_plane) as name:
        team = Team(sandbox=sandbox, namespace=name)
        yield Crowd(team=team, chance=random.Random(seed))


@pytest.mark.timeout(1800)
def test_kills_during_mixed_work_lose_nothing_and_leave_nothing_over(crowd: Crowd):
    team, operator = crowd.team, crowd.team.sandbox.operator
    team.apply_source("shop", {"schema.prisma": PRISMA})
    for name in crowd.names:
        crowd.create(name)
    for name in crowd.names:
        team.await_ready(name, seconds=60)
        crowd.write(name)
    operator.kill()

    for _ in range(KILLS):
        for _ in range(ACTIONS_BETWEEN_KILLS):
            crowd.act()
        kill_while_working(
            operator, crowd.chance, after=LISTED, longest_seconds=LONGEST_LIFE_SECONDS
        )
    operator.start()

    for name in crowd.names:
        if name in crowd.alive:
            team.await_ready(name, seconds=180)
        else:
            team.await_gone(name, seconds=180)
    require_every_secret_logs_in(crowd)
    require_every_row(crowd)
    require_nothing_over(crowd)
    assert {"create", "change", "rotate", "delete"} == crowd.met


def require_every_secret_logs_in(crowd: Crowd) -> None:
    """With the one login that its database has, once the grace of the last overlap is over."""
    for name in sorted(crowd.alive):
        keys = keys_of(crowd.team, f"{name}-db")
        assert may_log_in(keys), crowd.team.tell(name)
        crowd.team.request_look(name)
        crowd.team.await_ready(name, seconds=60)
        assert [keys["username"]] == login_roles(crowd.team, name)


def require_every_row(crowd: Crowd) -> None:
    """Every row that was written, and every column of the last source."""
    query = (
        "SELECT count(*) FROM information_schema.columns"
        " WHERE table_name = 'User' AND starts_with(column_name, 'extra')"
    )
    assert crowd.written > OBJECTS
    for name in sorted(crowd.alive | {name for name in crowd.rows if crowd.retains(name)}):
        assert crowd.rows.get(name, set()) <= crowd.found(name), crowd.team.tell(name)
    for name in sorted(crowd.alive):
        with crowd.superuser(name) as session:
            assert (crowd.columns,) == session.execute(query).fetchone(), crowd.team.tell(name)


def require_nothing_over(crowd: Crowd) -> None:
    """A database and three roles for each object that is there or retains, and no more."""
    kept = {name for name in crowd.names if name in crowd.alive or crowd.retains(name)}
    databases = crowd.names_on_server(
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY 1"
    )
    roles = crowd.names_on_server("SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)")
    wanted = {f"{crowd.team.namespace}_{name}" for name in kept}
    assert sorted(wanted) == databases
    assert {role.rpartition("_")[0].removesuffix("_user") for role in roles} == wanted
    assert len({role for role in roles if role.endswith(("_owner", "_app"))}) == 2 * len(wanted)
    with psycopg.connect(crowd.team.sandbox.postgres.server.dsn()) as superuser:
        held = superuser.execute(
            "SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid"
            " WHERE m.member = %s::regrole AND m.grantor = m.member",
            (crowd.team.sandbox.admin.name,),
        ).fetchall()
    assert [] == held

"""A deletion that meets other work, by every way in which an object may be told to go.

A grace with two logins, a backfill half done, an index half built: what goes leaves nothing, what
stays is whole, and an object made again goes on from there.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from support.logins import keys_of, login_roles, may_log_in, rotate
from support.planned import by_hand, columns, release, rows
from support.shop import PRISMA
from support.team import Team, until

pytestmark = [pytest.mark.cluster, pytest.mark.security]

REQUIRED = PRISMA.replace("name  String?", "name  String")
SOURCE: dict[str, Any] = {"configMaps": [{"name": "shop"}]}
# The batches take a row at a time until they meet the one that somebody holds.
BACKFILL = {"backfill": {"User.name": "'nobody'"}, "lockTimeout": "30s"}
AT_WORK = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND state = 'active'"
    " AND application_name = 'appdb-operator' AND wait_event_type = 'Lock' AND query LIKE %s"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """A team whose database `shop` is in the middle of something; its logins; who holds it up."""

    team: Team
    database: str
    logins: tuple[dict[str, str], ...]
    held: ExitStack

    def left(self) -> list[str]:
        """What is on the server under the names of the database."""
        query = (
            "SELECT datname FROM pg_database WHERE datname = %(name)s UNION ALL"
            " SELECT rolname FROM pg_roles WHERE starts_with(rolname, %(name)s || '_') ORDER BY 1"
        )
        with psycopg.connect(self.team.sandbox.postgres.server.dsn()) as superuser:
            return [row[0] for row in superuser.execute(query, {"name": self.database})]


@pytest.fixture(params=["grace", "backfill"])
def busy(shop: Team, request: pytest.FixtureRequest) -> Iterator[Busy]:
    database = shop.status("shop")["database"]["name"]
    with ExitStack() as held:
        if request.param == "grace":
            before = shop.keys("shop")
            rotate(shop, "shop", "one", mode="Overlap", grace="1h")
            logins = (before, shop.keys("shop"))
        else:
            logins = (shop.keys("shop"),)
            begin_backfill(shop, database, held)
        yield Busy(team=shop, database=database, logins=logins, held=held)


def begin_backfill(team: Team, database: str, held: ExitStack) -> None:
    """Release a column that becomes required, and hold one of the rows that it fills."""
    by_hand(
        team,
        """INSERT INTO "User" (email) SELECT n || '@nobody.example' FROM generate_series(1, 5) n""",
    )
    holder = held.enter_context(psycopg.connect(team.keys("shop")["DATABASE_URL"]))
    held.callback(holder.close)
    holder.execute("""SELECT 1 FROM "User" WHERE email = '5@nobody.example' FOR UPDATE""")
    release(team, REQUIRED, **BACKFILL)
    await_at_work(team, database, "UPDATE%")


def await_at_work(team: Team, database: str, statement: str) -> None:
    with psycopg.connect(team.sandbox.postgres.server.dsn(), autocommit=True) as look:
        until(
            lambda: look.execute(AT_WORK, (database, statement)).fetchone() == (1,),
            say=lambda: team.tell("shop"),
        )


def require_whole(busy: Busy, *, names: int) -> None:
    """The database and all its logins are there, and nobody lost a row."""
    assert {busy.database, f"{busy.database}_owner", f"{busy.database}_app"} <= set(busy.left())
    assert all(may_log_in(login) for login in busy.logins)
    with psycopg.connect(busy.logins[-1]["DATABASE_URL"]) as session:
        assert (names,) == session.execute('SELECT count(*) FROM "User"').fetchone()


def count(busy: Busy) -> int:
    with psycopg.connect(busy.logins[-1]["DATABASE_URL"]) as session:
        (number,) = session.execute('SELECT count(*) FROM "User"').fetchone() or (0,)
    return int(number)


def require_taken_up_again(busy: Busy) -> None:
    """An object of the same name takes the database back and brings the work to its end."""
    team, before = busy.team, count(busy)
    team.apply("shop", source=SOURCE, schema=BACKFILL)
    team.await_ready("shop")
    assert before == len(rows(team, 'SELECT 1 FROM "User"'))
    # What the source declares by now is there.
    not_null = "SELECT attnotnull FROM pg_attribute WHERE attrelid = '\"User\"'::regclass"
    declared = team.api.request("GET", f"/api/v1/namespaces/{team.namespace}/configmaps/shop").body
    is_required = declared["data"]["schema.prisma"] == REQUIRED
    assert [(is_required,)] == rows(team, f"{not_null} AND attname = 'name'")


def test_delete_leaves_nothing(busy: Busy):
    busy.team.apply("shop", deletionPolicy="Delete")

    busy.team.delete("shop")
    busy.team.await_gone("shop")

    assert [] == busy.left()
    until(lambda: busy.team.secret("shop-db") is None, say=lambda: busy.team.secret("shop-db"))


def test_delete_of_a_suspended_object_leaves_nothing(busy: Busy):
    busy.team.apply("shop", deletionPolicy="Delete", suspend=True)

    busy.team.delete("shop")
    busy.team.await_gone("shop")

    assert [] == busy.left()


def test_suspending_an_object_that_goes_does_not_stop_it(busy: Busy):
    busy.team.apply("shop", deletionPolicy="Delete", protect=True)
    busy.team.delete("shop")
    busy.team.await_says("shop", "Stalled", "True", "Protected")

    busy.team.patch("shop", {"spec": {"suspend": True, "protect": False}})
    busy.team.await_gone("shop")

    assert [] == busy.left()


@pytest.mark.parametrize("also", [{}, {"suspend": True}], ids=["", "suspended"])
def test_retain_keeps_all_of_it_for_who_comes_next(busy: Busy, also: dict[str, Any]):
    before = count(busy)
    busy.team.apply("shop", **also)

    busy.team.delete("shop")
    busy.team.await_gone("shop")

    require_whole(busy, names=before)
    assert busy.logins[-1] == keys_of(busy.team, "shop-db")
    busy.held.close()
    require_taken_up_again(busy)


def test_protect_keeps_all_of_it_until_it_is_lifted(busy: Busy):
    before = count(busy)
    busy.team.apply("shop", deletionPolicy="Delete", protect=True)

    busy.team.delete("shop")
    busy.team.await_says("shop", "Stalled", "True", "Protected")

    require_whole(busy, names=before)
    busy.team.patch("shop", {"spec": {"protect": False}})
    busy.team.await_gone("shop")
    assert [] == busy.left()


@pytest.mark.parametrize("also", [{}, {"protect": True}], ids=["", "protected"])
def test_force_forget_keeps_all_of_it_whatever_else_is_set(busy: Busy, also: dict[str, Any]):
    before = count(busy)
    busy.team.apply("shop", deletionPolicy="Delete", **also)
    busy.team.annotate("shop", force_forget="true")

    busy.team.delete("shop")
    busy.team.await_gone("shop")

    require_whole(busy, names=before)
    busy.held.close()
    require_taken_up_again(busy)


def test_an_index_that_a_deletion_broke_off_is_built_when_the_database_is_taken_back(shop: Team):
    database = shop.status("shop")["database"]["name"]
    login = shop.keys("shop")
    changed = PRISMA.replace("name  String?", "name  String?\n\n  @@index([name])")
    with psycopg.connect(login["DATABASE_URL"]) as writer:
        writer.execute("INSERT INTO \"User\" (email) VALUES ('b@example.com')")
        shop.apply_source("shop", {"schema.prisma": changed})
        await_at_work(shop, database, "CREATE INDEX CONCURRENTLY%")
        shop.delete("shop")
        shop.await_gone("shop")
    invalid = (
        "SELECT i.relname, x.indisvalid FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid"
        " WHERE x.indrelid = '\"User\"'::regclass AND NOT x.indisprimary AND NOT x.indisunique"
    )
    with psycopg.connect(login["DATABASE_URL"]) as session:
        assert [("User_name_idx", False)] == session.execute(invalid).fetchall()

    shop.apply("shop", source=SOURCE)
    shop.await_ready("shop")

    assert [("User_name_idx", True)] == rows(shop, invalid)
    assert ["id", "email", "name"] == columns(shop)
    assert [login["username"]] == login_roles(shop, "shop")

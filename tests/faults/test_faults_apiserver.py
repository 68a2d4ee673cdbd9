"""An API server that is slow, cut off, refusing, restarted or forgetful: nothing is lost."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from appdb.api.conditions import KStatus
from appdb.local.waiting import pause
from support.faulty import OPERATOR, Faulty
from support.platform import Platform
from support.rights import without_right
from support.shop import PRISMA, PRISMA_TWO
from support.team import Team, until

pytestmark = [pytest.mark.faults, pytest.mark.cluster, pytest.mark.slow]

SOURCE = {"configMaps": [{"name": "shop"}]}
OUTAGE_SECONDS = 15.0
CATCH_UP_SECONDS = 60
FLOW = "/apis/flowcontrol.apiserver.k8s.io/v1"


@pytest.fixture
def shop(hurt: Team) -> Team:
    """A team whose AppDatabase `shop` is Ready, with one table."""
    hurt.apply_source("shop", {"schema.prisma": PRISMA})
    hurt.apply("shop", source=SOURCE)
    hurt.await_ready("shop")
    return hurt


def test_a_slow_api_server_only_takes_longer(faulty: Faulty, hurt: Team):
    faulty.api.delay(400)

    hurt.apply_source("shop", {"schema.prisma": PRISMA})
    hurt.apply("shop", source=SOURCE)

    hurt.await_ready("shop", seconds=CATCH_UP_SECONDS)
    assert ["User"] == hurt.tables("shop")


def test_an_outage_of_the_api_server_is_quiet_and_made_up_for(faulty: Faulty, shop: Team):
    lines = len(faulty.log_lines())
    faulty.api.cut()
    shop.apply_source("shop", {"schema.prisma": PRISMA_TWO})
    shop.apply("born", source=SOURCE)
    pause(OUTAGE_SECONDS)

    assert len(faulty.log_lines()) - lines < 15 * OUTAGE_SECONDS
    assert (200, "ok\n") == faulty.operator.get("/livez")
    assert ["User"] == shop.tables("shop")
    faulty.api.mend()

    for name in ("born", "shop"):
        shop.await_ready(name, seconds=CATCH_UP_SECONDS)
        await_tables(shop, name)


def await_tables(team: Team, name: str) -> None:
    """Wait until both tables of the newer source are there."""
    until(
        lambda: team.tables(name) == ["Post", "User"],
        seconds=CATCH_UP_SECONDS,
        say=lambda: team.tell(name),
    )


@pytest.mark.parametrize("fault", ["swallow", "reset"])
def test_streams_that_break_without_a_word_are_opened_again(faulty: Faulty, shop: Team, fault: str):
    getattr(faulty.api, fault)()
    shop.apply("born", source=SOURCE)
    pause(3.0)
    faulty.api.mend()

    shop.await_ready("born", seconds=120)


def test_answers_that_break_off_anywhere_are_asked_for_again(faulty: Faulty, hurt: Team):
    for size in (1_000, 3_000, 6_000, 12_000, 25_000):
        faulty.api.cut_after(size)
        hurt.apply(f"torn{size}")
        pause(1.0)
        faulty.api.mend()

    for size in (1_000, 3_000, 6_000, 12_000, 25_000):
        hurt.await_ready(f"torn{size}", seconds=CATCH_UP_SECONDS)
        with hurt.logged_in(f"torn{size}") as session:
            assert session.execute("SELECT 1").fetchone()


@pytest.mark.timeout(240)
def test_an_api_server_that_is_killed_during_work_loses_nothing(faulty: Faulty, hurt: Team):
    hurt.apply_source("shop", {"schema.prisma": PRISMA})
    names = [f"shop{number}" for number in range(9)]
    for number, name in enumerate(names):
        hurt.apply(name, source=SOURCE)
        if number % 3 == 2:
            faulty.sandbox.control_plane.kill_apiserver()
            faulty.sandbox.control_plane.start_apiserver()

    for name in names:
        hurt.await_ready(name, seconds=CATCH_UP_SECONDS)
        assert ["User"] == hurt.tables(name)


def test_what_was_deleted_while_history_was_forgotten_is_noticed(faulty: Faulty, shop: Team):
    shop.apply("gone", deletionPolicy="Delete")
    shop.apply("kept")
    shop.await_ready("gone")
    shop.await_ready("kept")
    faulty.api.cut()
    shop.delete("gone")
    shop.delete("kept")
    path = f"/api/v1/namespaces/{shop.namespace}/configmaps/shop"
    shop.api.request("DELETE", path)
    faulty.sandbox.control_plane.forget_history()
    faulty.api.mend()

    shop.await_gone("gone", seconds=CATCH_UP_SECONDS)
    shop.await_gone("kept", seconds=CATCH_UP_SECONDS)
    assert shop.secret("gone-db") is None
    # Nobody watches the end of a ConfigMap whose end was missed; the next look finds it.
    shop.request_look("shop")
    assert ("False", "NotFound") == shop.says("shop", "SourceReady")
    assert ["User"] == shop.tables("shop")
    shop.apply_source("shop", {"schema.prisma": PRISMA})
    shop.await_ready("shop")


def test_a_right_on_secrets_that_is_missing_is_named_and_enough_when_given_back(
    faulty: Faulty, shop: Team
):
    mark = faulty.mark()
    with without_right(faulty.sandbox, "secrets"):
        faulty.api.drop_connections()
        shop.apply("born", source=SOURCE)
        told = shop.await_says("born", "Stalled", "True", "InsufficientPrivilege")

        assert KStatus.FAILED is shop.kstatus("born")
        assert "secrets" in told.message
        assert "GET" in told.message or "get" in told.message
        pause(5.0)
        refused = [r for r in faulty.requests_since(mark) if r.status == 403]
        assert len(refused) < 60
        assert len(faulty.writes_since(mark, shop)) < 5

    shop.await_ready("born", seconds=CATCH_UP_SECONDS)
    with shop.logged_in("born") as session:
        assert session.execute("SELECT 1").fetchone()
    until_healed(shop, "shop")


def until_healed(team: Team, name: str) -> None:
    """The watch on Secrets works again: one that is deleted is made again."""
    before = team.keys(name)
    path = f"/api/v1/namespaces/{team.namespace}/secrets/{name}-db"
    team.api.request("DELETE", path)
    until(lambda: team.secret(f"{name}-db"), seconds=CATCH_UP_SECONDS, say=lambda: team.tell(name))
    until(lambda: team.kstatus(name) is KStatus.CURRENT, say=lambda: team.tell(name))
    assert before["username"] == team.keys(name)["username"]


def test_a_server_whose_admin_secret_may_not_be_read_says_so(
    faulty: Faulty, keeper: Platform, shop: Team
):
    with without_right(faulty.sandbox, "secrets", "get"):
        keeper.patch("local", {"metadata": {"annotations": {REQUESTED_AT: "unreadable"}}})
        told = keeper.await_says("local", "Stalled", "True", "InsufficientPrivilege")

        assert "secrets" in told.message
        assert ("True", "Connected") == keeper.says("local", "Reachable")
    keeper.await_says("local", "Ready", "True", "Connected")


REQUESTED_AT = "appdb.chatbuilds.com/requested-at"


@pytest.mark.parametrize("resource", ["appdatabases", "configmaps"])
def test_a_watch_that_is_refused_is_asked_for_until_it_is_given(
    faulty: Faulty, shop: Team, resource: str
):
    with without_right(faulty.sandbox, resource):
        faulty.api.drop_connections()
        pause(8.0)
        shop.apply_source("shop", {"schema.prisma": PRISMA_TWO})
        assert faulty.operator.is_running

    await_tables(shop, "shop")


def test_somebody_who_writes_all_the_time_does_not_keep_an_object_from_ready(
    faulty: Faulty, hurt: Team
):
    mark = faulty.mark()
    hurt.apply_source("shop", {"schema.prisma": PRISMA})
    hurt.apply("shop", source=SOURCE)
    with written_all_the_time(hurt, "shop"):
        hurt.await_ready("shop")

    requests = faulty.requests_since(mark)
    assert any(r.status == 409 for r in requests if r.namespace == hurt.namespace)
    assert ["User"] == hurt.tables("shop")


@contextmanager
def written_all_the_time(team: Team, name: str) -> Iterator[None]:
    """Somebody annotates the object over and over: every version is old a moment later."""
    over = threading.Event()

    def write() -> None:
        number = 0
        while not over.wait(0.01):
            number += 1
            team.patch(name, {"metadata": {"annotations": {"example.com/n": str(number)}}})

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


@contextmanager
def turned_away(faulty: Faulty, team: Team) -> Iterator[None]:
    """Priority and fairness answer every request of the operator with 429."""
    level = {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "PriorityLevelConfiguration",
        "metadata": {"name": "jail"},
        "spec": {
            "type": "Limited",
            "limited": {
                "nominalConcurrencyShares": 0,
                "lendablePercent": 0,
                "borrowingLimitPercent": 0,
                "limitResponse": {"type": "Reject"},
            },
        },
    }
    subject = {"kind": "User", "user": {"name": OPERATOR}}
    everything = {
        "verbs": ["*"],
        "apiGroups": ["*"],
        "resources": ["*"],
        "clusterScope": True,
        "namespaces": ["*"],
    }
    schema = {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "FlowSchema",
        "metadata": {"name": "jail"},
        "spec": {
            "priorityLevelConfiguration": {"name": "jail"},
            "matchingPrecedence": 2,
            "distinguisherMethod": {"type": "ByUser"},
            "rules": [{"subjects": [subject], "resourceRules": [everything]}],
        },
    }
    try:
        for plural, body in (("prioritylevelconfigurations", level), ("flowschemas", schema)):
            answer = team.api.create(f"{FLOW}/{plural}", body)
            assert answer.status == 201, answer.message
        yield
    finally:
        for plural in ("flowschemas", "prioritylevelconfigurations"):
            team.api.request("DELETE", f"{FLOW}/{plural}/jail")


def test_an_api_server_that_asks_for_patience_gets_it(faulty: Faulty, shop: Team):
    with turned_away(faulty, shop):
        mark = faulty.mark()
        shop.apply("born", source=SOURCE)
        until(
            lambda: any(r.status == 429 for r in faulty.requests_since(mark)),
            say=lambda: faulty.requests_since(mark)[-5:],
        )
        pause(OUTAGE_SECONDS)
        turned = [r for r in faulty.requests_since(mark) if r.status == 429]

        assert len(turned) < 4 * OUTAGE_SECONDS
        assert (200, "ok\n") == faulty.operator.get("/livez")

    shop.await_ready("born", seconds=CATCH_UP_SECONDS)


@contextmanager
def ending(faulty: Faulty, team: Team) -> Iterator[None]:
    """The namespace is being deleted, and nobody has come to its objects yet."""
    manager = faulty.sandbox.control_plane.controller_manager
    manager.freeze()
    try:
        faulty.sandbox.kubectl("delete", "namespace", team.namespace, "--wait=false")
        yield
    finally:
        manager.thaw()


def refused_in(faulty: Faulty, team: Team, mark: int) -> list[str]:
    """What the API server refused for the end of the namespace since then."""
    return [
        f"{request.verb} {request.resource}"
        for request in faulty.requests_since(mark)
        if request.status == 403 and request.namespace == team.namespace
    ]


@pytest.mark.timeout(240)
def test_objects_in_a_namespace_that_ends_are_left_in_peace_and_go_as_their_policy_says(
    faulty: Faulty, hurt: Team
):
    """Nothing can be made there any more: no Secret, no SchemaPlan, no Event."""
    hurt.apply_source("shop", {"schema.prisma": PRISMA})
    hurt.apply("late", source=SOURCE, suspend=True)
    for name, policy in (("kept", "Retain"), ("gone", "Delete")):
        hurt.apply(name, source=SOURCE, deletionPolicy=policy)
        hurt.await_ready(name)
    databases = {name: hurt.status(name)["database"]["name"] for name in ("kept", "gone")}
    mark = faulty.mark()
    with ending(faulty, hurt):
        core = f"/api/v1/namespaces/{hurt.namespace}"
        hurt.patch("late", {"spec": {"suspend": False}})
        hurt.api.request("DELETE", f"{core}/secrets/kept-db")
        hurt.api.patch(f"{core}/configmaps/shop", {"data": {"schema.prisma": PRISMA_TWO}})
        until(
            lambda: {"create schemaplans", "patch secrets"} <= set(refused_in(faulty, hurt, mark)),
            say=lambda: refused_in(faulty, hurt, mark),
        )
        pause(OUTAGE_SECONDS)

        # Three objects, each at 1, 2, 4, 8 s, each time at most two requests.
        assert len(refused_in(faulty, hurt, mark)) < 40
        assert (200, "ok\n") == faulty.operator.get("/livez")
        assert databases_of(faulty, hurt) == set(databases.values())

    until(
        lambda: hurt.api.request("GET", core).status == 404,
        seconds=CATCH_UP_SECONDS,
        say=lambda: hurt.api.request("GET", core).body,
    )
    assert databases_of(faulty, hurt) == {databases["kept"]}


def databases_of(faulty: Faulty, team: Team) -> set[str]:
    query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
    with psycopg.connect(faulty.sandbox.postgres.server.dsn()) as superuser:
        return {row[0] for row in superuser.execute(query, (f"{team.namespace}_",))}


KINDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.mark.timeout(300)
def test_kinds_that_are_deleted_and_applied_again_cost_no_database(faulty: Faulty, hurt: Team):
    """All kinds, and whatever the objects say of their end: nobody asked to drop a database."""
    policies = {"kept": {}, "gone": {"deletionPolicy": "Delete"}}
    policies["safe"] = policies["gone"] | {"protect": True}
    hurt.apply_source("shop", {"schema.prisma": PRISMA})
    for name, policy in policies.items():
        hurt.apply(name, source=SOURCE, **policy)
        hurt.await_ready(name)
        with hurt.logged_in(name) as session:
            session.execute("""INSERT INTO "User" (email) VALUES ('a@b.example')""")
    before = {name: (hurt.keys(name), hurt.status(name)["database"]["oid"]) for name in policies}
    for plural in ("appdatabases", "databaseservers", "schemaplans"):
        delete_kind(hurt, f"{KINDS}/{plural}.appdb.chatbuilds.com")
    for keys, _ in before.values():
        with psycopg.connect(keys["DATABASE_URL"]) as session:
            assert (1,) == session.execute('SELECT count(*) FROM "User"').fetchone()

    faulty.sandbox.install()
    for name, policy in policies.items():
        hurt.apply(name, source=SOURCE, **policy)

    for name in policies:
        hurt.await_ready(name, seconds=CATCH_UP_SECONDS)
        assert before[name] == (hurt.keys(name), hurt.status(name)["database"]["oid"])
        with hurt.logged_in(name) as session:
            assert (1,) == session.execute('SELECT count(*) FROM "User"').fetchone()
    hurt.apply_source("shop", {"schema.prisma": PRISMA_TWO})
    for name in policies:
        await_tables(hurt, name)
    hurt.patch("safe", {"spec": {"protect": False}})
    for name in ("gone", "safe"):
        hurt.delete(name)
        hurt.await_gone(name)
    assert 1 == len(databases_of(faulty, hurt))


def delete_kind(team: Team, path: str) -> None:
    """Delete a kind with all of its objects, and wait until it is gone."""
    team.api.request("DELETE", path)
    until(
        lambda: team.api.request("GET", path).status == 404,
        seconds=CATCH_UP_SECONDS,
        say=lambda: team.api.request("GET", path).body["status"]["conditions"],
    )

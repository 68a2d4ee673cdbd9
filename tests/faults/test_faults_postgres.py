"""A Postgres that is down, slow, silent, full, read-only or killed: told, waited for, caught up."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from appdb.api.conditions import KStatus
from appdb.local.postgres import EmbeddedPostgres, Login
from appdb.local.waiting import pause
from support.canary import watched_neighbour
from support.faulty import Faulty, metric
from support.platform import Platform
from support.shop import PRISMA, PRISMA_TWO
from support.team import Team, until
from support.toxiproxy import Proxy

pytestmark = [pytest.mark.faults, pytest.mark.cluster, pytest.mark.slow]

OBJECTS = 20
OUTAGE_SECONDS = 30.0
# Back-off of 1, 2, 4, 8, 16 s, each at least half of it, and one more for the request.
LOOKS_IN_OUTAGE = 7
# A run is shown after 5 s, and once more when it has failed.
WRITES_OF_AN_OUTAGE = 3


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A Postgres that these tests break and mend."""
    with watched_neighbour(tmp_path_factory.mktemp("victim")) as postgres:
        yield postgres


@pytest.fixture(scope="module")
def line(own: Faulty, victim: EmbeddedPostgres) -> Proxy:
    """The proxy between the operator and the victim."""
    return own.toxiproxy.proxy("postgres", victim.server.port)


@pytest.fixture
def server(keeper: Platform, victim: EmbeddedPostgres, line: Proxy) -> Iterator[str]:
    """A DatabaseServer that reaches the victim through the proxy."""
    with keeper.server(victim, port=line.port, connections={"max": 4}) as name:
        keeper.await_says(name, "Ready", "True", "Connected")
        yield name
        line.mend()


def provisioned(hurt: Team, server: str, *names: str, **spec: object) -> None:
    """Databases of their own with a table; Ready."""
    hurt.apply_source("shop", {"schema.prisma": PRISMA})
    for name in names:
        source = {"configMaps": [{"name": "shop"}]}
        hurt.apply(name, serverRef={"name": server}, source=source, **spec)
    for name in names:
        hurt.await_ready(name, seconds=90)


def look(hurt: Team, *names: str) -> None:
    """Ask for a look; what comes of it is waited for elsewhere."""
    for name in names:
        hurt.annotate(name, requested_at=f"look-{os.urandom(4).hex()}")


def require_told(hurt: Team, name: str, reason: str = "Unreachable") -> str:
    """An outage of the server is told as one that passes by itself; the message."""
    told = hurt.await_says(name, "ServerReachable", "False", reason, seconds=40)
    assert KStatus.IN_PROGRESS is hurt.kstatus(name)
    assert ("False", reason) == hurt.says(name, "Ready")
    assert ("", "") == hurt.says(name, "Stalled")
    return told.message


@contextmanager
def frozen(postgres: EmbeddedPostgres) -> Iterator[None]:
    """SIGSTOP every process of a server."""
    postmaster = postgres.process.pid
    found = subprocess.run(
        ["pgrep", "-P", str(postmaster)], check=True, capture_output=True, text=True
    )
    pids = [postmaster, *map(int, found.stdout.split())]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)


@pytest.mark.timeout(240)
def test_a_long_outage_costs_few_looks_and_few_writes_and_ends_by_itself(
    faulty: Faulty, hurt: Team, keeper: Platform, server: str, line: Proxy
):
    names = [f"shop{number}" for number in range(OBJECTS)]
    provisioned(hurt, server, *names)
    mark = faulty.mark()
    lines = len(faulty.log_lines())
    attempts = metric(faulty.operator, "appdb_connection_attempts_total", server=server)
    line.cut()

    look(hurt, *names)
    for name in names:
        require_told(hurt, name)
    hurt.apply("born", serverRef={"name": server})
    pause(OUTAGE_SECONDS)

    keeper.await_says(server, "Reachable", "False", "Unreachable")
    tried = metric(faulty.operator, "appdb_connection_attempts_total", server=server) - attempts
    assert OBJECTS < tried < (OBJECTS + 2) * LOOKS_IN_OUTAGE
    writes = faulty.writes_since(mark, hurt)
    for name in names:
        assert len([w for w in writes if w.endswith(f"/status {name}")]) <= WRITES_OF_AN_OUTAGE
    assert len(faulty.log_lines()) - lines < 2 * tried + OBJECTS
    assert (200, "ok\n") == faulty.operator.get("/livez")
    line.mend()
    for name in (*names, "born"):
        hurt.await_ready(name, seconds=30)
    assert ["User"] == hurt.tables("shop0")


# Late answers, a narrow line, and one that lets a few bytes through at a time.
SLOWNESS: dict[str, Callable[[Proxy], None]] = {
    "delay": lambda line: line.delay(1500),
    "throttle": lambda line: line.throttle(1),
    "slice": lambda line: line.slice(16, 40_000),
}


@pytest.mark.parametrize("slowness", SLOWNESS)
def test_a_slow_server_delays_nobody_elses_objects(
    faulty: Faulty, hurt: Team, server: str, line: Proxy, slowness: str
):
    SLOWNESS[slowness](line)
    slow = [f"slow{number}" for number in range(12)]
    for name in slow:
        hurt.apply(name, serverRef={"name": server})
    until(
        lambda: hurt.says("slow0", "Reconciling")[0] == "True",
        say=lambda: hurt.tell("slow0"),
    )

    for number in range(3):
        hurt.apply(f"quick{number}")
        hurt.await_ready(f"quick{number}", seconds=30)

    # Not a matter of seconds, which a busy machine has not: who waited for them came after.
    assert not any(hurt.kstatus(name) is KStatus.CURRENT for name in slow)
    assert (200, "ok\n") == faulty.operator.get("/livez")
    line.mend()
    for name in slow:
        hurt.await_ready(name, seconds=60)


def test_a_server_that_swallows_everything_is_given_up_and_found_again(
    hurt: Team, server: str, line: Proxy
):
    line.cut()
    line.mend()
    line.swallow()
    hurt.apply("shop", serverRef={"name": server})

    message = require_told(hurt, "shop")
    hurt.apply("other")
    hurt.await_ready("other", seconds=5)

    assert "did not answer" in message or "timeout" in message
    line.mend()
    hurt.await_ready("shop", seconds=60)


def test_connections_that_break_anywhere_end_in_one_database(hurt: Team, server: str, line: Proxy):
    for size in (100, 600, 1500, 3000, 6000, 12000):
        line.cut_after(size)
        hurt.apply(f"torn{size}", serverRef={"name": server})
        pause(1.0)
        line.mend()
    line.reset(50)
    hurt.apply("reset", serverRef={"name": server})
    require_told(hurt, "reset")
    line.mend()

    for name in ("reset", *(f"torn{size}" for size in (100, 600, 1500, 3000, 6000, 12000))):
        hurt.await_ready(name, seconds=60)
        with hurt.logged_in(name) as session:
            assert session.execute("SELECT current_user").fetchone()


def test_a_source_that_changes_during_slow_work_ends_with_the_last(
    hurt: Team, server: str, line: Proxy
):
    provisioned(hurt, server, "shop")
    line.delay(100)
    wide = PRISMA_TWO.replace("title String", "title String\n  body String?")
    for schema in (PRISMA_TWO, PRISMA, PRISMA_TWO, wide):
        hurt.apply_source("shop", {"schema.prisma": schema})
        pause(0.7)
    line.mend()

    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'Post'"
    with hurt.logged_in("shop") as session:
        until(
            lambda: ("body",) in session.execute(columns).fetchall(),
            say=lambda: hurt.tell("shop"),
        )
    hurt.await_ready("shop")


def test_a_postgres_that_is_killed_again_and_again_ends_in_every_database(
    hurt: Team, server: str, victim: EmbeddedPostgres
):
    names = [f"shop{number}" for number in range(8)]
    hurt.apply_source("shop", {"schema.prisma": PRISMA})
    for number, name in enumerate(names):
        hurt.apply(name, serverRef={"name": server}, source={"configMaps": [{"name": "shop"}]})
        if number % 2:
            victim.kill()
            victim.start()

    for name in names:
        hurt.await_ready(name, seconds=90)
        assert ["User"] == hurt.tables(name)


def test_a_frozen_postgres_holds_up_its_own_objects_only(
    faulty: Faulty, hurt: Team, server: str, victim: EmbeddedPostgres
):
    with frozen(victim):
        hurt.apply("shop", serverRef={"name": server})
        hurt.await_says("shop", "Reconciling", "True", "Provisioning")
        hurt.apply("other")
        hurt.await_ready("other", seconds=5)
        assert (200, "ok\n") == faulty.operator.get("/livez")
        assert KStatus.IN_PROGRESS is hurt.kstatus("shop")

    hurt.await_ready("shop", seconds=60)


def test_a_server_without_a_free_connection_is_told_and_used_when_there_is_one(
    hurt: Team, keeper: Platform, tmp_path: Path
):
    with (
        EmbeddedPostgres(tmp_path / "small", settings={"max_connections": "10"}) as postgres,
        keeper.server(postgres, connections={"max": 2}) as server,
        ExitStack() as others,
    ):
        keeper.await_says(server, "Ready", "True", "Connected")
        provisioned(hurt, server, "before")
        fill(postgres, others)

        hurt.apply("shop", serverRef={"name": server})
        look(hurt, "before")

        for name in ("shop", "before"):
            message = require_told(hurt, name, "TooManyConnections")
            assert "raise max_connections or end sessions" in message
        others.close()
        for name in ("shop", "before"):
            hurt.await_ready(name)


def fill(postgres: EmbeddedPostgres, others: ExitStack) -> None:
    """Take every connection, the operator's own too, but those kept for superusers."""
    hog = postgres.create_login(f"hog{os.getpid()}")
    with psycopg.connect(postgres.server.dsn(), autocommit=True) as superuser:
        while True:
            take_the_rest(hog, others)
            ended = superuser.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE application_name = 'appdb-operator'"
            ).fetchall()
            if not ended:
                return


def take_the_rest(hog: Login, others: ExitStack) -> None:
    while True:
        try:
            others.enter_context(psycopg.connect(hog.dsn))
        except psycopg.OperationalError:
            return


@pytest.fixture
def standby(victim: EmbeddedPostgres, server: str) -> Iterator[EmbeddedPostgres]:
    """The victim, made a standby in place: the same cluster, read-only until it is promoted."""
    victim.stop()
    (victim.server.data_dir / "standby.signal").touch()
    victim.start()
    yield victim
    promote(victim)


def promote(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.server.dsn(), autocommit=True) as superuser:
        superuser.execute("SELECT CASE WHEN pg_is_in_recovery() THEN pg_promote() END")


def test_a_standby_is_waited_for_until_it_is_promoted(
    hurt: Team, keeper: Platform, server: str, standby: EmbeddedPostgres
):
    hurt.apply("shop", serverRef={"name": server})

    message = require_told(hurt, "shop")

    assert "read-only" in message
    promote(standby)
    hurt.await_ready("shop")
    keeper.await_says(server, "Ready", "True", "Connected")


def test_a_failover_to_a_promoted_standby_keeps_databases_and_passwords(
    hurt: Team, server: str, victim: EmbeddedPostgres
):
    provisioned(hurt, server, "shop")
    before = hurt.keys("shop")
    victim.stop(immediately=True)
    (victim.server.data_dir / "standby.signal").touch()
    victim.start()
    promote(victim)

    look(hurt, "shop")

    until(lambda: hurt.kstatus("shop") is KStatus.CURRENT, say=lambda: hurt.tell("shop"))
    hurt.request_look("shop")
    assert before == hurt.keys("shop")
    assert ["User"] == hurt.tables("shop")


def test_a_server_that_was_made_read_only_is_not_written_and_goes_on_when_it_is_not(
    hurt: Team, server: str, victim: EmbeddedPostgres
):
    set_read_only(victim, "on")
    try:
        hurt.apply("shop", serverRef={"name": server})
        message = require_told(hurt, "shop")
        with psycopg.connect(victim.server.dsn()) as superuser:
            query = "SELECT count(*) FROM pg_roles WHERE starts_with(rolname, %s)"
            assert (0,) == superuser.execute(query, (hurt.namespace,)).fetchone()
    finally:
        set_read_only(victim, "off")

    assert "default_transaction_read_only" in message
    hurt.await_ready("shop")


def set_read_only(postgres: EmbeddedPostgres, value: str) -> None:
    with psycopg.connect(postgres.server.dsn(), autocommit=True) as superuser:
        superuser.execute("SET default_transaction_read_only = off")
        superuser.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        superuser.execute("SELECT pg_reload_conf()")


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A disk with room for the files of three databases or so, and no more."""
    place.mkdir()
    options = "size=200m,nr_inodes=1200"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place]
    done = subprocess.run(mount, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def make_databases_on(postgres: EmbeddedPostgres, folder: Path) -> None:
    """Move template0 into a tablespace: whatever is made from it is there too."""
    folder.mkdir(mode=0o700)
    if postgres.identity.owner:
        os.chown(folder, *postgres.identity.owner)
    with psycopg.connect(postgres.server.dsn(), autocommit=True) as superuser:
        superuser.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
        superuser.execute("ALTER DATABASE template0 SET TABLESPACE small")


def test_a_full_disk_is_told_and_waited_for(hurt: Team, keeper: Platform, tmp_path: Path):
    names = [f"shop{number}" for number in range(4)]
    with (
        small_disk(tmp_path / "disk") as disk,
        EmbeddedPostgres(tmp_path / "full") as postgres,
        keeper.server(postgres) as server,
    ):
        make_databases_on(postgres, disk / "data")
        for name in names:
            hurt.apply(name, serverRef={"name": server})
        until(
            lambda: all(is_ready_or_full(hurt, name) for name in names),
            say=lambda: [hurt.tell(name) for name in names],
        )
        full = [name for name in names if hurt.kstatus(name) is not KStatus.CURRENT]
        assert full
        for name in full:
            assert "No space left on device" in require_told(hurt, name)

        subprocess.run(["mount", "-o", "remount,nr_inodes=100000", disk], check=True)

        for name in names:
            hurt.await_ready(name)


def is_ready_or_full(hurt: Team, name: str) -> bool:
    return hurt.kstatus(name) is KStatus.CURRENT or "No space left" in hurt.tell(name)

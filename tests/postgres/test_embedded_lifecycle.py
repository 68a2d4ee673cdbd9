import os
import socket
from pathlib import Path

import psycopg
import pytest

from appdb.local import postgres as module
from appdb.local.failure import SandboxError
from appdb.local.identity import Identity, choose_identity, nobody_identity
from appdb.local.postgres import DURABLE, EmbeddedPostgres
from appdb.local.processes import read_birth
from support.parents import Parent, is_gone

pytestmark = pytest.mark.postgres

START = """
from appdb.local.postgres import EmbeddedPostgres
postgres = EmbeddedPostgres(Path({home!r}), 18, is_detached={is_detached})
postgres.start()
told = postgres.process.pid
"""


def query(dsn: str, statement: str) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(statement).fetchone()
    return row and row[0]


@pytest.fixture
def own(tmp_path: Path):
    """A server that a test may break."""
    with EmbeddedPostgres(tmp_path / "own", 18, logs_statements=True) as postgres:
        yield postgres


@pytest.mark.parametrize("ending", ["stop", "kill", "restart"])
def test_port_data_and_password_survive(own: EmbeddedPostgres, ending: str):
    before = own.server
    with psycopg.connect(before.dsn()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")

    getattr(own, ending)()

    assert before == own.start()
    assert 7 == query(before.dsn(), "SELECT number FROM kept")


def test_a_stopped_server_refuses_connections(own: EmbeddedPostgres):
    own.stop()

    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(own.server.dsn())
    assert not own.is_running


def test_it_stops_at_once_with_sessions_open(own: EmbeddedPostgres):
    with psycopg.connect(own.server.dsn()) as session:
        own.stop()

        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")


def test_statements_are_logged_and_passwords_are_not(own: EmbeddedPostgres):
    login = own.create_login("canary")

    query(login.dsn, "SELECT 'seen in the log'")

    log = own.server.log_path.read_text()
    assert "seen in the log" in log
    assert login.password not in log
    assert own.server.password not in log


def test_the_password_is_in_no_process_list_and_in_no_file_but_the_private_one(
    own: EmbeddedPostgres,
):
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]

    assert not any(own.server.password.encode() in command for command in commands)
    holders = [
        path
        for path in own.home.rglob("*")
        if path.is_file() and own.server.password.encode() in path.read_bytes()
    ]
    assert [own.home / "postgres.json"] == holders
    assert 0o600 == holders[0].stat().st_mode & 0o777


def test_settings_reach_the_server_whatever_they_hold(tmp_path: Path):
    settings = {"cluster_name": "o'brien's", "work_mem": "5MB"}

    with EmbeddedPostgres(tmp_path / "pg", 18, settings=settings) as postgres:
        assert "o'brien's" == query(postgres.server.dsn(), "SHOW cluster_name")
        assert "5MB" == query(postgres.server.dsn(), "SHOW work_mem")


@pytest.mark.parametrize(("settings", "expected"), [({}, "off"), (DURABLE, "on")])
def test_fsync_is_off_unless_asked_for(tmp_path: Path, settings: dict[str, str], expected: str):
    with EmbeddedPostgres(tmp_path / "pg", 18, settings=settings) as postgres:
        assert expected == query(postgres.server.dsn(), "SHOW fsync")


def test_a_port_that_was_taken_meanwhile_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    free = module.free_port
    with socket.socket() as rival:
        rival.bind(("127.0.0.1", 0))
        rival.listen()
        offers = iter([rival.getsockname()[1]])
        monkeypatch.setattr(module, "free_port", lambda: next(offers, None) or free())

        with EmbeddedPostgres(tmp_path / "pg", 18) as postgres:
            assert postgres.server.port != rival.getsockname()[1]
            assert 1 == query(postgres.server.dsn(), "SELECT 1")


def test_it_listens_on_loopback_only(own: EmbeddedPostgres):
    assert "127.0.0.1" == query(own.server.dsn(), "SHOW listen_addresses")


def test_a_long_path_does_not_hinder_the_socket(tmp_path: Path):
    with EmbeddedPostgres(tmp_path / ("long" * 30), 18) as postgres:
        server = postgres.server
        dsn = f"{server.dsn()}?host={server.socket_dir}"
        assert 1 == query(dsn, "SELECT 1")
    assert not server.socket_dir.exists()


@pytest.mark.parametrize("version", [18, 16, 15])
def test_it_runs_as_nobody_where_namespaces_are_forbidden(tmp_path: Path, version: int):
    if os.geteuid() != 0:
        pytest.skip("only root can become nobody")
    before = [(path, path.stat().st_mode) for path in (tmp_path, *tmp_path.parents)]
    postgres = EmbeddedPostgres(tmp_path / "pg", version, identity=nobody_identity())
    try:
        server = postgres.start()
    except SandboxError as error:
        if "no programs" in error.message:
            pytest.skip(error.message)
        raise

    with postgres:
        assert server == postgres.restart()
        assert 1 == query(server.dsn(), "SELECT 1")
        assert nobody_identity().owner == (
            server.data_dir.stat().st_uid,
            server.data_dir.stat().st_gid,
        )
    assert not server.data_dir.exists()
    assert before == [(path, path.stat().st_mode) for path, _ in before]


def test_an_ordinary_user_runs_it_as_they_are():
    if os.geteuid() == 0:
        assert choose_identity() != Identity()
    else:
        assert choose_identity() == Identity()


def test_nothing_is_left_when_the_parent_is_killed(tmp_path: Path):
    with Parent(START.format(home=str(tmp_path), is_detached=False)) as parent:
        pid = parent.read()
        assert read_birth(pid)

        parent.kill()

        assert is_gone(pid)


def test_a_detached_server_outlives_its_parent_and_is_found_again(tmp_path: Path):
    with Parent(START.format(home=str(tmp_path), is_detached=True)) as parent:
        pid = parent.read()
        parent.end()

    with EmbeddedPostgres(tmp_path, is_detached=True) as found:
        assert pid == found.process.pid
        assert 1 == query(found.server.dsn(), "SELECT 1")
    assert is_gone(pid)

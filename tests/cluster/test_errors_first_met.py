"""What a user meets first: each has a condition, one line with the next step, and a way back."""

import base64

import psycopg
import pytest
from psycopg import sql

from appdb.api.conditions import KStatus
from appdb.api.meta import Condition
from appdb.local.postgres import EmbeddedPostgres, Login
from support.platform import Platform
from support.sandbox import unique_name
from support.shop import PRISMA, PRISMA_WRONG
from support.team import Team, until

pytestmark = pytest.mark.cluster

SOURCE = {"configMaps": [{"name": "shop"}]}


def require_stalled(team: Team, name: str, reason: str, *hints: str) -> None:
    """A person must act: Ready False, Stalled True, Failed for kstatus, the next step in a line."""
    team.await_says(name, "Stalled", "True", reason)
    require_told(team, name, KStatus.FAILED, "Stalled", hints)


def require_retrying(team: Team, name: str, *hints: str) -> None:
    """It goes on by itself: Reconciling True, InProgress for kstatus."""
    team.await_says(name, "Reconciling", "True", "ProgressingWithRetry")
    require_told(team, name, KStatus.IN_PROGRESS, "Reconciling", hints)


def require_told(
    team: Team, name: str, kstatus: KStatus, kind: str, hints: tuple[str, ...]
) -> None:
    other = {"Stalled": "Reconciling", "Reconciling": "Stalled"}[kind]
    assert team.condition(name, other) is None
    assert kstatus is team.kstatus(name)
    found, ready = team.condition(name, kind), team.condition(name, "Ready")
    assert "False" == ready.status
    assert found.message == ready.message
    require_one_line(found, *hints)


def require_one_line(condition: Condition, *hints: str) -> None:
    assert 20 < len(condition.message) <= 400
    assert "\n" not in condition.message
    for hint in hints:
        assert hint in condition.message


def test_a_server_that_does_not_exist_is_waited_for(
    team: Team, platform: Platform, other_postgres: EmbeddedPostgres
):
    team.apply("shop", serverRef={"name": "nowhere"})

    team.await_says("shop", "ServerReachable", "False", "ServerNotFound")
    require_retrying(team, "shop", "DatabaseServer nowhere does not exist", "create it")
    assert team.secret("shop-db") is None
    assert [] == team.read("shop")["metadata"].get("finalizers", [])
    admin = other_postgres.create_admin(unique_name("admin"))
    platform.write_admin("nowhere", admin.name, admin.password)
    address = other_postgres.server
    platform.write_server(
        "nowhere",
        {
            "host": address.host,
            "port": address.port,
            "adminSecretRef": {"name": "nowhere-admin"},
            "allowedNamespaces": {"all": True},
        },
    )
    team.await_ready("shop", seconds=10)


def test_without_a_default_server_one_must_be_named(team: Team, platform: Platform):
    platform.patch("local", {"spec": {"isDefault": False}})
    try:
        team.apply("shop")
        team.await_says("shop", "ServerReachable", "False", "ServerNotFound")
        require_retrying(team, "shop", "no DatabaseServer is the default", "serverRef.name")
    finally:
        platform.patch("local", {"spec": {"isDefault": True}})
    team.await_ready("shop", seconds=10)


def test_two_default_servers_are_none(
    team: Team, platform: Platform, other_postgres: EmbeddedPostgres
):
    with platform.server(other_postgres, isDefault=True) as second:
        team.apply("shop")
        team.await_says("shop", "ServerReachable", "False", "ServerNotFound")
        require_retrying(team, "shop", "more than one", "local", second)
        platform.patch(second, {"spec": {"isDefault": False}})
        team.await_ready("shop", seconds=10)


def test_a_server_that_is_down_is_tried_again_and_used_when_up(
    team: Team, platform: Platform, other_postgres: EmbeddedPostgres
):
    with platform.server(other_postgres) as server:
        platform.await_says(server, "Ready", "True", "Connected")
        other_postgres.stop()
        try:
            team.apply("shop", serverRef={"name": server})
            team.await_says("shop", "ServerReachable", "False", "Unreachable")
            require_retrying(team, "shop", server, str(other_postgres.server.port))
            down = platform.await_says(server, "Reachable", "False", "Unreachable")
            require_one_line(down, server)
            assert KStatus.IN_PROGRESS is platform.kstatus(server)
        finally:
            other_postgres.start()
        team.await_ready("shop", seconds=25)
        platform.await_says(server, "Ready", "True", "Connected", seconds=25)


def test_a_wrong_admin_password_is_told_and_a_right_one_is_enough(
    team: Team, platform: Platform, other_postgres: EmbeddedPostgres
):
    admin = other_postgres.create_admin(unique_name("admin"))
    wrong = Login(name=admin.name, password="not-the-password", dsn="")
    with platform.server(other_postgres, wrong) as server:
        team.apply("shop", serverRef={"name": server})
        team.await_says("shop", "ServerReachable", "False", "AuthenticationFailed")
        require_stalled(team, "shop", "AuthenticationFailed", server, admin.name)
        assert "not-the-password" not in str(team.read("shop"))
        platform.await_says(server, "Stalled", "True", "AuthenticationFailed")
        platform.write_admin(server, admin.name, admin.password)
        team.await_ready("shop", seconds=25)
        assert KStatus.CURRENT is platform.kstatus(server)


def test_an_admin_secret_that_is_missing_is_named(
    team: Team, platform: Platform, other_postgres: EmbeddedPostgres
):
    with platform.server(other_postgres, adminSecretRef={"name": "not-there"}) as server:
        team.apply("shop", serverRef={"name": server})

        require_stalled(team, "shop", "AuthenticationFailed", "not-there", "does not exist")


def admin_path(server: str) -> str:
    return f"/api/v1/namespaces/appdb-system/secrets/{server}-admin"


def test_a_key_that_leaves_the_admin_secret_is_shown_on_the_server_within_seconds(
    platform: Platform, other_postgres: EmbeddedPostgres
):
    with platform.server(other_postgres) as server:
        platform.await_says(server, "Ready", "True", "Connected")
        before = platform.api.request("GET", admin_path(server)).body["data"]["password"]

        platform.api.patch(admin_path(server), {"data": {"password": None, "passwd": before}})

        told = platform.await_says(server, "Reachable", "False", "AuthenticationFailed", seconds=5)
        require_one_line(told, f"{server}-admin", "password", "spec.adminSecretRef", "passwd")
        platform.api.patch(admin_path(server), {"data": {"password": before}})
        platform.await_says(server, "Ready", "True", "Connected", seconds=5)
        platform.api.request("DELETE", admin_path(server))
        platform.await_says(server, "Reachable", "False", "AuthenticationFailed", seconds=5)


def test_an_end_of_line_behind_the_admins_password_is_left_out(
    platform: Platform, other_postgres: EmbeddedPostgres
):
    admin = other_postgres.create_admin(unique_name("admin"))
    typed = Login(name=f"{admin.name}\n", password=f"{admin.password}\r\n", dsn="")

    with platform.server(other_postgres, typed) as server:
        platform.await_says(server, "Ready", "True", "Connected")


@pytest.mark.parametrize("right", ["CREATEDB", "CREATEROLE"])
def test_a_missing_right_comes_with_the_statement_that_gives_it(
    team: Team, platform: Platform, other_postgres: EmbeddedPostgres, right: str
):
    admin = other_postgres.create_admin(unique_name("admin"))
    role = sql.Identifier(admin.name)
    superuser = other_postgres.server.dsn()
    with psycopg.connect(superuser, autocommit=True) as session:
        session.execute(sql.SQL("ALTER ROLE {} NO" + right).format(role))
    with platform.server(other_postgres, admin) as server:
        team.apply("shop", serverRef={"name": server})

        cure = f'ALTER ROLE "{admin.name}" {right}'
        team.await_says("shop", "DatabaseReady", "False", "InsufficientPrivilege")
        require_stalled(team, "shop", "InsufficientPrivilege", cure)
        privileged = platform.await_says(server, "Privileged", "False", "InsufficientPrivilege")
        require_one_line(privileged, cure)
        with psycopg.connect(superuser, autocommit=True) as session:
            session.execute(cure.encode())
        team.await_ready("shop", seconds=25)


def test_a_namespace_that_is_not_allowed_is_told_whom_to_ask(
    team: Team, platform: Platform, other_postgres: EmbeddedPostgres
):
    with platform.server(other_postgres, allowedNamespaces={"names": ["elsewhere"]}) as server:
        team.apply("shop", serverRef={"name": server})
        team.await_says("shop", "ServerReachable", "False", "ServerNotAllowed")
        require_stalled(team, "shop", "ServerNotAllowed", server, team.namespace, "ask")
        assert team.secret("shop-db") is None
        names = ["elsewhere", team.namespace]
        platform.patch(server, {"spec": {"allowedNamespaces": {"names": names}}})
        team.await_ready("shop", seconds=10)


def test_a_label_on_the_namespace_opens_a_server(
    team: Team, platform: Platform, other_postgres: EmbeddedPostgres
):
    selector = {"matchLabels": {"tier": "gold"}}
    allowed = {"all": False, "selector": selector}
    with platform.server(other_postgres, allowedNamespaces=allowed) as server:
        team.apply("shop", serverRef={"name": server})
        require_stalled(team, "shop", "ServerNotAllowed", server)
        team.sandbox.kubectl("label", "namespace", team.namespace, "tier=gold")
        team.await_ready("shop", seconds=10)


def test_a_config_map_that_is_missing_is_waited_for_and_the_login_is_there(team: Team):
    team.apply("shop", source=SOURCE)

    team.await_says("shop", "SourceReady", "False", "NotFound")
    require_retrying(team, "shop", f"{team.namespace}/shop", "does not exist", "label")
    assert ("True", "Issued") == team.says("shop", "CredentialsReady")
    assert ("Unknown", "Pending") == team.says("shop", "SchemaSynced")
    team.apply_source("shop", {"schema.prisma": PRISMA})
    team.await_ready("shop", seconds=5)
    assert ["User"] == team.tables("shop")


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"schema.prisma": PRISMA_WRONG}, "schema.prisma:9:"),
        ({"schema.sql": "CREATE TABLE a (id int);\nCREATE TABEL b (id int);\n"}, "schema.sql:2:"),
    ],
    ids=["prisma", "sql"],
)
def test_a_syntax_error_is_told_with_file_line_and_column(
    team: Team, files: dict[str, str], place: str
):
    team.apply_source("shop", files)
    team.apply("shop", source=SOURCE)

    team.await_says("shop", "SourceReady", "False", "ParseFailed")
    require_stalled(team, "shop", "SourceInvalid", place)
    assert [] == team.tables("shop")
    team.apply_source("shop", {"schema.prisma": PRISMA})
    team.await_ready("shop", seconds=5)


def test_a_source_without_a_schema_is_told(team: Team):
    team.apply_source("shop", {"notes.txt": "nothing to see"})
    team.apply("shop", source=SOURCE)

    team.await_says("shop", "SourceReady", "False", "NothingDetected")
    require_stalled(team, "shop", "NothingDetected", "no schema", "source")


def test_a_secret_that_is_somebody_elses_is_not_touched(team: Team):
    mine = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "shop-db"},
        "stringData": {"password": "somebody-elses"},
    }
    path = f"/api/v1/namespaces/{team.namespace}/secrets"
    assert 201 == team.api.create(path, mine).status
    team.apply("shop")

    team.await_says("shop", "CredentialsReady", "False", "SecretConflict")
    require_stalled(team, "shop", "SecretConflict", "shop-db", "not touched", "secretName")
    kept = base64.b64decode(team.secret("shop-db")["data"]["password"]).decode()
    assert "somebody-elses" == kept
    team.api.request("DELETE", f"{path}/shop-db")
    team.await_ready("shop")


def test_a_database_that_nobody_claims_needs_adoption(team: Team):
    name = unique_name("taken")
    with psycopg.connect(team.sandbox.postgres.server.dsn(), autocommit=True) as superuser:
        superuser.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        team.apply("shop", databaseName=name)
        team.await_says("shop", "DatabaseReady", "False", "AdoptionRequired")
        require_stalled(team, "shop", "AdoptionRequired", name, "adopt")
        superuser.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
    team.await_ready("shop")


def test_a_database_of_another_object_is_a_conflict_and_stays_its_own(team: Team):
    name = unique_name("taken")
    team.apply("first", databaseName=name)
    team.await_ready("first")

    team.apply("second", databaseName=name)

    team.await_says("second", "DatabaseReady", "False", "NameConflict")
    require_stalled(team, "second", "NameConflict", name)
    assert team.secret("second-db") is None
    team.await_ready("first")


def test_a_source_that_is_too_large_is_told_by_how_much(team: Team):
    big = "a" * 900_000
    for number in range(12):
        team.apply_source(f"part{number}", {f"file{number}.sql": big})
    team.apply("shop", source={"configMaps": [{"name": f"part{n}"} for n in range(12)]})

    team.await_says("shop", "SourceReady", "False", "TooLarge")
    require_stalled(team, "shop", "SourceTooLarge", "MiB")


def test_kubectl_get_says_in_one_line_what_is_wrong(team: Team):
    team.apply("shop", serverRef={"name": "nowhere-else"})
    team.await_says("shop", "ServerReachable", "False", "ServerNotFound")

    line = team.sandbox.kubectl("get", "appdb", "shop", "-n", team.namespace, "--no-headers")

    assert ["shop", "False", "ServerNotFound"] == line.split()[:3]


def test_an_object_that_fails_is_told_once_and_not_written_again(team: Team):
    team.apply("shop", serverRef={"name": "nowhere-else"})
    team.await_says("shop", "Reconciling", "True", "ProgressingWithRetry")
    before = team.read("shop")["metadata"]["resourceVersion"]

    tries = _retries(team)
    until(lambda: _retries(team) > tries, say=lambda: (tries, _retries(team)))

    assert before == team.read("shop")["metadata"]["resourceVersion"]


def _retries(team: Team) -> float:
    """How many runs have ended in this error."""
    _, text = team.sandbox.operator.get("/metrics")
    wanted = 'appdb_reconcile_errors_total{kind="AppDatabase",reason="ServerNotFound"}'
    lines = [line for line in text.splitlines() if line.startswith(wanted)]
    return float(lines[0].rsplit(" ", 1)[1]) if lines else 0.0

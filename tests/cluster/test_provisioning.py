import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from appdb.api.conditions import KStatus
from appdb.local.audit import mark_end, read_requests
from appdb.local.manifests import OPERATOR_NAMESPACE, SERVICE_ACCOUNT
from support.shop import PRISMA, PRISMA_TWO
from support.team import Team, read_kstatus, until

pytestmark = pytest.mark.cluster

OPERATOR = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{SERVICE_ACCOUNT}"
SHOWN = ["Ready", "ServerReachable", "DatabaseReady", "CredentialsReady"]


@pytest.fixture(scope="module")
def shop(running_sandbox, module_namespace) -> Team:
    """A team whose AppDatabase `shop` is Ready, for tests that only look."""
    team = Team(sandbox=running_sandbox, namespace=module_namespace)
    team.apply_source("shop", {"schema.prisma": PRISMA})
    team.apply("shop", source={"configMaps": [{"name": "shop"}]})
    team.await_ready("shop")
    return team


def test_a_new_object_reads_as_in_progress_until_it_is_ready(team: Team):
    created = team.api.create(
        f"/apis/appdb.chatbuilds.com/v1alpha1/namespaces/{team.namespace}/appdatabases",
        {
            "apiVersion": "appdb.chatbuilds.com/v1alpha1",
            "kind": "AppDatabase",
            "metadata": {"name": "bare"},
            "spec": {},
        },
    ).body

    assert -1 == created["status"]["observedGeneration"]
    assert KStatus.IN_PROGRESS is read_kstatus(created)
    ready = team.await_ready("bare")
    assert 1 == ready["status"]["observedGeneration"]


def test_a_database_without_a_source_has_no_tables_and_says_so(team: Team):
    team.apply("bare")

    team.await_ready("bare")

    assert ("True", "Disabled") == team.says("bare", "SchemaSynced")
    assert [] == team.tables("bare")
    assert [*SHOWN, "SchemaSynced"] == [each.type for each in team.conditions("bare")]


def test_every_condition_of_a_ready_object_is_true_and_tells_what_is_there(shop: Team):
    conditions = shop.conditions("shop")

    assert [*SHOWN, "SourceReady", "SchemaSynced"] == [each.type for each in conditions]
    assert {"True"} == {each.status for each in conditions}
    expected = ["Provisioned", "Connected", "Created", "Issued", "Analyzed", "Applied"]
    assert expected == [each.reason for each in conditions]
    ready = conditions[0].message
    assert "Secret shop-db" in ready
    assert "1 table" in ready
    assert all("\n" not in each.message and len(each.message) <= 400 for each in conditions)


def test_the_status_names_all_that_was_made(shop: Team):
    status = shop.status("shop")

    name = f"{shop.namespace}_shop"
    assert name == status["database"]["name"]
    assert (f"{name}_owner", f"{name}_app", f"{name}_user") == (
        status["database"]["owner"],
        status["database"]["role"],
        status["database"]["login"],
    )
    assert "local" == status["server"]["name"]
    assert status["server"]["systemIdentifier"].isdigit()
    assert {"name": "shop-db"} == status["binding"]
    assert (1, 3) == (status["schema"]["tables"], status["schema"]["columns"])
    assert "Prisma" == status["source"]["frameworks"][0]["name"]
    assert status["provisioning"]["seconds"] > 0


def test_kubectl_waits_for_ready_and_prints_one_line_that_says_why(shop: Team):
    kubectl = shop.sandbox.kubectl
    where = ("-n", shop.namespace)

    assert "condition met" in kubectl("wait", "--for=condition=Ready", "appdb/shop", *where)
    head, line = kubectl("get", "appdb", *where).splitlines()
    assert "READY" in head
    assert "True" in line


def test_the_database_url_alone_logs_in_as_a_role_that_may_make_tables(shop: Team):
    with shop.logged_in("shop") as session:
        row = session.execute("SELECT current_database(), session_user, current_user").fetchone()
        session.execute("CREATE TABLE made_by_app (id int)")
        session.execute("DROP TABLE made_by_app")

    name = f"{shop.namespace}_shop"
    assert (name, f"{name}_user", f"{name}_app") == row


def test_the_variables_of_libpq_alone_log_in(shop: Team):
    keys = shop.keys("shop")
    variables = {key: value for key, value in keys.items() if key.startswith("PG")}

    assert "1" == _psql(shop, variables)


def test_the_password_file_alone_brings_the_password(shop: Team, tmp_path: Path):
    keys = shop.keys("shop")
    passfile = tmp_path / "pgpass"
    passfile.write_text(keys["pgpass"] + "\n")
    passfile.chmod(0o600)
    variables = {key: value for key, value in keys.items() if key.startswith("PG")}
    del variables["PGPASSWORD"]

    assert "1" == _psql(shop, variables | {"PGPASSFILE": str(passfile)})


def test_every_key_of_the_secret_tells_the_same(shop: Team):
    keys = shop.keys("shop")

    for mine, other in (
        ("host", "PGHOST"),
        ("port", "PGPORT"),
        ("database", "PGDATABASE"),
        ("database", "dbname"),
        ("username", "PGUSER"),
        ("username", "user"),
        ("password", "PGPASSWORD"),
        ("uri", "DATABASE_URL"),
        ("uri", "connection_string"),
    ):
        assert keys[mine] == keys[other], (mine, other)
    assert 32 == len(keys["password"])
    assert "postgresql" == keys["type"]


def test_the_secret_is_of_the_type_and_labels_that_binders_look_for(shop: Team):
    secret = shop.secret("shop-db")

    assert "servicebinding.io/postgresql" == secret["type"]
    labels = secret["metadata"]["labels"]
    assert "appdb-operator" == labels["app.kubernetes.io/managed-by"]
    assert "shop" == labels["appdb.chatbuilds.com/appdatabase"]
    assert "app.kubernetes.io/instance" not in labels
    assert "ownerReferences" not in secret["metadata"]


def test_a_tenant_enters_no_database_but_its_own(team: Team, shop: Team):
    team.apply("other")
    team.await_ready("other")
    keys = team.keys("other")

    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(keys["DATABASE_URL"], dbname=f"{shop.namespace}_shop")


def test_one_object_costs_the_api_server_five_writes_and_a_look_none(team: Team):
    log = team.sandbox.control_plane.audit_log
    mark = mark_end(log)
    team.apply_source("shop", {"schema.prisma": PRISMA})
    team.apply("shop", source={"configMaps": [{"name": "shop"}]})
    team.await_ready("shop")
    until(lambda: len(_writes(team, mark)) >= 5, say=lambda: _writes(team, mark))

    writes = _writes(team, mark)
    # A slow machine is told of progress once more.
    assert writes.count("patch appdatabases/status") in {1, 2}
    others = [write for write in writes if write != "patch appdatabases/status"]
    assert ["create events"] * 2 + ["patch appdatabases", "patch secrets"] == sorted(others)
    mark = mark_end(log)
    team.request_look("shop")
    assert ["patch appdatabases/status"] == _writes(team, mark)


def test_provisioning_is_told_in_events(shop: Team):
    until(lambda: len(shop.events("shop")) >= 2, say=lambda: shop.events("shop"))

    assert {"DatabaseCreated", "SchemaApplied"} == {reason for reason, _ in shop.events("shop")}


def test_limits_are_those_of_the_database_and_its_login(team: Team):
    team.apply("tight", limits={"connections": 3, "statementTimeout": "1500ms"})
    team.await_ready("tight")

    with team.logged_in("tight") as session:
        assert ("1500ms",) == session.execute("SHOW statement_timeout").fetchone()
        limit = session.execute(
            "SELECT datconnlimit FROM pg_database WHERE datname = current_database()"
        ).fetchone()
        assert (3,) == limit


def test_a_changed_limit_is_brought_to_the_server(team: Team):
    team.apply("tight", limits={"connections": 3})
    team.await_ready("tight")

    team.apply("tight", limits={"connections": 5})

    def limit() -> int:
        with team.logged_in("tight") as session:
            return session.execute(
                "SELECT datconnlimit FROM pg_database WHERE datname = current_database()"
            ).fetchone()[0]

    until(lambda: limit() == 5, say=limit)


def test_tables_are_left_alone_where_the_schema_mode_is_off(team: Team):
    team.apply_source("shop", {"schema.prisma": PRISMA})
    team.apply("shop", source={"configMaps": [{"name": "shop"}]}, schema={"mode": "Off"})

    team.await_ready("shop")

    assert ("True", "Disabled") == team.says("shop", "SchemaSynced")
    assert [] == team.tables("shop")


def test_plan_only_is_ready_and_says_what_was_not_done(team: Team):
    team.apply_source("shop", {"schema.prisma": PRISMA})
    team.apply("shop", source={"configMaps": [{"name": "shop"}]}, schema={"mode": "PlanOnly"})

    team.await_ready("shop")

    assert ("True", "PlanOnly") == team.says("shop", "SchemaSynced")
    assert [] == team.tables("shop")


def test_a_suspended_object_is_left_alone_until_it_is_not(team: Team):
    team.apply("still", suspend=True)
    team.apply("moving")
    team.await_ready("moving")

    assert team.secret("still-db") is None
    assert -1 == team.status("still")["observedGeneration"]
    team.apply("still", suspend=False)
    team.await_ready("still")


def test_a_field_without_effect_yet_is_named(team: Team):
    team.apply("early", limits={"storage": "1Gi"})

    team.await_ready("early")

    assert "limits.storage" in team.condition("early", "Ready").message


def test_a_look_can_be_asked_for_by_annotation(shop: Team):
    shop.request_look("shop")

    shop.await_ready("shop")


def test_two_objects_whose_names_fold_together_get_two_databases(team: Team):
    team.apply("a-b")
    team.await_ready("a-b")
    team.apply("a.b")
    team.await_ready("a.b")

    first, second = (team.status(name)["database"]["name"] for name in ("a-b", "a.b"))
    assert first != second
    assert second.startswith(f"{team.namespace}_a_b_")


def test_inline_source_makes_tables_too(team: Team):
    team.apply("shop", source={"inline": {"schema.prisma": PRISMA_TWO}})

    team.await_ready("shop")

    assert ["Post", "User"] == team.tables("shop")


def test_the_server_counts_its_databases_within_seconds(team: Team):
    def count() -> int:
        found = team.api.request("GET", "/apis/appdb.chatbuilds.com/v1alpha1/databaseservers/local")
        return int(found.body["status"].get("databases", 0))

    def objects() -> int:
        found = team.api.request("GET", "/apis/appdb.chatbuilds.com/v1alpha1/appdatabases")
        return len(found.body["items"])

    team.apply("counted")
    team.await_ready("counted")
    until(lambda: count() == objects(), seconds=10, say=lambda: (count(), objects()))
    team.delete("counted")
    team.await_gone("counted")
    until(lambda: count() == objects(), seconds=10, say=lambda: (count(), objects()))


def _writes(team: Team, mark: int) -> list[str]:
    return [
        f"{request.verb} {request.resource}"
        for request in read_requests(
            team.sandbox.control_plane.audit_log, since=mark, user=OPERATOR
        )
        if request.is_write and request.namespace == team.namespace
    ]


def _psql(team: Team, variables: dict[str, str]) -> str:
    """The answer to SELECT 1 by a client that knows nothing but these variables."""
    psql = team.sandbox.postgres.server.bin_dir / "psql"
    done = subprocess.run(
        [str(psql), "-w", "-XAtc", "SELECT 1"],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or done.stderr

"""The whole road once, on real parts: apply, Ready, tables, a login.

Shows what it does and how long it takes; never shows a password.
"""

import base64
import json
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg

from appdb.local.cache import Report
from appdb.local.failure import SandboxError
from appdb.local.places import sandbox_dir
from appdb.local.report import link_clients, own_command
from appdb.local.sandbox import Options, Sandbox

DEMO_NAME = "demo"
READY_SECONDS = 60
LIST_TABLES = """
    SELECT c.relname, count(a.attnum), pg_get_userbyid(c.relowner)
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND n.nspname = 'public'
    GROUP BY c.oid, c.relname, c.relowner
    ORDER BY c.relname
"""
WHO_AM_I = (
    "SELECT current_database(), session_user, current_user, current_setting('server_version')"
)


def run_demo(example: Path, *, postgres_version: int | None, keeps: bool, report: Report) -> None:
    """Start a sandbox, apply the example, prove its databases, take the sandbox down.

    Raises SandboxError when an AppDatabase does not become ready or does not let us in.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _take_down)
    with _sandbox(postgres_version, keeps=keeps, report=report) as sandbox:
        started = time.monotonic()
        flag = "-k" if (example / "kustomization.yaml").exists() else "-f"
        report(f"kubectl apply {flag} {example}")
        for line in sandbox.kubectl("apply", flag, str(example)).splitlines():
            report(f"    {line}")
        for key in _app_databases(sandbox):
            _await_ready(sandbox, *key)
            report(f"{key[0]}/{key[1]} is Ready {time.monotonic() - started:.2f} s after the apply")
            _show(sandbox, *key, report=report)


def _take_down(number: int, _frame: FrameType | None) -> None:
    """Leave through all context managers, once: a second signal would break off the cleaning."""
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.SIG_IGN)
    sys.exit(128 + number)


@contextmanager
def _sandbox(version: int | None, *, keeps: bool, report: Report) -> Iterator[Sandbox]:
    options = Options(postgres_version=version, is_detached=keeps)
    if keeps:
        sandbox = Sandbox(sandbox_dir(DEMO_NAME), options, report=report)
        sandbox.start()
        link_clients(sandbox)
        yield sandbox
        appdb = own_command()
        report(f'it stays; look around after: eval "$({appdb} local env --name {DEMO_NAME})"')
        report(f"take it down with: {appdb} local down --name {DEMO_NAME}")
        return
    with Sandbox(options=options, report=report) as sandbox:
        yield sandbox
        report("taking everything down")
    report("gone; keep it next time with --keep")


def _app_databases(sandbox: Sandbox) -> list[tuple[str, str]]:
    listed = json.loads(sandbox.kubectl("get", "appdatabases", "-A", "-o", "json"))
    found = [entry["metadata"] for entry in listed["items"]]
    if not found:
        raise SandboxError("the example holds no AppDatabase")
    return [(entry["namespace"], entry["name"]) for entry in found]


def _await_ready(sandbox: Sandbox, namespace: str, name: str) -> None:
    waited = sandbox.control_plane.kubectl.run(
        *("wait", "--for=condition=Ready", f"appdatabase/{name}", "-n", namespace),
        f"--timeout={READY_SECONDS}s",
    )
    if waited.returncode == 0:
        return
    entry = json.loads(sandbox.kubectl("get", "appdatabase", name, "-n", namespace, "-o", "json"))
    raise SandboxError(f"{namespace}/{name} is not Ready: {_why(entry)}")


def _why(entry: Mapping[str, Any]) -> str:
    conditions = entry.get("status", {}).get("conditions", [])
    failing = [each for each in conditions if each["type"] == "Ready"]
    return "; ".join(f"{each['reason']}: {each['message']}" for each in failing) or "no condition"


def _show(sandbox: Sandbox, namespace: str, name: str, *, report: Report) -> None:
    """Log in with the Secret's own URL and list what is there."""
    entry = json.loads(sandbox.kubectl("get", "appdatabase", name, "-n", namespace, "-o", "json"))
    secret_name = entry["spec"].get("credentials", {}).get("secretName") or f"{name}-db"
    secret = json.loads(
        sandbox.kubectl("get", "secret", secret_name, "-n", namespace, "-o", "json")
    )
    url = base64.b64decode(secret["data"]["DATABASE_URL"]).decode()
    report(f"logging in with DATABASE_URL of Secret {secret_name}: {hide_password(url)}")
    try:
        with psycopg.connect(url) as connection:
            identity = connection.execute(WHO_AM_I).fetchone()
            tables = connection.execute(LIST_TABLES).fetchall()
    except psycopg.OperationalError as err:
        raise SandboxError(f"the login of Secret {secret_name} failed: {err}") from err
    database, login, role, version = identity or ("", "", "", "")
    report(f"database {database}, login {login} acting as {role}, Postgres {version}")
    report(f"{len(tables)} tables:")
    for table, columns, owner in tables:
        report(f"    {table:<32} {columns:>3} columns, owner {owner}")


def hide_password(url: str) -> str:
    """The URL with stars for its password."""
    return re.sub(r"(://[^:/@]+):[^@]*@", r"\1:***@", url)

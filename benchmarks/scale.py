"""A thousand databases on one machine: made from nothing, kept, and seen again after a restart.

Starts a sandbox of its own and prints one line per figure with PASS or FAIL. The floor is the
same work in plain SQL over as many connections, in the same run. Every database takes about
8 MB of disk, plain and by the operator.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from client import Client
from figure import Figure
from processor import processor_seconds, told
from provisioning import (
    CONNECTIONS,
    NAMESPACE,
    NEVER_DUE,
    OPERATOR,
    app_database,
    await_quiet,
    create_source,
    declared_ddl,
    measure_memory,
    provision_plainly,
)
from sessions import Sessions

from appdb.local.audit import mark_end, read_requests
from appdb.local.sandbox import Options, Sandbox
from appdb.local.waiting import pause

PATIENCE_SECONDS = 3600.0
IDLE_SECONDS = 30.0


def main() -> None:
    arguments = _arguments()
    options = Options(audits=True, runs_operator=True)
    with Sandbox(options=options, report=lambda line: print(f"# {line}")) as sandbox:
        client = Client.of(sandbox.control_plane)
        sandbox.kubectl("create", "namespace", NAMESPACE)
        sandbox.kubectl("wait", "--for=condition=Ready", "dbsrv/local", "--timeout=60s")
        sandbox.kubectl("patch", "dbsrv", "local", "--type=merge", "-p", NEVER_DUE)
        figures = [
            *measure_from_nothing(sandbox, client, arguments.many),
            *measure_off(client, arguments.off),
            *measure_restart(sandbox, arguments.many + arguments.off),
        ]
    for figure in figures:
        print(figure)
    sys.exit(0 if all(figure.is_met for figure in figures) else 1)


def measure_from_nothing(sandbox: Sandbox, client: Client, count: int) -> Iterator[Figure]:
    """Databases with ten tables each and a source of their own, all at once."""
    ddl, names = declared_ddl(), [f"app-{number}" for number in range(count)]
    with ThreadPoolExecutor(max_workers=CONNECTIONS) as pool:
        list(pool.map(lambda name: create_source(client, name, note=name), names))
        used = [processor_seconds(sandbox)]
        started = time.perf_counter()
        list(pool.map(lambda name: provision_plainly(sandbox, f"floor_{name}", ddl), names))
        floor = time.perf_counter() - started
    used.append(processor_seconds(sandbox))
    mark, sessions = mark_end(sandbox.control_plane.audit_log), Sessions(sandbox)
    with sessions:
        started = time.perf_counter()
        _create_all(client, names)
        client.await_ready(NAMESPACE, names, seconds=PATIENCE_SECONDS)
        total = time.perf_counter() - started
    used.append(processor_seconds(sandbox))
    requests = read_requests(sandbox.control_plane.audit_log, since=mark, user=OPERATOR)
    writes = [each for each in requests if each.is_write and each.namespace == NAMESPACE]
    print(f"# {count} from nothing: plain SQL {floor:.1f} s, operator {total:.1f} s")
    for who, before, after in (("plain SQL", *used[:2]), ("operator", *used[1:])):
        each, parts = told(before, after, count)
        print(f"#   processor time, {who}: {each:.0f} ms each ({parts})")
    yield Figure(name=f"{count} from nothing, times plain SQL", value=total / floor, limit=1.5)
    yield Figure(name="API writes per object", value=len(writes) / count, limit=5)
    yield Figure(name="sessions at once", value=sessions.most, limit=CONNECTIONS)


def measure_off(client: Client, count: int) -> Iterator[Figure]:
    """Databases without tables."""
    if not count:
        return
    names = [f"off-{number}" for number in range(count)]
    started = time.perf_counter()
    _create_all(client, names, schema={"mode": "Off"})
    client.await_ready(NAMESPACE, names, seconds=PATIENCE_SECONDS)
    total = time.perf_counter() - started
    print(f"# {count} without tables: {total:.1f} s, {total / count * 1000:.0f} ms each")
    yield Figure(name="without tables, each", value=total / count, limit=0.5, unit=" s")


def measure_restart(sandbox: Sandbox, count: int) -> Iterator[Figure]:
    """A new process over all of them: what it writes, and how soon it is quiet."""
    log = sandbox.control_plane.audit_log
    yield measure_memory(sandbox, limit=300)
    sandbox.operator.stop()
    mark, started = mark_end(log), time.monotonic()
    sandbox.operator.start()
    quiet_after = await_quiet(sandbox, mark, started)
    writes = sum(each.is_write for each in read_requests(log, since=mark, user=OPERATOR))
    limit = 15 if count <= 1000 else 30
    yield Figure(name=f"restart with {count}, writes", value=writes, limit=0)
    yield Figure(name=f"restart with {count}, quiet", value=quiet_after, limit=limit, unit=" s")
    mark = mark_end(log)
    pause(IDLE_SECONDS)
    idle = [each for each in read_requests(log, since=mark, user=OPERATOR) if each.is_write]
    yield Figure(name=f"idle for {IDLE_SECONDS:.0f} s, writes", value=len(idle), limit=0)


def _create_all(client: Client, names: list[str], **spec: object) -> None:
    def create(name: str) -> None:
        body = dict(app_database(name))
        body["spec"] = dict(spec) or body["spec"]
        client.create("appdatabases", NAMESPACE, body)

    with ThreadPoolExecutor(max_workers=CONNECTIONS) as pool:
        list(pool.map(create, names))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--many", type=int, default=1000)
    parser.add_argument("--off", type=int, default=0, help="databases with schema.mode Off")
    return parser.parse_args()


if __name__ == "__main__":
    main()

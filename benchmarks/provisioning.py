"""How fast the operator provisions, against the same work in plain SQL on the same server.

Starts a sandbox of its own (real API server, real Postgres, the operator under its own
ServiceAccount) and prints one line per figure with PASS or FAIL. Ratios count: both sides
run in turn on the same machine, so that a slow one slows both.
"""

import argparse
import json
import re
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from client import Client
from figure import Figure, conclude
from floor import provision_shortly
from opened import NAMESPACE, OPERATOR, opened_sandbox
from processor import children_of, processor_seconds, told
from schema import TABLES, prisma_schema

from appdb.local.audit import Request, mark_end, read_requests
from appdb.local.sandbox import Sandbox
from appdb.local.waiting import pause, wait_until
from appdb.source.analyze import analyze
from appdb.source.bundle import bundle_of_texts

WARM_UP = 2
CONNECTIONS = 8  # spec.connections.max of a DatabaseServer by default
PATIENCE_SECONDS = 300.0
QUIET_SECONDS = 5.0


def main() -> None:
    arguments = _arguments()
    with opened_sandbox() as (sandbox, client):
        conclude(_figures(sandbox, client, arguments))


def _figures(sandbox: Sandbox, client: Client, arguments: argparse.Namespace) -> Iterator[Figure]:
    ddl = declared_ddl()
    print(f"# schema: {TABLES} tables, {len(ddl)} statements")
    yield from measure_one(sandbox, client, ddl, rounds=arguments.rounds)
    yield from measure_many(sandbox, client, ddl, count=arguments.many)
    yield from measure_restart(sandbox, count=arguments.many)
    yield measure_memory(sandbox)


def declared_ddl() -> tuple[str, ...]:
    """The statements that the operator reads out of the same source."""
    analysis = analyze(bundle_of_texts({"schema.prisma": prisma_schema()}))
    return tuple(statement.sql for statement in analysis.statements)


def measure_one(
    sandbox: Sandbox, client: Client, ddl: tuple[str, ...], *, rounds: int
) -> Iterator[Figure]:
    """One object at a time: from the request that creates it to Ready."""
    floors: list[float] = []
    totals: list[float] = []
    steps: list[dict[str, float]] = []
    for number in range(rounds + WARM_UP):
        floor = _timed(lambda number=number: provision_shortly(sandbox, f"floor_{number}", ddl))
        mark = mark_end(sandbox.control_plane.audit_log)
        total = _timed(lambda number=number: provision_by_operator(client, f"one-{number}"))
        if number < WARM_UP:
            continue
        floors.append(floor)
        totals.append(total)
        steps.append(steps_of(sandbox.control_plane.audit_log, mark, f"one-{number}"))
    floor, total = statistics.median(floors), statistics.median(totals)
    print(f"# plain SQL: median {floor * 1000:.0f} ms; operator: median {total * 1000:.0f} ms")
    print(f"# operator, all: {' '.join(f'{each * 1000:.0f}' for each in sorted(totals))} ms")
    for step in steps[0]:
        share = statistics.median(each.get(step, 0.0) for each in steps)
        print(f"#   {step:<44} {share * 1000:6.0f} ms")
    yield Figure(name="one AppDatabase, apply to Ready", value=total, limit=0.5, unit=" s")
    yield Figure(name="one AppDatabase, times plain SQL", value=total / floor, limit=6)


def measure_many(
    sandbox: Sandbox, client: Client, ddl: tuple[str, ...], *, count: int
) -> Iterator[Figure]:
    """Many at once, against plain SQL over as many connections."""
    names = [f"many-{number}" for number in range(count)]

    def provision_all_plainly() -> None:
        with ThreadPoolExecutor(max_workers=CONNECTIONS) as pool:
            list(pool.map(lambda name: provision_shortly(sandbox, f"floor_{name}", ddl), names))

    used = [processor_seconds(sandbox)]
    floor = _timed(provision_all_plainly)
    used.append(processor_seconds(sandbox))
    mark = mark_end(sandbox.control_plane.audit_log)
    total = _timed(lambda: provision_many(client, names))
    used.append(processor_seconds(sandbox))
    # Events that others waited before come after Ready, and count.
    await_settled(sandbox)
    requests = read_requests(sandbox.control_plane.audit_log, since=mark, user=OPERATOR)
    print(f"# {count} at once: plain SQL {floor:.1f} s, operator {total:.1f} s")
    for who, before, after in (("plain SQL", *used[:2]), ("operator", *used[1:])):
        all_, parts = told(before, after, count)
        print(f"#   processor time, {who}: {all_:.0f} ms each ({parts})")
    yield Figure(name=f"{count} at once, times plain SQL", value=total / floor, limit=2)
    yield figure_of_writes(requests, count)


def measure_restart(sandbox: Sandbox, *, count: int) -> Iterator[Figure]:
    """A new process over objects that are as they should be: how long it looks, what it writes."""
    log = sandbox.control_plane.audit_log
    sandbox.operator.stop()
    mark = mark_end(log)
    started = time.monotonic()
    sandbox.operator.start()
    quiet_after = await_quiet(sandbox, mark, started)
    requests = [
        request
        for request in read_requests(log, since=mark, user=OPERATOR)
        if request.verb != "watch"
    ]
    print(f"# restart with {count}: {len(requests)} requests, the last after {quiet_after:.1f} s")
    writes = sum(request.is_write for request in requests)
    yield Figure(name=f"restart with {count}, writes", value=writes, limit=0)
    yield Figure(name=f"restart with {count}, quiet", value=quiet_after, limit=5, unit=" s")
    mark = mark_end(log)
    pause(2 * QUIET_SECONDS)
    idle = [
        f"{each.verb} {each.resource}"
        for each in read_requests(log, since=mark, user=OPERATOR)
        if each.verb != "watch"
    ]
    print(f"# idle for {2 * QUIET_SECONDS:.0f} s: {counted(idle) or 'nothing but watches'}")
    yield Figure(name="idle, requests that are no watch", value=len(idle), limit=0)


def measure_memory(sandbox: Sandbox, *, limit: float = 200) -> Figure:
    """Resident memory of the operator and of the process that reads sources."""
    process = sandbox.operator.component.process
    resident = _resident_mib(process.pid) if process else 0.0
    children = _children_mib(process.pid) if process else 0.0
    print(f"# memory: operator {resident:.0f} MiB, its reader of sources {children:.0f} MiB more")
    return Figure(name="operator, RSS", value=resident, limit=limit, unit=" MiB")


def provision_by_operator(client: Client, name: str) -> None:
    create_source(client, name)
    client.create("appdatabases", NAMESPACE, app_database(name))
    client.await_ready(NAMESPACE, [name], seconds=PATIENCE_SECONDS)


def provision_many(client: Client, names: list[str]) -> None:
    with ThreadPoolExecutor(max_workers=CONNECTIONS) as pool:
        list(pool.map(lambda name: create_source(client, name), names))
        list(
            pool.map(
                lambda name: client.create("appdatabases", NAMESPACE, app_database(name)), names
            )
        )
    client.await_ready(NAMESPACE, names, seconds=PATIENCE_SECONDS)


def create_source(client: Client, name: str, *, note: str = "") -> None:
    """Create the ConfigMap; a note makes it another source that declares the same."""
    client.create(
        "configmaps",
        NAMESPACE,
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "labels": {"appdb.chatbuilds.com/source": "true"}},
            "data": {"schema.prisma": f"// {note}\n{prisma_schema()}"},
        },
    )


def app_database(name: str) -> Mapping[str, Any]:
    return {
        "apiVersion": "appdb.chatbuilds.com/v1alpha1",
        "kind": "AppDatabase",
        "metadata": {"name": name},
        "spec": {"source": {"configMaps": [{"name": name}]}},
    }


def steps_of(log: Path, mark: int, name: str) -> dict[str, float]:
    """Split the time of one object by the operator's own requests, in seconds."""
    moments: dict[str, datetime] = {}

    def is_complete() -> bool:
        moments.update(_moments(log, mark, name))
        return "status ends" in moments

    # A watch may be quicker than the log.
    wait_until(is_complete, timeout_seconds=5)
    ordered = sorted(moments.items(), key=lambda each: each[1])
    return {
        f"{before} -> {after}": (end - start).total_seconds()
        for (before, start), (after, end) in pairwise(ordered)
    }


def _moments(log: Path, mark: int, name: str) -> Iterator[tuple[str, datetime]]:
    for event in _audit_events(log, mark):
        label = _moment(event, name)
        if label is not None:
            yield f"{label} begins", _time(event["requestReceivedTimestamp"])
            yield f"{label} ends", _time(event["stageTimestamp"])


def _moment(event: Mapping[str, Any], name: str) -> str | None:
    target, verb = event.get("objectRef", {}), event["verb"]
    resource, is_operator = target.get("resource"), event["user"]["username"] == OPERATOR
    if resource == "appdatabases" and verb == "create":
        return "create"
    if not is_operator or not str(target.get("name", "")).startswith(name):
        return None
    match resource, verb, target.get("subresource"):
        case "appdatabases", "patch", None:
            return "finalizer"
        case "appdatabases", "patch", "status":
            return "status"
        case "secrets", "patch", _:
            return "Secret"
        case _:
            return None


def _audit_events(log: Path, mark: int) -> Iterator[Mapping[str, Any]]:
    with log.open("rb") as stream:
        stream.seek(mark)
        for line in stream:
            if line.endswith(b"\n"):
                yield json.loads(line)


def await_settled(sandbox: Sandbox) -> None:
    """Wait until the operator has nothing left to do, the ledgers that it still owes included."""

    def is_settled() -> bool:
        mark = mark_end(sandbox.control_plane.audit_log)
        pause(QUIET_SECONDS)
        requests = read_requests(sandbox.control_plane.audit_log, since=mark, user=OPERATOR)
        return all(each.verb == "watch" for each in requests)

    wait_until(is_settled, timeout_seconds=PATIENCE_SECONDS)


def await_quiet(sandbox: Sandbox, mark: int, started: float) -> float:
    """Wait until every database was seen and then nothing asked for a while; when it last was."""
    log, last = sandbox.control_plane.audit_log, started

    def is_quiet() -> bool:
        nonlocal mark, last
        seen, mark = mark, mark_end(log)
        fresh = read_requests(log, since=seen, user=OPERATOR)
        if any(request.verb != "watch" for request in fresh):
            last = time.monotonic()
        return time.monotonic() - last > QUIET_SECONDS and _seen(sandbox) >= total

    total = _count_databases(sandbox)
    wait_until(is_quiet, timeout_seconds=120, interval_seconds=0.1)
    return last - started


def _count_databases(sandbox: Sandbox) -> int:
    return len(sandbox.kubectl("get", "appdb", "-A", "-o", "name").splitlines())


def _seen(sandbox: Sandbox) -> int:
    """How many databases the operator's metrics show as Ready."""
    return sandbox.operator.get("/metrics")[1].count("appdb_database_ready{")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _timed(act: Callable[[], None]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def figure_of_writes(requests: Iterable[Request], count: int) -> Figure:
    """Print what was written in the namespace, by kind, and return how much per object."""
    writes = [each for each in requests if each.is_write and each.namespace == NAMESPACE]
    print(f"#   writes: {counted(f'{each.verb} {each.resource}' for each in writes)}")
    return Figure(name="API writes per object", value=len(writes) / count, limit=5)


def counted(words: Iterable[str]) -> str:
    found = list(words)
    return ", ".join(f"{found.count(word)} {word}" for word in sorted(set(found)))


def _resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found.group(1)) / 1024 if found else 0.0


def _children_mib(pid: int) -> float:
    return sum(_resident_mib(child) for child in children_of(pid))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="objects one after the other")
    parser.add_argument("--many", type=int, default=100, help="objects at once")
    return parser.parse_args()


if __name__ == "__main__":
    main()

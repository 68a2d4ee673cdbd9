"""A thousand databases on one machine: made from nothing, kept, and seen again after a restart.

Starts a sandbox of its own and prints one line per figure with PASS or FAIL. The floor is the
same work in plain SQL over as many connections, in the same run. Every database takes about
8 MB of disk, plain and by the operator.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import psycopg
from client import Client
from figure import Figure, conclude
from floor import end_state, provision_alike, provision_shortly
from opened import NAMESPACE, OPERATOR, opened_sandbox
from processor import processor_seconds, told
from provisioning import (
    CONNECTIONS,
    app_database,
    await_quiet,
    await_settled,
    create_source,
    declared_ddl,
    figure_of_writes,
    measure_memory,
)
from sessions import Sessions

from appdb.local.audit import mark_end, read_requests
from appdb.local.sandbox import Sandbox
from appdb.local.waiting import pause

PATIENCE_SECONDS = 3600.0
IDLE_SECONDS = 30.0
SHORTEST_ROUND_SECONDS = 60.0
LOOK_SECONDS = 0.2
PARTS_OF_ROUND = 10


def main() -> None:
    arguments = _arguments()
    with opened_sandbox() as (sandbox, client):
        conclude(_figures(sandbox, client, arguments))


def _figures(sandbox: Sandbox, client: Client, arguments: argparse.Namespace) -> Iterator[Figure]:
    count = arguments.many + arguments.off
    yield from measure_from_nothing(sandbox, client, arguments.many)
    yield from measure_off(client, arguments.off)
    yield from measure_restart(sandbox, count)
    if not arguments.no_rounds:
        yield from measure_rounds(sandbox, count)


def measure_from_nothing(sandbox: Sandbox, client: Client, count: int) -> Iterator[Figure]:
    """Databases with ten tables each and a source of their own, all at once.

    Half of the floor is made before and half after: the more databases a server has, the longer
    each takes.
    """
    names = [f"app-{number}" for number in range(count)]
    with ThreadPoolExecutor(max_workers=CONNECTIONS) as pool:
        list(pool.map(lambda name: create_source(client, name, note=name), names))
    first = _measure_floor(sandbox, _ALIKE, "before", count // 2)
    log = sandbox.control_plane.audit_log
    mark, sessions, before = mark_end(log), Sessions(sandbox), processor_seconds(sandbox)
    with sessions:
        started = time.perf_counter()
        _create_all(client, names)
        client.await_ready(NAMESPACE, names, seconds=PATIENCE_SECONDS)
        total = time.perf_counter() - started
    each, parts = told(before, processor_seconds(sandbox), count)
    print(f"# {count} by the operator: {total / count * 1000:.0f} ms each")
    print(f"#   processor time: {each:.0f} ms each ({parts})")
    await_settled(sandbox)
    requests = read_requests(log, since=mark, user=OPERATOR)
    floor = first + _measure_floor(sandbox, _ALIKE, "after", count - count // 2)
    short = _measure_floor(sandbox, _SHORT, "short", count // 10) * count / (count // 10)
    _require_alike(sandbox, "before_0", f"{NAMESPACE}_app_0")
    print(f"# a script of a few lines, over as many connections: {total / short:.2f} times that")
    yield Figure(name=f"{count} from nothing, times plain SQL", value=total / floor, limit=1.5)
    yield figure_of_writes(requests, count)
    yield Figure(name="sessions at once", value=sessions.most, limit=CONNECTIONS)


@dataclass(frozen=True, slots=True)
class Floor:
    """Plain SQL for one database, and how many sessions it holds at once."""

    provision: Callable[[Sandbox, str, Iterable[str]], None]
    sessions: int


_ALIKE = Floor(provision_alike, sessions=2)
_SHORT = Floor(provision_shortly, sessions=1)


def _measure_floor(sandbox: Sandbox, floor: Floor, prefix: str, count: int) -> float:
    """Seconds for so many databases in plain SQL, over as many sessions as the operator has."""
    ddl, before = declared_ddl(), processor_seconds(sandbox)
    started = time.perf_counter()
    with ThreadPoolExecutor(max_workers=CONNECTIONS // floor.sessions) as pool:
        list(pool.map(lambda n: floor.provision(sandbox, f"{prefix}_{n}", ddl), range(count)))
    seconds = time.perf_counter() - started
    each, parts = told(before, processor_seconds(sandbox), count)
    print(f"# {count} {prefix}, plain SQL: {seconds / count * 1000:.0f} ms each")
    print(f"#   processor time: {each:.0f} ms each ({parts})")
    return seconds


def _require_alike(sandbox: Sandbox, plain: str, by_operator: str) -> None:
    """A floor that makes something else would be none."""
    floor, operator = end_state(sandbox, plain), end_state(sandbox, by_operator)
    if floor != operator:
        raise AssertionError(f"the floor does not do the same: {floor} and {operator}")


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
    await_settled(sandbox)
    sandbox.operator.stop()
    mark, started = mark_end(log), time.monotonic()
    sandbox.operator.start()
    quiet_after = await_quiet(sandbox, mark, started)
    requests = read_requests(log, since=mark, user=OPERATOR)
    writes = [f"{each.verb} {each.resource} {each.name}" for each in requests if each.is_write]
    asked = sum(each.verb != "watch" for each in requests)
    print(f"# restart with {count}: {asked} requests, writes: {writes[:5] or 'none'}")
    limit = 15 if count <= 1000 else 30
    yield Figure(name=f"restart with {count}, writes", value=len(writes), limit=0)
    yield Figure(name=f"restart with {count}, quiet", value=quiet_after, limit=limit, unit=" s")
    mark = mark_end(log)
    pause(IDLE_SECONDS)
    idle = [each for each in read_requests(log, since=mark, user=OPERATOR) if each.is_write]
    yield Figure(name=f"idle for {IDLE_SECONDS:.0f} s, writes", value=len(idle), limit=0)


def measure_rounds(sandbox: Sandbox, count: int) -> Iterator[Figure]:
    """The rounds of inspection of an idle operator, the second one counted: after a start each
    ledger is asked once.
    """
    period = max(SHORTEST_ROUND_SECONDS, count * LOOK_SECONDS)
    spec = json.dumps({"spec": {"resync": f"{period:.0f}s"}})
    sandbox.kubectl("patch", "dbsrv", "local", "--type=merge", "-p", spec)
    pause(2 * period)
    mark, seen = mark_end(sandbox.control_plane.audit_log), [_sessions_so_far(sandbox)]
    for _ in range(PARTS_OF_ROUND):
        pause(period / PARTS_OF_ROUND)
        seen.append(_sessions_so_far(sandbox))
    parts = [after - before for before, after in pairwise(seen)]
    print(f"# a round of {period:.0f} s over {count}: sessions by tenth {parts}")
    requests = read_requests(sandbox.control_plane.audit_log, since=mark, user=OPERATOR)
    writes = sum(each.is_write for each in requests)
    # A look that began in the round before may end in this one.
    yield Figure(name="a round, sessions per database", value=sum(parts) / count, limit=1.02)
    share = max(parts) * PARTS_OF_ROUND / sum(parts)
    yield Figure(name="a round, busiest tenth by the average", value=share, limit=2)
    yield Figure(name="a round, writes", value=writes, limit=0)


def _sessions_so_far(sandbox: Sandbox) -> int:
    """How many sessions have been opened to the operator's databases."""
    query = "SELECT sum(sessions) FROM pg_stat_database WHERE starts_with(datname, %s)"
    with psycopg.connect(sandbox.postgres.server.dsn("postgres")) as session:
        row = session.execute(query, (f"{NAMESPACE}_",)).fetchone()
    return int(row[0]) if row else 0


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
    parser.add_argument("--no-rounds", action="store_true", help="end before the inspections")
    return parser.parse_args()


if __name__ == "__main__":
    main()

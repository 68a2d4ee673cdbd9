"""Processor time of everything that takes part, which a busy machine does not distort."""

import os
import time
from pathlib import Path

from appdb.local.sandbox import Sandbox

_TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(sandbox: Sandbox) -> dict[str, float]:
    """Seconds so far by part."""
    parts = {each.name: each.process for each in sandbox.control_plane.components}
    used = {name: _own(process.pid) for name, process in parts.items() if process}
    operator = sandbox.operator.component.process
    if operator:
        used["operator"] = _own(operator.pid)
        used["reader of sources"] = sum(_with_children(pid) for pid in children_of(operator.pid))
    postmaster = sandbox.postgres.process.pid
    used["Postgres"] = _with_children(postmaster) + sum(map(_living, children_of(postmaster)))
    used["client"] = time.process_time()
    return used


def children_of(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def told(before: dict[str, float], after: dict[str, float], count: int) -> tuple[float, str]:
    """Milliseconds for each of `count` objects: in all, and by part."""
    each = {name: (after[name] - before.get(name, 0.0)) * 1000 / count for name in after}
    parts = ", ".join(f"{name} {each[name]:.0f}" for name in sorted(each) if each[name] >= 1)
    return sum(each.values()), parts


def _own(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _living(pid: int) -> float:
    """What a session has used so far; one that has just ended counts with its parent."""
    try:
        return _own(pid)
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


def _with_children(pid: int) -> float:
    fields = _stat(pid)
    return sum(int(field) for field in fields[11:15]) / _TICKS


def _stat(pid: int) -> list[str]:
    """The fields of proc(5) from the third on; the name before may hold spaces."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()

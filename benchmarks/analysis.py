"""How fast sources are read, per stage, and in how much memory.

Each stage runs in a process of its own, so that its peak memory is its own. `floor` is
tree-sitter's parse of the same bytes and nothing else, in the same run; `analyze` is the whole
analysis; `worker` is what the operator waits for: a process forked from a warm one, and the answer
read back. The first two are seconds of CPU, the last is time. Needs neither a cluster nor a server.
"""

import asyncio
import gc
import os
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from figure import Figure, conclude
from sources import around_one, joined, realistic, typescript
from tree_sitter import Language, Parser
from tree_sitter_language_pack import get_parser
from tree_sitter_typescript import language_typescript

from appdb.source.analyze import analyze
from appdb.source.bundle import SourceBundle, bundle_of_files
from appdb.source.isolate import Isolation
from appdb.source.project import Project

MEBIBYTE = 1 << 20
ROUNDS = 5
MOST_MEMORY = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """`seconds` is what the worker may take; without it the input is printed only."""

    name: str
    files: Callable[[], dict[str, bytes]]
    seconds: float | None = None


def _prisma(text: str) -> dict[str, bytes]:
    return {"schema.prisma": text.encode()}


INPUTS = (
    Input(name="Prisma, 300 models", files=lambda: _prisma(realistic(384_000)), seconds=2),
    Input(name="1 MiB of Prisma", files=lambda: _prisma(realistic(MEBIBYTE)), seconds=0.5),
    Input(
        name="1 MiB of Prisma around one model",
        files=lambda: _prisma(around_one(MEBIBYTE)),
        seconds=0.5,
    ),
    Input(name="1 MiB of Prisma in tiny models", files=lambda: _prisma(joined(MEBIBYTE))),
    Input(
        name="2 MB of TypeScript in 1000 files",
        files=lambda: typescript(1000, 2_000_000),
        seconds=5,
    ),
)


def main() -> None:
    figures = [figure for each in INPUTS for figure in _measured(each)]
    print()
    conclude(figures)


def _measured(source: Input) -> list[Figure]:
    """Print the stages of one input; return its figures."""
    bundle = bundle_of_files(source.files())
    tables = len(analyze(bundle).schema.tables)
    size = bundle.size / 1e6
    print(f"\n# {source.name}: {size:.2f} MB in {len(bundle.files)} files, {tables} tables")
    base = seconds = memory = 0.0
    for name, stage in STAGES.items():
        rounds = [_alone(stage, bundle) for _ in range(ROUNDS)]
        seconds = statistics.median(spent for spent, _ in rounds)
        memory = max(peak for _, peak in rounds)
        base = base or seconds
        print(
            f"{name:8} {seconds:7.3f} s {size / seconds:7.1f} MB/s {memory:5.0f} MiB "
            f"{seconds / base:6.1f} x floor"
        )
    if source.seconds is None:
        return []
    return [
        Figure(name=source.name, value=seconds, limit=source.seconds, unit=" s"),
        Figure(name=f"{source.name}, peak memory", value=memory, limit=MOST_MEMORY, unit=" MiB"),
    ]


def _floor(bundle: SourceBundle) -> float:
    if "schema.prisma" in bundle.files:
        parser = get_parser("prisma")
    else:
        parser = Parser(Language(language_typescript()))
    begun = time.process_time()
    for content in bundle.files.values():
        parser.parse(content)
    return time.process_time() - begun


def _project(bundle: SourceBundle) -> float:
    begun = time.process_time()
    Project(bundle.files).files  # noqa: B018 - the property does the work
    return time.process_time() - begun


def _analyze(bundle: SourceBundle) -> float:
    # As the worker does: it ends after its one answer.
    gc.disable()
    begun = time.process_time()
    analyze(bundle)
    return time.process_time() - begun


def _worker(bundle: SourceBundle) -> float:
    async def once() -> float:
        isolation = Isolation()
        await isolation.start()
        begun = time.perf_counter()
        await isolation.analyze(bundle)
        spent = time.perf_counter() - begun
        await isolation.close()
        return spent

    return asyncio.run(once())


STAGES = {"floor": _floor, "project": _project, "analyze": _analyze, "worker": _worker}


def _alone(stage: Callable[[SourceBundle], float], bundle: SourceBundle) -> tuple[float, float]:
    """Seconds and peak MiB of a stage in a process of its own, or in that of its reader."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        spent = stage(bundle)
        kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        peak = max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024
        os.write(writing, f"{spent} {peak}".encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    spent, _, peak = os.read(reading, 100).decode().partition(" ")
    os.close(reading)
    return float(spent), float(peak)


if __name__ == "__main__":
    main()

"""How long it takes to read a large Prisma schema, and in how much memory.

Reads it as the operator does, in a process of its own that is forked from a warm one; needs
neither a cluster nor a server.
"""

import asyncio
import resource
import statistics
import sys
import time

from figure import Figure
from schema import prisma_schema

from appdb.source.bundle import bundle_of_texts
from appdb.source.isolate import Isolation, analyze_once

MEBIBYTE = 1 << 20
ROUNDS = 5


def main() -> None:
    text = schema_of(MEBIBYTE)
    bundle = bundle_of_texts({"schema.prisma": text})
    tables = len(analyze_once(bundle).schema.tables)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    seconds = asyncio.run(_measured(text))
    print(f"# {len(text) / MEBIBYTE:.2f} MiB, {tables} tables, all {seconds}")
    figures = [
        Figure(name="1 MiB of Prisma", value=statistics.median(seconds), limit=0.5, unit=" s"),
        Figure(name="1 MiB of Prisma, peak memory", value=peak, limit=300, unit=" MiB"),
    ]
    for figure in figures:
        print(figure)
    sys.exit(0 if all(figure.is_met for figure in figures) else 1)


def schema_of(size: int) -> str:
    """The largest schema of whole tables that is not over a size in bytes."""
    per_table = len(prisma_schema(200)) // 200
    tables = size // per_table
    while len(prisma_schema(tables)) > size:
        tables -= 1
    return prisma_schema(tables)


async def _measured(text: str) -> list[float]:
    isolation = Isolation()
    await isolation.start()
    found = []
    for _ in range(ROUNDS):
        bundle = bundle_of_texts({"schema.prisma": text})
        started = time.perf_counter()
        await isolation.analyze(bundle)
        found.append(round(time.perf_counter() - started, 3))
    await isolation.close()
    return found


if __name__ == "__main__":
    main()

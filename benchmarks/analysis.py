"""Times the analysis per stage, against the floor of parsing alone, in the same run.

    python benchmarks/analysis.py

Each row is a process of its own, so that peak memory is that stage's: MB/s of source,
seconds, peak MiB. `floor` is tree-sitter's parse of the same bytes and nothing else;
`worker` is what the operator waits for, its process already warm.
"""

import asyncio
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "operator"))

from tree_sitter import Language, Parser
from tree_sitter_language_pack import get_parser
from tree_sitter_typescript import language_typescript

from appdb.source.analyze import analyze
from appdb.source.bundle import SourceBundle, bundle_of_files
from appdb.source.isolate import Isolation
from appdb.source.project import Project

MODEL = """\
model Customer{n} {{
  id        String   @id @default(cuid())
  email     String   @unique
  name      String?  @db.VarChar(191)
  kind      Kind{n}  @default(PLAIN)
  balance   Decimal  @default(0) @db.Decimal(12, 2)
  createdAt DateTime @default(now()) @map("created_at")
  parent    Customer{n}?  @relation("tree{n}", fields: [parentId], references: [id])
  parentId  String?
  children  Customer{n}[] @relation("tree{n}")

  @@index([name, createdAt(sort: Desc)])
  @@map("customers_{n}")
}}

enum Kind{n} {{
  PLAIN
  GOLD @map("gold")
}}

"""
ENTITY = """\
import {{ Entity, PrimaryGeneratedColumn, Column, ManyToOne, Index }} from 'typeorm';
import {{ Order{m} }} from './order{m}.entity';

export enum State{n} {{ New = 'new', Done = 'done' }}

@Entity('orders_{n}')
@Index(['code', 'createdAt'])
export class Order{n} {{
  @PrimaryGeneratedColumn('uuid') id: string;
  @Column({{ type: 'varchar', length: 64, unique: true }}) code: string;
  @Column({{ type: 'enum', enum: State{n}, default: State{n}.New }}) state: State{n};
  @Column('numeric', {{ precision: 12, scale: 2, default: 0 }}) total: string;
  @Column({{ nullable: true }}) note?: string;
  @Column({{ type: 'timestamptz', default: () => 'now()' }}) createdAt: Date;
  @ManyToOne(() => Order{m}, {{ onDelete: 'CASCADE' }}) previous: Order{m};

  describe(): string {{
    return `order ${{this.code}}: ${{this.total}} (${{this.state}})`;
  }}
}}
"""


def prisma(size: int | None = None, models: int = 0) -> dict[str, bytes]:
    """One schema.prisma of so many bytes or models."""
    text = ['datasource db {\n  provider = "postgresql"\n}\n\n']
    length = len(text[0])
    while (size is not None and length < size) or len(text) <= models:
        text.append(MODEL.format(n=len(text)))
        length += len(text[-1])
    return {"schema.prisma": "".join(text).encode()}


def typeorm(files: int, size: int) -> dict[str, bytes]:
    """So many entity files of so many bytes in all; comments fill what code does not."""
    found = {}
    for n in range(files):
        text = ENTITY.format(n=n, m=(n + 1) % files)
        fill = size // files - len(text)
        found[f"src/order{n}.entity.ts"] = (text + "// note\n" * max(0, fill // 8)).encode()
    return found


INPUTS: dict[str, tuple[Callable[[], dict[str, bytes]], str]] = {
    "10 models": (lambda: prisma(models=10), "start + 0.01 s in the worker"),
    "300 models": (lambda: prisma(models=300), "under 2 s"),
    "prisma 1 MiB": (lambda: prisma(size=1 << 20), "under 0.5 s, 300 MiB"),
    "typeorm 2 MB, 1000 files": (lambda: typeorm(1000, 2_000_000), "under 5 s, 300 MiB"),
}


def floor(bundle: SourceBundle) -> float:
    """Parse every file and do nothing with it."""
    if next(iter(bundle.files)).endswith(".prisma"):
        parser = get_parser("prisma")
    else:
        parser = Parser(Language(language_typescript()))
    begun = time.perf_counter()
    trees = [parser.parse(content) for content in bundle.files.values()]
    return time.perf_counter() - begun if trees else 0.0


def project(bundle: SourceBundle) -> float:
    begun = time.perf_counter()
    Project(bundle.files).files  # noqa: B018 - the property does the work
    return time.perf_counter() - begun


def whole(bundle: SourceBundle) -> float:
    begun = time.perf_counter()
    analyze(bundle)
    return time.perf_counter() - begun


def worker(bundle: SourceBundle) -> float:
    async def once() -> float:
        isolation = Isolation()
        await isolation.start()
        begun = time.perf_counter()
        await isolation.analyze(bundle)
        spent = time.perf_counter() - begun
        await isolation.close()
        return spent

    return asyncio.run(once())


STAGES = {"floor": floor, "project": project, "analyze": whole, "worker": worker}


def measured(stage: Callable[[SourceBundle], float], bundle: SourceBundle) -> tuple[float, float]:
    """Seconds and peak MiB of a stage in a process of its own (readers' memory included)."""
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


def main() -> None:
    """Print one block per input."""
    for name, (make, target) in INPUTS.items():
        bundle = bundle_of_files(make())
        megabytes = bundle.size / 1e6
        print(f"\n{name}: {megabytes:.2f} MB in {len(bundle.files)} files (target: {target})")
        base = 0.0
        for stage, run in STAGES.items():
            spent, peak = min(measured(run, bundle) for _ in range(3))
            base = base or spent
            print(
                f"  {stage:8} {megabytes / spent:8.1f} MB/s {spent:8.3f} s "
                f"{peak:7.0f} MiB {spent / base:6.1f} x floor"
            )


if __name__ == "__main__":
    main()

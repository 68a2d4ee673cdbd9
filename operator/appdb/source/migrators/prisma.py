"""Prisma: `migrations/<time>_<name>/migration.sql`, beside a `migration_lock.toml`."""

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator

from appdb.model.finding import Finding
from appdb.model.migrator import Migration, Migrator, Tool
from appdb.source.filekind import Kind
from appdb.source.migrators.folder import Source, base, under
from appdb.source.migrators.replay import replay_of
from appdb.source.migrators.sqlscan import makes_schemas, of_another_database
from appdb.source.project import SourceFile

FILE = "migration.sql"
_LOCK = "migration_lock.toml"
_PROVIDER = re.compile(r"^\s*provider\s*=\s*\"(\w+)\"", re.MULTILINE)
_POSTGRES = frozenset({"postgresql", "postgres", "cockroachdb"})


def find(source: Source) -> Iterator[Migrator | Finding]:
    """Find the folders of Prisma."""
    for folder, files in _folders(source).items():
        if not _is_prisma(source, folder, files):
            continue
        provider = _provider(source, folder)
        if provider not in _POSTGRES:
            yield of_another_database(folder, files[0].path, Tool.PRISMA, provider)
            continue
        # Prisma runs them in the order of their names.
        files.sort(key=lambda file: file.path)
        yield Migrator(
            tool=Tool.PRISMA,
            folder=folder,
            migrations=tuple(
                Migration(
                    name=base(posixpath.dirname(file.path)),
                    path=file.path,
                    checksum=source.checksum(file.path),
                )
                for file in files
            ),
            replay=replay_of(files),
            wants_schemas=makes_schemas(files),
        )


def _folders(source: Source) -> dict[str, list[SourceFile]]:
    found: defaultdict[str, list[SourceFile]] = defaultdict(list)
    for file in source.of_kind(Kind.SQL):
        own = posixpath.dirname(file.path)
        if base(file.path) == FILE and own:
            found[posixpath.dirname(own)].append(file)
    return found


def _is_prisma(source: Source, folder: str, files: list[SourceFile]) -> bool:
    """Drizzle lays its files out alike since 1.0, each with a snapshot beside it."""
    if source.get(under(folder, _LOCK)) is not None:
        return True
    if any(source.get(under(posixpath.dirname(file.path), "snapshot.json")) for file in files):
        return False
    return base(folder) == "migrations" or bool(source.of_kind(Kind.PRISMA))


def _provider(source: Source, folder: str) -> str:
    lock = source.get(under(folder, _LOCK))
    found = _PROVIDER.search(lock.text) if lock is not None else None
    return found[1] if found else "postgresql"

"""Drizzle: a journal and its SQL files up to 0.x, a folder for each migration from 1.0 on."""

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from appdb.model.finding import Finding
from appdb.model.migrator import Migration, Migrator, Tool
from appdb.source.filekind import SCRIPTS, Kind
from appdb.source.migrators.folder import (
    Setting,
    Source,
    base,
    by_folder,
    script_setting,
    stem,
    under,
    without_comments,
)
from appdb.source.migrators.replay import replay_of
from appdb.source.migrators.sqlscan import of_another_database
from appdb.source.project import SourceFile

_JOURNAL = "meta/_journal.json"
_POSTGRES = frozenset({"postgresql", "postgres", "pg"})
_BREAKPOINT = b"--> statement-breakpoint"
_NUMBERED = re.compile(r"\d{4}_\w+\.sql")
_TIMED = re.compile(r"\d{14}_.+")
_BLOCK = re.compile(r"(?<![\w.])[\"']?migrations[\"']?\s*:\s*\{([^}]{0,2000})\}")
_OF_MIGRATE = {"table": "migrationsTable", "schema": "migrationsSchema"}


def find(source: Source) -> Iterator[Migrator | Finding]:
    """Find the folders of Drizzle."""
    told: set[str] = set()
    for file in source.of_kind(Kind.JSON):
        folder = posixpath.dirname(posixpath.dirname(file.path))
        if file.path == under(folder, _JOURNAL):
            told.add(folder)
            yield from _with_journal(source, folder, file)
    for folder, files in _timed(source).items():
        told.add(folder)
        yield from _without_journal(source, folder, files)
    for folder, files in by_folder(source.of_kind(Kind.SQL)).items():
        if folder not in told and _is_headless(folder, files):
            yield _without_head(source, folder, files)


def _with_journal(source: Source, folder: str, file: SourceFile) -> Iterator[Migrator | Finding]:
    journal = source.json(file.path)
    entries = _entries(journal)
    if not entries:
        return
    dialect = str(journal.get("dialect", "postgresql"))
    if dialect not in _POSTGRES:
        yield of_another_database(folder, file.path, Tool.DRIZZLE, dialect)
        return
    obstacle = ""
    migrations: list[Migration] = []
    files: list[SourceFile] = []
    for tag, when in entries:
        path = under(folder, f"{tag}.sql")
        found = source.get(path)
        checksum = "" if found is None else source.checksum(path)
        migrations.append(Migration(name=tag, path=path, checksum=checksum, at=when))
        if found is not None:
            files.append(found)
        if found is None or when is None:
            what = "is not in the source" if found is None else "has no time in the journal"
            obstacle = obstacle or f"{path} {what}"
    yield _migrator(source, folder, migrations, files, obstacle)


def _entries(journal: Any) -> list[tuple[str, int | None]]:
    entries = journal.get("entries") if isinstance(journal, dict) else None
    found = []
    for entry in entries if isinstance(entries, list) else ():
        tag = entry.get("tag") if isinstance(entry, dict) else None
        if isinstance(tag, str) and tag and "/" not in tag:
            when = entry.get("when")
            is_time = isinstance(when, int) and not isinstance(when, bool)
            found.append((tag, when if is_time and 0 <= when < 2**63 else None))
    return found


def _timed(source: Source) -> dict[str, list[SourceFile]]:
    """Folders of folders, each with a `migration.sql` and a `snapshot.json` of Drizzle."""
    found: defaultdict[str, list[SourceFile]] = defaultdict(list)
    for file in source.of_kind(Kind.SQL):
        own = posixpath.dirname(file.path)
        parent = posixpath.dirname(own)
        is_drizzle = (
            base(file.path) == "migration.sql"
            and _TIMED.fullmatch(base(own))
            and source.get(under(own, "snapshot.json"))
            and not source.get(under(parent, "migration_lock.toml"))
        )
        if is_drizzle:
            found[parent].append(file)
    return found


def _without_journal(
    source: Source, folder: str, files: list[SourceFile]
) -> Iterator[Migrator | Finding]:
    dialect = _snapshot_dialect(source, files[0])
    if dialect not in _POSTGRES:
        yield of_another_database(folder, files[0].path, Tool.DRIZZLE, dialect)
        return
    obstacle = ""
    migrations: list[Migration] = []
    files = sorted(files, key=lambda each: each.path)
    for file in files:
        name = base(posixpath.dirname(file.path))
        at = _milliseconds(name)
        obstacle = obstacle or ("" if at is not None else f"the name {name} holds no time")
        migrations.append(
            Migration(name=name, path=file.path, checksum=source.checksum(file.path), at=at)
        )
    yield _migrator(source, folder, migrations, files, obstacle, layout=1)


def _snapshot_dialect(source: Source, file: SourceFile) -> str:
    data = source.json(under(posixpath.dirname(file.path), "snapshot.json"))
    return str(data.get("dialect", "postgres")) if isinstance(data, dict) else "postgres"


def _milliseconds(name: str) -> int | None:
    try:
        time = datetime.strptime(name[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return round(time.timestamp()) * 1000


def _without_head(source: Source, folder: str, files: list[SourceFile]) -> Migrator:
    numbered = [file for file in files if _NUMBERED.fullmatch(base(file.path))]
    named = [Migration(name=stem(file.path), path=file.path) for file in numbered]
    obstacle = f"{under(folder, _JOURNAL)} is not in the source"
    return _migrator(source, folder, named, numbered, obstacle)


def _is_headless(folder: str, files: list[SourceFile]) -> bool:
    numbered = [file for file in files if _NUMBERED.fullmatch(base(file.path))]
    has_marks = any(_BREAKPOINT in file.content for file in numbered)
    return bool(numbered) and (has_marks or base(folder) == "drizzle")


def _migrator(
    source: Source,
    folder: str,
    migrations: list[Migration],
    files: list[SourceFile],
    obstacle: str,
    *,
    layout: int = 0,
) -> Migrator:
    table, schema = _setting(source, "table"), _setting(source, "schema")
    return Migrator(
        tool=Tool.DRIZZLE,
        folder=folder,
        migrations=tuple(migrations),
        table=table.value,
        schema=schema.value,
        layout=layout,
        replay=replay_of(files),
        obstacle=obstacle or table.obstacle or schema.obstacle,
        # Drizzle makes its schema before every run.
        wants_schemas=True,
    )


def _setting(source: Source, key: str) -> Setting:
    """What drizzle.config, or a call of migrate(), says of the table of records."""
    scripts = [
        (file.path, without_comments(file.text))
        for file in source.of_kind(*SCRIPTS)
        if b"drizzle" in file.content or base(file.path).startswith("drizzle")
    ]
    blocks = [
        (path, found[1])
        for path, text in scripts
        if base(path).startswith("drizzle")
        for found in _BLOCK.finditer(text)
    ]
    of_config = script_setting(blocks, key)
    if of_config.value or of_config.obstacle:
        return of_config
    return script_setting(scripts, _OF_MIGRATE[key])

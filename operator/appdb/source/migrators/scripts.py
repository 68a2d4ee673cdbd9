"""The migrators whose migrations are TypeScript or JavaScript, told apart by their content.

A folder's name says nothing here: the same `migrations` may be of TypeORM, Knex, Sequelize
or anything else. Scripts are looked at as text; none is run.
"""

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from appdb.model.migrator import Migration, Migrator, Tool
from appdb.source.filekind import SCRIPTS, Kind
from appdb.source.migrators.folder import (
    Setting,
    Source,
    base,
    common_folder,
    nearest,
    one_setting,
    script_setting,
    without_comments,
)

_UP = re.compile(
    r"exports\.up\s*="
    r"|\bexport\s+(?:async\s+)?function\s+up\b"
    r"|\bexport\s+(?:const|let|var)\s+up\b"
    r"|(?:module\.exports\s*=|\bexport\s+default)\s*\{(?:[^{}]|\{[^{}]*\}){0,2000}?\bup\b"
)
_METHOD = re.compile(r"(?<![.\w])(?:async\s+)?up\s*(?:=\s*async\s*)?\(")
# What a tool names its files, or where people keep them.
_PLACE = re.compile(r"(?:^|/)(?:[^/]*migrat[^/]*/.+|\d[^/]*)$", re.IGNORECASE)
_CLASS = re.compile(r"\bclass\s+([A-Za-z_$][\w$]*)?([^{]{0,400})\{")
_NAME = re.compile(r"(?<![.\w])name\s*(?::\s*string\s*)?=\s*([\"'`])([^\"'`$\n]+)\1")
_TIME = re.compile(r"\d{13}$")
_MARKS: tuple[tuple[Tool, re.Pattern[str]], ...] = (
    (Tool.MIKRO_ORM, re.compile(r"@mikro-orm/migrations")),
    (Tool.KYSELY, re.compile(r"\bKysely\s*<|['\"]kysely['\"]")),
    (Tool.NODE_PG_MIGRATE, re.compile(r"\bpgm\b|\bMigrationBuilder\b|node-pg-migrate")),
    (Tool.SEQUELIZE, re.compile(r"\b[qQ]ueryInterface\b|\b[sS]equelize\b|\bumzug\b")),
    (
        Tool.KNEX,
        re.compile(
            r"\b[kK]nex\b|\.\s*schema\s*\.\s*"
            r"(?:create|alter|drop|has|table|raw|rename|withSchema)"
        ),
    ),
)
_SKIPPED = frozenset({"build", "seeders", "seeds", "seed"})
_MAKES_SCHEMA = re.compile(r"create\s+schema|createSchema", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A script that is a migration of some tool, with its migrations."""

    path: str
    tool: Tool
    text: str
    migrations: tuple[Migration, ...]


def find(source: Source) -> Iterator[Migrator]:
    """Find them; what one package.json stands above is one migrator of a tool."""
    packages = [
        posixpath.dirname(file.path)
        for file in source.of_kind(Kind.JSON)
        if base(file.path) == "package.json"
    ]
    groups: defaultdict[tuple[Tool, str], list[_Found]] = defaultdict(list)
    for file in source.of_kind(*SCRIPTS):
        if file.path.endswith((".d.ts", ".d.mts", ".d.cts")) or _is_skipped(file.path):
            continue
        found = _read(file.path, file.text)
        if found is not None:
            groups[found.tool, nearest(file.path, packages)].append(found)
    for (tool, _), each in groups.items():
        yield _migrator(source, tool, each)


def _is_skipped(path: str) -> bool:
    return any(folder in _SKIPPED for folder in path.lower().split("/")[:-1])


def _read(path: str, whole: str) -> _Found | None:
    if "up" not in whole:
        return None
    text = without_comments(whole)
    classes = _typeorm_migrations(path, text) if _METHOD.search(text) else ()
    if classes:
        return _Found(path=path, tool=Tool.TYPEORM, text=text, migrations=classes)
    tool = next((tool for tool, mark in _MARKS if mark.search(text)), None)
    if tool is None or not _is_migration(tool, path, text):
        return None
    has_suffix = tool in {Tool.KNEX, Tool.SEQUELIZE}
    name = base(path) if has_suffix else posixpath.splitext(base(path))[0]
    return _Found(path=path, tool=tool, text=text, migrations=(Migration(name=name, path=path),))


def _is_migration(tool: Tool, path: str, text: str) -> bool:
    """Tell a migration from a script that runs some, or that only speaks of the tool."""
    if tool is Tool.MIKRO_ORM:
        return bool(_METHOD.search(text)) and "extends" in text
    return bool(_UP.search(text)) and bool(_PLACE.search(path))


def _typeorm_migrations(path: str, text: str) -> tuple[Migration, ...]:
    """The classes that are migrations of TypeORM, by the name that it records."""
    heads = list(_CLASS.finditer(text))
    found = []
    for head, following in zip_longest(heads, heads[1:]):
        body = text[head.end() : following.start() if following else len(text)]
        given = _NAME.search(body)
        name = given[2] if given else head[1] or ""
        time = _TIME.search(name)
        is_declared = "MigrationInterface" in head[2]
        if "up" in body and (is_declared or (time and "queryRunner" in body)):
            at = int(time[0]) if time else None
            found.append(Migration(name=name, path=path, at=at))
    return tuple(found)


def _migrator(source: Source, tool: Tool, found: Sequence[_Found]) -> Migrator:
    migrations = [migration for each in found for migration in each.migrations]
    table, schema = _settings(source, tool)
    return Migrator(
        tool=tool,
        folder=common_folder(each.path for each in migrations),
        migrations=tuple(sorted(migrations, key=_order)),
        table=table.value,
        schema=schema.value,
        obstacle=_obstacle(tool, migrations) or table.obstacle or schema.obstacle,
        wants_schemas=any(_MAKES_SCHEMA.search(each.text) for each in found),
    )


def _order(migration: Migration) -> tuple[int, str]:
    return (migration.at or 0, migration.name)


def _obstacle(tool: Tool, migrations: Sequence[Migration]) -> str:
    names = [each.name for each in migrations]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        return f"migration {twice} is there twice"
    if tool is Tool.TYPEORM:
        untimed = next((each for each in migrations if each.at is None), None)
        if untimed is not None:
            return f"the class {untimed.name or 'without a name'} in {untimed.path} ends in no time"
    return ""


def _settings(source: Source, tool: Tool) -> tuple[Setting, Setting]:
    """Where a tool keeps its records, as the application's own configuration says."""
    match tool:
        case Tool.TYPEORM:
            texts = _texts(source, "DataSource", "createConnection", "TypeOrmModule", "typeorm")
            tables = script_setting(texts, "migrationsTableName")
            places = [
                (path, text)
                for path, text in texts
                if re.search(r"\bDataSource(?:Options)?\b|createConnection|TypeOrmModule", text)
                or path.endswith(".json")
            ]
            return tables, script_setting(places, "schema")
        case Tool.KNEX:
            blocks = [
                (path, block[1])
                for path, text in _texts(source, "knex")
                for block in re.finditer(r"(?<![\w.])migrations\s*:\s*\{([^}]{0,2000})\}", text)
            ]
            return script_setting(blocks, "tableName"), script_setting(blocks, "schemaName")
        case Tool.SEQUELIZE:
            texts = _texts(source, "migrationStorage")
            return (
                script_setting(texts, "migrationStorageTableName"),
                script_setting(texts, "migrationStorageTableSchema"),
            )
        case Tool.MIKRO_ORM:
            blocks = [
                (path, block[1])
                for path, text in _texts(source, "mikro-orm")
                for block in re.finditer(r"(?<![\w.])migrations\s*:\s*\{([^}]{0,2000})\}", text)
            ]
            return script_setting(blocks, "tableName"), one_setting("schema", ())
        case _:
            return Setting(), Setting()


def _texts(source: Source, *words: str) -> list[tuple[str, str]]:
    """Scripts and JSON that hold one of the words, without their comments."""
    marks = [word.encode() for word in words]
    return [
        (file.path, without_comments(file.text))
        for file in source.of_kind(*SCRIPTS, Kind.JSON)
        if any(mark in file.content for mark in marks)
        and base(file.path) not in {"package.json", "tsconfig.json"}
        and not posixpath.dirname(file.path).endswith("migrations")
    ]

"""What each migrator would write down, had it run an application's migrations itself.

Pure. The tables are made as the tools make them, so that each finds its own again; the
versions that this was taken from are in docs/migrators.md.
"""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import LiteralString, TypeAlias

from appdb.errors import InvalidSpec
from appdb.model.migrator import Migration, Migrator, Tool

PRISMA_LOCK = 72707369
_LONGEST_NAME = 255
# Names of rows that we write are derived, so that a second run derives the same.
_ROWS = uuid.UUID("6b1f0d5e-3a57-4d0e-9a53-7f2f5a0c9d11")


class Filled(Enum):
    """A value that the server fills in."""

    NOW = "now"
    NEXT_BATCH = "next batch"


Value: TypeAlias = str | int | Filled
Row: TypeAlias = tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookTable:
    """A table of records and the rows that belong into it.

    `columns` are pairs of name and definition. A row of `rows` has a value for each of
    `written`; one is there already when a row has the same `identity`, and with an empty
    identity when there is any row. Rows for which `failed` holds stand for a migration that
    broke off; those for which `void` holds do not count. `replaces` are identities that the
    rows take the place of; with them, any other row is one that nobody knows.
    """

    schema: str
    name: str
    columns: tuple[tuple[str, LiteralString], ...]
    written: tuple[str, ...]
    identity: tuple[str, ...]
    rows: tuple[Row, ...]
    primary_key: tuple[str, str] | None = None
    failed: LiteralString = "false"
    void: LiteralString = "false"
    replaces: frozenset[str] | None = None
    lock: int | None = None

    def identity_of(self, row: Row) -> Row:
        """The values that tell a row from others."""
        return tuple(row[self.written.index(name)] for name in self.identity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The records that are to be kept for an application's own migrator."""

    migrator: Migrator
    books: tuple[BookTable, ...]

    @property
    def told(self) -> str:
        """What is said once all is written down."""
        verb = "is" if len(self.migrator.migrations) == 1 else "are"
        proof = "" if self.migrator.replay else ", not proved: its migrations are programs"
        return f"{self.migrator} {verb} recorded in {self.books[0].name}{proof}"


def baseline_of(migrators: Sequence[Migrator]) -> Baseline | None:
    """Return the records that the migrator of a source would keep; None without one.

    Raises:
        InvalidSpec: there are several migrators, or this one's records cannot be kept.
    """
    if not migrators:
        return None
    migrator, *others = migrators
    if others:
        raise impossible(f"there are {migrator} and {others[0]}", "exclude all but one")
    obstacle = obstacle_of(migrator)
    if obstacle:
        raise impossible(f"{migrator}: {obstacle}", "use Detect to leave the tables to it")
    return Baseline(migrator=migrator, books=books_of(migrator))


def impossible(what: str, cure: str) -> InvalidSpec:
    """Say why an application's migrator cannot be told that its migrations ran."""
    return InvalidSpec(f"migrator Baseline is not possible: {what}; {cure}")


def obstacle_of(migrator: Migrator) -> str:
    """Say why the records of a migrator cannot be written; nothing when they can."""
    if migrator.obstacle:
        return migrator.obstacle
    if migrator.replay is not None and migrator.replay.refusal:
        return migrator.replay.refusal
    long = next((m.name for m in migrator.migrations if len(m.name) > _LONGEST_NAME), None)
    return f"the name {long[:40]}… is longer than {_LONGEST_NAME} characters" if long else ""


def books_of(migrator: Migrator) -> tuple[BookTable, ...]:
    """Return the tables that a migrator keeps, as they are once all its migrations ran.

    Only for a migrator without an obstacle.
    """
    match migrator.tool:
        case Tool.PRISMA:
            return (_prisma(migrator),)
        case Tool.DRIZZLE:
            return (_drizzle(migrator),)
        case Tool.ALEMBIC:
            return (_alembic(migrator),)
        case Tool.DJANGO:
            return (_django(migrator),)
        case Tool.TYPEORM:
            return (_typeorm(migrator),)
        case Tool.KNEX:
            return _knex(migrator)
        case Tool.SEQUELIZE:
            return (_sequelize(migrator),)
        case Tool.MIKRO_ORM:
            return (_mikro_orm(migrator),)
        case _:
            msg = f"the records of {migrator.tool} are not known"
            raise ValueError(msg)


def _prisma(migrator: Migrator) -> BookTable:
    return BookTable(
        schema="public",
        name="_prisma_migrations",
        columns=(
            ("id", "varchar(36) PRIMARY KEY NOT NULL"),
            ("checksum", "varchar(64) NOT NULL"),
            ("finished_at", "timestamptz"),
            ("migration_name", "varchar(255) NOT NULL"),
            ("logs", "text"),
            ("rolled_back_at", "timestamptz"),
            ("started_at", "timestamptz NOT NULL DEFAULT now()"),
            ("applied_steps_count", "integer NOT NULL DEFAULT 0"),
        ),
        written=(
            *("id", "checksum", "finished_at", "migration_name", "started_at"),
            "applied_steps_count",
        ),
        identity=("migration_name",),
        rows=tuple(
            (_row_id(each), each.checksum, Filled.NOW, each.name, Filled.NOW, 1)
            for each in migrator.migrations
        ),
        failed="finished_at IS NULL AND rolled_back_at IS NULL",
        void="rolled_back_at IS NOT NULL",
        lock=PRISMA_LOCK,
    )


def _row_id(migration: Migration) -> str:
    return str(uuid.uuid5(_ROWS, f"{migration.name} {migration.checksum}"))


def _drizzle(migrator: Migrator) -> BookTable:
    is_named = migrator.layout > 0
    named: tuple[tuple[str, LiteralString], ...] = (
        ("name", "text"),
        ("applied_at", "timestamp with time zone DEFAULT now()"),
    )
    return BookTable(
        schema=migrator.schema or "drizzle",
        name=migrator.table or "__drizzle_migrations",
        columns=(
            ("id", "serial PRIMARY KEY"),
            ("hash", "text NOT NULL"),
            ("created_at", "bigint"),
            *(named if is_named else ()),
        ),
        written=("hash", "created_at", *(("name",) if is_named else ())),
        identity=("name",) if is_named else ("created_at",),
        rows=tuple(
            (each.checksum, each.at or 0, *((each.name,) if is_named else ()))
            for each in migrator.migrations
        ),
    )


def _alembic(migrator: Migrator) -> BookTable:
    """The heads alone are written down; a new head takes the place of those that it follows."""
    name = migrator.table or "alembic_version"
    followed = frozenset(after for each in migrator.migrations for after in each.after)
    return BookTable(
        schema=migrator.schema or "public",
        name=name,
        columns=(("version_num", "varchar(32) NOT NULL"),),
        primary_key=(f"{name}_pkc", "version_num"),
        written=("version_num",),
        identity=("version_num",),
        rows=tuple((each.name,) for each in migrator.migrations if each.name not in followed),
        replaces=followed,
    )


def _django(migrator: Migrator) -> BookTable:
    return BookTable(
        schema="public",
        name="django_migrations",
        columns=(
            ("id", "bigint NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY"),
            ("app", "varchar(255) NOT NULL"),
            ("name", "varchar(255) NOT NULL"),
            ("applied", "timestamp with time zone NOT NULL"),
        ),
        written=("app", "name", "applied"),
        identity=("app", "name"),
        rows=tuple((each.app, each.name, Filled.NOW) for each in migrator.migrations),
    )


def _typeorm(migrator: Migrator) -> BookTable:
    name = migrator.table or "migrations"
    # TypeORM's own rule for the name of a primary key.
    digest = hashlib.sha1(f"{name}_id".encode(), usedforsecurity=False).hexdigest()
    return BookTable(
        schema=migrator.schema or "public",
        name=name,
        columns=(
            ("id", "serial NOT NULL"),
            ("timestamp", "bigint NOT NULL"),
            ("name", "character varying NOT NULL"),
        ),
        primary_key=(f"PK_{digest[:27]}", "id"),
        written=("timestamp", "name"),
        identity=("name",),
        rows=tuple((each.at or 0, each.name) for each in migrator.migrations),
    )


def _knex(migrator: Migrator) -> tuple[BookTable, ...]:
    schema, name = migrator.schema or "public", migrator.table or "knex_migrations"
    return (
        BookTable(
            schema=schema,
            name=name,
            columns=(
                ("id", "serial PRIMARY KEY"),
                ("name", "varchar(255)"),
                ("batch", "integer"),
                ("migration_time", "timestamptz"),
            ),
            written=("name", "batch", "migration_time"),
            identity=("name",),
            rows=tuple((each.name, Filled.NEXT_BATCH, Filled.NOW) for each in migrator.migrations),
        ),
        BookTable(
            schema=schema,
            name=f"{name}_lock",
            columns=(("index", "serial PRIMARY KEY"), ("is_locked", "integer")),
            written=("is_locked",),
            identity=(),
            rows=((0,),),
        ),
    )


def _sequelize(migrator: Migrator) -> BookTable:
    return BookTable(
        schema=migrator.schema or "public",
        name=migrator.table or "SequelizeMeta",
        columns=(("name", "varchar(255) NOT NULL PRIMARY KEY"),),
        written=("name",),
        identity=("name",),
        rows=tuple((each.name,) for each in migrator.migrations),
    )


def _mikro_orm(migrator: Migrator) -> BookTable:
    return BookTable(
        schema=migrator.schema or "public",
        name=migrator.table or "mikro_orm_migrations",
        columns=(
            ("id", "serial PRIMARY KEY"),
            ("name", "varchar(255)"),
            ("executed_at", "timestamptz DEFAULT current_timestamp"),
        ),
        written=("name",),
        identity=("name",),
        rows=tuple((each.name,) for each in migrator.migrations),
    )

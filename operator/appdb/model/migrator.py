"""The migrations that an application brings along, as values: whose they are and what they do.

Values only. Nothing here says what becomes of them: `schema.migrator` decides that.
"""

from dataclasses import dataclass
from enum import StrEnum

from appdb.model.words import counted


class Tool(StrEnum):
    """A tool that changes tables by numbered migrations and writes down which it ran."""

    PRISMA = "Prisma"
    DRIZZLE = "Drizzle"
    ALEMBIC = "Alembic"
    DJANGO = "Django"
    TYPEORM = "TypeORM"
    KNEX = "Knex"
    SEQUELIZE = "Sequelize"
    MIKRO_ORM = "MikroORM"
    NODE_PG_MIGRATE = "node-pg-migrate"
    KYSELY = "Kysely"
    FLYWAY = "Flyway"
    GOLANG_MIGRATE = "golang-migrate"
    GOOSE = "goose"
    DBMATE = "dbmate"
    SUPABASE = "Supabase"
    SQL = "numbered SQL files"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One migration, by the name that its tool writes down.

    `checksum` is the hex SHA-256 of its file; `at` is the time in its name or journal, in
    milliseconds for Drizzle and TypeORM; `app` is Django's label; `after` names the
    migrations that it follows (Alembic).
    """

    name: str
    path: str
    checksum: str = ""
    at: int | None = None
    app: str = ""
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a folder of SQL does to the catalog of an empty database.

    `statements` run in their order; `extensions` and `schemas` are those that it wants. Where
    something in it cannot be replayed, `refusal` says what, and the statements are of no use.
    """

    statements: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrator:
    """A folder of migrations, in the order in which its tool runs them.

    `table` and `schema` are where the tool keeps its records, when the application says so
    itself. `layout` tells apart ways of one tool to keep records (Drizzle: 0 up to 0.x, 1
    from 1.0 on). `replay` is there for folders of SQL only. `obstacle` says why its records
    cannot be written. `wants_schemas`: it makes schemas, for which Postgres asks the right
    to make any, even where they are there already.
    """

    tool: Tool
    folder: str
    migrations: tuple[Migration, ...]
    table: str | None = None
    schema: str | None = None
    layout: int = 0
    replay: Replay | None = None
    obstacle: str = ""
    wants_schemas: bool = False

    def __str__(self) -> str:
        """For messages: `3 migrations of Prisma in prisma/migrations`."""
        return (
            f"{counted(len(self.migrations), 'migration')} of {self.tool} in {self.folder or '.'}"
        )

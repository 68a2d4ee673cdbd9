"""Applications with a migrator of their own, as files, and the tool that runs it."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from support.migrations import PRISMA, PRISMA_NEXT, journal, revision
from support.tools import npm_packages, pip_packages, run

PG = {"pg": "8.23.1"}
PRISMA_CLI, DRIZZLE_KIT, DRIZZLE_KIT_1 = "6.19.3", "0.31.11", "1.0.0-rc.5"
TYPEORM, KNEX, SEQUELIZE_CLI, MIKRO_ORM = "1.1.1", "3.3.0", "6.6.5", "6.6.16"
DJANGO = "5.2.19"
# The versions that docs/migrators.md names.
VERSIONS = (
    *(PRISMA_CLI, DRIZZLE_KIT, DRIZZLE_KIT_1, TYPEORM, KNEX, SEQUELIZE_CLI, MIKRO_ORM),
    DJANGO,
)
USERS = "CREATE TABLE users (id integer NOT NULL PRIMARY KEY, email text NOT NULL);\n"
USERS_NEXT = "ALTER TABLE users ADD COLUMN name text;\n"
DECLARED = {"db/schema.sql": USERS}


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """An application: its source, its next release, and how its tool is made to run.

    `local` are files that the tool needs and that say nothing of migrations; `quiet` is what
    it says when there is nothing to do. `records` is the table that it keeps.
    """

    files: Mapping[str, str]
    following: Mapping[str, str]
    local: Mapping[str, str] = field(default_factory=dict)
    records: str
    quiet: str
    install: Callable[[], Path]
    start: Callable[[Path, Path, str], str]

    def lay(self, folder: Path, files: Mapping[str, str]) -> None:
        """Write files below a folder."""
        for path, text in {**self.local, **files}.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)

    def run(self, folder: Path, url: str) -> str:
        """Run the tool over what lies in a folder; what it says."""
        return self.start(self.install(), folder, url)


def _node(*words: str, **variables: str) -> Callable[[Path, Path, str], str]:
    def start(installed: Path, folder: Path, url: str) -> str:
        modules = folder / "node_modules"
        if not modules.exists():
            modules.symlink_to(installed / "node_modules")
        program = installed / "node_modules" / ".bin" / words[0]
        given = {name: value.format(folder=folder) for name, value in variables.items()}
        return run(folder, str(program), *words[1:], DATABASE_URL=url, **given)

    return start


def _npm(**packages: str) -> Callable[[], Path]:
    named = {name.replace("__", "/").replace("_", "-"): v for name, v in packages.items()}
    return lambda: npm_packages({**PG, **named})


_PRISMA_CONFIG = """
import { PrismaPg } from '@prisma/adapter-pg'
import { defineConfig } from 'prisma/config'
export default defineConfig({
  schema: './prisma/schema.prisma',
  experimental: { adapter: true },
  engine: 'js',
  adapter: async () => new PrismaPg({ connectionString: process.env.DATABASE_URL }),
})
"""
# The engines that Prisma downloads are not needed where it works by WebAssembly.
_NO_ENGINE = {
    "PRISMA_SCHEMA_ENGINE_BINARY": "{folder}/engine",
    "PRISMA_QUERY_ENGINE_LIBRARY": "{folder}/engine",
}

_DRIZZLE_CONFIG = """
export default {
  dialect: 'postgresql', schema: './schema.ts', out: './drizzle',
  dbCredentials: { url: process.env.DATABASE_URL },
}
"""
_DIFFERENCE = {"type": "diff", "deltas": []}


def _snapshot(number: int) -> str:
    """What drizzle-kit 1.0 keeps beside a migration, without its copy of the schema."""
    ids = [f"00000000-0000-0000-0000-{each:012}" for each in (number - 1, number)]
    kept = {"type": "base", "ddl": [], "renames": []} if number == 1 else _DIFFERENCE
    shared = {"version": "9", "dialect": "postgres", "footprints": []}
    return json.dumps({**shared, **kept, "id": ids[1], "prevIds": ids[:1]})


_TYPEORM_SOURCE = """
const { DataSource } = require('typeorm');
module.exports = new DataSource({
  type: 'postgres', url: process.env.DATABASE_URL, migrations: ['migrations/*.js'],
});
"""


def _typeorm_migration(name: str, sql: str) -> str:
    return (
        f"module.exports = {{ {name}: class {name} {{\n"
        f"  async up(queryRunner) {{ await queryRunner.query(`{sql.strip()}`); }}\n"
        "  async down(queryRunner) {}\n} };\n"
    )


def _knex_migration(sql: str) -> str:
    return f"exports.up = (knex) => knex.raw(`{sql.strip()}`);\nexports.down = (knex) => knex;\n"


def _sequelize_migration(sql: str) -> str:
    up = f"await queryInterface.sequelize.query(`{sql.strip()}`);"
    return (
        f"module.exports = {{\n  async up(queryInterface) {{ {up} }},\n"
        "  async down(queryInterface) {},\n};\n"
    )


_MIKRO_PARTS = ("core", "cli", "migrations", "postgresql")
_MIKRO_CONFIG = """
const { defineConfig } = require('@mikro-orm/postgresql');
const { Migrator } = require('@mikro-orm/migrations');
const { EntitySchema } = require('@mikro-orm/core');
const U = new EntitySchema({ name: 'U', tableName: 'users', properties: {
  id: { type: 'integer', primary: true, autoincrement: false } } });
module.exports = defineConfig({
  clientUrl: process.env.DATABASE_URL, entities: [U], extensions: [Migrator],
  migrations: { path: './migrations', snapshot: false },
});
"""


def _mikro_migration(name: str, sql: str) -> str:
    return (
        "const { Migration } = require('@mikro-orm/migrations');\n"
        f"exports.{name} = class {name} extends Migration {{\n"
        f"  async up() {{ this.addSql(`{sql.strip()}`); }}\n}};\n"
    )


_ALEMBIC_INI = "[alembic]\nscript_location = alembic\n"
_ALEMBIC_ENV = """
import os
from alembic import context
from sqlalchemy import create_engine

url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
with create_engine(url).connect() as connection:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()
"""
_ALEMBIC_LOCAL = {"alembic.ini": _ALEMBIC_INI, "alembic/env.py": _ALEMBIC_ENV}


def _op(sql: str) -> str:
    return f'op.execute("""{sql.strip()}""")'


def _alembic(_: Path, folder: Path, url: str) -> str:
    command = (sys.executable, "-m", "alembic")
    done = run(folder, *command, "upgrade", "heads", DATABASE_URL=url)
    return done + run(folder, *command, "current", DATABASE_URL=url)


_DJANGO_SETTINGS = """
import os
from urllib.parse import unquote, urlsplit

_url = urlsplit(os.environ["DATABASE_URL"])
DATABASES = {"default": {
    "ENGINE": "django.db.backends.postgresql", "NAME": _url.path[1:], "HOST": _url.hostname,
    "PORT": _url.port, "USER": unquote(_url.username), "PASSWORD": unquote(_url.password)}}
INSTALLED_APPS = ["shop"]
USE_TZ = True
"""


def _django_migration(sql: str, *after: str) -> str:
    dependencies = ", ".join(f"('shop', {name!r})" for name in after)
    return (
        "from django.db import migrations\n\n\n"
        "class Migration(migrations.Migration):\n"
        f"    dependencies = [{dependencies}]\n"
        f'    operations = [migrations.RunSQL("""{sql.strip()}""")]\n'
    )


def _django(installed: Path, folder: Path, url: str) -> str:
    return run(
        folder,
        *(sys.executable, "-m", "django", "migrate"),
        DATABASE_URL=url,
        DJANGO_SETTINGS_MODULE="settings",
        PYTHONPATH=f"{folder}:{installed}",
    )


_FIRST, _SECOND = "20240101000000", "20240201000000"

APPS = {
    "prisma": App(
        files=PRISMA,
        following=PRISMA_NEXT,
        local={"prisma.config.ts": _PRISMA_CONFIG, "engine": ""},
        records="public._prisma_migrations",
        quiet="No pending migrations to apply.",
        install=lambda: npm_packages(
            {**PG, "prisma": PRISMA_CLI, "@prisma/adapter-pg": "7.10.1"},
        ),
        start=_node("prisma", "migrate", "deploy", **_NO_ENGINE),
    ),
    "drizzle": App(
        files={
            **DECLARED,
            "drizzle/meta/_journal.json": journal("0000_users"),
            "drizzle/0000_users.sql": USERS,
        },
        following={
            "drizzle/meta/_journal.json": journal("0000_users", "0001_name"),
            "drizzle/0001_name.sql": USERS_NEXT,
        },
        local={"drizzle.config.ts": _DRIZZLE_CONFIG},
        records="drizzle.__drizzle_migrations",
        quiet="migrations applied successfully",
        install=_npm(drizzle_kit=DRIZZLE_KIT, drizzle_orm="0.45.4"),
        start=_node("drizzle-kit", "migrate"),
    ),
    "drizzle alone": App(
        files={
            "drizzle/meta/_journal.json": journal("0000_users", "0001_more"),
            "drizzle/0000_users.sql": USERS,
            "drizzle/0001_more.sql": (
                "CREATE TYPE mood AS ENUM ('a', 'b');--> statement-breakpoint\n"
                "ALTER TABLE users ADD COLUMN mood mood DEFAULT 'b';\n"
            ),
        },
        following={
            "drizzle/meta/_journal.json": journal("0000_users", "0001_more", "0002_name"),
            "drizzle/0002_name.sql": USERS_NEXT,
        },
        local={"drizzle.config.ts": _DRIZZLE_CONFIG},
        records="drizzle.__drizzle_migrations",
        quiet="migrations applied successfully",
        install=_npm(drizzle_kit=DRIZZLE_KIT, drizzle_orm="0.45.4"),
        start=_node("drizzle-kit", "migrate"),
    ),
    "drizzle 1.0": App(
        files={
            **DECLARED,
            f"drizzle/{_FIRST}_users/migration.sql": USERS,
            f"drizzle/{_FIRST}_users/snapshot.json": _snapshot(1),
        },
        following={
            f"drizzle/{_SECOND}_name/migration.sql": USERS_NEXT,
            f"drizzle/{_SECOND}_name/snapshot.json": _snapshot(2),
        },
        local={"drizzle.config.ts": _DRIZZLE_CONFIG},
        records="drizzle.__drizzle_migrations",
        quiet="migrations applied successfully",
        install=_npm(drizzle_kit=DRIZZLE_KIT_1, drizzle_orm="1.0.0-rc.5"),
        start=_node("drizzle-kit", "migrate"),
    ),
    "typeorm": App(
        files={
            **DECLARED,
            "data-source.js": _TYPEORM_SOURCE,
            "migrations/1700000000001-users.js": _typeorm_migration("Users1700000000001", USERS),
        },
        following={
            "migrations/1700000000002-name.js": _typeorm_migration("Name1700000000002", USERS_NEXT),
        },
        records="public.migrations",
        quiet="No migrations are pending",
        install=_npm(typeorm=TYPEORM, reflect_metadata="0.2.2"),
        start=_node("typeorm", "migration:run", "-d", "data-source.js"),
    ),
    "knex": App(
        files={**DECLARED, f"migrations/{_FIRST}_users.js": _knex_migration(USERS)},
        following={f"migrations/{_SECOND}_name.js": _knex_migration(USERS_NEXT)},
        local={
            "knexfile.js": "module.exports = {client: 'pg', connection: process.env.DATABASE_URL}",
        },
        records="public.knex_migrations",
        quiet="Already up to date",
        install=_npm(knex=KNEX),
        start=_node("knex", "migrate:latest"),
    ),
    "sequelize": App(
        files={**DECLARED, f"migrations/{_FIRST}-users.js": _sequelize_migration(USERS)},
        following={f"migrations/{_SECOND}-name.js": _sequelize_migration(USERS_NEXT)},
        local={
            "config/config.json": '{"development": {"dialect": "postgres", '
            '"use_env_variable": "DATABASE_URL"}}',
        },
        records='public."SequelizeMeta"',
        quiet="No migrations were executed, database schema was already up to date.",
        install=_npm(sequelize="6.37.8", sequelize_cli=SEQUELIZE_CLI),
        start=_node("sequelize-cli", "db:migrate"),
    ),
    "mikroorm": App(
        files={
            **DECLARED,
            f"migrations/Migration{_FIRST}.js": _mikro_migration(f"Migration{_FIRST}", USERS),
        },
        following={
            f"migrations/Migration{_SECOND}.js": _mikro_migration(
                f"Migration{_SECOND}", USERS_NEXT
            ),
        },
        local={"mikro-orm.config.js": _MIKRO_CONFIG},
        records="public.mikro_orm_migrations",
        quiet="Successfully migrated up to the latest version",
        install=lambda: npm_packages(
            {
                f"@mikro-orm/{name}": MIKRO_ORM
                for name in ("core", "cli", "migrations", "postgresql")
            }
        ),
        start=_node(
            *("mikro-orm", "migration:up", "--config", "mikro-orm.config.js"),
            MIKRO_ORM_ALLOW_GLOBAL_CLI="1",
        ),
    ),
    "alembic": App(
        files={
            **DECLARED,
            **_ALEMBIC_LOCAL,
            "alembic/versions/a_users.py": revision("a1", None, _op(USERS)),
        },
        following={"alembic/versions/b_name.py": revision("b2", "a1", _op(USERS_NEXT))},
        records="public.alembic_version",
        quiet="a1 (head)",
        install=Path,
        start=_alembic,
    ),
    "alembic with branches": App(
        files={
            **DECLARED,
            **_ALEMBIC_LOCAL,
            "alembic/versions/a.py": revision("a1", None, _op(USERS)),
            "alembic/versions/b.py": revision("b1", "a1"),
            "alembic/versions/c.py": revision("c1", "a1"),
            "alembic/versions/d.py": revision("d1", ("b1", "c1")),
            "alembic/versions/e.py": revision("e1", "d1"),
            "alembic/versions/f.py": revision("f1", "d1"),
            "alembic/versions/g.py": revision("g1", None).replace(
                "depends_on = None", "depends_on = 'c1'"
            ),
        },
        following={"alembic/versions/h.py": revision("h1", ("e1", "f1"), _op(USERS_NEXT))},
        records="public.alembic_version",
        quiet="(head)",
        install=Path,
        start=_alembic,
    ),
    "django": App(
        files={
            **DECLARED,
            "shop/__init__.py": "",
            "shop/migrations/__init__.py": "",
            "shop/migrations/0001_users.py": _django_migration(USERS),
        },
        following={
            "shop/migrations/0002_name.py": _django_migration(USERS_NEXT, "0001_users"),
        },
        local={"settings.py": _DJANGO_SETTINGS},
        records="public.django_migrations",
        quiet="No migrations to apply.",
        install=lambda: pip_packages(f"django=={DJANGO}"),
        start=_django,
    ),
}

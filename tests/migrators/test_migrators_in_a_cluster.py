"""The real tools with nothing but the Secret of an AppDatabase."""

import pytest

from support.ownmigrators import APPS
from support.team import Team

pytestmark = [
    pytest.mark.migrators,
    pytest.mark.slow,
    pytest.mark.cluster,
    pytest.mark.timeout(400),
]


@pytest.fixture
def team(running_sandbox, sandbox_namespace) -> Team:
    return Team(sandbox=running_sandbox, namespace=sandbox_namespace)


def ready(team: Team, name: str, **schema: str) -> str:
    """Apply the application of a tool and wait; the URL of its Secret."""
    team.apply("shop", source={"inline": dict(APPS[name].files)}, schema=schema)
    team.await_ready("shop")
    return team.keys("shop")["DATABASE_URL"]


@pytest.mark.parametrize("name", ["prisma", "drizzle", "alembic", "django"])
def test_a_tool_makes_its_own_tables_where_they_are_left_to_it(team: Team, tmp_path, name):
    app = APPS[name]
    app.install()
    url = ready(team, name)
    app.lay(tmp_path, app.files)

    app.run(tmp_path, url)

    assert ("True", "MigratorOwned") == team.says("shop", "SchemaSynced")
    assert {"User", "users"} & set(team.tables("shop"))


@pytest.mark.parametrize("name", ["prisma", "drizzle alone", "alembic", "django"])
def test_a_tool_finds_nothing_to_do_after_a_baseline(team: Team, tmp_path, name):
    app = APPS[name]
    app.install()
    url = ready(team, name, migrator="Baseline")
    app.lay(tmp_path, app.files)

    assert app.quiet in app.run(tmp_path, url)

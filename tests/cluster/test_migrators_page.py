"""What docs/migrators.md shows does what the page says."""

from pathlib import Path

import pytest

from appdb.local.sandbox import Sandbox
from appdb.model.migrator import Tool
from support.code import ROOT
from support.ownmigrators import VERSIONS
from support.pages import programs, run_script, script_of_page
from support.sandbox import fresh_database
from support.team import Team

PAGE = (ROOT / "docs" / "migrators.md").read_text()


@pytest.mark.cluster
def test_every_command_of_the_page_works(running_sandbox: Sandbox, tmp_path: Path):
    team = Team(sandbox=running_sandbox, namespace="own")
    path = programs(
        tmp_path / "bin",
        psql=running_sandbox.postgres.server.bin_dir / "psql",
        kubectl=running_sandbox.control_plane.binaries.kubectl,
    )
    with fresh_database(running_sandbox.postgres) as own:
        environ = {
            "KUBECONFIG": str(running_sandbox.kubeconfig),
            "PATH": path,
            "DATABASE_URL": own,
        }
        try:
            script = script_of_page("docs/migrators.md")
            run_script(script, tmp_path, environ, lambda: team.tell("app"))
        finally:
            running_sandbox.kubectl("delete", "namespace", "own", "--wait=false")


def test_every_migrator_is_on_the_page():
    table = PAGE.partition("## What is found")[2].partition("\n## ")[0]

    assert [] == [tool for tool in Tool if tool.value.casefold() not in table.casefold()]


def test_every_version_that_is_installed_is_on_the_page():
    proved = PAGE.partition("## What this was proved with")[2]

    assert [] == [version for version in VERSIONS if version not in proved]

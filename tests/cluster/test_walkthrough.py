"""The walk-through does what it says, command by command."""

from pathlib import Path

import pytest

from appdb.local.sandbox import Sandbox
from support.pages import programs, run_script, script_of_page
from support.planned import plans, shown
from support.team import Team

pytestmark = pytest.mark.cluster


def test_every_command_of_the_walk_through_works(running_sandbox: Sandbox, tmp_path: Path):
    team = Team(sandbox=running_sandbox, namespace="notes")
    path = programs(
        tmp_path / "bin",
        psql=running_sandbox.postgres.server.bin_dir / "psql",
        kubectl=running_sandbox.control_plane.binaries.kubectl,
    )
    environ = {"KUBECONFIG": str(running_sandbox.kubeconfig), "PATH": path}
    try:
        run_script(
            script_of_page("docs/walkthrough.md"), tmp_path, environ, lambda: team.tell("notes")
        )
        assert team.condition("notes", "Drifted") is None
        assert [
            ("Approved", "Succeeded"),
            ("Approved", "Succeeded"),
            ("Rejected", "Superseded"),
        ] == [shown(plan) for plan in plans(team, "notes")][:3]
    finally:
        running_sandbox.kubectl("delete", "namespace", "notes", "--wait=false")

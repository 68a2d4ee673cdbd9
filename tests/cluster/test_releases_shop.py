"""The shop of the examples goes through five releases by `kubectl apply`, with rows in between."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appdb.local.sandbox import Sandbox
from support.code import ROOT
from support.pages import programs, run_script, script_of
from support.releases import Place, places, session
from support.shop_releases import LAST, assert_like_the_last
from support.team import Team

pytestmark = pytest.mark.cluster


@pytest.fixture
def shop(running_sandbox: Sandbox) -> Iterator[Team]:
    """The team of the namespace that the example makes; it goes with the test."""
    yield Team(sandbox=running_sandbox, namespace="shop")
    running_sandbox.kubectl("delete", "namespace", "shop", "--wait=false", "--ignore-not-found")


@pytest.mark.timeout(300)
async def test_the_commands_of_the_page_keep_every_row(shop: Team, tmp_path: Path):
    sandbox = shop.sandbox
    path = programs(
        tmp_path / "bin",
        psql=sandbox.postgres.server.bin_dir / "psql",
        kubectl=sandbox.control_plane.binaries.kubectl,
    )
    script = script_of("docs/releases.md", "With a cluster")

    environ = {"KUBECONFIG": str(sandbox.kubeconfig), "PATH": path}
    run_script(script, tmp_path, environ, lambda: shop.tell("shop"))

    shop.request_look("shop")
    assert "True" == shop.says("shop", "SchemaSynced")[0], shop.tell("shop")
    assert not shop.status("shop")["schema"].get("pendingSteps")
    database = shop.status("shop")["database"]["name"]
    async with places(sandbox.postgres) as (fresh,):
        subprocess.run(
            [sys.executable, "-m", "appdb", "apply", str(LAST), "--database-url", fresh.dsn],
            env={"PYTHONPATH": str(ROOT / "operator")},
            check=True,
            capture_output=True,
        )
        async with session(sandbox.postgres.server.dsn(database)) as conn:
            await assert_like_the_last(Place(conn=conn, scratch=fresh.scratch), fresh)

"""The shop of the examples goes through five releases by the commands, with rows in between."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from appdb.local.postgres import EmbeddedPostgres
from support.code import ROOT
from support.pages import programs, run_script, script_of
from support.releases import Place, places
from support.shop_releases import (
    LAST,
    RELEASES,
    SHOP,
    ShopRelease,
    assert_like_the_last,
    lost,
    rows_file,
    sums,
)

pytestmark = pytest.mark.postgres


def appdb(place: Place, word: str, folder: Path, *words: str) -> tuple[int, dict]:
    """Exit code and JSON of a command."""
    done = subprocess.run(
        [sys.executable, "-m", "appdb", word, str(folder), *words, "-o", "json"],
        env=os.environ | {"DATABASE_URL": place.dsn, "PYTHONPATH": str(ROOT / "operator")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


async def take(place: Place, release: ShopRelease) -> None:
    """Plan and apply a release; what waits or is blocked is released as its page says."""
    before = await sums(place)
    code, plan = appdb(place, "plan", release.folder, *release.words)
    assert release.plans == code, plan
    code, left = appdb(place, "apply", release.folder, *release.words)
    assert release.leaves == code, left
    if release.leaves:
        assert [] == lost(replace(release, gone=(), new_values=()), before, await sums(place))
    if release.before_it:
        await place.run(rows_file(release.before_it))
        before = await sums(place)
    if release.leaves:
        _, waiting = appdb(place, "plan", release.folder)
        code, left = appdb(place, "apply", release.folder, "--approve", waiting["planHash"])
        assert 0 == code, left
    assert [] == lost(release, before, await sums(place))
    assert 0 == appdb(place, "plan", release.folder)[0]


@pytest.mark.timeout(300)
async def test_five_releases_keep_every_row_and_end_as_a_fresh_database(pair: list[Place]):
    place, fresh = pair
    assert 0 == appdb(place, "apply", SHOP)[0]
    await place.run(rows_file("1.sql"))

    for release in RELEASES:
        await take(place, release)
        await place.run(rows_file(f"{release.number}.sql"))

    assert 0 == appdb(fresh, "apply", LAST)[0]
    await assert_like_the_last(place, fresh)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_commands_of_the_page_do_what_it_says(
    postgres18: EmbeddedPostgres, tmp_path: Path
):
    path = programs(tmp_path / "bin", psql=postgres18.server.bin_dir / "psql")
    script = script_of("docs/releases.md", "With the commands")
    async with places(postgres18, 2) as (place, fresh):
        run_script(script, tmp_path, {"DATABASE_URL": place.dsn, "PATH": path})

        assert 0 == appdb(fresh, "apply", LAST)[0]
        await assert_like_the_last(place, fresh)

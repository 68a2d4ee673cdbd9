"""The table of releases: every case with rows, on every version of Postgres."""

from pathlib import Path

import pytest

from appdb.local.postgres import EmbeddedPostgres
from support.releases import Case, Place, check_case, empty, load_cases

CASES = load_cases(Path(__file__).parent / "cases")


def test_the_table_has_enough_cases_and_no_name_twice():
    names = [case.name for case in CASES]

    assert len(names) >= 120
    assert len(names) == len(set(names))


@pytest.mark.postgres
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_release(case: Case, postgres: EmbeddedPostgres, pair: list[Place]):
    if postgres.server.version < case.min_version:
        pytest.skip(f"needs Postgres {case.min_version}")
    live, fresh = pair
    await empty(live)
    await empty(fresh)

    await check_case(live, fresh, case)

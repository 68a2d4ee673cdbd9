"""The table of releases: every case with rows, on every version of Postgres."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appdb.local.postgres import EmbeddedPostgres
from support.releases import Case, Place, check_case, empty, load_cases, places

CASES = load_cases(Path(__file__).parent / "cases")
VERSIONS = [18, pytest.param(16, marks=pytest.mark.slow), pytest.param(15, marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=VERSIONS, ids="pg{}".format)
def server(request: pytest.FixtureRequest) -> EmbeddedPostgres:
    found: EmbeddedPostgres = request.getfixturevalue(f"postgres{request.param}")
    return found


@pytest.fixture(scope="module")
async def pair(server: EmbeddedPostgres) -> AsyncIterator[list[Place]]:
    async with places(server, 2) as found:
        yield found


def test_the_table_has_enough_cases_and_no_name_twice():
    names = [case.name for case in CASES]

    assert len(names) >= 120
    assert len(names) == len(set(names))


@pytest.mark.postgres
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_release(case: Case, server: EmbeddedPostgres, pair: list[Place]):
    if server.server.version < case.min_version:
        pytest.skip(f"needs Postgres {case.min_version}")
    live, fresh = pair
    await empty(live)
    await empty(fresh)

    await check_case(live, fresh, case)

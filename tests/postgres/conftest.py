"""The operator's sessions on real servers, and databases for releases."""

from collections.abc import AsyncIterator

import pytest

from appdb.local.postgres import EmbeddedPostgres, Login
from appdb.postgres.sessions import AdminSessions
from support.releases import Place, empty, places
from support.tenants import sessions_of


@pytest.fixture
async def sessions(postgres: EmbeddedPostgres, admin: Login) -> AsyncIterator[AdminSessions]:
    """Sessions of an admin that is no superuser, on every version in turn."""
    opened = sessions_of(postgres, admin)
    yield opened
    await opened.aclose()


@pytest.fixture
async def sessions18(postgres18: EmbeddedPostgres, admin18: Login) -> AsyncIterator[AdminSessions]:
    """Sessions of an admin that is no superuser, on the newest version."""
    opened = sessions_of(postgres18, admin18)
    yield opened
    await opened.aclose()


@pytest.fixture
async def root18(postgres18: EmbeddedPostgres) -> AsyncIterator[AdminSessions]:
    """Sessions of the superuser, on the newest version."""
    opened = sessions_of(postgres18)
    yield opened
    await opened.aclose()


@pytest.fixture(scope="module")
async def pair(postgres: EmbeddedPostgres) -> AsyncIterator[list[Place]]:
    """Two databases, one to release to and one to compare with, on every version in turn."""
    async with places(postgres, 2) as found:
        yield found


@pytest.fixture(scope="module")
async def pair18(postgres18: EmbeddedPostgres) -> AsyncIterator[list[Place]]:
    """Two databases, one to release to and one to compare with, on the newest version."""
    async with places(postgres18, 2) as found:
        yield found


@pytest.fixture
async def place(pair: list[Place]) -> Place:
    """The first of two empty databases, on every version in turn."""
    for each in pair:
        await empty(each)
    return pair[0]

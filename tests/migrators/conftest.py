"""The operator's sessions on a real server."""

from collections.abc import AsyncIterator

import pytest

from appdb.local.postgres import EmbeddedPostgres, Login
from appdb.postgres.sessions import AdminSessions
from support.tenants import sessions_of


@pytest.fixture
async def sessions18(postgres18: EmbeddedPostgres, admin18: Login) -> AsyncIterator[AdminSessions]:
    """Sessions of an admin that is no superuser, on the newest version."""
    opened = sessions_of(postgres18, admin18)
    yield opened
    await opened.aclose()

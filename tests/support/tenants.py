"""Databases as an AppDatabase wants them, on real servers, for the tests of provisioning."""

from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import sql

from appdb.local.postgres import EmbeddedPostgres
from appdb.local.postgres import Login as LocalLogin
from appdb.model.claim import Claimant
from appdb.postgres.connect import Login, ServerAddress
from appdb.postgres.database import database_statements, ownership_statements
from appdb.postgres.facts import read_database
from appdb.postgres.inside import inside_statements, missing_extensions, read_inside
from appdb.postgres.provision import app_session, ensure_database
from appdb.postgres.roles import role_statements
from appdb.postgres.sessions import AdminSessions
from appdb.postgres.wanted import AccessRole, WantedAccess, WantedDatabase, wanted_database
from support.canary import MARK
from support.sandbox import unique_name

CLUSTER = "11111111-2222-3333-4444-555555555555"


def address_of(postgres: EmbeddedPostgres) -> ServerAddress:
    return ServerAddress(host=postgres.server.host, port=postgres.server.port, name="main")


def sessions_of(postgres: EmbeddedPostgres, admin: LocalLogin | None = None) -> AdminSessions:
    """Sessions of an admin; without one those of the superuser."""
    login = (
        Login(username=admin.name, password=admin.password)
        if admin
        else Login(username=postgres.server.username, password=postgres.server.password)
    )
    return AdminSessions(address_of(postgres), login, idle_seconds=600)


def a_claimant(name: str = "shop", **changes: str) -> Claimant:
    return replace(Claimant(cluster=CLUSTER, namespace="team-a", name=name, uid="uid-1"), **changes)


def a_database(name: str | None = None, **changes: Any) -> WantedDatabase:
    name = name or unique_name("db")
    made = wanted_database(name, a_claimant(name), password=f"pw-of-{name}-{MARK}")
    return replace(made, **changes)


def with_access(wanted: WantedDatabase, **roles: AccessRole) -> WantedDatabase:
    """Add access[] logins by name: `with_access(shop, report=AccessRole.READER)`."""
    entries = tuple(
        WantedAccess(
            login=Login(username=wanted.roles.access(name), password=f"pw-{name}-{MARK}"), role=role
        )
        for name, role in roles.items()
    )
    return replace(wanted, access=entries)


async def pending(sessions: AdminSessions, wanted: WantedDatabase) -> list[str]:
    """Every statement that one more run would execute; empty when all is as wanted."""
    async with sessions.maintenance() as session:
        facts = await read_database(session, wanted)
    async with app_session(sessions, wanted) as session:
        inside = await read_inside(session, wanted)
    statements = (
        *role_statements(facts, wanted, lambda login: f"verifier of {login.username}"),
        *database_statements(facts, wanted),
        *ownership_statements(facts, wanted),
        *inside_statements(inside, wanted),
    )
    held = [f"REVOKE {role} FROM CURRENT_USER" for role in facts.held_roles]
    missing = [f"CREATE EXTENSION {name}" for name in missing_extensions(inside, wanted)]
    return [statement.as_string(None) for statement in statements] + held + missing


async def provisioned(sessions: AdminSessions, wanted: WantedDatabase) -> WantedDatabase:
    await ensure_database(sessions, wanted)
    return wanted


@asynccontextmanager
async def logged_in(sessions: AdminSessions, login: Login, database: str):
    """A session as an ordinary client of the app gets it: nothing pinned."""
    connection = await psycopg.AsyncConnection.connect(
        host=sessions.address.host,
        port=sessions.address.port,
        user=login.username,
        password=login.password,
        dbname=database,
        autocommit=True,
    )
    async with connection:
        yield connection


def as_superuser(postgres: EmbeddedPostgres, database: str, *statements: str) -> list[Any]:
    """Run statements as the superuser; gives the rows of the last one."""
    with psycopg.connect(postgres.server.dsn(database), autocommit=True) as connection:
        cursor = None
        for statement in statements:
            cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor and cursor.description else []


def catalog_row(postgres: EmbeddedPostgres, name: str) -> Mapping[str, Any]:
    """What pg_database says of a database, with the owner's name."""
    query = sql.SQL(
        "SELECT to_jsonb(d) || jsonb_build_object('owner', pg_get_userbyid(datdba))"
        " FROM pg_database d WHERE datname = %s"
    )
    with psycopg.connect(postgres.server.dsn()) as connection:
        row = connection.execute(query, (name,)).fetchone()
    return row[0] if row else {}


def roles_of(postgres: EmbeddedPostgres, name: str) -> list[str]:
    """The roles whose names begin with that of a database."""
    with psycopg.connect(postgres.server.dsn()) as connection:
        rows = connection.execute(
            "SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s) ORDER BY 1", (f"{name}_",)
        ).fetchall()
    return [row[0] for row in rows]

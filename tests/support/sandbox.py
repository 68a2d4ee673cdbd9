"""Real parts for tests: Postgres servers, a control plane, and fresh places on them."""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from appdb.local.controlplane import ControlPlane
from appdb.local.failure import SandboxError
from appdb.local.pgbinaries import find_postgres
from appdb.local.postgres import EmbeddedPostgres, Login

_numbers = itertools.count(1)


def unique_name(prefix: str) -> str:
    """A name that no other test of this run uses; a valid database and namespace name."""
    return f"{prefix}{os.getpid()}x{next(_numbers)}"


def missing_postgres(version: int) -> str | None:
    """Why there is no Postgres of that version here; None when there is one."""
    try:
        find_postgres(version)
    except SandboxError as error:
        return error.message
    return None


@contextmanager
def fresh_database(postgres: EmbeddedPostgres, prefix: str = "t") -> Iterator[str]:
    """DSN of the superuser for an empty database that goes away afterwards."""
    name = unique_name(prefix)
    with psycopg.connect(postgres.server.dsn(), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        try:
            yield postgres.server.dsn(name)
        finally:
            admin.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )


@contextmanager
def fresh_namespace(control_plane: ControlPlane, prefix: str = "ns") -> Iterator[str]:
    """A namespace of its own. Its deletion is asked for and not waited for: it takes 5 s."""
    name = unique_name(prefix)
    control_plane.kubectl("create", "namespace", name)
    try:
        yield name
    finally:
        control_plane.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


def fresh_admin(postgres: EmbeddedPostgres) -> Login:
    """A non-superuser admin of its own for one test."""
    return postgres.create_admin(unique_name("admin"))

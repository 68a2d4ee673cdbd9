"""A database of one's own in the sandbox, to try `appdb plan` and `appdb apply` on.

Not one of the operator's. Its login may create databases, since plans are tried in one;
the logins that the operator gives to applications may not.
"""

import re
import secrets
from pathlib import Path

import psycopg
from psycopg import sql

from appdb.local.failure import SandboxError
from appdb.local.files import write_private
from appdb.local.sandbox import Sandbox

_NAME = re.compile(r"(?!pg_|template|postgres$)[a-z_][a-z0-9_]{0,62}")


def own_database(sandbox: Sandbox, name: str) -> str:
    """Make a database with a login once; the URL with its password, the same every time.

    Raises:
        SandboxError: the name is none for a database, or somebody else's.
    """
    if not _NAME.fullmatch(name):
        raise SandboxError(f"{name!r} is no name for a database: small letters, digits and _")
    kept = databases_dir(sandbox) / name
    if not kept.exists():
        write_private(kept, _make(sandbox, name))
    return kept.read_text(encoding="utf-8")


def databases_dir(sandbox: Sandbox) -> Path:
    """Where the URLs are kept; goes with the sandbox."""
    return sandbox.home / "databases"


def _make(sandbox: Sandbox, name: str) -> str:
    postgres = sandbox.postgres
    try:
        with psycopg.connect(postgres.server.dsn(), autocommit=True) as session:
            login = postgres.create_admin(f"{name[:40]}_{secrets.token_hex(3)}")
            create = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0")
            session.execute(create.format(sql.Identifier(name), sql.Identifier(login.name)))
    except psycopg.errors.DuplicateDatabase as err:
        raise SandboxError(
            f"database {name} is there and was not made by this command: choose another name"
        ) from err
    except psycopg.OperationalError as err:
        raise SandboxError("Postgres does not answer; start it: appdb local up") from err
    return postgres.server.dsn(name, username=login.name, password=login.password)

"""Reads a database URL into what `connect` takes; the password never leaves it in a message."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from appdb.errors import InvalidSpec
from appdb.postgres.connect import Login, ServerAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A database and who logs in to it."""

    address: ServerAddress
    login: Login
    database: str


def parse_url(url: str, *, environ: Mapping[str, str] = os.environ) -> Target:
    """Read a libpq URI or key-value string; PGPASSWORD serves where it holds no password.

    Raises:
        InvalidSpec: it cannot be read, or names several hosts.
    """
    try:
        parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except psycopg.ProgrammingError:
        # libpq's message repeats the whole text, password and all.
        raise InvalidSpec(
            "the database URL cannot be read: it should look like"
            " postgresql://user:password@host:5432/database"
        ) from None
    host = parts.get("host") or parts.get("hostaddr") or environ.get("PGHOST") or "localhost"
    if "," in host:
        raise InvalidSpec("the database URL names several hosts; name the primary alone")
    user = parts.get("user") or environ.get("PGUSER") or ""
    if not user:
        raise InvalidSpec("the database URL names no user")
    port = parts.get("port") or environ.get("PGPORT") or "5432"
    if not port.isdigit():
        raise InvalidSpec("the port of the database URL is not a number")
    address = ServerAddress(
        host=host,
        port=int(port),
        tls_mode=parts.get("sslmode") or environ.get("PGSSLMODE"),
        ca_pem=_read_ca(parts.get("sslrootcert")),
    )
    password = parts.get("password") or environ.get("PGPASSWORD") or ""
    return Target(
        address=address,
        login=Login(username=user, password=password),
        database=parts.get("dbname") or environ.get("PGDATABASE") or user,
    )


def _read_ca(path: str | None) -> str | None:
    if path is None or path == "system":
        return None
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as err:
        raise InvalidSpec(f"sslrootcert {path} cannot be read: {err.strerror}") from err

"""Opens sessions that nothing outside our own arguments can shape.

libpq fills what it is not told from the environment, ~/.pgpass, service files and
client certificates in the home folder; here every such option is given, so that the
operator never logs in somewhere else or as somebody else. Startup options pin the
session's settings and win over ALTER DATABASE and ALTER ROLE SET: a tenant cannot plant
a search_path. Must never put a password into an error, a repr or a log.
"""

import asyncio
import logging
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import psycopg
from psycopg import pq
from psycopg.rows import TupleRow

from appdb.errors import TLSFailed, Unreachable
from appdb.postgres.sqlstate import connect_error
from appdb.postgres.tls import why_untrusted

Session: TypeAlias = psycopg.AsyncConnection[TupleRow]

# It warns of a broken pipeline before the error that we raise anyway.
logging.getLogger("psycopg").setLevel(logging.ERROR)

# A path below a file: nothing can ever be there, and libpq takes a missing file for none.
_NOWHERE = "/dev/null/none"


# As long as a Lease lasts: whoever holds locks and says nothing for so long leads no more. A
# process that is paused, or a node that is gone without a word, keeps its connections, and
# its locks with them, until the server ends them. Between two statements lie milliseconds.
LONGEST_SILENCE_MS = 15_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """Where a server is. `name` is the DatabaseServer's, for messages; `ca_pem` is PEM text.

    Without `tls_mode` (libpq's words) it is verify-full with a CA and prefer without.
    """

    host: str
    port: int = 5432
    maintenance_database: str = "postgres"
    tls_mode: str | None = None
    ca_pem: str | None = None
    name: str | None = None

    @property
    def sslmode(self) -> str:
        """The mode in force; it goes into app Secrets too."""
        return self.tls_mode or ("verify-full" if self.ca_pem else "prefer")

    def __str__(self) -> str:
        place = f"{self.host}:{self.port}"
        return f"server {self.name} ({place})" if self.name else f"server {place}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A role that logs in, and its password; the password is in no repr."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """What a session starts with; times in milliseconds, 0 for no limit.

    `idle_timeout_ms` bounds the silence outside of transactions, where no lock is held.
    `role` pins the role of the session; None leaves it to what the login itself is set to.
    `obeys_read_only` leaves it to the server whether transactions write unless they say so:
    that is how an owner, or a cloud whose disk is nearly full, closes a server to writes.
    """

    role: str | None = None
    application_name: str = "appdb-operator"
    connect_timeout_seconds: int = 5
    statement_timeout_ms: int = 30_000
    lock_timeout_ms: int = 5_000
    idle_timeout_ms: int = 0
    obeys_read_only: bool = False

    def startup(self) -> dict[str, str]:
        """Name every setting that could change what our statements mean or wait for."""
        pinned = {} if self.role is None else {"role": self.role}
        if not self.obeys_read_only:
            pinned |= {"default_transaction_read_only": "off"}
        return pinned | {
            "search_path": "pg_catalog",
            "statement_timeout": str(self.statement_timeout_ms),
            "lock_timeout": str(self.lock_timeout_ms),
            "idle_in_transaction_session_timeout": str(LONGEST_SILENCE_MS),
            "idle_session_timeout": str(self.idle_timeout_ms),
            # In the middle of a statement: a process that is gone is noticed within a second,
            # a machine that is gone, or does not take its answer, after the longest silence.
            "client_connection_check_interval": "1000",
            "tcp_keepalives_idle": "6",
            "tcp_keepalives_interval": "3",
            "tcp_keepalives_count": "3",
            "tcp_user_timeout": str(LONGEST_SILENCE_MS),
            "client_min_messages": "error",
            "TimeZone": "UTC",
            "DateStyle": "ISO",
            "IntervalStyle": "postgres",
            "extra_float_digits": "1",
            "standard_conforming_strings": "on",
            "default_transaction_isolation": "read committed",
            "default_transaction_deferrable": "off",
            "default_tablespace": "",
            "temp_tablespaces": "",
            "default_table_access_method": "heap",
            "check_function_bodies": "on",
            "row_security": "on",
            "local_preload_libraries": "",
            "quote_all_identifiers": "off",
            "array_nulls": "on",
            # Compiling a query of the catalogs takes longer than running it.
            "jit": "off",
        }


# Dropping a database waits for a checkpoint, which a busy server takes its time for.
AS_ADMIN = SessionSettings(role="none", statement_timeout_ms=120_000)
# No tenant can set anything that holds in the maintenance database.
# Kept for the next borrower for half as long as the server lets it.
AS_MAINTAINER = replace(AS_ADMIN, obeys_read_only=True, idle_timeout_ms=60_000)
AS_TENANT = SessionSettings()

_HAS_TRANSACTION_TIMEOUT = 170_000

_addresses: WeakKeyDictionary[Session, ServerAddress] = WeakKeyDictionary()


async def connect(
    address: ServerAddress,
    login: Login,
    *,
    database: str | None = None,
    settings: SessionSettings = AS_TENANT,
) -> Session:
    """Open a session in autocommit mode, in the maintenance database unless told otherwise.

    Takes about 9 ms next door, of which the password proof is a third.

    Raises:
        AppDBError: one of the reasons of ServerReachable, see `connect_error`.
    """
    target = database or address.maintenance_database
    # A service file cannot be switched off by an option: libpq looks up the empty name too.
    for variable in ("PGSERVICE", "PGSERVICEFILE"):
        os.environ.pop(variable, None)
    try:
        with _ca_file(address.ca_pem) as ca_path:
            async with asyncio.timeout(2 * settings.connect_timeout_seconds):
                session = await psycopg.AsyncConnection.connect(
                    autocommit=True,
                    prepare_threshold=None,
                    **_parameters(address, login, settings)
                    | {"dbname": target, "sslrootcert": ca_path or _NOWHERE},
                )
                await _lift_transaction_timeout(session)
    except TimeoutError as err:
        raise Unreachable(
            f"{address} did not answer in {2 * settings.connect_timeout_seconds} s:"
            " check host, port and network policies"
        ) from err
    except psycopg.Error as err:
        error = connect_error(err, where=str(address), username=login.username, database=target)
        if isinstance(error, TLSFailed):
            error = await _explained(error, address)
        raise error from err
    _addresses[session] = address
    return session


async def _lift_transaction_timeout(session: Session) -> None:
    """Set what is no startup option: servers before 17 would refuse the login."""
    if session.info.server_version < _HAS_TRANSACTION_TIMEOUT:
        return
    try:
        await session.execute("SET transaction_timeout = 0")
    except BaseException:
        # Nobody has the session yet: a run that is cancelled here would leave it open.
        session.pgconn.finish()
        raise


async def _explained(error: TLSFailed, address: ServerAddress) -> TLSFailed:
    """Say what is wrong with the certificate where libpq only says that it was refused."""
    if address.ca_pem is None or not address.sslmode.startswith("verify"):
        return error
    why = await why_untrusted(
        address.host,
        address.port,
        ca_pem=address.ca_pem,
        checks_host=address.sslmode == "verify-full",
    )
    if why is None:
        return error
    return TLSFailed(
        f"TLS with {address} failed: {why}; check the server's certificate, its host name and "
        "the CA in tls.caSecretRef"
    )


def place(session: Session) -> str:
    """Name the server of a session for a message, even when the session is broken."""
    address = _addresses.get(session)
    return str(address) if address else "the server"


def _parameters(address: ServerAddress, login: Login, settings: SessionSettings) -> dict[str, Any]:
    return _closed_options() | {
        "host": address.host,
        "port": str(address.port),
        "user": login.username,
        "password": login.password,
        "sslmode": address.sslmode,
        "application_name": settings.application_name,
        "connect_timeout": str(settings.connect_timeout_seconds),
        "options": " ".join(f"-c {k}={_escaped(v)}" for k, v in settings.startup().items()),
    }


def _closed_options() -> dict[str, str]:
    """Give every libpq option that has an environment variable a value: its default, or ours."""
    chosen = dict.fromkeys(("passfile", "sslcert", "sslkey", "sslcrl"), _NOWHERE) | {
        "client_encoding": "utf8",
        "gssencmode": "disable",
        "sslcertmode": "disable",
        # Where an empty value would be an error: what libpq does when told nothing.
        "require_auth": "!gss,!sspi",
        "min_protocol_version": "3.0",
        "max_protocol_version": "3.0",
    }
    closed = {
        option: chosen.get(option, (known.compiled or b"").decode())
        for known in pq.Conninfo.get_defaults()
        if known.envvar and (option := known.keyword.decode()) != "service"
    }
    # A server that went away without a word is noticed within a minute.
    return closed | {
        "keepalives_idle": "30",
        "keepalives_interval": "10",
        "keepalives_count": "3",
        "tcp_user_timeout": "60000",
    }


def _escaped(value: str) -> str:
    return re.sub(r"([\\ ])", r"\\\1", value)


@contextmanager
def _ca_file(pem: str | None) -> Iterator[str | None]:
    """Lend libpq a file that only this user may read, for the time of the handshake."""
    if pem is None:
        yield None
        return
    with tempfile.NamedTemporaryFile("w", suffix=".pem", prefix="appdb-ca-") as file:
        file.write(pem)
        file.flush()
        yield file.name

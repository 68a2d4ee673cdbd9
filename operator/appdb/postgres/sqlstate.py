"""The one place where what Postgres and libpq say becomes an error of ours.

Messages name the server and the next step. DETAIL and HINT are left out, DETAIL may
hold values of rows; statements are left out, they may hold verifiers. libpq gives no
SQLSTATE for a failed login, so that part goes by the (English) text, and what is not
recognised is taken for an outage: that is retried and accuses nobody.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psycopg

from appdb.errors import (
    AppDBError,
    AuthenticationFailed,
    ConcurrentUpdate,
    DatabaseFull,
    DataConflict,
    DDLFailed,
    InsufficientPrivilege,
    LockTimeout,
    ObjectsRemain,
    SessionsOpen,
    TLSFailed,
    TooManyConnections,
    Unreachable,
)


class _Rule(NamedTuple):
    """Text of a failed login, the error it means, and the next step."""

    pattern: re.Pattern[str]
    error: type[AppDBError]
    message: str


def _rule(pattern: str, error: type[AppDBError], message: str) -> _Rule:
    return _Rule(re.compile(pattern, re.IGNORECASE), error, message)


# First match wins. Fields: where, username, database, reason (the cause without addresses).
_LOGIN_RULES = (
    _rule(
        r"server does not support SSL",
        TLSFailed,
        "{where} does not offer TLS: set tls.mode to prefer or disable, or switch ssl on there",
    ),
    _rule(
        r"no pg_hba\.conf entry.*(no encryption|SSL off)",
        TLSFailed,
        "{where} has no pg_hba.conf entry for {username} without TLS:"
        " set tls.mode to require, or verify-full with the CA",
    ),
    _rule(
        r"root certificate file .* does not exist",
        TLSFailed,
        "TLS with {where} cannot be verified without a CA: name one in tls.caSecretRef",
    ),
    _rule(
        r"SSL error|certificate|sslmode|TLS|SSL SYSCALL error",
        TLSFailed,
        "TLS with {where} failed: {reason}; check tls.mode, the CA and the host name",
    ),
    _rule(
        r"password authentication failed|role \".*\" does not exist|no password supplied"
        r"|authentication failed|is not permitted to log in|no pg_hba\.conf entry"
        r"|pg_hba\.conf rejects|authentication method .* not supported|SCRAM",
        AuthenticationFailed,
        "{where} refuses {username}: {reason}; check user name and password in the Secret"
        " and pg_hba.conf",
    ),
    _rule(
        r"too many connections for (database|role)",
        DatabaseFull,
        "{username} cannot enter database {database}, whose sessions are at their limit: end some,"
        " or raise limits.connections",
    ),
    _rule(
        r"not currently accepting connections",
        Unreachable,
        "database {database} on {where} is closed to all: it is being dropped, or run as its owner:"
        ' ALTER DATABASE "{database}" ALLOW_CONNECTIONS true',
    ),
    _rule(
        r"too many (clients|connections)|remaining connection slots|connection limit",
        TooManyConnections,
        "{where} has no free connection: {reason}; raise max_connections or end sessions",
    ),
    _rule(
        r"permission denied for database",
        InsufficientPrivilege,
        "{username} may not connect to database {database} on {where};"
        ' run: GRANT CONNECT ON DATABASE "{database}" TO "{username}"',
    ),
    _rule(
        r"database \".*\" does not exist",
        Unreachable,
        "database {database} does not exist on {where}; check maintenanceDatabase",
    ),
    _rule(
        r"failed to resolve|could not translate host name|name or service not known",
        Unreachable,
        "the host name of {where} does not resolve; check spec.host and DNS",
    ),
    _rule(
        r"connection refused",
        Unreachable,
        "{where} refuses connections; check that Postgres runs there and the port is right",
    ),
    _rule(
        r"timeout|timed out",
        Unreachable,
        "{where} did not answer in time; check host, port and network policies",
    ),
)
_FALLBACK = _rule("", Unreachable, "{where} cannot be reached: {reason}")

# By code or, where a whole class means one thing, by its first two characters.
_STATEMENT_ERRORS: dict[str, type[AppDBError]] = {
    "08": Unreachable,
    "23": DataConflict,
    "25006": Unreachable,  # read-only: a standby, or a server out of disk
    "25P03": Unreachable,  # this process was silent for too long in a transaction
    "28": AuthenticationFailed,
    "2BP01": ObjectsRemain,
    "40": ConcurrentUpdate,
    "42501": InsufficientPrivilege,
    "42710": ConcurrentUpdate,  # duplicate object: made since we looked
    "42P04": ConcurrentUpdate,  # duplicate database
    "53300": TooManyConnections,
    "53400": TooManyConnections,
    "53": Unreachable,  # disk or memory full
    "55006": SessionsOpen,
    "55P03": LockTimeout,
    "57014": LockTimeout,  # statement_timeout: waited, or worked, too long
    "57": Unreachable,  # shut down, starting, crashed
    "58": Unreachable,
}

_ADVICE: dict[type[AppDBError], str] = {
    Unreachable: "trying again",
    ConcurrentUpdate: "trying again",
    TooManyConnections: "raise max_connections or connections.max, or end sessions",
    LockTimeout: "another session holds the lock; trying again",
    SessionsOpen: "end the sessions, or wait",
}


def connect_error(err: psycopg.Error, *, where: str, username: str, database: str) -> AppDBError:
    """Say why a login did not come about."""
    text = str(err)
    rule = next((rule for rule in _LOGIN_RULES if rule.pattern.search(text)), _FALLBACK)
    return rule.error(
        rule.message.format(where=where, username=username, database=database, reason=_cause(text))
    )


def statement_error(err: psycopg.Error, *, where: str, doing: str) -> AppDBError:
    """Say why a statement failed; `doing` is the work in words ("creating database shop")."""
    code = err.sqlstate
    if code is None:
        return Unreachable(f"the connection to {where} broke while {doing}; trying again")
    kind = _kind_of(err, code)
    said = err.diag.message_primary or "no reason given"
    advice = _ADVICE.get(kind)
    if code == "57014":
        advice = "it took longer than it may; trying again"
    end = f"; {advice}" if advice else ""
    return kind(f"{doing} on {where} failed: {said} (SQLSTATE {code}){end}")


@contextmanager
def translated(where: object, doing: str) -> Iterator[None]:
    """Turn what psycopg raises inside into an error of ours."""
    try:
        yield
    except psycopg.Error as err:
        raise statement_error(err, where=str(where), doing=doing) from err


def is_passing(err: psycopg.Error) -> bool:
    """Tell whether the same statement is likely to succeed when simply run again.

    XX000 counts only for "tuple concurrently updated": two sessions changed one row of a
    shared catalog, which Postgres reports as an internal error.
    """
    if err.sqlstate == "XX000":
        return "concurrently" in (err.diag.message_primary or "")
    return err.sqlstate in {"40001", "40P01", "55006"}


def _kind_of(err: psycopg.Error, code: str) -> type[AppDBError]:
    if is_passing(err) and code != "55006":
        return ConcurrentUpdate
    return _STATEMENT_ERRORS.get(code) or _STATEMENT_ERRORS.get(code[:2]) or DDLFailed


def _cause(text: str) -> str:
    """Cut libpq's text down to the cause: one line, no addresses, no prefixes."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = lines[0] if lines else "no reason given"
    return re.sub(r"^(.* failed: )?(FATAL:\s*)?", "", first)

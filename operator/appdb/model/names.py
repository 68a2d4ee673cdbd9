"""The names that the operator gives to databases and roles.

Pure: same input, same name. A name is derived once, recorded in status and never
derived again, so a change of these rules must not rename what exists. Quoting is not
done here: names reach a server only through `psycopg.sql`.
"""

import hashlib
import re
from dataclasses import dataclass

from appdb.model.identifiers import IDENTIFIER_BYTES, cut, fits

HASH_LENGTH = 8

# What an access[] login may not be called, because the role of that name has another purpose.
RESERVED_ACCESS_NAMES = frozenset({"owner", "app", "user", "user_b", "ro", "rw"})

# Postgres refuses role names in pg_, the managed services keep rds*, and template* and
# postgres are the server's own; a digit would need quotes in every psql session.
_NEEDS_PREFIX = re.compile(r"^(pg_|rds|template|[0-9])|^postgres$")


def database_name_for(namespace: str, name: str) -> str:
    """Derive `<namespace>_<name>` for an object whose spec names no database.

    `-` and `.` become `_`; over 63 bytes the name is cut and an 8-character hash of
    `namespace/name` put behind it. Two objects may derive one name (`a-b/c`, `a/b-c`):
    the claim on the server finds out. Within a namespace (`a-b`, `a.b`) the second one gets
    `hashed_database_name_for`; across namespaces it needs a name in its spec.
    """
    derived = _derived(namespace, name)
    return derived if fits(derived) else hashed_database_name_for(namespace, name)


def hashed_database_name_for(namespace: str, name: str) -> str:
    """Derive the name that carries its hash always: no two objects share it."""
    return _with_hash(_derived(namespace, name), identity=f"{namespace}/{name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleNames:
    """The roles of one database; `login_b` exists during an overlapping rotation only."""

    database: str
    owner: str
    app: str
    login: str
    login_b: str
    readers: str
    writers: str

    def access(self, access_name: str) -> str:
        """Name the login of an access[] entry.

        Raises:
            ValueError: the entry would take the name of a role with another purpose.
        """
        if access_name in RESERVED_ACCESS_NAMES:
            msg = f"access name {access_name!r} is reserved"
            raise ValueError(msg)
        return role_name_for(self.database, access_name)


def role_names_for(database: str) -> RoleNames:
    """Derive the names of the roles that belong to a database."""
    return RoleNames(
        database=database,
        owner=role_name_for(database, "owner"),
        app=role_name_for(database, "app"),
        login=role_name_for(database, "user"),
        login_b=role_name_for(database, "user_b"),
        readers=role_name_for(database, "ro"),
        writers=role_name_for(database, "rw"),
    )


def role_name_for(database: str, suffix: str) -> str:
    """Join database and suffix; over 63 bytes the middle is cut and the whole hashed.

    The server would cut silently (SQL, "Lexical Structure"), and two roles of one
    database, or of two databases, would become one.
    """
    whole = f"{database}_{suffix}"
    if fits(whole):
        return whole
    tail = f"_{_hash(whole)}_{suffix}"
    if len(tail) >= IDENTIFIER_BYTES // 2:
        return _with_hash(whole, identity=whole)
    return cut(database, IDENTIFIER_BYTES - len(tail.encode())) + tail


def _derived(namespace: str, name: str) -> str:
    joined = re.sub(r"[-.]", "_", f"{namespace}_{name}")
    return f"db_{joined}" if _NEEDS_PREFIX.match(joined) else joined


def _with_hash(text: str, *, identity: str) -> str:
    tail = f"_{_hash(identity)}"
    return cut(text, IDENTIFIER_BYTES - len(tail)) + tail


def _hash(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()[:HASH_LENGTH]

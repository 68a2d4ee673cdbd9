"""Names that the server keeps as they are, and that nobody else has.

Source: PostgreSQL, "Identifiers and Key Words" (63 bytes), and pg_class: tables, indexes
and sequences of one schema share their names, and so do constraints of one table.
"""

import hashlib

from appdb.model.finding import Evidence
from appdb.model.identifiers import IDENTIFIER_BYTES, cut, fits
from appdb.source.merge import place
from appdb.source.soundness.remarks import Remarks

SYSTEM_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})


def is_reserved_schema(name: str) -> bool:
    """Tell whether a schema is not an application's to write to."""
    return name.startswith("pg_") or name in {"information_schema", "_appdb"}


def stands(name: str) -> bool:
    """Tell whether Postgres takes a name, and the whole of it."""
    return bool(name) and "\0" not in name and fits(name)


def checked(name: str, what: str, evidence: Evidence, remarks: Remarks) -> bool:
    """Tell whether a declared name can stand as it is; a name that cannot is an error."""
    if stands(name):
        return True
    if not name or "\0" in name:
        remarks.error("NAME_INVALID", f"{what} has an empty name or one with a NUL", evidence)
        return False
    remarks.error(
        "NAME_TOO_LONG",
        f'the name of {what} "{name}" has {len(name.encode())} bytes, Postgres keeps '
        f"{IDENTIFIER_BYTES}; give it a shorter one",
        evidence,
    )
    return False


def shortened(name: str) -> str:
    """Cut a derived name that is too long: what fits, and 8 characters of a hash."""
    if fits(name):
        return name
    tail = "_" + hashlib.sha256(name.encode()).hexdigest()[:8]
    return cut(name, IDENTIFIER_BYTES - len(tail)) + tail


class Relations:
    """The names that are taken in each schema, and by whom."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str], str] = {}

    def take(self, schema: str | None, name: str, what: str) -> str | None:
        """Take a name; return who has it already, or None."""
        key = place(schema, name)
        owner = self._taken.get(key)
        if owner is None:
            self._taken[key] = what
        return owner

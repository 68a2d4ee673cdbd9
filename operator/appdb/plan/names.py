"""Names of our own: temporary objects, and names cut to what Postgres keeps.

Pure. Everything that starts with the reserved prefix is debris once no run is working.
"""

import hashlib

from appdb.model.catalog import Key

PREFIX = "_appdb_"
# What keeps two columns in step, and rules of the old one that gave their name away.
SYNC = "sync"
KEPT = "kept"


def temporary(key: Key, purpose: str) -> str:
    """Return the name of a helper object for `key`; the same key always gives the same name."""
    digest = hashlib.sha256("\0".join(key).encode()).hexdigest()[:12]
    return f"{PREFIX}{purpose}_{digest}"


def is_temporary(name: str) -> bool:
    """Tell whether a name is one of ours."""
    return name.startswith(PREFIX)


def is_kept(name: str) -> bool:
    """Tell whether a rule stays, under a name of ours, for as long as its column does."""
    return name.startswith(f"{PREFIX}{KEPT}_")

"""Names of our own: temporary objects, and names cut to what Postgres keeps.

Pure. Everything that starts with the reserved prefix is debris once no run is working.
"""

import hashlib

from appdb.model.catalog import Key

PREFIX = "_appdb_"


def temporary(key: Key, purpose: str) -> str:
    """Return the name of a helper object for `key`; the same key always gives the same name."""
    digest = hashlib.sha256("\0".join(key).encode()).hexdigest()[:12]
    return f"{PREFIX}{purpose}_{digest}"


def is_temporary(name: str) -> bool:
    """Tell whether a name is one of ours."""
    return name.startswith(PREFIX)

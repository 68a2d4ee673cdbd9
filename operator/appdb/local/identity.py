"""As whom Postgres runs: its server refuses root, and initdb wants a user that has a name.

No user is added and no mode of a folder that is not ours is changed. Root becomes an
ordinary user inside a user namespace, which keeps its access to files; where namespaces
are forbidden, the server runs as `nobody` on folders that are given to it.
"""

import functools
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass

from appdb.local.failure import SandboxError


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """`prefix` goes before every command; `owner` is (uid, gid) where the user is switched."""

    prefix: tuple[str, ...] = ()
    owner: tuple[int, int] | None = None


@functools.cache
def choose_identity() -> Identity:
    """The first way that works here: as we are, in a user namespace, as `nobody`."""
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return Identity()
    mapped = mapped_identity()
    if mapped is not None:
        return mapped
    if os.geteuid() == 0:
        return nobody_identity()
    raise SandboxError(
        f"Postgres cannot run as uid {os.geteuid()}: it has no name in the user database and user "
        "namespaces are not allowed here; run as a named user"
    )


def mapped_identity() -> Identity | None:
    """Ourselves under another uid, inside a user namespace; None where that is not allowed."""
    unshare = shutil.which("unshare")
    named = next((user for user in pwd.getpwall() if user.pw_uid not in {0, 65534}), None)
    if unshare is None or named is None:
        return None
    prefix = (unshare, "-U", f"--map-user={named.pw_uid}", f"--map-group={named.pw_gid}")
    tried = subprocess.run(
        [*prefix, "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return Identity(prefix=prefix) if tried.returncode == 0 else None


def nobody_identity() -> Identity:
    """The user `nobody`; only root can become it."""
    nobody = pwd.getpwnam("nobody")
    return Identity(owner=(nobody.pw_uid, nobody.pw_gid))


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True

"""Where named sandboxes live, and which there are."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from appdb.errors import InvalidInput
from appdb.local.cache import base_dir

DEFAULT_NAME = "default"
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?")


def sandboxes_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Our folder of the user's state (XDG base directory specification)."""
    return base_dir(environ, "XDG_STATE_HOME", ".local/state") / "appdb" / "sandboxes"


def sandbox_dir(name: str, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of one sandbox; raises InvalidInput for a name that is not a DNS label."""
    if NAME.fullmatch(name) is None:
        raise InvalidInput(
            f"{name!r} is no name for a sandbox: use up to 30 of a-z, 0-9 and -, such as team-a"
        )
    return sandboxes_dir(environ) / name


def list_sandboxes(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Names of all sandboxes that were started and not taken down."""
    found = sandboxes_dir(environ).glob("*/sandbox.json")
    return tuple(sorted(path.parent.name for path in found))

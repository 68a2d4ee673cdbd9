"""Finds the front ends: every module or folder beside this one that offers `FRONT_END`.

A new ORM is a new module; nothing here changes. The order is that of rank, then name.
"""

import importlib
import pkgutil
from functools import cache

from appdb.errors import InvalidSpec
from appdb.source import frameworks
from appdb.source.frontend import FrontEnd

AUTO = "auto"


@cache
def front_ends() -> tuple[FrontEnd, ...]:
    """Return all front ends, those that win first."""
    modules = (
        importlib.import_module(f"{frameworks.__name__}.{found.name}")
        for found in pkgutil.iter_modules(frameworks.__path__)
    )
    offered = (getattr(module, "FRONT_END", None) for module in modules)
    return tuple(
        sorted(
            (each for each in offered if each is not None), key=lambda each: (each.rank, each.name)
        )
    )


def chosen(framework: str) -> tuple[FrontEnd, ...]:
    """Return the front ends of `spec.source.framework`: all for `Auto`, else the named one.

    Raises:
        InvalidSpec: no front end has this name.
    """
    wanted = _folded(framework)
    if wanted == AUTO:
        return front_ends()
    found = tuple(e for e in front_ends() if wanted in {_folded(e.name), _folded(e.title)})
    if not found:
        known = ", ".join(["Auto", *(each.title for each in front_ends())])
        raise InvalidSpec(f"no front end is called {framework[:60]!r}; known are {known}")
    return found


def _folded(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())

"""Dataclasses that are made by the ten thousand: frozen to the type checker, cheap to make.

A frozen class sets each field past its own guard, which makes it three times as slow to make;
for the facts of a large source that is a fifth of the analysis. What is said of a class stays
`frozen=True`, and mypy refuses an assignment as ever; only the guard at run time is left out.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:
    from dataclasses import dataclass

    def value(**options: Any) -> Any:
        """Make a dataclass that compares and hashes as a frozen one does."""
        return dataclass(**{**options, "frozen": False, "unsafe_hash": True})


__all__ = ["value"]

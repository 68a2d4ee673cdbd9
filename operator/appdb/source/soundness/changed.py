"""Values with other fields; a value that would not change stays the same object.

Most of what a source declares is sound as it stands, and copies of it all would be most of
the work.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def changed(value: T, **fields: Any) -> T:
    """Return the value with these fields, as `dataclasses.replace` does."""
    for name, wanted in fields.items():
        held = getattr(value, name)
        if held is not wanted and held != wanted:
            return replace(value, **fields)
    return value

"""The smallest merge patch from one JSON object to another (RFC 7396). Pure."""

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


def merge_patch(before: Json, after: Json) -> dict[str, Any]:
    """Return the patch; empty when nothing differs. Lists are replaced whole, null removes."""
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        old = before.get(key)
        if old == value:
            continue
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            patch[key] = merge_patch(old, value)
        else:
            patch[key] = value
    return patch

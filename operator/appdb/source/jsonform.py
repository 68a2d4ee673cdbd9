"""Our dataclasses as nested JSON: the documented form, for people and their tools.

One way only. What crosses a border between processes goes as `columnar`.
"""

import dataclasses
from enum import Enum
from functools import cache
from typing import Any, cast


def to_json(value: Any) -> Any:
    """Turn a value into dicts, lists, strings, numbers, booleans and None.

    Fields that hold their default are left out.
    """
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [to_json(each) for each in value]
    if dataclasses.is_dataclass(value):
        return {
            name: to_json(held)
            for name, default in _fields(cast("Any", type(value)))
            if (held := getattr(value, name)) != default or default is dataclasses.MISSING
        }
    return value


@cache
def _fields(kind: type) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, _default(field)) for field in dataclasses.fields(kind))


def _default(field: "dataclasses.Field[Any]") -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default

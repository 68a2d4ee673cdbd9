"""As much of JSON Schema as values.schema.json uses; an unknown keyword is an error."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
}
# Words for people, and those that `errors_of` and `_holds` see to elsewhere.
_WORDS = {"$schema", "title", "description", "then", "properties", "items"}


def errors_of(schema: Any, value: Any, path: str = "") -> Iterator[str]:
    """Where and how a value breaks a schema; nothing when it does not."""
    for keyword, wanted in schema.items():
        if keyword not in _WORDS and not _holds(keyword, wanted, schema, value):
            yield f"{path or '.'}: {keyword} {wanted}"
    if isinstance(value, dict):
        for name, child in value.items():
            yield from errors_of(_schema_for(schema, name), child, f"{path}.{name}")
    if isinstance(value, list) and "items" in schema:
        for index, child in enumerate(value):
            yield from errors_of(schema["items"], child, f"{path}[{index}]")


def _schema_for(schema: Any, name: str) -> Any:
    additional = schema.get("additionalProperties", {})
    return schema.get("properties", {}).get(name, additional or {})


def _holds(keyword: str, wanted: Any, schema: Any, value: Any) -> bool:
    if keyword == "additionalProperties":
        return wanted is not False or value.keys() <= schema["properties"].keys()
    if keyword == "if":
        return any(errors_of(wanted, value)) or not any(errors_of(schema["then"], value))
    return CHECKS[keyword](wanted, value)


def _has_type(wanted: str, value: Any) -> bool:
    is_flag = isinstance(value, bool) and wanted == "integer"
    return isinstance(value, TYPES[wanted]) and not is_flag


CHECKS: Mapping[str, Callable[[Any, Any], bool]] = {
    "type": _has_type,
    "required": lambda wanted, value: set(wanted) <= value.keys(),
    "enum": lambda wanted, value: value in wanted,
    "const": lambda wanted, value: value == wanted,
    "pattern": lambda wanted, value: re.search(wanted, value) is not None,
    "minimum": lambda wanted, value: value >= wanted,
    "maximum": lambda wanted, value: value <= wanted,
    "minLength": lambda wanted, value: len(value) >= wanted,
    "maxLength": lambda wanted, value: len(value) <= wanted,
}

"""A hypothesis strategy for everything that a structural schema admits.

CEL rules are not looked at: the models do not know them either.
"""

from datetime import datetime
from typing import Any

from hypothesis import strategies as st

Schema = dict[str, Any]

_TEXT = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])
_TIMES = st.datetimes(min_value=datetime(1970, 1, 1)).map(  # noqa: DTZ001 - made UTC below
    lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ")
)
# Enough to find what is wrong, few enough to be quick.
_MOST_ITEMS = 3


def values_of(schema: Schema) -> st.SearchStrategy[Any]:
    """Values of a node of openAPIV3Schema."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "string":
            return _strings(schema)
        case "integer":
            return st.integers(schema["minimum"], schema.get("maximum", 2**53))
        case "number":
            return st.floats(schema["minimum"], 1e9, allow_nan=False)
        case "boolean":
            return st.booleans()
        case "array":
            return _arrays(schema)
        case _:
            return _objects(schema)


def _strings(schema: Schema) -> st.SearchStrategy[str]:
    if schema.get("format") == "date-time":
        return _TIMES
    shortest, longest = schema.get("minLength", 0), schema["maxLength"]
    if "pattern" not in schema:
        return st.text(_TEXT, min_size=shortest, max_size=min(longest, shortest + 20))
    matching = st.from_regex(schema["pattern"].replace("$", r"\Z"))
    return matching.filter(lambda text: shortest <= len(text) <= longest)


def _arrays(schema: Schema) -> st.SearchStrategy[list[Any]]:
    keys = schema.get("x-kubernetes-list-map-keys")
    is_set = schema.get("x-kubernetes-list-type") == "set"
    unique = (lambda item: item[keys[0]]) if keys else str if is_set else None
    shortest = schema.get("minItems", 0)
    return st.lists(
        values_of(schema["items"]),
        min_size=shortest,
        max_size=min(schema["maxItems"], shortest + _MOST_ITEMS),
        unique_by=unique,
    )


def _objects(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    if "additionalProperties" in schema:
        shortest = schema.get("minProperties", 0)
        keys = st.from_regex(r"[a-z]{1,8}\.[a-z]{1,8}", fullmatch=True)
        values = values_of(schema["additionalProperties"])
        return st.dictionaries(keys, values, min_size=shortest, max_size=shortest + _MOST_ITEMS)
    required = set(schema.get("required", ()))
    properties = {name: values_of(node) for name, node in schema["properties"].items()}
    return st.fixed_dictionaries(
        {name: properties[name] for name in properties if name in required},
        optional={name: properties[name] for name in properties if name not in required},
    )

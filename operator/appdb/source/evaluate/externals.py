"""Functions of packages that the evaluator may call: pure ones from text to text.

What a package's function does is a fact about that package, stated in Python by a front end
or here; the package's own code is never looked at.
"""

import re
from collections.abc import Callable

from appdb.source.evaluate.values import ListValue, Literal, Undefined, Value

# Plain Python values in, a text out; None where the answer is not known.
PureFunction = Callable[[tuple[object, ...]], str | None]

_UNKNOWN = object()
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def plain_arguments(arguments: tuple[Value, ...]) -> tuple[object, ...] | None:
    """Turn literals, undefined and lists of texts into plain values; None when one is neither."""
    found = tuple(_plain(argument) for argument in arguments)
    return None if _UNKNOWN in found else found


def _plain(value: Value) -> object:
    match value:
        case Literal(value=content):
            return content
        case Undefined():
            return None
        case ListValue(items=items):
            texts = [i.value for i in items if isinstance(i, Literal) and isinstance(i.value, str)]
            return tuple(texts) if len(texts) == len(items) else _UNKNOWN
        case _:
            return _UNKNOWN


def _words(text: str) -> list[str]:
    return _WORDS.findall(text)


def lodash_snake_case(text: str) -> str:
    """Lodash's snakeCase on letters and digits of ASCII."""
    return "_".join(word.lower() for word in _words(text))


def lodash_camel_case(text: str) -> str:
    """Lodash's camelCase on letters and digits of ASCII."""
    words = [word.lower() for word in _words(text)]
    return "".join(words[:1] + [word.capitalize() for word in words[1:]])


def _text(function: Callable[[str], str]) -> PureFunction:
    def call(arguments: tuple[object, ...]) -> str | None:
        given = arguments[0] if arguments else None
        return function(given) if isinstance(given, str) and given.isascii() else None

    return call


def known_functions() -> dict[tuple[str, str], PureFunction]:
    """Return the functions known from the start, by package and name."""
    snake, camel = _text(lodash_snake_case), _text(lodash_camel_case)
    found: dict[tuple[str, str], PureFunction] = {
        ("lodash/snakeCase", ""): snake,
        ("lodash.snakecase", ""): snake,
        ("lodash/camelCase", ""): camel,
    }
    for package in ("lodash", "lodash-es", "change-case"):
        found[package, "snakeCase"] = snake
        found[package, "camelCase"] = camel
    return found

"""Methods of texts that names are made with; regular expressions only where they end soon."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from appdb.model.finding import Span
from appdb.source.evaluate.values import (
    FunctionValue,
    ListValue,
    Literal,
    RegExpValue,
    Undefined,
    Value,
    to_text,
)

if TYPE_CHECKING:
    from appdb.source.evaluate.evaluator import Evaluator

Arguments = tuple[Value, ...]
Method = Callable[[str, Arguments, Span], Value | None]

REPLACING = frozenset({"replace", "replaceAll"})
MAX_TEXT = 300
# Quantified groups and many quantifiers make matching slow; look-arounds need none of it.
_SLOW = re.compile(r"\)[+*{]|\\[kpP]|\(\?<")
_QUANTIFIER = re.compile(r"(?<!\\)[+*{]")
_GROUP = re.compile(r"\$(\$|&|\d{1,2})")


def replaced(
    evaluator: "Evaluator", content: str, arguments: Arguments, span: Span, *, everywhere: bool
) -> Value | None:
    """Return what `replace` or `replaceAll` makes of a text."""
    if len(arguments) < 2:
        return None
    wanted, new = arguments[0], arguments[1]
    if isinstance(wanted, Literal) and isinstance(wanted.value, str):
        pattern, count = re.compile(re.escape(wanted.value)), 0 if everywhere else 1
    elif isinstance(wanted, RegExpValue):
        found = _compiled(wanted)
        if found is None or len(content) > MAX_TEXT:
            return None
        pattern, count = found, 0 if "g" in wanted.flags else 1
    else:
        return None
    parts: list[str] = []
    at = 0
    for number, match in enumerate(pattern.finditer(content)):
        if count and number >= count:
            break
        text = _replacement(evaluator, match, new, span)
        if text is None:
            return None
        parts += [content[at : match.start()], text]
        at = match.end()
    return Literal(value="".join([*parts, content[at:]]), span=span)


def _compiled(value: RegExpValue) -> re.Pattern[str] | None:
    pattern = value.pattern
    if len(pattern) > 120 or _SLOW.search(pattern) or len(_QUANTIFIER.findall(pattern)) > 3:
        return None
    if set(value.flags) - set("gimu"):
        return None
    flags = re.ASCII
    flags |= re.IGNORECASE if "i" in value.flags else 0
    flags |= re.MULTILINE if "m" in value.flags else 0
    try:
        return re.compile(re.sub(r"\\s-", r"\\s\\-", pattern), flags)
    except (re.error, RecursionError):
        return None


def _replacement(
    evaluator: "Evaluator", match: re.Match[str], new: Value, span: Span
) -> str | None:
    if isinstance(new, FunctionValue):
        given: list[Value] = [Literal(value=match[0], span=span)]
        given.extend(
            Undefined(span=span) if group is None else Literal(value=group, span=span)
            for group in match.groups()
        )
        given.append(Literal(value=match.start(), span=span))
        return to_text(evaluator.call(new, tuple(given), span))
    text = to_text(new)
    return None if text is None else _GROUP.sub(lambda sign: _group(sign[1], match), text)


def _group(sign: str, match: re.Match[str]) -> str:
    if sign == "$":
        return "$"
    number = 0 if sign == "&" else int(sign)
    return (match[number] or "") if number <= match.re.groups else f"${sign}"


def _literal(content: str | int | bool, span: Span) -> Literal:  # noqa: FBT001 - a value
    return Literal(value=content, span=span)


def _split(content: str, arguments: Arguments, span: Span) -> Value | None:
    separator = to_text(arguments[0]) if arguments else None
    if separator is None or isinstance(arguments[0], RegExpValue):
        return None
    parts = content.split(separator) if separator else list(content)
    return ListValue(items=tuple(_literal(part, span) for part in parts), span=span)


def _concat(content: str, arguments: Arguments, span: Span) -> Value | None:
    parts = [to_text(argument) for argument in arguments]
    return None if None in parts else _literal(content + "".join(p or "" for p in parts), span)


def _repeat(content: str, arguments: Arguments, span: Span) -> Value | None:
    count = arguments[0].value if arguments and isinstance(arguments[0], Literal) else None
    if not isinstance(count, int) or not 0 <= count * len(content) <= 100_000:
        return None
    return _literal(content * count, span)


def _bounds(arguments: Arguments) -> list[int] | None:
    found = [a.value for a in arguments if isinstance(a, Literal) and isinstance(a.value, int)]
    return found if len(found) == len(arguments) <= 2 else None


def _slice(content: str, arguments: Arguments, span: Span) -> Value | None:
    bounds = _bounds(arguments)
    if not bounds:
        return None
    return _literal(content[bounds[0] : bounds[1] if len(bounds) > 1 else None], span)


def _substring(content: str, arguments: Arguments, span: Span) -> Value | None:
    bounds = _bounds(arguments)
    if not bounds:
        return None
    first, last = sorted([max(bounds[0], 0), max((*bounds, len(content))[1], 0)])
    return _literal(content[first:last], span)


def _substr(content: str, arguments: Arguments, span: Span) -> Value | None:
    bounds = _bounds(arguments)
    if not bounds or bounds[0] < 0:
        return None
    length = bounds[1] if len(bounds) > 1 else len(content)
    return _literal(content[bounds[0] : bounds[0] + max(length, 0)], span)


def _char_at(content: str, arguments: Arguments, span: Span) -> Value | None:
    bounds = _bounds(arguments) or [0]
    return _literal(content[bounds[0] : bounds[0] + 1] if bounds[0] >= 0 else "", span)


def _asks(test: Callable[[str, str], bool]) -> Method:
    def method(content: str, arguments: Arguments, span: Span) -> Value | None:
        wanted = to_text(arguments[0]) if len(arguments) == 1 else None
        return None if wanted is None else _literal(test(content, wanted), span)

    return method


METHODS: dict[str, Method] = {
    "toLowerCase": lambda content, _, span: _literal(content.lower(), span),
    "toUpperCase": lambda content, _, span: _literal(content.upper(), span),
    "toLocaleLowerCase": lambda content, _, span: _literal(content.lower(), span),
    "toLocaleUpperCase": lambda content, _, span: _literal(content.upper(), span),
    "trim": lambda content, _, span: _literal(content.strip(), span),
    "toString": lambda content, _, span: _literal(content, span),
    "concat": _concat,
    "split": _split,
    "repeat": _repeat,
    "slice": _slice,
    "substring": _substring,
    "substr": _substr,
    "charAt": _char_at,
    "startsWith": _asks(str.startswith),
    "endsWith": _asks(str.endswith),
    "includes": _asks(str.__contains__),
}

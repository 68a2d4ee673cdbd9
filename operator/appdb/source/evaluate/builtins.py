"""The few functions of JavaScript's own library that constants are built with.

Pure on known values; anything else about a known name is Unknown.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from appdb.model.finding import Span
from appdb.source.evaluate import texts
from appdb.source.evaluate.values import (
    FunctionValue,
    ListValue,
    Literal,
    ObjectValue,
    Undefined,
    Unknown,
    Value,
    in_key_order,
    to_text,
    truth,
)

if TYPE_CHECKING:
    from appdb.source.evaluate.evaluator import Evaluator

Arguments = tuple[Value, ...]
MAX_ITEMS = 20_000


def literal(content: str | float | bool | None, span: Span) -> Literal:  # noqa: FBT001 - a value
    """Return a literal."""
    return Literal(value=content, span=span)


def as_text(value: Value) -> str | None:
    """Return the content of a string literal."""
    return value.value if isinstance(value, Literal) and isinstance(value.value, str) else None


def make_set(arguments: Arguments, span: Span) -> Value:
    """`new Set(list)`: the list without repetitions."""
    if not arguments:
        return ListValue(items=(), span=span)
    if not isinstance(arguments[0], ListValue):
        return Unknown(reason="the content of a Set is not known", span=span)
    return ListValue(items=_distinct(arguments[0].items), span=span)


def _distinct(items: Arguments) -> Arguments:
    seen: set[tuple[type, object]] = set()
    kept: list[Value] = []
    for item in items:
        key: tuple[type, object] = (
            (type(item.value), item.value) if isinstance(item, Literal) else (object, id(item))
        )
        if key not in seen:
            seen.add(key)
            kept.append(item)
    return tuple(kept)


def call_global(
    evaluator: "Evaluator", name: str, arguments: Arguments, span: Span
) -> Value | None:
    """Call a global function; None when it is not one of ours."""
    if name == "Array.from" and len(arguments) == 2 and isinstance(arguments[0], ListValue):
        return _map(evaluator, arguments[0], arguments[1:], span)
    function = _GLOBALS.get(name)
    if function is None:
        return None
    for argument in arguments:
        if isinstance(argument, Unknown):
            return argument
    return function(arguments, span) or Unknown(reason=f"{name} of this is not known", span=span)


def _entries(value: Value) -> dict[str, Value] | None:
    match value:
        case ObjectValue(entries=entries, unknown=None):
            return entries
        case ListValue(items=items):
            return {str(i): item for i, item in enumerate(items)}
        case _:
            return None


def _keys(arguments: Arguments, span: Span) -> Value | None:
    entries = _entries(arguments[0]) if arguments else None
    if entries is None:
        return None
    return ListValue(items=tuple(literal(key, span) for key in entries), span=span)


def _values(arguments: Arguments, span: Span) -> Value | None:
    entries = _entries(arguments[0]) if arguments else None
    return None if entries is None else ListValue(items=tuple(entries.values()), span=span)


def _pairs(arguments: Arguments, span: Span) -> Value | None:
    entries = _entries(arguments[0]) if arguments else None
    if entries is None:
        return None
    pairs = [ListValue(items=(literal(k, span), v), span=span) for k, v in entries.items()]
    return ListValue(items=tuple(pairs), span=span)


def _from_pairs(arguments: Arguments, span: Span) -> Value | None:
    if not arguments or not isinstance(arguments[0], ListValue):
        return None
    entries: dict[str, Value] = {}
    for pair in arguments[0].items:
        if not isinstance(pair, ListValue) or len(pair.items) != 2:
            return None
        key = to_text(pair.items[0])
        if key is None:
            return None
        entries[key] = pair.items[1]
    return ObjectValue(entries=in_key_order(entries), span=span)


def _assign(arguments: Arguments, span: Span) -> Value | None:
    entries: dict[str, Value] = {}
    for argument in arguments:
        if isinstance(argument, Undefined | Literal):
            continue
        if not isinstance(argument, ObjectValue) or argument.unknown is not None:
            return None
        entries.update(argument.entries)
    return ObjectValue(entries=in_key_order(entries), span=span)


def _first(arguments: Arguments, _: Span) -> Value | None:
    return arguments[0] if arguments else None


def _text(arguments: Arguments, span: Span) -> Value | None:
    known = to_text(arguments[0]) if arguments else ""
    return None if known is None else literal(known, span)


def _boolean(arguments: Arguments, span: Span) -> Value | None:
    known = truth(arguments[0]) if arguments else False
    return None if known is None else literal(known, span)


def _list(arguments: Arguments, _: Span) -> Value | None:
    return arguments[0] if arguments and isinstance(arguments[0], ListValue) else None


def _number(arguments: Arguments, span: Span) -> Value | None:
    match arguments:
        case (Literal(value=bool() as flag), *_):
            return literal(int(flag), span)
        case (Literal(value=int() | float()) as number, *_):
            return number
        case (Literal(value=str() as content), *_) if re.fullmatch(r"-?\d{1,15}", content):
            return literal(int(content), span)
        case _:
            return None


_GLOBALS: dict[str, Callable[[Arguments, Span], Value | None]] = {
    "Object.keys": _keys,
    "Object.values": _values,
    "Object.entries": _pairs,
    "Object.fromEntries": _from_pairs,
    "Object.assign": _assign,
    "Object.freeze": _first,
    "Object.seal": _first,
    "Array.from": _list,
    "Array.of": lambda arguments, span: ListValue(items=arguments, span=span),
    "String": _text,
    "Number": _number,
    "Boolean": _boolean,
    "BigInt": _number,
}


def has_method(target: Value, name: str) -> bool:
    """Tell whether `call_method` knows a method of a value."""
    match target:
        case ListValue():
            return name in _LIST_METHODS or name in _CALLBACK_METHODS
        case Literal(value=str()):
            return name in texts.METHODS or name in texts.REPLACING
        case Literal(value=int() | float()):
            return name == "toString"
        case ObjectValue():
            return name == "hasOwnProperty" and name not in target.entries
        case _:
            return False


def call_method(
    evaluator: "Evaluator", target: Value, name: str, arguments: Arguments, span: Span
) -> Value:
    """Call a method of a list or a text."""
    for argument in arguments:
        if isinstance(argument, Unknown):
            return argument
    found: Value | None = None
    match target:
        case ListValue() if name in _CALLBACK_METHODS:
            found = _CALLBACK_METHODS[name](evaluator, target, arguments, span)
        case ListValue():
            found = _LIST_METHODS[name](target, arguments, span)
        case Literal(value=str() as content) if name in texts.REPLACING:
            found = texts.replaced(
                evaluator, content, arguments, span, everywhere=name != "replace"
            )
        case Literal(value=str() as content):
            found = texts.METHODS[name](content, arguments, span)
        case Literal():
            found = _text((target,), span)
        case ObjectValue(entries=entries, unknown=None):
            key = to_text(arguments[0]) if arguments else None
            found = None if key is None else literal(key in entries, span)
        case _:
            pass
    return found or Unknown(reason=f"the result of {name} is not known", span=span)


def _map(
    evaluator: "Evaluator", target: ListValue, arguments: Arguments, span: Span
) -> Value | None:
    if not arguments:
        return None
    if len(target.items) > 2_000:
        return None
    results = [_each(evaluator, arguments[0], item, i, span) for i, item in enumerate(target.items)]
    return ListValue(items=tuple(results), span=span)


def _each(evaluator: "Evaluator", function: Value, item: Value, position: int, span: Span) -> Value:
    if isinstance(function, FunctionValue):
        return evaluator.call(function, (item, literal(position, span)), span)
    known = getattr(function, "package", "") is None and call_global(
        evaluator, getattr(function, "name", ""), (item,), span
    )
    return known or Unknown(reason="the function that is mapped is not known", span=span)


def _filter(
    evaluator: "Evaluator", target: ListValue, arguments: Arguments, span: Span
) -> Value | None:
    if not arguments or len(target.items) > 2_000:
        return None
    kept: list[Value] = []
    for position, item in enumerate(target.items):
        test = truth(_each(evaluator, arguments[0], item, position, span))
        if test is None:
            return None
        if test:
            kept.append(item)
    return ListValue(items=tuple(kept), span=span)


def _flat_map(
    evaluator: "Evaluator", target: ListValue, arguments: Arguments, span: Span
) -> Value | None:
    mapped = _map(evaluator, target, arguments, span)
    return _flat(mapped, (), span) if isinstance(mapped, ListValue) else None


def _reduce(
    evaluator: "Evaluator", target: ListValue, arguments: Arguments, span: Span
) -> Value | None:
    if not arguments or len(target.items) > 500:
        return None
    items = list(target.items)
    total = arguments[1] if len(arguments) > 1 else items.pop(0) if items else None
    for item in items:
        if total is None or isinstance(total, Unknown):
            break
        total = evaluator.call(arguments[0], (total, item), span)
    return total


_CALLBACK_METHODS: dict[str, Callable[["Evaluator", ListValue, Arguments, Span], Value | None]] = {
    "map": _map,
    "filter": _filter,
    "flatMap": _flat_map,
    "reduce": _reduce,
}


def _concat(target: ListValue, arguments: Arguments, span: Span) -> Value | None:
    items = list(target.items)
    for argument in arguments:
        items.extend(argument.items if isinstance(argument, ListValue) else (argument,))
    return ListValue(items=tuple(items), span=span) if len(items) <= MAX_ITEMS else None


def _join(target: ListValue, arguments: Arguments, span: Span) -> Value | None:
    separator = as_text(arguments[0]) if arguments else ","
    parts = [to_text(item) for item in target.items]
    if separator is None or None in parts:
        return None
    return literal(separator.join(part or "" for part in parts), span)


def _flat(target: ListValue, _: Arguments, span: Span) -> Value | None:
    return _concat(ListValue(items=(), span=span), target.items, span)


def _includes(target: ListValue, arguments: Arguments, span: Span) -> Value | None:
    wanted = to_text(arguments[0]) if arguments else None
    texts = [to_text(item) for item in target.items]
    return None if wanted is None or None in texts else literal(wanted in texts, span)


def _slice(target: ListValue, arguments: Arguments, span: Span) -> Value | None:
    bounds = [a.value for a in arguments if isinstance(a, Literal) and isinstance(a.value, int)]
    if len(bounds) != len(arguments) or len(bounds) > 2:
        return None
    return ListValue(
        items=target.items[slice(*(bounds if len(bounds) > 1 else [*bounds, None]))]
        if bounds
        else target.items,
        span=span,
    )


def _same_list(target: ListValue, _: Arguments, __: Span) -> Value | None:
    return target


def _reverse(target: ListValue, _: Arguments, span: Span) -> Value | None:
    return ListValue(items=target.items[::-1], span=span)


_LIST_METHODS: dict[str, Callable[[ListValue, Arguments, Span], Value | None]] = {
    "concat": _concat,
    "join": _join,
    "flat": _flat,
    "includes": _includes,
    "slice": _slice,
    "values": _same_list,
    "toReversed": _reverse,
}

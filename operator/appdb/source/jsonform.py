"""Our dataclasses as JSON and back, strictly.

The way back is for input that nobody vouches for: only the fields of the wanted class, of
the wanted types, are taken; anything else is an error. No class is ever named by the data.
"""

import dataclasses
import types
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
Decoder = Callable[[Any], Any]


class NotOfThisForm(ValueError):  # noqa: N818 - reads as what it says
    """The data is not what the class asks for."""


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


def from_json(wanted: type[T], data: Any) -> T:
    """Build a value of the wanted class.

    Raises:
        NotOfThisForm: the data has another form.
    """
    found: T = _decoder(cast("Any", wanted))(data)
    return found


@cache
def _fields(kind: type) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, _default(field)) for field in dataclasses.fields(kind))


def _default(field: "dataclasses.Field[Any]") -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


@cache
def _decoder(wanted: Any) -> Decoder:
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in {Union, types.UnionType}:
        return _optional(arguments)
    if origin is tuple:
        return _tuple(arguments)
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return _enum(wanted)
    if dataclasses.is_dataclass(wanted) and isinstance(wanted, type):
        return _dataclass(wanted)
    if wanted in {str, int, bool, float}:
        return _plain(wanted)
    raise TypeError(f"{wanted!r} has no JSON form")


def _plain(kind: type) -> Decoder:
    def decode(data: Any) -> Any:
        # bool is an int to Python; here it is not.
        if type(data) is not kind:
            raise NotOfThisForm(f"{kind.__name__} expected")
        return data

    return decode


def _enum(kind: type[Enum]) -> Decoder:
    members = {member.value: member for member in kind}

    def decode(data: Any) -> Any:
        found = members.get(data) if isinstance(data, str | int) else None
        if found is None:
            raise NotOfThisForm(f"{kind.__name__} expected")
        return found

    return decode


def _optional(arguments: tuple[Any, ...]) -> Decoder:
    inner = [each for each in arguments if each is not type(None)]
    if len(inner) != 1 or len(inner) == len(arguments):
        raise TypeError(f"only X | None has a JSON form, not {arguments!r}")
    decode_inner = _decoder(inner[0])
    return lambda data: None if data is None else decode_inner(data)


def _tuple(arguments: tuple[Any, ...]) -> Decoder:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        decode_each = _decoder(arguments[0])

        def decode_any(data: Any) -> Any:
            return tuple(decode_each(each) for each in _list(data))

        return decode_any
    decoders = [_decoder(argument) for argument in arguments]

    def decode_fixed(data: Any) -> Any:
        if len(_list(data)) != len(decoders):
            raise NotOfThisForm(f"{len(decoders)} items expected")
        return tuple(decode(each) for decode, each in zip(decoders, data, strict=True))

    return decode_fixed


def _list(data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise NotOfThisForm("a list expected")
    return data


def _dataclass(kind: type) -> Decoder:
    hints = get_type_hints(kind)
    decoders: Mapping[str, Decoder] = {name: _decoder(hints[name]) for name, _ in _fields(kind)}
    needed = {name for name, default in _fields(kind) if default is dataclasses.MISSING}

    def decode(data: Any) -> Any:
        if not isinstance(data, dict):
            raise NotOfThisForm(f"{kind.__name__} expected")
        if data.keys() - decoders.keys() or needed - data.keys():
            raise NotOfThisForm(f"{kind.__name__} has other fields")
        return kind(**{name: decoders[name](each) for name, each in data.items()})

    return decode

"""Our dataclasses as columns of JSON and back, strictly.

One table for each class and in it one list for each field: written, checked and read a column
at a time, which is what makes a large answer cheap. The way back is for input that nobody
vouches for: only what the wanted class asks for is taken, and no class is named by the data.
"""

import dataclasses
import types
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import cache
from itertools import chain, islice, repeat
from operator import attrgetter
from typing import Any, Protocol, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
Made = Mapping[type, list[Any]]
_PLAIN = frozenset({str, int, bool, float})


class NotOfThisForm(ValueError):  # noqa: N818 - reads as what it says
    """The data is not what the class asks for."""


class _Rows:
    """The values of each class that are to be written, in the order of their rows."""

    def __init__(self) -> None:
        self.of: dict[type, list[Any]] = {}
        self._places: dict[type, dict[int, int]] = {}

    def places(self, kind: type, values: Iterable[Any]) -> Iterator[int]:
        """Yield the row of each value; one that is met again is written once."""
        rows, places = self.of.setdefault(kind, []), self._places.setdefault(kind, {})
        for value in values:
            place = places.get(id(value))
            if place is None:
                place = places[id(value)] = len(rows)
                rows.append(value)
            yield place


class _Form(Protocol):
    """One column's way there and back; `made` are the tables that were read before."""

    def write(self, values: list[Any], rows: _Rows, /) -> list[Any]: ...
    def read(self, data: list[Any], made: Made, /) -> list[Any]: ...


@dataclasses.dataclass(frozen=True, slots=True)
class _Plain:
    kind: type

    def write(self, values: list[Any], _rows: _Rows, /) -> list[Any]:
        return values

    def read(self, data: list[Any], _made: Made, /) -> list[Any]:
        return _all_of(self.kind, data)


@dataclasses.dataclass(frozen=True, slots=True)
class _Member:
    members: Mapping[Any, Enum]

    def write(self, values: list[Any], _rows: _Rows, /) -> list[Any]:
        return [value.value for value in values]

    def read(self, data: list[Any], _made: Made, /) -> list[Any]:
        _all_of(type(next(iter(self.members))), data)
        found = list(map(self.members.get, data))
        if None in found:
            raise NotOfThisForm("a member of an enum expected")
        return found


@dataclasses.dataclass(frozen=True, slots=True)
class _Optional:
    inner: _Form

    def write(self, values: list[Any], rows: _Rows, /) -> list[Any]:
        held = iter(self.inner.write([each for each in values if each is not None], rows))
        return [None if each is None else next(held) for each in values]

    def read(self, data: list[Any], made: Made, /) -> list[Any]:
        held = iter(self.inner.read([each for each in data if each is not None], made))
        return [None if each is None else next(held) for each in data]


@dataclasses.dataclass(frozen=True, slots=True)
class _Items:
    """A tuple of any length of what is not a class of ours."""

    inner: _Form

    def write(self, values: list[Any], rows: _Rows, /) -> list[Any]:
        held = iter(self.inner.write(list(chain.from_iterable(values)), rows))
        return [list(islice(held, len(each))) for each in values]

    def read(self, data: list[Any], made: Made, /) -> list[Any]:
        held = iter(self.inner.read(list(chain.from_iterable(_all_of(list, data))), made))
        return [tuple(islice(held, len(each))) for each in data]


@dataclasses.dataclass(frozen=True, slots=True)
class _Fixed:
    """A tuple with a form for each place."""

    inner: tuple[_Form, ...]

    def write(self, values: list[Any], rows: _Rows, /) -> list[Any]:
        # Without values there are no columns either.
        columns = zip(*values, strict=True)
        held = [f.write(list(each), rows) for f, each in zip(self.inner, columns, strict=False)]
        return [list(each) for each in zip(*held, strict=True)]

    def read(self, data: list[Any], made: Made, /) -> list[Any]:
        if any(len(each) != len(self.inner) for each in _all_of(list, data)):
            raise NotOfThisForm(f"{len(self.inner)} items expected")
        columns = zip(*data, strict=True)
        held = [f.read(list(each), made) for f, each in zip(self.inner, columns, strict=False)]
        return list(zip(*held, strict=True))


@dataclasses.dataclass(frozen=True, slots=True)
class _One:
    """A value of a class: its row, which others may refer to as well."""

    kind: type

    def write(self, values: list[Any], rows: _Rows, /) -> list[Any]:
        return list(rows.places(self.kind, values))

    def read(self, data: list[Any], made: Made, /) -> list[Any]:
        table = made[self.kind]
        if data and not 0 <= min(_all_of(int, data)) <= max(data) < len(table):
            raise NotOfThisForm(f"no such {self.kind.__name__}")
        return list(map(table.__getitem__, data))


@dataclasses.dataclass(frozen=True, slots=True)
class _Many:
    """A tuple of values of a class: how many of the next rows, so that no row comes twice."""

    kind: type

    def write(self, values: list[Any], rows: _Rows, /) -> list[Any]:
        rows.of.setdefault(self.kind, []).extend(chain.from_iterable(values))
        return list(map(len, values))

    def read(self, data: list[Any], made: Made, /) -> list[Any]:
        table = made[self.kind]
        if min(_all_of(int, data), default=0) < 0 or sum(data) != len(table):
            raise NotOfThisForm(f"another number of {self.kind.__name__}")
        held = iter(table)
        return [tuple(islice(held, count)) for count in data]


@dataclasses.dataclass(frozen=True, slots=True)
class _Field:
    name: str
    form: _Form
    default: Any

    def differs(self, column: list[Any]) -> bool:
        """Tell whether a column holds more than the default."""
        if self.default is dataclasses.MISSING:
            return bool(column)
        return column.count(self.default) < len(column)


@dataclasses.dataclass(frozen=True, slots=True)
class _Table:
    """A class with its fields; the first one is always written, it tells the number of rows."""

    kind: type
    fields: tuple[_Field, ...]

    def write(self, rows: _Rows) -> dict[str, list[Any]]:
        held: list[Any] = rows.of.get(self.kind, [])
        found = {}
        for field in self.fields:
            column = list(map(attrgetter(field.name), held))
            if field is self.fields[0] or field.differs(column):
                found[field.name] = field.form.write(column, rows)
        return found

    def read(self, data: Any, made: Made) -> list[Any]:
        if not isinstance(data, dict) or data.keys() - {field.name for field in self.fields}:
            raise NotOfThisForm(f"{self.kind.__name__} has other fields")
        lengths = {len(column) for column in _all_of(list, list(data.values()))}
        if len(lengths) != 1 or self.fields[0].name not in data:
            raise NotOfThisForm(f"{self.kind.__name__} in whole columns expected")
        rows: list[Any] = list(map(object.__new__, repeat(self.kind, lengths.pop())))
        for field in self.fields:
            column: Iterable[Any] = repeat(field.default)
            if field.name in data:
                column = field.form.read(data[field.name], made)
            elif rows and field.default is dataclasses.MISSING:
                raise NotOfThisForm(f"{self.kind.__name__} needs {field.name}")
            # As the class's own __init__ does, which reaches past `frozen` too.
            deque(map(getattr(self.kind, field.name).__set__, rows, column), maxlen=0)
        return rows


def pack(value: Any) -> list[dict[str, list[Any]]]:
    """Turn a dataclass into tables of dicts, lists, strings, numbers, booleans and None."""
    rows = _Rows()
    rows.of[type(value)] = [value]
    tables = _tables(cast("Any", type(value)))
    return [table.write(rows) for table in reversed(tables)][::-1]


def unpack(wanted: type[T], data: Any) -> T:
    """Build a value of the wanted class.

    Raises:
        NotOfThisForm: the data has another form.
    """
    tables = _tables(cast("Any", wanted))
    if not isinstance(data, list) or len(data) != len(tables):
        raise NotOfThisForm("one table for each class expected")
    made: dict[type, list[Any]] = {}
    for table, each in zip(tables, data, strict=True):
        made[table.kind] = table.read(each, made)
    if len(made[wanted]) != 1:
        raise NotOfThisForm(f"one {wanted.__name__} expected")
    return cast("T", made[wanted][0])


def _all_of(kind: type, data: list[Any]) -> list[Any]:
    """Return the data when all of it is exactly of one type: a bool is no int here."""
    if set(map(type, data)) - {kind}:
        raise NotOfThisForm(f"{kind.__name__} expected")
    return data


@cache
def _tables(root: type) -> tuple[_Table, ...]:
    """The tables of a class and of all that it holds; what is held comes first."""
    found: dict[type, _Table] = {}
    held: set[type] = set()

    def add(kind: type) -> None:
        if kind in found:
            return
        hints = get_type_hints(kind)
        fields = []
        for field in dataclasses.fields(kind):
            form = _form(hints[field.name])
            for part in _parts(form):
                if part.kind in held and isinstance(part, _Many):
                    raise TypeError(f"{part.kind!r} is held in several places, once by a tuple")
                held.add(part.kind)
                add(part.kind)
            fields.append(_Field(field.name, form, _default(field)))
        found[kind] = _Table(kind, tuple(fields))

    add(root)
    return tuple(found.values())


def _default(field: "dataclasses.Field[Any]") -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _parts(form: _Form) -> Iterator[_One | _Many]:
    match form:
        case _One() | _Many():
            yield form
        case _Optional(inner=inner):
            yield from _parts(inner)


def _form(wanted: Any) -> _Form:
    origin, arguments = get_origin(wanted), get_args(wanted)
    if wanted in _PLAIN:
        return _Plain(wanted)
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return _Member({member.value: member for member in wanted})
    if dataclasses.is_dataclass(wanted) and isinstance(wanted, type):
        return _One(wanted)
    if origin in {Union, types.UnionType} and len(arguments) == 2 and type(None) in arguments:
        return _Optional(_form(arguments[arguments[0] is type(None)]))
    if origin is tuple:
        return _tuple(arguments)
    raise TypeError(f"{wanted!r} has no JSON form")


def _tuple(arguments: tuple[Any, ...]) -> _Form:
    inner = tuple(_form(each) for each in arguments if each is not Ellipsis)
    if Ellipsis not in arguments:
        return _Fixed(inner)
    return _Many(inner[0].kind) if isinstance(inner[0], _One) else _Items(inner[0])

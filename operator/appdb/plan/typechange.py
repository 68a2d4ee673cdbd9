"""Decides what a change of a column's type means: free, a rewrite, a risk, or a cast to give.

Pure. Types are spelled as format_type spells them. Sources: PostgreSQL, ALTER TABLE
(binary coercible types and unchanged or loosened modifiers need no rewrite), pg_cast
(assignment casts run by themselves, explicit ones do not).
"""

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

from appdb.model.catalog import Column, Kind
from appdb.plan.hazards import Hazard, StepClass


class Spelled(NamedTuple):
    """A type taken apart: `numeric(10,2)[]` is numeric, (10, 2), 1."""

    name: str
    modifiers: tuple[int, ...]
    dimensions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeChange:
    """How one type becomes another.

    `rewrites` the table; `using` is the expression's cast, None for Postgres' own
    assignment; without `is_possible` a cast must be given. `loses` selects, with `{c}` for
    the column, the rows that would change or be refused; with `folds` different values may
    count as the same afterwards.
    """

    step_class: StepClass
    hazard: Hazard | None = None
    rewrites: bool = False
    using: str | None = None
    is_possible: bool = True
    loses: str | None = None
    folds: bool = False
    reason: str = ""


_SAFE = TypeChange(step_class=StepClass.SAFE, reason="the stored values stay as they are")
_REWRITE = TypeChange(
    step_class=StepClass.BLOCKS,
    rewrites=True,
    reason="every row is written again while the table is locked; no value changes",
)
_NEEDS_CAST = TypeChange(
    step_class=StepClass.DESTROYS,
    hazard=Hazard.NARROW,
    rewrites=True,
    is_possible=False,
    reason="Postgres does not convert between these types by itself",
)
_ZONE = TypeChange(
    step_class=StepClass.COMPATIBILITY,
    hazard=Hazard.COMPATIBILITY,
    reason="values are taken to be in UTC; what the application reads changes its meaning",
)

_FOLDED = TypeChange(
    step_class=StepClass.BLOCKS,
    rewrites=True,
    folds=True,
    reason="the values stay; what counts as the same text changes, indexes are built again",
)

_TYPE = re.compile(
    r"^(?P<head>.*?)(?:\((?P<mods>[\d,\- ]+)\))?(?P<tail>[^()\[\]]*)(?P<dims>(?:\[\])*)$"
)

_VARCHAR, _CHAR, _TEXT, _NUMERIC = "character varying", "character", "text", "numeric"
_TIMESTAMP, _TIMESTAMPTZ = "timestamp without time zone", "timestamp with time zone"
_TIMES = {_TIMESTAMP, _TIMESTAMPTZ, "time without time zone", "time with time zone", "interval"}
_INTEGERS = {"smallint": 15, "integer": 31, "bigint": 63}
_FLOATS = ("real", "double precision")
_STRINGS = {_VARCHAR, _TEXT, _CHAR}

# Assignment casts that keep every value, and those that need USING though they do.
_LOSSLESS = {
    ("real", "double precision"),
    ("date", _TIMESTAMP),
    ("json", "jsonb"),
    ("jsonb", "json"),
    ("cidr", "inet"),
    ("macaddr", "macaddr8"),
}
# Assignment casts that round, cut or refuse some values.
_LOSSY = {
    ("double precision", "real"),
    ("double precision", _NUMERIC),
    ("real", _NUMERIC),
    (_NUMERIC, "real"),
    (_NUMERIC, "double precision"),
    (_TIMESTAMP, "date"),
    (_TIMESTAMPTZ, "date"),
    (_TIMESTAMP, "time without time zone"),
    (_TIMESTAMPTZ, "time without time zone"),
    (_TIMESTAMPTZ, "time with time zone"),
    ("inet", "cidr"),
    ("bigint", "real"),
    ("bigint", "double precision"),
    ("integer", "real"),
    ("macaddr8", "macaddr"),
}


def spelled(text: str) -> Spelled:
    """Take a type's spelling apart."""
    found = _TYPE.match(text)
    if found is None:
        return Spelled(text, (), 0)
    modifiers = tuple(int(part) for part in (found["mods"] or "").split(",") if part.strip())
    return Spelled((found["head"] + found["tail"]).strip(), modifiers, found["dims"].count("["))


def comparable_types(before: str, after: str) -> bool:
    """Tell whether a foreign key may join columns of these types."""
    if spelled(before).dimensions != spelled(after).dimensions:
        return False
    names = spelled(before).name, spelled(after).name
    families = ({*_INTEGERS}, {_VARCHAR, _TEXT}, {*_FLOATS}, {_TIMESTAMP, _TIMESTAMPTZ, "date"})
    return names[0] == names[1] or any({*names} <= family for family in families)


def type_change(before: Column, after: Column) -> TypeChange:
    """Say how a column's type becomes another; the two differ."""
    if before.base is not None or after.base is not None:
        return _declared_change(before, after)
    old, new = spelled(before.type), spelled(after.type)
    if old.dimensions != new.dimensions:
        return _NEEDS_CAST
    if {_bare(old.name), _bare(new.name)} in ({"citext", _TEXT}, {"citext", _VARCHAR}):
        return _FOLDED if not new.modifiers else _too_long(_length(new))
    found = _modifier_change(old, new) if old.name == new.name else _builtin_change(old, new)
    if not old.dimensions:
        return found
    if found is _SAFE and (new.modifiers or old.name != new.name):
        # Postgres looks at each element of an array, also where nothing can differ.
        return _REWRITE
    if found.loses is None:
        return found
    each = found.loses.format(c="v")
    return replace(found, loses=f"EXISTS (SELECT FROM unnest({{c}}) AS v WHERE {each})")


def _declared_change(before: Column, after: Column) -> TypeChange:
    old, new = spelled(before.type), spelled(after.type)
    is_enum = before.base is not None and before.base.kind is Kind.ENUM
    is_text = after.base is None and new.name in {_TEXT, _VARCHAR} and not new.modifiers
    if is_enum and is_text and old.dimensions == new.dimensions:
        return TypeChange(
            step_class=StepClass.BLOCKS,
            rewrites=True,
            using=after.type,
            reason="labels become plain text; every row is written again",
        )
    return _NEEDS_CAST


def _modifier_change(old: Spelled, new: Spelled) -> TypeChange:
    if old.name == _NUMERIC:
        return _numeric_change(old.modifiers, new.modifiers)
    if old.name in _TIMES:
        before, after = _precision(old), _precision(new)
        return _SAFE if after >= before else _narrowed("{c} <> {c}::" + _written(new))
    if old.name == _CHAR:
        if _length(new) > _length(old):
            return _REWRITE
        return _too_long(_length(new))
    if old.name in {_VARCHAR, "bit varying"}:
        if not new.modifiers or (old.modifiers and new.modifiers[0] >= old.modifiers[0]):
            return _SAFE
        if old.name != _VARCHAR:
            return _narrowed(f"length({{c}}) > {new.modifiers[0]}")
        return _too_long(new.modifiers[0])
    return _NEEDS_CAST


def _builtin_change(old: Spelled, new: Spelled) -> TypeChange:
    if old.dimensions and not (old.name in _STRINGS and new.name in _STRINGS):
        return _array_change(old, new)
    if new.name in _STRINGS:
        return _to_string(old, new)
    if old.name in _INTEGERS:
        return _from_integer(old, new)
    if new.name in _INTEGERS and old.name in {_NUMERIC, *_FLOATS}:
        return _to_integer(old, new)
    if {old.name, new.name} == {_TIMESTAMP, _TIMESTAMPTZ}:
        return _ZONE if _precision(new) >= _precision(old) else _zone_cut(new)
    if (old.name, new.name) == ("date", _TIMESTAMPTZ):
        return replace(_ZONE, rewrites=True)
    if (old.name, new.name) in _LOSSLESS:
        return _REWRITE
    if (old.name, new.name) in _LOSSY:
        return _narrowed(_back_and_forth(old, new))
    return _NEEDS_CAST


def _to_string(old: Spelled, new: Spelled) -> TypeChange:
    if new.name == _TEXT or (new.name == _VARCHAR and not new.modifiers):
        return _SAFE if old.name in {_VARCHAR, _TEXT} else _REWRITE
    if old.name == _CHAR and new.name == _VARCHAR and _length(new) >= _length(old):
        return _REWRITE
    if old.name in _STRINGS:
        return _too_long(_length(new))
    return _narrowed(f"char_length({{c}}::text) > {_length(new)}")


def _to_integer(old: Spelled, new: Spelled) -> TypeChange:
    bound = 2 ** _INTEGERS[new.name]
    if old.name == _NUMERIC:
        return _narrowed(f"{{c}} <> round({{c}}) OR {{c}} >= {bound} OR {{c}} < -{bound}")
    whole = f"{{c}} <> trunc({{c}}) OR {{c}} >= {bound}::float8 OR {{c}} < -{bound}::float8"
    return _narrowed(whole)


def _bare(name: str) -> str:
    """The name of a type of an extension without its schema."""
    return name.rpartition(".")[2]


def _back_and_forth(old: Spelled, new: Spelled) -> str:
    if new.name.startswith("time"):
        return "{c} IS NOT NULL"
    return "{c} <> ({c}::" + _written(new) + ")::" + _written(old)


def _array_change(old: Spelled, new: Spelled) -> TypeChange:
    widens = (
        old.name in _INTEGERS
        and new.name in _INTEGERS
        and _INTEGERS[new.name] > _INTEGERS[old.name]
    )
    return _REWRITE if widens or (new.name == _TEXT and old.name in _INTEGERS) else _NEEDS_CAST


def _from_integer(old: Spelled, new: Spelled) -> TypeChange:
    if new.name in _INTEGERS:
        if _INTEGERS[new.name] > _INTEGERS[old.name]:
            return _REWRITE
        bound = 2 ** _INTEGERS[new.name]
        return _narrowed(f"{{c}} >= {bound} OR {{c}} < -{bound}")
    if new.name == _NUMERIC:
        if not new.modifiers:
            return _REWRITE
        precision, scale = (*new.modifiers, 0)[:2]
        if precision - scale >= {15: 5, 31: 10, 63: 19}[_INTEGERS[old.name]] and scale >= 0:
            return _REWRITE
        return _narrowed(f"abs({{c}}::numeric) >= 1e{precision - scale}")
    if new.name == "double precision" and old.name != "bigint":
        return _REWRITE
    if new.name == "real" and old.name == "smallint":
        return _REWRITE
    if (old.name, new.name) in _LOSSY:
        return _narrowed(_back_and_forth(old, new))
    return _NEEDS_CAST


def _numeric_change(old: tuple[int, ...], new: tuple[int, ...]) -> TypeChange:
    if not new:
        return _SAFE
    precision, scale = (*new, 0)[:2]
    if old:
        old_precision, old_scale = (*old, 0)[:2]
        if old_scale == scale and precision >= old_precision:
            return _SAFE
        if scale >= old_scale and precision - scale >= old_precision - old_scale:
            return _REWRITE
    lost = f"{{c}} <> round({{c}}, {scale}) OR abs(round({{c}}, {scale})) >= 1e{precision - scale}"
    return _narrowed(lost)


def _too_long(length: int) -> TypeChange:
    return _narrowed(f"char_length({{c}}) > {length}")


def _zone_cut(new: Spelled) -> TypeChange:
    return _narrowed("{c} <> {c}::" + _written(Spelled(new.name, new.modifiers, 0)))


def _narrowed(loses: str) -> TypeChange:
    return TypeChange(
        step_class=StepClass.DESTROYS,
        hazard=Hazard.NARROW,
        rewrites=True,
        loses=loses,
        reason="the new type holds fewer values than the old one",
    )


def _written(new: Spelled) -> str:
    if not new.modifiers:
        return new.name
    head, zone, tail = new.name.partition(" with")
    return f"{head}({','.join(map(str, new.modifiers))}){zone}{tail}"


def _precision(text: Spelled) -> int:
    return text.modifiers[0] if text.modifiers else 6


def _length(text: Spelled) -> int:
    return text.modifiers[0] if text.modifiers else 1 if text.name == _CHAR else 10**9

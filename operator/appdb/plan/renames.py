"""Resolves declared renames: which are due, which are done, and what must go first.

Pure. Names are those before the release. A rename is only what a person declared; what
merely looks like one is pointed out elsewhere.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType

from appdb.model.catalog import Catalog, Constraint, Key, Kind, table_key
from appdb.model.identifiers import quoted
from appdb.plan import render
from appdb.plan.hazards import Hazard, Phase, StepClass
from appdb.plan.names import temporary
from appdb.plan.policy import Rename, RenameMode
from appdb.plan.unit import Obstacle, Step, Unit, exists, gone


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRename:
    """A rename to be done: from and to, as keys before the release and after it.

    `in_the_way` is what stands under the new name today and is not renamed itself.
    """

    key: Key
    to: Key
    in_the_way: Key | None = None


@dataclass(frozen=True, kw_only=True)
class Renames:
    """The renames that are due, tables first, and remarks about the others."""

    due: tuple[DueRename, ...] = ()
    warnings: tuple[str, ...] = ()
    tables: Mapping[Key, Key] = field(default_factory=dict)


def parse_table(text: str) -> Key:
    """Read `table` or `schema.table`."""
    schema, _, name = text.rpartition(".")
    return table_key(schema or "public", name)


def resolve_renames(
    declared: Iterable[Rename],
    live: Catalog,
    desired: Catalog,
    managed: AbstractSet[Key],
    done: Mapping[Key, Key] = MappingProxyType({}),
) -> Renames:
    """Decide which renames are due; one whose target is there and whose source is not is done.

    `done` maps what was renamed in a circle to its name before: the names alone cannot tell.
    """
    tables: dict[Key, Key] = {}
    due: list[DueRename] = []
    warnings: list[str] = []
    doubtful: list[tuple[Key, Key]] = []
    for rename in sorted(declared, key=lambda r: r.column is not None):
        key = _source(rename)
        to = _target(rename, tables)
        if rename.mode is RenameMode.EXPAND or live.sync_of(key) is not None:
            warnings.extend(_not_at_once(rename, key, to, live))
            continue
        found = _judge(key, to, live=live, desired=desired, managed=managed)
        if found is Due.DOUBTFUL and done.get(to) != key:
            doubtful.append((key, to))
        elif isinstance(found, str) and found:
            warnings.append(f"rename {rename}={rename.to}: {found}")
        elif found is Due.YES:
            due.append(DueRename(key=key, to=to))
            if key.kind is Kind.TABLE:
                tables[key] = to
    due += _freed_by_others(due, doubtful, tables)
    sources = {r.key for r in due}
    placed = tuple(
        replace(r, in_the_way=here)
        if (here := _today(r.to, tables)) in live.objects and here not in sources
        else r
        for r in due
    )
    return Renames(due=placed, warnings=tuple(warnings), tables=tables)


def _not_at_once(rename: Rename, key: Key, to: Key, live: Catalog) -> Iterator[str]:
    """Say what hinders a rename that is not made at once, where the names alone tell."""
    sync = live.sync_of(key)
    if rename.column is None:
        yield f"rename {rename}={rename.to}: mode Expand is for columns; use mode Direct"
    elif sync is not None and key.name == sync.new and to.name != sync.old:
        yield (
            f"rename {rename}={rename.to}: {key} is still kept in step with {sync.old}: let"
            f" {sync.old} go first"
        )


class Due(Enum):
    """What is known of a declared rename."""

    YES = 1
    NO = 2
    DOUBTFUL = 3


def _freed_by_others(
    due: list[DueRename], doubtful: list[tuple[Key, Key]], tables: Mapping[Key, Key]
) -> list[DueRename]:
    """Of renames whose both names are there and declared, those whose new name becomes free."""
    found: list[DueRename] = []
    sources = {r.key for r in due} | {key for key, _ in doubtful}
    kept = list(doubtful)
    while True:
        bound = [(key, to) for key, to in kept if _today(to, tables) not in sources]
        if not bound:
            break
        kept = [pair for pair in kept if pair not in bound]
        sources -= {key for key, _ in bound}
    found.extend(DueRename(key=key, to=to) for key, to in kept)
    return found


def _source(rename: Rename) -> Key:
    table = parse_table(rename.table)
    if rename.column is None:
        return table
    return Key(Kind.COLUMN, table.schema, table.name, rename.column)


def _target(rename: Rename, tables: Mapping[Key, Key]) -> Key:
    table = parse_table(rename.table)
    if rename.column is None:
        return table._replace(name=rename.to.rpartition(".")[2])
    now = tables.get(table, table)
    return Key(Kind.COLUMN, now.schema, now.name, rename.to)


def _today(to: Key, tables: Mapping[Key, Key]) -> Key:
    """The key that the target of a column has before its table is renamed."""
    before = {new: old for old, new in tables.items()}
    if to.kind is Kind.TABLE or to.table not in before:
        return to
    return to._replace(parent=before[to.table].name)


def _judge(
    key: Key, to: Key, *, live: Catalog, desired: Catalog, managed: AbstractSet[Key]
) -> Due | str:
    """Say whether a rename is due, or a remark on why it is not."""
    if key not in live.objects:
        return Due.NO if to in live.objects else "neither name is there"
    if to not in desired.objects:
        return f"{to} is not declared"
    if to not in live.objects:
        return Due.YES
    if managed and key not in managed:
        return Due.NO
    # Both names are declared: it was done and the old name means something new, or it
    # belongs to a chain or circle that is still to be done.
    return Due.DOUBTFUL if key in desired.objects else Due.YES


def rename_units(
    renames: Renames, live: Catalog, managed: AbstractSet[Key], empty: AbstractSet[Key]
) -> tuple[Unit, ...]:
    """Make the work: what is in the way goes first; circles go over a temporary name.

    `empty` are the things in the way that hold no value.
    """
    units: list[Unit] = []
    waiting = list(renames.due)
    while waiting:
        names = {r.key for r in waiting}
        free = next((r for r in waiting if _now(r, renames) not in names - {r.key}), None)
        if free is None:
            units.append(_circle(_circle_of(waiting, renames), renames))
            waiting = [r for r in waiting if exists(r.to).isdisjoint(units[-1].makes)]
            continue
        waiting.remove(free)
        units.extend(_one(free, renames, live, managed, empty))
    return tuple(units)


def _now(rename: DueRename, renames: Renames) -> Key:
    return _today(rename.to, renames.tables)


def _circle_of(waiting: list[DueRename], renames: Renames) -> list[DueRename]:
    """Follow new names to whom they belong today until the first one comes again."""
    by_key = {r.key: r for r in waiting}
    circle = [waiting[0]]
    while (following := by_key[_now(circle[-1], renames)]) not in circle:
        circle.append(following)
    return circle[circle.index(following) :]


def _circle(circle: list[DueRename], renames: Renames) -> Unit:
    first, *others = circle
    here = _here(first.key, renames.tables)
    aside = here._replace(name=temporary(here, "swap"))
    moves = [
        _rename_sql(here, aside),
        *(_rename_sql(_here(r.key, renames.tables), r.to) for r in reversed(others)),
        _rename_sql(aside, first.to),
    ]
    return Unit(
        subject=first.to,
        phase=Phase.RENAMES,
        steps=(
            Step(
                statements=tuple(moves),
                reason="the declared renames, which swap names; the values stay",
                renamed=tuple((r.key, r.to) for r in circle),
            ),
        ),
        step_class=StepClass.COMPATIBILITY,
        hazards=frozenset({Hazard.RENAME}),
        makes=exists(*(r.to for r in circle)),
    )


def _one(
    rename: DueRename,
    renames: Renames,
    live: Catalog,
    managed: AbstractSet[Key],
    empty: AbstractSet[Key],
) -> list[Unit]:
    here = _here(rename.key, renames.tables)
    blocking = rename.in_the_way
    if blocking is None:
        return [_rename(rename, here, (), live)]
    if blocking not in managed:
        return [_taken(rename, here)]
    there = _here(blocking, renames.tables)
    if blocking in empty:
        return [_rename(rename, here, _drop_empty(live, there), live)]
    return [_drop_first(live, there), _rename(rename, here, (), live)]


def _here(key: Key, tables: Mapping[Key, Key]) -> Key:
    """A column's key once its table is renamed."""
    if key.kind is Kind.TABLE or key.table not in tables:
        return key
    return key._replace(parent=tables[key.table].name)


def _rename_sql(here: Key, to: Key) -> str:
    if here.kind is Kind.TABLE:
        return f"ALTER TABLE {here.quoted} RENAME TO {quoted(to.name)}"
    return render.alter(here, f"RENAME COLUMN {quoted(here.name)} TO {quoted(to.name)}")


def _rename(rename: DueRename, here: Key, first: tuple[str, ...], live: Catalog) -> Unit:
    to = rename.to
    parts = (
        tuple(k._replace(parent=to.name) for k in live.children(rename.key))
        if to.kind is Kind.TABLE
        else ()
    )
    # What is in the way has the key of the target: its going is what is waited for.
    needs = gone(to)
    if to.kind is Kind.COLUMN:
        needs |= exists(to.table)
    return Unit(
        subject=to,
        phase=Phase.RENAMES,
        steps=(
            Step(
                statements=(*first, _rename_sql(here, to)),
                reason=f"the declared rename of {rename.key}; the values stay",
            ),
        ),
        step_class=StepClass.COMPATIBILITY,
        hazards=frozenset({Hazard.RENAME}),
        needs=needs,
        makes=exists(to, *parts),
    )


def _drop_empty(live: Catalog, key: Key) -> tuple[str, ...]:
    """Drop what holds nothing, proved under the lock that the drop needs anyway."""
    held = f"{quoted(key.name)} IS NOT NULL" if key.kind is Kind.COLUMN else "true"
    check = (
        "DO $appdb$ BEGIN IF EXISTS (SELECT FROM"
        f" {key.relation} WHERE {held}) THEN RAISE EXCEPTION 'it holds values by now';"
        " END IF; END $appdb$"
    )
    drop = (
        render.alter(key, f"DROP COLUMN {quoted(key.name)}")
        if key.kind is Kind.COLUMN
        else f"DROP TABLE {key.quoted}"
    )
    incoming = (
        fk
        for fk in live.keys(Kind.CONSTRAINT)
        if isinstance(record := live.objects[fk], Constraint)
        and key.kind is Kind.TABLE
        and record.target == key
        and fk.table != key
    )
    return (
        f"LOCK TABLE {key.relation} IN ACCESS EXCLUSIVE MODE",
        check,
        *(render.alter(fk, f"DROP CONSTRAINT {quoted(fk.name)}") for fk in sorted(incoming)),
        drop,
    )


def _drop_first(live: Catalog, key: Key) -> Unit:
    is_column = key.kind is Kind.COLUMN
    sql = (
        render.alter(key, f"DROP COLUMN {quoted(key.name)}")
        if is_column
        else f"DROP TABLE {key.quoted}"
    )
    strangers = live.dependents.get(key, ())
    return Unit(
        subject=key,
        phase=Phase.RENAMES,
        steps=(
            Step(
                statements=(sql,),
                reason="stands under the name that a rename needs, and holds values",
            ),
        ),
        step_class=StepClass.DESTROYS,
        hazards=frozenset({Hazard.DROP_COLUMN if is_column else Hazard.DROP_TABLE}),
        makes=gone(key),
        obstacle=Obstacle(hazard="dependents", hint=f"used by {', '.join(strangers)}")
        if strangers
        else None,
    )


def _taken(rename: DueRename, here: Key) -> Unit:
    return Unit(
        subject=rename.to,
        phase=Phase.RENAMES,
        steps=(Step(statements=(_rename_sql(here, rename.to),), reason="the declared rename"),),
        step_class=StepClass.COMPATIBILITY,
        hazards=frozenset({Hazard.RENAME}),
        makes=exists(rename.to),
        obstacle=Obstacle(
            hazard="rename",
            hint=f"{rename.in_the_way} was made by somebody else and has the new name:"
            " rename or drop it by hand",
        ),
    )

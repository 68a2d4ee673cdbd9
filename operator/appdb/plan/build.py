"""Turns changes into units of work: picks the recipe for each.

Pure. Every change becomes work here or is part of another change's work; what may run is
decided later.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from appdb.model.catalog import (
    Column,
    CompositeType,
    Constraint,
    DomainType,
    EnumType,
    Extension,
    Index,
    Key,
    Kind,
    Namespace,
    Record,
    Sequence,
    Table,
)
from appdb.plan.diff import (
    Altered,
    Change,
    Commented,
    Created,
    Dropped,
    Leftover,
    Renamed,
    Replaced,
)
from appdb.plan.hints import possible_rename
from appdb.plan.order import order_units
from appdb.plan.recipes import (
    columns,
    composites,
    counting,
    domains,
    enums,
    expand,
    indexes,
    keep,
    misc,
    retype,
    rules,
    tables,
    types,
)
from appdb.plan.recipes.context import Context, is_retyped, used_columns
from appdb.plan.unit import Tag, Unit, gone

# What shares one space of names in a schema; of constraints, those with an index behind.
_NAMED = {Kind.CONSTRAINT, Kind.INDEX, Kind.SEQUENCE, Kind.TABLE}


def build_units(ctx: Context) -> tuple[Unit, ...]:
    """Make the work for every change, in the order in which it runs."""
    covered = retype.covered_rules(ctx)
    meeting = [c for c in ctx.changes if isinstance(c, Renamed) and _meets_another(ctx, c)]
    units: list[Unit] = [misc.rename_together(meeting)] if meeting else []
    for change in ctx.changes:
        if change in meeting:
            continue
        units.extend(_units(ctx, change, covered))
    units.extend(_unfinished(ctx))
    units.extend(expand.units(ctx))
    return order_units(_after_their_names(ctx, unit) for unit in units)


def _after_their_names(ctx: Context, unit: Unit) -> Unit:
    """Let what is made wait until what has its name, and is not it, is gone."""
    taken = (
        key
        for made in unit.makes
        if made.tag is Tag.EXISTS and made.key in ctx.desired.objects
        for key in ctx.dropped
        if (key.schema, key.name) == (made.key.schema, made.key.name) and key != made.key
        if _spaces(ctx.live.objects[key]) & _spaces(ctx.desired.objects[made.key])
    )
    return replace(unit, needs=unit.needs | gone(*taken))


def _spaces(record: Record) -> frozenset[str]:
    """The spaces in which a name is an object's alone; a table's rows are a type too."""
    match record:
        case Table():
            return frozenset({"relations", "types"})
        case Constraint():
            return frozenset({"relations"} if record.index is not None else ())
        case Index() | Sequence():
            return frozenset({"relations"})
        case EnumType() | DomainType() | CompositeType():
            return frozenset({"types"})
        case _:
            return frozenset()


def _meets_another(ctx: Context, change: Renamed) -> bool:
    """Tell whether the new name is still another relation's, as after tables swapped names."""
    to = change.to
    return any(
        k.name == to.name and k.schema == to.schema and k != change.key
        for k in ctx.live.objects
        if k.kind in _NAMED
    )


def _units(ctx: Context, change: Change, covered: frozenset[Key]) -> Iterable[Unit]:
    if _expands(ctx, change):
        return ()
    match change:
        case Created(key=key, record=record):
            return _created(ctx, key, record)
        case Dropped(key=key, record=record):
            return () if key in covered else _dropped(ctx, key, record)
        case Altered(key=key, before=before, after=after):
            return _altered(ctx, key, before, after)
        case Renamed(key=key, to=to, record=record):
            return (misc.rename_object(key, to, record),)
        case Replaced(key=key):
            return () if key in covered else (_replaced(ctx, change),)
        case Commented(key=key, text=text):
            return (misc.set_comment(key, text),)
        case Leftover(key=key, record=record):
            return (misc.clean(key, record),)


def _expands(ctx: Context, change: Change) -> bool:
    """Tell whether a change is part of a column's taking another one's place."""
    columns = {c for e in ctx.expansions for c in (e.source, e.target)}
    return isinstance(change, Created | Dropped) and change.key in columns


def _created(ctx: Context, key: Key, record: Record) -> Iterator[Unit]:
    match record:
        case Namespace() | Extension() | EnumType() | DomainType() | CompositeType():
            yield types.create_simple(ctx, key, record)
        case Sequence():
            if not _comes_with_column(ctx, record):
                yield counting.create_sequence(key, record)
        case Table():
            yield tables.create_table(ctx, key)
        case Column():
            if key.table not in ctx.created:
                yield columns.add_column(ctx, key, record)
        case Constraint():
            yield rules.add_constraint(ctx, key, record)
        case Index():
            yield indexes.create_index(ctx, key, record)


def _comes_with_column(ctx: Context, record: Sequence) -> bool:
    if record.owner is None:
        return False
    if record.owner in ctx.created or record.owner.table in ctx.created:
        return True
    before, after = ctx.live.column(record.owner), ctx.desired.column(record.owner)
    return before is not None and after is not None and before.default != after.default


def _dropped(ctx: Context, key: Key, record: Record) -> Iterator[Unit]:
    if _goes_with_column(ctx, key, record):
        return
    match record:
        case Namespace() | Extension() | EnumType() | DomainType() | CompositeType():
            yield types.drop_simple(ctx, key)
        case Sequence():
            yield counting.drop_sequence(key)
        case Table():
            yield possible_rename(ctx, tables.drop_table(ctx, key))
        case Column():
            yield possible_rename(ctx, columns.drop_column(ctx, key, record))
        case Constraint():
            yield rules.drop_constraint(ctx, key, record)
        case Index():
            yield indexes.drop_index(ctx, key, record)


def _goes_with_column(ctx: Context, key: Key, record: Record) -> bool:
    """Rules and sequences go with the column they rest on; a table takes all it has."""
    if key.kind in {Kind.CONSTRAINT, Kind.INDEX}:
        dropped = {c.name for c in ctx.dropped if c.kind is Kind.COLUMN and c.table == key.table}
        return not dropped.isdisjoint(used_columns(ctx.live, key))
    if isinstance(record, Sequence) and record.owner is not None:
        owner = record.owner
        after = ctx.desired.column(owner)
        gone = owner in ctx.dropped or owner.table in ctx.dropped
        return gone or (after is not None and bool(after.identity))
    return False


def _altered(ctx: Context, key: Key, before: Record, after: Record) -> Iterable[Unit]:
    match before, after:
        case Column(), Column():
            return _altered_column(ctx, key, before, after)
        case EnumType(), EnumType():
            return enums.change_enum(ctx, key, before, after)
        case DomainType(), DomainType():
            return domains.change_domain(ctx, key, before, after)
        case CompositeType(), CompositeType():
            return composites.change_composite(ctx, key, before, after)
        case Sequence(), Sequence():
            return (counting.alter_sequence(key, before, after),)
        case Table(), Table():
            return tables.alter_table(ctx, key, before, after)
        case Constraint(), Constraint():
            return (rules.check_constraint(ctx, key, after),)
        case _:
            return (misc.cannot_move(key),)


def _altered_column(ctx: Context, key: Key, before: Column, after: Column) -> Iterator[Unit]:
    """One unit per facet, so that what must wait holds back no more than itself."""
    is_computed = bool(before.generated or after.generated)
    if is_computed and (
        before.generated != after.generated
        or before.default != after.default
        or is_retyped(before, after)
    ):
        yield retype.change_computed(ctx, key, before, after)
        if after.generated:
            return
    elif is_retyped(before, after):
        yield expand.unless_in_step(ctx, retype.change_type(ctx, key, before, after))
    is_taken_over = expand.takes_over(ctx, key)
    if not is_taken_over:
        yield from _altered_value(ctx, key, before, after)
    if before.not_null and not after.not_null:
        yield columns.drop_not_null(ctx, key)
    elif (
        after.not_null
        and not before.not_null
        and not is_taken_over
        and not _becomes_identity(before, after)
    ):
        yield columns.set_not_null(ctx, key, before)


def _altered_value(ctx: Context, key: Key, before: Column, after: Column) -> Iterator[Unit]:
    """Where new rows get their value from."""
    is_computed = bool(before.generated or after.generated)
    if before.identity != after.identity:
        yield counting.change_identity(ctx, key, before, after)
    elif ctx.changes_counter(key):
        yield counting.attach_sequence(ctx, key, after)
    elif before.default != after.default and not is_computed and not is_retyped(before, after):
        yield columns.set_default(ctx, key, after)
    elif before.counter != after.counter and before.type == after.type:
        yield counting.change_counter(key, after)


def _becomes_identity(before: Column, after: Column) -> bool:
    return bool(after.identity and not before.identity)


def _replaced(ctx: Context, change: Replaced) -> Unit:
    if keep.keeps_old(ctx, change):
        return keep.beside_old(ctx, change)
    match change.before, change.after:
        case Constraint() as before, Constraint() as after:
            return rules.replace_constraint(ctx, change.key, before, change.to, after)
        case Index() as before, Index() as after:
            return indexes.replace_index(ctx, change.key, before, change.to, after)
        case Index() as before, Constraint() as after:
            return rules.index_to_constraint(ctx, change.key, before, change.to, after)
        case Constraint() as before, Index() as after:
            return indexes.constraint_to_index(ctx, change.key, before, change.to, after)
    raise AssertionError("a rule is a constraint or an index")


def _unfinished(ctx: Context) -> Iterator[Unit]:
    """Go on filling columns that an interrupted run left half filled."""
    for key, expression in ctx.unfinished.items():
        before, after = ctx.live.column(key), ctx.desired.column(key)
        if expand.takes_over(ctx, key):
            continue
        if before is None or after is None or (after.not_null and not before.not_null):
            continue
        yield misc.fill_rest(key, expression)

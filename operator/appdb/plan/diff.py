"""Compares two catalogs and says what differs, as change values.

Pure, and without judgement: what a change costs or destroys is decided by the recipes.
Only what is ours is compared: what the source declares, and what the ledger says we made.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import TypeAlias

from appdb.model.catalog import (
    Catalog,
    Column,
    Constraint,
    Index,
    Key,
    Kind,
    Record,
    Rule,
    Sequence,
)
from appdb.plan.names import is_kept, is_temporary


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """Declared and not there. Parts of a new table are part of its creation, but foreign keys."""

    key: Key
    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Ours, there, and no longer declared."""

    key: Key
    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Altered:
    """The same object with another definition."""

    key: Key
    before: Record
    after: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """The same definition under another name."""

    key: Key
    to: Key
    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """A rule or index that takes the place of another one."""

    key: Key
    before: Constraint | Index
    to: Key
    after: Constraint | Index


@dataclass(frozen=True, slots=True, kw_only=True)
class Commented:
    """Another comment, or none."""

    key: Key
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """Something that an interrupted run of ours left behind."""

    key: Key
    record: Record


Change: TypeAlias = Created | Dropped | Altered | Renamed | Replaced | Commented | Leftover

_PAIRED = {Kind.CONSTRAINT, Kind.INDEX}


def diff_catalogs(live: Catalog, desired: Catalog, managed: AbstractSet[Key]) -> list[Change]:
    """List every difference that is ours.

    The order is the same whatever order a server read its catalogs in: the hash of a plan
    depends on it.
    """
    live, desired = _in_order(live), _in_order(desired)
    changes: list[Change] = []
    changes += _leftovers(live)
    changes += _objects(live, desired, managed)
    for table in desired.keys(Kind.TABLE):
        if table in live.objects:
            changes += _rules(table, live, desired, managed)
    changes += _foreign_keys_of_new_tables(live, desired)
    changes += _comments(live, desired, managed)
    return changes


def _in_order(catalog: Catalog) -> Catalog:
    """Put tables by name and columns as they stand in their table."""
    objects = dict(sorted(catalog.objects.items(), key=_place))
    return replace(catalog, objects=objects, comments=dict(sorted(catalog.comments.items())))


def _place(entry: tuple[Key, Record]) -> tuple[str, str, str, int, str]:
    key, record = entry
    position = record.position if isinstance(record, Column) else 0
    return key.kind, key.schema, key.parent, position, key.name


def is_same(before: Record, after: Record) -> bool:
    """Tell whether two records mean the same."""
    return before == after


def _leftovers(live: Catalog) -> Iterator[Change]:
    for key, record in live.objects.items():
        if is_temporary(key.name) and key.kind is not Kind.COLUMN and not _serves(key, live):
            yield Leftover(key=key, record=record)


def _serves(key: Key, live: Catalog) -> bool:
    """Tell whether a rule of an old column is kept for as long as that is kept in step."""
    return is_kept(key.name) and any(sync.table == key.table for sync in live.syncs)


def _objects(live: Catalog, desired: Catalog, managed: AbstractSet[Key]) -> Iterator[Change]:
    """Compare everything but rules and indexes, which are paired by what they say."""
    renamed = dict(_renamed_sequences(live, desired))
    for key, after in desired.objects.items():
        if key.kind in _PAIRED or _is_part_of_new_table(key, live):
            continue
        before = live.objects.get(key)
        if before is None:
            if key not in renamed.values():
                yield Created(key=key, record=after)
        elif not is_same(before, after) or _is_unvalidated(before, after):
            yield Altered(key=key, before=before, after=after)
    for key, record in live.objects.items():
        if key in renamed:
            yield Renamed(key=key, to=renamed[key], record=record)
            after = desired.objects[renamed[key]]
            if not is_same(record, after):
                yield Altered(key=renamed[key], before=record, after=after)
        elif _is_gone(key, desired, managed):
            yield Dropped(key=key, record=record)


def _is_unvalidated(before: Record, after: Record) -> bool:
    return isinstance(before, Column) and isinstance(after, Column) and bool(before.unvalidated)


def _is_part_of_new_table(key: Key, live: Catalog) -> bool:
    return bool(key.parent) and key.table not in live.objects


def _is_gone(key: Key, desired: Catalog, managed: AbstractSet[Key]) -> bool:
    if key not in managed or key in desired.objects or key.kind in _PAIRED:
        return False
    if is_temporary(key.name) or (key.kind is Kind.NAMESPACE and key.name == "public"):
        return False
    # A column goes with its table.
    return not (key.kind is Kind.COLUMN and key.table not in desired.objects)


def _renamed_sequences(live: Catalog, desired: Catalog) -> Iterator[tuple[Key, Key]]:
    """Pair the sequences of serial columns by their column."""
    owned = {
        record.owner: key
        for key in live.keys(Kind.SEQUENCE)
        if isinstance(record := live.objects[key], Sequence) and record.owner
    }
    for key in desired.keys(Kind.SEQUENCE):
        record = desired.objects[key]
        if not isinstance(record, Sequence) or key in live.objects or record.owner is None:
            continue
        before = owned.get(record.owner)
        if before and before not in desired.objects:
            yield before, key


def _rules(
    table: Key, live: Catalog, desired: Catalog, managed: AbstractSet[Key]
) -> Iterator[Change]:
    """Pair the rules and indexes of a table: by name, by definition, by place."""
    before = {k: r for k, r in _all_rules(live, table).items() if not is_temporary(k.name)}
    after = _all_rules(desired, table)
    for key in sorted(before.keys() & after.keys()):
        if not is_same(before[key], after[key]):
            yield from _changed(key, before[key], after[key])
    old = {k: r for k, r in before.items() if k not in after}
    new = {k: r for k, r in after.items() if k not in before}
    yield from _same_text(old, new)
    yield from _same_place(old, new, managed)
    yield from (Created(key=key, record=record) for key, record in new.items())
    yield from (Dropped(key=key, record=record) for key, record in old.items() if key in managed)


def _all_rules(catalog: Catalog, table: Key) -> dict[Key, Constraint | Index]:
    return {**catalog.constraints(table), **catalog.indexes(table)}


def _changed(key: Key, before: Constraint | Index, after: Constraint | Index) -> Iterator[Change]:
    if isinstance(before, Index) and not before.is_valid:
        # Whatever broke its building off: it is built anew.
        yield Leftover(key=key, record=before)
        yield Created(key=key, record=after)
        return
    if not before.is_valid and before == replace(after, is_valid=False):
        yield Altered(key=key, before=before, after=after)
        return
    yield Replaced(key=key, before=before, to=key, after=after)


Rules: TypeAlias = dict[Key, Constraint | Index]


def _same_text(old: Rules, new: Rules) -> Iterator[Change]:
    """Take out what differs only by name."""
    for to in sorted(new):
        found = next((k for k in sorted(old) if k.kind is to.kind and old[k] == new[to]), None)
        if found is not None:
            yield Renamed(key=found, to=to, record=old.pop(found))
            del new[to]


def _same_place(old: Rules, new: Rules, managed: AbstractSet[Key]) -> Iterator[Change]:
    """Take out what replaces something of ours in the same place."""
    for to in sorted(new):
        found = next(
            (
                key
                for key in sorted(old, key=lambda k: -_overlap(old[k], new[to]))
                if (key in managed or key.name == to.name)
                and _is_same_place(key, old[key], to, new[to])
            ),
            None,
        )
        if found is not None:
            yield Replaced(key=found, before=old.pop(found), to=to, after=new.pop(to))


def _overlap(before: Constraint | Index, after: Constraint | Index) -> int:
    return len(set(before.columns) & set(after.columns))


def _is_same_place(
    key: Key, before: Constraint | Index, to: Key, after: Constraint | Index
) -> bool:
    if _is_unique(before) and _is_unique(after):
        return key.name == to.name or _overlap(before, after) > 0
    if not isinstance(before, Constraint) or not isinstance(after, Constraint):
        return key.name == to.name
    if before.rule is not after.rule:
        return False
    if before.rule is Rule.PRIMARY_KEY:
        return True
    if before.rule is Rule.CHECK:
        return bool(before.columns) and set(before.columns) == set(after.columns)
    return before.rule is Rule.FOREIGN_KEY and before.columns == after.columns


def _is_unique(record: Constraint | Index) -> bool:
    if isinstance(record, Index):
        return record.is_unique
    return record.rule is Rule.UNIQUE


def _foreign_keys_of_new_tables(live: Catalog, desired: Catalog) -> Iterator[Change]:
    for key in desired.keys(Kind.CONSTRAINT):
        record = desired.objects[key]
        if (
            isinstance(record, Constraint)
            and record.rule is Rule.FOREIGN_KEY
            and key.table not in live.objects
        ):
            yield Created(key=key, record=record)


def _comments(live: Catalog, desired: Catalog, managed: AbstractSet[Key]) -> Iterator[Change]:
    for key, text in desired.comments.items():
        if key in live.objects:
            is_due = live.comments.get(key) != text
        else:
            is_due = not _comes_with_its_comment(key, live, desired)
        if is_due:
            yield Commented(key=key, text=text)
    for key in live.comments:
        if key in desired.objects and key not in desired.comments and key in managed:
            yield Commented(key=key, text=None)


def _comes_with_its_comment(key: Key, live: Catalog, desired: Catalog) -> bool:
    """A new table brings the comments of its parts with it, but those of foreign keys."""
    brings = {Kind.TABLE, Kind.ENUM, Kind.DOMAIN, Kind.COMPOSITE, Kind.NAMESPACE, Kind.EXTENSION}
    if key.kind in brings:
        return True
    record: Record | None = desired.objects.get(key)
    if isinstance(record, Constraint) and record.rule is Rule.FOREIGN_KEY:
        return False
    if isinstance(record, Sequence) and record.owner is not None:
        return record.owner.table not in live.objects
    return bool(key.parent) and key.table not in live.objects

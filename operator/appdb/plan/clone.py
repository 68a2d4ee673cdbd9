"""Renders a catalog back into statements, and cuts out the part a release touches.

Pure. The clone is what plans are rehearsed on: same structure, no rows.
"""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace

from appdb.model.catalog import (
    Catalog,
    Column,
    CompositeType,
    Constraint,
    DomainCheck,
    DomainType,
    Index,
    Key,
    Kind,
    Record,
    Rule,
    Sequence,
)
from appdb.model.identifiers import quoted
from appdb.plan import render
from appdb.plan.diff import Change, Renamed, Replaced
from appdb.plan.sync import create_sync

_TYPES = (Kind.ENUM, Kind.DOMAIN, Kind.COMPOSITE)


def clone_statements(catalog: Catalog) -> tuple[str, ...]:
    """Render everything but extensions, in an order that loads."""
    return tuple(_statements(catalog))


def _statements(catalog: Catalog) -> Iterator[str]:
    for key in sorted(catalog.keys(Kind.NAMESPACE)):
        if key.name != "public":
            yield render.create_simple(key, catalog.objects[key])
    for key in _types_in_order(catalog):
        yield render.create_simple(key, catalog.objects[key])
        if key in catalog.comments:
            yield render.comment(key, catalog.comments[key])
    for key in catalog.keys(Kind.SEQUENCE):
        record = catalog.objects[key]
        if isinstance(record, Sequence) and _stands_alone(record, catalog):
            yield render.create_sequence(key, record)
            if key in catalog.comments:
                yield render.comment(key, catalog.comments[key])
    for key in sorted(catalog.keys(Kind.TABLE)):
        yield from render.create_table_parts(key, catalog)
    yield from _late_rules(catalog)
    yield from _syncs(catalog)


def _syncs(catalog: Catalog) -> Iterator[str]:
    for sync in catalog.syncs:
        column = catalog.column(sync.columns[-1]) if sync.columns else None
        if column is not None and sync.columns[0] in catalog.objects:
            yield from create_sync(sync, column)


def _stands_alone(record: Sequence, catalog: Catalog) -> bool:
    return record.owner is None or record.owner not in catalog.objects


def _late_rules(catalog: Catalog) -> Iterator[str]:
    for key in sorted(catalog.keys(Kind.CONSTRAINT)):
        record = catalog.objects[key]
        if not isinstance(record, Constraint):
            continue
        if record.rule is Rule.FOREIGN_KEY or not record.is_valid:
            tail = "" if record.is_valid else " NOT VALID"
            yield render.alter(key, f"ADD {render.constraint_definition(key, record)}{tail}")
            if key in catalog.comments:
                yield render.comment(key, catalog.comments[key])
    for key in catalog.keys(Kind.COLUMN):
        column = catalog.objects[key]
        if isinstance(column, Column) and column.unvalidated:
            rule = f"CONSTRAINT {quoted(column.unvalidated)} NOT NULL {quoted(key.name)} NOT VALID"
            yield render.alter(key, f"ADD {rule}")


def _types_in_order(catalog: Catalog) -> list[Key]:
    """Enums first; a domain or composite after those whose names it mentions."""
    waiting = sorted(k for k in catalog.objects if k.kind in _TYPES)
    waiting.sort(key=lambda k: _TYPES.index(k.kind))
    done: list[Key] = []
    while waiting:
        free = [k for k in waiting if not _mentions(catalog.objects[k], waiting, k)] or waiting[:1]
        done.extend(free)
        waiting = [k for k in waiting if k not in free]
    return done


def _mentions(record: Record, others: Iterable[Key], own: Key) -> bool:
    match record:
        case DomainType(base=base):
            texts: tuple[str, ...] = (base,)
        case CompositeType(attributes=attributes):
            texts = tuple(text for _, text in attributes)
        case _:
            return False
    plain = {text.rstrip("[]").replace('"', "") for text in texts}
    return any(f"{k.schema}.{k.name}" in plain for k in others if k != own)


def touched(
    changes: Iterable[Change], live: Catalog, desired: Catalog, extra: AbstractSet[Key]
) -> tuple[frozenset[Key], frozenset[Key]]:
    """Find the tables that a release touches, and their neighbours over foreign keys."""
    seeds = {key.table for key in extra}
    types: set[Key] = set()
    for change in changes:
        for key in _keys(change):
            if key.kind in _TYPES:
                types.add(key)
            elif key.kind is Kind.SEQUENCE:
                seeds |= _owner_tables(key, live, desired)
            elif key.parent or key.kind is Kind.TABLE:
                seeds.add(key.table)
    for catalog in (live, desired):
        for key, record in catalog.objects.items():
            if isinstance(record, Column) and record.base in types:
                seeds.add(key.table)
    return frozenset(seeds), frozenset(_neighbours(seeds, live) | _neighbours(seeds, desired))


def _keys(change: Change) -> tuple[Key, ...]:
    if isinstance(change, Renamed | Replaced):
        return change.key, change.to
    return (change.key,)


def _owner_tables(key: Key, *catalogs: Catalog) -> set[Key]:
    records = (catalog.objects.get(key) for catalog in catalogs)
    return {r.owner.table for r in records if isinstance(r, Sequence) and r.owner is not None}


def _neighbours(seeds: AbstractSet[Key], catalog: Catalog) -> set[Key]:
    found = set()
    for key in catalog.keys(Kind.CONSTRAINT):
        record = catalog.objects[key]
        if isinstance(record, Constraint) and record.target is not None:
            if key.table in seeds:
                found.add(record.target)
            elif record.target in seeds:
                found.add(key.table)
    return found - seeds


def part(catalog: Catalog, seeds: AbstractSet[Key], neighbours: AbstractSet[Key]) -> Catalog:
    """Cut out these tables with all they need; of neighbours only the keys to and from seeds."""
    included = seeds | neighbours
    calls = [s.name.rpartition(".")[2] for s in catalog.strangers if s.kind == "function"]

    def is_in(key: Key, record: Record) -> bool:
        if isinstance(record, Sequence):
            return record.owner is None or record.owner.table in included
        if key.kind is not Kind.TABLE and not key.parent:
            return True
        if key.table not in included or _calls_any(record, calls):
            return False
        if isinstance(record, Constraint) and record.target is not None:
            return record.target in included and (key.table in seeds or record.target in seeds)
        return True

    cut = catalog.only(key for key, record in catalog.objects.items() if is_in(key, record))
    lighter = {key: _without_calls(record, calls) for key, record in cut.objects.items()}
    return replace(cut, objects=lighter)


def _without_calls(record: Record, names: Iterable[str]) -> Record:
    """Columns need their domain: only its checks by hand-made functions stay behind."""
    if not isinstance(record, DomainType):
        return record
    checks = tuple(check for check in record.checks if not _calls_any(check, names))
    return record if checks == record.checks else replace(record, checks=checks)


def _calls_any(record: Record | DomainCheck, names: Iterable[str]) -> bool:
    """A hand-made function cannot be cloned, so neither can what calls it."""
    texts = [
        text
        for text in (getattr(record, "default", None), getattr(record, "definition", None))
        if text
    ]
    return any(f"{name}(" in text for name in names for text in texts)


def with_invalid_left_out(catalog: Catalog) -> Catalog:
    """Leave out invalid indexes; a clone would make them valid."""
    return catalog.only(
        key
        for key, record in catalog.objects.items()
        if not (isinstance(record, Index) and not record.is_valid)
    )

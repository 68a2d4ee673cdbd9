"""Decides which columns take another one's place by and by, and how far each has come.

Pure. Before the old column goes both are there, kept in step by a trigger of ours; the
trigger in the live catalog, not the declaration, says that this has begun, so that it ends
right when the declaration is gone or the source went back.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import Enum

from appdb.model.catalog import Catalog, Column, Key, Kind, Sync
from appdb.plan.names import SYNC, temporary
from appdb.plan.policy import Rename, RenameMode
from appdb.plan.renames import parse_table


class Stage(Enum):
    """How far an expansion has come.

    NEW: the target is not there; BARE: it is there, empty and on its own; IN_STEP: kept in
    step; LOOSE: both hold values and nothing keeps them in step; BLOCKED: it cannot begin.
    """

    NEW = 1
    BARE = 2
    IN_STEP = 3
    LOOSE = 4
    BLOCKED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """`target` takes the place of `source`, by the names after the renames of tables.

    `sync` is the trigger that is there or is to be made. `is_at_once`: nobody waits for the
    old column, its values live on in the new one. `is_filled`: no row is left to be filled.
    """

    source: Key
    target: Key
    stage: Stage
    sync: Sync
    is_at_once: bool = False
    is_filled: bool = False
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was read of the live database about columns that are to be expanded.

    `valued` are targets that hold values, `bystanders` says what of others would break with
    a second column beside a source, `filled` are columns of ours with no filling to be done.
    """

    valued: AbstractSet[Key] = frozenset()
    bystanders: Mapping[Key, str] = field(default_factory=dict)
    filled: AbstractSet[Key] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Expansions:
    """The expansions that are on, and remarks about declarations that are not done."""

    all: tuple[Expansion, ...] = ()
    warnings: tuple[str, ...] = ()


def declared_pairs(
    declared: Iterable[Rename], live: Catalog, moved: Mapping[Key, Key]
) -> dict[tuple[Key, Key], Rename]:
    """Map source and target, where they stand once tables are renamed, to what declares them.

    `moved` leads from tables before the release to those after it; a table that was renamed
    by an earlier run is found by its declaration.
    """
    names = dict(moved)
    for rename in declared:
        table = parse_table(rename.table)
        new = table._replace(name=rename.to.rpartition(".")[2])
        if rename.column is None and table not in live.objects and new in live.objects:
            names[table] = new
    found = {}
    for rename in declared:
        if rename.column is None:
            continue
        table = parse_table(rename.table)
        now = names.get(table, table)
        place = (Kind.COLUMN, now.schema, now.name)
        found[Key(*place, rename.column), Key(*place, rename.to)] = rename
    return found


def candidates(
    declared: Mapping[tuple[Key, Key], Rename], live: Catalog, desired: Catalog
) -> tuple[tuple[Key, Key], ...]:
    """The declared expansions that may begin: about these the live database is asked."""
    return tuple(
        (source, target)
        for (source, target), rename in declared.items()
        if rename.mode is RenameMode.EXPAND
        and source in live.objects
        and target in desired.objects
        and live.sync_of(source) is None
    )


def resolve_expansions(
    declared: Mapping[tuple[Key, Key], Rename], live: Catalog, desired: Catalog, found: Found
) -> Expansions:
    """Decide what is expanded: what has begun, whoever declared it, then what may begin."""
    expansions = [e for sync in live.syncs if (e := _begun(sync, declared, live, desired, found))]
    warnings: list[str] = []
    busy = {column for sync in live.syncs for column in sync.columns}
    for (source, target), rename in declared.items():
        if rename.mode is not RenameMode.EXPAND or {source, target} <= busy:
            continue
        missing = _not_due(source, target, live, desired)
        if missing is None:
            made = _to_begin(source, target, live, desired, found)
            expansions.append(made)
            if made.stage is Stage.LOOSE:
                warnings.append(f"rename {rename}={rename.to}: {made.why}")
        elif missing:
            warnings.append(f"rename {rename}={rename.to}: {missing}")
    return Expansions(all=tuple(expansions), warnings=tuple(warnings))


def _not_due(source: Key, target: Key, live: Catalog, desired: Catalog) -> str | None:
    """Return None for a rename that is due, a remark for one that cannot be, else nothing."""
    if source not in live.objects:
        return "" if target in live.objects else "neither name is there"
    if target not in desired.objects:
        return f"{target} is not declared"
    if source in desired.objects and target in live.objects:
        return ""
    return None


def _begun(
    sync: Sync,
    declared: Mapping[tuple[Key, Key], Rename],
    live: Catalog,
    desired: Catalog,
    found: Found,
) -> Expansion | None:
    """Read off a trigger what it is for; the declared column stays, whichever it is."""
    if is_broken(sync, live):
        return None
    old, new = sync.columns
    if sync.table not in desired.objects or {old, new} <= desired.objects.keys():
        return None
    source, target = (new, old) if old in desired.objects else (old, new)
    rename = declared.get((source, target))
    return Expansion(
        source=source,
        target=target,
        stage=Stage.IN_STEP,
        sync=sync,
        is_at_once=rename is not None and rename.mode is RenameMode.DIRECT,
        is_filled=target == old or target in found.filled,
    )


def is_broken(sync: Sync, live: Catalog) -> bool:
    """Tell whether a trigger has lost a column, or a function its trigger: it only harms."""
    return not sync.columns or any(column not in live.objects for column in sync.columns)


def is_over(sync: Sync, desired: Catalog) -> bool:
    """Tell whether both columns are declared: each goes its own way."""
    return bool(sync.columns) and all(column in desired.objects for column in sync.columns)


def _to_begin(source: Key, target: Key, live: Catalog, desired: Catalog, found: Found) -> Expansion:
    sync = Sync(
        name=temporary(target, SYNC),
        schema=target.schema,
        table=target.table,
        old=source.name,
        new=target.name,
    )
    why = _hindrance(source, target, live, desired) or found.bystanders.get(source, "")
    stage = Stage.BLOCKED if why else Stage.NEW
    if target in live.objects:
        stage = Stage.LOOSE if target in found.valued else stage if why else Stage.BARE
    if stage is Stage.LOOSE:
        why = (
            "both columns are there and nothing of ours keeps them in step: they are not touched;"
            f" copy what {target} lacks by hand, then take the rename out"
        )
    return Expansion(source=source, target=target, stage=stage, sync=sync, why=why)


def _hindrance(source: Key, target: Key, live: Catalog, desired: Catalog) -> str:
    """Say why a column cannot be expanded; mode Direct is always there to be taken."""
    before, after = live.column(source), desired.column(target)
    assert before is not None and after is not None  # noqa: S101, PT018 - the caller looked
    busy = live.sync_of(target)
    if busy is not None:
        other = next(c for c in busy.columns if c != target)
        return f"{target} is still kept in step with {other}: let {other} go first"
    if source in desired.objects:
        return f"{source} is declared again; mode Direct renames it and makes a new one"
    unfit = _unfit(source, before, live) or _unfit(target, after, desired)
    if unfit:
        return f"{unfit}; use mode Direct"
    if (before.type, before.collation) != (after.type, after.collation):
        return (
            f"it also changes from {_full(before)} to {_full(after)}: change the type in a"
            " release of its own, or use mode Direct"
        )
    return ""


def _full(column: Column) -> str:
    return f"{column.type} COLLATE {column.collation}" if column.collation else column.type


def _unfit(key: Key, column: Column, catalog: Catalog) -> str:
    if column.generated:
        return f"{key} is computed"
    if column.identity or any(s.owner == key for _, s in catalog.sequences_of(key.table)):
        return f"{key} counts by itself"
    if column.has_checked_domain:
        return f"{key} is of a domain with a rule"
    if key.name in catalog.primary_key(key.table):
        return f"{key} is part of the primary key"
    for name, other in catalog.columns(key.table).items():
        if other.generated and key.name in other.uses:
            return f"the computed column {name} reads {key}"
    return ""

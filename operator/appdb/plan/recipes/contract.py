"""The end of a column whose place another one took, and of the trigger that kept both in step.

Pure. Nothing goes that the new column does not hold, and never one without the other.
"""

from dataclasses import replace

from appdb.model.catalog import Column, Key, Sync
from appdb.model.identifiers import quoted
from appdb.plan import render
from appdb.plan.diff import Created, Replaced
from appdb.plan.expansions import Expansion
from appdb.plan.hazards import Hazard, Lock, Pace, Phase, StepClass
from appdb.plan.recipes import columns
from appdb.plan.recipes.context import Context, used_columns
from appdb.plan.sync import drop_sync
from appdb.plan.unit import Backfill, Probe, Step, Tag, Token, Unit, exists, gone


def guarded_drop(ctx: Context, expansion: Expansion, before: Column) -> Unit:
    """Let nobody drop values that the new column lacks."""
    unit = columns.drop_column(ctx, expansion.source, before)
    return replace(unit, probes=(*unit.probes, _ask_lost(ctx, expansion, is_loose=True)))


def contract(ctx: Context, expansion: Expansion, after: Column) -> Unit:
    """End it: the trigger and the old column go together, after a last look for rows to fill."""
    source, target = expansion.source, expansion.target
    column = ctx.live.column(source)
    assert column is not None  # noqa: S101 - the caller looked
    plain = columns.drop_column(ctx, source, column)
    late = _late_default(expansion, after)
    drop = Step(
        statements=(
            *drop_sync(expansion.sync),
            render.alter(source, f"DROP COLUMN {quoted(source.name)}", *late),
        ),
        reason=f"the old column goes for good, with the trigger that kept it in step; its values"
        f" are in {target}",
    )
    is_forward = target.name == expansion.sync.new
    hazard = Hazard.RENAME if expansion.is_at_once else Hazard.DROP_COLUMN
    return replace(
        plain,
        steps=(last_look(expansion), drop) if is_forward else (drop,),
        step_class=StepClass.COMPATIBILITY if expansion.is_at_once else StepClass.DESTROYS,
        hazards=frozenset({hazard}),
        needs=plain.needs | _what_comes(ctx, target) | {Token(Tag.FILLED, target)},
        probes=(_ask_lost(ctx, expansion),) if target in ctx.live.objects else (),
        mitigation=None,
        is_apart=not expansion.is_at_once,
    )


def drop_both(ctx: Context, expansion: Expansion) -> Unit:
    """Neither is declared any more: both go at once, for the trigger needs both."""
    found = [
        (key, columns.drop_column(ctx, key, column))
        for key in (expansion.source, expansion.target)
        if (column := ctx.live.column(key)) is not None
    ]
    plain = [unit for _, unit in found]
    drops = (f"DROP COLUMN {quoted(key.name)}" for key, _ in found)
    return replace(
        plain[0],
        steps=(
            Step(
                statements=(*drop_sync(expansion.sync), render.alter(expansion.source, *drops)),
                reason="deletes both columns and their values for good, with the trigger that"
                " kept them in step",
            ),
        ),
        needs=frozenset().union(*(unit.needs for unit in plain)),
        makes=frozenset().union(*(unit.makes for unit in plain)),
        obstacle=next((unit.obstacle for unit in plain if unit.obstacle), None),
        mitigation=None,
    )


def _late_default(expansion: Expansion, after: Column) -> tuple[str, ...]:
    """Now the new column may draw values by itself."""
    if not after.is_volatile or expansion.target.name != expansion.sync.new:
        return ()
    return (f"ALTER COLUMN {quoted(expansion.target.name)} {render.default_action(after.default)}",)


def last_look(expansion: Expansion) -> Step:
    """Fill rows that were written while the trigger did not fire."""
    source, target = quoted(expansion.source.name), quoted(expansion.target.name)
    only = f"{source} IS DISTINCT FROM NULL"
    relation = expansion.target.relation
    return Step(
        statements=(
            f"UPDATE {relation} SET {target} = {source} WHERE {target} IS NULL AND {only}",  # noqa: S608 - quoted names
        ),
        reason="looks once more for rows that passed the trigger by, and fills them",
        lock=Lock.ROW,
        pace=Pace.ONLINE,
        is_transactional=False,
        backfill=Backfill(column=expansion.target, expression=source, only=only),
    )


def _what_comes(ctx: Context, target: Key) -> frozenset[Token]:
    """The old column stays until the new one has all its declared rules."""
    coming = (
        c.key if isinstance(c, Created) else c.to
        for c in ctx.changes
        if isinstance(c, Created | Replaced)
    )
    return exists(
        *(
            key
            for key in coming
            if key.table == target.table and target.name in used_columns(ctx.desired, key)
        )
    )


def _ask_lost(ctx: Context, expansion: Expansion, *, is_loose: bool = False) -> Probe:
    """Ask for values of the old column that the new one does not have.

    What is kept in step needs only the last look where the new column holds NULL.
    """
    source, target = f"t.{quoted(expansion.source.name)}", f"t.{quoted(expansion.target.name)}"
    table = ctx.origin(expansion.source.table)
    held = "" if is_loose else f" AND {target} IS DISTINCT FROM NULL"
    return Probe(
        table=table,
        source=table.quoted,
        condition=f"{source} IS DISTINCT FROM NULL{held} AND"
        f" pg_catalog.record_image_ne(ROW({source}), ROW({target}))",
        hazard="rename",
        hint=f"{expansion.target} has another value or none in these rows: make both columns"
        " equal first, then the old one can go",
        column=expansion.source.name,
        keys=ctx.row_keys(expansion.source.table),
    )


def clean(sync: Sync) -> Unit:
    """Take away a trigger that lost a column, or a function that lost its trigger."""
    return Unit(
        subject=sync.key,
        phase=Phase.DEBRIS,
        steps=(
            Step(
                statements=drop_sync(sync),
                reason="a trigger of ours has lost what it kept in step",
                lock=Lock.NONE if sync.table is None else Lock.ACCESS_EXCLUSIVE,
            ),
        ),
        step_class=StepClass.SAFE,
        makes=gone(sync.key),
    )


def part_columns(ctx: Context, sync: Sync) -> Unit:
    """Both columns are declared: from now on each holds values of its own."""
    del ctx
    return Unit(
        subject=sync.key,
        phase=Phase.COLUMN_DROPS,
        steps=(
            Step(
                statements=drop_sync(sync),
                reason=f"both columns are declared: {sync.old} and {sync.new} are no longer kept"
                " in step",
            ),
        ),
        step_class=StepClass.COMPATIBILITY,
        hazards=frozenset({Hazard.COMPATIBILITY}),
        needs=frozenset(Token(Tag.FILLED, column) for column in sync.columns),
        makes=gone(sync.key),
    )

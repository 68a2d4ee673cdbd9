"""A column takes another one's place while old and new applications run side by side.

Pure. The new column comes empty, with a trigger that keeps both in step; the rows that are
there are filled in batches; then come its rules. The old column goes last, with the trigger,
in one transaction, when somebody says so.
"""

from collections.abc import Iterator
from dataclasses import replace

from appdb.model.catalog import Catalog, Column, Key, Sync
from appdb.model.identifiers import quoted
from appdb.plan import render
from appdb.plan.expansions import Expansion, Stage, is_broken, is_over
from appdb.plan.hazards import Hazard, Lock, Pace, Phase, StepClass
from appdb.plan.recipes import columns
from appdb.plan.recipes.context import Context
from appdb.plan.recipes.contract import (
    clean,
    contract,
    drop_both,
    guarded_drop,
    last_look,
    part_columns,
)
from appdb.plan.sync import create_function, create_sync, drop_sync, shared_default
from appdb.plan.unit import Backfill, Obstacle, Probe, Step, Tag, Token, Unit, exists, typed


def units(ctx: Context) -> Iterator[Unit]:
    """Make the work of every expansion, and take away triggers that serve nothing."""
    for expansion in ctx.expansions:
        yield from _units(ctx, expansion)
    serving = {expansion.sync.key for expansion in ctx.expansions}
    for sync in ctx.live.syncs:
        if sync.key not in serving and is_broken(sync, ctx.live):
            yield clean(sync)
        elif sync.key not in serving and is_over(sync, ctx.desired):
            yield part_columns(ctx, sync)


def is_idle(live: Catalog, desired: Catalog) -> bool:
    """Tell whether the triggers that are there leave nothing to do beside the differences."""
    return not any(is_broken(sync, live) or is_over(sync, desired) for sync in live.syncs)


def _units(ctx: Context, expansion: Expansion) -> Iterator[Unit]:
    source, target = expansion.source, expansion.target
    before, after = ctx.live.column(source), ctx.desired.column(target)
    if before is None:
        return
    if after is None:
        yield drop_both(ctx, expansion)
        return
    match expansion.stage:
        case Stage.BLOCKED:
            yield from _blocked(ctx, expansion, before, after)
            return
        case Stage.LOOSE:
            yield guarded_drop(ctx, expansion, before)
            return
        case Stage.NEW | Stage.BARE:
            yield _begin(ctx, expansion, before, after)
        case Stage.IN_STEP:
            yield from _go_on(ctx, expansion, after)
    now = ctx.live.column(target)
    if after.not_null and (now is None or not now.not_null):
        steps = (last_look(expansion),) if expansion.is_filled and now is not None else ()
        unit = _require(ctx, expansion, now)
        yield replace(unit, steps=(*steps, *unit.steps))
    if before.not_null or before.unvalidated:
        yield _harmless(expansion)
    yield contract(ctx, expansion, after)


def _blocked(ctx: Context, expansion: Expansion, before: Column, after: Column) -> Iterator[Unit]:
    source, target = expansion.source, expansion.target
    obstacle = Obstacle(hazard="rename", hint=f"{target}: {expansion.why}")
    if target in ctx.live.objects:
        drop = replace(columns.drop_column(ctx, source, before), mitigation=None)
        yield replace(drop, obstacle=obstacle)
        return
    yield replace(columns.add_column(ctx, target, after), obstacle=obstacle, probes=())
    drop = replace(columns.drop_column(ctx, source, before), mitigation=None)
    yield replace(drop, needs=drop.needs | exists(target))


def _begin(ctx: Context, expansion: Expansion, before: Column, after: Column) -> Unit:
    target = expansion.target
    return Unit(
        subject=target,
        phase=Phase.COLUMNS,
        steps=(_beside(ctx, expansion, before, after), _fill(ctx, expansion)),
        step_class=StepClass.ONLINE,
        hazards=frozenset({Hazard.RENAME}),
        needs=exists(target.table, *((after.base,) if after.base else ())),
        makes=typed(target) | {Token(Tag.FILLED, target)},
    )


def _beside(ctx: Context, expansion: Expansion, before: Column, after: Column) -> Step:
    """Column and trigger come in one transaction, so that no write falls between them."""
    source, target = quoted(expansion.source.name), quoted(expansion.target.name)
    default = shared_default(after)
    actions, undo = [], []
    is_new = expansion.stage is Stage.NEW
    if is_new:
        actions.append(f"ADD COLUMN {target} {render.column_type(after)}")
        undo.append(f"DROP COLUMN IF EXISTS {target}")
    now = None if is_new else ctx.live.column(expansion.target)
    if default != (now.default if now is not None else None):
        actions.append(f"ALTER COLUMN {target} {render.default_action(default)}")
    if before.default != after.default:
        actions.append(f"ALTER COLUMN {source} {render.default_action(after.default)}")
        undo.append(f"ALTER COLUMN {source} {render.default_action(before.default)}")
    made = create_sync(expansion.sync, after)
    alter = (render.alter(expansion.target, *actions),) if actions else ()
    back = (render.alter(expansion.target, *undo),) if undo else ()
    return Step(
        statements=(*alter, *made),
        reason=f"the declared rename of {expansion.source}: adds the new column empty, and a"
        " trigger that keeps both in step, whichever of them is written",
        undo=(*drop_sync(expansion.sync), *back),
    )


def _fill(ctx: Context, expansion: Expansion) -> Step:
    source, target = quoted(expansion.source.name), quoted(expansion.target.name)
    expression, only = ctx.backfills.get(expansion.target, source), ""
    if expression == source:
        only = f"{source} IS DISTINCT FROM NULL"
    relation = expansion.target.relation
    where = f"{target} IS NULL" + (f" AND {only}" if only else "")
    return Step(
        statements=(f"UPDATE {relation} SET {target} = {expression} WHERE {where}",),  # noqa: S608 - quoted names
        reason="fills the new column in batches; each locks only its own rows",
        lock=Lock.ROW,
        pace=Pace.ONLINE,
        is_transactional=False,
        backfill=Backfill(column=expansion.target, expression=expression, only=only),
    )


def _go_on(ctx: Context, expansion: Expansion, after: Column) -> Iterator[Unit]:
    """Finish the filling that a run was cut off in, and follow a default that changes."""
    target = expansion.target
    if not expansion.is_filled:
        yield Unit(
            subject=target,
            phase=Phase.COLUMNS,
            steps=(_fill(ctx, expansion),),
            step_class=StepClass.ONLINE,
            needs=exists(target),
            makes=frozenset({Token(Tag.FILLED, target)}),
        )
    defaults = _defaults(ctx, expansion.sync, after)
    if defaults:
        yield Unit(
            subject=target,
            phase=Phase.COLUMNS,
            steps=(
                Step(
                    statements=(
                        render.alter(target, *defaults),
                        create_function(expansion.sync, after, again=True),
                    ),
                    reason="changes what new rows get in both columns; rows that are there keep"
                    " their values",
                ),
            ),
            step_class=StepClass.SAFE,
            needs=exists(target),
        )


def _defaults(ctx: Context, sync: Sync, after: Column) -> list[str]:
    """A volatile default stays with the old column: each would draw a value of its own."""
    wanted = (after.default, shared_default(after))
    found = []
    for key, default in zip(sync.columns, wanted, strict=True):
        now = ctx.live.column(key)
        if now is not None and now.default != default:
            found.append(f"ALTER COLUMN {quoted(key.name)} {render.default_action(default)}")
    return found


def _require(ctx: Context, expansion: Expansion, now: Column | None) -> Unit:
    """Make the new column NOT NULL once it is filled."""
    target = expansion.target
    unit = columns.set_not_null(ctx, target, now) if now is not None else None
    steps = (
        tuple(s for s in unit.steps if s.backfill is None)
        if unit is not None
        else columns.not_null_steps(ctx, target)
    )
    return Unit(
        subject=target,
        phase=Phase.COLUMNS,
        steps=steps,
        step_class=StepClass.ONLINE,
        needs=exists(target) | {Token(Tag.FILLED, target)},
        makes=frozenset({Token(Tag.FILLED, target)}),
        probes=(_ask_nulls(ctx, expansion, is_there=now is not None),),
    )


def _ask_nulls(ctx: Context, expansion: Expansion, *, is_there: bool) -> Probe:
    target, table = expansion.target, ctx.origin(expansion.target.table)
    filled = ctx.backfills.get(target, quoted(expansion.source.name))
    also = f" AND {quoted(target.name)} IS NULL" if is_there else ""
    return Probe(
        table=table,
        source=table.quoted,
        condition=f"({filled}) IS NULL{also}",
        hazard="notNull",
        hint=f"rows hold NULL: fill them, or give --backfill {target}=EXPRESSION",
        column=target.name,
        keys=ctx.row_keys(target.table),
        is_assumed=filled != quoted(expansion.source.name),
    )


def _harmless(expansion: Expansion) -> Unit:
    source = expansion.source
    return Unit(
        subject=source,
        phase=Phase.COLUMNS,
        steps=(
            Step(
                statements=(
                    render.alter(source, f"ALTER COLUMN {quoted(source.name)} DROP NOT NULL"),
                ),
                reason="the old column stays for a while: what does not know it may leave it out",
            ),
        ),
        step_class=StepClass.SAFE,
        needs=exists(source) | {Token(Tag.FILLED, expansion.target)},
    )


def takes_over(ctx: Context, key: Key) -> bool:
    """Tell whether the default and NOT NULL of a column are changed by an expansion."""
    own = {Stage.BARE, Stage.IN_STEP}
    return any(e.target == key and e.stage in own for e in ctx.expansions)


def unless_in_step(ctx: Context, unit: Unit) -> Unit:
    """Forbid another type to a column that is kept in step with one of the old type."""
    sync = ctx.live.sync_of(unit.subject)
    if sync is None or unit.obstacle is not None:
        return unit
    other = sync.old if unit.subject.name == sync.new else sync.new
    hint = f"{unit.subject} is still kept in step with {other}: let {other} go first"
    return replace(unit, obstacle=Obstacle(hazard="rename", hint=hint))

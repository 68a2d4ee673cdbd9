"""A column takes another one's place while old and new applications run side by side.

Pure. The new column comes empty, with a trigger that keeps both in step; the rows that are
there are filled in batches; then come its rules. The old column goes last, with the trigger,
in one transaction, when somebody says so.
"""

from collections.abc import Iterator
from dataclasses import replace

from appdb.model.catalog import Catalog, Column, Constraint, Index, Key, Rule, Sync
from appdb.model.identifiers import qualified, quoted
from appdb.plan import render
from appdb.plan.diff import Created, Replaced
from appdb.plan.expansions import Expansion, Stage, is_broken, is_over
from appdb.plan.hazards import Hazard, Lock, Pace, Phase, StepClass
from appdb.plan.names import KEPT, is_kept, temporary
from appdb.plan.recipes import columns, indexes, rules
from appdb.plan.recipes.context import Context, used_columns
from appdb.plan.sync import create_function, create_sync, drop_sync, shared_default
from appdb.plan.unit import Backfill, Obstacle, Probe, Step, Tag, Token, Unit, exists, gone, typed


def units(ctx: Context) -> Iterator[Unit]:
    """Make the work of every expansion, and take away triggers that serve nothing."""
    for expansion in ctx.expansions:
        yield from _units(ctx, expansion)
    serving = {expansion.sync.key for expansion in ctx.expansions}
    for sync in ctx.live.syncs:
        if sync.key not in serving and is_broken(sync, ctx.live):
            yield _clean(sync)
        elif sync.key not in serving and is_over(sync, ctx.desired):
            yield _part(ctx, sync)


def is_idle(live: Catalog, desired: Catalog) -> bool:
    """Tell whether the triggers that are there leave nothing to do beside the differences."""
    return not any(is_broken(sync, live) or is_over(sync, desired) for sync in live.syncs)


def _units(ctx: Context, expansion: Expansion) -> Iterator[Unit]:
    source, target = expansion.source, expansion.target
    before, after = ctx.live.column(source), ctx.desired.column(target)
    if before is None:
        return
    if after is None:
        yield _drop_both(ctx, expansion)
        return
    match expansion.stage:
        case Stage.BLOCKED:
            yield from _blocked(ctx, expansion, before, after)
            return
        case Stage.LOOSE:
            yield _guarded_drop(ctx, expansion, before)
            return
        case Stage.NEW | Stage.BARE:
            yield _begin(ctx, expansion, before, after)
        case Stage.IN_STEP:
            yield from _go_on(ctx, expansion, after)
    now = ctx.live.column(target)
    if after.not_null and (now is None or not now.not_null):
        steps = (_last_look(expansion),) if expansion.is_filled and now is not None else ()
        unit = _require(ctx, expansion, now)
        yield replace(unit, steps=(*steps, *unit.steps))
    if before.not_null or before.unvalidated:
        yield _harmless(expansion)
    yield _contract(ctx, expansion, after)


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


def _guarded_drop(ctx: Context, expansion: Expansion, before: Column) -> Unit:
    """Let nobody drop values that the new column lacks."""
    unit = columns.drop_column(ctx, expansion.source, before)
    return replace(unit, probes=(*unit.probes, _ask_lost(ctx, expansion, is_loose=True)))


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
        actions.append(f"ALTER COLUMN {target} {_default(default)}")
    if before.default != after.default:
        actions.append(f"ALTER COLUMN {source} {_default(after.default)}")
        undo.append(f"ALTER COLUMN {source} {_default(before.default)}")
    made = create_sync(expansion.sync, after)
    alter = (render.alter(expansion.target, *actions),) if actions else ()
    back = (render.alter(expansion.target, *undo),) if undo else ()
    return Step(
        statements=(*alter, *made),
        reason=f"the declared rename of {expansion.source}: adds the new column empty, and a"
        " trigger that keeps both in step, whichever of them is written",
        undo=(*drop_sync(expansion.sync), *back),
    )


def _default(text: str | None) -> str:
    return "DROP DEFAULT" if text is None else f"SET DEFAULT {text}"


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
            found.append(f"ALTER COLUMN {quoted(key.name)} {_default(default)}")
    return found


def _require(ctx: Context, expansion: Expansion, now: Column | None) -> Unit:
    """Make the new column NOT NULL once it is filled."""
    target = expansion.target
    unit = columns.set_not_null(ctx, target, now) if now is not None else None
    steps = (
        tuple(s for s in unit.steps if s.backfill is None)
        if unit is not None
        else columns.not_null_steps(target, ctx.live.version)
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


def _contract(ctx: Context, expansion: Expansion, after: Column) -> Unit:
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
        steps=(_last_look(expansion), drop) if is_forward else (drop,),
        step_class=StepClass.COMPATIBILITY if expansion.is_at_once else StepClass.DESTROYS,
        hazards=frozenset({hazard}),
        needs=plain.needs | _what_comes(ctx, target) | {Token(Tag.FILLED, target)},
        probes=(_ask_lost(ctx, expansion),) if target in ctx.live.objects else (),
        mitigation=None,
    )


def _drop_both(ctx: Context, expansion: Expansion) -> Unit:
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
    return (f"ALTER COLUMN {quoted(expansion.target.name)} {_default(after.default)}",)


def _last_look(expansion: Expansion) -> Step:
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


def _clean(sync: Sync) -> Unit:
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


def _part(ctx: Context, sync: Sync) -> Unit:
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


def keeps_old(ctx: Context, change: Replaced) -> bool:
    """Tell whether a key or index moves to the new column while the old one still needs it."""
    return _kept_for(ctx, change) is not None


def _kept_for(ctx: Context, change: Replaced) -> Expansion | None:
    before, after = change.before, change.after
    if not _is_index(before) or not _is_index(after):
        return None
    return next(
        (
            e
            for e in ctx.expansions
            if e.source.table == change.key.table
            and e.stage not in {Stage.BLOCKED, Stage.LOOSE}
            and e.source.name in used_columns(ctx.live, change.key)
            and e.target.name in used_columns(ctx.desired, change.to)
        ),
        None,
    )


def _is_index(record: Constraint | Index) -> bool:
    return isinstance(record, Index) or record.rule is Rule.UNIQUE


def beside_old(ctx: Context, change: Replaced) -> Unit:
    """Build the declared key or index; the old one stays, under another name if need be."""
    expansion = _kept_for(ctx, change)
    assert expansion is not None  # noqa: S101 - the caller looked
    key, to, after = change.key, change.to, change.after
    made = (
        rules.add_constraint(ctx, to, after)
        if isinstance(after, Constraint)
        else indexes.create_index(ctx, to, after)
    )
    if key.name != to.name:
        return made
    aside = _kept_name(key, expansion.source)
    rename = _rename_sql(ctx, key, aside)
    back = _waiting(ctx, change)
    if back is not None:
        return replace(
            made,
            steps=(
                Step(
                    statements=(rename, _rename_sql(ctx, back, to.name)),
                    reason="the rule of the old name is still there: it takes its name again",
                ),
            ),
            probes=(),
        )
    index = temporary(to, "index")
    build = rules.build_index(to, after, index)
    take = (
        rules.adopt_index(to, after, to.name, index)
        if isinstance(after, Constraint)
        else f"ALTER INDEX {qualified(to.schema, index)} RENAME TO {quoted(to.name)}"
    )
    return replace(
        made,
        steps=(
            build,
            Step(
                statements=(rename, take),
                reason="the new one takes the name; the old one serves on until its column goes",
                undo=build.undo,
            ),
        ),
    )


def _kept_name(key: Key, column: Key) -> str:
    return temporary(key._replace(name=f"{key.name}/{column.name}"), KEPT)


def _waiting(ctx: Context, change: Replaced) -> Key | None:
    """A kept rule that says what is declared again."""
    return next(
        (
            key
            for key in ctx.live.children(change.to.table)
            if is_kept(key.name) and ctx.live.objects[key] == change.after
        ),
        None,
    )


def _rename_sql(ctx: Context, key: Key, name: str) -> str:
    if isinstance(ctx.live.objects[key], Constraint):
        return render.alter(key, f"RENAME CONSTRAINT {quoted(key.name)} TO {quoted(name)}")
    index = qualified(key.schema, key.name)
    return f"ALTER INDEX {index} RENAME TO {quoted(name)}"

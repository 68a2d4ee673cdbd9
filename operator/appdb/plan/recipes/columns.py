"""Adding, filling, changing and dropping columns of tables that hold rows.

Pure. A change of type stands in retype.py, one of identity in counting.py.
"""

import re

from appdb.model.catalog import Column, EnumType, Key
from appdb.model.identifiers import cut, quoted
from appdb.plan import render
from appdb.plan.hazards import Hazard, Lock, Pace, Phase, StepClass
from appdb.plan.names import temporary
from appdb.plan.recipes.context import Context
from appdb.plan.recipes.shown import ask
from appdb.plan.unit import Backfill, Obstacle, Probe, Step, Tag, Token, Unit, exists, gone, typed

_LABEL = re.compile(r"'((?:[^']|'')*)'::[^\[\]]+$")


def add_column(ctx: Context, key: Key, column: Column) -> Unit:
    """Add a column: at once where Postgres needs no rewrite, else filled in batches."""
    uses = (key._replace(name=name) for name in column.uses)
    needs = exists(key.table, *((column.base,) if column.base else ())) | typed(*uses)
    backfill = ctx.backfills.get(key)
    if column.identity or ctx.owned_sequences(key):
        return _add_counting(ctx, key, column)
    if column.generated == "STORED" or (column.has_checked_domain and backfill is None):
        return _add_rewriting(key, column, needs)
    if backfill is None and column.is_volatile:
        backfill = column.default
    if backfill is not None and not column.generated:
        return _add_filled(ctx, key, column, backfill)
    fills = not column.not_null or column.default is not None
    return Unit(
        subject=key,
        phase=Phase.COLUMNS,
        steps=(
            Step(
                statements=(_add(key, column),),
                reason="adds a column; no row is written"
                if fills
                else "adds a required column to an empty table",
                may_scan=not fills,
            ),
        ),
        step_class=StepClass.SAFE,
        needs=needs,
        makes=typed(key),
        probes=() if fills else _rows_exist(ctx, key),
    )


def _add(key: Key, column: Column) -> str:
    return render.alter(key, f"ADD COLUMN {render.column_definition(key.name, column)}")


def _rows_exist(ctx: Context, key: Key) -> tuple[Probe, ...]:
    if key.table not in ctx.live.objects:
        return ()
    return (
        Probe(
            table=ctx.origin(key.table),
            source=ctx.origin(key.table).quoted,
            condition="true",
            hazard="notNull",
            hint=f"the table has rows and the new column must not be NULL: declare a default,"
            f" or give --backfill {key}=EXPRESSION",
            column=key.name,
            keys=ctx.row_keys(key.table),
        ),
    )


def _add_counting(ctx: Context, key: Key, column: Column) -> Unit:
    owned = ctx.owned_sequences(key)
    return Unit(
        subject=key,
        phase=Phase.COLUMNS,
        steps=(
            Step(
                statements=(
                    *(render.create_sequence(name, record) for name, record in owned),
                    _add(key, column),
                    *(render.own_sequence(name, key) for name, _ in owned),
                ),
                reason="adds a counting column; every row is written again to get its number",
                pace=Pace.LONG,
            ),
        ),
        step_class=StepClass.BLOCKS,
        rewrites=(ctx.origin(key.table),),
        needs=exists(key.table),
        makes=typed(key) | exists(*(name for name, _ in owned)),
    )


def _add_rewriting(key: Key, column: Column, needs: frozenset[Token]) -> Unit:
    what = "a computed column" if column.generated else "a column of a domain with a rule"
    return Unit(
        subject=key,
        phase=Phase.COLUMNS,
        steps=(
            Step(
                statements=(_add(key, column),),
                reason=f"adds {what}; every row is written again while the table is locked",
                pace=Pace.LONG,
            ),
        ),
        step_class=StepClass.BLOCKS,
        rewrites=(key.table,),
        needs=needs,
        makes=typed(key),
    )


def _add_filled(ctx: Context, key: Key, column: Column, backfill: str) -> Unit:
    name = quoted(key.name)
    actions = [f"ADD COLUMN {name} {render.column_type(column)}"]
    if column.default is not None:
        actions.append(f"ALTER COLUMN {name} SET DEFAULT {column.default}")
    first = Step(
        statements=(render.alter(key, *actions),),
        reason="adds the column empty, so that no row is written under the lock",
        undo=(render.alter(key, f"DROP COLUMN IF EXISTS {name}"),),
    )
    return Unit(
        subject=key,
        phase=Phase.COLUMNS,
        steps=(
            first,
            fill(key, backfill),
            *(not_null_steps(ctx, key) if column.not_null else ()),
        ),
        step_class=StepClass.ONLINE,
        needs=exists(key.table, *((column.base,) if column.base else ())),
        makes=typed(key) | {Token(Tag.FILLED, key)},
    )


def fill(key: Key, expression: str) -> Step:
    """Fill the rows that hold NULL, batch by batch."""
    name = quoted(key.name)
    update = f"UPDATE {key.relation} SET {name} = {expression} WHERE {name} IS NULL"  # noqa: S608 - quoted names
    return Step(
        statements=(update,),
        reason="fills the column in batches; each locks only its own rows",
        lock=Lock.ROW,
        pace=Pace.ONLINE,
        is_transactional=False,
        backfill=Backfill(column=key, expression=expression),
    )


def not_null_steps(ctx: Context, key: Key) -> tuple[Step, ...]:
    """Make a column NOT NULL without a scan under a lock."""
    name = quoted(key.name)
    version = ctx.live.version
    rule = temporary(key, "nn") if version < 18 else _not_null_name(ctx, key)
    shape = f"CHECK ({name} IS NOT NULL)" if version < 18 else f"NOT NULL {name}"
    drop = render.alter(key, f"DROP CONSTRAINT IF EXISTS {quoted(rule)}")
    steps = (
        Step(
            statements=(render.alter(key, f"ADD CONSTRAINT {quoted(rule)} {shape} NOT VALID"),),
            reason="forbids new NULLs at once, without looking at the rows",
            undo=(drop,),
        ),
        validate(key, rule, undo=drop),
    )
    if version >= 18:
        return steps
    return (
        *steps,
        Step(
            statements=(
                render.alter(key, f"ALTER COLUMN {name} SET NOT NULL"),
                render.alter(key, f"DROP CONSTRAINT {quoted(rule)}"),
            ),
            reason="sets NOT NULL; the checked rule spares the scan",
            undo=(drop,),
        ),
    )


def _not_null_name(ctx: Context, key: Key) -> str:
    """The name that Postgres would choose; one that is another column's gets a number."""
    name = f"{key.parent}_{key.name}_not_null"
    if name != cut(name):
        name = temporary(key, "nn").removeprefix("_appdb_")
    table = key.table
    rules = {k.name for k in ctx.live.taken if k.table == table} | {
        k.name for k in ctx.live.constraints(table)
    }
    names = (f"{cut(name, 60)}{number}" for number in range(1, 1000))
    return name if name not in rules else next(other for other in names if other not in rules)


def validate(key: Key, rule: str, *, undo: str) -> Step:
    """Check the rows against a rule that new rows already obey."""
    return Step(
        statements=(render.alter(key, f"VALIDATE CONSTRAINT {quoted(rule)}"),),
        reason="checks the rows that are there; reads and writes go on",
        lock=Lock.SHARE_UPDATE_EXCLUSIVE,
        pace=Pace.ONLINE,
        undo=(undo,),
        may_scan=True,
    )


def set_not_null(ctx: Context, key: Key, before: Column) -> Unit:
    """Make an existing column NOT NULL; a given backfill fills it first."""
    backfill = ctx.backfills.get(key, ctx.unfinished.get(key))
    if before.unvalidated:
        drop = render.alter(key, f"DROP CONSTRAINT IF EXISTS {quoted(before.unvalidated)}")
        steps: tuple[Step, ...] = (validate(key, before.unvalidated, undo=drop),)
    else:
        steps = not_null_steps(ctx, key)
    return Unit(
        subject=key,
        phase=Phase.COLUMNS,
        steps=steps if backfill is None else (fill(key, backfill), *steps),
        step_class=StepClass.ONLINE,
        # A cast may be what takes the NULLs away.
        needs=typed(key) if key in ctx.casts and key in ctx.retyped else exists(key),
        makes=frozenset({Token(Tag.FILLED, key)}),
        probes=() if key in ctx.unfinished else _ask_nulls(ctx, key),
    )


def _ask_nulls(ctx: Context, key: Key) -> tuple[Probe, ...]:
    """Postgres' own change of type keeps NULLs; a backfill or a cast may not."""
    hint = f"rows hold NULL: fill them, or give --backfill {key}=EXPRESSION"
    backfill = ctx.backfills.get(key)
    if key in ctx.casts and key in ctx.retyped and backfill is None:
        is_null = f"{quoted(key.name)} IS NULL"
        names = (key.name,)
        return ask(ctx, key.table, names=names, condition=is_null, hazard="notNull", hint=hint)
    condition = f"{quoted(ctx.origin(key).name)} IS NULL"
    return (
        Probe(
            table=ctx.origin(key.table),
            source=ctx.origin(key.table).quoted,
            condition=condition if backfill is None else f"{condition} AND ({backfill}) IS NULL",
            hazard="notNull",
            hint=hint,
            column=key.name,
            keys=ctx.row_keys(key.table),
            is_assumed=backfill is not None,
        ),
    )


def drop_not_null(ctx: Context, key: Key) -> Unit:
    """Allow NULL again; after a primary key that is dropped."""
    return Unit(
        subject=key,
        phase=Phase.COLUMN_DROPS,
        steps=(
            Step(
                statements=(render.alter(key, f"ALTER COLUMN {quoted(key.name)} DROP NOT NULL"),),
                reason="allows NULL in the column",
            ),
        ),
        step_class=StepClass.SAFE,
        needs=exists(key) | gone(*_keys_that_need(ctx, key)),
    )


def _keys_that_need(ctx: Context, key: Key) -> tuple[Key, ...]:
    return tuple(
        rule
        for rule, record in ctx.live.constraints(key.table).items()
        if record.rule == "p" and key.name in record.columns
    )


def set_default(ctx: Context, key: Key, after: Column) -> Unit:
    """Set or drop a default; rows that are there keep their values."""
    action = render.default_action(after.default)
    return Unit(
        subject=key,
        phase=Phase.COLUMNS,
        steps=(
            Step(
                statements=(render.alter(key, f"ALTER COLUMN {quoted(key.name)} {action}"),),
                reason="changes what new rows get; rows that are there keep their values",
            ),
        ),
        step_class=StepClass.SAFE,
        needs=exists(key, *((after.base,) if after.base and not _is_known(ctx, after) else ())),
    )


def _is_known(ctx: Context, after: Column) -> bool:
    """Tell whether a default is a label that its enum has today: it need not wait for the enum."""
    enum = ctx.live.objects.get(after.base) if after.base else None
    label = _LABEL.match(after.default or "NULL")
    return isinstance(enum, EnumType) and (
        after.default is None or (label is not None and label[1].replace("''", "'") in enum.labels)
    )


def drop_column(ctx: Context, key: Key, column: Column) -> Unit:
    """Drop a column; while that waits, make sure that it does not stop inserts."""
    strangers = ctx.strangers_on(key.table, key.name)
    rules = {
        rule
        for rule, record in ctx.live.constraints(key.table).items()
        if record.rule in {"p", "u"} and key.name in record.columns
    }
    resting = [
        fk
        for rule in rules
        for fk in ctx.references_to(key.table, ctx.live.constraints(key.table)[rule].columns)
        if fk.table != key.table
    ]
    return Unit(
        subject=key,
        phase=Phase.COLUMN_DROPS,
        steps=(
            Step(
                statements=(render.alter(key, f"DROP COLUMN {quoted(key.name)}"),),
                reason="deletes the column and its values for good",
            ),
        ),
        step_class=StepClass.DESTROYS,
        hazards=frozenset({Hazard.DROP_COLUMN}),
        needs=exists(key) | gone(*resting),
        makes=gone(key, *_gone_with(ctx, key)),
        obstacle=Obstacle(
            hazard="dependents", hint=f"used by {', '.join(strangers)}: drop or change these first"
        )
        if strangers
        else None,
        mitigation=_harmless(ctx, key, column),
    )


def _gone_with(ctx: Context, key: Key) -> tuple[Key, ...]:
    return tuple(
        rule
        for rule, record in ctx.live.constraints(key.table).items()
        if key.name in record.columns
    )


def _harmless(ctx: Context, key: Key, column: Column) -> Unit | None:
    if not column.not_null or column.default is not None or column.identity:
        return None
    if _keys_that_need(ctx, key):
        return None
    return Unit(
        subject=key,
        phase=Phase.COLUMNS,
        steps=(
            Step(
                statements=(render.alter(key, f"ALTER COLUMN {quoted(key.name)} DROP NOT NULL"),),
                reason="the column's drop waits; until then new rows may leave it out",
            ),
        ),
        step_class=StepClass.SAFE,
        needs=exists(key),
    )

"""Serial columns, identities and sequences: whatever changes, the next number is a new one.

Pure. A sequence is never restarted; a new one starts behind what the column holds.
"""

from appdb.model.catalog import Column, Key, Sequence
from appdb.model.identifiers import literal, qualified, quoted
from appdb.plan import render
from appdb.plan.hazards import Hazard, Lock, Phase, StepClass
from appdb.plan.names import temporary
from appdb.plan.recipes.context import Context
from appdb.plan.unit import Step, Unit, exists, gone, typed


def change_identity(ctx: Context, key: Key, before: Column, after: Column) -> Unit:
    """Give a column an identity, take it away, or change its mode."""
    if before.identity and after.identity:
        actions = (f"ALTER COLUMN {quoted(key.name)} SET GENERATED {after.identity}",)
        statements: tuple[str, ...] = (render.alter(key, *actions),)
        reason = "changes whether the application may choose numbers itself"
    elif after.identity:
        statements = _to_identity(ctx, key, before, after)
        reason = "lets the column count by itself, behind the numbers that are taken"
    else:
        statements = _from_identity(ctx, key, after)
        reason = "takes the column's own counter away"
    return Unit(
        subject=key,
        phase=Phase.COLUMNS,
        steps=(Step(statements=statements, reason=reason),),
        step_class=StepClass.COMPATIBILITY,
        hazards=frozenset({Hazard.COMPATIBILITY}),
        needs=typed(key),
        makes=exists(*(name for name, _ in ctx.owned_sequences(key)))
        | gone(*(name for name, _ in ctx.live_sequences(key))),
    )


def _to_identity(ctx: Context, key: Key, before: Column, after: Column) -> tuple[str, ...]:
    name = quoted(key.name)
    old = [s for s, _ in ctx.live_sequences(key) if s not in ctx.desired.objects]
    kept = [qualified(s.schema, temporary(s, "seq")) for s in old]
    actions = [f"ALTER COLUMN {name} DROP DEFAULT"] if before.default is not None else []
    if not before.not_null:
        actions.append(f"ALTER COLUMN {name} SET NOT NULL")
    return (
        # The old sequence stays until its last number is taken over; its name must be free.
        *(render.own_sequence(s, None) for s in old),
        *(f"ALTER SEQUENCE {s.quoted} RENAME TO {quoted(temporary(s, 'seq'))}" for s in old),
        *((render.alter(key, *actions),) if actions else ()),
        render.alter(key, f"ALTER COLUMN {name} ADD {render.identity(after)}"),
        continue_behind(key, tuple(kept), after),
        *(f"DROP SEQUENCE {s}" for s in kept),
    )


def _from_identity(ctx: Context, key: Key, after: Column) -> tuple[str, ...]:
    name = quoted(key.name)
    own = ctx.owned_sequences(key)
    actions = [f"ALTER COLUMN {name} DROP IDENTITY"]
    if not own:
        default = [f"ALTER COLUMN {name} SET DEFAULT {after.default}"] if after.default else []
        return (render.alter(key, *actions), *(render.alter(key, d) for d in default))
    return (
        render.alter(key, *actions),
        *attach(ctx, key, after, tuple(s for s, _ in own if s not in ctx.live.objects)),
    )


def attach(ctx: Context, key: Key, after: Column, new: tuple[Key, ...]) -> tuple[str, ...]:
    """Give a column that holds rows a sequence as its default."""
    own = dict(ctx.owned_sequences(key))
    return (
        *(render.create_sequence(s, own[s]) for s in new),
        render.alter(key, f"ALTER COLUMN {quoted(key.name)} SET DEFAULT {after.default}"),
        *(render.own_sequence(s, key) for s in own),
        *((continue_behind(key, (), after),) if new else ()),
    )


def continue_behind(key: Key, old: tuple[str, ...], column: Column) -> str:
    """Move a column's sequence behind its greatest value and the old sequence's last number.

    Runs under the table's lock, in the transaction that makes the sequence. An empty table
    whose old sequence never counted keeps the start.
    """
    name = quoted(key.name)
    step = column.counter.increment if column.counter else 1
    most = "max" if step > 0 else "min"
    table = literal(key.relation)
    taken = [f"(SELECT {most}({name})::bigint FROM {key.relation})"]  # noqa: S608 - quoted names
    taken.extend(f"(SELECT last_value FROM {s} WHERE is_called)" for s in old)  # noqa: S608 - quoted names
    furthest = "greatest" if step > 0 else "least"
    return (
        f"SELECT setval(pg_get_serial_sequence({table}, {literal(key.name)})::regclass, taken)"  # noqa: S608 - quoted names
        f" FROM (SELECT {furthest}({', '.join(taken)}) AS taken) numbers WHERE taken IS NOT NULL"
    )


def change_counter(key: Key, after: Column) -> Unit:
    """Change what an identity counts with; it never starts again."""
    assert after.counter is not None  # noqa: S101 - an identity has a counter
    counter = after.counter
    cycle = "CYCLE" if counter.cycles else "NO CYCLE"
    options = (
        f"SET INCREMENT BY {counter.increment} SET MINVALUE {counter.minimum}"
        f" SET MAXVALUE {counter.maximum} SET START WITH {counter.start}"
        f" SET CACHE {counter.cache} SET {cycle}"
    )
    return Unit(
        subject=key,
        phase=Phase.COLUMNS,
        steps=(
            Step(
                statements=(render.alter(key, f"ALTER COLUMN {quoted(key.name)} {options}"),),
                reason="changes how the column counts on from where it stands",
            ),
        ),
        step_class=StepClass.SAFE,
        needs=typed(key),
    )


def attach_sequence(ctx: Context, key: Key, after: Column) -> Unit:
    """Make a plain column count by a sequence of its own."""
    new = tuple(s for s, _ in ctx.owned_sequences(key) if s in ctx.created)
    return Unit(
        subject=key,
        phase=Phase.COLUMNS,
        steps=(
            Step(
                statements=attach(ctx, key, after, new),
                reason="new rows get the next number behind those that are taken",
            ),
        ),
        step_class=StepClass.SAFE,
        needs=typed(key),
        makes=exists(*new),
    )


def create_sequence(key: Key, record: Sequence) -> Unit:
    """Make a sequence of its own, or one that belongs to a column which does not use it."""
    owner = (render.own_sequence(key, record.owner),) if record.owner else ()
    return Unit(
        subject=key,
        phase=Phase.SEQUENCES if record.owner is None else Phase.COLUMNS,
        steps=(
            Step(
                statements=(render.create_sequence(key, record), *owner),
                reason="makes a sequence",
                lock=Lock.NONE,
            ),
        ),
        step_class=StepClass.SAFE,
        needs=exists(record.owner) if record.owner else frozenset(),
        makes=exists(key),
    )


def alter_sequence(key: Key, before: Sequence, after: Sequence) -> Unit:
    """Change a sequence's options or owner; it never starts again."""
    options = render.counter_options(after.counter, with_type=True)
    statements = []
    if before.counter != after.counter:
        statements.append(f"ALTER SEQUENCE {key.quoted} {options}")
    if before.owner != after.owner:
        statements.append(render.own_sequence(key, after.owner))
    return Unit(
        subject=key,
        # After the columns: an owner may be new, and a column widens before its counter.
        phase=Phase.INDEXES,
        steps=(
            Step(
                statements=tuple(statements),
                reason="changes how the sequence counts on from where it stands",
                lock=Lock.NONE,
            ),
        ),
        step_class=StepClass.SAFE,
        needs=exists(key, *((after.owner,) if after.owner else ())),
    )


def drop_sequence(key: Key) -> Unit:
    """Drop a sequence that is no longer declared."""
    return Unit(
        subject=key,
        phase=Phase.SEQUENCE_DROPS,
        steps=(
            Step(
                statements=(f"DROP SEQUENCE {key.quoted}",),
                reason="deletes a sequence and the number it stood at",
                lock=Lock.NONE,
            ),
        ),
        step_class=StepClass.DESTROYS,
        hazards=frozenset({Hazard.DROP_TABLE}),
        makes=gone(key),
    )

"""Changing a column's type or how it is computed, with everything that rests on it.

Pure. Never writes a cast that could cut a value: without USING Postgres refuses such rows.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeGuard

from appdb.model.catalog import Column, Constraint, EnumType, Index, Key, Kind, Record, Rule
from appdb.model.identifiers import literal, quoted
from appdb.plan import render
from appdb.plan.diff import Altered, Dropped, Replaced
from appdb.plan.hazards import Hazard, Pace, Phase, StepClass
from appdb.plan.recipes.context import Context, breaks_rules, column_keys, column_list, used_columns
from appdb.plan.recipes.domaincast import domain_change
from appdb.plan.recipes.shown import ask
from appdb.plan.typechange import TypeChange, comparable_types, type_change
from appdb.plan.unit import Obstacle, Probe, Step, Unit, exists, gone, retyped, typed


def change_type(ctx: Context, key: Key, before: Column, after: Column) -> Unit:
    """Change a column's type or collation."""
    found = _judge(ctx, key, before, after)
    obstacle = _obstacle(ctx, key, found, (before, after))
    dropped, added = around = _rules_around(ctx, key, before, after)
    loses_rule = any(isinstance(c, Dropped) and c.key in dropped for c in ctx.changes)
    # Blocked for people; the rehearsal runs on empty tables, where any cast will do.
    tried = found if found.is_possible else replace(found, using=f"NULL::{after.type}")
    return Unit(
        subject=key,
        phase=Phase.COLUMNS,
        steps=(
            Step(
                statements=_statements(ctx, key, found, around),
                rehearsal=_statements(ctx, key, tried, around),
                reason=f"{before.type} becomes {after.type}: {found.reason}",
                pace=Pace.LONG if found.rewrites else Pace.BRIEF,
            ),
        ),
        step_class=found.step_class,
        hazards=frozenset({found.hazard} if found.hazard else ())
        | frozenset({Hazard.DROP_CONSTRAINT} if loses_rule else ()),
        needs=exists(key, *((after.base,) if after.base else ())),
        makes=retyped(key, is_alike=comparable_types(before.type, after.type))
        | gone(*_parted_keys(ctx, key), *(rule for rule in dropped if rule not in added))
        | gone(*gone_with(ctx, *computed_from(ctx, key))),
        rewrites=(ctx.origin(key.table),) if found.rewrites else (),
        probes=(*_probes(ctx, key, found), *_ask_keys(ctx, key, found)) if obstacle is None else (),
        obstacle=obstacle,
    )


def _parted_keys(ctx: Context, key: Key) -> tuple[Key, ...]:
    """The foreign keys whose two sides could not be compared half way; a later round ties them."""
    before, after = ctx.live.column(key), ctx.desired.column(key)
    if before is None or after is None or comparable_types(before.type, after.type):
        return ()
    return tuple(
        fk
        for fk in sorted(ctx.live.keys(Kind.CONSTRAINT))
        if isinstance(record := ctx.live.objects[fk], Constraint)
        and record.rule is Rule.FOREIGN_KEY
        and (
            (fk.table == key.table and key.name in record.columns)
            or (record.target == key.table and key.name in record.target_columns)
        )
    )


def _statements(
    ctx: Context, key: Key, found: TypeChange, around: tuple[tuple[Key, ...], tuple[Key, ...]]
) -> tuple[str, ...]:
    dropped, added = around
    return (
        *(
            render.alter(fk, f"DROP CONSTRAINT IF EXISTS {quoted(fk.name)}")
            for fk in _parted_keys(ctx, key)
        ),
        *(_drop_rule(rule, ctx) for rule in dropped),
        *computed_away(computed_from(ctx, key)),
        _retype(ctx, key, found),
        *computed_back(ctx, computed_from(ctx, key)),
        *(_add_rule(rule, ctx) for rule in added),
    )


def _judge(ctx: Context, key: Key, before: Column, after: Column) -> TypeChange:
    if before.type == after.type:
        return TypeChange(
            step_class=StepClass.BLOCKS,
            rewrites=True,
            reason="the order of texts changes; indexes on them are built again",
        )
    found = domain_change(ctx, before, after) or type_change(before, after)
    given = ctx.casts.get(key)
    if given is None:
        return _with_rules_checked(ctx, key, found)
    return replace(
        found,
        rewrites=True,
        using=given,
        is_possible=True,
        reason=f"by the cast that was given: {given}",
    )


def _with_rules_checked(ctx: Context, key: Key, found: TypeChange) -> TypeChange:
    """Rules that read the column are checked or built again, though its values stay."""
    reads = any(
        key.name in used_columns(ctx.live, rule) and reads_type(ctx.live.objects[rule])
        for rule in ctx.live.children(key.table)
    )
    if found.step_class is not StepClass.SAFE or not reads:
        return found
    return replace(
        found,
        step_class=StepClass.BLOCKS,
        rewrites=True,
        reason="the values stay; rules and indexes that read them are checked or built again",
    )


def _obstacle(
    ctx: Context, key: Key, found: TypeChange, change: tuple[Column, Column]
) -> Obstacle | None:
    around = ctx.foreign_rules(_rules_around(ctx, key, *change)[0])
    strangers = (*ctx.live.dependents.get(ctx.origin(key), ()), *around)
    if strangers:
        return Obstacle(
            hazard="dependents",
            hint=f"used by {', '.join(strangers)}: drop or change these first",
        )
    if found.is_possible:
        return None
    before, after = change
    return Obstacle(
        hazard="cast",
        hint=f"no safe cast from {before.type} to {after.type}: give"
        f" --cast {key}='{quoted(key.name)}::{after.type}' or another expression",
    )


def _retype(ctx: Context, key: Key, found: TypeChange) -> str:
    before, after = ctx.live.column(key), ctx.desired.column(key)
    assert before is not None and after is not None  # noqa: S101, PT018 - it changes
    name = quoted(key.name)
    target = render.column_type(after)
    if before.collation and not after.collation and before.type == after.type:
        target = f'{after.type} COLLATE pg_catalog."default"'
    using = ""
    if found.using == after.type:
        using = f" USING {name}::{after.type}"
    elif found.using is not None:
        using = f" USING ({found.using})::{after.type}"
    actions = [f"ALTER COLUMN {name} TYPE {target}{using}"]
    # A counter changes in a unit of its own; until then the column goes on with the old one.
    keeps_counting = ctx.changes_counter(key)
    is_counter = (before.default or "").startswith("nextval(")
    if before.default is not None and not (before.generated or (keeps_counting and is_counter)):
        actions.insert(0, f"ALTER COLUMN {name} DROP DEFAULT")
    if after.default is not None and not (after.generated or keeps_counting):
        actions.append(f"ALTER COLUMN {name} SET DEFAULT {after.default}")
    return render.alter(key, *actions)


def _probes(ctx: Context, key: Key, found: TypeChange) -> tuple[Probe, ...]:
    if key in ctx.casts:
        column = ctx.desired.column(key)
        assert column is not None  # noqa: S101 - it is being changed
        cast, is_bad = _cast_question(ctx, key, column)
        return (
            Probe(
                table=ctx.origin(key.table),
                source=ctx.origin(key.table).quoted,
                condition=is_bad,
                hazard="cast",
                hint="the cast fails or gives NULL for these rows: change them or the cast",
                column=key.name,
                keys=ctx.row_keys(key.table),
                expression=cast,
                is_assumed=True,
            ),
        )
    if found.loses is None:
        return ()
    table = key.table
    before = ctx.live.column(key)
    assert before is not None  # noqa: S101 - it is being changed
    return (
        Probe(
            table=ctx.origin(table),
            source=ctx.origin(table).quoted,
            condition=found.loses.format(c=quoted(ctx.origin(key).name)),
            hazard="narrow",
            hint=f"values do not fit the new type: change these rows, or give"
            f" --cast {key}=EXPRESSION",
            column=key.name,
            keys=ctx.row_keys(table),
        ),
    )


def _ask_keys(ctx: Context, key: Key, found: TypeChange) -> tuple[Probe, ...]:
    """Ask whether keys on the column still tell rows apart where values become alike."""
    if key not in ctx.casts and not found.folds:
        return ()
    return tuple(
        replace(probe, condition=" AND ".join(f"{quoted(c)} IS NOT NULL" for c in record.columns))
        for rule in sorted(ctx.live.children(key.table))
        if rule in ctx.desired.objects
        and is_key(record := ctx.live.objects[rule])
        and key.name in record.columns
        for probe in ask_unique(ctx, key.table, record.columns)
    )


def is_key(record: Record) -> TypeGuard[Constraint | Index]:
    """Tell whether a rule or index forbids rows that repeat each other in plain columns."""
    if isinstance(record, Constraint):
        return record.rule in {Rule.PRIMARY_KEY, Rule.UNIQUE}
    return isinstance(record, Index) and record.is_unique and record.is_plain


def _cast_question(ctx: Context, key: Key, column: Column) -> tuple[str, str]:
    """The cast, and what is true of rows that it does not serve.

    A new enum is not there to be cast to: its labels are asked for instead.
    """
    given = ctx.casts[key]
    enum = ctx.desired.objects.get(column.base) if column.base else None
    if isinstance(enum, EnumType) and column.base is not None:
        inner = _cast_to(column.base, given)
        if inner is not None:
            labels = ", ".join(literal(label) for label in enum.labels)
            cast = f"(({inner})::text)"
            missing = f" OR {cast} IS NULL" if column.not_null else ""
            return cast, f"{cast} <> ALL (ARRAY[{labels}]){missing}"
    cast = f"(({given})::{column.type})"
    # The length is never negative: the question is whether the cast fails on some row.
    return cast, f"{cast} IS NULL" if column.not_null else f"octet_length({cast}::text) < 0"


def _cast_to(base: Key, expression: str) -> str | None:
    name = re.escape(base.name)
    found = re.fullmatch(rf'(.+)::\s*(?:"?\w+"?\.)?"?{name}"?\s*', expression, re.DOTALL)
    return found[1] if found else None


def _rules_around(
    ctx: Context, key: Key, before: Column, after: Column
) -> tuple[tuple[Key, ...], tuple[Key, ...]]:
    """What must go before the change, and what must come after it in the same transaction."""
    if not breaks_rules(before, after):
        return (), ()
    dropped = tuple(
        rule
        for rule in sorted(ctx.live.children(key.table))
        if key.name in used_columns(ctx.live, rule) and reads_type(ctx.live.objects[rule])
    )
    followers = {c.key: c.to for c in ctx.changes if isinstance(c, Replaced)}
    added = tuple(
        dict.fromkeys(
            rule
            for old in dropped
            if is_ready(ctx, rule := followers.get(old, old), frozenset({key}))
        )
    )
    return dropped, added


def is_ready(ctx: Context, rule: Key, changing: frozenset[Key]) -> bool:
    """Tell whether a declared rule can be made right after these columns have changed.

    One that reads other columns which are still to come or to change waits for a later round.
    """
    if rule not in ctx.desired.objects:
        return False
    columns = column_keys(rule.table, used_columns(ctx.desired, rule))
    return all(c in ctx.live.objects and (c in changing or c not in ctx.retyped) for c in columns)


def reads_type(record: object) -> bool:
    """Tell whether a rule or index is spelled in terms of the types of its columns."""
    if isinstance(record, Constraint):
        return record.rule in {Rule.CHECK, Rule.EXCLUSION}
    return isinstance(record, Index) and not record.is_plain


def covered_rules(ctx: Context) -> frozenset[Key]:
    """Rules that a change of type drops and makes again, under their present names."""
    found: set[Key] = set()
    for change in ctx.changes:
        if isinstance(change, Altered) and change.key in ctx.retyped:
            before, after = change.before, change.after
            if isinstance(before, Column) and isinstance(after, Column):
                found.update(_rules_around(ctx, change.key, before, after)[0])
    return frozenset(found)


def _drop_rule(rule: Key, ctx: Context) -> str:
    if isinstance(ctx.live.objects[rule], Index):
        return render.drop_index(rule)
    return render.alter(rule, f"DROP CONSTRAINT IF EXISTS {quoted(rule.name)}")


def _add_rule(rule: Key, ctx: Context) -> str:
    record = ctx.desired.objects[rule]
    if isinstance(record, Index):
        return render.create_index(rule, record)
    assert isinstance(record, Constraint)  # noqa: S101 - a rule is one or the other
    return render.alter(rule, f"ADD {render.constraint_definition(rule, record)}")


def computed_from(ctx: Context, *keys: Key) -> tuple[Key, ...]:
    """The present computed columns that read one of these columns."""
    found = (
        key._replace(name=name)
        for key in keys
        for name, column in ctx.live.columns(key.table).items()
        if column.generated and key.name in column.uses
    )
    return tuple(dict.fromkeys(found))


def computed_away(computed: Iterable[Key]) -> tuple[str, ...]:
    """Postgres refuses to change a column that a computed one reads; computed ones can go."""
    return tuple(render.alter(key, f"DROP COLUMN IF EXISTS {quoted(key.name)}") for key in computed)


def computed_back(ctx: Context, computed: Iterable[Key]) -> tuple[str, ...]:
    """Make them again, also one that is to go: its drop may wait for a person."""
    return tuple(
        render.alter(key, f"ADD COLUMN {render.column_definition(key.name, column)}")
        for key in computed
        if (column := ctx.desired.column(key) or ctx.live.column(key)) is not None
    )


def gone_with(ctx: Context, *columns: Key) -> tuple[Key, ...]:
    """The rules and indexes that go when these columns are made anew."""
    return tuple(
        rule
        for column in columns
        for rule in ctx.live.children(column.table)
        if column.name in used_columns(ctx.live, rule)
    )


def change_computed(ctx: Context, key: Key, before: Column, after: Column) -> Unit:
    """Change how a column is computed, stop computing it, or begin to."""
    name = quoted(key.name)
    add = render.alter(key, f"ADD COLUMN {render.column_definition(key.name, after)}")
    again: tuple[str, ...] = (render.alter(key, f"DROP COLUMN {name}"), add)
    step_class, hazard, rewrites = StepClass.BLOCKS, None, True
    reason = "computes the column anew for every row"
    if before.generated and not after.generated and before.generated == "STORED":
        again = (render.alter(key, f"ALTER COLUMN {name} DROP EXPRESSION"),)
        if after.default is not None:
            again = (*again, render.alter(key, f"ALTER COLUMN {name} SET DEFAULT {after.default}"))
        step_class, hazard, rewrites = StepClass.COMPATIBILITY, Hazard.COMPATIBILITY, False
        reason = "the values stay, and are no longer computed"
    elif not before.generated:
        step_class, hazard = StepClass.DESTROYS, Hazard.DROP_COLUMN
        reason = "replaces the column's own values by computed ones"
    strangers = ctx.live.dependents.get(ctx.origin(key), ()) if rewrites else ()
    return Unit(
        subject=key,
        phase=Phase.COLUMNS,
        steps=(Step(statements=again, reason=reason, pace=Pace.LONG if rewrites else Pace.BRIEF),),
        step_class=step_class,
        hazards=frozenset({hazard} if hazard else ()),
        needs=typed(*(key._replace(name=used) for used in after.uses)),
        makes=typed(key) | gone(*(gone_with(ctx, key) if rewrites else ())),
        rewrites=(ctx.origin(key.table),) if rewrites else (),
        obstacle=Obstacle(hazard="dependents", hint=f"used by {', '.join(strangers)}")
        if strangers
        else None,
    )


def ask_unique(ctx: Context, table: Key, names: tuple[str, ...]) -> tuple[Probe, ...]:
    """Ask for rows that repeat each other in these columns."""
    return ask(
        ctx,
        table,
        names=names,
        condition="true",
        hazard="unique",
        hint="rows repeat each other: change or delete all but one of each",
        group=column_list(names),
    )

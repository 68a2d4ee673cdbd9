"""Enums: labels are added at once, removed or reordered by making the type anew.

Pure.
"""

from collections.abc import Callable
from dataclasses import replace

from appdb.model.catalog import (
    Column,
    EnumType,
    Key,
)
from appdb.model.identifiers import literal, quoted
from appdb.plan.hazards import Hazard, Lock, Phase, StepClass
from appdb.plan.recipes.context import Context
from appdb.plan.recipes.remake import remake
from appdb.plan.typechange import spelled
from appdb.plan.unit import Probe, Step, Unit, exists


def change_enum(ctx: Context, key: Key, before: EnumType, after: EnumType) -> list[Unit]:
    """Add labels at once; remove or reorder them by making the type anew."""
    labels, steps = _with_new_labels(key, before.labels, after.labels)
    units = []
    if steps:
        units.append(
            Unit(
                subject=key,
                phase=Phase.LABELS,
                steps=tuple(
                    Step(
                        statements=(sql,),
                        reason="adds a label; usable once this is committed",
                        lock=Lock.NONE,
                        is_transactional=False,
                        rehearsal=(),
                    )
                    for sql in steps
                ),
                step_class=StepClass.SAFE,
                makes=exists(key),
            )
        )
    if labels != after.labels:
        units.append(_remake_enum(ctx, key, EnumType(labels=labels), after))
    return units


def enum_with_labels(before: EnumType, after: EnumType, key: Key) -> EnumType:
    """The type once the new labels are added; the rehearsal starts from there."""
    return EnumType(labels=_with_new_labels(key, before.labels, after.labels)[0])


def _with_new_labels(
    key: Key, before: tuple[str, ...], after: tuple[str, ...]
) -> tuple[tuple[str, ...], list[str]]:
    labels = list(before)
    statements = []
    for place, label in enumerate(after):
        if label in labels:
            continue
        head = f"ALTER TYPE {key.quoted} ADD VALUE IF NOT EXISTS {literal(label)}"
        earlier = next((a for a in reversed(after[:place]) if a in labels), None)
        later = next((a for a in after[place + 1 :] if a in labels), None)
        if earlier is not None:
            at = labels.index(earlier) + 1
            statements.append(head if at == len(labels) else f"{head} AFTER {literal(earlier)}")
        elif later is not None:
            at = labels.index(later)
            statements.append(f"{head} BEFORE {literal(later)}")
        else:
            at = len(labels)
            statements.append(head)
        labels.insert(at, label)
    return tuple(labels), statements


def _remake_enum(ctx: Context, key: Key, before: EnumType, after: EnumType) -> Unit:
    removed = [label for label in before.labels if label not in after.labels]
    probes = tuple(
        _ask_labels(ctx, column, record, removed)
        for column, record in ctx.users_of(key).items()
        if removed and column not in ctx.casts
    )
    unit = remake(ctx, key, after, _enum_cast(ctx, key))
    what = f"labels {', '.join(map(literal, removed))} go" if removed else "the order changes"
    return replace(
        unit,
        steps=(replace(unit.steps[0], reason=f"{what}: the type is made anew"),),
        step_class=StepClass.DESTROYS,
        hazards=unit.hazards | {Hazard.ENUM_REMOVE},
        probes=probes,
    )


def _enum_cast(ctx: Context, key: Key) -> Callable[[Key, Column], str]:
    def cast(column: Key, record: Column) -> str:
        dimensions = "[]" * spelled(record.type).dimensions
        target = f"{key.quoted}{dimensions}"
        given = ctx.casts.get(column)
        if given is not None:
            return f"(({given})::text{dimensions})::{target}"
        return f"{quoted(column.name)}::text{dimensions}::{target}"

    return cast


def _ask_labels(ctx: Context, column: Key, record: Column, removed: list[str]) -> Probe:
    name = quoted(ctx.origin(column).name)
    listed = f"ARRAY[{', '.join(map(literal, removed))}]"
    is_array = spelled(record.type).dimensions > 0
    used = f"{name}::text[] && {listed}" if is_array else f"{name}::text = ANY ({listed})"
    return Probe(
        table=ctx.origin(column.table),
        source=ctx.origin(column.table).quoted,
        condition=used,
        hazard="enumRemove",
        hint=f"rows still use {', '.join(removed)}: change them, or give"
        f" --cast {column}=EXPRESSION",
        column=column.name,
        keys=ctx.row_keys(column.table),
    )

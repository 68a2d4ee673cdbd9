"""Indexes: built beside the work, the old one goes when the new one is valid.

Pure.
"""

import re
from dataclasses import replace

from appdb.model.catalog import Constraint, Index, Key
from appdb.model.identifiers import quoted
from appdb.plan import render
from appdb.plan.hazards import Hazard, Lock, Pace, Phase, StepClass
from appdb.plan.names import temporary
from appdb.plan.recipes.context import Context, needs_columns, used_columns
from appdb.plan.recipes.rules import build_index
from appdb.plan.recipes.shown import ask
from appdb.plan.unit import Obstacle, Probe, Step, Unit, exists, gone

_ORDER = re.compile(r" (DESC|ASC)\b| NULLS (FIRST|LAST)\b| (text|varchar|bpchar)_pattern_ops\b")


def create_index(ctx: Context, key: Key, record: Index) -> Unit:
    """Build a declared index on a table that may hold rows."""
    return Unit(
        subject=key,
        phase=Phase.INDEXES,
        steps=(build_index(key, record, key.name),),
        step_class=StepClass.ONLINE,
        needs=needs_columns(key.table, used_columns(ctx.desired, key), is_plain=record.is_plain),
        makes=exists(key),
        probes=index_probes(ctx, key, record),
    )


def index_probes(ctx: Context, key: Key, record: Index) -> tuple[Probe, ...]:
    """Ask for rows that a unique index would refuse."""
    if not record.is_unique:
        return ()
    group = _key_expressions(record.definition)
    where = record.definition.partition(" WHERE ")[2] or "true"
    if "NULLS NOT DISTINCT" not in record.definition:
        where = f"({where}) AND ({group}) IS NOT NULL"
    found = ask(
        ctx,
        key.table,
        names=tuple(dict.fromkeys((*record.columns, *record.uses))),
        condition=where,
        hazard="unique",
        hint="rows repeat each other: change or delete all but one of each",
        group=group,
        column=record.columns[0] if len(record.columns) == 1 else "",
    )
    # Operator classes are cut off by their looks: where that goes wrong the question is void.
    return found if record.is_plain else tuple(replace(p, is_assumed=True) for p in found)


def _key_expressions(definition: str) -> str:
    """Cut the keys out of `USING method (keys) INCLUDE ... WHERE ...`."""
    start = definition.index("(")
    depth, end = 0, start
    for end in range(start, len(definition)):
        depth += {"(": 1, ")": -1}.get(definition[end], 0)
        if depth == 0:
            break
    return _ORDER.sub("", definition[start + 1 : end])


def drop_index(ctx: Context, key: Key, record: Index) -> Unit:
    """Drop an index; a unique one is a rule."""
    resting = [
        fk
        for fk in ctx.references_to(key.table, record.columns)
        if record.is_unique and record.is_plain and fk not in ctx.dropped
    ]
    return Unit(
        subject=key,
        phase=Phase.INDEX_DROPS,
        steps=(
            Step(
                statements=(render.drop_index(key, online=True),),
                reason="rows may repeat from then on"
                if record.is_unique
                else "reads that used the index become slower",
                lock=Lock.SHARE_UPDATE_EXCLUSIVE,
                pace=Pace.ONLINE,
                is_transactional=False,
                rehearsal=(render.drop_index(key),),
            ),
        ),
        step_class=StepClass.COMPATIBILITY if record.is_unique else StepClass.ONLINE,
        hazards=frozenset({Hazard.DROP_CONSTRAINT} if record.is_unique else ()),
        makes=gone(key),
        obstacle=Obstacle(
            hazard="dependents", hint=f"{', '.join(map(str, resting))} may rest on it"
        )
        if resting and not _has_other_key(ctx, key, record)
        else None,
    )


def _has_other_key(ctx: Context, key: Key, record: Index) -> bool:
    return any(
        rule.rule in {"p", "u"} and set(rule.columns) == set(record.columns)
        for rule in ctx.desired.constraints(key.table).values()
    )


def replace_index(ctx: Context, key: Key, before: Index, to: Key, after: Index) -> Unit:
    """Build the new index under another name, then swap."""
    name = temporary(to, "index")
    loses = before.is_unique and not after.is_unique
    return Unit(
        subject=to,
        phase=Phase.INDEXES,
        steps=(
            build_index(to, after, name),
            Step(
                statements=(
                    render.drop_index(key),
                    f"ALTER INDEX {to._replace(name=name).quoted} RENAME TO {quoted(to.name)}",
                ),
                reason="the new index is valid: it takes the old one's place",
                undo=(render.drop_index(to, name=name, online=True),),
            ),
        ),
        step_class=StepClass.COMPATIBILITY if loses else StepClass.ONLINE,
        hazards=frozenset({Hazard.DROP_CONSTRAINT} if loses else ()),
        needs=needs_columns(to.table, used_columns(ctx.desired, to), is_plain=after.is_plain),
        makes=exists(to) | gone(key),
        probes=index_probes(ctx, to, after),
    )


def constraint_to_index(ctx: Context, key: Key, before: Constraint, to: Key, after: Index) -> Unit:
    """Keep a rule as a unique index that was a constraint."""
    name = temporary(to, "index")
    resting = ctx.references_to(key.table, before.columns)
    hand_made = [str(fk) for fk in resting if fk not in ctx.managed]
    return Unit(
        subject=to,
        phase=Phase.INDEXES,
        steps=(
            build_index(to, after, name),
            Step(
                statements=(
                    *(
                        render.alter(fk, f"DROP CONSTRAINT IF EXISTS {quoted(fk.name)}")
                        for fk in sorted(resting)
                    ),
                    render.alter(key, f"DROP CONSTRAINT {quoted(key.name)}"),
                    f"ALTER INDEX {to._replace(name=name).quoted} RENAME TO {quoted(to.name)}",
                ),
                reason="the index keeps the rule that the constraint kept",
                undo=(render.drop_index(to, name=name, online=True),),
            ),
        ),
        step_class=StepClass.ONLINE,
        needs=needs_columns(to.table, used_columns(ctx.desired, to), is_plain=after.is_plain),
        makes=exists(to) | gone(key, *resting),
        probes=index_probes(ctx, to, after),
        obstacle=Obstacle(hazard="dependents", hint=f"{', '.join(hand_made)} rest on it")
        if hand_made
        else None,
    )

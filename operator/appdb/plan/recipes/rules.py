"""Constraints: added without a scan under a lock, swapped only once the new one holds.

Pure. A rule is built and checked beside the old one; the swap is a moment's lock.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from appdb.model.catalog import Constraint, Index, Key, Kind, Rule
from appdb.model.identifiers import quoted
from appdb.plan import render
from appdb.plan.hazards import Hazard, Lock, Pace, Phase, StepClass
from appdb.plan.names import temporary
from appdb.plan.recipes.columns import validate
from appdb.plan.recipes.context import Context, column_keys, needs_columns
from appdb.plan.recipes.retype import ask_unique
from appdb.plan.recipes.shown import ask, shown
from appdb.plan.unit import Obstacle, Probe, Step, Tag, Token, Unit, exists, gone

_DEFERRABLE = re.compile(r"( DEFERRABLE| NOT DEFERRABLE| INITIALLY DEFERRED)+$")
_EXCLUDE = re.compile(r"EXCLUDE USING \w+ \((.*?)\)(?: WHERE (.*))?$")
_ELEMENT = re.compile(r'("[^"]+"|\w+) WITH (?:OPERATOR\()?([^\s()]+)\)?')
_KEYS = {Rule.PRIMARY_KEY: "PRIMARY KEY", Rule.UNIQUE: "UNIQUE"}


def phase_of(record: Constraint) -> Phase:
    """Foreign keys come after the keys they point at."""
    return Phase.REFERENCES if record.rule is Rule.FOREIGN_KEY else Phase.RULES


def add_constraint(ctx: Context, key: Key, record: Constraint) -> Unit:
    """Add a constraint to a table that may hold rows."""
    if record.rule is Rule.EXCLUSION:
        return _add_exclusion(ctx, key, record)
    if record.rule is Rule.FOREIGN_KEY and key.table not in ctx.live.objects:
        return _add_to_new_table(ctx, key, record)
    return Unit(
        subject=key,
        phase=phase_of(record),
        steps=_build(key, record, key.name),
        step_class=StepClass.ONLINE,
        needs=_needs(ctx, key, record),
        makes=exists(key),
        probes=probes(ctx, key, record),
    )


def _needs(ctx: Context, key: Key, record: Constraint) -> frozenset[Token]:
    is_plain = record.rule not in {Rule.CHECK, Rule.EXCLUSION}
    found = needs_columns(key.table, record.columns, is_plain=is_plain)
    if record.rule is Rule.PRIMARY_KEY:
        found |= {Token(Tag.FILLED, c) for c in column_keys(key.table, record.columns)}
    if record.target is None:
        return found
    resting = (
        k
        for k, r in ctx.desired.constraints(record.target).items()
        if r.rule in _KEYS and set(r.columns) == set(record.target_columns)
    )
    target = needs_columns(record.target, record.target_columns, is_plain=True)
    return found | target | exists(*resting)


def _build(key: Key, record: Constraint, name: str) -> tuple[Step, ...]:
    """Make a constraint under `name`; when a step fails nothing of it stays."""
    drop = render.alter(key, f"DROP CONSTRAINT IF EXISTS {quoted(name)}")
    if record.rule in _KEYS:
        index = temporary(key, "key")
        return (build_index(key, record, index), _use_index(key, record, name, index))
    definition = render.constraint_definition(key._replace(name=name), record)
    is_reference = record.rule is Rule.FOREIGN_KEY
    if not record.is_enforced:
        return (
            Step(
                statements=(render.alter(key, f"ADD {definition}"),),
                reason="Postgres keeps the rule in mind and enforces nothing",
                undo=(drop,),
            ),
        )
    return (
        Step(
            statements=(render.alter(key, f"ADD {definition} NOT VALID"),),
            reason="new rows must obey at once; the rows that are there are not looked at yet",
            lock=Lock.SHARE_ROW_EXCLUSIVE if is_reference else Lock.ACCESS_EXCLUSIVE,
            undo=(drop,),
        ),
        validate(key, name, undo=drop),
    )


def build_index(key: Key, record: Constraint | Index, name: str) -> Step:
    """Build an index beside the table's work."""
    if isinstance(record, Constraint):
        record = Index(definition=record.index or "", is_unique=True, columns=record.columns)
    key = key._replace(kind=Kind.INDEX)
    return Step(
        statements=(render.create_index(key, record, name=name, online=True),),
        reason="builds the index while reads and writes go on",
        lock=Lock.SHARE_UPDATE_EXCLUSIVE,
        pace=Pace.ONLINE,
        is_transactional=False,
        undo=(render.drop_index(key, name=name, online=True),),
        rehearsal=(render.create_index(key, record, name=name),),
        may_scan=True,
    )


def _use_index(key: Key, record: Constraint, name: str, index: str, *first: str) -> Step:
    return Step(
        statements=(*first, adopt_index(key, record, name, index)),
        reason="makes the index the rule; a moment's lock",
        undo=(render.drop_index(key, name=index, online=True),),
    )


def adopt_index(key: Key, record: Constraint, name: str, index: str) -> str:
    """Render a key or unique that takes an index for its own."""
    deferrable = _DEFERRABLE.search(record.definition)
    tail = deferrable[0] if deferrable else ""
    return render.alter(
        key, f"ADD CONSTRAINT {quoted(name)} {_KEYS[record.rule]} USING INDEX {quoted(index)}{tail}"
    )


def _add_to_new_table(ctx: Context, key: Key, record: Constraint) -> Unit:
    comment = ctx.desired.comments.get(key)
    return Unit(
        subject=key,
        phase=Phase.REFERENCES,
        steps=(
            Step(
                statements=(
                    render.alter(key, f"ADD {render.constraint_definition(key, record)}"),
                    *((render.comment(key, comment),) if comment else ()),
                ),
                reason="ties the new table to the one it points at",
                lock=Lock.SHARE_ROW_EXCLUSIVE,
                may_scan=True,
            ),
        ),
        step_class=StepClass.SAFE,
        needs=_needs(ctx, key, record),
        makes=exists(key),
    )


def _add_exclusion(ctx: Context, key: Key, record: Constraint) -> Unit:
    return Unit(
        subject=key,
        phase=Phase.RULES,
        steps=(
            Step(
                statements=(render.alter(key, f"ADD {render.constraint_definition(key, record)}"),),
                reason="builds the exclusion's index under the lock; Postgres has no other way",
                pace=Pace.LONG,
                may_scan=True,
            ),
        ),
        step_class=StepClass.BLOCKS,
        needs=_needs(ctx, key, record),
        makes=exists(key),
        probes=probes(ctx, key, record),
        rewrites=(ctx.origin(key.table),),
    )


def probes(ctx: Context, key: Key, record: Constraint) -> tuple[Probe, ...]:
    """Ask for the rows that a constraint would refuse."""
    if not record.is_enforced:
        return ()
    if record.rule is Rule.CHECK:
        expression = record.definition.removeprefix("CHECK ").removesuffix(" NO INHERIT")
        return ask(
            ctx,
            key.table,
            names=record.columns,
            condition=f"NOT {expression}",
            hazard="check",
            hint=f"rows break the rule {key.name}: change or delete them",
        )
    if record.rule is Rule.FOREIGN_KEY:
        return _ask_orphans(ctx, key, record)
    if record.rule is Rule.EXCLUSION:
        return _ask_overlaps(ctx, key, record)
    return _ask_key(ctx, key.table, record)


def _ask_overlaps(ctx: Context, key: Key, record: Constraint) -> tuple[Probe, ...]:
    """Ask for rows that an exclusion of plain columns would refuse; else nothing."""
    found = _EXCLUDE.match(record.definition)
    pairs = [_ELEMENT.fullmatch(part) for part in found[1].split(", ")] if found else []
    if found is None or not all(pairs):
        return ()
    meets = " AND ".join(f"t.{p[1]} OPERATOR({_operator(p[2])}) o.{p[1]}" for p in pairs if p)
    view = shown(ctx, key.table, record.columns)
    if view.is_assumed or key.table not in ctx.live.objects:
        return ()
    where = found[2] or "true"
    others = f"(SELECT ctid, * FROM {view.source} WHERE {where})"  # noqa: S608 - deparsed text
    asked = ask(
        ctx,
        key.table,
        names=record.columns,
        condition=f"{where} AND EXISTS (SELECT FROM {others} o WHERE o.ctid <> t.ctid AND {meets})",
        hazard="exclusion",
        hint=f"rows exclude each other by {key.name}: change or delete them",
    )
    # What WHERE reads may be new in this release: the question is void then.
    return asked if found[2] is None else tuple(replace(p, is_assumed=True) for p in asked)


def _operator(text: str) -> str:
    return text if "." in text else f"pg_catalog.{text}"


def _ask_key(ctx: Context, table: Key, record: Constraint) -> tuple[Probe, ...]:
    found = ask_unique(ctx, table, record.columns)
    if "NULLS NOT DISTINCT" in record.definition or record.rule is Rule.PRIMARY_KEY:
        return found
    return tuple(_without_nulls(probe, record.columns) for probe in found)


def _without_nulls(probe: Probe, columns: Iterable[str]) -> Probe:
    return replace(probe, condition=" AND ".join(f"{quoted(name)} IS NOT NULL" for name in columns))


def _ask_orphans(ctx: Context, key: Key, record: Constraint) -> tuple[Probe, ...]:
    assert record.target is not None  # noqa: S101 - a foreign key has one
    target = record.target
    if target not in ctx.live.objects:
        exists_row = "false"
    else:
        pairs = zip(record.columns, record.target_columns, strict=True)
        names = {
            theirs: ctx.today(Key(Kind.COLUMN, target.schema, target.name, theirs)).name
            for theirs in record.target_columns
        }
        same = " AND ".join(
            f"p.{quoted(names[theirs])} = t.{quoted(ours)}" for ours, theirs in pairs
        )
        exists_row = f"EXISTS (SELECT FROM {ctx.origin(target).quoted} p WHERE {same})"
    filled = " AND ".join(f"t.{quoted(name)} IS NOT NULL" for name in record.columns)
    condition = f"{filled} AND NOT {exists_row}"
    if " MATCH FULL" in record.definition:
        listed = ", ".join(f"t.{quoted(name)}" for name in record.columns)
        condition = f"{condition} OR num_nulls({listed}) BETWEEN 1 AND {len(record.columns) - 1}"
    return ask(
        ctx,
        key.table,
        names=record.columns,
        condition=condition,
        hazard="foreignKey",
        hint=f"rows point at rows of {target} that do not exist: add those, or change or"
        " delete these",
    )


def check_constraint(ctx: Context, key: Key, record: Constraint) -> Unit:
    """Check a constraint that was left unchecked."""
    drop = render.alter(key, f"DROP CONSTRAINT IF EXISTS {quoted(key.name)}")
    return Unit(
        subject=key,
        phase=phase_of(record),
        steps=(validate(key, key.name, undo=drop),),
        step_class=StepClass.ONLINE,
        needs=needs_columns(key.table, record.columns),
        makes=exists(key),
        probes=probes(ctx, key, record),
    )


def drop_constraint(ctx: Context, key: Key, record: Constraint) -> Unit:
    """Drop a constraint that is no longer declared."""
    resting = ctx.references_to(key.table, record.columns) if record.rule in _KEYS else {}
    hand_made = [str(fk) for fk in resting if fk not in ctx.managed]
    others = _other_keys(ctx, key, record)
    # Those that stay rest on another key from then on; a later round ties them again.
    moving = sorted(fk for fk in resting if others and fk in ctx.desired.objects)
    return Unit(
        subject=key,
        phase=Phase.RULE_DROPS if record.rule is Rule.FOREIGN_KEY else Phase.INDEX_DROPS,
        steps=(
            Step(
                statements=(
                    *(
                        render.alter(fk, f"DROP CONSTRAINT IF EXISTS {quoted(fk.name)}")
                        for fk in moving
                    ),
                    render.alter(key, f"DROP CONSTRAINT {quoted(key.name)}"),
                ),
                reason="rows may break the rule from then on",
            ),
        ),
        step_class=StepClass.COMPATIBILITY,
        hazards=frozenset({Hazard.DROP_CONSTRAINT}),
        needs=exists(key.table, *others) | gone(*(fk for fk in resting if fk not in moving)),
        makes=gone(key, *moving),
        obstacle=Obstacle(hazard="dependents", hint=f"{', '.join(hand_made)} rest on it")
        if hand_made
        else None,
    )


def _other_keys(ctx: Context, key: Key, record: Constraint) -> tuple[Key, ...]:
    """The declared keys over the same columns that a foreign key can rest on instead."""
    if record.rule not in _KEYS:
        return ()
    return tuple(
        other
        for other, rule in sorted(ctx.desired.constraints(key.table).items())
        if other != key and rule.rule in _KEYS and set(rule.columns) == set(record.columns)
    )


def rename_rule(key: Key, to: Key) -> Unit:
    """Give a constraint or index the declared name."""
    if key.kind is Kind.INDEX:
        sql = f"ALTER INDEX {key.quoted} RENAME TO {quoted(to.name)}"
        lock = Lock.SHARE_UPDATE_EXCLUSIVE
    else:
        sql = render.alter(key, f"RENAME CONSTRAINT {quoted(key.name)} TO {quoted(to.name)}")
        lock = Lock.ACCESS_EXCLUSIVE
    return Unit(
        subject=to,
        phase=Phase.RENAMES,
        steps=(Step(statements=(sql,), reason="the same rule under another name", lock=lock),),
        step_class=StepClass.SAFE,
        needs=exists(key.table),
        makes=exists(to) | gone(key),
    )


def replace_constraint(
    ctx: Context, key: Key, before: Constraint, to: Key, after: Constraint
) -> Unit:
    """Put a constraint in the place of another one."""
    if after.rule in _KEYS:
        return _replace_key(ctx, key, before, to, after)
    drop = render.alter(key, f"DROP CONSTRAINT IF EXISTS {quoted(key.name)}")
    if after.rule is Rule.EXCLUSION:
        add = render.alter(to, f"ADD {render.constraint_definition(to, after)}")
        unit = _add_exclusion(ctx, to, after)
        return replace(unit, steps=(replace(unit.steps[0], statements=(drop, add)),))
    return Unit(
        subject=to,
        phase=phase_of(after),
        steps=_beside(key, to, after, drop),
        step_class=StepClass.ONLINE,
        needs=_needs(ctx, to, after),
        makes=exists(to) | gone(key),
        probes=probes(ctx, to, after),
    )


def _beside(key: Key, to: Key, after: Constraint, drop: str) -> tuple[Step, ...]:
    name = temporary(to, "rule") if key.name == to.name else to.name
    rename = render.alter(to, f"RENAME CONSTRAINT {quoted(name)} TO {quoted(to.name)}")
    return (
        *_build(to, after, name),
        Step(
            statements=(drop, *((rename,) if name != to.name else ())),
            reason="the new rule holds: the old one goes",
            undo=(render.alter(to, f"DROP CONSTRAINT IF EXISTS {quoted(name)}"),)
            if name != to.name
            else (),
        ),
    )


def _set_options(key: Key, before: Constraint, after: Constraint) -> Unit:
    """Storage parameters are for pages to come; the index stays."""
    names = [option.partition("=")[0] for option in before.options]
    kept = [option.partition("=")[0] for option in after.options]
    away = [name for name in names if name not in kept]
    index = key._replace(kind=Kind.INDEX).quoted
    statements = [f"ALTER INDEX {index} RESET ({', '.join(away)})"] if away else []
    if after.options:
        given = render.with_options(after.options).removeprefix(" WITH ")
        statements.append(f"ALTER INDEX {index} SET {given}")
    return Unit(
        subject=key,
        phase=Phase.RULES,
        steps=(
            Step(
                statements=tuple(statements),
                reason="changes how full the index's pages are written from then on",
                lock=Lock.SHARE_UPDATE_EXCLUSIVE,
            ),
        ),
        step_class=StepClass.SAFE,
        needs=exists(key),
        makes=exists(key),
    )


def _replace_key(ctx: Context, key: Key, before: Constraint, to: Key, after: Constraint) -> Unit:
    if key == to and replace(before, options=after.options, index=after.index) == after:
        return _set_options(key, before, after)
    resting = ctx.references_to(key.table, before.columns)
    hand_made = [str(fk) for fk in resting if fk not in ctx.managed]
    index = temporary(to, "key")
    away = (
        *(
            render.alter(fk, f"DROP CONSTRAINT IF EXISTS {quoted(fk.name)}")
            for fk in sorted(resting)
        ),
        render.alter(key, f"DROP CONSTRAINT {quoted(key.name)}"),
    )
    is_primary = after.rule is Rule.PRIMARY_KEY
    return Unit(
        subject=to,
        phase=Phase.RULES,
        steps=(build_index(to, after, index), _use_index(to, after, to.name, index, *away)),
        step_class=StepClass.COMPATIBILITY if is_primary else StepClass.ONLINE,
        hazards=frozenset({Hazard.COMPATIBILITY} if is_primary else ()),
        needs=_needs(ctx, to, after),
        makes=exists(to) | gone(key, *resting),
        probes=probes(ctx, to, after),
        obstacle=Obstacle(hazard="dependents", hint=f"{', '.join(hand_made)} rest on it")
        if hand_made
        else None,
    )


def index_to_constraint(ctx: Context, key: Key, before: Index, to: Key, after: Constraint) -> Unit:
    """Make a unique index a constraint: directly when it is the very index."""
    if before.definition == after.index and before.is_plain and before.is_valid:
        steps: tuple[Step, ...] = (
            Step(
                statements=(adopt_index(to, after, to.name, key.name),),
                reason="makes the index the rule; a moment's lock",
            ),
        )
    else:
        index = temporary(to, "key")
        away = render.drop_index(key)
        steps = (build_index(to, after, index), _use_index(to, after, to.name, index, away))
    return Unit(
        subject=to,
        phase=Phase.RULES,
        steps=steps,
        step_class=StepClass.ONLINE,
        needs=_needs(ctx, to, after),
        makes=exists(to) | gone(key),
        probes=probes(ctx, to, after),
    )

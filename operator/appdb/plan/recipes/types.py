"""Schemas, extensions, enums, domains and composite types.

Pure. A type that tables use is never dropped under them: it is made anew beside the old
one and the columns move over in one transaction.
"""

from collections.abc import Callable
from dataclasses import replace

from appdb.model.catalog import (
    Column,
    CompositeType,
    Constraint,
    DomainCheck,
    DomainType,
    EnumType,
    Extension,
    Index,
    Key,
    Kind,
    Record,
)
from appdb.model.identifiers import literal, quoted
from appdb.plan import render
from appdb.plan.hazards import Hazard, Lock, Pace, Phase, StepClass
from appdb.plan.names import temporary
from appdb.plan.recipes.context import Context, used_columns
from appdb.plan.recipes.retype import is_ready, reads_type
from appdb.plan.typechange import spelled, type_change
from appdb.plan.unit import Obstacle, Probe, Step, Token, Unit, exists, gone, retyped, typed


def create_simple(ctx: Context, key: Key, record: Record) -> Unit:
    """Make a schema, extension or type."""
    namespace = Key(Kind.NAMESPACE, "", "", key.schema)
    if isinstance(record, Extension):
        namespace = Key(Kind.NAMESPACE, "", "", record.schema)
    comment = ctx.desired.comments.get(key)
    return Unit(
        subject=key,
        phase=Phase.TYPES,
        steps=(
            Step(
                statements=(
                    render.create_simple(key, record),
                    *((render.comment(key, comment),) if comment else ()),
                ),
                reason=f"makes a new {key.kind}",
                lock=Lock.NONE,
            ),
        ),
        step_class=StepClass.SAFE,
        needs=exists(namespace) if namespace.name else frozenset(),
        makes=exists(key),
        obstacle=_not_allowed(ctx, key),
    )


def _not_allowed(ctx: Context, key: Key) -> Obstacle | None:
    if key.kind is not Kind.EXTENSION or ctx.extensions is None or key.name in ctx.extensions:
        return None
    return Obstacle(
        hazard="extension", hint=f"extension {key.name} is not allowed here: allow it first"
    )


def drop_simple(ctx: Context, key: Key) -> Unit:
    """Drop a schema, extension or type that is no longer declared."""
    word = {Kind.NAMESPACE: "SCHEMA", Kind.EXTENSION: "EXTENSION", Kind.DOMAIN: "DOMAIN"}.get(
        key.kind, "TYPE"
    )
    users = ctx.users_of(key)
    leaving = [c for c in users if c in ctx.dropped]
    changing = [c for c in users if c in ctx.retyped]
    tables = [c.table for c in users if c.table in ctx.dropped]
    staying = [
        str(c)
        for c in users
        if c not in ctx.dropped and c not in ctx.retyped and c.table not in ctx.dropped
    ]
    return Unit(
        subject=key,
        phase=Phase.TYPE_DROPS,
        steps=(
            Step(
                statements=(f"DROP {word} {key.quoted}",),
                reason=f"nothing that is declared uses this {key.kind} any more",
                lock=Lock.NONE,
            ),
        ),
        step_class=StepClass.DESTROYS,
        hazards=frozenset({Hazard.DROP_TABLE}),
        needs=gone(*leaving, *tables) | typed(*changing) | _inhabitants(ctx, key),
        makes=gone(key),
        obstacle=Obstacle(hazard="dependents", hint=f"used by {', '.join(sorted(staying))}")
        if staying
        else None,
    )


def _inhabitants(ctx: Context, key: Key) -> frozenset[Token]:
    if key.kind is not Kind.NAMESPACE:
        return frozenset()
    return gone(*(k for k in ctx.dropped if k.schema == key.name and not k.parent))


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
    unit = _remake(ctx, key, after, _enum_cast(ctx, key))
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


def _remake(
    ctx: Context, key: Key, after: EnumType | DomainType, cast: Callable[[Key, Column], str]
) -> Unit:
    """Make a type anew and move every column over, in one transaction."""
    old = key._replace(name=temporary(key, "type"))
    word = "DOMAIN" if isinstance(after, DomainType) else "TYPE"
    everyone = ctx.users_of(key)
    leaving = [c for c in everyone if c in ctx.dropped]
    turning = [c for c in everyone if c in ctx.retyped and not _stays(ctx, c, key)]
    users = {c: r for c, r in everyone.items() if c not in {*leaving, *turning}}
    rules = _rules_on(ctx, users)
    statements = [
        f"ALTER {word} {key.quoted} RENAME TO {quoted(old.name)}",
        render.create_type(key, after),
        *(_rule_away(ctx, rule) for rule in rules),
        *(_move(ctx, column, record, cast(column, record)) for column, record in users.items()),
        *(
            _rule_back(rule, ctx.desired.objects[rule])
            for rule in rules
            if is_ready(ctx, rule, frozenset(users))
        ),
        f"DROP {word} {old.quoted}",
    ]
    strangers = sorted(
        {s for column in users for s in ctx.live.dependents.get(ctx.origin(column), ())}
    )
    return Unit(
        subject=key,
        phase=Phase.COLUMNS,
        steps=(
            Step(
                statements=tuple(statements),
                reason="the type is made anew; every row that uses it is written again",
                pace=Pace.LONG,
                may_scan=True,
            ),
        ),
        step_class=StepClass.BLOCKS,
        needs=exists(key) | gone(*leaving) | typed(*turning),
        makes=exists(key)
        | retyped(*(c for c in users if c not in ctx.retyped))
        | gone(*(rule for rule in rules if not is_ready(ctx, rule, frozenset(users)))),
        rewrites=tuple(sorted({ctx.origin(c.table) for c in users})),
        obstacle=Obstacle(hazard="dependents", hint=f"used by {', '.join(strangers)}")
        if strangers
        else None,
    )


def _stays(ctx: Context, column: Key, base: Key) -> bool:
    wanted = ctx.desired.column(column)
    return wanted is not None and wanted.base == base


def _rules_on(ctx: Context, users: dict[Key, Column]) -> tuple[Key, ...]:
    found = []
    for column in users:
        for rule in sorted(ctx.live.children(column.table)):
            record = ctx.live.objects[rule]
            reads = column.name in used_columns(ctx.live, rule)
            if reads and reads_type(record) and rule not in found:
                found.append(rule)
    return tuple(found)


def _rule_away(ctx: Context, rule: Key) -> str:
    if isinstance(ctx.live.objects[rule], Index):
        return render.drop_index(rule)
    return render.alter(rule, f"DROP CONSTRAINT {quoted(rule.name)}")


def _rule_back(rule: Key, record: Record) -> str:
    if isinstance(record, Index):
        return render.create_index(rule, record)
    assert isinstance(record, Constraint)  # noqa: S101 - a rule is one or the other
    return render.alter(rule, f"ADD {render.constraint_definition(rule, record)}")


def _move(ctx: Context, column: Key, record: Column, cast: str) -> str:
    name = quoted(column.name)
    wanted = ctx.desired.column(column)
    default = wanted.default if wanted is not None else record.default
    target = wanted if wanted is not None and wanted.base == record.base else record
    actions = [f"ALTER COLUMN {name} TYPE {render.column_type(target)} USING {cast}"]
    if record.default is not None:
        actions.insert(0, f"ALTER COLUMN {name} DROP DEFAULT")
    if default is not None:
        actions.append(f"ALTER COLUMN {name} SET DEFAULT {default}")
    return render.alter(column, *actions)


def change_domain(ctx: Context, key: Key, before: DomainType, after: DomainType) -> list[Unit]:
    """Change a domain: its rules one by one, its base by making it anew."""
    if before.base != after.base or before.collation != after.collation:
        return [_remake_domain(ctx, key, before, after)]
    units = []
    if before.default != after.default:
        action = "DROP DEFAULT" if after.default is None else f"SET DEFAULT {after.default}"
        units.append(_alter_domain(key, (action,), "changes what new rows get"))
    if before.not_null and not after.not_null:
        units.append(_alter_domain(key, ("DROP NOT NULL",), "allows NULL in the domain"))
    if after.not_null and not before.not_null:
        unit = _alter_domain(key, ("SET NOT NULL",), "checks every column of the domain")
        units.append(
            replace(
                unit,
                step_class=StepClass.ONLINE,
                probes=_ask_users(ctx, key, "{c} IS NULL", "notNull"),
            )
        )
    return units + _change_checks(ctx, key, before, after)


def _alter_domain(key: Key, actions: tuple[str, ...], reason: str) -> Unit:
    return Unit(
        subject=key,
        phase=Phase.TYPES,
        steps=(
            Step(
                statements=tuple(f"ALTER DOMAIN {key.quoted} {action}" for action in actions),
                reason=reason,
                lock=Lock.SHARE,
                may_scan=True,
            ),
        ),
        step_class=StepClass.SAFE,
        makes=exists(key),
    )


def _ask_users(ctx: Context, key: Key, condition: str, hazard: str) -> tuple[Probe, ...]:
    return tuple(
        Probe(
            table=ctx.origin(column.table),
            source=ctx.origin(column.table).quoted,
            condition=condition.replace("{c}", quoted(ctx.origin(column).name)),
            hazard=hazard,
            hint=f"rows break the rule of {key}: change them",
            column=column.name,
            keys=ctx.row_keys(column.table),
        )
        for column, record in ctx.users_of(key).items()
        if spelled(record.type).dimensions == 0
    )


def _change_checks(ctx: Context, key: Key, before: DomainType, after: DomainType) -> list[Unit]:
    old = {c.name: c for c in before.checks}
    new = {c.name: c for c in after.checks}
    units = []
    for name, check in new.items():
        present = old.get(name)
        if present == check:
            continue
        if present is not None and present.definition == check.definition:
            units.append(_validate_check(ctx, key, check))
        else:
            units.append(_add_check(ctx, key, check, replaces=present is not None))
    for name in old.keys() - new.keys():
        unit = _alter_domain(
            key, (f"DROP CONSTRAINT {quoted(name)}",), "values may break the rule from then on"
        )
        units.append(
            replace(
                unit,
                step_class=StepClass.COMPATIBILITY,
                hazards=frozenset({Hazard.DROP_CONSTRAINT}),
            )
        )
    return units


def _domain_probes(ctx: Context, key: Key, check: DomainCheck) -> tuple[Probe, ...]:
    expression = check.definition.removeprefix("CHECK ").replace("VALUE", "{c}")
    return _ask_users(ctx, key, f"NOT {expression}", "check")


def _validate_check(ctx: Context, key: Key, check: DomainCheck) -> Unit:
    unit = _alter_domain(
        key, (f"VALIDATE CONSTRAINT {quoted(check.name)}",), "checks the values that are there"
    )
    return replace(unit, step_class=StepClass.ONLINE, probes=_domain_probes(ctx, key, check))


def _add_check(ctx: Context, key: Key, check: DomainCheck, *, replaces: bool) -> Unit:
    head = f"ALTER DOMAIN {key.quoted}"
    name = temporary(key._replace(parent=check.name), "rule") if replaces else check.name
    undo = (f"{head} DROP CONSTRAINT IF EXISTS {quoted(name)}",)
    steps = [
        Step(
            statements=(f"{head} ADD CONSTRAINT {quoted(name)} {check.definition} NOT VALID",),
            reason="new values must obey at once",
            lock=Lock.NONE,
            undo=undo,
        ),
        Step(
            statements=(f"{head} VALIDATE CONSTRAINT {quoted(name)}",),
            reason="checks the values that are there",
            lock=Lock.SHARE,
            pace=Pace.LONG,
            undo=undo,
            may_scan=True,
        ),
    ]
    if replaces:
        steps.append(
            Step(
                statements=(
                    f"{head} DROP CONSTRAINT {quoted(check.name)}",
                    f"{head} RENAME CONSTRAINT {quoted(name)} TO {quoted(check.name)}",
                ),
                reason="the new rule holds: the old one goes",
                lock=Lock.NONE,
                undo=undo,
            )
        )
    return Unit(
        subject=key,
        phase=Phase.TYPES,
        steps=tuple(steps),
        step_class=StepClass.ONLINE,
        makes=exists(key),
        probes=_domain_probes(ctx, key, check),
    )


def _remake_domain(ctx: Context, key: Key, before: DomainType, after: DomainType) -> Unit:
    base = Column(
        type=before.base,
        base=None,
        not_null=False,
        default=None,
        identity="",
        counter=None,
        generated="",
        collation=None,
        position=0,
    )
    found = type_change(base, replace(base, type=after.base))

    def cast(column: Key, _: Column) -> str:
        return f"({ctx.casts.get(column, quoted(column.name))})::{before.base}::{key.quoted}"

    unit = _remake(ctx, key, after, cast)
    probes = _ask_users(ctx, key, found.loses, "narrow") if found.loses else ()
    is_given = all(column in ctx.casts for column in ctx.users_of(key))
    obstacle = unit.obstacle
    if not found.is_possible and not is_given:
        obstacle = Obstacle(
            hazard="cast",
            hint=f"no safe cast from {before.base} to {after.base}: give --cast for each column",
        )
    return replace(
        unit,
        step_class=max(found.step_class, StepClass.BLOCKS, key=lambda c: c.rank),
        hazards=frozenset({found.hazard} if found.hazard else ()),
        probes=probes,
        obstacle=obstacle,
    )


def change_composite(
    ctx: Context, key: Key, before: CompositeType, after: CompositeType
) -> list[Unit]:
    """Add attributes at once; dropping or retyping them loses what they hold."""
    old, new = dict(before.attributes), dict(after.attributes)
    added = [f"ADD ATTRIBUTE {quoted(a)} {new[a]}" for a in new if a not in old]
    dropped = [f"DROP ATTRIBUTE {quoted(a)}" for a in old if a not in new]
    changed = [
        f"ALTER ATTRIBUTE {quoted(a)} TYPE {new[a]}" for a in new if a in old and old[a] != new[a]
    ]
    units = []
    if added:
        units.append(_alter_composite(key, added, "adds an attribute, NULL in present values"))
    if dropped:
        unit = _alter_composite(key, dropped, "deletes an attribute and its values for good")
        units.append(
            replace(
                unit,
                step_class=StepClass.DESTROYS,
                hazards=frozenset({Hazard.DROP_COLUMN}),
            )
        )
    if changed:
        unit = _alter_composite(key, changed, "changes an attribute's type")
        users = sorted(map(str, ctx.users_of(key)))
        units.append(
            replace(
                unit,
                step_class=StepClass.DESTROYS,
                hazards=frozenset({Hazard.NARROW}),
                obstacle=Obstacle(
                    hazard="dependents",
                    hint=f"Postgres cannot change an attribute's type while columns use it:"
                    f" {', '.join(users)}",
                )
                if users
                else None,
            )
        )
    return units


def _alter_composite(key: Key, actions: list[str], reason: str) -> Unit:
    return Unit(
        subject=key,
        phase=Phase.TYPES,
        steps=(
            Step(
                statements=(f"ALTER TYPE {key.quoted} {', '.join(actions)}",),
                reason=reason,
            ),
        ),
        step_class=StepClass.SAFE,
        makes=exists(key),
    )

"""Making a type anew beside the old one and moving every column over, in one transaction.

Pure. A type that tables use is never dropped under them.
"""

from collections.abc import Callable

from appdb.model.catalog import (
    Column,
    CompositeType,
    Constraint,
    DomainType,
    EnumType,
    Index,
    Key,
    Record,
)
from appdb.model.identifiers import quoted
from appdb.plan import render
from appdb.plan.hazards import Pace, Phase, StepClass
from appdb.plan.names import temporary
from appdb.plan.recipes.context import Context, used_columns
from appdb.plan.recipes.retype import (
    computed_away,
    computed_back,
    computed_from,
    gone_with,
    is_ready,
    reads_type,
)
from appdb.plan.unit import Obstacle, Step, Unit, exists, gone, retyped, typed


def remake(
    ctx: Context,
    key: Key,
    after: EnumType | DomainType | CompositeType,
    cast: Callable[[Key, Column], str],
) -> Unit:
    """Make a type anew and move every column over, in one transaction."""
    old = key._replace(name=temporary(key, "type"))
    word = "DOMAIN" if isinstance(after, DomainType) else "TYPE"
    everyone = ctx.users_of(key)
    leaving = [c for c in everyone if c in ctx.dropped]
    turning = [c for c in everyone if c in ctx.retyped and not _stays(ctx, c, key)]
    users = {c: r for c, r in everyone.items() if c not in {*leaving, *turning}}
    rules = _rules_on(ctx, users)
    computed = computed_from(ctx, *users)
    statements = [
        f"ALTER {word} {key.quoted} RENAME TO {quoted(old.name)}",
        render.create_type(key, after),
        *(_rule_away(ctx, rule) for rule in rules),
        *computed_away(computed),
        *(_move(ctx, column, record, cast(column, record)) for column, record in users.items()),
        *computed_back(ctx, computed),
        *(
            _rule_back(rule, ctx.desired.objects[rule])
            for rule in rules
            if is_ready(ctx, rule, frozenset(users))
        ),
        f"DROP {word} {old.quoted}",
    ]
    strangers = sorted(
        {
            s
            for column in (*users, *computed)
            for s in ctx.live.dependents.get(ctx.origin(column), ())
        }
        | {*ctx.foreign_rules(rules)}
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
        | gone(*(rule for rule in rules if not is_ready(ctx, rule, frozenset(users))))
        | gone(*gone_with(ctx, *computed)),
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

"""Domains: their rules one by one, their base by making them anew.

Pure.
"""

from dataclasses import replace

from appdb.model.catalog import (
    Column,
    DomainCheck,
    DomainType,
    Key,
    Kind,
)
from appdb.model.identifiers import quoted
from appdb.plan.hazards import Hazard, Lock, Pace, Phase, StepClass
from appdb.plan.names import temporary
from appdb.plan.recipes.context import Context, broken, is_domain
from appdb.plan.recipes.remake import remake
from appdb.plan.typechange import spelled, type_change
from appdb.plan.unit import Obstacle, Probe, Step, Unit, exists


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
        for column, record in _columns_of(ctx, key).items()
        if spelled(record.type).dimensions == 0
    )


def _columns_of(ctx: Context, key: Key) -> dict[Key, Column]:
    """The present columns of a domain and of the domains that are made of it."""
    found = ctx.users_of(key)
    for other in ctx.live.keys(Kind.DOMAIN):
        record = ctx.live.objects[other]
        if isinstance(record, DomainType) and is_domain(record.base, key):
            found |= _columns_of(ctx, other)
    return found


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
    return _ask_users(ctx, key, broken(check), "check")


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

    unit = remake(ctx, key, after, cast)
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

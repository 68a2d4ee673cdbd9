"""Composite types: attributes added and dropped in place, retyped by making the type anew.

Pure. Postgres refuses to change an attribute's type while a column holds it.
"""

from dataclasses import replace

from appdb.model.catalog import Column, CompositeType, Key
from appdb.model.identifiers import quoted
from appdb.plan.hazards import Hazard, Phase, StepClass
from appdb.plan.recipes.context import Context
from appdb.plan.recipes.remake import remake
from appdb.plan.typechange import TypeChange, spelled, type_change
from appdb.plan.unit import Obstacle, Probe, Step, Unit, exists

_PLAIN = Column(
    type="",
    base=None,
    not_null=False,
    default=None,
    identity="",
    counter=None,
    generated="",
    collation=None,
    position=0,
)


def change_composite(
    ctx: Context, key: Key, before: CompositeType, after: CompositeType
) -> list[Unit]:
    """Add attributes at once; dropping them loses what they hold; retyping makes the type anew."""
    old, new = dict(before.attributes), dict(after.attributes)
    if any(a in old and old[a] != new[a] for a in new):
        return [_remake_composite(ctx, key, before, after)]
    added = [f"ADD ATTRIBUTE {quoted(a)} {new[a]}" for a in new if a not in old]
    dropped = [f"DROP ATTRIBUTE {quoted(a)}" for a in old if a not in new]
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


def _remake_composite(ctx: Context, key: Key, before: CompositeType, after: CompositeType) -> Unit:
    old, new = dict(before.attributes), dict(after.attributes)
    changes = {
        a: type_change(replace(_PLAIN, type=old[a]), replace(_PLAIN, type=new[a]))
        for a in new
        if a in old and old[a] != new[a]
    }

    def cast(column: Key, _: Column) -> str:
        name = quoted(column.name)
        parts = [
            f"({name}).{quoted(a)}" + (f"::{new[a]}" if a in changes else "")
            if a in old
            else f"NULL::{new[a]}"
            for a in new
        ]
        made = f"ROW({', '.join(parts)})::{key.quoted}"
        return f"CASE WHEN {name} IS DISTINCT FROM NULL THEN {made} END"

    unit = remake(ctx, key, after, cast)
    users = ctx.users_of(key)
    is_lossy = any(c.loses or not c.is_possible for c in changes.values())
    hazards = ({Hazard.NARROW} if is_lossy and users else set()) | (
        {Hazard.DROP_COLUMN} if users and old.keys() - new.keys() else set()
    )
    mildest = StepClass.BLOCKS if users else StepClass.SAFE
    return replace(
        unit,
        steps=(replace(unit.steps[0], reason="an attribute changes: the type is made anew"),),
        step_class=StepClass.DESTROYS if hazards else mildest,
        hazards=frozenset(hazards),
        probes=tuple(p for a, c in changes.items() if c.loses for p in _ask(ctx, key, a, c)),
        obstacle=unit.obstacle or _cannot(ctx, key, changes),
    )


def _ask(ctx: Context, key: Key, attribute: str, change: TypeChange) -> list[Probe]:
    assert change.loses is not None  # noqa: S101 - the caller looked
    return [
        Probe(
            table=ctx.origin(column.table),
            source=ctx.origin(column.table).quoted,
            condition=change.loses.format(
                c=f"({quoted(ctx.origin(column).name)}).{quoted(attribute)}"
            ),
            hazard="narrow",
            hint=f"values of {attribute} do not fit its new type: change these rows",
            column=column.name,
            keys=ctx.row_keys(column.table),
        )
        for column in ctx.users_of(key)
    ]


def _cannot(ctx: Context, key: Key, changes: dict[str, TypeChange]) -> Obstacle | None:
    """Arrays would need a loop over elements, and some types have no cast between them."""
    users = ctx.users_of(key)
    arrays = sorted(str(c) for c, record in users.items() if spelled(record.type).dimensions)
    if arrays:
        hint = f"{', '.join(arrays)} hold arrays of the type: change these by hand"
        return Obstacle(hazard="dependents", hint=hint)
    impossible = sorted(a for a, c in changes.items() if not c.is_possible)
    if impossible and users:
        hint = f"no safe cast for {', '.join(impossible)}: add another attribute and fill it"
        return Obstacle(hazard="cast", hint=hint)
    return None

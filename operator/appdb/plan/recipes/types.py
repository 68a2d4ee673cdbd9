"""Schemas, extensions and composite types.

Pure.
"""

from dataclasses import replace

from appdb.model.catalog import (
    CompositeType,
    Extension,
    Key,
    Kind,
    Record,
)
from appdb.model.identifiers import quoted
from appdb.plan import render
from appdb.plan.hazards import Hazard, Lock, Phase, StepClass
from appdb.plan.recipes.context import Context
from appdb.plan.unit import Obstacle, Step, Token, Unit, exists, gone, typed


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

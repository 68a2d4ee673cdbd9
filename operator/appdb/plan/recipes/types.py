"""Schemas, extensions and types: making and dropping them.

Pure.
"""

from appdb.model.catalog import Extension, Key, Kind, Record
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

"""Points out what looks like a rename that nobody declared.

Pure. Never acts on it: a rename is only what a person declares.
"""

from dataclasses import replace

from appdb.model.catalog import Catalog, Key, Kind
from appdb.model.identifiers import quoted
from appdb.plan.recipes.context import Context
from appdb.plan.unit import Unit


def possible_rename(ctx: Context, unit: Unit) -> Unit:
    """Add the hint to a drop for which something alike is new."""
    key = unit.subject
    found = _like_table(ctx, key) if key.kind is Kind.TABLE else _like_column(ctx, key)
    if found is None:
        return unit
    if found.schema != key.schema:
        by_hand = f"ALTER TABLE {key.quoted} SET SCHEMA {quoted(found.schema)}"
        return replace(unit, possible_rename=f"by hand, before this release: {by_hand}")
    return replace(unit, possible_rename=f"--rename {key}={found.name}")


def _like_column(ctx: Context, key: Key) -> Key | None:
    before = ctx.live.column(key)
    if before is None:
        return None
    for name, after in ctx.desired.columns(key.table).items():
        other = key._replace(name=name)
        if other in ctx.created and after.type == before.type:
            return other
    return None


def _like_table(ctx: Context, key: Key) -> Key | None:
    shape = _shape(ctx.live, key)
    for other in ctx.desired.keys(Kind.TABLE):
        if other in ctx.created and _shape(ctx.desired, other) == shape:
            return other
    return None


def _shape(catalog: Catalog, table: Key) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, c.type) for name, c in catalog.columns(table).items()))

"""Whole tables: made in one transaction, dropped only when told, never with CASCADE.

Pure.
"""

from appdb.model.catalog import Column, Constraint, Key, Kind, Rule, Table
from appdb.model.identifiers import quoted
from appdb.plan import render
from appdb.plan.hazards import Hazard, Lock, Pace, Phase, StepClass
from appdb.plan.recipes.context import Context
from appdb.plan.sync import drop_sync
from appdb.plan.unit import Obstacle, Step, Unit, exists, gone


def create_table(ctx: Context, key: Key) -> Unit:
    """Make a table with all that belongs to it but its foreign keys."""
    columns = ctx.desired.columns(key)
    parts = (key, *ctx.desired.children(key))
    return Unit(
        subject=key,
        phase=Phase.TABLES,
        steps=(
            Step(
                statements=render.create_table_parts(key, ctx.desired),
                reason="makes a new table",
                lock=Lock.NONE,
            ),
        ),
        step_class=StepClass.SAFE,
        needs=exists(
            Key(Kind.NAMESPACE, "", "", key.schema),
            *(column.base for column in columns.values() if column.base),
            *_own_sequences_used(ctx, columns),
        ),
        makes=exists(*(p for p in parts if not _is_reference(ctx, p))),
    )


def _is_reference(ctx: Context, key: Key) -> bool:
    record = ctx.desired.objects.get(key)
    return isinstance(record, Constraint) and record.rule is Rule.FOREIGN_KEY


def _own_sequences_used(ctx: Context, columns: dict[str, Column]) -> tuple[Key, ...]:
    texts = " ".join(column.default or "" for column in columns.values())
    if "nextval(" not in texts:
        return ()
    return tuple(key for key in ctx.created if key.kind is Kind.SEQUENCE and key.name in texts)


def alter_table(ctx: Context, key: Key, before: Table, after: Table) -> list[Unit]:
    """Change storage parameters, or whether the table survives a crash."""
    units = []
    old, new = dict(_pairs(before)), dict(_pairs(after))
    changed = tuple(f"{n}={v}" for n, v in new.items() if old.get(n) != v)
    reset = sorted(old.keys() - new.keys())
    actions = [f"SET{render.with_options(changed).removeprefix(' WITH')}"] if changed else []
    actions += [f"RESET ({', '.join(reset)})"] if reset else []
    if actions:
        units.append(
            Unit(
                subject=key,
                phase=Phase.COLUMNS,
                steps=(
                    Step(
                        statements=(f"ALTER TABLE {key.quoted} {', '.join(actions)}",),
                        reason="changes how new rows are stored",
                        lock=Lock.SHARE_UPDATE_EXCLUSIVE,
                    ),
                ),
                step_class=StepClass.SAFE,
                needs=exists(key),
            )
        )
    if before.is_unlogged != after.is_unlogged:
        word = "UNLOGGED" if after.is_unlogged else "LOGGED"
        units.append(
            Unit(
                subject=key,
                phase=Phase.COLUMNS,
                steps=(
                    Step(
                        statements=(f"ALTER TABLE {key.quoted} SET {word}",),
                        reason="writes the whole table again"
                        + (": a crash will empty it from then on" if after.is_unlogged else ""),
                        pace=Pace.LONG,
                    ),
                ),
                step_class=StepClass.BLOCKS,
                needs=exists(key),
                rewrites=(ctx.origin(key),),
            )
        )
    return units


def _pairs(table: Table) -> list[tuple[str, str]]:
    return [(n, v) for n, _, v in (option.partition("=") for option in table.options)]


def _holding_parents(ctx: Context, key: Key) -> str:
    """While the drop waits, rows of other tables that its rows point at cannot be deleted."""
    held = sorted(
        str(record.target)
        for record in ctx.live.constraints(key).values()
        if record.target is not None
        and record.target != key
        and record.target not in ctx.dropped
        and "ON DELETE" not in record.definition
    )
    if not held:
        return ""
    return f"; until then its rows keep those of {', '.join(held)} that they point at"


def drop_table(ctx: Context, key: Key) -> Unit:
    """Drop a table that is no longer declared."""
    incoming = ctx.references_to(key, ())
    from_others = {fk: r for fk, r in incoming.items() if fk.table != key}
    hand_made = [str(fk) for fk in from_others if fk.table not in ctx.managed]
    strangers = [*ctx.live.dependents.get(ctx.origin(key), ()), *hand_made]
    # Dropped tables that point at each other: the keys between them go first.
    among = sorted(fk for fk in from_others if fk.table in ctx.dropped)
    from_living = [
        fk for fk in from_others if fk.table not in ctx.dropped and fk.table in ctx.managed
    ]
    return Unit(
        subject=key,
        phase=Phase.TABLE_DROPS,
        steps=(
            Step(
                statements=(
                    *(
                        f"ALTER TABLE IF EXISTS {fk.relation}"
                        f" DROP CONSTRAINT IF EXISTS {quoted(fk.name)}"
                        for fk in among
                    ),
                    f"DROP TABLE {key.quoted}",
                    *(drop_sync(s)[-1] for s in ctx.live.syncs if s.table == key),
                ),
                reason="deletes the table and its rows for good" + _holding_parents(ctx, key),
            ),
        ),
        step_class=StepClass.DESTROYS,
        hazards=frozenset({Hazard.DROP_TABLE}),
        needs=gone(*from_living),
        makes=gone(key, *ctx.live.children(key)),
        obstacle=Obstacle(
            hazard="dependents", hint=f"used by {', '.join(strangers)}: drop or change these first"
        )
        if strangers
        else None,
    )

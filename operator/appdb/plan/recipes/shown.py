"""Shows a live table as the release would, so that it can be asked about before.

Pure text. Columns that do not exist yet are shown as what would fill them; a column with
a new type or a backfill is shown with it.
"""

from dataclasses import dataclass

from appdb.model.catalog import Column, Key, Kind
from appdb.model.identifiers import quoted
from appdb.plan.recipes.context import Context, is_retyped
from appdb.plan.unit import Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """`source` is for FROM; `is_assumed` when some column is not what it is today."""

    source: str
    is_assumed: bool
    is_answerable: bool = True


def shown(ctx: Context, table: Key, names: tuple[str, ...]) -> Shown:
    """Show these columns of a table, and its primary key."""
    origin = ctx.origin(table)
    keys = ctx.live.primary_key(table)
    wanted = tuple(dict.fromkeys((*names, *keys)))
    texts = [_column(ctx, table, name) for name in wanted]
    is_answerable = all(text is not None for text in texts)
    plain = [quoted(name) for name in wanted]
    if texts == plain:
        return Shown(source=origin.quoted, is_assumed=False)
    listed = ", ".join(f"{text} AS {name}" for text, name in zip(texts, plain, strict=True))
    view = f"(SELECT {listed} FROM {origin.quoted})"  # noqa: S608 - quoted names, deparsed text
    return Shown(
        source=view,
        is_assumed=True,
        is_answerable=is_answerable,
    )


def _column(ctx: Context, table: Key, name: str) -> str | None:
    key = Key(Kind.COLUMN, table.schema, table.name, name)
    before, after = ctx.live.column(key), ctx.desired.column(key)
    if before is None:
        return None if after is None else _new_column(ctx, key, after)
    text = quoted(ctx.origin(key).name)
    if after is not None and is_retyped(before, after):
        # A cast is written with today's or tomorrow's name; only an unrenamed one is clear.
        given = ctx.casts.get(key)
        if given is not None and text != quoted(name):
            return None
        text = f"({given or text})::{after.type}"
    if key in ctx.backfills and after is not None:
        text = f"coalesce({text}, ({ctx.backfills[key]})::{after.type})"
    return text


def _new_column(ctx: Context, key: Key, column: Column) -> str | None:
    filled = ctx.backfills.get(key, None if column.generated else column.default)
    # What a source calls may do anything: only what Postgres trusts not to is asked with.
    is_own = key not in ctx.backfills and column.is_volatile
    if column.identity or is_own or (filled is not None and "nextval(" in filled):
        return None
    if column.generated:
        return f"({column.default})::{column.type}"
    return f"({filled or 'NULL'})::{column.type}"


def ask(
    ctx: Context,
    table: Key,
    *,
    names: tuple[str, ...],
    condition: str,
    hazard: str,
    hint: str,
    column: str | None = None,
    group: str = "",
) -> tuple[Probe, ...]:
    """Build the probe of a rule on columns of a table; nothing for a table that is not there."""
    if table not in ctx.live.objects:
        return ()
    view = shown(ctx, table, names)
    if not view.is_answerable:
        return ()
    return (
        Probe(
            table=ctx.origin(table),
            source=view.source,
            condition=condition,
            hazard=hazard,
            hint=hint,
            column=column if column is not None else (names[0] if len(names) == 1 else None),
            group=group,
            keys=ctx.live.primary_key(table),
            is_assumed=view.is_assumed,
        ),
    )

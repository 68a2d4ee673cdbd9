"""Keys and indexes that move to a new column while the old one still needs them.

Pure. What has a name of its own is simply built; where both releases use one name, the new
one takes it and the old one serves on under a name of ours until its column goes.
"""

from dataclasses import replace

from appdb.model.catalog import Constraint, Index, Key, Rule
from appdb.model.identifiers import qualified, quoted
from appdb.plan import render
from appdb.plan.diff import Replaced
from appdb.plan.expansions import Expansion, Stage
from appdb.plan.names import KEPT, is_kept, temporary
from appdb.plan.recipes import indexes, rules
from appdb.plan.recipes.context import Context, used_columns
from appdb.plan.unit import Step, Unit


def keeps_old(ctx: Context, change: Replaced) -> bool:
    """Tell whether a key or index moves to the new column while the old one still needs it."""
    return _kept_for(ctx, change) is not None


def _kept_for(ctx: Context, change: Replaced) -> Expansion | None:
    before, after = change.before, change.after
    if not _is_index(before) or not _is_index(after):
        return None
    return next(
        (
            e
            for e in ctx.expansions
            if e.source.table == change.key.table
            and e.stage not in {Stage.BLOCKED, Stage.LOOSE}
            and e.source.name in used_columns(ctx.live, change.key)
            and e.target.name in used_columns(ctx.desired, change.to)
        ),
        None,
    )


def _is_index(record: Constraint | Index) -> bool:
    return isinstance(record, Index) or record.rule is Rule.UNIQUE


def beside_old(ctx: Context, change: Replaced) -> Unit:
    """Build the declared key or index; the old one stays, under another name if need be."""
    expansion = _kept_for(ctx, change)
    assert expansion is not None  # noqa: S101 - the caller looked
    key, to, after = change.key, change.to, change.after
    made = (
        rules.add_constraint(ctx, to, after)
        if isinstance(after, Constraint)
        else indexes.create_index(ctx, to, after)
    )
    if key.name != to.name:
        return made
    aside = _kept_name(key, expansion.source)
    rename = _rename_sql(ctx, key, aside)
    back = _waiting(ctx, change)
    if back is not None:
        return replace(
            made,
            steps=(
                Step(
                    statements=(rename, _rename_sql(ctx, back, to.name)),
                    reason="the rule of the old name is still there: it takes its name again",
                ),
            ),
            probes=(),
        )
    index = temporary(to, "index")
    build = rules.build_index(to, after, index)
    take = (
        rules.adopt_index(to, after, to.name, index)
        if isinstance(after, Constraint)
        else f"ALTER INDEX {qualified(to.schema, index)} RENAME TO {quoted(to.name)}"
    )
    return replace(
        made,
        steps=(
            build,
            Step(
                statements=(rename, take),
                reason="the new one takes the name; the old one serves on until its column goes",
                undo=build.undo,
            ),
        ),
    )


def _kept_name(key: Key, column: Key) -> str:
    return temporary(key._replace(name=f"{key.name}/{column.name}"), KEPT)


def _waiting(ctx: Context, change: Replaced) -> Key | None:
    """A kept rule that says what is declared again."""
    return next(
        (
            key
            for key in ctx.live.children(change.to.table)
            if is_kept(key.name) and ctx.live.objects[key] == change.after
        ),
        None,
    )


def _rename_sql(ctx: Context, key: Key, name: str) -> str:
    if isinstance(ctx.live.objects[key], Constraint):
        return render.alter(key, f"RENAME CONSTRAINT {quoted(key.name)} TO {quoted(name)}")
    index = qualified(key.schema, key.name)
    return f"ALTER INDEX {index} RENAME TO {quoted(name)}"

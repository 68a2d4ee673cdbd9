"""Names, comments, leftovers of interrupted runs, and the few things Postgres cannot change.

Pure.
"""

from collections.abc import Iterable

from appdb.model.catalog import Constraint, Index, Key, Kind, Record, Sequence
from appdb.model.identifiers import quoted
from appdb.plan import render
from appdb.plan.diff import Renamed
from appdb.plan.hazards import Hazard, Lock, Pace, Phase, StepClass
from appdb.plan.names import temporary
from appdb.plan.recipes.columns import fill
from appdb.plan.recipes.rules import rename_rule
from appdb.plan.unit import Obstacle, Step, Unit, exists, gone, typed

_WORDS = {
    Kind.ENUM: "TYPE",
    Kind.COMPOSITE: "TYPE",
    Kind.DOMAIN: "DOMAIN",
    Kind.SEQUENCE: "SEQUENCE",
    Kind.TABLE: "TABLE",
}


def rename_object(key: Key, to: Key, record: Record) -> Unit:
    """Give something the declared name; nothing else of it changes."""
    if key.kind in {Kind.CONSTRAINT, Kind.INDEX}:
        return rename_rule(key, to)
    owner = record.owner if isinstance(record, Sequence) else None
    return Unit(
        subject=to,
        phase=Phase.RENAMES,
        steps=(
            Step(
                statements=(f"ALTER {_WORDS[key.kind]} {key.quoted} RENAME TO {quoted(to.name)}",),
                reason="the same thing under another name",
            ),
        ),
        step_class=StepClass.SAFE,
        needs=exists(owner.table) if owner is not None else frozenset(),
        makes=exists(to) | gone(key),
    )


def rename_together(changes: Iterable[Renamed]) -> Unit:
    """Give names to things whose names are still each other's, in one transaction."""
    changes = tuple(changes)
    first, second = [], []
    for change in changes:
        aside = change.key._replace(name=temporary(change.key, "swap"))
        first.append(_rename_sql(change.key, aside))
        second.append(_rename_sql(aside, change.to))
    return Unit(
        subject=changes[0].to,
        phase=Phase.RENAMES,
        steps=(
            Step(
                statements=(*first, *second),
                reason="the same things under other names, which are still each other's",
            ),
        ),
        step_class=StepClass.SAFE,
        needs=exists(*(c.key.table for c in changes if c.key.parent)),
        makes=exists(*(c.to for c in changes)) | gone(*(c.key for c in changes)),
    )


def _rename_sql(key: Key, to: Key) -> str:
    if key.kind is Kind.CONSTRAINT:
        return render.alter(key, f"RENAME CONSTRAINT {quoted(key.name)} TO {quoted(to.name)}")
    word = "INDEX" if key.kind is Kind.INDEX else _WORDS[key.kind]
    return f"ALTER {word} {key.quoted} RENAME TO {quoted(to.name)}"


def set_comment(key: Key, text: str | None) -> Unit:
    """Set or clear a comment."""
    return Unit(
        subject=key,
        phase=Phase.COMMENTS,
        steps=(
            Step(
                statements=(render.comment(key, text),),
                reason="changes a comment",
                lock=Lock.SHARE_UPDATE_EXCLUSIVE,
            ),
        ),
        step_class=StepClass.SAFE,
        needs=exists(key, key.table) if key.parent else exists(key),
    )


def clean(key: Key, record: Record) -> Unit:
    """Take away what an interrupted run left behind."""
    if isinstance(record, Index):
        return Unit(
            subject=key,
            phase=Phase.DEBRIS,
            steps=(
                Step(
                    statements=(render.drop_index(key, online=True),),
                    reason="takes away an index that an interrupted run left",
                    lock=Lock.SHARE_UPDATE_EXCLUSIVE,
                    pace=Pace.ONLINE,
                    is_transactional=False,
                    rehearsal=(render.drop_index(key),),
                ),
            ),
            step_class=StepClass.SAFE,
            makes=gone(key),
        )
    if isinstance(record, Constraint):
        sql = render.alter(key, f"DROP CONSTRAINT IF EXISTS {quoted(key.name)}")
    else:
        sql = f"DROP {_WORDS.get(key.kind, 'TYPE')} IF EXISTS {key.quoted}"
    return Unit(
        subject=key,
        phase=Phase.DEBRIS,
        steps=(Step(statements=(sql,), reason="takes away what an interrupted run left"),),
        step_class=StepClass.SAFE,
        makes=gone(key),
    )


def fill_rest(key: Key, expression: str) -> Unit:
    """Go on with a backfill."""
    return Unit(
        subject=key,
        phase=Phase.COLUMNS,
        steps=(fill(key, expression),),
        step_class=StepClass.ONLINE,
        needs=typed(key),
    )


def cannot_move(key: Key) -> Unit:
    """An extension in another schema, or an object of another kind under the same name."""
    return Unit(
        subject=key,
        phase=Phase.TYPES,
        steps=(),
        step_class=StepClass.DESTROYS,
        hazards=frozenset({Hazard.COMPATIBILITY}),
        obstacle=Obstacle(
            hazard="unsupported",
            hint=f"{key.kind} {key} stands there in another form: move or drop it by hand",
        ),
    )

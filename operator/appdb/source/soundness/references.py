"""Foreign keys that load: a table, a key and types that fit on the other side."""

from collections.abc import Iterable, Mapping

from appdb.model.schema import Action, Column, ForeignKey, PrimaryKey, Table, Unique
from appdb.source.merge import Place, place
from appdb.source.soundness.changed import changed
from appdb.source.soundness.columns import plain_type
from appdb.source.soundness.keys import TableNames, column_of
from appdb.source.soundness.names import Relations
from appdb.source.soundness.remarks import Remarks
from appdb.source.soundness.types import base_of, can_refer, dimensions_of


def sound_references(
    table: Table, tables: Mapping[Place, Table], relations: Relations, remarks: Remarks
) -> Table:
    """Return the table with the foreign keys that load; `tables` are all others, sound already."""
    if not table.foreign_keys:
        return table
    names = TableNames(table, relations, remarks)
    for taken in _other_constraints(table):
        names.constraint(taken, "constraint", table.evidence)
    kept: list[ForeignKey] = []
    for key in table.foreign_keys:
        problem = problem_of(table, key, tables.get(place(key.schema, key.table)))
        if problem is not None:
            called = f' "{key.name}"' if key.name else ""
            remarks.warn(
                "FOREIGN_KEY_LEFT_OUT",
                f'foreign key{called} of "{table.name}" is left out: {problem}',
                key.evidence,
            )
            continue
        try:
            name = names.constraint(key.name, "foreign key", key.evidence)
        except KeyError:
            continue
        kept.append(changed(key, name=name))
    return changed(table, foreign_keys=tuple(kept))


def _other_constraints(table: Table) -> Iterable[str | None]:
    yield from (key.name for key in _keys(table))
    yield from (exclusion.name for exclusion in table.exclusions)
    yield from (check.name for check in table.checks)


def _keys(table: Table) -> list[PrimaryKey | Unique]:
    return [*([table.primary_key] if table.primary_key else []), *table.uniques]


def problem_of(table: Table, key: ForeignKey, target: Table | None) -> str | None:
    """Return why a foreign key of a table does not load with this table on its other side."""
    if target is None:
        return f'there is no table "{key.table}"'
    if not key.columns or len(key.columns) != len(key.referenced):
        return "it has not one column here for each column there"
    if len(set(key.columns)) < len(key.columns) and len(set(key.referenced)) < len(key.referenced):
        return "it names a column twice"
    for here, there in zip(key.columns, key.referenced, strict=True):
        own, theirs = column_of(table, here), column_of(target, there)
        if own is None:
            return f'there is no column "{here}"'
        if theirs is None:
            return f'"{target.name}" has no column "{there}"'
        if not _fits(own, theirs):
            return (
                f'"{here}" is {plain_type(own.type).sql}, "{target.name}.{there}" is '
                f"{plain_type(theirs.type).sql}"
            )
    if not _is_unique(target, key.referenced):
        listed = ", ".join(key.referenced)
        return f'"{target.name}" has no primary key or unique on ({listed})'
    return _action_problem(key, table)


def _fits(own: Column, target: Column) -> bool:
    if own.type.declared or target.type.declared:
        return own.type == target.type
    if dimensions_of(own.type) or dimensions_of(target.type):
        return base_of(own.type) == base_of(target.type) and (
            bool(dimensions_of(own.type)) == bool(dimensions_of(target.type))
        )
    return can_refer(base_of(own.type), base_of(target.type))


def _is_unique(target: Table, columns: tuple[str, ...]) -> bool:
    """Tell whether exactly these columns are a key at once; a deferrable one does not count."""
    wanted = frozenset(columns)
    if len(wanted) < len(columns):
        return False
    if any(frozenset(k.columns) == wanted for k in _keys(target) if k.deferrable is None):
        return True
    return any(
        index.unique
        and index.where is None
        and all(key.column is not None for key in index.keys)
        and frozenset(key.column for key in index.keys) == wanted
        for index in target.indexes
    )


def _action_problem(key: ForeignKey, table: Table) -> str | None:
    """A generated column can be neither set to NULL nor to its default, nor follow."""
    risky = {Action.SET_NULL, Action.SET_DEFAULT}
    if key.on_delete not in risky and key.on_update not in {*risky, Action.CASCADE}:
        return None
    for name in key.columns:
        column = column_of(table, name)
        if column is not None and column.generated is not None:
            return f'"{name}" is generated and cannot be set'
    return None

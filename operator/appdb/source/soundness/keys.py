"""Primary keys, uniques, checks, exclusions and indexes that load."""

import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

from appdb.model.finding import Evidence
from appdb.model.schema import (
    Check,
    Column,
    Exclusion,
    Index,
    IndexKey,
    PrimaryKey,
    Table,
    Unique,
)
from appdb.source.dialect import default_name
from appdb.source.soundness.changed import changed
from appdb.source.soundness.columns import serial_sequences
from appdb.source.soundness.expressions import clean, unknown_columns
from appdb.source.soundness.names import Relations, shortened
from appdb.source.soundness.remarks import Remarks
from appdb.source.soundness.types import base_of, dimensions_of, is_indexable
from appdb.source.sqltext import one_expression, without_comments

MOST_KEYS = 32
_OPCLASS = re.compile(r'(?:[A-Za-z_]\w*|"[^"]+")(?:\.(?:[A-Za-z_]\w*|"[^"]+"))?(?:\s*\([^()]*\))?')
_STORAGE = re.compile(r"[\w.+-]{1,40}")
_WITH_INCLUDE = frozenset({"btree", "gist", "spgist"})
_METHODS = frozenset({"btree", "hash", "gin", "gist", "spgist", "brin", "hnsw", "ivfflat", "bloom"})

C = TypeVar("C", PrimaryKey, Unique)


class TableNames:
    """The names of one table's constraints, within those of its schema."""

    def __init__(self, table: Table, relations: Relations, remarks: Remarks) -> None:
        self._table = table
        self._relations = relations
        self._remarks = remarks
        self._constraints: set[str] = set()

    def constraint(self, name: str | None, what: str, evidence: Evidence) -> str | None:
        """Return the name to use, nothing when the constraint has none.

        Raises:
            KeyError: the name is taken; the finding is written.
        """
        if name is None:
            return None
        short = shortened(name.replace("\0", ""))
        if short in self._constraints:
            self._remarks.warn(
                "NAME_TAKEN",
                f'{what} "{short}" of "{self._table.name}" is left out: another constraint '
                "of the table has this name",
                evidence,
            )
            raise KeyError(short)
        self._constraints.add(short)
        return short

    def relation(self, name: str, what: str, evidence: Evidence) -> None:
        """Take a name among the relations of the schema.

        Raises:
            KeyError: the name is taken; the finding is written.
        """
        owner = self._relations.take(self._table.schema, name, f"{what} of {self._table.name}")
        if owner is not None:
            self._remarks.warn(
                "NAME_TAKEN",
                f'{what} "{name}" of "{self._table.name}" is left out: the name belongs to {owner}',
                evidence,
            )
            raise KeyError(name)


def sound_keys(table: Table, relations: Relations, remarks: Remarks) -> Table:
    """Return a table whose columns are sound already with the keys and checks that load."""
    names = TableNames(table, relations, remarks)
    for name in serial_sequences(table):
        relations.take(table.schema, shortened(name), f"the sequence of {table.name}")
    keys = [table.primary_key] if table.primary_key else []
    primary = _keys(keys, "primary key", table, names, remarks)
    return changed(
        table,
        primary_key=primary[0] if primary else None,
        uniques=tuple(_keys(table.uniques, "unique constraint", table, names, remarks)),
        exclusions=tuple(_exclusions(table, names, remarks)),
        checks=tuple(_checks(table, names, remarks)),
    )


def _keys(
    keys: Iterable[C], what: str, table: Table, names: TableNames, remarks: Remarks
) -> list[C]:
    kept: list[C] = []
    for key in keys:
        problem = _columns_problem(table, key.columns)
        if problem is not None:
            _left_out(what, key.name, table, problem, key.evidence, remarks)
            continue
        try:
            name = names.constraint(key.name, what, key.evidence)
            names.relation(name or _nameless(key, table), what, key.evidence)
        except KeyError:
            continue
        kept.append(changed(key, name=name))
    return kept


def _nameless(key: PrimaryKey | Unique, table: Table) -> str:
    if isinstance(key, Unique):
        return default_name(table.name, key.columns, "key")
    return default_name(table.name, (), "pkey")


def _left_out(  # noqa: PLR0917 - what, which, where, why: the words of one sentence
    what: str, name: str | None, table: Table, why: str, evidence: Evidence, remarks: Remarks
) -> None:
    called = f' "{name}"' if name else ""
    remarks.warn("KEY_LEFT_OUT", f'{what}{called} of "{table.name}" is left out: {why}', evidence)


def _columns_problem(table: Table, columns: Sequence[str]) -> str | None:
    """Say why columns cannot make a key that btree sorts, or None."""
    if not columns or len(columns) > MOST_KEYS:
        return f"it needs 1 to {MOST_KEYS} columns"
    if len(set(columns)) < len(columns):
        return "it names a column twice"
    for name in columns:
        column = column_of(table, name)
        if column is None:
            return f'there is no column "{name}"'
        if not _sorts(column, "btree"):
            return f'values of "{name}" ({column.type.sql}) cannot be sorted'
    return None


def column_of(table: Table, name: str) -> Column | None:
    """Return the column of this name."""
    return next((column for column in table.columns if column.name == name), None)


def _sorts(column: Column, method: str) -> bool:
    if column.type.declared:
        return method not in {"gin", "gist", "spgist"} or (
            method == "gin" and column.type.dimensions > 0
        )
    return is_indexable(base_of(column.type), dimensions_of(column.type), method)


def _exclusions(table: Table, names: TableNames, remarks: Remarks) -> Iterable[Exclusion]:
    for exclusion in table.exclusions:
        text = _text(exclusion.definition)
        strange = unknown_columns(text, [c.name for c in table.columns]) if text else []
        if text is None or strange:
            why = f'there is no column "{strange[0]}"' if strange else "it is not one definition"
            _left_out("exclusion", exclusion.name, table, why, exclusion.evidence, remarks)
            continue
        try:
            name = names.constraint(exclusion.name, "exclusion", exclusion.evidence)
            if name is not None:
                names.relation(name, "exclusion", exclusion.evidence)
        except KeyError:
            continue
        yield changed(exclusion, name=name, definition=text)


def _text(definition: str) -> str | None:
    found = one_expression(definition)
    return None if found is None else without_comments(definition, found)


def _checks(table: Table, names: TableNames, remarks: Remarks) -> Iterable[Check]:
    columns = [column.name for column in table.columns]
    for check in table.checks:
        text = clean(check.expression)
        strange = unknown_columns(text, columns) if text else []
        if text is None or strange:
            why = (
                f'there is no column "{strange[0]}"' if strange else "it is not one SQL expression"
            )
            _left_out("check", check.name, table, why, check.evidence, remarks)
            continue
        try:
            name = names.constraint(check.name, "check", check.evidence)
        except KeyError:
            continue
        yield changed(check, name=name, expression=text)


def sound_indexes(table: Table, relations: Relations, remarks: Remarks) -> Table:
    """Return a table with the indexes that load; all other names are taken by now."""
    if not table.indexes:
        return table
    names = TableNames(table, relations, remarks)
    kept: list[Index] = []
    for index in table.indexes:
        better = _plain(index, table, remarks)
        problem = _index_problem(better, table)
        if problem is not None:
            _left_out("index", index.name, table, problem, index.evidence, remarks)
            continue
        name = shortened(better.name.replace("\0", "")) if better.name else None
        try:
            if name is not None:
                names.relation(name, "index", index.evidence)
        except KeyError:
            continue
        kept.append(changed(better, name=name or None))
    return changed(table, indexes=tuple(kept))


def _plain(index: Index, table: Table, remarks: Remarks) -> Index:
    """Return the index with its pieces of SQL cleaned, and without storage that is no storage."""
    storage = tuple(
        (key, value)
        for key, value in index.storage
        if _STORAGE.fullmatch(key) and _STORAGE.fullmatch(value)
    )
    if storage != index.storage:
        _left_out(
            "a storage parameter of index", index.name, table, "it is no plain word",
            index.evidence, remarks,
        )  # fmt: skip
    return changed(
        index,
        method=index.method.lower(),
        keys=tuple(_plain_key(key) for key in index.keys),
        where=clean(index.where) or "" if index.where else None,
        storage=storage,
    )


def _plain_key(key: IndexKey) -> IndexKey:
    return changed(key, expression=clean(key.expression)) if key.expression else key


def _index_problem(index: Index, table: Table) -> str | None:
    if index.method not in _METHODS:
        return f"there is no index method {index.method[:40]!r}"
    if not index.keys or len(index.keys) + len(index.include) > MOST_KEYS:
        return f"it needs 1 to {MOST_KEYS} columns"
    if index.method != "btree" and (index.unique or index.nulls_not_distinct):
        return f"only btree can be unique, not {index.method}"
    if index.include and index.method not in _WITH_INCLUDE:
        return f"{index.method} cannot include columns"
    if index.method == "hash" and len(index.keys) > 1:
        return "hash takes one column"
    known = {column.name: column for column in table.columns}
    for name in index.include:
        if name not in known:
            return f'there is no column "{name}"'
    problem = next((p for key in index.keys if (p := _key_problem(key, index, known))), None)
    if problem is None and index.where is not None:
        problem = _expression_problem(index.where, known)
    return problem


def _key_problem(key: IndexKey, index: Index, known: dict[str, Column]) -> str | None:
    if key.opclass is not None and not _OPCLASS.fullmatch(key.opclass):
        return f"{key.opclass[:60]!r} is no operator class"
    if key.column is None:
        return _expression_problem(key.expression, known)
    if key.column not in known:
        return f'there is no column "{key.column}"'
    if key.opclass is None and not _sorts(known[key.column], index.method):
        return (
            f'{index.method} has no operator class for "{key.column}" '
            f"({known[key.column].type.sql})"
        )
    return None


def _expression_problem(text: str | None, known: dict[str, Column]) -> str | None:
    if not text:
        return "it holds something that is not one SQL expression"
    strange = unknown_columns(text, known)
    return f'there is no column "{strange[0]}"' if strange else None

"""Columns that load: a known type, at most one source of values, names of their own."""

import re
from collections.abc import Iterator

from appdb.model.schema import Column, Table
from appdb.model.types import PgType, builtin
from appdb.source.merge import place
from appdb.source.soundness.changed import changed
from appdb.source.soundness.expressions import (
    Known,
    clean,
    default_problem,
    unknown_columns,
    value_problem,
)
from appdb.source.soundness.names import SYSTEM_COLUMNS, checked, stands
from appdb.source.soundness.remarks import Remarks
from appdb.source.soundness.types import (
    INTEGERS,
    SERIALS,
    base_of,
    dimensions_of,
    is_collatable,
    modifier_problem,
    written,
)
from appdb.source.sqltext import one_expression

MOST_COLUMNS = 1600
# Names of collations that a new database may have; others would have to be made first.
_COLLATION = re.compile(
    r"default|c|posix|ucs_basic|unicode|pg_c_utf8|pg_unicode_fast|c\.utf-?8"
    r"|[a-z]{2,3}(?:[_-][A-Za-z]{4})?(?:[_-](?:[A-Za-z]{2}|\d{3}))?(?:[.@]\S+|-u-\S+|-x-icu)*",
    re.IGNORECASE,
)


def sound_columns(table: Table, known: Known, remarks: Remarks) -> tuple[Column, ...]:
    """Return the columns that load; the others are left out and reported."""
    kept: dict[str, Column] = {}
    for column in table.columns:
        if not _is_free(table, column, kept, remarks):
            continue
        typed = _typed(table, column, known, remarks)
        if typed is not None:
            kept[column.name] = _valued(table, _collated(table, typed, remarks), known, remarks)
    return tuple(
        column if column.generated is None else _generated(table, column, kept, remarks)
        for column in kept.values()
    )


def _where(table: Table, column: Column) -> str:
    return f'column "{table.name}.{column.name}"'


def _is_free(table: Table, column: Column, kept: dict[str, Column], remarks: Remarks) -> bool:
    if not stands(column.name):
        return checked(column.name, _where(table, column), column.evidence, remarks)
    problem = None
    if column.name in kept:
        problem = "is declared twice; the first is used"
    elif column.name in SYSTEM_COLUMNS:
        problem = "is left out: Postgres keeps this name for itself"
    elif len(kept) >= MOST_COLUMNS:
        problem = f"is left out: a table holds at most {MOST_COLUMNS}"
    if problem is not None:
        remarks.warn("COLUMN_LEFT_OUT", f"{_where(table, column)} {problem}", column.evidence)
    return problem is None


def _typed(table: Table, column: Column, known: Known, remarks: Remarks) -> Column | None:
    if column.type.declared:
        if place(column.type.schema, column.type.name) in known.enums:
            return column
        base = None
    else:
        base = base_of(column.type)
    if base is None:
        remarks.warn(
            "TYPE_UNKNOWN",
            f"{_where(table, column)} is left out: there is no type {column.type.name[:80]!r}",
            column.evidence,
        )
        return None
    return _modified(table, column, base, remarks)


def _modified(table: Table, column: Column, base: str, remarks: Remarks) -> Column:
    """Return the column with modifiers that its type takes."""
    type_ = column.type
    modifiers = type_.modifiers or _written_modifiers(type_.name)
    problem = modifier_problem(base, modifiers)
    if problem is not None:
        remarks.warn(
            "TYPE_MODIFIERS",
            f"{_where(table, column)} is made without ({','.join(modifiers)}): {problem}",
            column.evidence,
        )
        type_ = PgType(name=base, dimensions=dimensions_of(type_))
    if base in SERIALS and dimensions_of(type_):
        type_ = PgType(name=SERIALS[base], dimensions=dimensions_of(type_))
    return changed(column, type=type_)


def _written_modifiers(name: str) -> tuple[str, ...]:
    found = written(name) if "(" in name else None
    inside = found["modifiers"] if found else None
    return tuple(inside.split(",")) if inside else ()


def _collated(table: Table, column: Column, remarks: Remarks) -> Column:
    if column.collation is None:
        return column
    is_there = _COLLATION.fullmatch(column.collation) is not None
    if is_there and is_collatable(base_of(column.type)):
        return column
    why = "Postgres has no such collation" if not is_there else "its type has no collations"
    remarks.warn(
        "COLLATION_LEFT_OUT",
        f"{_where(table, column)} is made without COLLATE {column.collation!r}: {why}",
        column.evidence,
    )
    return changed(column, collation=None)


def _valued(table: Table, column: Column, known: Known, remarks: Remarks) -> Column:
    """Return the column with at most one source of values, and that one sound."""
    base = base_of(column.type)
    if base in SERIALS:
        return changed(column, default=None, identity=None, generated=None)
    if column.identity is not None:
        column = _identified(table, column, base, remarks)
    if column.identity is not None or column.generated is not None:
        return changed(column, default=None)
    return _defaulted(table, column, known, remarks)


def _identified(table: Table, column: Column, base: str | None, remarks: Remarks) -> Column:
    if base not in INTEGERS or dimensions_of(column.type):
        remarks.warn(
            "IDENTITY_LEFT_OUT",
            f"{_where(table, column)} is no identity: that takes smallint, integer or bigint",
            column.evidence,
        )
        return changed(column, identity=None, identity_options="")
    options = column.identity_options
    if options and one_expression(options) is None:
        remarks.warn(
            "IDENTITY_LEFT_OUT",
            f"{_where(table, column)} has options that are no SQL: {options[:80]!r}",
            column.evidence,
        )
        return changed(column, identity_options="")
    return changed(column, generated=None)


def _defaulted(table: Table, column: Column, known: Known, remarks: Remarks) -> Column:
    if column.default is None:
        return column
    text = clean(column.default)
    problem = (
        "it is not one SQL expression"
        if text is None
        else default_problem(text, column.type, known)
    )
    if problem is None:
        return changed(column, default=text)
    remarks.warn(
        "DEFAULT_LEFT_OUT",
        f"{_where(table, column)} is made without its default {column.default[:80]!r}: {problem}",
        column.evidence,
    )
    return changed(column, default=None)


def _generated(table: Table, column: Column, kept: dict[str, Column], remarks: Remarks) -> Column:
    text = clean(column.generated or "")
    plain = {name for name, each in kept.items() if each.generated is None}
    strange = unknown_columns(text, plain) if text else []
    misfit = value_problem(text, column.type) if text else None
    if text is not None and not strange and misfit is None:
        return changed(column, generated=text)
    why = misfit or "its expression is not one SQL expression"
    if strange:
        why = f'it reads "{strange[0]}", which is no plain column of the table'
    remarks.warn(
        "GENERATED_LEFT_OUT",
        f"{_where(table, column)} is made as a plain column: {why}",
        column.evidence,
    )
    return changed(column, generated=None)


def serial_sequences(table: Table) -> Iterator[str]:
    """Yield the names of the sequences that serial and identity columns bring, uncut."""
    for column in table.columns:
        if column.identity is not None or base_of(column.type) in SERIALS:
            yield f"{table.name}_{column.name}_seq"


def plain_type(type_: PgType) -> PgType:
    """Return the type that a foreign key to a serial has."""
    base = base_of(type_)
    return type_ if base is None or base not in SERIALS else builtin(SERIALS[base])

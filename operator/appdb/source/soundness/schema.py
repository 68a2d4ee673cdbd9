"""Makes a schema sound: what could never load is left out and said, the rest stays.

Pure. A table that cannot load is worse than one that is missing, and one bad piece must
not take the others with it. It mends nothing but spelling.
"""

from collections.abc import Iterable

from appdb.model.finding import Finding
from appdb.model.schema import Enum, Extension, Namespace, Schema, Sequence, Table
from appdb.source.merge import PUBLIC, Place, place
from appdb.source.soundness.changed import changed
from appdb.source.soundness.columns import serial_sequences, sound_columns
from appdb.source.soundness.expressions import Known
from appdb.source.soundness.keys import sound_indexes, sound_keys
from appdb.source.soundness.names import Relations, checked, is_reserved_schema, shortened
from appdb.source.soundness.references import sound_references
from appdb.source.soundness.remarks import Remarks
from appdb.source.soundness.views import sound_views
from appdb.source.sqltext import one_expression


def sound(schema: Schema, told: Schema) -> tuple[Schema, tuple[Finding, ...]]:
    """Return what loads, and a finding for each piece that does not.

    `told` is there besides, made by others: it can be referred to and its names are taken.
    """
    remarks, relations = Remarks(), Relations()
    pieces: tuple[Table | Enum | Sequence, ...] = (*told.tables, *told.enums, *told.sequences)
    for piece in pieces:
        relations.take(piece.schema, piece.name, f'"{piece.name}" in plain SQL')
    tables = _tables(schema.tables, relations, remarks)
    enums = _enums(schema.enums, relations, remarks)
    sequences = _sequences(schema.sequences, relations, remarks)
    known = Known(
        enums={place(enum.schema, enum.name): enum for enum in (*told.enums, *enums)},
        sequences={
            *(place(each.schema, each.name) for each in (*told.sequences, *sequences)),
            *(
                place(table.schema, shortened(name))
                for table in (*told.tables, *tables)
                for name in serial_sequences(table)
            ),
        },
        extensions=(*told.extensions, *schema.extensions),
    )
    tables = [changed(t, columns=sound_columns(t, known, remarks)) for t in tables]
    tables = [sound_keys(table, relations, remarks) for table in tables]
    tables = [sound_indexes(table, relations, remarks) for table in tables]
    by_place: dict[Place, Table] = {
        place(table.schema, table.name): table for table in (*told.tables, *tables)
    }
    tables = [sound_references(table, by_place, relations, remarks) for table in tables]
    found = Schema(
        extensions=tuple(_extensions(schema.extensions, remarks)),
        namespaces=_namespaces(schema, (*tables, *enums, *sequences)),
        enums=enums,
        sequences=sequences,
        tables=tuple(tables),
        views=sound_views(schema.views, by_place, relations, remarks),
    )
    return found, tuple(remarks.findings)


def _tables(tables: Iterable[Table], relations: Relations, remarks: Remarks) -> list[Table]:
    kept: list[Table] = []
    for table in tables:
        if not _can_stand_in(table.schema, f'table "{table.name}"', table, remarks):
            continue
        if not checked(table.name, f'table "{table.name}"', table.evidence, remarks):
            continue
        owner = relations.take(table.schema, table.name, f'table "{table.name}"')
        if owner is None:
            kept.append(_commentable(table))
            continue
        remarks.warn(
            "TABLE_TWICE",
            f'table "{table.name}" is declared twice ({table.source_name or "here"}); '
            "the first is used",
            table.evidence,
        )
    return kept


def _commentable(table: Table) -> Table:
    """Drop NULs from comments; no string constant can hold one."""
    columns = table.columns
    if any(column.comment for column in columns):
        columns = tuple(
            changed(column, comment=column.comment.replace("\0", "")) if column.comment else column
            for column in columns
        )
    comment = table.comment.replace("\0", "") if table.comment else None
    return changed(table, comment=comment, columns=columns)


def _can_stand_in(
    schema: str | None, what: str, piece: Table | Enum | Sequence, remarks: Remarks
) -> bool:
    if schema is None:
        return True
    if is_reserved_schema(schema):
        remarks.error(
            "NAME_RESERVED",
            f'{what} stands in schema "{schema}", which belongs to Postgres or to the operator',
            piece.evidence,
        )
        return False
    return checked(schema, f"the schema of {what}", piece.evidence, remarks)


def _enums(enums: Iterable[Enum], relations: Relations, remarks: Remarks) -> tuple[Enum, ...]:
    kept: dict[Place, Enum] = {}
    for enum in enums:
        what = f'enum "{enum.name}"'
        if not _can_stand_in(enum.schema, what, enum, remarks):
            continue
        if not checked(enum.name, what, enum.evidence, remarks):
            continue
        where = place(enum.schema, enum.name)
        problem = _label_problem(enum)
        if where in kept:
            if set(kept[where].labels) == set(enum.labels):
                continue
            problem = "it is declared twice with other labels; the first is used"
        elif problem is None:
            # The row type of a table has the table's name, so types and tables share theirs.
            owner = relations.take(enum.schema, enum.name, what)
            problem = None if owner is None else f"the name belongs to {owner}"
        if problem is None:
            kept[where] = enum
        else:
            remarks.warn("ENUM_LEFT_OUT", f"{what} is left out: {problem}", enum.evidence)
    return tuple(kept.values())


def _label_problem(enum: Enum) -> str | None:
    if not enum.labels:
        return "it has no labels"
    if len(set(enum.labels)) < len(enum.labels):
        return "a label stands in it twice"
    long = next((label for label in enum.labels if len(label.encode()) > 63), None)
    if long is not None:
        return f"the label {long[:70]!r} is longer than 63 bytes"
    return "a label holds a NUL" if any("\0" in label for label in enum.labels) else None


def _sequences(
    sequences: Iterable[Sequence], relations: Relations, remarks: Remarks
) -> tuple[Sequence, ...]:
    kept: list[Sequence] = []
    for sequence in sequences:
        what = f'sequence "{sequence.name}"'
        if not _can_stand_in(sequence.schema, what, sequence, remarks):
            continue
        if not checked(sequence.name, what, sequence.evidence, remarks):
            continue
        problem = None
        if sequence.options and one_expression(sequence.options) is None:
            problem = "its options are no SQL"
        elif owner := relations.take(sequence.schema, sequence.name, what):
            problem = f"the name belongs to {owner}"
        if problem is None:
            kept.append(sequence)
        else:
            remarks.warn("SEQUENCE_LEFT_OUT", f"{what} is left out: {problem}", sequence.evidence)
    return tuple(kept)


def _extensions(extensions: Iterable[Extension], remarks: Remarks) -> Iterable[Extension]:
    for extension in extensions:
        if checked(extension.name, f'extension "{extension.name}"', extension.evidence, remarks):
            yield extension


def _namespaces(schema: Schema, pieces: Iterable[Table | Enum | Sequence]) -> tuple[Namespace, ...]:
    """The declared schemas and those that something stands in; `public` is always there."""
    found = {each.name: each for each in schema.namespaces}
    for piece in (*pieces, *schema.extensions):
        if piece.schema is not None and piece.schema not in found:
            found[piece.schema] = Namespace(name=piece.schema, evidence=piece.evidence)
    return tuple(
        each
        for name, each in found.items()
        if name and name not in {PUBLIC, "pg_catalog"} and "\0" not in name
    )

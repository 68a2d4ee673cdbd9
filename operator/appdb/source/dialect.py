"""The one printer: a sound schema in, Postgres DDL out. Pure text.

Statements load in their order into an empty database on Postgres 15 and later: foreign
keys come last, so cycles never matter. It decides nothing and checks nothing; what could
not load was left out by `soundness` before.
"""

from collections.abc import Iterable, Iterator

from appdb.model.ddl import DdlKind, DdlStatement
from appdb.model.identifiers import cut, literal, qualified, quoted
from appdb.model.schema import (
    Action,
    Check,
    Column,
    Deferrable,
    Exclusion,
    ForeignKey,
    Index,
    IndexKey,
    PrimaryKey,
    Schema,
    Table,
    Unique,
    View,
)


def render(schema: Schema) -> tuple[DdlStatement, ...]:
    """Print a schema; equal schemas give equal bytes."""
    return (
        *_extensions(schema),
        *_namespaces(schema),
        *_enums(schema),
        *_sequences(schema),
        *(_table(table) for table in schema.tables),
        *(_index(table, index) for table in schema.tables for index in table.indexes),
        *(_foreign_key(table, key) for table in schema.tables for key in table.foreign_keys),
        *(comment for table in schema.tables for comment in _comments(table)),
        *(_view(view) for view in schema.views),
    )


def default_name(table: str, columns: Iterable[str], suffix: str) -> str:
    """Return the name that Postgres gives to a nameless key or index, cut to 63 bytes.

    Source: ChooseIndexName and ChooseConstraintName, for names that nobody else has.
    """
    tail = f"_{suffix}"
    return cut("_".join((table, *columns)), 63 - len(tail)) + tail


def _extensions(schema: Schema) -> Iterator[DdlStatement]:
    for extension in schema.extensions:
        # An extension is no table: that it is there already is what was wanted.
        place = f" SCHEMA {quoted(extension.schema)}" if extension.schema else ""
        yield DdlStatement(
            kind=DdlKind.EXTENSION,
            sql=f"CREATE EXTENSION IF NOT EXISTS {quoted(extension.name)}{place}",
            name=extension.name,
            evidence=extension.evidence,
            schema=extension.schema,
        )


def _namespaces(schema: Schema) -> Iterator[DdlStatement]:
    for namespace in schema.namespaces:
        yield DdlStatement(
            kind=DdlKind.NAMESPACE,
            sql=f"CREATE SCHEMA {quoted(namespace.name)}",
            name=namespace.name,
            evidence=namespace.evidence,
        )


def _enums(schema: Schema) -> Iterator[DdlStatement]:
    for enum in schema.enums:
        labels = ", ".join(literal(label) for label in enum.labels)
        yield DdlStatement(
            kind=DdlKind.TYPE,
            sql=f"CREATE TYPE {qualified(enum.schema, enum.name)} AS ENUM ({labels})",
            name=enum.name,
            evidence=enum.evidence,
            schema=enum.schema,
        )


def _sequences(schema: Schema) -> Iterator[DdlStatement]:
    for sequence in schema.sequences:
        options = f" {sequence.options}" if sequence.options else ""
        yield DdlStatement(
            kind=DdlKind.SEQUENCE,
            sql=f"CREATE SEQUENCE {qualified(sequence.schema, sequence.name)}{options}",
            name=sequence.name,
            evidence=sequence.evidence,
            schema=sequence.schema,
        )


def _table(table: Table) -> DdlStatement:
    parts = [
        *(_column(column) for column in table.columns),
        *([_primary_key(table.primary_key)] if table.primary_key else []),
        *(_unique(unique) for unique in table.uniques),
        *(_exclusion(exclusion) for exclusion in table.exclusions),
        *(_check(check) for check in table.checks),
    ]
    body = "".join(f"\n  {part}," for part in parts).rstrip(",")
    return DdlStatement(
        kind=DdlKind.TABLE,
        sql=f"CREATE TABLE {qualified(table.schema, table.name)} ({body}\n)",
        name=table.name,
        evidence=table.evidence,
        schema=table.schema,
        table=table.name,
    )


def _column(column: Column) -> str:
    parts = [quoted(column.name), column.type.sql]
    if column.collation:
        parts.append(f"COLLATE {_collation(column.collation)}")
    if not column.nullable:
        parts.append("NOT NULL")
    if column.generated is not None:
        # STORED: virtual columns exist from 18 on only.
        parts.append(f"GENERATED ALWAYS AS ({column.generated}) STORED")
    elif column.identity is not None:
        options = f" ({column.identity_options})" if column.identity_options else ""
        parts.append(f"GENERATED {column.identity} AS IDENTITY{options}")
    elif column.default is not None:
        parts.append(f"DEFAULT {column.default}")
    return " ".join(parts)


def _named(name: str | None) -> str:
    return f"CONSTRAINT {quoted(name)} " if name else ""


def _list(columns: Iterable[str]) -> str:
    return "(" + ", ".join(quoted(column) for column in columns) + ")"


def _deferrable(when: Deferrable | None) -> str:
    return "" if when is None else f" DEFERRABLE {when}"


def _collation(name: str) -> str:
    schema, _, own = name.rpartition(".") if name.startswith("pg_catalog.") else ("", "", name)
    return qualified(schema or None, own)


def _primary_key(key: PrimaryKey) -> str:
    return f"{_named(key.name)}PRIMARY KEY {_list(key.columns)}{_deferrable(key.deferrable)}"


def _unique(unique: Unique) -> str:
    nulls = " NULLS NOT DISTINCT" if unique.nulls_not_distinct else ""
    columns = _list(unique.columns)
    return f"{_named(unique.name)}UNIQUE{nulls} {columns}{_deferrable(unique.deferrable)}"


def _exclusion(exclusion: Exclusion) -> str:
    return f"{_named(exclusion.name)}EXCLUDE {exclusion.definition}"


def _check(check: Check) -> str:
    return f"{_named(check.name)}CHECK ({check.expression})"


def _index(table: Table, index: Index) -> DdlStatement:
    parts = ["CREATE", *(["UNIQUE"] if index.unique else []), "INDEX"]
    parts += [quoted(index.name)] if index.name else []
    parts += ["ON", qualified(table.schema, table.name), "USING", _word(index.method)]
    parts.append("(" + ", ".join(_index_key(key, index.method) for key in index.keys) + ")")
    parts += [f"INCLUDE {_list(index.include)}"] if index.include else []
    parts += ["NULLS NOT DISTINCT"] if index.nulls_not_distinct else []
    if index.storage:
        parts.append("WITH (" + ", ".join(f"{_word(k)} = {v}" for k, v in index.storage) + ")")
    parts += [f"WHERE ({index.where})"] if index.where else []
    columns = (key.column or "expr" for key in index.keys)
    return DdlStatement(
        kind=DdlKind.INDEX,
        sql=" ".join(parts),
        name=index.name or default_name(table.name, columns, "idx"),
        evidence=index.evidence,
        schema=table.schema,
        table=table.name,
    )


def _index_key(key: IndexKey, method: str) -> str:
    parts = [quoted(key.column)] if key.column else [f"({key.expression})"]
    parts += [f"COLLATE {_collation(key.collation)}"] if key.collation else []
    parts += [key.opclass] if key.opclass else []
    # Only btree sorts; the other methods refuse the words.
    if method == "btree":
        parts += ["DESC"] if key.descending else []
        if key.nulls_first is not None and key.nulls_first != key.descending:
            parts.append("NULLS FIRST" if key.nulls_first else "NULLS LAST")
    return " ".join(parts)


def _word(name: str) -> str:
    return name if name.isidentifier() and name.isascii() and name.islower() else quoted(name)


def _foreign_key(table: Table, key: ForeignKey) -> DdlStatement:
    target = qualified(key.schema, key.table)
    actions = "".join(
        f" ON {event} {action}"
        for event, action in (("DELETE", key.on_delete), ("UPDATE", key.on_update))
        if action is not Action.NO_ACTION
    )
    return DdlStatement(
        kind=DdlKind.CONSTRAINT,
        sql=f"ALTER TABLE {qualified(table.schema, table.name)} ADD {_named(key.name)}"
        f"FOREIGN KEY {_list(key.columns)} REFERENCES {target} {_list(key.referenced)}"
        f"{actions}{_deferrable(key.deferrable)}",
        name=key.name or default_name(table.name, key.columns, "fkey"),
        evidence=key.evidence,
        schema=table.schema,
        table=table.name,
    )


def _comments(table: Table) -> Iterator[DdlStatement]:
    target = qualified(table.schema, table.name)
    if table.comment:
        yield _comment(table, f"TABLE {target}", table.comment)
    for column in table.columns:
        if column.comment:
            yield _comment(table, f"COLUMN {target}.{quoted(column.name)}", column.comment)


def _comment(table: Table, target: str, text: str) -> DdlStatement:
    return DdlStatement(
        kind=DdlKind.COMMENT,
        sql=f"COMMENT ON {target} IS {literal(text)}",
        name=table.name,
        evidence=table.evidence,
        schema=table.schema,
        table=table.name,
    )


def _view(view: View) -> DdlStatement:
    what = "MATERIALIZED VIEW" if view.materialized else "VIEW"
    return DdlStatement(
        kind=DdlKind.VIEW,
        sql=f"CREATE {what} {qualified(view.schema, view.name)} AS {view.query}",
        name=view.name,
        evidence=view.evidence,
        schema=view.schema,
    )

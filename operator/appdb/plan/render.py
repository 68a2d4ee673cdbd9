"""The only writer of DDL for objects of a catalog.

Pure text. Names are always quoted; definitions are Postgres' own deparsed text and are
put in as they are.
"""

from appdb.model.catalog import (
    Catalog,
    Column,
    CompositeType,
    Constraint,
    Counter,
    DomainType,
    EnumType,
    Extension,
    Index,
    Key,
    Kind,
    Record,
    Rule,
    Sequence,
    Table,
)
from appdb.model.identifiers import literal, qualified, quoted

_COMMENT_ON = {
    Kind.NAMESPACE: "SCHEMA",
    Kind.ENUM: "TYPE",
    Kind.COMPOSITE: "TYPE",
    Kind.DOMAIN: "DOMAIN",
    Kind.SEQUENCE: "SEQUENCE",
    Kind.TABLE: "TABLE",
    Kind.INDEX: "INDEX",
    Kind.EXTENSION: "EXTENSION",
}


def alter(key: Key, *actions: str) -> str:
    """Render ALTER TABLE for the table that `key` belongs to."""
    return f"ALTER TABLE {key.relation} {', '.join(actions)}"


def comment(key: Key, text: str | None) -> str:
    """Render COMMENT ON; None takes the comment away."""
    value = "NULL" if text is None else literal(text)
    if key.kind is Kind.COLUMN:
        return f"COMMENT ON COLUMN {key.relation}.{quoted(key.name)} IS {value}"
    if key.kind is Kind.CONSTRAINT:
        return f"COMMENT ON CONSTRAINT {quoted(key.name)} ON {key.relation} IS {value}"
    return f"COMMENT ON {_COMMENT_ON[key.kind]} {key.quoted} IS {value}"


def counter_options(counter: Counter, *, with_type: bool) -> str:
    """Render all options of a sequence; never RESTART, which would hand out used numbers."""
    as_type = f"AS {counter.type} " if with_type else ""
    cycle = "CYCLE" if counter.cycles else "NO CYCLE"
    return (
        f"{as_type}INCREMENT BY {counter.increment} MINVALUE {counter.minimum}"
        f" MAXVALUE {counter.maximum} START WITH {counter.start} CACHE {counter.cache} {cycle}"
    )


def create_sequence(key: Key, sequence: Sequence) -> str:
    """Render CREATE SEQUENCE without its owner, which may not exist yet."""
    return f"CREATE SEQUENCE {key.quoted} {counter_options(sequence.counter, with_type=True)}"


def own_sequence(key: Key, owner: Key | None) -> str:
    """Render ALTER SEQUENCE ... OWNED BY."""
    target = "NONE" if owner is None else f"{owner.relation}.{quoted(owner.name)}"
    return f"ALTER SEQUENCE {key.quoted} OWNED BY {target}"


def create_type(key: Key, record: EnumType | DomainType | CompositeType) -> str:
    """Render CREATE TYPE or CREATE DOMAIN."""
    match record:
        case EnumType():
            return f"CREATE TYPE {key.quoted} AS ENUM ({', '.join(map(literal, record.labels))})"
        case CompositeType():
            parts = ", ".join(f"{quoted(name)} {text}" for name, text in record.attributes)
            return f"CREATE TYPE {key.quoted} AS ({parts})"
        case DomainType():
            return _create_domain(key, record)


def _create_domain(key: Key, record: DomainType) -> str:
    parts = [f"CREATE DOMAIN {key.quoted} AS {record.base}"]
    if record.collation:
        parts.append(f"COLLATE {record.collation}")
    if record.default is not None:
        parts.append(f"DEFAULT {record.default}")
    if record.not_null:
        parts.append("NOT NULL")
    parts.extend(f"CONSTRAINT {quoted(c.name)} {c.definition}" for c in record.checks)
    return " ".join(parts)


def column_type(column: Column) -> str:
    """Render a column's type with its collation."""
    return f"{column.type} COLLATE {column.collation}" if column.collation else column.type


def column_value(column: Column) -> str:
    """Render where a column's value comes from: default, identity or expression, or nothing."""
    if column.generated:
        return f" GENERATED ALWAYS AS ({column.default}) {column.generated}"
    if column.identity:
        return f" {identity(column)}"
    return f" DEFAULT {column.default}" if column.default is not None else ""


def default_action(text: str | None) -> str:
    """Render what ALTER COLUMN does to a default; None takes it away."""
    return "DROP DEFAULT" if text is None else f"SET DEFAULT {text}"


def identity(column: Column) -> str:
    """Render GENERATED ... AS IDENTITY with its options."""
    options = f" ({counter_options(column.counter, with_type=False)})" if column.counter else ""
    return f"GENERATED {column.identity} AS IDENTITY{options}"


def column_definition(name: str, column: Column) -> str:
    """Render a column as in CREATE TABLE."""
    not_null = " NOT NULL" if column.not_null else ""
    return f"{quoted(name)} {column_type(column)}{column_value(column)}{not_null}"


def constraint_definition(key: Key, record: Constraint) -> str:
    """Render `CONSTRAINT name definition`."""
    head, deferrable, tail = record.definition.partition(" DEFERRABLE")
    options = with_options(record.options)
    return f"CONSTRAINT {quoted(key.name)} {head}{options}{deferrable}{tail}"


def create_index(key: Key, record: Index, *, name: str | None = None, online: bool = False) -> str:
    """Render CREATE INDEX, under another name when given."""
    unique = "UNIQUE " if record.is_unique else ""
    concurrently = "CONCURRENTLY " if online else ""
    return (
        f"CREATE {unique}INDEX {concurrently}{quoted(name or key.name)}"
        f" ON {key.relation} {record.definition}"
    )


def drop_index(key: Key, *, name: str | None = None, online: bool = False) -> str:
    """Render DROP INDEX; never CASCADE."""
    concurrently = "CONCURRENTLY " if online else ""
    return f"DROP INDEX {concurrently}IF EXISTS {qualified(key.schema, name or key.name)}"


def with_options(options: tuple[str, ...]) -> str:
    """Render WITH (...) from `name=value` pairs."""
    if not options:
        return ""
    pairs = (option.partition("=") for option in options)
    return " WITH (" + ", ".join(f"{name}={literal(value)}" for name, _, value in pairs) + ")"


def create_table(key: Key, catalog: Catalog) -> str:
    """Render CREATE TABLE with columns and every constraint but foreign keys."""
    table = catalog.objects[key]
    assert isinstance(table, Table)  # noqa: S101 - the key says so
    lines = [column_definition(name, column) for name, column in catalog.columns(key).items()]
    lines.extend(
        constraint_definition(name, record)
        for name, record in sorted(catalog.constraints(key).items())
        if record.rule is not Rule.FOREIGN_KEY and record.is_valid
    )
    unlogged = "UNLOGGED " if table.is_unlogged else ""
    body = "(\n    " + ",\n    ".join(lines) + "\n)" if lines else "()"
    return f"CREATE {unlogged}TABLE {key.quoted} {body}{with_options(table.options)}"


def create_table_parts(key: Key, catalog: Catalog) -> tuple[str, ...]:
    """Render a table with its sequences, indexes and comments; not its foreign keys."""
    owned = catalog.sequences_of(key)
    children = [key, *sorted(catalog.children(key)), *(name for name, _ in owned)]
    foreign = {k for k, r in catalog.constraints(key).items() if r.rule is Rule.FOREIGN_KEY}
    return (
        *(create_sequence(name, record) for name, record in owned),
        create_table(key, catalog),
        *(own_sequence(name, record.owner) for name, record in owned),
        *(create_index(name, record) for name, record in sorted(catalog.indexes(key).items())),
        *(
            comment(child, catalog.comments[child])
            for child in children
            if child in catalog.comments and child not in foreign
        ),
    )


def create_simple(key: Key, record: Record) -> str:
    """Render CREATE for what belongs to no table."""
    match record:
        case Extension():
            return f"CREATE EXTENSION IF NOT EXISTS {key.quoted} SCHEMA {quoted(record.schema)}"
        case EnumType() | DomainType() | CompositeType():
            return create_type(key, record)
        case Sequence():
            return create_sequence(key, record)
        case _:
            return f"CREATE SCHEMA {key.quoted}"

"""Reads a database's catalog into one value.

A dozen queries in one read-only snapshot with an empty search path; never locks more
than a SELECT does and never evaluates anything that stands in the catalog.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, LiteralString

import psycopg

from appdb.model.catalog import (
    NOT_ENFORCED,
    Catalog,
    Column,
    CompositeType,
    Constraint,
    Counter,
    DomainCheck,
    DomainType,
    EnumType,
    Extension,
    Index,
    Key,
    Kind,
    Namespace,
    Record,
    Rule,
    Sequence,
    Stranger,
    Sync,
    Table,
    table_key,
)
from appdb.model.digest import digest_of_texts, short
from appdb.model.identifiers import qualified
from appdb.postgres import catalog_sql
from appdb.postgres.connect import Session

Row = tuple[Any, ...]

_IDENTITY = {"a": "ALWAYS", "d": "BY DEFAULT", "": ""}
_GENERATED = {"s": "STORED", "v": "VIRTUAL", "": ""}
_TYPE_KINDS = {"e": Kind.ENUM, "d": Kind.DOMAIN, "c": Kind.COMPOSITE}
_CALL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)"?\(')
_BEGIN: LiteralString = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


# Postgres spells names out in full; joins are written in the order in which they are made,
# and looking for another order would take a third of the time.
_SETTINGS = (("search_path", ""), ("join_collapse_limit", "1"))
_ASK: LiteralString = "SELECT name, setting FROM pg_catalog.pg_settings WHERE name = ANY(%s)"
_SET: LiteralString = (
    "SELECT set_config(n, v, true) FROM unnest(%s::text[], %s::text[]) AS s (n, v)"
)
# Planning these queries takes ten times as long as running them, so a session keeps the plans.
# The server says which it has: behind a pool of connections it may be another one each time.
# What was planned for a small catalog is slow in a large one: there are plans for each doubling.
_ASK_PREPARED: LiteralString = """
SELECT ARRAY(SELECT name FROM pg_prepared_statements WHERE starts_with(name, 'appdb_catalog')),
    pg_relation_size('pg_attribute') / 131072
"""
_NAMES = {
    query: f"appdb_catalog_{short(digest_of_texts([query]), 12)}"
    for query in catalog_sql.TYPES_AND_COLUMNS + catalog_sql.RULES_AND_OTHERS
}


async def read_catalog(conn: Session) -> Catalog:
    """Read the whole schema in one snapshot; inside an open transaction, in that one.

    Takes about 40 ms per 100 tables. Raises psycopg.Error.
    """
    if conn.info.transaction_status.name == "INTRANS":
        found = await conn.execute(_ASK, ([name for name, _ in _SETTINGS],))
        before = await found.fetchall()
        catalog = await _read(conn)
        await _set(conn, before)
        return catalog
    await conn.execute(_BEGIN)
    try:
        return await _read(conn)
    finally:
        await conn.execute("ROLLBACK")


async def _read(conn: Session) -> Catalog:
    async with conn.pipeline():
        await _set(conn, _SETTINGS)
        cursor = await conn.execute(_ASK_PREPARED)
    ((prepared, size),) = await cursor.fetchall()
    return await _Reader(conn, frozenset(prepared), size_class=size.bit_length()).read()


async def _set(conn: Session, settings: Iterable[tuple[Any, ...]]) -> None:
    names, values = zip(*settings, strict=True)
    await conn.execute(_SET, (list(names), list(values)))


class _Reader:
    """Collects objects and comments while the queries run."""

    def __init__(self, conn: Session, prepared: frozenset[str], *, size_class: int) -> None:
        self._conn = conn
        self._prepared = prepared
        self._size_class = size_class
        self._objects: dict[Key, Record] = {}
        self._comments: dict[Key, str] = {}
        self._rows: dict[str, list[Row]] = {}
        self._numbered: dict[tuple[str, str], dict[int, str]] = {}
        self._calls: dict[Key, set[str]] = {}

    async def read(self) -> Catalog:
        await self._ask_all()
        await self._mark_volatile()
        syncs = _syncs(self._rows[catalog_sql.SYNCS])
        return Catalog(
            objects=self._objects,
            comments=self._comments,
            strangers=_strangers(self._rows[catalog_sql.STRANGERS], {s.name for s in syncs}),
            dependents=_dependents(self._rows[catalog_sql.DEPENDENTS]),
            version=self._conn.info.server_version // 10000,
            syncs=syncs,
            taken=frozenset(
                Key(Kind.CONSTRAINT, *row) for row in self._rows[catalog_sql.NOT_NULL_NAMES]
            ),
        )

    async def _ask_all(self) -> None:
        """Build from the first half of the answers while the server makes the second."""
        await self._ask(catalog_sql.TYPES_AND_COLUMNS)
        asking = asyncio.create_task(self._ask(catalog_sql.RULES_AND_OTHERS))
        # The task sends its queries before this one goes on.
        await asyncio.sleep(0)
        self._add_types()
        self._add_tables()
        self._add_columns()
        await asking
        self._add_constraints()
        self._add_indexes()

    async def _ask(self, queries: tuple[LiteralString, ...]) -> None:
        """Send queries at once: waiting for each answer would take longer than they do."""
        async with self._conn.pipeline():
            cursors = [await self._execute(query) for query in queries]
        for query, cursor in zip(queries, cursors, strict=True):
            self._rows[query] = await cursor.fetchall()

    async def _execute(self, query: LiteralString) -> psycopg.AsyncCursor[Row]:
        name = f"{_NAMES[query]}_{self._size_class}"
        if name not in self._prepared:
            await self._conn.execute(f"PREPARE {name} AS {query}".encode())
        return await self._conn.execute(f"EXECUTE {name}".encode())

    def _add(self, key: Key, record: Record, comment: str | None) -> None:
        self._objects[key] = record
        if comment:
            self._comments[key] = comment

    def _add_types(self) -> None:
        for name, comment in self._rows[catalog_sql.NAMESPACES]:
            self._add(Key(Kind.NAMESPACE, "", "", name), Namespace(), comment)
        for name, schema, version in self._rows[catalog_sql.EXTENSIONS]:
            key = Key(Kind.EXTENSION, "", "", name)
            self._add(key, Extension(schema=schema, version=version), None)
        for schema, name, labels, comment in self._rows[catalog_sql.ENUMS]:
            self._add(Key(Kind.ENUM, schema, "", name), EnumType(labels=tuple(labels)), comment)
        for schema, name, *fields, comment in self._rows[catalog_sql.DOMAINS]:
            self._add(Key(Kind.DOMAIN, schema, "", name), _domain(fields), comment)
        for schema, name, attributes, comment in self._rows[catalog_sql.COMPOSITES]:
            record = CompositeType(attributes=tuple((a, t) for a, t in attributes))
            self._add(Key(Kind.COMPOSITE, schema, "", name), record, comment)

    def _add_tables(self) -> None:
        for row in self._rows[catalog_sql.SEQUENCES]:
            schema, name, *counter, own_schema, own_table, own_column, comment = row
            owner = own_column and Key(Kind.COLUMN, own_schema, own_table, own_column)
            record = Sequence(counter=_counter(counter), owner=owner)
            self._add(Key(Kind.SEQUENCE, schema, "", name), record, comment)
        for schema, name, is_unlogged, options, comment in self._rows[catalog_sql.TABLES]:
            table = Table(is_unlogged=is_unlogged, options=tuple(sorted(options)))
            self._add(table_key(schema, name), table, comment)

    def _add_columns(self) -> None:
        counters = {
            Key(Kind.COLUMN, *row[:3]): _counter(row[3:])
            for row in self._rows[catalog_sql.IDENTITIES]
        }
        uses = {row[0]: tuple(row[1]) for row in self._rows[catalog_sql.GENERATED_USES]}
        for row in self._rows[catalog_sql.COLUMNS]:
            key = Key(Kind.COLUMN, row[0], row[1], row[2])
            if row[9] and not row[11] and "(" in row[9]:
                self._calls[key] = _calls(row[9])
            self._numbered.setdefault((row[0], row[1]), {})[row[3]] = row[2]
            self._add(key, _column(row, counters.get(key), uses.get(row[14], ())), row[13])

    async def _mark_volatile(self) -> None:
        """Ask for the functions that defaults call."""
        called = sorted(set().union(*self._calls.values()))
        if not called:
            return
        cursor = await self._conn.execute(catalog_sql.VOLATILE, (called,))
        volatile = frozenset(row[0] for row in await cursor.fetchall())
        for key, names in self._calls.items():
            record = self._objects[key]
            if isinstance(record, Column) and not volatile.isdisjoint(names):
                self._objects[key] = replace(record, is_volatile=True)

    def _add_constraints(self) -> None:
        rows = self._rows[catalog_sql.CONSTRAINTS]
        for schema, table, name, rule, *fields, quoted_index, comment, is_deferrable in rows:
            columns = self._named(schema, table, fields[2])
            if rule == "n":
                self._mark_unvalidated(schema, table, name, columns)
                continue
            index = fields[6] and _after_on(fields[6], quoted_index, schema, table)
            record = Constraint(
                rule=Rule(rule),
                definition=fields[0].removesuffix(" NOT VALID"),
                # Nothing is ever proved of a rule that is not enforced (18).
                is_valid=fields[1] or fields[0].endswith(NOT_ENFORCED),
                columns=columns,
                target=table_key(fields[3], fields[4]) if fields[4] else None,
                target_columns=self._named(fields[3], fields[4], fields[5]),
                index=index,
                options=tuple(sorted(fields[7])),
                is_deferrable=is_deferrable,
            )
            self._add(Key(Kind.CONSTRAINT, schema, table, name), record, comment)

    def _named(self, schema: str, table: str, numbers: Iterable[int]) -> tuple[str, ...]:
        """Name columns by number; 0 is an expression."""
        names = self._numbered.get((schema, table), {})
        return tuple(names.get(number, f"#{number}") for number in numbers if number > 0)

    def _mark_unvalidated(
        self, schema: str, table: str, name: str, columns: tuple[str, ...]
    ) -> None:
        """Postgres 18 sets attnotnull before the constraint is validated; we wait for the proof."""
        for column in columns:
            key = Key(Kind.COLUMN, schema, table, column)
            record = self._objects.get(key)
            if isinstance(record, Column):
                self._objects[key] = replace(record, not_null=False, unvalidated=name)

    def _add_indexes(self) -> None:
        rows = self._rows[catalog_sql.INDEXES]
        used = {row[0]: tuple(row[1]) for row in self._rows[catalog_sql.INDEX_USES]}
        for schema, table, name, text, quoted_name, unique, valid, numbers, *rest in rows:
            keys, is_plain, oid, comment = rest
            every = self._named(schema, table, numbers)
            record = Index(
                definition=_after_on(text, quoted_name, schema, table),
                is_unique=unique,
                is_valid=valid,
                columns=self._named(schema, table, numbers[:keys]),
                uses=tuple(sorted({*every, *used.get(oid, ())})),
                is_plain=is_plain,
            )
            self._add(Key(Kind.INDEX, schema, table, name), record, comment)


def _calls(expression: str) -> set[str]:
    return set(_CALL.findall(expression))


def _counter(fields: Iterable[Any]) -> Counter:
    type_, start, increment, minimum, maximum, cache, cycles = fields
    return Counter(
        type=type_,
        start=start,
        increment=increment,
        minimum=minimum,
        maximum=maximum,
        cache=cache,
        cycles=cycles,
    )


def _domain(fields: list[Any]) -> DomainType:
    base, collation, default, not_null, checks = fields
    return DomainType(
        base=base,
        collation=collation,
        default=default,
        not_null=not_null,
        checks=tuple(
            DomainCheck(name=name, definition=text.removesuffix(" NOT VALID"), is_valid=valid)
            for name, text, valid in checks
        ),
    )


def _column(row: Row, counter: Counter | None, uses: tuple[str, ...]) -> Column:
    base_kind = _TYPE_KINDS.get(row[7])
    is_ours = base_kind is not None and row[5] not in {"pg_catalog", "information_schema"}
    return Column(
        type=row[4],
        base=Key(base_kind, row[5], "", row[6]) if is_ours and base_kind else None,
        not_null=row[8],
        default=row[9],
        identity=_IDENTITY[row[10]],
        counter=counter,
        generated=_GENERATED[row[11]],
        collation=row[12],
        position=row[3],
        uses=uses,
        has_checked_domain=bool(row[15]),
    )


def _after_on(text: str, quoted_index: str, schema: str, table: str) -> str:
    """Cut `CREATE [UNIQUE] INDEX name ON [ONLY] table` off an index definition."""
    _, _, rest = text.partition(f" INDEX {quoted_index} ON ")
    _, _, tail = rest.partition(" USING ")
    if not tail:
        msg = f"an index of {qualified(schema, table)} has an unknown form: {text}"
        raise ValueError(msg)
    return f"USING {tail}"


def _syncs(rows: Iterable[Row]) -> tuple[Sync, ...]:
    """Arguments of a trigger are kept as bytes, each ended by a NUL."""
    found = []
    for name, schema, table_schema, table, args, is_enabled in rows:
        words = bytes(args or b"").decode(errors="replace").split("\0")[:-1]
        old, new = words if len(words) == 2 else ("", "")
        key = table_key(table_schema, table) if table else None
        found.append(
            Sync(
                name=name,
                schema=schema,
                table=key,
                old=old,
                new=new,
                is_enabled=is_enabled is not False,
            )
        )
    return tuple(found)


def _strangers(rows: Iterable[Row], ours: AbstractSet[str]) -> tuple[Stranger, ...]:
    return tuple(
        sorted(
            Stranger(
                kind=kind,
                name=".".join(
                    part for part in (schema if schema != "public" else "", name, inner) if part
                ),
            )
            for kind, schema, name, inner in rows
            if (inner or name) not in ours or kind not in {"trigger", "function"}
        )
    )


def _dependents(rows: Iterable[Row]) -> Mapping[Key, tuple[str, ...]]:
    found: dict[Key, set[str]] = {}
    for schema, table, column, text in rows:
        key = Key(Kind.COLUMN, schema, table, column) if column else table_key(schema, table)
        found.setdefault(key, set()).add(text)
        found.setdefault(table_key(schema, table), set()).add(text)
    return {key: tuple(sorted(texts)) for key, texts in found.items()}

"""Finds constraint and index names that Postgres could not keep apart.

Indexes and primary keys share one space with the tables of their schema; the foreign keys of a
table share one with its other constraints. Prisma refuses a clash and asks for `map:`.
"""

from collections.abc import Iterator
from dataclasses import replace

from appdb.model.finding import Evidence, Finding, Severity
from appdb.model.schema import Index, Table
from appdb.source.frameworks.prisma.names import index_name, unique_name
from appdb.source.frameworks.prisma.remarks import Code


def with_own_names(tables: tuple[Table, ...]) -> tuple[Table, ...]:
    """Give indexes whose `map:` name is taken the name that Prisma gives without one.

    For schemas of databases that keep index names apart by table, as MySQL does.
    """
    taken: set[tuple[str | None, str]] = {(table.schema, table.name) for table in tables}
    found = []
    for table in tables:
        if table.primary_key is not None and table.primary_key.name:
            taken.add((table.schema, table.primary_key.name))
        indexes = []
        for index in table.indexes:
            kept = index if (table.schema, index.name) not in taken else _renamed(table, index)
            taken.add((table.schema, kept.name or ""))
            indexes.append(kept)
        found.append(replace(table, indexes=tuple(indexes)))
    return tuple(found)


def _renamed(table: Table, index: Index) -> Index:
    columns = [key.column or "" for key in index.keys]
    name = unique_name(table.name, columns) if index.unique else index_name(table.name, columns)
    return replace(index, name=name)


def clashing_names(tables: tuple[Table, ...]) -> tuple[Finding, ...]:
    """Return an error for each name that is taken a second time."""
    relations: dict[tuple[str | None, str], str] = {
        (table.schema, table.name): f"table `{table.name}`" for table in tables
    }
    found: list[Finding] = []
    for table in tables:
        for name, evidence, kind in _relations(table):
            place = (table.schema, name)
            if place in relations:
                found.append(_clash(name, relations[place], evidence))
            relations[place] = f"{kind} at {evidence.span}"
        found.extend(_foreign_clashes(table))
    return tuple(found)


def _relations(table: Table) -> Iterator[tuple[str, Evidence, str]]:
    if table.primary_key is not None and table.primary_key.name:
        yield table.primary_key.name, table.primary_key.evidence, "primary key"
    for index in table.indexes:
        if index.name:
            yield index.name, index.evidence, "index"


def _foreign_clashes(table: Table) -> Iterator[Finding]:
    taken: dict[str, str] = {}
    if table.primary_key is not None and table.primary_key.name:
        taken[table.primary_key.name] = "primary key"
    for key in table.foreign_keys:
        name = key.name or ""
        if name in taken:
            yield _clash(name, taken[name], key.evidence)
        taken[name] = f"foreign key at {key.evidence.span}"


def _clash(name: str, other: str, evidence: Evidence) -> Finding:
    return Finding(
        code=str(Code.DUPLICATE),
        severity=Severity.ERROR,
        message=f"the name `{name}` is already that of the {other}; give another with `map:`",
        span=evidence.span,
    )

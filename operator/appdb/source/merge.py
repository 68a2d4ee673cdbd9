"""Puts what several front ends read into one schema: never two sources for one table unsaid.

Pure. The front end of the lower rank wins; the other's table is left out and reported.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from appdb.model.ddl import DdlKind, DdlStatement
from appdb.model.finding import Evidence, Finding, Severity
from appdb.model.schema import Enum, Schema
from appdb.source.frontend import Detection, Extraction, FrontEnd

PUBLIC = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one front end found in the source."""

    front_end: FrontEnd
    detection: Detection
    extraction: Extraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """One schema, and the statements of those front ends whose source is SQL already.

    `told` is what such statements make: known, never judged or printed again.
    """

    schema: Schema
    told: Schema
    statements: tuple[DdlStatement, ...]


class _Declared(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def evidence(self) -> Evidence: ...


D = TypeVar("D", bound=_Declared)
Place = tuple[str, str]


def place(schema: str | None, name: str) -> Place:
    """Return schema and name, with `public` for the default schema."""
    return (schema or PUBLIC, name)


def merge(readings: Sequence[Reading]) -> tuple[Merged, tuple[Finding, ...]]:
    """Merge readings, which come in the order in which they win."""
    findings: list[Finding] = []
    statements: list[DdlStatement] = []
    owners: dict[Place, str] = {}
    judged: list[Schema] = []
    told: list[Schema] = []
    for reading in readings:
        title, extraction = reading.front_end.title, reading.extraction
        mine = {place(table.schema, table.name) for table in extraction.schema.tables}
        taken = {where: owners[where] for where in mine & owners.keys()}
        findings.extend(_clashes(extraction.schema, title, taken))
        kept = told if extraction.statements else judged
        kept.append(_without(extraction.schema, taken))
        there = _made_by_others(judged)
        statements.extend(
            each
            for each in extraction.statements
            if _made_by(each) not in taken and (each.kind, _own_place(each)) not in there
        )
        owners.update((where, title) for where in mine - taken.keys())
    merged = Merged(schema=joined(judged), told=joined(told), statements=tuple(statements))
    return merged, tuple(findings)


def joined(kept: Sequence[Schema]) -> Schema:
    """Put schemas behind each other; of what is declared alike the first stays."""
    return Schema(
        extensions=_first(kept, lambda s: s.extensions, lambda e: e.name),
        namespaces=_first(kept, lambda s: s.namespaces, lambda n: n.name),
        enums=_first(kept, lambda s: s.enums, _enum_key),
        sequences=_first(kept, lambda s: s.sequences, lambda q: place(q.schema, q.name)),
        tables=tuple(table for each in kept for table in each.tables),
        views=_first(kept, lambda s: s.views, lambda v: place(v.schema, v.name)),
    )


def _enum_key(enum: Enum) -> Hashable:
    return (place(enum.schema, enum.name), enum.labels)


def _made_by(statement: DdlStatement) -> Place:
    if statement.kind in {DdlKind.TABLE, DdlKind.INDEX, DdlKind.CONSTRAINT, DdlKind.COMMENT}:
        return place(statement.schema, statement.table or statement.name)
    return ("", "")


def _own_place(statement: DdlStatement) -> Place:
    if statement.kind in {DdlKind.EXTENSION, DdlKind.NAMESPACE}:
        return place(None, statement.name)
    return place(statement.schema, statement.name)


def _made_by_others(judged: Iterable[Schema]) -> set[tuple[DdlKind, Place]]:
    """What the printer will make already: extensions, schemas, types, sequences."""
    found: set[tuple[DdlKind, Place]] = set()
    for schema in judged:
        found |= {(DdlKind.EXTENSION, place(None, each.name)) for each in schema.extensions}
        found |= {(DdlKind.NAMESPACE, place(None, each.name)) for each in schema.namespaces}
        found |= {(DdlKind.TYPE, place(each.schema, each.name)) for each in schema.enums}
        found |= {(DdlKind.SEQUENCE, place(each.schema, each.name)) for each in schema.sequences}
    return found


def _without(schema: Schema, taken: Iterable[Place]) -> Schema:
    places = set(taken)
    return Schema(
        extensions=schema.extensions,
        namespaces=schema.namespaces,
        enums=schema.enums,
        sequences=schema.sequences,
        tables=tuple(t for t in schema.tables if place(t.schema, t.name) not in places),
        views=schema.views,
    )


def _clashes(schema: Schema, title: str, taken: dict[Place, str]) -> Iterable[Finding]:
    for table in schema.tables:
        owner = taken.get(place(table.schema, table.name))
        if owner is not None:
            yield Finding(
                code="TABLE_IN_TWO_SOURCES",
                severity=Severity.WARNING,
                message=f'table "{table.name}" is declared for {owner} and for {title}; '
                f"that of {owner} is used",
                span=table.evidence.span,
            )


def _first(
    schemas: Iterable[Schema], of: Callable[[Schema], tuple[D, ...]], key: Callable[[D], Hashable]
) -> tuple[D, ...]:
    """Return what is declared, the first of each key only."""
    found: dict[Hashable, D] = {}
    for schema in schemas:
        for each in of(schema):
            found.setdefault(key(each), each)
    return tuple(found.values())

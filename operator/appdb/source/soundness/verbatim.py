"""Leaves out statements of plain SQL that could not load beside everything else.

Pure. A statement is never changed: a reference that leads nowhere takes its whole
statement along, and what belongs to a table that is not made goes with that table.
"""

from collections.abc import Mapping, Sequence

from appdb.model.ddl import DdlKind, DdlStatement
from appdb.model.finding import Finding, Severity
from appdb.model.schema import ForeignKey, Schema, Table
from appdb.source.frameworks.sql.tables import reference_of
from appdb.source.merge import Place, place
from appdb.source.soundness.changed import changed
from appdb.source.soundness.keys import column_of
from appdb.source.soundness.references import problem_of

_BELONGING = frozenset({DdlKind.INDEX, DdlKind.CONSTRAINT, DdlKind.COMMENT})


def sound_statements(
    statements: Sequence[DdlStatement], told: Schema, tables: Sequence[Table]
) -> tuple[tuple[DdlStatement, ...], Schema, tuple[Finding, ...]]:
    """Return the statements that load, the schema that they make, and what was left out.

    `told` is what the statements make, `tables` what is printed beside them. Where nothing
    is printed the source is plain SQL alone, and what cannot load is an error.
    """
    printed = {place(table.schema, table.name): table for table in tables}
    verbatim = {place(table.schema, table.name): table for table in told.tables}
    severity = Severity.WARNING if printed else Severity.ERROR
    needing = _needing(statements, verbatim)
    findings: dict[int, Finding] = {}
    waiting = list(range(len(statements)))
    while waiting:
        number = waiting.pop()
        statement = statements[number]
        problem = None if number in findings else _problem(statement, verbatim, printed)
        if problem is None:
            continue
        findings[number] = _finding(statement, problem, severity)
        if statement.kind is DdlKind.TABLE:
            verbatim.pop(_own_place(statement), None)
            waiting.extend(needing.get(_own_place(statement), ()))
    if not findings:
        return tuple(statements), told, ()
    kept = tuple(each for number, each in enumerate(statements) if number not in findings)
    left = tuple(t for t in told.tables if place(t.schema, t.name) in verbatim)
    return kept, changed(told, tables=left), tuple(findings[n] for n in sorted(findings))


def _needing(
    statements: Sequence[DdlStatement], verbatim: Mapping[Place, Table]
) -> dict[Place, list[int]]:
    """Return, by table, the statements that could not load without it."""
    found: dict[Place, list[int]] = {}
    for number, statement in enumerate(statements):
        where = _own_place(statement)
        keys = _keys(statement, verbatim.get(where))
        for needed in {where, *(place(key.schema, key.table) for key in keys)}:
            found.setdefault(needed, []).append(number)
    return found


def _keys(statement: DdlStatement, own: Table | None) -> Sequence[ForeignKey]:
    """Return the foreign keys that a statement makes."""
    if statement.kind is DdlKind.TABLE:
        return own.foreign_keys if own is not None else ()
    key = reference_of(statement)
    return (key,) if key is not None else ()


def _own_place(statement: DdlStatement) -> Place:
    return place(statement.schema, statement.table or statement.name)


def _problem(
    statement: DdlStatement, verbatim: Mapping[Place, Table], printed: Mapping[Place, Table]
) -> str | None:
    """Return why a statement could not load."""
    where = _own_place(statement)
    own = verbatim.get(where) or printed.get(where)
    if statement.kind in _BELONGING and statement.table is not None and own is None:
        return f'there is no table "{statement.table}"'
    keys = _keys(statement, own)
    found = (_reference_problem(own, key, verbatim, printed) for key in keys)
    return next((problem for problem in found if problem is not None), None)


def _reference_problem(
    own: Table | None,
    key: ForeignKey,
    verbatim: Mapping[Place, Table],
    printed: Mapping[Place, Table],
) -> str | None:
    """Return why a foreign key does not load; of verbatim tables only the names are sure."""
    where = place(key.schema, key.table)
    target = printed.get(where)
    if where in verbatim:
        return None
    if target is None:
        return f'it refers to "{key.table}", and there is no such table'
    if own is None or any(column_of(own, name) is None for name in key.columns):
        return None
    primary = target.primary_key.columns if target.primary_key else ()
    return problem_of(own, changed(key, referenced=key.referenced or primary), target)


def _finding(statement: DdlStatement, problem: str, severity: Severity) -> Finding:
    what = statement.kind.name.lower()
    return Finding(
        code="SQL_LEFT_OUT",
        severity=severity,
        message=f'the {what} "{statement.name}" is left out: {problem}',
        span=statement.evidence.span if statement.evidence else None,
    )

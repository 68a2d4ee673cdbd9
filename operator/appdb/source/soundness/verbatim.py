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
    severity = Severity.WARNING if printed else Severity.ERROR
    findings: list[Finding] = []
    kept = list(statements)
    verbatim = {place(table.schema, table.name): table for table in told.tables}
    is_settled = False
    while not is_settled:
        problems = {id(each): _problem(each, verbatim, printed) for each in kept}
        is_settled = not any(problems.values())
        for statement in kept:
            problem = problems[id(statement)]
            if problem is None:
                continue
            findings.append(_finding(statement, problem, severity))
            if statement.kind is DdlKind.TABLE:
                verbatim.pop(_own_place(statement), None)
        kept = [each for each in kept if problems[id(each)] is None]
    left = tuple(t for t in told.tables if place(t.schema, t.name) in verbatim)
    if len(left) < len(told.tables):
        told = changed(told, tables=left)
    return tuple(kept), told, tuple(findings)


def _own_place(statement: DdlStatement) -> Place:
    return place(statement.schema, statement.table or statement.name)


def _problem(
    statement: DdlStatement, verbatim: Mapping[Place, Table], printed: Mapping[Place, Table]
) -> str | None:
    """Return why a statement could not load."""
    where = _own_place(statement)
    own = verbatim.get(where) or printed.get(where)
    if statement.kind is DdlKind.TABLE:
        keys: Sequence[ForeignKey] = own.foreign_keys if own is not None else ()
    elif statement.kind in _BELONGING and statement.table is not None:
        if own is None:
            return f'there is no table "{statement.table}"'
        key = reference_of(statement)
        keys = [key] if key is not None else []
    else:
        return None
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

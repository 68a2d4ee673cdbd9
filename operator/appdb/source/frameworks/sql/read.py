"""Reads SQL files statement by statement into DDL, and what they make into a schema."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from appdb.model.ddl import DdlKind, DdlStatement
from appdb.model.finding import Finding, Severity
from appdb.model.identifiers import fits
from appdb.model.schema import Enum, Extension, Namespace, Schema, Sequence, Table
from appdb.source.frameworks.sql.allow import Made, Refused, is_session, made_by
from appdb.source.frameworks.sql.split import Script, statements, words
from appdb.source.frameworks.sql.tables import evidence_of, read_enum, read_table
from appdb.source.frontend import Extraction
from appdb.source.project import SourceFile
from appdb.source.sqltext import NotSql, Token, is_balanced


@dataclass(slots=True)
class _Read:
    """What was read so far."""

    is_only_source: bool
    made: set[tuple[DdlKind, str | None, str]] = field(default_factory=set)
    statements: list[DdlStatement] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    enums: list[Enum] = field(default_factory=list)
    sequences: list[Sequence] = field(default_factory=list)
    extensions: list[Extension] = field(default_factory=list)
    namespaces: list[Namespace] = field(default_factory=list)


def read_files(files: Iterable[SourceFile], *, is_only_source: bool) -> Extraction:
    """Read files in their order. A refused statement is an error where SQL is all there is."""
    read = _Read(is_only_source=is_only_source)
    for file in files:
        script = Script(file)
        try:
            for found in statements(script.text):
                _statement(script, found, read)
        except NotSql as error:
            read.findings.append(
                Finding(
                    code="PARSE_FAILED",
                    severity=Severity.ERROR,
                    message=f"the rest of the file cannot be read: {error}",
                    span=script.span(error.offset),
                )
            )
    return Extraction(
        schema=Schema(
            extensions=tuple(read.extensions),
            namespaces=tuple(read.namespaces),
            enums=tuple(read.enums),
            sequences=tuple(read.sequences),
            tables=tuple(read.tables),
        ),
        statements=tuple(read.statements),
        findings=tuple(read.findings),
    )


def _statement(script: Script, found: list[Token], read: _Read) -> None:
    evidence = evidence_of(script, found)
    if is_session(found):
        return
    try:
        if not is_balanced(found):
            raise Refused("its brackets are not closed")  # noqa: TRY301 - one way out
        made = made_by(found)
        tables = [read_table(script, found, made)] if made.kind is DdlKind.TABLE else []
        _require_fit(made.name, *(each.name for table in tables for each in table.columns))
    except Refused as refusal:
        severity = Severity.ERROR if read.is_only_source else Severity.WARNING
        message = f"{words(found, 3)} is refused: {refusal}"
        read.findings.append(
            Finding(code="SQL_REFUSED", severity=severity, message=message, span=evidence.span)
        )
        return
    key = (made.kind, made.schema if made.schema != "public" else None, made.name)
    if key in read.made and made.kind in _UNIQUE:
        read.findings.append(
            Finding(
                code="SQL_TWICE",
                severity=Severity.WARNING,
                message=f'"{made.name}" is made before; this statement is left out',
                span=evidence.span,
            )
        )
        return
    read.made.add(key)
    read.statements.append(
        DdlStatement(
            kind=made.kind,
            sql=script.text[found[0].start : found[-1].end],
            name=made.name,
            evidence=evidence,
            schema=made.schema,
            table=made.table,
        )
    )
    _tell(script, found, made, read)


_UNIQUE = frozenset(
    {DdlKind.TABLE, DdlKind.TYPE, DdlKind.SEQUENCE, DdlKind.EXTENSION, DdlKind.NAMESPACE}
)


def _require_fit(*names: str) -> None:
    for name in names:
        if not fits(name):
            raise Refused(f'the name "{name}" is longer than the 63 bytes that Postgres keeps')


def _tell(script: Script, found: list[Token], made: Made, read: _Read) -> None:
    """Add what a statement makes to the schema that reports show."""
    evidence = evidence_of(script, found)
    match made.kind:
        case DdlKind.TABLE:
            read.tables.append(read_table(script, found, made))
        case DdlKind.TYPE:
            enum = read_enum(script, found, made)
            read.enums.extend([enum] if enum is not None else [])
        case DdlKind.SEQUENCE:
            read.sequences.append(Sequence(name=made.name, schema=made.schema, evidence=evidence))
        case DdlKind.EXTENSION:
            read.extensions.append(Extension(name=made.name, evidence=evidence))
        case DdlKind.NAMESPACE:
            read.namespaces.append(Namespace(name=made.name, evidence=evidence))
        case _:
            pass

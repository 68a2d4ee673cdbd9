"""What a CREATE TABLE or CREATE TYPE says, as far as reports and references need it.

The statement itself is what is run; here it is only told.
"""

from dataclasses import dataclass, field, replace

from appdb.model.ddl import DdlKind, DdlStatement
from appdb.model.finding import Evidence, Span
from appdb.model.schema import Action, Column, Enum, ForeignKey, PrimaryKey, Table, Unique
from appdb.model.types import PgType
from appdb.source.frameworks.sql.allow import Made
from appdb.source.frameworks.sql.cursor import Cursor, columns_of, split_by_comma
from appdb.source.frameworks.sql.split import Script
from appdb.source.sqltext import Token, TokenKind, string_text, tokens

_RULES = frozenset({"constraint", "primary", "unique", "check", "foreign", "exclude", "like"})
_BEHIND_TYPE = frozenset(
    {
        "not", "null", "default", "primary", "unique", "references", "check", "generated",
        "collate", "constraint", "storage", "compression", "deferrable", "initially", "on",
    }
)  # fmt: skip


@dataclass(slots=True)
class _Read:
    columns: list[Column] = field(default_factory=list)
    primary_key: PrimaryKey | None = None
    uniques: list[Unique] = field(default_factory=list)
    foreign_keys: list[ForeignKey] = field(default_factory=list)


def read_table(file: Script, found: list[Token], made: Made) -> Table:
    """Read columns, keys and references of a CREATE TABLE."""
    cursor, read = Cursor(found), _Read()
    while cursor.token is not None and cursor.word != "(":
        cursor.at += 1
    for part in split_by_comma(cursor.group() or []):
        if part[0].word in _RULES and part[0].kind is TokenKind.WORD:
            _rule(part, _evidence(file, part[0], "sql.constraint"), read)
        else:
            _column(file, part, read)
    keys = read.primary_key.columns if read.primary_key else ()
    return Table(
        name=made.name,
        schema=made.schema,
        columns=tuple(
            replace(each, nullable=False) if each.name in keys else each for each in read.columns
        ),
        evidence=_evidence(file, found[0], "sql.table"),
        framework="sql",
        primary_key=read.primary_key,
        uniques=tuple(read.uniques),
        foreign_keys=tuple(read.foreign_keys),
    )


def read_enum(file: Script, found: list[Token], made: Made) -> Enum | None:
    """Read the labels of a CREATE TYPE ... AS ENUM; None for another type."""
    cursor = Cursor(found, at=2)
    cursor.name()
    if not cursor.take("as", "enum"):
        return None
    labels = (string_text(token) for token in cursor.group() or [])
    return Enum(
        name=made.name,
        schema=made.schema,
        labels=tuple(label for label in labels if label is not None),
        evidence=_evidence(file, found[0], "sql.enum"),
    )


def reference_of(statement: DdlStatement) -> ForeignKey | None:
    """Return the foreign key that an ALTER TABLE ... ADD ... FOREIGN KEY makes."""
    cursor = Cursor([*tokens(statement.sql)])
    evidence = statement.evidence or Evidence(span=Span(path="", line=1), rule="sql.constraint")
    if statement.kind is not DdlKind.CONSTRAINT:
        return None
    while cursor.token is not None:
        if cursor.take("foreign", "key"):
            columns, read = columns_of(cursor.group()), _Read()
            if cursor.take("references"):
                _reference(cursor, statement.name, columns, evidence, read)
            return next(iter(read.foreign_keys), None)
        cursor.at += 1
    return None


def evidence_of(file: Script, found: list[Token]) -> Evidence:
    """Return where a statement starts."""
    return _evidence(file, found[0], "sql.statement")


def _evidence(file: Script, token: Token, rule: str) -> Evidence:
    return Evidence(span=file.span(token.start), rule=rule)


def _rule(part: list[Token], evidence: Evidence, read: _Read) -> None:
    cursor = Cursor(part)
    named = cursor.name() if cursor.take("constraint") else None
    name = named[1] if named else None
    if cursor.take("primary", "key"):
        columns = columns_of(cursor.group())
        read.primary_key = PrimaryKey(name=name, columns=columns, evidence=evidence)
    elif cursor.take("unique"):
        cursor.take("nulls", "not", "distinct")
        columns = columns_of(cursor.group())
        read.uniques.append(Unique(name=name, columns=columns, evidence=evidence))
    elif cursor.take("foreign", "key"):
        columns = columns_of(cursor.group())
        if cursor.take("references"):
            _reference(cursor, name, columns, evidence, read)


def _reference(
    cursor: Cursor, name: str | None, columns: tuple[str, ...], evidence: Evidence, read: _Read
) -> None:
    target = cursor.name()
    if target is not None:
        key = ForeignKey(
            name=name, columns=columns, schema=target[0], table=target[1],
            referenced=columns_of(cursor.group()), evidence=evidence,
        )  # fmt: skip
        read.foreign_keys.append(_with_actions(key, cursor))


def _with_actions(key: ForeignKey, cursor: Cursor) -> ForeignKey:
    """Step over MATCH and ON ... and return the key with its actions."""
    while cursor.word in {"on", "match"}:
        is_delete = cursor.take("on", "delete")
        is_update = not is_delete and cursor.take("on", "update")
        if not is_delete and not is_update:
            cursor.at += 2
            continue
        action = next((each for each in Action if cursor.take(*each.lower().split())), None)
        if action is None:
            return key
        key = replace(key, on_delete=action) if is_delete else replace(key, on_update=action)
    return key


def _column(file: Script, part: list[Token], read: _Read) -> None:
    cursor = Cursor(part)
    found = cursor.name()
    if found is None:
        return
    evidence = _evidence(file, part[0], "sql.column")
    column = Column(name=found[1], type=_type(file, cursor), nullable=True, evidence=evidence)
    while cursor.token is not None:
        column = _property(file, cursor, column, read)
    read.columns.append(column)


def _type(file: Script, cursor: Cursor) -> PgType:
    start = cursor.at
    while cursor.token is not None and cursor.word not in _BEHIND_TYPE:
        if cursor.group() is None:
            cursor.at += 1
    return PgType(name=_text(file, cursor, start) or "text", verbatim=True)


def _text(file: Script, cursor: Cursor, start: int) -> str:
    taken = cursor.found[start : cursor.at]
    return " ".join(file.text[taken[0].start : taken[-1].end].split()) if taken else ""


def _property(file: Script, cursor: Cursor, column: Column, read: _Read) -> Column:
    """Step over one property of a column and return the column with it."""
    if cursor.take("not", "null"):
        return replace(column, nullable=False)
    if cursor.take("primary", "key"):
        read.primary_key = PrimaryKey(name=None, columns=(column.name,), evidence=column.evidence)
        return replace(column, nullable=False)
    if cursor.take("unique"):
        read.uniques.append(Unique(name=None, columns=(column.name,), evidence=column.evidence))
        return column
    if cursor.take("references"):
        _reference(cursor, None, (column.name,), column.evidence, read)
        return column
    if cursor.take("default"):
        start = cursor.at
        while cursor.token is not None and (cursor.at == start or cursor.word not in _BEHIND_TYPE):
            if cursor.group() is None:
                cursor.at += 1
        return replace(column, default=_text(file, cursor, start))
    if cursor.group() is None:
        cursor.at += 1
    return column

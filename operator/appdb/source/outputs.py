"""An analysis as text for people and machines: SQL, JSON, a report, a diagram. Pure.

The JSON form is stable. Its top level:

    digest       `sha256:...` over the paths and contents of the source
    files, bytes the number and size of the files that were read
    frameworks   [{name, version}]
    schema       {extensions, namespaces, enums, sequences, tables}: the fields of
                 `appdb.model.schema`, without those that hold their default
    statements   [{kind, sql, name, schema, table, evidence}]; kind is a word (`table`)
    findings     [{code, severity, message, span: {path, line, column}}]
    migrators    [{tool, folder, migrations: [{name, path, ...}], ...}], where there are any

`evidence` is {span, rule, confidence}; confidence `exact` and column 1 are defaults and
left out like any other. A field may be added; none is renamed or removed.
"""

import json
import re
from collections.abc import Iterable, Iterator

from appdb.model.analysis import Analysis
from appdb.model.ddl import DdlKind
from appdb.model.finding import Confidence, Evidence
from appdb.model.schema import Column, Index, Table
from appdb.source.jsonform import to_json

_WORD = re.compile(r"\W+")


def as_sql(found: Analysis) -> str:
    """Return the statements, each ended; psql loads them into an empty database as they are."""
    parts: list[str] = []
    last: DdlKind | None = None
    for statement in found.statements:
        is_block = statement.kind is DdlKind.TABLE or statement.kind is not last
        parts += ["\n"] if parts and is_block else []
        parts.append(f"{statement.sql};\n")
        last = statement.kind
    return "".join(parts)


def as_json(found: Analysis) -> str:
    """Return the documented JSON form, indented."""
    data = to_json(found)
    data.setdefault("findings", [])
    data.setdefault("statements", [])
    data.setdefault("schema", {})
    for migrator in data.get("migrators", ()):
        migrator.pop("replay", None)
    for statement in data["statements"]:
        statement["kind"] = DdlKind(statement["kind"]).name.lower()
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def summary(found: Analysis) -> str:
    """Return one line: `12 tables, 83 columns from 4 files (Prisma 6); 2 findings`."""
    names = ", ".join(
        f"{each.name} {each.version}" if each.version else each.name for each in found.frameworks
    )
    return (
        f"{_count(len(found.schema.tables), 'table')}, "
        f"{_count(found.schema.column_count, 'column')} from {_count(found.files, 'file')}"
        f"{f' ({names})' if names else ''}; {_count(len(found.findings), 'finding')}"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def as_report(found: Analysis) -> str:
    """Return each table with its columns, keys and indexes, and where each was read."""
    blocks = [_enum_lines(found), *(_table_lines(table) for table in found.schema.tables)]
    return "\n".join("".join(f"{line}\n" for line in block) for block in blocks if block)


def _enum_lines(found: Analysis) -> list[str]:
    return _aligned(
        [
            (f"enum {_full(each.schema, each.name)}", ", ".join(each.labels), _why(each.evidence))
            for each in found.schema.enums
        ]
    )


def _table_lines(table: Table) -> list[str]:
    source = f" ({table.source_name})" if table.source_name not in {None, table.name} else ""
    head = f"table {_full(table.schema, table.name)}{source}  {_why(table.evidence)}"
    columns = [(f"  {each.name}", _column(each), _why(each.evidence)) for each in table.columns]
    keys = [(f"  {what}", text, _why(evidence)) for what, text, evidence in _keys(table)]
    return [head, *_aligned([*columns, *keys])]


def _column(column: Column) -> str:
    parts = [column.type.sql]
    parts += [] if column.nullable else ["not null"]
    if column.identity:
        parts.append(f"identity {column.identity.lower()}")
    elif column.generated is not None:
        parts.append(f"generated ({column.generated})")
    elif column.default is not None:
        parts.append(f"default {column.default}")
    return " ".join(parts)


def _keys(table: Table) -> Iterator[tuple[str, str, Evidence]]:
    if table.primary_key:
        yield "primary key", _list(table.primary_key.columns), table.primary_key.evidence
    for unique in table.uniques:
        yield "unique", _list(unique.columns), unique.evidence
    for key in table.foreign_keys:
        target = f"{_full(key.schema, key.table)} {_list(key.referenced)}"
        actions = f" on delete {key.on_delete.lower()} on update {key.on_update.lower()}"
        yield "foreign key", f"{_list(key.columns)} -> {target}{actions}", key.evidence
    for index in table.indexes:
        yield "unique index" if index.unique else "index", _index(index), index.evidence
    for check in table.checks:
        yield "check", check.expression, check.evidence
    for exclusion in table.exclusions:
        yield "exclude", exclusion.definition, exclusion.evidence


def _index(index: Index) -> str:
    keys = _list(key.column or f"({key.expression})" for key in index.keys)
    method = "" if index.method == "btree" else f"{index.method} "
    return f"{method}{keys}{f' where {index.where}' if index.where else ''}"


def _list(names: Iterable[str]) -> str:
    return f"({', '.join(names)})"


def _full(schema: str | None, name: str) -> str:
    return name if schema is None else f"{schema}.{name}"


def _why(evidence: Evidence) -> str:
    sure = "" if evidence.confidence is Confidence.EXACT else f", {evidence.confidence}"
    return f"{evidence.span.path}:{evidence.span.line} [{evidence.rule}{sure}]"


def _aligned(rows: list[tuple[str, str, str]]) -> list[str]:
    """Pad the first two columns, within reason: one long text must not push all others away."""
    first = min(max((len(row[0]) for row in rows), default=0), 34)
    second = min(max((len(row[1]) for row in rows), default=0), 60)
    return [f"{a.ljust(first)}  {b.ljust(second)}  {c}".rstrip() for a, b, c in map(_flat, rows)]


def _flat(row: tuple[str, str, str]) -> tuple[str, str, str]:
    return " ".join(row[0].split()) if not row[0].startswith(" ") else "  " + " ".join(
        row[0].split()
    ), " ".join(row[1].split()), row[2]  # fmt: skip


def as_mermaid(found: Analysis) -> str:
    """Return an erDiagram; names that the language cannot hold are spelled with `_`."""
    lines = ["erDiagram"]
    for table in found.schema.tables:
        lines.append(f"  {_entity(table.schema, table.name)} {{")
        lines += [f"    {line}" for line in _attributes(table)]
        lines.append("  }")
    lines += [line for table in found.schema.tables for line in _relations(table)]
    return "".join(f"{line}\n" for line in lines)


def _entity(schema: str | None, name: str) -> str:
    return _safe(_full(schema, name))


def _safe(text: str) -> str:
    found = _WORD.sub("_", text)
    return found if found[:1].isalpha() else f"_{found}"


def _attributes(table: Table) -> Iterator[str]:
    primary = table.primary_key.columns if table.primary_key else ()
    foreign = {column for key in table.foreign_keys for column in key.columns}
    unique = {each.columns[0] for each in table.uniques if len(each.columns) == 1}
    for column in table.columns:
        marks = [
            *(["PK"] if column.name in primary else []),
            *(["FK"] if column.name in foreign else []),
            *(["UK"] if column.name in unique else []),
        ]
        type_ = _safe(column.type.sql.replace("[]", "_array").replace('"', "")).strip("_")
        yield f"{type_ or 'unknown'} {_safe(column.name)} {', '.join(marks)}".rstrip()


def _relations(table: Table) -> Iterator[str]:
    own = _entity(table.schema, table.name)
    nullable = {column.name: column.nullable for column in table.columns}
    keys = [each.columns for each in table.uniques]
    keys += [table.primary_key.columns] if table.primary_key else []
    keys += [
        tuple(key.column or "" for key in index.keys)
        for index in table.indexes
        if index.unique and index.where is None
    ]
    for key in table.foreign_keys:
        one = "|o" if any(nullable.get(column) for column in key.columns) else "||"
        many = "o|" if any(set(each) == set(key.columns) for each in keys) else "o{"
        label = ", ".join(_safe(column) for column in key.columns)
        yield f'  {_entity(key.schema, key.table)} {one}--{many} {own} : "{label}"'

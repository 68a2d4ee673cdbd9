"""From the files of one Prisma schema to tables: the order of the steps, nothing else.

Pure: texts in, schema and findings out. Which files belong together is decided by `files`.
"""

from collections.abc import Sequence

from appdb.model.finding import Evidence, Finding
from appdb.model.schema import Namespace, Schema, Table
from appdb.source.frameworks.prisma.declarations import Declarations, collect
from appdb.source.frameworks.prisma.extensions import build_extensions
from appdb.source.frameworks.prisma.fields import read_fields
from appdb.source.frameworks.prisma.keys import read_keys
from appdb.source.frameworks.prisma.parse import parse
from appdb.source.frameworks.prisma.referee import objections
from appdb.source.frameworks.prisma.relations import pair_relations
from appdb.source.frameworks.prisma.remarks import Code, Remarks
from appdb.source.frameworks.prisma.syntax import Document
from appdb.source.frameworks.prisma.tables import build_enums, build_tables
from appdb.source.frameworks.prisma.text import read_text
from appdb.source.frameworks.prisma.uniqueness import clashing_names, with_own_names
from appdb.source.frontend import Extraction


def extract_schema(files: Sequence[tuple[str, str]], *, has_join_key: bool) -> Extraction:
    """Read the files (path, text) of one schema.

    `has_join_key` says whether join tables have a primary key (Prisma 6) or a unique index.
    """
    remarks = Remarks()
    documents = [_read(path, text, remarks) for path, text in files]
    blocks = [block for document in documents for block in document.blocks]
    declared = collect(blocks, remarks)
    read_fields(declared)
    keys = {name: read_keys(declared, model) for name, model in declared.models.items()}
    holders, between = pair_relations(declared, keys)
    tables = build_tables(declared, keys, holders, between, has_join_key=has_join_key)
    if not declared.datasource.is_postgres:
        tables = with_own_names(tables)
    schema = Schema(
        extensions=build_extensions(declared),
        namespaces=_namespaces(declared, tables),
        enums=build_enums(declared),
        tables=tables,
    )
    findings = [*remarks.findings, *clashing_names(tables)]
    return Extraction(schema=schema, findings=tuple(sorted(findings, key=_place)))


def _read(path: str, text: str, remarks: Remarks) -> Document:
    document = parse(read_text(path, text))
    for problem in (*document.problems, *objections(document)):
        remarks.error(Code.SYNTAX, document.source, problem.at, problem.message)
    return document


def _namespaces(declared: Declarations, tables: tuple[Table, ...]) -> tuple[Namespace, ...]:
    found: dict[str, Evidence] = {}
    for table in tables:
        if table.schema is not None:
            found.setdefault(table.schema, table.evidence)
    for enum in declared.enums.values():
        if enum.type.schema is not None:
            evidence = Evidence(span=enum.source.span(enum.at), rule="prisma.schema")
            found.setdefault(enum.type.schema, evidence)
    for extension in declared.datasource.extensions:
        if extension.schema not in {None, "public"} and extension.schema is not None:
            evidence = Evidence(span=extension.source.span(extension.at), rule="prisma.schema")
            found.setdefault(extension.schema, evidence)
    return tuple(Namespace(name=name, evidence=found[name]) for name in sorted(found))


def _place(finding: Finding) -> tuple[str, int, int, str]:
    span = finding.span
    if span is None:
        return ("", 0, 0, finding.message)
    return (span.path, span.line, span.column, finding.message)

"""The extensions that a schema calls for by its types, functions and operator classes.

Pure. ORMs use them without a word and expect them to be there; DDL that shall load into
an empty database must name them. `uuid_generate_v4()` is the one that Postgres has built
in under another name, so it is replaced where the extension may not be installed.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from appdb.model.ddl import DdlKind, DdlStatement
from appdb.model.finding import Confidence, Evidence, Finding, Severity
from appdb.model.schema import Column, Extension, Schema, Table
from appdb.source.soundness.types import EXTENSION_OF, base_of
from appdb.source.sqltext import TokenKind, one_expression

UUID_OSSP = "uuid-ossp"
_UUID_CALL = re.compile(r'(?:"?public"?\.)?"?uuid_generate_v4"?\s*\(\s*\)', re.IGNORECASE)
_OF_FUNCTION: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v3", "uuid_generate_v4",
            "uuid_generate_v5", "uuid_nil", "uuid_ns_dns", "uuid_ns_url",
        ),
        UUID_OSSP,
    ),
    **dict.fromkeys(
        ("gen_random_bytes", "crypt", "gen_salt", "digest", "hmac", "pgp_sym_encrypt"), "pgcrypto"
    ),
    "unaccent": "unaccent", "similarity": "pg_trgm", "word_similarity": "pg_trgm",
}  # fmt: skip
_OF_OPCLASS: Mapping[str, str] = {
    "gin_trgm_ops": "pg_trgm", "gist_trgm_ops": "pg_trgm", "gin__int_ops": "intarray",
    "gist__int_ops": "intarray", "gist__intbig_ops": "intarray", "gist_ltree_ops": "ltree",
    "gist_geometry_ops_2d": "postgis", "gist_geometry_ops_nd": "postgis",
}  # fmt: skip
_VECTOR_OPCLASS = re.compile(
    r"(?:vector|halfvec|sparsevec|bit)_(?:l2|ip|cosine|l1|hamming|jaccard)_ops"
)
_OF_METHOD: Mapping[str, str] = {"hnsw": "vector", "ivfflat": "vector", "bloom": "bloom"}
_SCALAR_EQUAL = re.compile(r"using\s+gist\b.*\bwith\s*=", re.IGNORECASE | re.DOTALL)

Extended = tuple[Schema, tuple[DdlStatement, ...], tuple[Finding, ...]]


def with_extensions(
    schema: Schema, statements: tuple[DdlStatement, ...], allowed: tuple[str, ...] | None
) -> Extended:
    """Return the schema with the extensions that it needs, and what there is to say.

    `allowed` are those that may be installed, None any. One that is needed and not allowed
    stays in the schema: who applies it must say so.
    """
    replaced: tuple[Finding, ...] = ()
    if allowed is not None and UUID_OSSP not in allowed:
        schema, statements, replaced = _with_builtin_uuids(schema, statements)
    declared = {extension.name for extension in schema.extensions}
    declared |= {each.name for each in statements if each.kind is DdlKind.EXTENSION}
    needed: dict[str, Evidence] = {}
    for name, evidence in (*_needed(schema), *_needed_by_statements(statements)):
        if name not in declared:
            needed.setdefault(name, evidence)
    added = tuple(
        Extension(name=name, evidence=replace(
            evidence, rule="core.extension", confidence=Confidence.DERIVED
        ))
        for name, evidence in sorted(needed.items())
    )  # fmt: skip
    findings = tuple(
        Finding(
            code="EXTENSION_NEEDED",
            severity=Severity.INFO,
            message=f'the extension "{each.name}" is needed here, though the source does not '
            "declare it",
            span=each.evidence.span,
        )
        for each in added
    )
    return (
        replace(schema, extensions=(*schema.extensions, *added)),
        statements,
        (*replaced, *findings),
    )


def _needed(schema: Schema) -> Iterator[tuple[str, Evidence]]:
    for table in schema.tables:
        for column in table.columns:
            base = base_of(column.type)
            if base is not None and base in EXTENSION_OF:
                yield EXTENSION_OF[base], column.evidence
            for text in (column.default, column.generated):
                if text and "(" in text:
                    yield from _called(text, column.evidence)
        yield from _needed_by_keys(table)


def _needed_by_keys(table: Table) -> Iterator[tuple[str, Evidence]]:
    for check in table.checks:
        yield from _called(check.expression, check.evidence)
    for exclusion in table.exclusions:
        if _SCALAR_EQUAL.search(exclusion.definition):
            yield "btree_gist", exclusion.evidence
    for index in table.indexes:
        if index.method in _OF_METHOD:
            yield _OF_METHOD[index.method], index.evidence
        yield from _called(index.where, index.evidence)
        for key in index.keys:
            yield from _called(key.expression, index.evidence)
            opclass = (key.opclass or "").partition("(")[0].strip().lower()
            if opclass in _OF_OPCLASS:
                yield _OF_OPCLASS[opclass], index.evidence
            elif _VECTOR_OPCLASS.fullmatch(opclass) and not opclass.startswith("bit"):
                yield "vector", index.evidence


def _called(text: str | None, evidence: Evidence) -> Iterator[tuple[str, Evidence]]:
    """Yield the extensions of the functions that an expression calls."""
    found = (one_expression(text) if text else None) or []
    for token, after in itertools.pairwise(found):
        is_name = token.kind in {TokenKind.WORD, TokenKind.QUOTED}
        if is_name and after.text == "(" and token.name in _OF_FUNCTION:
            yield _OF_FUNCTION[token.name], evidence


def _needed_by_statements(statements: Iterable[DdlStatement]) -> Iterator[tuple[str, Evidence]]:
    for statement in statements:
        if statement.evidence is None or statement.kind is DdlKind.COMMENT:
            continue
        for token in one_expression(statement.sql) or []:
            if token.kind not in {TokenKind.WORD, TokenKind.QUOTED}:
                continue
            found = (
                _OF_FUNCTION.get(token.name)
                or _OF_OPCLASS.get(token.name)
                or (EXTENSION_OF.get(token.name) if token.kind is TokenKind.WORD else None)
            )
            if found is not None and statement.name != token.name:
                yield found, statement.evidence


def _with_builtin_uuids(schema: Schema, statements: tuple[DdlStatement, ...]) -> Extended:
    findings: list[Finding] = []

    def swapped(text: str, evidence: Evidence | None) -> str:
        better = _UUID_CALL.sub("gen_random_uuid()", text)
        if better != text and evidence is not None:
            findings.append(
                Finding(
                    code="UUID_BUILT_IN",
                    severity=Severity.INFO,
                    message="uuid_generate_v4() becomes the built-in gen_random_uuid(): the "
                    'server does not offer the extension "uuid-ossp"',
                    span=evidence.span,
                )
            )
        return better

    def column(each: Column) -> Column:
        if each.default is None:
            return each
        return replace(each, default=swapped(each.default, each.evidence))

    tables = tuple(
        replace(table, columns=tuple(column(each) for each in table.columns))
        for table in schema.tables
    )
    statements = tuple(
        replace(each, sql=swapped(each.sql, each.evidence)) if each.kind is DdlKind.TABLE else each
        for each in statements
    )
    schema = replace(schema, tables=tables)
    if UUID_OSSP not in {
        name for name, _ in (*_needed(schema), *_needed_by_statements(statements))
    }:
        schema = replace(
            schema, extensions=tuple(e for e in schema.extensions if e.name != UUID_OSSP)
        )
        statements = tuple(
            each
            for each in statements
            if each.kind is not DdlKind.EXTENSION or each.name != UUID_OSSP
        )
    return schema, statements, tuple(findings)

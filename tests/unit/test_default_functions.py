"""What a default may call and a column may be sorted by: a new database has nothing else."""

import pytest

from appdb.model.finding import Evidence, Span
from appdb.model.schema import Extension
from appdb.model.types import PgType
from appdb.source.analyze import analyze
from appdb.source.bundle import bundle_of_texts
from appdb.source.soundness.expressions import Known, default_problem
from appdb.source.soundness.functions import unknown_function
from appdb.source.sqltext import one_expression

EVIDENCE = Evidence(span=Span(path="a.ts", line=1), rule="test")
THERE = [
    "now()",
    "CURRENT_TIMESTAMP(3)",
    "(now() AT TIME ZONE 'utc')",
    "pg_catalog.now()",
    "'x'::character varying(10)",
    "CAST(1 AS numeric(10, 2))",
    "CASE WHEN (true) THEN (1) ELSE (2) END",
    "COALESCE(NULL, btrim(lower('A')))",
    "ARRAY[1]::int[]",
    "x IN (1, 2)",
    "encode(gen_random_bytes(4), 'hex')",
    "public.uuid_generate_v4()",
    '"left"(md5((random())::text), 8)',
]
NOWHERE = {
    "nanoid()": "nanoid",
    "'x' || public.short_id(8)": "public.short_id",
    "auth.uid()": "auth.uid",
    "extensions.uuid_generate_v4()": "extensions.uuid_generate_v4",
    "uuid_generate_v7()": "uuid_generate_v7",
}


def unknown(text, *extensions):
    return unknown_function(one_expression(text), extensions)


@pytest.mark.parametrize("text", THERE)
def test_what_postgres_and_known_extensions_bring_is_there(text):
    assert unknown(text) is None


@pytest.mark.parametrize("text", NOWHERE)
def test_a_function_that_only_a_migration_makes_is_not(text):
    assert unknown(text) == NOWHERE[text]


def test_an_extension_that_is_not_known_may_bring_any_function():
    assert unknown("ulid()", Extension(name="pgx_ulid", evidence=EVIDENCE)) is None


@pytest.mark.parametrize("text", ["nanoid()", "nothing"])
def test_a_column_is_made_without_a_default_that_could_not_load(text):
    model = f'model A {{\n  id String @id @default(dbgenerated("{text}"))\n}}\n'
    found = analyze(
        bundle_of_texts(
            {"schema.prisma": 'datasource db {\n  provider = "postgresql"\n}\n' + model}
        )
    )
    (column,) = found.schema.tables[0].columns

    assert [(each.code, str(each.span)) for each in found.findings] == [
        ("DEFAULT_LEFT_OUT", "schema.prisma:5:3")
    ]
    assert column.default is None


MISFITS = {
    "text for a uuid": ("uuid", "upper('a')"),
    "text for a jsonb": ("jsonb", "concat('{', '}')"),
    "letters for integers": ("int[]", "'{1,b}'"),
    "one number for a point": ("point", "'1'"),
}
FITS = {
    "text for a varchar": ("varchar", "upper('a')"),
    "integers": ("int[]", "'{1, 2,NULL}'"),
    "no integers": ("int[]", "'{}'"),
    "rows of integers": ("int[]", "'{{1},{2}}'"),
    "texts": ("text[]", "'{a,\"b,c\"}'"),
    "a point": ("point", "'(1,-2.5e3)'"),
    "json for a jsonb": ("jsonb", "json_build_object('a', 1)"),
}


def problem(type_, text):
    return default_problem(text, PgType(name=type_, verbatim=True), Known())


@pytest.mark.parametrize("case", MISFITS)
def test_a_default_that_the_type_does_not_take_is_refused(case):
    assert problem(*MISFITS[case]) is not None


@pytest.mark.parametrize("case", FITS)
def test_a_default_that_the_type_takes_is_kept(case):
    assert problem(*FITS[case]) is None


@pytest.mark.parametrize("name", ["en_natural", "utf8mb4_bin", "NOCASE", "de-u-co-phonebk-x-icu"])
def test_a_collation_that_a_new_database_lacks_is_left_out(name):
    head = "import { Entity, PrimaryColumn } from 'typeorm';\n"
    key = f"@PrimaryColumn({{ collation: '{name}' }}) id: string"
    found = analyze(bundle_of_texts({"a.ts": f"{head}@Entity() export class A {{ {key} }}"}))
    (column,) = found.schema.tables[0].columns
    is_there = name.endswith("-x-icu")

    assert column.collation == (name if is_there else None)
    assert [each.code for each in found.findings] == ([] if is_there else ["COLLATION_LEFT_OUT"])

"""Plain SQL: declarations are handed on as written, everything else is refused with its place."""

import pytest

from appdb.source.analyze import AnalysisOptions, analyze
from appdb.source.bundle import bundle_of_texts

ALLOWED = [
    "CREATE SCHEMA billing",
    "CREATE TABLE IF NOT EXISTS c (b int DEFAULT 1, d text CHECK (d <> ';'))",
    "CREATE UNLOGGED TABLE c (b int)",
    "CREATE TYPE mood AS ENUM ('a;b', 'it''s')",
    "CREATE TYPE pair AS (a int, b text)",
    "CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
    "CREATE SEQUENCE s START 5 INCREMENT 2",
    "CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public",
    "CREATE UNIQUE INDEX i ON a USING btree (lower(b)) WHERE b IS NOT NULL",
    "ALTER TABLE ONLY public.a ADD CONSTRAINT a_pkey PRIMARY KEY (b)",
    "ALTER SEQUENCE s OWNED BY a.b",
    "COMMENT ON COLUMN a.b IS $note$it's; here$note$",
]
REFUSED = [
    "DROP TABLE a",
    "INSERT INTO a VALUES (1)",
    "ALTER TABLE a DROP COLUMN b",
    "ALTER TABLE a ADD CONSTRAINT c CHECK (true), DROP COLUMN b",
    "ALTER TABLE a RENAME owner TO x",
    "CREATE FUNCTION f() RETURNS int AS $$ SELECT 1; $$ LANGUAGE sql",
    "CREATE TRIGGER t BEFORE INSERT ON a EXECUTE FUNCTION f()",
    "CREATE TABLE a AS SELECT 1",
    "CREATE TEMP TABLE a (b int)",
    "CREATE SCHEMA AUTHORIZATION postgres",
    "CREATE TABLE pg_catalog.a (b int)",
    "CREATE TABLE _appdb.runs (b int)",
    "CREATE INDEX CONCURRENTLY i ON a (b)",
    "GRANT ALL ON a TO PUBLIC",
    "COMMENT ON DATABASE shop IS 'claim'",
    "COMMENT ON ROLE shop IS 'claim'",
    "DO $$ BEGIN PERFORM 1; END $$",
    f"CREATE TABLE {'x' * 64} (b int)",
]


def read(text, **more):
    return analyze(bundle_of_texts({"schema.sql": text, **more}))


@pytest.mark.parametrize("statement", ALLOWED)
def test_a_declaration_is_handed_on_as_it_is_written(statement):
    found = read(f"-- first\nCREATE TABLE base (id int);\nCREATE TABLE a (b int);\n{statement};\n")
    assert statement in [each.sql for each in found.statements]
    assert not found.is_blocked


@pytest.mark.parametrize("statement", REFUSED)
def test_anything_else_is_refused_with_its_place(statement):
    found = read(f"CREATE TABLE base (id int);\n  {statement};\n")
    assert [(each.code, str(each.span)) for each in found.findings] == [
        ("SQL_REFUSED", "schema.sql:2:3")
    ]
    assert found.is_blocked
    assert [each.name for each in found.statements] == ["base"]


def test_what_pg_dump_and_psql_add_is_passed_over():
    found = read(
        "\\restrict x'y\nSET statement_timeout = 0;\nBEGIN;\n"
        "SELECT pg_catalog.set_config('search_path', '', false);\n"
        "CREATE TABLE public.a (id int);\nALTER TABLE public.a OWNER TO me;\nCOMMIT;\n"
    )
    assert [each.sql for each in found.statements] == ["CREATE TABLE public.a (id int)"]
    assert found.findings == ()


def test_tables_come_behind_those_that_they_refer_to_whatever_file_they_stand_in():
    found = analyze(
        bundle_of_texts(
            {
                "a.sql": "CREATE TABLE orders (u int REFERENCES users (id), m mood);",
                "b.sql": "CREATE TABLE users (id int PRIMARY KEY);CREATE TYPE mood AS ENUM ('x');",
            }
        )
    )
    assert [each.name for each in found.statements] == ["mood", "users", "orders"]


def test_the_report_knows_columns_keys_and_references():
    table = read(
        "CREATE TABLE a (id bigint PRIMARY KEY, n numeric(10, 2) NOT NULL DEFAULT 0,"
        " x int REFERENCES a (id) ON DELETE SET NULL, UNIQUE (n, x));"
    ).schema.tables[0]
    assert [(c.name, c.type.sql, c.nullable) for c in table.columns] == [
        ("id", "bigint", False),
        ("n", "numeric(10, 2)", False),
        ("x", "int", True),
    ]
    assert table.primary_key.columns == ("id",)
    assert table.uniques[0].columns == ("n", "x")
    assert table.foreign_keys[0].on_delete == "SET NULL"


PRISMA = 'datasource db {\n  provider = "postgresql"\n}\nmodel a {\n  id Int @id\n}\n'


def test_an_orm_wins_over_plain_sql_and_the_loser_is_told():
    found = read("CREATE TABLE a (id text); CREATE TABLE b (c int);", **{"p.prisma": PRISMA})
    assert [each.code for each in found.findings] == ["TABLE_IN_TWO_SOURCES"]
    assert {each.name for each in found.schema.tables} == {"a", "b"}
    assert all("id text" not in each.sql for each in found.statements)


UNLOADABLE = {
    "missing table": "CREATE TABLE c (x int REFERENCES nowhere (id));",
    "column that the winner lacks": "CREATE TABLE c (x text REFERENCES a (name));",
    "type that does not fit": "CREATE TABLE c (x uuid REFERENCES a);",
    "index of a missing table": "CREATE INDEX ON nowhere (id);",
    "late reference": "ALTER TABLE b ADD CONSTRAINT f FOREIGN KEY (t) REFERENCES a (id);",
    "late reference to nothing": "ALTER TABLE b ADD FOREIGN KEY (t) REFERENCES nowhere (id);",
}


@pytest.mark.parametrize("statement", UNLOADABLE.values(), ids=UNLOADABLE)
def test_a_statement_that_could_not_load_is_left_out_and_told(statement):
    files = {"p.prisma": PRISMA}
    found = read(f"CREATE TABLE b (i int REFERENCES a (id), t text);\n{statement}", **files)

    assert [(each.code, str(each.span)) for each in found.findings] == [
        ("SQL_LEFT_OUT", "schema.sql:2:1")
    ]
    assert {each.name for each in found.statements} == {"a", "b"}


def test_what_needs_a_statement_that_is_left_out_goes_with_it():
    found = read(
        "CREATE TABLE b (i int PRIMARY KEY REFERENCES nowhere);\n"
        "CREATE TABLE c (i int REFERENCES b);\nCREATE INDEX ON c (i);"
    )

    assert [str(each.span) for each in found.findings] == [
        f"schema.sql:{line}:1" for line in (1, 2, 3)
    ]
    assert found.statements == ()
    assert found.is_blocked


def test_an_unfinished_quote_is_a_located_error():
    found = read("CREATE TABLE a (id int);\nCREATE TABLE b (c text DEFAULT 'x);")
    assert [(each.code, str(each.span)) for each in found.findings] == [
        ("PARSE_FAILED", "schema.sql:2:32")
    ]


def test_uuids_are_made_by_the_built_in_function_where_the_extension_is_not_to_be_had():
    source = bundle_of_texts({"schema.sql": "CREATE TABLE a (id uuid DEFAULT uuid_generate_v4());"})
    faithful = analyze(source)
    assert [each.name for each in faithful.schema.extensions] == ["uuid-ossp"]
    swapped = analyze(source, AnalysisOptions(extensions=()))
    assert "gen_random_uuid()" in swapped.statements[0].sql
    assert swapped.schema.extensions == ()
    assert [each.code for each in swapped.findings] == ["UUID_BUILT_IN"]


def test_a_relational_orm_wins_over_documents():
    model = "const m = require('mongoose');\nm.model('A', new m.Schema({ t: String }), 'a');\n"
    found = analyze(bundle_of_texts({"a.js": model, "p.prisma": PRISMA}))

    assert [each.code for each in found.findings] == ["TABLE_IN_TWO_SOURCES"]
    assert [each.framework for each in found.schema.tables] == ["prisma"]

"""SQL that a schema carries stays one expression, one type, one name."""

import pytest

from appdb.source.dialect import render
from support.prisma import errors, model, table

EXPRESSIONS = [
    ("now()", "now()"),
    ("1 + 2", "(1 + 2)"),
    ("'a;b'::text", "'a;b'::text"),
    ("concat('a', 'b')", "(concat('a', 'b'))"),
    ("1 NOT NULL", "(1 NOT NULL)"),
    ("1 -- x", "1"),
]
INJECTIONS = ["1; DROP TABLE x", "1, b int", "1)", "(1", "'", '"', "$$", "/* x", "a ']'; --"]


@pytest.mark.parametrize(("sql", "expected"), EXPRESSIONS)
def test_an_expression_of_the_author_is_kept_in_meaning(sql, expected):
    assert expected == table(model(f'a Int @default(dbgenerated("{sql}"))')).columns[1].default


@pytest.mark.parametrize("sql", INJECTIONS)
def test_what_is_not_one_expression_is_refused(sql):
    escaped = sql.replace('"', '\\"')

    assert errors(model(f'a Int @default(dbgenerated("{escaped}"))'))


def test_a_name_with_quotes_is_quoted():
    found = model(r'a Int @map("a\"; DROP TABLE x; --")', r"""@@map("it's \"M\"")""")

    create = render(found.schema)[0].sql
    assert '"a""; DROP TABLE x; --" integer' in create
    assert create.startswith('CREATE TABLE "it\'s ""M""" (')


def test_a_default_that_reads_columns_is_left_out_with_a_warning():
    found = model(
        "title String", 'v Unsupported("tsvector")? @default(dbgenerated("to_tsvector(title)"))'
    )

    assert table(found).columns[2].default is None
    assert ["PRISMA_DEFAULT"] == [finding.code for finding in found.findings]
    assert [] == errors(found)

"""Comments, strings and lines are read as Prisma's own grammar reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appdb.source.frameworks.prisma.extract import extract_schema
from appdb.source.frameworks.prisma.parse import parse
from appdb.source.frameworks.prisma.referee import mask, objections
from appdb.source.frameworks.prisma.text import read_text
from support.prisma import HEAD, errors, model, read, table


def columns(extraction, name="M"):
    return [column.name for column in table(extraction, name).columns]


def test_what_looks_like_a_model_in_comments_and_strings_is_none():
    found = read(
        "// model A {\n/* model B {\n  id Int @id\n} */\n"
        'model M {\n  id Int @id\n  a String @default("} model X { // no /* no") /// b Int\n}\n'
    )

    assert ["M"] == [each.name for each in found.schema.tables]
    assert ["id", "a"] == columns(found)
    assert "'} model X { // no /* no'" == table(found).columns[1].default


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_ends_do_not_matter(ending):
    text = "model M {\n  id Int @id // x\n  a String\n}\n"

    assert read(text).schema == read(text.replace("\n", ending)).schema


def test_a_byte_order_mark_is_no_text():
    found = extract_schema([("a.prisma", "\ufeffmodel M {\n  id Int @id\n}\n")], has_join_key=True)

    assert [] == errors(found)
    assert ["id"] == columns(found)


def test_places_count_from_one_in_characters():
    found = model("größe Int", "b   Nowhere")

    assert [(8, 7, "PRISMA_TYPE")] == errors(found)


def test_evidence_names_the_line_and_the_rule_of_each_fact():
    found = table(model("a String @unique", "@@index([a])"))

    assert "schema.prisma:5:7" == str(found.evidence.span)
    assert "schema.prisma:7:3" == str(found.columns[1].evidence.span)
    assert "schema.prisma:6:10" == str(found.primary_key.evidence.span)
    assert [("prisma.unique", "7:12"), ("prisma.index", "8:3")] == [
        (index.evidence.rule, str(index.evidence.span).partition(":")[2]) for index in found.indexes
    ]


def test_masking_keeps_the_length_and_every_line_end():
    text = 'view V {\n  id Int\n}\nmodel É {\n  a Unsupported("a b") @x("é") // c\n}\n'

    masked = mask(text)

    assert len(text) == len(masked)
    assert masked.isascii()
    assert [i for i, c in enumerate(text) if c == "\n"] == [
        i for i, c in enumerate(masked) if c == "\n"
    ]


@pytest.mark.parametrize("word", ["datasource", "enum", "generator", "model", "type", "view"])
def test_a_field_may_have_the_name_of_a_keyword(word):
    found = model(f'{word} Json @default("{{}}")', "other String")
    assert errors(found) == []
    assert [column.name for column in table(found).columns] == ["id", word, "other"]


def test_a_block_that_the_grammar_reads_otherwise_is_refused():
    document = parse(read_text("a.prisma", "model M {\n  id Int @id\n  a String\n}\n"))
    document.blocks[0].fields.pop()

    assert [document.blocks[0].at] == [problem.at for problem in objections(document)]


ATTRIBUTES = st.sampled_from(
    ["", "@id", "@unique", "@default(1)", '@map("x")', "@db.Text", "@relation(", '@default("', "@@"]
)
LINES = st.tuples(
    st.sampled_from(["id", "a", "b", "}", "model", "@@index([a])", "//", "/*", "é", "\u2028", "{"]),
    st.sampled_from(["Int", "String?", "M[]", "E", "", 'Unsupported("x")', "[", "\\", "\x00"]),
    ATTRIBUTES,
).map(" ".join)


@given(st.lists(LINES | st.text(max_size=12), max_size=12))
def test_any_text_gives_an_answer_and_never_an_exception(lines):
    text = HEAD + "enum E {\n  a\n}\nmodel M {\n" + "\n".join(lines) + "\n}\n"

    found = extract_schema([("a.prisma", text)], has_join_key=True)

    assert found == extract_schema([("a.prisma", text)], has_join_key=True)


@given(st.text(max_size=30).filter(lambda text: "\0" not in text))
def test_a_string_default_is_one_literal_whatever_it_holds(value):
    escaped = "".join(f"\\u{ord(c):04x}" if ord(c) < 0x10000 else c for c in value)

    found = model(f'a String @default("{escaped}")')

    default = table(found).columns[1].default
    body = default.removeprefix("E")[1:-1].replace("''", "").replace("\\\\", "")
    assert "'" not in body
    assert "\\" not in body

"""What Prisma itself refuses is an error at its place, and makes no table."""

import pytest

from support.prisma import HEAD, errors, model, read

# The line below the head of one model with an id: the head has 4 lines, the model opens on 5.
FIELD = 7
BAD_LINES = [
    ('a String @default("x', 21, "PRISMA_SYNTAX"),
    ("a Int @default(1e5)", 18, "PRISMA_DEFAULT"),
    ("a Int @default(", 18, "PRISMA_SYNTAX"),
    ('a Int @map("b"),', 18, "PRISMA_SYNTAX"),
    ('a Int @map("b",)', 17, "PRISMA_SYNTAX"),
    ("a: Int", 4, "PRISMA_SYNTAX"),
    ("a Int!", 8, "PRISMA_SYNTAX"),
    ("a Int[]?", 10, "PRISMA_SYNTAX"),
    ("a [Int]", 3, "PRISMA_SYNTAX"),
    ("a-b Int", 3, "PRISMA_SYNTAX"),
    ("1a Int", 3, "PRISMA_SYNTAX"),
    ("_a Int", 3, "PRISMA_SYNTAX"),
    ("a", 3, "PRISMA_SYNTAX"),
    ('a Int @id @@map("x")', 13, "PRISMA_SYNTAX"),
    ('a String @default("\\q")', 22, "PRISMA_SYNTAX"),
    ("a int", 5, "PRISMA_TYPE"),
    ("a Nowhere", 5, "PRISMA_TYPE"),
    ('a Unsupported("int, b int")', 5, "PRISMA_TYPE"),
    ('a Unsupported("int NOT NULL")', 5, "PRISMA_TYPE"),
    ("a Int @db.VarChar(5)", 9, "PRISMA_NATIVE_TYPE"),
    ("a String @db.Foo", 12, "PRISMA_NATIVE_TYPE"),
    ('a String @db.VarChar("5")', 12, "PRISMA_NATIVE_TYPE"),
    ("a Decimal @db.Decimal(5)", 13, "PRISMA_NATIVE_TYPE"),
    ("a Decimal @db.Decimal(3, 5)", 13, "PRISMA_NATIVE_TYPE"),
    ("a DateTime @db.Timestamp(9)", 14, "PRISMA_NATIVE_TYPE"),
    ("a String @foo", 12, "PRISMA_ATTRIBUTE"),
    ("a String @unique @unique", 20, "PRISMA_ATTRIBUTE"),
    ("a String @updatedAt", 12, "PRISMA_ATTRIBUTE"),
    ('a String @map("")', 17, "PRISMA_ATTRIBUTE"),
    ("id Int", 3, "PRISMA_DUPLICATE"),
    ('a Int @map("id")', 3, "PRISMA_DUPLICATE"),
    (f'a Int @map("{"x" * 64}")', 14, "PRISMA_NAME"),
    ("a Int @default(1.5)", 18, "PRISMA_DEFAULT"),
    ('a Int @default("1")', 18, "PRISMA_DEFAULT"),
    ("a Boolean @default(True)", 22, "PRISMA_DEFAULT"),
    ("a String @default(true)", 21, "PRISMA_DEFAULT"),
    ('a Float @default("1.5")', 20, "PRISMA_DEFAULT"),
    ('a Json @default("{bad}")', 19, "PRISMA_DEFAULT"),
    ('a Bytes @default("a")', 20, "PRISMA_DEFAULT"),
    ('a DateTime @default("2020-01-02")', 23, "PRISMA_DEFAULT"),
    ('a DateTime @default("2020-02-30T00:00:00Z")', 23, "PRISMA_DEFAULT"),
    ('a String[] @default("x")', 23, "PRISMA_DEFAULT"),
    ("a DateTime[] @default(now())", 25, "PRISMA_DEFAULT"),
    ("a Int[] @default(autoincrement())", 20, "PRISMA_DEFAULT"),
    ("a String @default(autoincrement())", 21, "PRISMA_DEFAULT"),
    ("a String @default(now())", 21, "PRISMA_DEFAULT"),
    ("a Int @default(uuid())", 18, "PRISMA_DEFAULT"),
    ("a String @default(uuid(9))", 26, "PRISMA_DEFAULT"),
    ("a Int @default(sequence())", 18, "PRISMA_DEFAULT"),
    ("a Int @default()", 9, "PRISMA_DEFAULT"),
    ('a Int @default(dbgenerated(""))', 30, "PRISMA_DEFAULT"),
    ("a Int @id", 9, "PRISMA_KEY"),
    ("@@id([id])", 3, "PRISMA_KEY"),
    ("@@index([nope])", 12, "PRISMA_KEY"),
    ("@@index([id, id])", 16, "PRISMA_KEY"),
    ("@@index([])", 3, "PRISMA_KEY"),
    ("@@index([id], foo: 1)", 17, "PRISMA_ATTRIBUTE"),
    ("@@foo", 3, "PRISMA_ATTRIBUTE"),
    ("@@fulltext([id])", 3, "PRISMA_INDEX"),
    ("@@index([id], type: Foo)", 23, "PRISMA_INDEX"),
    ("@@index([id(sort: desc)])", 21, "PRISMA_INDEX"),
    ("@@index([id(sort: Desc)], type: Hash)", 21, "PRISMA_INDEX"),
    ("@@index([id], type: Gin)", 12, "PRISMA_INDEX"),
    ("@@index([id(ops: TextBloomOps)], type: Brin)", 20, "PRISMA_INDEX"),
    ('@@index([id(ops: raw("x; y"))])', 24, "PRISMA_INDEX"),
    ('@@schema("x")', 3, "PRISMA_ATTRIBUTE"),
]


@pytest.mark.parametrize(("line", "column", "code"), BAD_LINES, ids=[row[0] for row in BAD_LINES])
def test_a_line_that_prisma_refuses_is_an_error_at_its_place(line, column, code):
    found = model(line)

    assert [(FIELD, column, code)] == errors(found)
    assert () == found.schema.tables


B = "model B {\n  id Int @id\n  x Int\n  a A[]\n}\n"


def holder(relation, key="k Int"):
    return f"model A {{\n  id Int @id\n  {key}\n  b B @relation({relation})\n}}\n{B}"


BAD_SCHEMAS = {
    "no opposite field": "model A {\n  id Int @id\n  b C\n}\nmodel C {\n  id Int @id\n}\n",
    "no fields": f"model A {{\n  id Int @id\n  b B\n}}\n{B}",
    "counts differ": holder("fields: [k], references: [id, x]"),
    "not unique": holder("fields: [k], references: [x]"),
    "other type": holder("fields: [k], references: [id]", key="k String"),
    "unknown field": holder("fields: [z], references: [id]"),
    "unknown action": holder("fields: [k], references: [id], onDelete: X"),
    "long name": holder(f'fields: [k], references: [id], map: "{"x" * 64}"'),
    "must be optional": holder("fields: [k], references: [id]", key="k Int?"),
    "names differ": holder('"n", fields: [k], references: [id]'),
    "one to one not unique": holder("fields: [k], references: [id]").replace("A[]", "A?"),
    "unnamed self relation": "model A {\n  id Int @id\n  p A[]\n  c A[]\n}\n",
    "many to many without id": "model A {\n  id Int @id\n  b B[]\n}\n"
    "model B {\n  k Int @unique\n  a A[]\n}\n",
    "no unique criterion": "model A {\n  x Int\n}\n",
    "only an optional one": "model A {\n  x Int? @unique\n}\n",
    "model twice": "model A {\n  id Int @id\n}\nmodel A {\n  id Int @id\n}\n",
    "enum and model": "enum A {\n  x\n}\nmodel A {\n  id Int @id\n}\n",
    "table twice": 'model A {\n  id Int @id\n  @@map("B")\n}\n'
    'model B {\n  id Int @id(map: "q")\n}\n',
    "index name twice": "model A {\n  id Int @id\n"
    '  @@index([id], map: "x")\n  @@index([id], map: "x")\n}\n',
    "empty enum": "enum E {\n}\n",
    "value twice": "enum E {\n  a\n  a\n}\n",
    "label twice": 'enum E {\n  a\n  b @map("a")\n}\n',
    "reserved": "model async {\n  id Int @id\n}\n",
    "scalar's name": "model String {\n  id Int @id\n}\n",
    "composite type": "type T {\n  a Int\n}\n",
    "two datasources": HEAD,
    "unknown keyword": "foo\n",
    "on one line": "model A { id Int @id }\n",
    "never closed": "model A {\n  id Int @id\n",
    "comment never closed": "/* x\nmodel A {\n  id Int @id\n}\n",
    "over two lines": "model A {\n  id Int @id\n  a String @default(\n    1)\n}\n",
}


@pytest.mark.parametrize("text", BAD_SCHEMAS.values(), ids=BAD_SCHEMAS)
def test_a_schema_that_prisma_refuses_is_an_error(text):
    assert errors(read(text))


def test_a_provider_without_tables_is_an_error():
    head = HEAD.replace("postgresql", "mongodb")

    assert [(2, 3, "PRISMA_PROVIDER")] == errors(read("model A {\n  id Int @id\n}\n", head=head))


def test_index_names_that_mysql_keeps_apart_by_table_are_given_anew():
    two = "".join(
        f'model {name} {{\n  id Int @id\n  k Int\n  @@index([k], map: "k")\n}}\n' for name in "AB"
    )

    found = read(two, head=HEAD.replace("postgresql", "mysql"))

    assert [] == errors(found)
    assert ["k", "B_k_idx"] == [table.indexes[0].name for table in found.schema.tables]
    assert errors(read(two))


def test_a_broken_model_takes_no_other_with_it():
    found = read(
        "model A {\n  id Int @id\n  b Nowhere\n  cs C[]\n}\n"
        "model C {\n  id Int @id\n  a A @relation(fields: [k], references: [id])\n  k Int\n}\n"
    )

    assert ["C"] == [table.name for table in found.schema.tables]
    assert () == found.schema.tables[0].foreign_keys
    assert [(7, 5, "PRISMA_TYPE")] == errors(found)


def test_deep_nesting_is_refused_in_bounded_time():
    assert [(7, 49, "PRISMA_SYNTAX")] == errors(model("a Int @default(" + "[" * 500_000))

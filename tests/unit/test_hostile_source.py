"""Hostile sources: bounded time and memory, a located finding, never a broken statement."""

import random
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appdb.errors import AppDBError
from appdb.source.analyze import analyze
from appdb.source.bundle import bundle_of_files, bundle_of_texts
from appdb.source.isolate import analyze_once
from appdb.source.sqltext import one_expression, tokens

CASES = Path(__file__).parents[1] / "conformance/cases"
REAL = {
    path.relative_to(CASES).as_posix(): path.read_bytes()
    for path in sorted(CASES.rglob("*"))
    if path.suffix in {".prisma", ".ts", ".tsx", ".js", ".py"}
}
MIB = 1 << 20
HOSTILE = {
    "brackets in prisma": {"schema.prisma": b"model A {\n" + b"[" * MIB},
    "pairs in prisma": {"schema.prisma": b"model A {\n id Int @id @default(" + b"[]" * (MIB // 2)},
    "braces in typescript": {"a.entity.ts": b"@Entity() class A " + b"{" * MIB},
    "parentheses in typescript": {
        "a.entity.ts": b"import {Entity} from 'typeorm';\n@Entity() class A { x = " + b"(" * MIB
    },
    "deep objects": {"a.ts": b"@Entity() class A {}\nconst x = " + b"{a:" * 100_000},
    "deep arrays": {"a.entity.ts": b"@Entity({name: " + b"[" * 50_000 + b"]" * 50_000 + b"})"},
    "comments in sql": {"schema.sql": b"CREATE TABLE a (b int); " + b"/*" * (MIB // 2)},
    "quotes in sql": {"schema.sql": b"CREATE TABLE a (b int default '" + b"''" * (MIB // 2)},
    "parentheses in sql": {"schema.sql": b"CREATE TABLE a (b int default " + b"(" * MIB},
    "dollars in sql": {"schema.sql": b"CREATE TABLE a (b int);" + b"$a$" * (MIB // 3)},
    "ten thousand files": {
        f"src/{n // 100}/m{n}.entity.ts": b"import './m%d.entity'; export class M%d {}" % (n + 1, n)
        for n in range(9_999)
    },
    "cyclic imports": {
        "a.ts": b"import {b} from './b'; export const a = {...b};",
        "b.ts": b"import {a} from './a'; export const b = {...a};\n"
        b"import {Entity, Column} from 'typeorm';\n@Entity() class T { @Column(b) c: string }",
    },
    "recursive helper": {
        "a.entity.ts": b"import {Entity, Column} from 'typeorm';\n"
        b"const f = (x) => f([x, x]);\n@Entity(f(1)) class T { @Column(f(2)) c: string }"
    },
    "one endless line": {"schema.prisma": b"model A { id Int @id " + b"@x " * (MIB // 3) + b"}"},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_input_ends_in_bounded_time_with_an_answer(case):
    begun = time.monotonic()
    try:
        found = analyze_once(bundle_of_files(HOSTILE[case]))
        assert all(each.span is not None or each.message for each in found.findings)
        assert_statements_are_whole(found)
    except AppDBError as error:
        assert error.message
    assert time.monotonic() - begun < 40


def assert_statements_are_whole(found):
    """Each statement is one statement: balanced, closed, without a semicolon of its own."""
    for statement in found.statements:
        assert one_expression(statement.sql) is not None, statement.sql


NOT_TEXT = {"nul": b"model A {\n  id Int @id\n  \0\n}", "latin": b"model A {\n  // \xe9\n}"}


@pytest.mark.parametrize("case", NOT_TEXT)
def test_what_is_no_text_is_a_located_error(case):
    found = analyze(bundle_of_files({"schema.prisma": NOT_TEXT[case]}))
    assert found.is_blocked
    assert str(found.findings[0].span).startswith("schema.prisma:")


INJECTED = [
    '0); DROP TABLE "User"; --',
    "x'); DROP TABLE a; --",
    'a"; DROP TABLE a; --',
    "$$; DROP TABLE a; $$",
    "\\'; DROP TABLE a; --",
    "*/ DROP TABLE a; /*",
]


@pytest.mark.parametrize("text", INJECTED)
def test_sql_in_names_and_defaults_stays_inside_its_quotes(text):
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    source = (
        'datasource db {\n  provider = "postgresql"\n}\n'
        f'model User {{\n  id Int @id @map("{quoted}")\n  s String @default("{quoted}")\n'
        f'  d Int @default(dbgenerated("{quoted}"))\n  @@map("{quoted}")\n}}\n'
    )
    found = analyze(bundle_of_texts({"schema.prisma": source}))
    assert_statements_are_whole(found)
    for statement in found.statements:
        assert not any(token.word == "drop" for token in tokens(statement.sql))


def mutated(content, seed, cuts):
    """A file as a careless or hostile hand would leave it."""
    chance = random.Random(seed)
    data = bytearray(content)
    for _ in range(cuts):
        at = chance.randrange(len(data) + 1)
        piece = chance.choice([b"{", b"}", b"(", b")", b'"', b"'", b"`", b"\0", b"\xff", b"@",
                               b"/*", b"\n", b"${", bytes(data[at : at + 40])])  # fmt: skip
        end = at + chance.choice([0, 0, 1, 7, 60])
        data[at:end] = piece
    return bytes(data)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(path=st.sampled_from(sorted(REAL)), seed=st.integers(0, 2**32), cuts=st.integers(1, 8))
def test_mutated_real_files_never_break_the_analysis_or_a_statement(path, seed, cuts):
    files = {**_neighbours(path), path: mutated(REAL[path], seed, cuts)}
    try:
        assert_statements_are_whole(analyze(bundle_of_files(files)))
    except AppDBError as error:
        assert not re.search(r"Traceback|object at 0x", error.message)


def _neighbours(path):
    folder = path.partition("/")[0]
    return {other: content for other, content in REAL.items() if other.startswith(f"{folder}/")}


ENTITY = (
    "import { Column, Entity, PrimaryColumn } from 'typeorm';\n"
    "@Entity() export class A { @PrimaryColumn() id: string;\n"
    "@Column({ default: '%s' }) b: string }\n"
)


def test_a_long_text_does_not_make_an_entity_a_minified_file():
    found = analyze(bundle_of_texts({"a.entity.ts": ENTITY % ("x" * 60_000)}))

    assert [table.name for table in found.schema.tables] == ["a"]


def test_a_minified_file_that_may_declare_tables_is_told():
    bundle = ENTITY.replace("\n", " ") % "x" + "f(1);" * 4_000
    found = analyze(bundle_of_texts({"a.entity.ts": ENTITY % "x", "b.entity.ts": bundle}))

    assert [(each.code, str(each.span)) for each in found.findings] == [
        ("FILE_LEFT_OUT", "b.entity.ts:1:1")
    ]

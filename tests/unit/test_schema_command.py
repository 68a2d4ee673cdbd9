"""`appdb schema` speaks like a compiler: DDL on stdout, findings on stderr, an exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

OPERATOR = Path(__file__).parents[2] / "operator"

PRISMA = """\
datasource db {
  provider = "postgresql"
}
model User {
  id    Int    @id @default(autoincrement())
  email String @unique
  posts Post[]
}
model Post {
  id       Int  @id
  author   User @relation(fields: [authorId], references: [id])
  authorId Int
}
"""


def run(*arguments, **variables):
    return subprocess.run(
        [sys.executable, "-m", "appdb", "schema", *map(str, arguments)],
        env={"PYTHONPATH": str(OPERATOR), "PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "schema.prisma").write_text(PRISMA)
    (tmp_path / "package.json").write_text('{"dependencies": {"@prisma/client": "^6.1"}}')
    return tmp_path


def test_ddl_goes_to_stdout_and_a_summary_to_stderr(shop):
    done = run(shop)
    assert done.returncode == 0
    assert done.stdout.startswith('CREATE TABLE "User" (\n  "id" serial NOT NULL,')
    assert all(line.endswith(";") for line in done.stdout.split("\n\n")[-1].splitlines())
    assert done.stderr.splitlines()[-1] == "2 tables, 4 columns from 1 file (Prisma 6); 0 findings"


def test_the_json_form_is_stable(shop):
    found = json.loads(run(shop, "-o", "json").stdout)
    assert set(found) == {
        "digest", "files", "bytes", "frameworks", "schema", "statements", "findings",
    }  # fmt: skip
    assert found["frameworks"] == [{"name": "Prisma", "version": "6"}]
    user = found["schema"]["tables"][0]
    assert user["columns"][1]["name"] == "email"
    assert user["columns"][1]["evidence"]["span"]["line"] == 6
    assert [each["kind"] for each in found["statements"]][-1] == "constraint"


def test_the_report_says_of_each_column_where_it_was_read(shop):
    report = run(shop, "-o", "report").stdout
    line = next(each for each in report.splitlines() if each.strip().startswith("email"))
    assert "schema.prisma:6" in line
    assert "[prisma." in line


def test_the_diagram_draws_tables_and_relations(shop):
    diagram = run(shop, "-o", "mermaid").stdout
    assert diagram.startswith("erDiagram\n")
    assert 'User ||--o{ Post : "authorId"' in diagram


def test_nothing_found_is_3_and_says_what_was_looked_for(tmp_path):
    (tmp_path / "main.go").write_text("package main")
    done = run(tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert "looked for" in done.stderr


BAD = {
    "syntax": ({"schema.prisma": PRISMA + "\nmodel Broken {\n  id Int @id(\n}\n"}, [], "error"),
    "no such path": ({}, ["nowhere"], "cannot read"),
    "no such framework": ({"schema.prisma": PRISMA}, ["--framework", "Odd"], "no front end"),
    "no such output": ({"schema.prisma": PRISMA}, ["-o", "xml"], "not one of"),
    "not text": ({"schema.prisma": "model A {\0"}, [], "FILE_NOT_TEXT"),
    "refused": ({"schema.sql": "CREATE TABLE a (b int);\nDROP TABLE a;"}, [], "SQL_REFUSED"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_1_and_prints_no_ddl(tmp_path, case):
    files, extra, why = BAD[case]
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    paths = [] if extra and not files else [tmp_path]
    done = run(*paths, *(tmp_path / e if e == "nowhere" else e for e in extra))
    assert (done.returncode, done.stdout) == (1, "")
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_a_finding_names_file_line_and_column(tmp_path):
    (tmp_path / "schema.sql").write_text("CREATE TABLE a (b int);\n  DROP TABLE a;")
    assert run(tmp_path).stderr.startswith("schema.sql:2:3: error SQL_REFUSED: DROP TABLE A")


def test_no_colours_reach_a_pipe(shop):
    assert "\x1b" not in run(shop, TERM="xterm").stderr


def test_a_file_alone_is_enough(shop):
    assert "2 tables" in run(shop / "schema.prisma").stderr

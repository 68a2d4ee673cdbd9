"""A name that changes only in the code is no change of the tables."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appdb.local.postgres import EmbeddedPostgres
from support.code import ROOT
from support.sandbox import fresh_database

pytestmark = pytest.mark.postgres

PRISMA = """
datasource db {{
  provider = "postgresql"
  url      = env("DATABASE_URL")
}}
model {model} {{
  id    Int    @id @default(autoincrement())
  {field}  String @unique{map}
  posts Post[]
  {table}
}}
model Post {{
  id       Int  @id
  {by}     {model} @relation(fields: [{key}], references: [id])
  {key} Int{key_map}
  @@index([{key}])
}}
"""
PRISMA_BEFORE = PRISMA.format(
    model="User",
    field="name",
    map="",
    table="",
    by="author",
    key="authorId",
    key_map="",
)
PRISMA_AFTER = PRISMA.format(
    model="Person",
    field="fullName",
    map=' @map("name")',
    table='@@map("User")',
    by="writer",
    key="writerId",
    key_map=' @map("authorId")',
)
TYPEORM = """
import {{ Entity, PrimaryGeneratedColumn, Column, Index, ManyToOne, JoinColumn }} from 'typeorm';
@Entity({table})
export class {model} {{
  @PrimaryGeneratedColumn() id: number;
  @Index('by_name') @Column({column}) {field}: string;
  @ManyToOne(() => {model}) @JoinColumn({{ name: 'bossId' }}) {boss}: {model};
}}
"""
TYPEORM_BEFORE = TYPEORM.format(table="", model="User", column="", field="name", boss="boss")
TYPEORM_AFTER = TYPEORM.format(
    table="{ name: 'user' }",
    model="Person",
    column="{ name: 'name' }",
    field="fullName",
    boss="lead",
)
PACKAGE = '{"dependencies": {"typeorm": "0.3.20"}}'


@pytest.fixture
def dsn(postgres18: EmbeddedPostgres) -> Iterator[str]:
    with fresh_database(postgres18) as found:
        yield found


def appdb(word: str, folder: Path, dsn: str, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "appdb", word, str(folder), *words],
        env={"DATABASE_URL": dsn, "PYTHONPATH": str(ROOT / "operator")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("schema.prisma", PRISMA_BEFORE, PRISMA_AFTER),
        ("user.entity.ts", TYPEORM_BEFORE, TYPEORM_AFTER),
    ],
    ids=["prisma @map and @@map", "typeorm name"],
)
def test_a_rename_that_keeps_the_names_of_the_tables_plans_nothing(
    tmp_path: Path, dsn: str, path: str, before: str, after: str
):
    if path.endswith(".ts"):
        (tmp_path / "package.json").write_text(PACKAGE)
    (tmp_path / path).write_text(before)
    assert 0 == (made := appdb("apply", tmp_path, dsn))[0], made
    (tmp_path / path).write_text(after)

    code, text = appdb("plan", tmp_path, dsn)

    assert (0, True) == (code, "nothing to do" in text), text


def test_the_same_without_the_kept_name_points_out_the_rename(tmp_path: Path, dsn: str):
    (tmp_path / "schema.prisma").write_text(PRISMA_BEFORE)
    assert 0 == (made := appdb("apply", tmp_path, dsn))[0], made
    (tmp_path / "schema.prisma").write_text(PRISMA_BEFORE.replace("name ", "fullName "))

    code, text = appdb("plan", tmp_path, dsn)

    assert 3 <= code, text
    assert "possible rename: --rename User.name=fullName" in text


def test_expand_is_for_columns(tmp_path: Path, dsn: str):
    (tmp_path / "schema.prisma").write_text(PRISMA_BEFORE)

    code, text = appdb("plan", tmp_path, dsn, "--expand", "User=Person")

    assert 1 == code
    assert "should be TABLE.COLUMN=NAME" in text

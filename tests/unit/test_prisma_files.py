"""Which files make the schema, and by which version's rules it is read."""

import pytest

from appdb.source.frameworks.prisma import FRONT_END
from appdb.source.project import Project
from support.prisma import HEAD

USER = "model User {\n  id Int @id\n  teams Team[]\n}\n"
TEAM = "model Team {\n  id Int @id\n  users User[]\n}\n"
OTHER = HEAD + "model Other {\n  id Int @id\n}\n"
BOTH = HEAD + USER + TEAM


def read(files):
    project = Project({path: text.encode() for path, text in files.items()})
    detection = FRONT_END.detect(project)
    return detection, FRONT_END.extract(project, detection)


CHOICES = {
    "one file": ({"schema.prisma": BOTH}, ("schema.prisma",)),
    "a folder": (
        {"prisma/schema.prisma": HEAD, "prisma/models/u.prisma": USER, "prisma/t.prisma": TEAM},
        ("prisma/models/u.prisma", "prisma/schema.prisma", "prisma/t.prisma"),
    ),
    "datasource beside the models": (
        {"db/base/source.prisma": HEAD, "db/models/both.prisma": USER + TEAM},
        ("db/base/source.prisma", "db/models/both.prisma"),
    ),
    "no datasource": ({"a.prisma": USER, "b.prisma": TEAM}, ("a.prisma", "b.prisma")),
    "named by package.json": (
        {
            "package.json": '{"prisma": {"schema": "./db/main.prisma"}}',
            "db/main.prisma": BOTH,
            "prisma/schema.prisma": OTHER,
        },
        ("db/main.prisma",),
    ),
    "named by prisma.config": (
        {
            "prisma.config.ts": 'export default { schema: path.join("db", "schema") }',
            "db/schema/a.prisma": HEAD + USER,
            "db/schema/b.prisma": TEAM,
            "prisma/schema.prisma": OTHER,
        },
        ("db/schema/a.prisma", "db/schema/b.prisma"),
    ),
    "not the client's copy": (
        {"prisma/schema.prisma": BOTH, "a/generated/schema.prisma": OTHER},
        ("prisma/schema.prisma",),
    ),
    "Postgres before others": (
        {"db/mysql/schema.prisma": OTHER.replace("postgresql", "mysql"), "db/x/s.prisma": BOTH},
        ("db/x/s.prisma",),
    ),
}


@pytest.mark.parametrize(("files", "expected"), CHOICES.values(), ids=CHOICES)
def test_the_files_of_one_schema_are_chosen(files, expected):
    detection, found = read(files)

    assert expected == detection.files
    assert {"User", "Team", "TeamToUser"} == {table.source_name for table in found.schema.tables}


def test_independent_schemas_are_one_finding_and_never_mixed():
    _, found = read({"a/schema.prisma": BOTH, "b/schema.prisma": OTHER})

    assert ["PRISMA_SEVERAL_SCHEMAS"] == [finding.code for finding in found.findings]
    assert "Other" not in {table.name for table in found.schema.tables}


def test_a_copy_of_the_same_schema_is_no_finding():
    _, found = read({"a/schema.prisma": BOTH, "b/schema.prisma": BOTH.replace("  ", "    ")})

    assert () == found.findings


VERSIONS = [
    (None, "_TeamToUser_AB_pkey", None),
    ("^6.2.0", "_TeamToUser_AB_pkey", "6.2.0"),
    ("7", "_TeamToUser_AB_pkey", "7"),
    ("latest", "_TeamToUser_AB_pkey", None),
    ("~5.22.0", None, "5.22.0"),
    ("^4.16", None, "4.16"),
]


@pytest.mark.parametrize(("version", "key", "shown"), VERSIONS)
def test_join_tables_have_a_key_since_six(version, key, shown):
    files = {"prisma/schema.prisma": BOTH}
    if version is not None:
        files["package.json"] = f'{{"devDependencies": {{"prisma": "{version}"}}}}'

    detection, found = read(files)

    join = next(table for table in found.schema.tables if table.name == "_TeamToUser")
    assert shown == detection.version
    assert key == (join.primary_key and join.primary_key.name)
    assert (key is None) == ("_TeamToUser_AB_unique" in {index.name for index in join.indexes})


def test_a_source_without_prisma_is_not_ours():
    assert FRONT_END.detect(Project({"a.ts": b"export const a = 1;\n"})) is None

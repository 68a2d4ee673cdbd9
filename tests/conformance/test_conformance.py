"""Each input's DDL makes the very catalog that the ORM's own tool makes of it."""

import json
from pathlib import Path

import psycopg
import pytest
from catalog import dump
from compare import compare

from appdb.source.analyze import analyze
from appdb.source.folder import bundle_of_paths
from support import sandbox

HERE = Path(__file__).parent
CASES = [
    entry
    for listed in (HERE / "cases/cases.json", *sorted(HERE.glob("own_*.json")))
    for entry in json.loads(listed.read_text(encoding="utf-8"))["entries"]
]
# These ORMs have no front end yet; a line goes when one comes.
NOT_YET = {
    "drizzle": "no Drizzle front end yet",
    "sequelize": "no Sequelize front end yet",
    "mikroorm": "no MikroORM front end yet",
    "knex": "no Knex front end yet",
    "sqlalchemy": "no SQLAlchemy front end yet",
    "django": "no Django front end yet",
    "interfaces": "no front end for plain types yet",
}
# The tools of these look names of constraints and indexes up in later migrations.
NAMES_COUNT = frozenset({"prisma", "drizzle", "django", "sequelize", "knex"})

pytestmark = pytest.mark.postgres


def load(postgres, case, statements):
    """The catalog that the statements make, after the extensions that the case expects."""
    with sandbox.fresh_database(postgres, "conf") as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("SET search_path = public")
            for setup in filter(None, [case["job"].get("options", {}).get("setup")]):
                connection.execute(setup)
            for statement in statements:
                connection.execute(statement.sql)
        return dump(dsn)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"].removeprefix("case-"))
def test_the_ddl_makes_the_catalog_that_the_orm_makes(case, postgres15, scores):
    if case["orm"] in NOT_YET:
        pytest.skip(NOT_YET[case["orm"]])
    bundle = bundle_of_paths([HERE / "cases" / case["job"]["root"]])
    expected = json.loads((HERE / f"expected/{case['id']}.json").read_text(encoding="utf-8"))
    actual = load(postgres15, case, analyze(bundle).statements)
    result, differences = compare(expected, actual, convention=case["oracle"] == "convention")
    scores[case["id"].removeprefix("case-")] = (case["orm"], result)
    assert differences == []
    assert result["score"] == 100
    if case["orm"] in NAMES_COUNT:
        assert result["names"] in {100, None}

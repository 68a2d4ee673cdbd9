"""Whatever a front end yields: what is printed loads, and nothing of it escapes its statement."""

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings

from appdb.model.schema import (
    Action,
    Deferrable,
    Identity,
    IndexKey,
    PrimaryKey,
    Schema,
)
from appdb.model.types import PgType, builtin, declared
from appdb.source.dialect import render
from appdb.source.soundness.schema import sound
from support import sandbox
from support.declared import (
    EVIDENCE,
    check,
    column,
    enum,
    exclusion,
    foreign,
    index,
    namespace,
    nonsense_schemas,
    sequence,
    table,
    unique,
    view,
)

pytestmark = pytest.mark.postgres

EVERYTHING = Schema(
    namespaces=(namespace("org"),),
    enums=(enum("mood", "sad", "it's", "back\\slash", ""), enum("Kind", "a", schema="org")),
    sequences=(sequence("numbers", "AS integer START 100 INCREMENT 5"),),
    tables=(
        table(
            "users",
            column("id", nullable=False, identity=Identity.ALWAYS, identity_options="START 10"),
            column("email", builtin("varchar", 191), collation="C", comment="it's \\ one"),
            column("mood", declared("mood"), default="'it''s'"),
            column("tags", builtin("text").array(), default="'{}'"),
            column("number", "bigint", default="nextval('numbers')"),
            column("double", "integer", generated='"id" * 2'),
            column("boss", "integer"),
            column("span", "int4range"),
            column("at", builtin("timestamp with time zone", 3), default="now()"),
            column("place", PgType(name="circle", verbatim=True)),
            primary=("id",),
            uniques=(
                unique("email", name="one_email", nulls_not_distinct=True),
                unique("number", deferrable=Deferrable.DEFERRED),
            ),
            checks=(check('"id" > 0', "positive"), check("length(email) < 99 -- note")),
            exclusions=(exclusion('USING gist ("span" WITH &&)', "one_span"),),
            foreign_keys=(
                foreign(
                    ("boss",), "users", ("id",), name="boss", on_delete=Action.SET_NULL,
                    on_update=Action.CASCADE, deferrable=Deferrable.IMMEDIATE,
                ),
            ),
            indexes=(
                index(IndexKey(column="email", descending=True, nulls_first=False), "at"),
                index(
                    IndexKey(column="email", opclass="varchar_pattern_ops", collation="C"),
                    name="patterns", include=("boss",), where='"boss" IS NOT NULL',
                    storage=(("fillfactor", "70"),),
                ),
                index("tags", name="tags", method="gin"),
                index(IndexKey(expression="lower(email)"), name="folded", unique=True),
            ),
            comment="people; all of them",
        ),
        table(
            "teams",
            column("id", "uuid", default="gen_random_uuid()", nullable=False),
            column("lead", "integer"),
            column("kind", declared("Kind", "org")),
            schema="org",
            primary=("id",),
            foreign_keys=(foreign(("lead",), "users", ("id",)),),
        ),
    ),
    views=(view("adults", 'SELECT "id" FROM "users" WHERE "id" > 18'),),
)  # fmt: skip


@pytest.fixture(params=[15, 16, 18], ids="pg{}".format)
def connection(request):
    server = request.getfixturevalue(f"postgres{request.param}")
    with (
        sandbox.fresh_database(server) as dsn,
        psycopg.connect(dsn, autocommit=True) as found,
    ):
        found.execute("SET search_path = public")
        yield found


def test_everything_that_a_schema_can_say_loads_without_a_finding(connection):
    schema, findings = sound(EVERYTHING, Schema())
    assert findings == ()
    for statement in render(schema):
        connection.execute(statement.sql)
    tables = connection.execute("SELECT count(*) FROM pg_tables WHERE tablename IN ('users')")
    assert tables.fetchone() == (1,)


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(schema=nonsense_schemas())
def test_of_any_nonsense_what_is_printed_loads(connection, schema):
    found, _ = sound(schema, Schema())
    with connection.transaction(force_rollback=True):
        for statement in render(found):
            connection.execute(statement.sql.encode(), prepare=True)


def test_a_primary_key_with_a_taken_name_does_not_take_the_table_with_it(connection):
    first = table("a", column("id"), primary=("id",))
    named = PrimaryKey(name="a_pkey", columns=("id",), evidence=EVIDENCE)
    second = table("b", column("id"))
    schema, findings = sound(
        Schema(tables=(first, type(second)(**{**_fields(second), "primary_key": named}))), Schema()
    )
    for statement in render(schema):
        connection.execute(statement.sql)
    assert [finding.code for finding in findings] == ["NAME_TAKEN"]


def _fields(value):
    return {name: getattr(value, name) for name in value.__dataclass_fields__}

"""What runs, what waits, what is left alone: policies, approvals, first runs, drift, renames."""

from collections.abc import AsyncIterator
from dataclasses import replace

import psycopg
import pytest

from appdb.errors import ConcurrentUpdate, DDLFailed, NothingDetected
from appdb.local.postgres import EmbeddedPostgres
from appdb.model.catalog import Key, Kind
from appdb.plan.hazards import Hazard, StepClass
from appdb.plan.policy import Allowance, DriftPolicy, Policy, Rename
from appdb.plan.report import plan_value
from appdb.postgres.apply import Run, apply_release
from appdb.postgres.inspect import read_catalog
from appdb.postgres.migrate import plan_release
from support.releases import Place, debris, describe, empty, places, release_of

pytestmark = pytest.mark.postgres

ONE = "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b text);\n"


@pytest.fixture(scope="module")
async def shared(postgres18: EmbeddedPostgres) -> AsyncIterator[Place]:
    async with places(postgres18) as found:
        yield found[0]


@pytest.fixture
async def place(shared: Place) -> Place:
    await empty(shared)
    return shared


def column(name: str, table: str = "t") -> Key:
    return Key(Kind.COLUMN, "public", table, name)


async def rows(place: Place, query: str) -> list[tuple]:
    return await (await place.conn.execute(query)).fetchall()


async def test_a_waiting_drop_does_not_hold_back_an_addition_nor_stop_inserts(place: Place):
    await place.release(ONE)
    await place.run("INSERT INTO t VALUES (1, 1, 'x')")
    after = "CREATE TABLE t (id int PRIMARY KEY, b text, c int);\n"

    plan, _ = await place.apply(after)

    catalog = await read_catalog(place.conn)
    assert 3 == plan.exit_code
    assert {column("a"), column("c")} <= catalog.objects.keys()
    await place.run("INSERT INTO t (id, b, c) VALUES (2, 'y', 3)")
    assert [(1,), (None,)] == await rows(place, "SELECT a FROM public.t ORDER BY id")


async def test_an_approval_of_the_very_plan_lets_the_drop_run(place: Place):
    await place.release(ONE)
    after = "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL);\n"
    plan = await place.plan(after)

    await place.apply(after, Policy(approved_plan=plan.plan_hash))

    assert 0 == (await place.plan(after)).exit_code
    assert column("b") not in (await read_catalog(place.conn)).objects


async def test_an_approval_is_void_after_any_change_of_the_database(place: Place):
    await place.release(ONE)
    after = "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL);\n"
    plan = await place.plan(after)
    await place.run("ALTER TABLE t ADD COLUMN by_hand int")

    again, _ = await place.apply(after, Policy(approved_plan=plan.plan_hash))

    assert plan.plan_hash != again.plan_hash
    assert column("b") in (await read_catalog(place.conn)).objects


async def test_an_approval_is_void_for_another_source(place: Place):
    await place.release(ONE)
    plan = await place.plan("CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL);\n")
    other = "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, c int);\n"

    await place.apply(other, Policy(approved_plan=plan.plan_hash))

    assert column("b") in (await read_catalog(place.conn)).objects


async def test_the_hash_is_the_same_for_two_plans_and_for_other_rows_and_policies(place: Place):
    await place.release(ONE)
    after = "CREATE TABLE t (id int PRIMARY KEY, a bigint NOT NULL, c int NOT NULL);\n"
    first = await place.plan(after)
    await place.run("INSERT INTO t VALUES (1, 1, 'x')")

    second = await place.plan(after, Policy(allow={Hazard.DROP_COLUMN: Allowance.AUTO}))

    assert first.plan_hash == second.plan_hash


async def test_never_withholds_even_what_is_approved_and_does_not_count_as_waiting(place: Place):
    await place.release(ONE)
    after = "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL);\n"
    policy = Policy(allow={Hazard.DROP_COLUMN: Allowance.NEVER})
    plan = await place.plan(after, policy)

    again, _ = await place.apply(after, replace(policy, approved_plan=plan.plan_hash))

    assert (0, 1) == (again.exit_code, len(again.withheld))
    assert column("b") in (await read_catalog(place.conn)).objects


@pytest.mark.parametrize(
    ("hazard", "before", "after"),
    [
        (Hazard.DROP_COLUMN, "a int, b int", "a int"),
        (Hazard.NARROW, "a bigint", "a int"),
        (Hazard.DROP_CONSTRAINT, "a int UNIQUE", "a int"),
        (Hazard.COMPATIBILITY, "a timestamp", "a timestamptz"),
    ],
)
async def test_auto_lets_a_hazard_run_by_itself(place: Place, hazard, before, after):
    await place.release(f"CREATE TABLE t (id int PRIMARY KEY, {before});\n")
    target = f"CREATE TABLE t (id int PRIMARY KEY, {after});\n"

    assert 3 == (await place.plan(target)).exit_code
    await place.apply(target, Policy(allow={hazard: Allowance.AUTO}))

    assert 0 == (await place.plan(target)).exit_code


async def test_a_rewrite_over_the_limit_waits(place: Place):
    await place.release(ONE)
    await place.run("INSERT INTO t SELECT i, i, 'x' FROM generate_series(1, 1000) i")
    after = ONE.replace("a int", "a bigint")

    assert 3 == (await place.plan(after, Policy(rewrite_limit_bytes=1024))).exit_code
    assert 2 == (await place.plan(after)).exit_code


async def test_a_dropped_table_waits_and_keeps_its_rows(place: Place):
    await place.release(ONE + "CREATE TABLE u (id int PRIMARY KEY);\n")
    await place.run("INSERT INTO u VALUES (1)")

    plan, _ = await place.apply(ONE)

    assert (3, ["dropTable"]) == (plan.exit_code, sorted(plan.pending[0].judged.hazards))
    assert [(1,)] == await rows(place, "SELECT id FROM public.u")


async def test_blocked_steps_do_not_hold_back_others_and_name_at_most_five_keys(place: Place):
    await place.release("CREATE TABLE t (id int PRIMARY KEY, a int);\n")
    await place.run("INSERT INTO t SELECT i, NULL FROM generate_series(1, 9) i")
    after = "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, c text);\n"

    plan, _ = await place.apply(after)

    (blocked,) = plan_value(plan)["blocked"]
    assert 4 == plan.exit_code
    assert ("t", "a", "notNull", 9) == tuple(
        blocked[name] for name in ("table", "column", "hazard", "count")
    )
    assert [1, 2, 3, 4, 5] == blocked["sampleKeys"]
    assert column("c") in (await read_catalog(place.conn)).objects


async def test_an_existing_database_that_is_as_declared_is_adopted(place: Place):
    await place.run(ONE)

    plan, _ = await place.apply(ONE)

    assert 0 == plan.exit_code
    assert [] != await rows(place, "SELECT FROM _appdb.objects")
    assert 3 == (await place.plan("CREATE TABLE t (id int PRIMARY KEY);\n")).exit_code


async def test_a_first_run_of_additions_runs_and_what_is_extra_stays_foreign(place: Place):
    await place.run(ONE.replace("b text", "b text, extra int") + "CREATE TABLE other (id int)")
    after = ONE.replace("b text", "b text, c int")

    plan, _ = await place.apply(after)

    names = {s.name for s in plan.foreign}
    assert (2, {"t.extra", "other"}) == (plan.exit_code, names)
    second = await place.plan(after)
    assert 0 == second.exit_code
    assert {"t.extra", "other"} == {s.name for s in second.foreign}


async def test_a_first_run_with_anything_else_waits_whole_whatever_is_allowed(place: Place):
    await place.run(ONE)
    after = "CREATE TABLE t (id int PRIMARY KEY, a bigint NOT NULL, b text, c int);\n"
    policy = Policy(allow=dict.fromkeys(Hazard, Allowance.AUTO))

    plan, outcome = await place.apply(after, policy)

    assert (3, 0, True) == (plan.exit_code, outcome.applied, plan.is_adoption)
    assert column("c") not in (await read_catalog(place.conn)).objects
    await place.apply(after, Policy(approved_plan=plan.plan_hash))
    assert 0 == (await place.plan(after)).exit_code


async def test_silence_over_managed_tables_is_an_error(place: Place):
    await place.release(ONE)

    with pytest.raises(NothingDetected, match="nothing was dropped"):
        await place.plan("")


async def test_a_file_that_is_no_longer_understood_is_an_error(place: Place):
    first = release_of(ONE, "a.sql")
    second = release_of("CREATE TABLE u (id int PRIMARY KEY);\n", "b.sql")
    both = replace(
        first, statements=[*first.statements, *second.statements], paths=("a.sql", "b.sql")
    )
    plan = await plan_release(place.conn, place.scratch, both, Policy())
    await apply_release(place.conn, plan, Run())

    with pytest.raises(NothingDetected, match=r"b\.sql"):
        await plan_release(
            place.conn, place.scratch, replace(first, paths=("a.sql", "b.sql")), Policy()
        )
    assert 3 == (await plan_release(place.conn, place.scratch, first, Policy())).exit_code


async def test_hand_made_parts_are_foreign_and_no_drift(place: Place):
    await place.release(ONE)
    await place.run(
        "ALTER TABLE t ADD COLUMN h int CHECK (h > 0); CREATE INDEX by_hand ON t (b);"
        "CREATE VIEW v AS SELECT id FROM t"
    )

    plan = await place.plan(ONE)

    assert (0, ()) == (plan.exit_code, plan.drift)
    assert {"t.h", "t.by_hand", "t.t_h_check", "v"} == {s.name for s in plan.foreign}


@pytest.mark.parametrize(
    ("by_hand", "what"),
    [
        ("ALTER TABLE t ALTER COLUMN a DROP NOT NULL", "changed"),
        ("DROP INDEX t_b_idx", "missing"),
        ("ALTER TABLE t DROP COLUMN b", "missing"),
    ],
)
async def test_drift_is_told_and_repaired_or_left_by_policy(place: Place, by_hand, what):
    declared = ONE + "CREATE INDEX t_b_idx ON t (b);\n"
    await place.release(declared)
    await place.run(by_hand)

    left = await place.plan(declared, Policy(drift=DriftPolicy.REPORT))
    assert (0, what) == (left.exit_code, left.drift[0].what)
    await place.apply(declared)

    assert (0, ()) == ((again := await place.plan(declared)).exit_code, again.drift)


async def test_a_view_on_a_column_blocks_its_change_by_name(place: Place):
    await place.release(ONE)
    await place.run("CREATE VIEW v AS SELECT b FROM t")

    for after in (ONE.replace(", b text", ""), ONE.replace("b text", "b int")):
        plan = await place.plan(after, Policy(casts={"t.b": "b::int"}))
        assert 4 == plan.exit_code
        assert "view public.v" in plan.blocked[0].why


async def test_a_rename_that_is_done_is_silent_and_an_unknown_one_a_warning(place: Place):
    await place.release(ONE)
    after = ONE.replace("b text", "c text")
    policy = Policy(
        renames=(Rename(table="t", column="b", to="c"), Rename(table="t", column="x", to="y"))
    )
    await place.release(after, policy)

    plan = await place.plan(after, policy)

    assert 0 == plan.exit_code
    assert ["rename t.x=y: neither name is there"] == list(plan.warnings)


async def test_a_swap_is_done_once(place: Place):
    await place.release("CREATE TABLE t (id int PRIMARY KEY, a int, b text);\n")
    await place.run("INSERT INTO t VALUES (1, 1, 'x')")
    after = "CREATE TABLE t (id int PRIMARY KEY, b int, a text);\n"
    policy = Policy(
        renames=(Rename(table="t", column="a", to="b"), Rename(table="t", column="b", to="a"))
    )

    await place.release(after, policy)
    await place.release(after, policy)

    assert [(1, "x")] == await rows(place, "SELECT b, a FROM public.t")


async def test_a_late_rename_drops_the_empty_column_that_was_added_for_it(place: Place):
    await place.release(ONE)
    await place.run("INSERT INTO t VALUES (1, 1, 'kept')")
    after = ONE.replace("b text", "c text")
    await place.apply(after)

    plan = await place.release(after, Policy(renames=(Rename(table="t", column="b", to="c"),)))

    assert 2 == plan.exit_code, describe(plan)
    assert [("kept",)] == await rows(place, "SELECT c FROM public.t")


async def test_a_late_rename_never_drops_a_column_that_holds_values(place: Place):
    await place.release(ONE)
    await place.run("INSERT INTO t VALUES (1, 1, 'old')")
    after = ONE.replace("b text", "c text")
    await place.apply(after)
    await place.run("UPDATE t SET c = 'new'")

    plan, _ = await place.apply(after, Policy(renames=(Rename(table="t", column="b", to="c"),)))

    assert 3 == plan.exit_code
    assert [("old", "new")] == await rows(place, "SELECT b, c FROM public.t")


async def test_a_plan_for_another_state_is_not_applied(place: Place):
    await place.release(ONE)
    plan = await place.plan(ONE.replace("b text", "b text, c int"))
    await place.run("ALTER TABLE t ADD COLUMN h int")

    with pytest.raises(ConcurrentUpdate, match="plan again"):
        await apply_release(place.conn, plan, Run())


async def test_rows_that_appear_after_the_plan_leave_no_debris(place: Place):
    await place.release("CREATE TABLE t (id int PRIMARY KEY, a int);\n")
    after = "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL UNIQUE CHECK (a < 9));\n"
    plan = await place.plan(after)
    await place.run("INSERT INTO t VALUES (1, NULL), (2, 9), (3, 9)")

    outcome = await apply_release(place.conn, plan, Run())

    assert 3 == len(outcome.failures)
    assert [] == debris(await read_catalog(place.conn))
    assert 4 == (await place.plan(after)).exit_code


async def test_the_ledger_keeps_a_bounded_history(place: Place):
    for number in range(3):
        await place.release(f"CREATE TABLE t (id int PRIMARY KEY, a int DEFAULT {number});\n")

    assert [("applied",)] * 3 == await rows(place, "SELECT state FROM _appdb.runs")


async def test_nothing_is_written_when_nothing_changed(place: Place):
    await place.release(ONE)
    before = await rows(place, "SELECT xmin, * FROM _appdb.runs")
    await place.release(ONE)

    assert before == await rows(place, "SELECT xmin, * FROM _appdb.runs")


async def test_a_restored_database_needs_no_change(place: Place):
    declared = (
        "CREATE TABLE t (id int PRIMARY KEY, s varchar(9) CHECK (s IN ('a', 'b')));\n"
        "CREATE INDEX i ON t (lower(s)) WHERE s IN ('a', 'b');\n"
    )
    await place.release(declared)
    catalog = await read_catalog(place.conn)
    check = Key(Kind.CONSTRAINT, "public", "t", "t_s_check")
    text = catalog.objects[check].definition
    await place.run(f"ALTER TABLE t DROP CONSTRAINT t_s_check, ADD CONSTRAINT t_s_check {text}")

    plan = await place.plan(declared)

    assert 0 == plan.exit_code, describe(plan)


async def test_the_scratch_database_is_left_empty(place: Place):
    await place.release(ONE)

    assert (await read_catalog(place.scratch.conn)).is_empty


async def test_a_source_cannot_hold_more_than_declarations(place: Place):
    for hostile in (
        "DROP TABLE t",
        "CREATE TABLE x AS SELECT 1",
        "CREATE INDEX CONCURRENTLY ON t (a)",
    ):
        with pytest.raises(Exception, match="may not stand in a source"):
            await place.plan(ONE + hostile + ";\n")


async def test_scratch_ddl_runs_without_rights(place: Place, postgres18: EmbeddedPostgres):
    with psycopg.connect(postgres18.server.dsn(), autocommit=True) as admin:
        admin.execute("CREATE TABLE IF NOT EXISTS secret (a int)")
    found = await place.plan(ONE)

    async with place.scratch.bench() as bench:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await bench.run("CREATE ROLE planted")
    assert 2 == found.exit_code


async def test_a_rename_that_waits_holds_back_only_what_needs_it(place: Place):
    await place.release("CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE);\n" + ONE)
    await place.run("INSERT INTO users (email) VALUES ('x')")
    after = (
        "CREATE TABLE people (id serial PRIMARY KEY, mail text NOT NULL UNIQUE, n int);\n"
        + ONE.replace("b text", "b text, c int")
    )
    policy = Policy(
        allow={Hazard.RENAME: Allowance.APPROVE},
        renames=(
            Rename(table="users", to="people"),
            Rename(table="users", column="email", to="mail"),
        ),
    )

    plan, outcome = await place.apply(after, policy)

    assert (3, ()) == (plan.exit_code, outcome.failures), describe(plan)
    assert column("c") in (await read_catalog(place.conn)).objects
    waiting = await place.plan(after, policy)
    await place.release(after, replace(policy, approved_plan=waiting.plan_hash))
    assert 0 == (await place.plan(after, policy)).exit_code
    assert [("x",)] == await rows(place, "SELECT mail FROM public.people")


async def test_a_hand_made_rule_is_never_dropped_by_a_change_of_type(place: Place):
    await place.release("CREATE TABLE t (id int PRIMARY KEY, a text);\n")
    await place.run("ALTER TABLE t ADD CONSTRAINT mine CHECK (a <> 'z')")
    policy = Policy(casts={"t.a": "a::int"}, allow={Hazard.NARROW: Allowance.AUTO})

    plan, _ = await place.apply("CREATE TABLE t (id int PRIMARY KEY, a int);\n", policy)

    assert 4 == plan.exit_code
    assert "mine" in plan.blocked[0].why


async def test_partitions_in_a_source_are_refused_by_name(place: Place):
    with pytest.raises(Exception, match="partitioned table parts"):
        await place.plan(ONE + "CREATE TABLE parts (id int) PARTITION BY RANGE (id);\n")


async def test_a_table_drop_says_what_its_rows_hold_while_it_waits(place: Place):
    await place.release(ONE + "CREATE TABLE u (id int PRIMARY KEY, t_id int REFERENCES t);\n")

    plan = await place.plan(ONE)

    assert "keep those of t" in plan.pending[0].step.reason


async def test_the_floor_of_the_server_holds_back_what_policies_allow(place: Place):
    await place.release(ONE)
    after = ONE.replace(", b text", "")
    policy = Policy(allow={Hazard.DROP_COLUMN: Allowance.AUTO}, max_class=StepClass.COMPATIBILITY)

    assert 3 == (await place.plan(after, policy)).exit_code


async def test_review_lets_nothing_run_without_an_approval(place: Place):
    await place.release(ONE)
    after = ONE.replace("b text", "b text, c int")
    policy = Policy(is_review=True)

    plan, outcome = await place.apply(after, policy)

    assert (3, 0) == (plan.exit_code, outcome.applied)
    await place.apply(after, replace(policy, approved_plan=plan.plan_hash))
    assert 0 == (await place.plan(after, policy)).exit_code


async def test_a_dropped_column_that_comes_back_while_its_drop_waits_is_kept(place: Place):
    await place.release(ONE)
    await place.run("INSERT INTO t VALUES (1, 1, 'x')")
    await place.apply(ONE.replace(", b text", ""))

    await place.release(ONE)

    assert [("x",)] == await rows(place, "SELECT b FROM public.t")
    assert 0 == (await place.plan(ONE)).exit_code


async def test_counters_go_on_through_a_chain_of_releases(place: Place):
    keys = (
        "serial",
        "bigserial",
        "bigint GENERATED BY DEFAULT AS IDENTITY",
        "bigint GENERATED ALWAYS AS IDENTITY",
        "bigserial",
        "bigint",
        "bigserial",
    )
    allow = Policy(allow=dict.fromkeys(Hazard, Allowance.AUTO))
    for number, key in enumerate(keys, 1):
        await place.release(f"CREATE TABLE t (id {key} PRIMARY KEY, a int);\n", allow)
        insert = "INSERT INTO t (a) VALUES (1)"
        await place.run(insert if key != "bigint" else "INSERT INTO t VALUES (100, 1)")
        assert [(number,)] == await rows(place, "SELECT count(*) FROM public.t")


async def test_what_fails_when_tried_is_blocked_and_holds_back_nothing_else(place: Place):
    kind = "CREATE TYPE st AS ENUM ('a', 'b');\nCREATE TYPE pair AS (s st, n int);\n"
    await place.release(kind + "CREATE TABLE t (id int PRIMARY KEY, p pair);\n")
    after = (kind + "CREATE TABLE t (id int PRIMARY KEY, p pair);\n").replace(
        "'a', 'b'", "'b', 'a'"
    )
    after += "CREATE TABLE u (id int PRIMARY KEY);\n"
    allow = Policy(allow=dict.fromkeys(Hazard, Allowance.AUTO))

    plan, outcome = await place.apply(after, allow)

    assert (4, ()) == (plan.exit_code, outcome.failures), describe(plan)
    assert "fails when tried" in plan.blocked[0].why
    assert Key(Kind.TABLE, "public", "", "u") in (await read_catalog(place.conn)).objects


async def test_a_cast_that_is_no_sql_is_an_error(place: Place):
    await place.release(ONE)

    with pytest.raises(DDLFailed, match="fails in the rehearsal"):
        await place.plan(ONE.replace("b text", "b int"), Policy(casts={"t.b": "no such thing("}))


async def test_a_narrowing_that_waits_does_not_hold_back_a_plain_index_or_key(place: Place):
    await place.release("CREATE TABLE t (id int PRIMARY KEY, a bigint, b text);\n")
    after = (
        "CREATE TABLE t (id int PRIMARY KEY, a int UNIQUE, b varchar(5));\n"
        "CREATE INDEX t_b_idx ON t (b);\n"
    )

    plan, outcome = await place.apply(after)

    assert (3, ()) == (plan.exit_code, outcome.failures), describe(plan)
    objects = (await read_catalog(place.conn)).objects
    assert Key(Kind.INDEX, "public", "t", "t_b_idx") in objects
    assert Key(Kind.CONSTRAINT, "public", "t", "t_a_key") in objects
    left = await place.plan(after)
    assert () == left.steps
    await place.apply(after, Policy(approved_plan=left.plan_hash))
    assert 0 == (await place.plan(after)).exit_code

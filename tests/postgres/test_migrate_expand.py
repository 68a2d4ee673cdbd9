"""Renames with both names for a while: old and new applications work side by side."""

from dataclasses import replace

import psycopg
import pytest

from appdb.model.catalog import Key, Kind
from appdb.plan.hazards import Hazard
from appdb.plan.plan import Plan
from appdb.plan.policy import Allowance, Policy, Rename, RenameMode
from appdb.postgres.inspect import read_catalog
from support.releases import (
    Place,
    debris,
    describe,
    differences,
)

pytestmark = pytest.mark.postgres

TABLE = "CREATE TABLE users (id int PRIMARY KEY, {});\n"
OLD = TABLE.format("name text NOT NULL")
NEW = TABLE.format("full_name text NOT NULL")
RENAME = Rename(table="users", column="name", to="full_name", mode=RenameMode.EXPAND)
EXPAND = Policy(renames=(RENAME,))
UPSERT = "ON CONFLICT (id) DO UPDATE SET {0} = excluded.{0}"
TRIGGERS = """
SELECT count(*) FROM pg_proc WHERE proname LIKE '\\_appdb%' UNION ALL
SELECT count(*) FROM pg_trigger WHERE tgname LIKE '\\_appdb%'
"""


def column(name: str, table: str = "users") -> Key:
    return Key(Kind.COLUMN, "public", table, name)


async def rows(place: Place, query: str) -> list[tuple]:
    await place.conn.execute("SET search_path = public")
    try:
        return await (await place.conn.execute(query.encode())).fetchall()
    finally:
        await place.conn.execute("RESET search_path")


async def helpers(place: Place) -> int:
    return sum(count for (count,) in await rows(place, TRIGGERS))


async def approve(place: Place, ddl: str, policy: Policy = EXPAND) -> Plan:
    """Approve the very plan that waits."""
    plan = await place.plan(ddl, policy)
    assert 3 == plan.exit_code, describe(plan)
    await place.release(ddl, replace(policy, approved_plan=plan.plan_hash))
    return plan


async def is_like_fresh(pair: list[Place], ddl: str, policy: Policy = EXPAND) -> None:
    """Nothing is left to do, and nothing of ours is left over."""
    live, fresh = pair
    await fresh.release(ddl)
    catalog = await read_catalog(live.conn)
    assert [] == differences(await read_catalog(fresh.conn), catalog)
    assert 0 == await helpers(live)
    plan = await live.plan(ddl, policy)
    assert (0, ()) == (plan.exit_code, plan.drift), describe(plan)


async def half_way(place: Place, old: str = OLD, new: str = NEW, policy: Policy = EXPAND) -> Plan:
    """Expand two rows and leave the old column waiting."""
    await place.release(old)
    await place.run("INSERT INTO users (id, name) VALUES (1, 'ann'), (2, 'bob')")
    return await place.release(new, policy)


async def test_the_new_column_comes_at_once_and_the_old_one_waits(place: Place):
    plan = await half_way(place)

    assert 3 == plan.exit_code, describe(plan)
    assert [("ann", "ann"), ("bob", "bob")] == await rows(
        place, "SELECT name, full_name FROM users ORDER BY id"
    )
    assert {"O", "S", "D"} == {j.step_class.value for j in plan.judged}
    waiting = [step.step.sql for step in plan.pending]
    assert 'DROP COLUMN "name"' in waiting[-1]
    again = await place.plan(NEW, EXPAND)
    assert ((), 3) == (again.steps, again.exit_code), describe(again)
    assert waiting == [step.step.sql for step in again.pending]
    assert () == again.drift
    assert () == again.foreign
    assert [] == debris(await read_catalog(place.conn))


@pytest.mark.parametrize(
    ("write", "both"),
    [
        ("INSERT INTO users (id, name) VALUES (3, 'x')", "x"),
        ("INSERT INTO users (id, full_name) VALUES (3, 'x')", "x"),
        ("INSERT INTO users (id, name, full_name) VALUES (3, 'x', 'x')", "x"),
        ("INSERT INTO users (id, name, full_name) VALUES (3, 'old', 'new')", "new"),
        ("UPDATE users SET name = 'x' WHERE id = 3", "x"),
        ("UPDATE users SET full_name = 'x' WHERE id = 3", "x"),
        ("UPDATE users SET name = 'old', full_name = 'new' WHERE id = 3", "new"),
        ("UPDATE users SET name = 'x', full_name = 'cay' WHERE id = 3", "x"),
        ("UPDATE users SET id = 3 WHERE id = 3", "cay"),
        (f"INSERT INTO users (id, name) VALUES (3, 'x') {UPSERT.format('name')}", "x"),
        (f"INSERT INTO users (id, full_name) VALUES (3, 'x') {UPSERT.format('full_name')}", "x"),
        ("INSERT INTO users (id, name) VALUES (3, 'x') ON CONFLICT DO NOTHING", "cay"),
    ],
)
async def test_whoever_writes_one_column_writes_both(place: Place, write: str, both: str):
    await half_way(place)
    if not write.startswith("INSERT") or "CONFLICT" in write:
        await place.run("INSERT INTO users (id, full_name) VALUES (3, 'cay')")

    await place.run(write)

    assert [(both, both)] == await rows(place, "SELECT name, full_name FROM users WHERE id = 3")


async def test_approving_takes_the_old_column_and_the_trigger_away(place: Place, pair: list[Place]):
    await half_way(place)
    await place.run("INSERT INTO users (id, name) VALUES (3, 'cay')")

    await approve(place, NEW)

    assert [("ann",), ("bob",), ("cay",)] == await rows(
        place, "SELECT full_name FROM users ORDER BY id"
    )
    await is_like_fresh(pair, NEW)


async def test_an_allowed_drop_makes_the_whole_in_one_run(place: Place, pair: list[Place]):
    await place.release(OLD)
    await place.run("INSERT INTO users VALUES (1, 'ann')")

    plan = await place.release(NEW, replace(EXPAND, allow={Hazard.DROP_COLUMN: Allowance.AUTO}))

    assert 2 == plan.exit_code
    assert [("ann",)] == await rows(place, "SELECT full_name FROM users")
    await is_like_fresh(pair, NEW)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text NOT NULL DEFAULT 'd'", ("'x'", "'d'")),
        ("numeric(10,2) NOT NULL DEFAULT 0", ("1.5", "0")),
        ("character(4) DEFAULT 'd'", ("'x'", "'d'", "NULL")),
        ("timestamptz(3) NOT NULL DEFAULT now()", ("'2020-01-01'", "now()")),
        ("jsonb DEFAULT '{}'", ("'[1]'", "'{}'", "NULL")),
        ("text[] NOT NULL DEFAULT '{}'", ("'{a,b}'", "'{}'")),
        ("json", ("'[1]'", "NULL")),
        ("int4range", ("'[1,3)'", "NULL")),
        ("point", ("'(1,2)'", "NULL")),
        ('varchar(9) COLLATE "C"', ("'x'", "NULL")),
        ("boolean NOT NULL DEFAULT false", ("true", "false")),
    ],
)
async def test_any_kind_of_value_stays_in_step(
    place: Place, pair: list[Place], kind: str, values: tuple[str, ...]
):
    old, new = TABLE.format(f"name {kind}"), TABLE.format(f"full_name {kind}")
    await place.release(old)
    for number, value in enumerate(values):
        await place.run(f"INSERT INTO users VALUES ({number}, {value})")
    await place.release(new, EXPAND)

    for number, value in enumerate(values):
        await place.run(f"INSERT INTO users (id, name) VALUES ({number + 10}, {value})")
        await place.run(f"INSERT INTO users (id, full_name) VALUES ({number + 20}, {value})")
        await place.run(f"UPDATE users SET name = {value} WHERE id % 10 = 0 AND id > 0")
        await place.run(f"UPDATE users SET full_name = {value} WHERE id % 10 = 1")
    if "DEFAULT" in kind or "NOT NULL" not in kind:
        await place.run("INSERT INTO users (id) VALUES (99)")

    texts = await rows(place, "SELECT id, name::text, full_name::text FROM users")
    assert [] == [row for row in texts if row[1] != row[2]]
    assert ((), ()) == ((plan := await place.plan(new, EXPAND)).steps, plan.drift)
    await approve(place, new)
    await is_like_fresh(pair, new)


async def test_an_explicit_null_beats_a_default_on_either_side(place: Place):
    await half_way(
        place, TABLE.format("name text DEFAULT 'd'"), TABLE.format("full_name text DEFAULT 'd'")
    )

    await place.run("INSERT INTO users (id, name) VALUES (3, NULL)")
    await place.run("INSERT INTO users (id, full_name) VALUES (4, NULL)")
    await place.run("INSERT INTO users (id) VALUES (5)")

    found = await rows(place, "SELECT name, full_name FROM users WHERE id > 2 ORDER BY id")
    assert [(None, None), (None, None), ("d", "d")] == found


async def test_a_volatile_default_is_drawn_once_for_both(place: Place, pair: list[Place]):
    kind = "uuid NOT NULL DEFAULT gen_random_uuid()"
    old, new = TABLE.format(f"name {kind}"), TABLE.format(f"full_name {kind}")
    await place.release(old)
    await place.run("INSERT INTO users (id) VALUES (1)")
    await place.release(new, EXPAND)

    await place.run("INSERT INTO users (id) VALUES (2)")
    given = "'00000000-0000-0000-0000-000000000001'"
    await place.run(f"INSERT INTO users (id, full_name) VALUES (3, {given})")

    found = await rows(place, "SELECT name = full_name, name::text FROM users ORDER BY id")
    assert [True, True, True] == [same for same, _ in found]
    assert given == f"'{found[2][1]}'"
    assert () == (await place.plan(new, EXPAND)).steps
    await approve(place, new)
    await is_like_fresh(pair, new)


async def test_a_default_that_the_release_changes_holds_for_both(place: Place, pair: list[Place]):
    old, new = TABLE.format("name text DEFAULT 'a'"), TABLE.format("full_name text DEFAULT 'b'")
    later = TABLE.format("full_name text DEFAULT 'c'")
    await half_way(place, old, new)
    await place.run("INSERT INTO users (id) VALUES (3)")
    await place.run("INSERT INTO users (id, name) VALUES (4, 'a')")

    await place.release(later, EXPAND)
    await place.run("INSERT INTO users (id) VALUES (5)")
    await place.run("INSERT INTO users (id, name) VALUES (6, 'b')")
    await place.run("INSERT INTO users (id, full_name) VALUES (7, 'y')")

    found = await rows(place, "SELECT name, full_name FROM users WHERE id > 2 ORDER BY id")
    assert [(each, each) for each in "bacby"] == found
    assert () == (await place.plan(later, EXPAND)).steps
    await approve(place, later)
    await is_like_fresh(pair, later)


RULES = """
CREATE TABLE roles (code text PRIMARY KEY);
CREATE TABLE users (id int PRIMARY KEY, kind int, {0} text NOT NULL UNIQUE CHECK ({0} <> ''),
    CONSTRAINT one UNIQUE (kind, {0}),
    CONSTRAINT role FOREIGN KEY ({0}) REFERENCES roles ON DELETE CASCADE);
CREATE INDEX by_name ON users (lower({0}));
CREATE INDEX users_{0}_idx ON users ({0}) WHERE id > 0;
CREATE TABLE posts (id int PRIMARY KEY, author text REFERENCES users ({0}));
COMMENT ON COLUMN users.{0} IS 'how to call them';
"""


async def with_rules(place: Place) -> Plan:
    await place.release(RULES.format("name"))
    await place.run("INSERT INTO roles VALUES ('ann'), ('bob'), ('cay')")
    await place.run("INSERT INTO users VALUES (1, 1, 'ann'), (2, 1, 'bob')")
    await place.run("INSERT INTO posts VALUES (1, 'ann')")
    return await place.release(RULES.format("full_name"), EXPAND)


async def test_rules_come_to_the_new_column_and_stay_on_the_old_one(
    place: Place, pair: list[Place]
):
    new = RULES.format("full_name")
    plan = await with_rules(place)

    assert 3 == plan.exit_code, describe(plan)
    again = await place.plan(new, EXPAND)
    assert ((), 3, ()) == (again.steps, again.exit_code, again.drift), describe(again)
    for name in ("name", "full_name"):
        await place.run(
            f"INSERT INTO users (id, kind, {name}) VALUES (9, 1, 'ann')"
            f" ON CONFLICT ({name}) DO UPDATE SET kind = 1"
        )
        await place.run(
            f"INSERT INTO users (id, kind, {name}) VALUES (9, 1, 'ann')"
            f" ON CONFLICT (kind, {name}) DO NOTHING"
        )
        with pytest.raises(psycopg.errors.CheckViolation):
            await place.run(f"INSERT INTO users (id, {name}) VALUES (9, '')")
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            await place.run(f"INSERT INTO users (id, {name}) VALUES (9, 'nobody')")
    await approve(place, new)
    await is_like_fresh(pair, new)


async def test_an_approval_of_the_first_plan_does_not_end_the_old_name(
    place: Place, pair: list[Place]
):
    await place.release(RULES.format("name"))
    await place.run("INSERT INTO roles VALUES ('ann')")
    await place.run("INSERT INTO users VALUES (1, 1, 'ann')")

    await approve(place, RULES.format("full_name"))

    assert [("ann", "ann")] == await rows(place, "SELECT name, full_name FROM users")
    await approve(place, RULES.format("full_name"))
    assert [("ann",)] == await rows(place, "SELECT full_name FROM users")
    await is_like_fresh(pair, RULES.format("full_name"))


async def test_going_back_half_way_loses_nothing(place: Place, pair: list[Place]):
    old = RULES.format("name")
    await with_rules(place)
    await place.run("INSERT INTO users (id, full_name) VALUES (3, 'cay')")

    plan = await place.release(old)

    assert 3 == plan.exit_code, describe(plan)
    assert {"dropColumn"} == {h for step in plan.pending for h in step.judged.hazards}
    assert () == (again := await place.plan(old)).steps, describe(again)
    await place.run("UPDATE users SET name = 'cay' WHERE id = 3")
    assert [("cay", "cay")] == await rows(place, "SELECT name, full_name FROM users WHERE id = 3")
    await approve(place, old, Policy())
    assert [("ann",), ("bob",), ("cay",)] == await rows(place, "SELECT name FROM users ORDER BY id")
    await is_like_fresh(pair, old, Policy())


@pytest.mark.parametrize("policy", [EXPAND, Policy()], ids=["declared", "taken out"])
async def test_flapping_between_both_names_ends_with_the_last_and_every_value(
    place: Place, pair: list[Place], policy: Policy
):
    old, new = RULES.format("name"), RULES.format("full_name")
    await with_rules(place)
    for ddl in (old, new, old, new):
        plan = await place.release(ddl, policy)
        assert 3 == plan.exit_code, describe(plan)
        assert () == (again := await place.plan(ddl, policy)).steps, describe(again)
    await place.run("INSERT INTO users (id, name) VALUES (3, 'cay')")

    await approve(place, new, policy)

    query = "SELECT full_name FROM users ORDER BY id"
    assert [("ann",), ("bob",), ("cay",)] == await rows(place, query)
    await is_like_fresh(pair, new, policy)


async def test_a_declaration_that_is_taken_out_half_way_changes_nothing(
    place: Place, pair: list[Place]
):
    before = await half_way(place)

    plan = await place.plan(NEW, Policy())

    assert [s.step.sql for s in before.pending] == [s.step.sql for s in plan.pending]
    await approve(place, NEW, Policy())
    await is_like_fresh(pair, NEW, Policy())


async def test_mode_direct_half_way_ends_the_rename_at_once(place: Place, pair: list[Place]):
    await half_way(place)
    await place.run("INSERT INTO users (id, name) VALUES (3, 'cay')")
    direct = Policy(renames=(replace(RENAME, mode=RenameMode.DIRECT),))

    plan = await place.release(NEW, direct)

    assert (2, {"rename"}) == (plan.exit_code, {h for j in plan.judged for h in j.hazards})
    query = "SELECT full_name FROM users ORDER BY id"
    assert [("ann",), ("bob",), ("cay",)] == await rows(place, query)
    await is_like_fresh(pair, NEW, direct)


async def test_both_columns_made_by_hand_are_left_alone_and_told(place: Place):
    await place.release(OLD)
    await place.run("INSERT INTO users VALUES (1, 'ann')")
    await place.run("ALTER TABLE users ADD full_name text NOT NULL DEFAULT 'by hand'")

    plan = await place.release(TABLE.format("full_name text NOT NULL DEFAULT 'by hand'"), EXPAND)

    assert 4 == plan.exit_code, describe(plan)
    assert "both columns are there" in plan.warnings[0]
    assert ["rename"] == [r.probe.hazard for j in plan.blocked for r in j.refusals]
    assert 0 == await helpers(place)
    assert [("ann", "by hand")] == await rows(place, "SELECT name, full_name FROM users")


async def test_an_empty_column_that_came_without_the_declaration_is_taken(
    place: Place, pair: list[Place]
):
    new = TABLE.format("full_name text")
    await place.release(OLD)
    await place.run("INSERT INTO users VALUES (1, 'ann')")
    await place.release(new)

    plan = await place.release(new, EXPAND)

    assert 3 == plan.exit_code, describe(plan)
    assert [("ann", "ann")] == await rows(place, "SELECT name, full_name FROM users")
    await approve(place, new)
    await is_like_fresh(pair, new)


async def test_a_trigger_that_was_dropped_by_hand_is_told_and_no_value_goes(place: Place):
    await half_way(place)
    found = await rows(place, "SELECT tgname FROM pg_trigger WHERE tgname LIKE '\\_appdb%'")
    await place.run(f"DROP TRIGGER {found[0][0]} ON users")
    await place.run("UPDATE users SET name = 'eve' WHERE id = 1")

    plan = await place.plan(NEW, EXPAND)

    assert ["missing"] == [d.what for d in plan.drift]
    assert 4 == plan.exit_code, describe(plan)
    assert [1] == [r.count for j in plan.blocked for r in j.refusals]
    await place.release(NEW, EXPAND)
    assert 0 == await helpers(place)
    assert [("eve", "ann")] == await rows(place, "SELECT name, full_name FROM users WHERE id = 1")


async def test_a_column_that_was_dropped_by_hand_leaves_no_trigger_that_fails(
    place: Place, pair: list[Place]
):
    await half_way(place)
    await place.run("ALTER TABLE users DROP COLUMN name")

    await place.release(NEW, EXPAND)

    await place.run("INSERT INTO users (id, full_name) VALUES (3, 'cay')")
    await is_like_fresh(pair, NEW)


async def test_rows_that_passed_the_trigger_by_are_filled_or_told_before_the_end(place: Place):
    await half_way(place)
    await place.run("ALTER TABLE users DISABLE TRIGGER USER")
    await place.run("ALTER TABLE users ALTER full_name DROP NOT NULL")
    await place.run("INSERT INTO users (id, name) VALUES (3, 'cay')")
    await place.run("UPDATE users SET name = 'eve' WHERE id = 1")
    await place.run("ALTER TABLE users ENABLE TRIGGER USER")

    plan = await place.plan(NEW, EXPAND)

    assert 4 == plan.exit_code, describe(plan)
    assert [(1, (1,))] == [(r.count, r.sample_keys) for j in plan.blocked for r in j.refusals]
    await place.run("UPDATE users SET full_name = 'eve' WHERE id = 1")
    await place.release(NEW, EXPAND)
    await approve(place, NEW)
    query = "SELECT full_name FROM users ORDER BY id"
    assert [("eve",), ("bob",), ("cay",)] == await rows(place, query)


async def test_a_backfill_fills_what_the_old_column_lacks(place: Place, pair: list[Place]):
    await place.release(TABLE.format("name text"))
    await place.run("INSERT INTO users VALUES (1, 'ann'), (2, NULL)")

    plan = await place.plan(NEW, EXPAND)
    given = replace(EXPAND, backfills={"users.full_name": "'nobody'"})
    await place.release(NEW, given)

    assert (4, ["notNull"]) == (plan.exit_code, [r.probe.hazard for r in plan.blocked[0].refusals])
    query = "SELECT name, full_name FROM users ORDER BY id"
    assert [("ann", "ann"), ("nobody", "nobody")] == await rows(place, query)
    await approve(place, NEW, given)
    await is_like_fresh(pair, NEW, given)


BLOCKED = {
    "primary key": ("CREATE TABLE users (name text PRIMARY KEY);\n", "part of the primary key"),
    "identity": (TABLE.format("name int GENERATED ALWAYS AS IDENTITY"), "counts by itself"),
    "serial": (TABLE.format("name serial"), "counts by itself"),
    "computed": (TABLE.format("name int GENERATED ALWAYS AS (id * 2) STORED"), "is computed"),
    "read by a computed one": (
        TABLE.format("name text, l text GENERATED ALWAYS AS (lower(name)) STORED"),
        "the computed column l reads",
    ),
    "domain": (
        "CREATE DOMAIN word AS text CHECK (VALUE <> '');\n" + TABLE.format("name word"),
        "a domain with a rule",
    ),
}


@pytest.mark.parametrize(("old", "why"), BLOCKED.values(), ids=BLOCKED)
async def test_what_cannot_be_doubled_is_blocked_and_told(place: Place, old: str, why: str):
    await place.release(old)
    new = old.replace("name", "full_name")

    plan = await place.release(new, EXPAND)

    assert 4 == plan.exit_code, describe(plan)
    assert why in plan.blocked[0].why
    assert "mode Direct" in plan.blocked[0].why
    assert column("name") in (await read_catalog(place.conn)).objects
    direct = Policy(renames=(replace(RENAME, mode=RenameMode.DIRECT),))
    assert 2 == (plan := await place.release(new, direct)).exit_code, describe(plan)


async def test_another_type_at_once_is_blocked_and_told(place: Place):
    await place.release(TABLE.format("name varchar(9)"))

    plan = await place.plan(TABLE.format("full_name text"), EXPAND)

    assert 4 == plan.exit_code
    assert "from character varying(9) to text" in plan.blocked[0].why


LOWER = """
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN NEW.name := lower(NEW.name); RETURN NEW; END$$;
CREATE TRIGGER lower BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION f()
"""


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (LOWER, "trigger lower names it"),
        ("CREATE TABLE child () INHERITS (users)", "inherits"),
        ("GRANT SELECT (name) ON users TO PUBLIC", "rights were granted"),
    ],
    ids=["trigger", "inheritance", "rights"],
)
async def test_what_others_made_and_would_not_see_the_new_column_blocks_it(
    place: Place, made: str, why: str
):
    await place.release(OLD)
    await place.run(made)

    plan = await place.release(NEW, EXPAND)

    assert 4 == plan.exit_code, describe(plan)
    assert why in plan.blocked[0].why
    assert 0 == await helpers(place)


async def test_a_view_of_the_old_column_holds_up_its_end_and_nothing_else(
    place: Place, pair: list[Place]
):
    await place.release(OLD)
    await place.run("CREATE VIEW names AS SELECT name FROM users")

    plan = await place.release(NEW, EXPAND)

    assert 4 == plan.exit_code, describe(plan)
    assert "view public.names" in plan.blocked[0].why
    assert 2 == await helpers(place)
    await place.run("CREATE OR REPLACE VIEW names AS SELECT full_name::text AS name FROM users")
    await approve(place, NEW)
    await place.run("DROP VIEW names")
    await is_like_fresh(pair, NEW)


async def test_a_trigger_of_somebody_else_that_does_not_name_the_column_is_no_hindrance(
    place: Place,
):
    await place.release(OLD)
    await place.run(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN NEW.id := NEW.id; RETURN NEW; END$$;"
        " CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION f()"
    )

    plan = await place.release(NEW, EXPAND)

    assert 3 == plan.exit_code, describe(plan)
    assert {"function", "trigger"} == {s.kind for s in plan.foreign}


async def test_another_rename_or_type_waits_until_the_old_column_is_gone(place: Place):
    await half_way(place)
    for mode in RenameMode:
        third = Rename(table="users", column="full_name", to="called", mode=mode)
        policy = Policy(renames=(RENAME, third))
        plan = await place.release(TABLE.format("called text NOT NULL"), policy)
        told = [*plan.warnings, *(j.why for j in plan.blocked)]
        assert any("still kept in step with" in text for text in told), (mode, describe(plan))
        await place.run(
            "INSERT INTO users (id, name) VALUES (9, 'x'); DELETE FROM users WHERE id = 9"
        )

    plan = await place.plan(TABLE.format("full_name varchar(9) NOT NULL"), EXPAND)

    assert any("still kept in step with" in j.why for j in plan.blocked), describe(plan)
    await place.release(NEW, EXPAND)


async def test_both_names_declared_part_the_columns_when_approved(place: Place, pair: list[Place]):
    both = TABLE.format("name text NOT NULL, full_name text NOT NULL")
    await half_way(place)

    plan = await approve(place, both)

    assert {"compatibility"} == {h for s in plan.pending for h in s.judged.hazards}
    await place.run("UPDATE users SET name = 'eve' WHERE id = 1")
    assert [("eve", "ann")] == await rows(place, "SELECT name, full_name FROM users WHERE id = 1")
    await is_like_fresh(pair, both)


@pytest.mark.parametrize("gone", ["table", "columns"])
async def test_what_is_no_longer_declared_at_all_goes_with_its_trigger(
    place: Place, pair: list[Place], gone: str
):
    other = "CREATE TABLE other (id int PRIMARY KEY);\n"
    await half_way(place, OLD + other, NEW + other)
    left = other if gone == "table" else TABLE.format("age int") + other

    await place.release(left, EXPAND)
    await place.run("UPDATE users SET name = 'x'")
    await approve(place, left)

    await is_like_fresh(pair, left)


async def test_a_table_is_renamed_at_once_and_its_column_by_and_by(place: Place, pair: list[Place]):
    policy = Policy(renames=(Rename(table="users", to="people"), RENAME))
    new = NEW.replace("users", "people")
    await place.release(OLD)
    await place.run("INSERT INTO users VALUES (1, 'ann')")

    await place.release(new, policy)

    assert [("ann", "ann")] == await rows(place, "SELECT name, full_name FROM people")
    plan = await place.plan(new, policy)
    assert ((), 3, ()) == (plan.steps, plan.exit_code, plan.warnings), describe(plan)
    await approve(place, new, policy)
    await is_like_fresh(pair, new, policy)


async def test_a_table_may_be_renamed_half_way(place: Place, pair: list[Place]):
    await half_way(place)
    policy = Policy(renames=(Rename(table="users", to="people"), RENAME))
    new = NEW.replace("users", "people")

    await place.release(new, policy)

    await place.run("INSERT INTO people (id, name) VALUES (3, 'cay')")
    assert [("cay",)] == await rows(place, "SELECT full_name FROM people WHERE id = 3")
    await approve(place, new, policy)
    await is_like_fresh(pair, new, policy)


@pytest.mark.parametrize("names", [('na"me', "$appdb$"), ("ünïcode", "sp ace"), ("Name", "user")])
async def test_names_of_any_kind(place: Place, pair: list[Place], names: tuple[str, str]):
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    rename = Rename(table="users", column=names[0], to=names[1], mode=RenameMode.EXPAND)
    policy = Policy(renames=(rename,))
    new = TABLE.format(f"{quoted[1]} text DEFAULT '$appdb$ x'' {{}}'")
    await place.release(TABLE.format(f"{quoted[0]} text"))
    await place.run("INSERT INTO users VALUES (1, 'ann')")

    await place.release(new, policy)

    await place.run(f"INSERT INTO users (id, {quoted[0]}) VALUES (2, 'bob')")
    found = await rows(place, f"SELECT {quoted[1]} FROM users ORDER BY id")
    assert [("ann",), ("bob",)] == found
    await approve(place, new, policy)
    await is_like_fresh(pair, new, policy)


async def test_a_rename_that_needs_an_approval_does_not_begin_without(place: Place):
    await place.release(OLD)

    plan = await place.release(NEW, replace(EXPAND, allow={Hazard.RENAME: Allowance.APPROVE}))

    assert 3 == plan.exit_code, describe(plan)
    assert 0 == await helpers(place)


async def test_never_keeps_both_columns_for_good(place: Place):
    never = replace(EXPAND, allow={Hazard.DROP_COLUMN: Allowance.NEVER})
    await half_way(place, policy=never)

    plan = await place.plan(NEW, never)

    assert (0, 2) == (plan.exit_code, len(plan.withheld)), describe(plan)
    assert 2 == await helpers(place)


@pytest.mark.parametrize(
    ("source", "renames", "warning"),
    [
        (OLD, (RENAME,), "full_name is not declared"),
        (NEW, (replace(RENAME, column="nick"),), ""),
        (NEW, (replace(RENAME, column="nick", to="nack"),), "neither name is there"),
        (NEW, (replace(RENAME, table="users", column=None, to="people"),), "is for columns"),
    ],
)
async def test_declarations_that_cannot_be_done_are_told_and_done_ones_are_silent(
    place: Place, source: str, renames: tuple[Rename, ...], warning: str
):
    await place.release(source)

    plan = await place.plan(source, Policy(renames=renames))

    assert 0 == plan.exit_code
    assert bool(warning) == bool(plan.warnings)
    assert warning in "".join(plan.warnings)


@pytest.mark.parametrize("mode", RenameMode)
async def test_a_required_name_may_come_again_after_it_was_renamed_away(
    place: Place, pair: list[Place], mode: RenameMode
):
    await place.release(OLD)
    await place.run("INSERT INTO users VALUES (1, 'ann')")
    await place.release(NEW, Policy(renames=(replace(RENAME, mode=RenameMode.DIRECT),)))
    back = Rename(table="users", column="full_name", to="name", mode=mode)

    await place.release(OLD, Policy(renames=(back,), allow={Hazard.DROP_COLUMN: Allowance.AUTO}))

    assert [("ann",)] == await rows(place, "SELECT name FROM users")
    await is_like_fresh(pair, OLD, Policy())
    both = TABLE.format("name text NOT NULL, full_name text NOT NULL")
    await place.release(both, Policy(backfills={"users.full_name": "name"}))
    await is_like_fresh(pair, both, Policy())


async def test_a_filling_that_fails_leaves_the_old_schema(place: Place, pair: list[Place]):
    await place.release(OLD)
    await place.run("INSERT INTO users VALUES (1, 'ann'), (2, 'bob')")
    await place.run(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN IF NEW.id = 2 THEN RAISE EXCEPTION 'not now'; END IF; RETURN NEW; END$$;"
        " CREATE TRIGGER stop BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION f()"
    )
    before = await read_catalog(place.conn)

    _, outcome = await place.apply(NEW, EXPAND)

    assert ["not now" in f.error.message for f in outcome.failures] == [True]
    after = await read_catalog(place.conn)
    assert (before.objects, ()) == (after.objects, after.syncs)
    await place.run("DROP TRIGGER stop ON users; DROP FUNCTION f")
    await place.release(NEW, EXPAND)
    await approve(place, NEW)
    await is_like_fresh(pair, NEW)

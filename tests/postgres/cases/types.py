"""Columns that change their type: free, rewritten, narrowed, cast."""

from support.releases import Case

T = "CREATE TABLE t (id int PRIMARY KEY, a {});\n"
NUMBERS = "INSERT INTO t VALUES (1, 10), (2, 20), (3, NULL)"
TEXTS = "INSERT INTO t VALUES (1, 'abc'), (2, 'de'), (3, NULL)"
INSERT = "INSERT INTO t (id) VALUES (9)"


def change(old: str, new: str, rows: str, **more: object) -> Case:
    """A case that changes the type of column a."""
    name = f"{old} becomes {new}"
    return Case(
        **{
            "name": name,
            "before": T.format(old),
            "after": T.format(new),
            "rows": rows,
            "insert": INSERT,
            **more,
        }
    )


CASES = [
    change("smallint", "int", NUMBERS, classes="W"),
    change("int", "bigint", NUMBERS, classes="W"),
    change("smallint", "bigint", NUMBERS, classes="W"),
    change("int", "numeric", NUMBERS, classes="W"),
    change("int", "numeric(12,2)", NUMBERS, classes="W", lost=("t.a",)),
    change("int", "double precision", NUMBERS, classes="W"),
    change("real", "double precision", NUMBERS, classes="W"),
    change("int", "text", NUMBERS, classes="W"),
    change("varchar(3)", "varchar(30)", TEXTS, classes="S"),
    change("varchar(3)", "text", TEXTS, classes="S"),
    change("varchar(3)", "varchar", TEXTS, classes="S"),
    change("text", "varchar", TEXTS, classes="S"),
    change("char(3)", "text", TEXTS, classes="W"),
    change("char(3)", "char(5)", TEXTS, classes="W"),
    change("uuid", "text", "INSERT INTO t VALUES (1, gen_random_uuid())", classes="W"),
    change("numeric(10,2)", "numeric(12,2)", NUMBERS, classes="S"),
    change("numeric(10,2)", "numeric", NUMBERS, classes="S"),
    change("numeric(10,2)", "numeric(14,4)", NUMBERS, classes="W", lost=("t.a",)),
    change(
        "timestamptz(0)",
        "timestamptz",
        "INSERT INTO t VALUES (1, now())",
        classes="S",
    ),
    change("json", "jsonb", """INSERT INTO t VALUES (1, '{"b":1,"a":2}')""", classes="W"),
    change("date", "timestamp", "INSERT INTO t VALUES (1, '2026-01-02')", classes="W"),
    change(
        "timestamp",
        "timestamptz",
        "INSERT INTO t VALUES (1, '2026-01-02 03:04')",
        exit=3,
        classes="C",
    ),
    change(
        "timestamptz",
        "timestamp",
        "INSERT INTO t VALUES (1, '2026-01-02 03:04+00')",
        exit=3,
        classes="C",
    ),
    change("int[]", "bigint[]", "INSERT INTO t VALUES (1, '{1,2}')", classes="W"),
    change("bigint", "int", NUMBERS, exit=3, classes="D"),
    change("int", "smallint", NUMBERS, exit=3, classes="D"),
    change("varchar(30)", "varchar(3)", TEXTS, exit=3, classes="D"),
    change("text", "varchar(10)", TEXTS, exit=3, classes="D"),
    change("numeric(10,2)", "numeric(10,0)", NUMBERS, exit=3, classes="D", lost=("t.a",)),
    change("numeric", "int", NUMBERS, exit=3, classes="D"),
    change("double precision", "real", NUMBERS, exit=3, classes="D"),
    change(
        "timestamptz",
        "timestamptz(0)",
        "INSERT INTO t VALUES (1, '2026-01-02 03:04+00')",
        exit=3,
        classes="D",
    ),
    change(
        "bigint",
        "int",
        "INSERT INTO t VALUES (1, 3000000000)",
        name="bigint to int over large values is blocked",
        exit=4,
        blocked=("narrow",),
    ),
    change(
        "varchar(100)",
        "varchar(3)",
        "INSERT INTO t VALUES (1, 'abcdef')",
        name="varchar shortened over long texts is blocked",
        exit=4,
        blocked=("narrow",),
    ),
    change(
        "numeric(10,2)",
        "numeric(10,0)",
        "INSERT INTO t VALUES (1, 1.25)",
        name="numeric that would be rounded is blocked",
        exit=4,
        blocked=("narrow",),
    ),
    change(
        "double precision",
        "int",
        "INSERT INTO t VALUES (1, 1.5)",
        name="float that would be rounded is blocked",
        exit=4,
        blocked=("narrow",),
    ),
    change(
        "timestamp",
        "date",
        "INSERT INTO t VALUES (1, '2026-01-02 03:04')",
        name="timestamp that would lose its time is blocked",
        exit=4,
        blocked=("narrow",),
    ),
    change(
        "text",
        "int",
        "INSERT INTO t VALUES (1, '12')",
        name="text to int without a cast is blocked",
        exit=4,
        blocked=("cast",),
    ),
    change(
        "text",
        "int",
        "INSERT INTO t VALUES (1, '12'), (2, NULL)",
        name="text to int by a cast",
        casts={"t.a": "a::int"},
        exit=3,
        classes="D",
    ),
    change(
        "text",
        "int",
        "INSERT INTO t VALUES (1, '12'), (2, 'x'), (3, 'y')",
        name="a cast that fails on rows is blocked",
        casts={"t.a": "a::int"},
        exit=4,
        blocked=("cast",),
    ),
    change(
        "text[]",
        "int[]",
        "INSERT INTO t VALUES (1, '{1,2}')",
        name="text array to int array by a cast",
        casts={"t.a": "a::int[]"},
        exit=3,
        classes="D",
    ),
    change(
        "text DEFAULT '1'",
        "int DEFAULT 1",
        "INSERT INTO t (id) VALUES (1)",
        name="type with an incompatible default by a cast",
        casts={"t.a": "a::int"},
        exit=3,
    ),
    change(
        "varchar(100)",
        "int",
        "INSERT INTO t VALUES (1, 'x1')",
        name="a cast that takes the number out",
        casts={"t.a": "substr(a, 2)::int"},
        exit=3,
        lost=("t.a",),
    ),
    change("text", 'text COLLATE "C"', TEXTS, classes="W"),
    change('text COLLATE "C"', "text", TEXTS, classes="W"),
    Case(
        name="int to bigint under key, foreign key, check and index",
        before="CREATE TABLE p (id int PRIMARY KEY);\n"
        "CREATE TABLE c (id int PRIMARY KEY, p_id int NOT NULL REFERENCES p CHECK (p_id > 0));\n"
        "CREATE INDEX c_p_idx ON c (p_id) WHERE p_id > 1;\n",
        after="CREATE TABLE p (id bigint PRIMARY KEY);\n"
        "CREATE TABLE c (id int PRIMARY KEY, p_id bigint NOT NULL REFERENCES p CHECK (p_id > 0));\n"
        "CREATE INDEX c_p_idx ON c (p_id) WHERE p_id > 1;\n",
        rows="INSERT INTO p VALUES (1), (2); INSERT INTO c VALUES (1, 1), (2, 2)",
        insert="INSERT INTO p VALUES (3); INSERT INTO c VALUES (3, 3)",
    ),
    Case(
        name="varchar to text under check, unique and expression index",
        before="CREATE TABLE t (id int PRIMARY KEY, a varchar(9) UNIQUE CHECK (a IN ('x', 'y')));\n"
        "CREATE INDEX t_low_idx ON t (lower(a)) WHERE a <> 'z';\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a text UNIQUE CHECK (a IN ('x', 'y')));\n"
        "CREATE INDEX t_low_idx ON t (lower(a)) WHERE a <> 'z';\n",
        rows="INSERT INTO t VALUES (1, 'x'), (2, 'y')",
        insert=INSERT,
    ),
    Case(
        name="type changed under a computed column",
        before="CREATE TABLE t (id int PRIMARY KEY, a int,"
        " b bigint GENERATED ALWAYS AS (a * 2) STORED);\nCREATE INDEX t_b_idx ON t (b);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a bigint,"
        " b bigint GENERATED ALWAYS AS (a * 2) STORED);\nCREATE INDEX t_b_idx ON t (b);\n",
        rows="INSERT INTO t (id, a) VALUES (1, 10)",
        insert=INSERT,
    ),
    Case(
        name="computed expression changed",
        before="CREATE TABLE t (id int PRIMARY KEY, a int,"
        " b int GENERATED ALWAYS AS (a * 2) STORED);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a int,"
        " b int GENERATED ALWAYS AS (a * 3) STORED);\n",
        rows="INSERT INTO t (id, a) VALUES (1, 10)",
        classes="W",
        lost=("t.b",),
        insert=INSERT,
    ),
    Case(
        name="computed column becomes plain",
        before="CREATE TABLE t (id int PRIMARY KEY, a int,"
        " b int GENERATED ALWAYS AS (a * 2) STORED);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a int, b int);\n",
        rows="INSERT INTO t (id, a) VALUES (1, 10)",
        exit=3,
        classes="C",
        insert="INSERT INTO t (id, b) VALUES (9, 9)",
    ),
    Case(
        name="plain column becomes computed",
        before="CREATE TABLE t (id int PRIMARY KEY, a int, b int);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a int,"
        " b int GENERATED ALWAYS AS (a * 2) STORED);\n",
        rows="INSERT INTO t VALUES (1, 10, 5)",
        exit=3,
        classes="D",
        lost=("t.b",),
        insert=INSERT,
    ),
    Case(
        name="text key to uuid by casts over a foreign key",
        before="CREATE TABLE p (id text PRIMARY KEY);\n"
        "CREATE TABLE c (id int PRIMARY KEY, p_id text REFERENCES p);\n",
        after="CREATE TABLE p (id uuid PRIMARY KEY);\n"
        "CREATE TABLE c (id int PRIMARY KEY, p_id uuid REFERENCES p);\n",
        rows="INSERT INTO p VALUES ('6f3ba2c1-6b04-4f0c-9a33-4d8a9c8ce1f5');"
        "INSERT INTO c SELECT 1, id FROM p",
        casts={"p.id": "id::uuid", "c.p_id": "p_id::uuid"},
        exit=3,
        insert="INSERT INTO c (id) VALUES (9)",
    ),
]

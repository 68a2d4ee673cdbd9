"""Conversions from one type to another, keys that are asked before, and names taken over."""

from appdb.plan.policy import Rename
from support.releases import Case


def moved(table: str, to: str, column: str | None = None) -> Rename:
    return Rename(table=table, to=to, column=column)


CASES = [
    Case(
        name="bit wider",
        before="CREATE TABLE t (id int PRIMARY KEY, b bit(3));\n",
        after="CREATE TABLE t (id int PRIMARY KEY, b bit(5));\n",
        rows="INSERT INTO t VALUES (1, B'111')",
        exit=4,
        classes="X",
        blocked=("cast",),
    ),
    Case(
        name="bit to varbit",
        before="CREATE TABLE t (id int PRIMARY KEY, b bit(3));\n",
        after="CREATE TABLE t (id int PRIMARY KEY, b varbit(5));\n",
        rows="INSERT INTO t VALUES (1, B'111')",
        exit=4,
        classes="X",
        blocked=("cast",),
    ),
    Case(
        name="real to numeric",
        before="CREATE TABLE t (id int PRIMARY KEY, b real);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, b numeric(10,2));\n",
        rows="INSERT INTO t VALUES (1, 1.5)",
        exit=3,
        classes="D",
        lost=("t.b",),
    ),
    Case(
        name="numeric to double",
        before="CREATE TABLE t (id int PRIMARY KEY, b numeric(10,2));\n",
        after="CREATE TABLE t (id int PRIMARY KEY, b double precision);\n",
        rows="INSERT INTO t VALUES (1, 1.50)",
        exit=3,
        classes="D",
        lost=("t.b",),
    ),
    Case(
        name="bool to int by cast",
        before="CREATE TABLE t (id int PRIMARY KEY, b boolean DEFAULT true);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, b int DEFAULT 1);\n",
        rows="INSERT INTO t VALUES (1, true)",
        exit=3,
        classes="D",
        casts={"t.b": "b::int"},
        lost=("t.b",),
    ),
    Case(
        name="int to bool",
        before="CREATE TABLE t (id int PRIMARY KEY, b int DEFAULT 1);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, b boolean DEFAULT true);\n",
        rows="INSERT INTO t VALUES (1, 1)",
        exit=4,
        classes="X",
        blocked=("cast",),
    ),
    Case(
        name="time to interval",
        before="CREATE TABLE t (id int PRIMARY KEY, b time);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, b interval);\n",
        rows="INSERT INTO t VALUES (1, '10:00')",
        exit=4,
        classes="X",
        blocked=("cast",),
    ),
    Case(
        name="date to timestamptz",
        before="CREATE TABLE t (id int PRIMARY KEY, b date DEFAULT CURRENT_DATE);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, b timestamptz DEFAULT now());\n",
        rows="INSERT INTO t VALUES (1, '2020-01-01')",
        exit=3,
        classes="C",
        lost=("t.b",),
    ),
    Case(
        name="timestamptz to date",
        before="CREATE TABLE t (id int PRIMARY KEY, b timestamptz);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, b date);\n",
        rows="INSERT INTO t VALUES (1, '2020-01-01 00:00Z')",
        exit=3,
        classes="D",
        lost=("t.b",),
    ),
    Case(
        name="inet to text",
        before="CREATE TABLE t (id int PRIMARY KEY, b inet);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, b text);\n",
        rows="INSERT INTO t VALUES (1, '10.0.0.1')",
        exit=2,
        classes="W",
        lost=("t.b",),
    ),
    Case(
        name="jsonb to text",
        before="CREATE TABLE t (id int PRIMARY KEY, b jsonb);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, b text);\n",
        rows="INSERT INTO t VALUES (1, '{}')",
        exit=2,
        classes="W",
    ),
    Case(
        name="text to jsonb",
        before="CREATE TABLE t (id int PRIMARY KEY, b text);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, b jsonb);\n",
        rows="INSERT INTO t VALUES (1, '{}')",
        exit=4,
        classes="X",
        blocked=("cast",),
    ),
    Case(
        name="text to jsonb by cast",
        before="CREATE TABLE t (id int PRIMARY KEY, b text DEFAULT '{}' NOT NULL);\n",
        after="""CREATE TABLE t (id int PRIMARY KEY, b jsonb DEFAULT '[]' NOT NULL);
CREATE INDEX i ON t USING gin (b);
""",
        rows="INSERT INTO t VALUES (1, '{}')",
        exit=3,
        classes="DO",
        casts={"t.b": "b::jsonb"},
    ),
    Case(
        name="text to text[] by cast",
        before="CREATE TABLE t (id int PRIMARY KEY, b text);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, b text[] NOT NULL DEFAULT '{}');\n",
        rows="INSERT INTO t VALUES (1, 'a,b'), (2, NULL)",
        exit=3,
        classes="DO",
        casts={"t.b": "coalesce(string_to_array(b, ','), '{}')"},
        lost=("t.b",),
    ),
    Case(
        name="varchar to enum array etc",
        before="""CREATE TYPE e AS ENUM ('a','b');
CREATE TABLE t (id int PRIMARY KEY, b e);
""",
        after="""CREATE TYPE e AS ENUM ('a','b');
CREATE TABLE t (id int PRIMARY KEY, b e[]);
""",
        rows="INSERT INTO t VALUES (1, 'a')",
        exit=3,
        classes="D",
        casts={"t.b": "ARRAY[b]"},
        lost=("t.b",),
    ),
    Case(
        name="enum array to text array",
        before="""CREATE TYPE e AS ENUM ('a','b');
CREATE TABLE t (id int PRIMARY KEY, b e[] DEFAULT '{a}');
""",
        after="CREATE TABLE t (id int PRIMARY KEY, b text[] DEFAULT '{a}');\n",
        rows="INSERT INTO t VALUES (1, '{a}')",
        exit=3,
        classes="DW",
    ),
    Case(
        name="partial unique from full",
        before="""CREATE TABLE t (id int PRIMARY KEY, a int, d timestamp);
CREATE UNIQUE INDEX u ON t (a);
""",
        after="""CREATE TABLE t (id int PRIMARY KEY, a int, d timestamp);
CREATE UNIQUE INDEX u ON t (a) WHERE d IS NULL;
""",
        rows="INSERT INTO t VALUES (1, 1, NULL)",
        exit=2,
        classes="O",
    ),
    Case(
        name="full unique from partial blocked",
        before="""CREATE TABLE t (id int PRIMARY KEY, a int, d timestamp);
CREATE UNIQUE INDEX u ON t (a) WHERE d IS NULL;
""",
        after="""CREATE TABLE t (id int PRIMARY KEY, a int, d timestamp);
CREATE UNIQUE INDEX u ON t (a);
""",
        rows="INSERT INTO t VALUES (1, 1, NULL), (2, 1, now())",
        exit=4,
        classes="X",
        blocked=("unique",),
    ),
    Case(
        name="unique desc nulls first with collate over repeats",
        before="CREATE TABLE t (id int PRIMARY KEY, a text);\n",
        after="""CREATE TABLE t (id int PRIMARY KEY, a text);
CREATE UNIQUE INDEX u ON t (a COLLATE "C" DESC NULLS FIRST);
""",
        rows="INSERT INTO t VALUES (1, 'a'), (2, 'a')",
        exit=4,
        classes="X",
        blocked=("unique",),
    ),
    Case(
        name="unique with literal comma and DESC word in expr",
        before="CREATE TABLE t (id int PRIMARY KEY, a text);\n",
        after="""CREATE TABLE t (id int PRIMARY KEY, a text);
CREATE UNIQUE INDEX u ON t ((a || ', x DESC'));
""",
        rows="INSERT INTO t VALUES (1, 'a'), (2, 'b')",
        exit=2,
        classes="O",
    ),
    Case(
        name="exclusion with btree and two",
        before="CREATE TABLE t (id int PRIMARY KEY, r tsrange, x tsrange);\n",
        after="""CREATE TABLE t (id int PRIMARY KEY, r tsrange, x tsrange,
    EXCLUDE USING gist (r WITH &&, x WITH &&));
""",
        rows="""INSERT INTO t VALUES
    (1,'[2020-01-01,2020-02-01)','[2020-01-01,2020-02-01)'),
    (2,'[2020-01-05,2020-02-01)','[2021-01-01,2021-02-01)')""",
        exit=2,
        classes="W",
    ),
    Case(
        name="exclusion with where over overlaps",
        before="CREATE TABLE t (id int PRIMARY KEY, r int4range, ok boolean);\n",
        after="""CREATE TABLE t (id int PRIMARY KEY, r int4range, ok boolean,
    EXCLUDE USING gist (r WITH &&) WHERE (ok));
""",
        rows="INSERT INTO t VALUES (1,'[1,5)',true),(2,'[2,6)',true)",
        exit=4,
        classes="X",
        blocked=("exclusion",),
    ),
    Case(
        name="exclusion with where over allowed overlaps",
        before="CREATE TABLE t (id int PRIMARY KEY, r int4range, ok boolean);\n",
        after="""CREATE TABLE t (id int PRIMARY KEY, r int4range, ok boolean,
    EXCLUDE USING gist (r WITH &&) WHERE (ok));
""",
        rows="INSERT INTO t VALUES (1,'[1,5)',true),(2,'[2,6)',false)",
        exit=2,
        classes="W",
    ),
    Case(
        name="fk to table with null and self",
        before="CREATE TABLE t (id int PRIMARY KEY, up int);\n",
        after="""CREATE TABLE t (id int PRIMARY KEY,
    up int NOT NULL DEFAULT 1 REFERENCES t ON DELETE SET DEFAULT);
""",
        rows="INSERT INTO t VALUES (1,1),(2,1)",
        exit=2,
        classes="OS",
    ),
    Case(
        name="fk type mismatch numeric to int",
        before="""CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (id int PRIMARY KEY, p numeric);
""",
        after="""CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p);
""",
        rows="INSERT INTO p VALUES (1); INSERT INTO c VALUES (1,1)",
        exit=3,
        classes="DO",
    ),
    Case(
        name="new fk column with default to existing",
        before="""CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (id int PRIMARY KEY);
""",
        after="""CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (id int PRIMARY KEY, p int NOT NULL DEFAULT 1 REFERENCES p);
""",
        rows="INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)",
        exit=2,
        classes="OS",
    ),
    Case(
        name="table split to two with fk back and forth",
        before="CREATE TABLE t (id int PRIMARY KEY, a int, b int);\n",
        after="""CREATE TABLE t (id int PRIMARY KEY, a int);
CREATE TABLE d (t_id int PRIMARY KEY REFERENCES t ON DELETE CASCADE, b int);
""",
        rows="INSERT INTO t VALUES (1,1,1)",
        exit=3,
        classes="DS",
        lost=("t.b",),
    ),
    Case(
        name="everything dropped but one",
        before="""CREATE TYPE e AS ENUM ('a');
CREATE DOMAIN d AS int;
CREATE SEQUENCE s;
CREATE TABLE a (id int PRIMARY KEY, x e, y d DEFAULT nextval('s'));
CREATE TABLE b (id int PRIMARY KEY REFERENCES a);
CREATE TABLE k (id int PRIMARY KEY);
""",
        after="CREATE TABLE k (id int PRIMARY KEY);\n",
        rows="INSERT INTO a VALUES (1,'a'); INSERT INTO b VALUES (1)",
        exit=3,
        classes="D",
        lost=("a", "b", "a.id", "a.x", "a.y", "b.id"),
    ),
    Case(
        name="comment with quotes and unicode",
        before="""CREATE TABLE t (id int PRIMARY KEY);
COMMENT ON TABLE t IS 'a';
""",
        after="""CREATE TABLE t (id int PRIMARY KEY);
COMMENT ON TABLE t IS E'b\\n''ü''\\\\ %s {x}';
""",
        rows="INSERT INTO t VALUES (1)",
        exit=2,
        classes="S",
    ),
    Case(
        name="default of function in schema",
        before="CREATE TABLE t (id int PRIMARY KEY, a timestamptz DEFAULT now());\n",
        after="""CREATE TABLE t (id int PRIMARY KEY,
    a timestamptz DEFAULT (now() AT TIME ZONE 'utc') + interval '1 day',
    b text NOT NULL DEFAULT md5(random()::text),
    c int NOT NULL DEFAULT floor(random() * 10)::int);
""",
        rows="INSERT INTO t VALUES (1)",
        exit=2,
        classes="OS",
    ),
    Case(
        name="pk dropped and column kept, fk away",
        before="""CREATE TABLE p (id int PRIMARY KEY, x int);
CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p);
""",
        after="""CREATE TABLE p (id int, x int);
CREATE TABLE c (id int PRIMARY KEY, p int);
""",
        rows="INSERT INTO p VALUES (1,1); INSERT INTO c VALUES (1,1)",
        exit=3,
        classes="CS",
    ),
    Case(
        name="constraint renamed and changed",
        before="CREATE TABLE t (id int PRIMARY KEY, a int, CONSTRAINT old UNIQUE (a));\n",
        after="""CREATE TABLE t (id int, a int, b int NOT NULL DEFAULT 0,
    CONSTRAINT pk PRIMARY KEY (id), CONSTRAINT new UNIQUE (a, b) DEFERRABLE);
""",
        rows="INSERT INTO t VALUES (1,1)",
        exit=2,
        classes="OS",
    ),
    Case(
        name="new table takes name of dropped sequence",
        before="""CREATE SEQUENCE q;
CREATE TABLE t (id int PRIMARY KEY);
""",
        after="""CREATE TABLE t (id int PRIMARY KEY);
CREATE TABLE q (id int PRIMARY KEY);
""",
        rows="INSERT INTO t VALUES (1)",
        exit=3,
        classes="DS",
    ),
    Case(
        name="table with name of enum",
        before="""CREATE TYPE status AS ENUM ('a');
CREATE TABLE t (id int PRIMARY KEY, a status);
""",
        after="""CREATE TABLE status (id text PRIMARY KEY);
CREATE TABLE t (id int PRIMARY KEY, a text REFERENCES status);
""",
        exit=3,
        classes="DOSW",
    ),
]

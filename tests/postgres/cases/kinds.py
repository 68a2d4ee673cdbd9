"""Enums, domains, composite types, sequences, identities, schemas, whole tables."""

from appdb.plan.policy import Rename
from support.releases import Case

E = "CREATE TYPE st AS ENUM ({});\n"
T = "CREATE TABLE t (id int PRIMARY KEY, s st DEFAULT 'a');\n"
ROWS = "INSERT INTO t VALUES (1, 'a'), (2, 'b')"
INSERT = "INSERT INTO t (id) VALUES (9)"


def enum(name: str, before: str, after: str, **more: object) -> Case:
    """A case that changes the labels of an enum."""
    return Case(
        **{
            "name": name,
            "before": E.format(before) + T,
            "after": E.format(after) + T,
            "rows": ROWS,
            "insert": INSERT,
            **more,
        }
    )


CASES = [
    enum("enum label appended", "'a','b'", "'a','b','c'", classes="S"),
    enum("enum label put first", "'a','b'", "'z','a','b'", classes="S"),
    enum("enum label put between", "'a','b'", "'a','m','b'", classes="S"),
    enum("several enum labels added", "'a','b'", "'0','a','1','2','b','3'", classes="S"),
    enum("enum label removed", "'a','b','c'", "'a','b'", exit=3, classes="D"),
    enum("enum labels reordered", "'a','b'", "'b','a'", exit=3, classes="D"),
    enum("enum label added and one removed", "'a','b','c'", "'a','x','b'", exit=3, classes="DS"),
    enum(
        "used enum label removed is blocked",
        "'a','b','c'",
        "'a','c'",
        exit=4,
        blocked=("enumRemove",),
    ),
    Case(
        name="enum label removed with arrays, check, index and default",
        before=E.format("'a','b','c'") + "CREATE TABLE t (id int PRIMARY KEY, s st DEFAULT 'a'"
        " CHECK (s <> 'b'), ss st[] DEFAULT '{a}');\nCREATE INDEX i ON t (s) WHERE s = 'a';\n",
        after=E.format("'a','b'") + "CREATE TABLE t (id int PRIMARY KEY, s st DEFAULT 'a'"
        " CHECK (s <> 'b'), ss st[] DEFAULT '{a}');\nCREATE INDEX i ON t (s) WHERE s = 'a';\n",
        rows="INSERT INTO t VALUES (1, 'a', '{a,b}')",
        exit=3,
        insert=INSERT,
    ),
    Case(
        name="enum label used in an array removed is blocked",
        before=E.format("'a','b'") + "CREATE TABLE t (id int PRIMARY KEY, ss st[]);\n",
        after=E.format("'a'") + "CREATE TABLE t (id int PRIMARY KEY, ss st[]);\n",
        rows="INSERT INTO t VALUES (1, '{a,b}')",
        exit=4,
        blocked=("enumRemove",),
    ),
    Case(
        name="enum label added and used as default",
        before=E.format("'a','b'") + T,
        after=E.format("'a','b','c'") + T.replace("DEFAULT 'a'", "DEFAULT 'c'"),
        rows=ROWS,
        classes="S",
        insert=INSERT,
    ),
    Case(
        name="enum label added and used in a check and a new column",
        before=E.format("'a','b'") + T,
        after=E.format("'a','b','c'")
        + "CREATE TABLE t (id int PRIMARY KEY, s st DEFAULT 'a' CHECK (s <> 'c'),"
        " n st NOT NULL DEFAULT 'c');\n",
        rows=ROWS,
        classes="OS",
        insert=INSERT,
    ),
    Case(
        name="enum made with a column",
        before="CREATE TABLE t (id int PRIMARY KEY);\n",
        after=E.format("'a','b'") + T,
        rows="INSERT INTO t VALUES (1)",
        classes="S",
        insert=INSERT,
    ),
    Case(
        name="enum dropped with its column",
        before=E.format("'a','b'") + T,
        after="CREATE TABLE t (id int PRIMARY KEY);\n",
        rows=ROWS,
        exit=3,
        classes="D",
        lost=("t.s",),
        insert=INSERT,
    ),
    Case(
        name="enum becomes text",
        before=E.format("'a','b'") + T + "CREATE INDEX i ON t (id) WHERE s = 'a';\n",
        after="CREATE TABLE t (id int PRIMARY KEY, s text DEFAULT 'a');\n"
        "CREATE INDEX i ON t (id) WHERE s = 'a';\n",
        rows=ROWS,
        exit=3,
        classes="DW",
        insert=INSERT,
    ),
    Case(
        name="text becomes an enum by a cast",
        before="CREATE TABLE t (id int PRIMARY KEY, s text DEFAULT 'a' CHECK (s <> ''));\n",
        after=E.format("'a','b'") + T,
        rows=ROWS,
        casts={"t.s": "s::st"},
        exit=3,
        insert=INSERT,
    ),
    Case(
        name="text becomes an enum without a cast is blocked",
        before="CREATE TABLE t (id int PRIMARY KEY, s text DEFAULT 'a');\n" + E.format("'a','b'"),
        after=E.format("'a','b'") + T,
        rows=ROWS,
        exit=4,
        blocked=("cast",),
    ),
    Case(
        name="domain made with a column",
        before="CREATE TABLE t (id int PRIMARY KEY);\n",
        after="CREATE DOMAIN d AS text CHECK (VALUE <> '');\n"
        "CREATE TABLE t (id int PRIMARY KEY, a d);\n",
        rows="INSERT INTO t VALUES (1)",
        insert=INSERT,
    ),
    Case(
        name="domain check added",
        before="CREATE DOMAIN d AS int;\nCREATE TABLE t (id int PRIMARY KEY, a d);\n",
        after="CREATE DOMAIN d AS int CHECK (VALUE > 0);\n"
        "CREATE TABLE t (id int PRIMARY KEY, a d);\n",
        rows="INSERT INTO t VALUES (1, 1)",
        classes="O",
        insert=INSERT,
    ),
    Case(
        name="domain check that rows break is blocked",
        before="CREATE DOMAIN d AS int;\nCREATE TABLE t (id int PRIMARY KEY, a d);\n",
        after="CREATE DOMAIN d AS int CHECK (VALUE > 0);\n"
        "CREATE TABLE t (id int PRIMARY KEY, a d);\n",
        rows="INSERT INTO t VALUES (1, 0)",
        exit=4,
        blocked=("check",),
    ),
    Case(
        name="domain check changed",
        before="CREATE DOMAIN d AS int CHECK (VALUE > 0);\n"
        "CREATE TABLE t (id int PRIMARY KEY, a d);\n",
        after="CREATE DOMAIN d AS int CHECK (VALUE > 1);\n"
        "CREATE TABLE t (id int PRIMARY KEY, a d);\n",
        rows="INSERT INTO t VALUES (1, 5)",
        classes="O",
        insert=INSERT,
    ),
    Case(
        name="domain check dropped",
        before="CREATE DOMAIN d AS int CHECK (VALUE > 0);\n"
        "CREATE TABLE t (id int PRIMARY KEY, a d);\n",
        after="CREATE DOMAIN d AS int;\nCREATE TABLE t (id int PRIMARY KEY, a d);\n",
        rows="INSERT INTO t VALUES (1, 5)",
        exit=3,
        classes="C",
        insert=INSERT,
    ),
    Case(
        name="domain default and NOT NULL changed",
        before="CREATE DOMAIN d AS int DEFAULT 1;\nCREATE TABLE t (id int PRIMARY KEY, a d);\n",
        after="CREATE DOMAIN d AS int DEFAULT 2 NOT NULL;\n"
        "CREATE TABLE t (id int PRIMARY KEY, a d);\n",
        rows="INSERT INTO t VALUES (1, 5)",
        classes="OS",
        insert=INSERT,
    ),
    Case(
        name="domain base widened",
        before="CREATE DOMAIN d AS varchar(5);\nCREATE TABLE t (id int PRIMARY KEY, a d);\n",
        after="CREATE DOMAIN d AS varchar(50);\nCREATE TABLE t (id int PRIMARY KEY, a d);\n",
        rows="INSERT INTO t VALUES (1, 'x')",
        classes="W",
        insert=INSERT,
    ),
    Case(
        name="composite attribute added",
        before="CREATE TYPE ad AS (street text);\nCREATE TABLE t (id int PRIMARY KEY, a ad);\n",
        after="CREATE TYPE ad AS (street text, zip text);\n"
        "CREATE TABLE t (id int PRIMARY KEY, a ad);\n",
        rows="INSERT INTO t VALUES (1, ROW('x'))",
        classes="S",
        lost=("t.a",),
        insert=INSERT,
    ),
    Case(
        name="composite attribute dropped",
        before="CREATE TYPE ad AS (street text, zip text);\n"
        "CREATE TABLE t (id int PRIMARY KEY, a ad);\n",
        after="CREATE TYPE ad AS (street text);\nCREATE TABLE t (id int PRIMARY KEY, a ad);\n",
        rows="INSERT INTO t VALUES (1, ROW('x', 'y'))",
        exit=3,
        classes="D",
        lost=("t.a",),
        insert=INSERT,
    ),
    Case(
        name="sequence made",
        before="CREATE TABLE t (id int PRIMARY KEY);\n",
        after="CREATE SEQUENCE q INCREMENT 5;\nCREATE TABLE t (id int PRIMARY KEY);\n",
        classes="S",
        insert="INSERT INTO t VALUES (nextval('q'))",
    ),
    Case(
        name="sequence options changed, counting on",
        before="CREATE SEQUENCE q;\nCREATE TABLE t (id int PRIMARY KEY);\n",
        after="CREATE SEQUENCE q INCREMENT 5 CACHE 3;\nCREATE TABLE t (id int PRIMARY KEY);\n",
        rows="INSERT INTO t SELECT nextval('q') FROM generate_series(1, 50)",
        classes="S",
        insert="INSERT INTO t VALUES (nextval('q'))",
    ),
    Case(
        name="sequence dropped",
        before="CREATE SEQUENCE q;\nCREATE TABLE t (id int PRIMARY KEY);\n",
        after="CREATE TABLE t (id int PRIMARY KEY);\n",
        exit=3,
        classes="D",
        insert="INSERT INTO t VALUES (1)",
    ),
    Case(
        name="serial becomes identity",
        before="CREATE TABLE t (id serial PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a int);\n",
        rows="INSERT INTO t (a) SELECT 1 FROM generate_series(1, 5)",
        exit=3,
        classes="C",
        insert="INSERT INTO t (a) VALUES (9)",
    ),
    Case(
        name="serial becomes bigserial",
        before="CREATE TABLE t (id serial PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id bigserial PRIMARY KEY, a int);\n",
        rows="INSERT INTO t (a) SELECT 1 FROM generate_series(1, 5)",
        classes="SW",
        insert="INSERT INTO t (a) VALUES (9)",
    ),
    Case(
        name="serial becomes bigint identity",
        before="CREATE TABLE t (id serial PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int);\n",
        rows="INSERT INTO t (a) SELECT 1 FROM generate_series(1, 5)",
        exit=3,
        insert="INSERT INTO t (a) VALUES (9)",
    ),
    Case(
        name="identity becomes bigint identity",
        before="CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a int);\n",
        rows="INSERT INTO t (a) SELECT 1 FROM generate_series(1, 5)",
        insert="INSERT INTO t (a) VALUES (9)",
    ),
    Case(
        name="plain int becomes identity",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a int);\n",
        rows="INSERT INTO t VALUES (1, 1), (7, 1)",
        exit=3,
        classes="C",
        insert="INSERT INTO t (a) VALUES (9)",
    ),
    Case(
        name="plain int becomes serial",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id serial PRIMARY KEY, a int);\n",
        rows="INSERT INTO t VALUES (1, 1), (7, 1)",
        classes="S",
        insert="INSERT INTO t (a) VALUES (9)",
    ),
    Case(
        name="identity becomes serial",
        before="CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id serial PRIMARY KEY, a int);\n",
        rows="INSERT INTO t (a) SELECT 1 FROM generate_series(1, 5)",
        exit=3,
        classes="C",
        insert="INSERT INTO t (a) VALUES (9)",
    ),
    Case(
        name="serial becomes plain",
        before="CREATE TABLE t (id serial PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        rows="INSERT INTO t (a) SELECT 1 FROM generate_series(1, 5)",
        exit=3,
        insert="INSERT INTO t (id) VALUES (9)",
    ),
    Case(
        name="identity mode changed",
        before="CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int);\n",
        rows="INSERT INTO t (a) SELECT 1 FROM generate_series(1, 5)",
        exit=3,
        classes="C",
        insert="INSERT INTO t (a) VALUES (9)",
    ),
    Case(
        name="identity options changed",
        before="CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY (INCREMENT 10)"
        " PRIMARY KEY, a int);\n",
        rows="INSERT INTO t (a) SELECT 1 FROM generate_series(1, 5)",
        classes="S",
        insert="INSERT INTO t (a) VALUES (9)",
    ),
    Case(
        name="table added",
        before="CREATE TABLE t (id int PRIMARY KEY);\n",
        after="CREATE TABLE t (id int PRIMARY KEY);\n"
        "CREATE TABLE u (id serial PRIMARY KEY, t_id int NOT NULL REFERENCES t, a text UNIQUE);\n"
        "CREATE INDEX u_t_idx ON u (t_id);\nCOMMENT ON TABLE u IS 'new';\n",
        rows="INSERT INTO t VALUES (1)",
        classes="S",
        insert="INSERT INTO u (t_id) VALUES (1)",
    ),
    Case(
        name="tables that refer to each other added",
        before="CREATE TABLE t (id int PRIMARY KEY);\n",
        after="CREATE TABLE t (id int PRIMARY KEY);\n"
        "CREATE TABLE u (id int PRIMARY KEY, v_id int);\n"
        "CREATE TABLE v (id int PRIMARY KEY, u_id int REFERENCES u);\n"
        "ALTER TABLE u ADD FOREIGN KEY (v_id) REFERENCES v;\n",
        rows="INSERT INTO t VALUES (1)",
        classes="S",
        insert="INSERT INTO u (id) VALUES (1)",
    ),
    Case(
        name="table dropped",
        before="CREATE TABLE t (id int PRIMARY KEY);\n"
        "CREATE TABLE u (id serial PRIMARY KEY, t_id int REFERENCES t);\n",
        after="CREATE TABLE t (id int PRIMARY KEY);\n",
        rows="INSERT INTO t VALUES (1); INSERT INTO u (t_id) VALUES (1)",
        exit=3,
        classes="D",
        lost=("u",),
        insert="INSERT INTO t VALUES (9)",
    ),
    Case(
        name="tables that refer to each other dropped",
        before="CREATE TABLE t (id int PRIMARY KEY);\n"
        "CREATE TABLE u (id int PRIMARY KEY, v_id int);\n"
        "CREATE TABLE v (id int PRIMARY KEY, u_id int REFERENCES u);\n"
        "ALTER TABLE u ADD FOREIGN KEY (v_id) REFERENCES v;\n",
        after="CREATE TABLE t (id int PRIMARY KEY);\n",
        rows="INSERT INTO u VALUES (1); INSERT INTO v VALUES (1, 1)",
        exit=3,
        classes="D",
        lost=("u", "v"),
        insert="INSERT INTO t VALUES (9)",
    ),
    Case(
        name="referenced table dropped",
        before="CREATE TABLE p (id int PRIMARY KEY);\n"
        "CREATE TABLE t (id int PRIMARY KEY, p_id int REFERENCES p);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, p_id int);\n",
        rows="INSERT INTO p VALUES (1); INSERT INTO t VALUES (1, 1)",
        exit=3,
        classes="CD",
        lost=("p",),
        insert="INSERT INTO t VALUES (9)",
    ),
    Case(
        name="referenced table dropped with the column",
        before="CREATE TABLE p (id int PRIMARY KEY);\n"
        "CREATE TABLE t (id int PRIMARY KEY, p_id int REFERENCES p);\n",
        after="CREATE TABLE t (id int PRIMARY KEY);\n",
        rows="INSERT INTO p VALUES (1); INSERT INTO t VALUES (1, 1)",
        exit=3,
        classes="D",
        lost=("p", "t.p_id"),
        insert="INSERT INTO t VALUES (9)",
    ),
    Case(
        name="table renamed",
        before="CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE);\n"
        "CREATE TABLE t (id int PRIMARY KEY, u_id int REFERENCES users);\n",
        after="CREATE TABLE people (id serial PRIMARY KEY, email text UNIQUE);\n"
        "CREATE TABLE t (id int PRIMARY KEY, u_id int REFERENCES people);\n",
        rows="INSERT INTO users (email) VALUES ('x'); INSERT INTO t VALUES (1, 1)",
        renames=(Rename(table="users", to="people"),),
        classes="CS",
        insert="INSERT INTO people (email) VALUES ('y')",
    ),
    Case(
        name="table and its column renamed together",
        before="CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL);\n",
        after="CREATE TABLE people (id serial PRIMARY KEY, full_name text NOT NULL);\n",
        rows="INSERT INTO users (name) VALUES ('x')",
        renames=(
            Rename(table="users", to="people"),
            Rename(table="users", column="name", to="full_name"),
        ),
        classes="CS",
        insert="INSERT INTO people (full_name) VALUES ('y')",
    ),
    Case(
        name="undeclared table rename is a drop that waits",
        before="CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL);\n",
        after="CREATE TABLE people (id serial PRIMARY KEY, name text NOT NULL);\n",
        rows="INSERT INTO users (name) VALUES ('x')",
        exit=3,
        classes="DS",
        lost=("users",),
        insert="INSERT INTO people (name) VALUES ('y')",
    ),
    Case(
        name="table storage parameters changed",
        before="CREATE TABLE t (id int PRIMARY KEY) WITH (fillfactor = 50);\n",
        after="CREATE TABLE t (id int PRIMARY KEY) WITH (autovacuum_enabled = false);\n",
        rows="INSERT INTO t VALUES (1)",
        classes="S",
        insert="INSERT INTO t VALUES (9)",
    ),
    Case(
        name="table becomes unlogged",
        before="CREATE TABLE t (id int PRIMARY KEY);\n",
        after="CREATE UNLOGGED TABLE t (id int PRIMARY KEY);\n",
        rows="INSERT INTO t VALUES (1)",
        classes="W",
        insert="INSERT INTO t VALUES (9)",
    ),
    Case(
        name="schema added with enum, table and index",
        before="CREATE TABLE t (id int PRIMARY KEY);\n",
        after="CREATE TABLE t (id int PRIMARY KEY);\n"
        "CREATE SCHEMA billing;\nCREATE TYPE billing.kind AS ENUM ('a');\n"
        "CREATE TABLE billing.bill (id serial PRIMARY KEY, k billing.kind, t_id int"
        " REFERENCES public.t);\nCREATE INDEX bill_k_idx ON billing.bill (k);\n",
        rows="INSERT INTO t VALUES (1)",
        classes="S",
        insert="INSERT INTO billing.bill (k) VALUES ('a')",
    ),
    Case(
        name="schema dropped with its table",
        before="CREATE SCHEMA billing;\nCREATE TABLE billing.bill (id serial PRIMARY KEY);\n"
        "CREATE TABLE t (id int PRIMARY KEY);\n",
        after="CREATE TABLE t (id int PRIMARY KEY);\n",
        rows="INSERT INTO billing.bill DEFAULT VALUES",
        exit=3,
        classes="D",
        lost=("billing.bill",),
        insert="INSERT INTO t VALUES (9)",
    ),
    Case(
        name="names of 63 bytes",
        before="CREATE TABLE " + "t" * 63 + " (id int PRIMARY KEY, " + "c" * 63 + " int);\n",
        after="CREATE TABLE "
        + "t" * 63
        + " (id int PRIMARY KEY, "
        + "c" * 63
        + " int NOT NULL UNIQUE);\n",
        rows="INSERT INTO " + "t" * 63 + " VALUES (1, 1), (2, 2)",
        classes="O",
        insert="INSERT INTO " + "t" * 63 + " VALUES (9, 9)",
    ),
    Case(
        name="a release of eight changes",
        before=E.format("'a','b'")
        + "CREATE TABLE p (id serial PRIMARY KEY, name varchar(20) NOT NULL, s st);\n"
        "CREATE TABLE t (id serial PRIMARY KEY, p_id int, n int, old text);\n"
        "CREATE INDEX t_n_idx ON t (n);\n",
        after=E.format("'a','b','c'")
        + "CREATE TABLE p (id serial PRIMARY KEY, name text NOT NULL UNIQUE,"
        " s st NOT NULL DEFAULT 'c');\n"
        "CREATE TABLE t (id serial PRIMARY KEY, p_id int NOT NULL REFERENCES p, n bigint"
        " CHECK (n >= 0), u uuid NOT NULL DEFAULT gen_random_uuid());\n"
        "CREATE INDEX t_n_idx ON t (n DESC);\n"
        "CREATE TABLE fresh (id serial PRIMARY KEY, t_id int REFERENCES t);\n",
        rows="INSERT INTO p (name, s) SELECT 'n' || i, 'a' FROM generate_series(1, 50) i;"
        "INSERT INTO t (p_id, n, old) SELECT i, i, 'x' FROM generate_series(1, 50) i",
        exit=3,
        lost=("t.old",),
        insert="INSERT INTO t (p_id) VALUES (1); INSERT INTO fresh (t_id) VALUES (1)",
    ),
]

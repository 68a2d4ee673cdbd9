"""What an adversary would try first: odd names, circles, types over types, strangers' hands."""

from appdb.plan.policy import Rename
from support.releases import Case


def moved(table: str, to: str, column: str | None = None) -> Rename:
    return Rename(table=table, to=to, column=column)


CASES = [
    Case(
        name="reserved words for names",
        before="""CREATE TABLE "order" (id int PRIMARY KEY, "select" int, "Group" text);
CREATE INDEX "user" ON "order" ("select");
""",
        after="""CREATE TABLE "order" (id int PRIMARY KEY,
    "select" bigint NOT NULL DEFAULT 0, "Group" varchar(20),
    "from" text UNIQUE CHECK ("from" <> 'x'));
CREATE INDEX "user" ON "order" ("select" DESC, "Group");
""",
        rows="INSERT INTO \"order\" VALUES (1,2,'a')",
        exit=3,
        classes="DOSW",
    ),
    Case(
        name="quotes in names",
        before='CREATE TABLE "we""ird" (id int PRIMARY KEY, "a""b" int);\n',
        after="""CREATE TABLE "we""ird" (id int PRIMARY KEY, "a""b" bigint UNIQUE,
    "it's" text DEFAULT 'x' CHECK ("it's" <> ''));
CREATE INDEX "i""x" ON "we""ird" (("a""b" + 1)) WHERE "it's" IS NOT NULL;
""",
        rows='INSERT INTO "we""ird" VALUES (1,1)',
        exit=2,
        classes="OSW",
    ),
    Case(
        name="dot and space and percent names",
        before='CREATE TABLE "a.b" (id int PRIMARY KEY, "c d" int, "x%y" text);\n',
        after="""CREATE TABLE "a.b" (id int PRIMARY KEY, "c d" bigint NOT NULL,
    "x%y" text NOT NULL DEFAULT '%s', "$1" text);
""",
        rows="INSERT INTO \"a.b\" VALUES (1,1,'z')",
        exit=2,
        classes="OSW",
    ),
    Case(
        name="unicode names",
        before='CREATE TABLE "größe" (id int PRIMARY KEY, "naïve" int);\n',
        after='CREATE TABLE "größe" (id int PRIMARY KEY, "naïve" bigint, "日本" text UNIQUE);\n',
        rows='INSERT INTO "größe" VALUES (1,1)',
        exit=2,
        classes="OSW",
    ),
    Case(
        name="composite pk extended",
        before="CREATE TABLE t (a int, b int, c int NOT NULL, PRIMARY KEY (a, b));\n",
        after="CREATE TABLE t (a int, b int, c int NOT NULL, PRIMARY KEY (a, b, c));\n",
        rows="INSERT INTO t VALUES (1,1,1)",
        exit=3,
        classes="C",
    ),
    Case(
        name="composite pk shrunk",
        before="CREATE TABLE t (a int, b int, PRIMARY KEY (a, b));\n",
        after="CREATE TABLE t (a int PRIMARY KEY, b int);\n",
        rows="INSERT INTO t VALUES (1,1)",
        exit=3,
        classes="CS",
    ),
    Case(
        name="composite pk shrunk over repeats",
        before="CREATE TABLE t (a int, b int, PRIMARY KEY (a, b));\n",
        after="CREATE TABLE t (a int PRIMARY KEY, b int NOT NULL);\n",
        rows="INSERT INTO t VALUES (1,1),(1,2)",
        exit=4,
        classes="X",
        blocked=("unique",),
    ),
    Case(
        name="composite pk reordered under fk",
        before="""CREATE TABLE p (a int, b int, PRIMARY KEY (a, b));
CREATE TABLE c (a int, b int, FOREIGN KEY (a, b) REFERENCES p);
""",
        after="""CREATE TABLE p (a int, b int, PRIMARY KEY (b, a));
CREATE TABLE c (a int, b int, FOREIGN KEY (a, b) REFERENCES p (a, b));
""",
        rows="INSERT INTO p VALUES (1,1); INSERT INTO c VALUES (1,1)",
        exit=3,
        classes="CO",
    ),
    Case(
        name="deferrable fk to not",
        before="""CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p DEFERRABLE INITIALLY DEFERRED);
""",
        after="""CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p ON DELETE CASCADE);
""",
        rows="INSERT INTO p VALUES (1); INSERT INTO c VALUES (1,1)",
        exit=2,
        classes="O",
    ),
    Case(
        name="fk match full and set null columns",
        before="""CREATE TABLE p (a int, b int, PRIMARY KEY (a, b));
CREATE TABLE c (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES p);
""",
        after="""CREATE TABLE p (a int, b int, PRIMARY KEY (a, b));
CREATE TABLE c (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a,
    b) REFERENCES p ON DELETE SET NULL (b));
""",
        rows="INSERT INTO p VALUES (1,1); INSERT INTO c VALUES (1,1,1)",
        exit=2,
        classes="O",
    ),
    Case(
        name="fk match full over half nulls blocked",
        before="""CREATE TABLE p (a int, b int, PRIMARY KEY (a, b));
CREATE TABLE c (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES p);
""",
        after="""CREATE TABLE p (a int, b int, PRIMARY KEY (a, b));
CREATE TABLE c (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES p MATCH FULL);
""",
        rows="INSERT INTO p VALUES (1,1); INSERT INTO c VALUES (1,1,NULL)",
        exit=4,
        classes="X",
        blocked=("foreignKey",),
    ),
    Case(
        name="cyclic fks type widened",
        before="""CREATE TABLE a (id int PRIMARY KEY, b_id int);
CREATE TABLE b (id int PRIMARY KEY, a_id int REFERENCES a);
ALTER TABLE a ADD CONSTRAINT a_b_fk FOREIGN KEY (b_id) REFERENCES b;
""",
        after="""CREATE TABLE a (id bigint PRIMARY KEY, b_id bigint);
CREATE TABLE b (id bigint PRIMARY KEY, a_id bigint REFERENCES a);
ALTER TABLE a ADD CONSTRAINT a_b_fk FOREIGN KEY (b_id) REFERENCES b ON DELETE SET NULL;
""",
        rows="INSERT INTO a VALUES (1,NULL); INSERT INTO b VALUES (1,1); UPDATE a SET b_id=1",
        exit=2,
        classes="OW",
    ),
    Case(
        name="self reference type and rename",
        before="CREATE TABLE t (id serial PRIMARY KEY, parent int REFERENCES t);\n",
        after="""CREATE TABLE tree (id bigserial PRIMARY KEY,
    up bigint NOT NULL REFERENCES tree ON DELETE CASCADE);
""",
        rows="INSERT INTO t (id,parent) VALUES (1,1),(2,1); SELECT setval('t_id_seq',2)",
        exit=2,
        classes="COSW",
        renames=(
            moved("t", "tree"),
            moved("t", "up", "parent"),
        ),
        insert="INSERT INTO tree (up) VALUES (1)",
    ),
    Case(
        name="enum array with default label added and removed",
        before="""CREATE TYPE e AS ENUM ('a','b','c');
CREATE TABLE t (id int PRIMARY KEY, xs e[] NOT NULL DEFAULT '{a,b}',
    y e DEFAULT 'a' CHECK (y <> 'c'));
""",
        after="""CREATE TYPE e AS ENUM ('b','a','d');
CREATE TABLE t (id int PRIMARY KEY, xs e[] NOT NULL DEFAULT '{a,d}',
    y e DEFAULT 'd' CHECK (y <> 'b'));
""",
        rows="INSERT INTO t VALUES (1,'{a,b}','a')",
        exit=3,
        classes="DOS",
    ),
    Case(
        name="enum used in partial index and generated",
        before="""CREATE TYPE e AS ENUM ('a','b','c');
CREATE TABLE t (id int PRIMARY KEY, y e, g boolean GENERATED ALWAYS AS (y = 'a') STORED);
CREATE INDEX i ON t (id) WHERE y = 'a';
CREATE INDEX j ON t ((y = 'b'));
""",
        after="""CREATE TYPE e AS ENUM ('a','b');
CREATE TABLE t (id int PRIMARY KEY, y e, g boolean GENERATED ALWAYS AS (y = 'a') STORED);
CREATE INDEX i ON t (id) WHERE y = 'a';
CREATE INDEX j ON t ((y = 'b'));
""",
        rows="INSERT INTO t VALUES (1,'a')",
        exit=3,
        classes="D",
    ),
    Case(
        name="domain over domain check added",
        before="""CREATE DOMAIN d1 AS int CHECK (VALUE > 0);
CREATE DOMAIN d2 AS d1;
CREATE TABLE t (id int PRIMARY KEY, a d2);
""",
        after="""CREATE DOMAIN d1 AS int CHECK (VALUE > 0);
CREATE DOMAIN d2 AS d1 CHECK (VALUE < 100);
CREATE TABLE t (id int PRIMARY KEY, a d2);
""",
        rows="INSERT INTO t VALUES (1,5)",
        exit=2,
        classes="O",
    ),
    Case(
        name="domain over domain base check tightened blocked",
        before="""CREATE DOMAIN d1 AS int CHECK (VALUE > 0);
CREATE DOMAIN d2 AS d1;
CREATE TABLE t (id int PRIMARY KEY, a d2);
""",
        after="""CREATE DOMAIN d1 AS int CHECK (VALUE > 10);
CREATE DOMAIN d2 AS d1;
CREATE TABLE t (id int PRIMARY KEY, a d2);
""",
        rows="INSERT INTO t VALUES (1,5)",
        exit=4,
        classes="X",
        blocked=("check",),
    ),
    Case(
        name="column int to domain",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="""CREATE DOMAIN pos AS int CHECK (VALUE > 0);
CREATE TABLE t (id int PRIMARY KEY, a pos);
""",
        rows="INSERT INTO t VALUES (1,5)",
        exit=2,
        classes="SW",
    ),
    Case(
        name="column domain to int",
        before="""CREATE DOMAIN pos AS int CHECK (VALUE > 0);
CREATE TABLE t (id int PRIMARY KEY, a pos);
""",
        after="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        rows="INSERT INTO t VALUES (1,5)",
        exit=3,
        classes="DS",
    ),
    Case(
        name="serial high to identity",
        before="CREATE TABLE t (id serial PRIMARY KEY, x int);\n",
        after="CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, x int);\n",
        rows="""INSERT INTO t (id,x) VALUES (2147483600,1); SELECT setval('t_id_seq',
    2147483600)""",
        exit=3,
        classes="CW",
        insert="INSERT INTO t (x) VALUES (1)",
    ),
    Case(
        name="identity near the max to bigint",
        before="CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, x int);\n",
        after="""CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    x int);
""",
        rows="""INSERT INTO t (id,x) VALUES (2147483647,1); SELECT setval('t_id_seq',
    2147483647)""",
        exit=2,
        classes="W",
        insert="INSERT INTO t (x) VALUES (1)",
    ),
    Case(
        name="smallserial full to serial",
        before="CREATE TABLE t (id smallserial PRIMARY KEY, x int);\n",
        after="CREATE TABLE t (id serial PRIMARY KEY, x int);\n",
        rows="INSERT INTO t (id,x) VALUES (32767,1); SELECT setval('t_id_seq', 32767)",
        exit=2,
        classes="SW",
        insert="INSERT INTO t (x) VALUES (1)",
    ),
    Case(
        name="identity negative increment",
        before="CREATE TABLE t (id int PRIMARY KEY, x int);\n",
        after="""CREATE TABLE t (
    id int GENERATED ALWAYS AS IDENTITY (START -1 INCREMENT -1) PRIMARY KEY, x int);
""",
        rows="INSERT INTO t (id,x) VALUES (-5,1),(3,1)",
        exit=3,
        classes="C",
        insert="INSERT INTO t (x) VALUES (1); INSERT INTO t (x) VALUES (1)",
    ),
    Case(
        name="identity dropped",
        before="CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, x int);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, x int);\n",
        rows="INSERT INTO t (x) VALUES (1)",
        exit=3,
        classes="C",
        insert="INSERT INTO t (id,x) VALUES (9,1)",
    ),
    Case(
        name="generated depends on renamed and retyped",
        before="""CREATE TABLE t (id int PRIMARY KEY, a int,
    g int GENERATED ALWAYS AS (a * 2) STORED);
CREATE INDEX gi ON t (g);
""",
        after="""CREATE TABLE t (id int PRIMARY KEY, b bigint,
    g bigint GENERATED ALWAYS AS (b * 2) STORED);
CREATE INDEX gi ON t (g);
""",
        rows="INSERT INTO t VALUES (1,2)",
        exit=2,
        classes="COW",
        renames=(moved("t", "b", "a"),),
    ),
    Case(
        name="generated source dropped",
        before="""CREATE TABLE t (id int PRIMARY KEY, a int,
    g int GENERATED ALWAYS AS (a * 2) STORED);
""",
        after="""CREATE TABLE t (id int PRIMARY KEY,
    g int GENERATED ALWAYS AS (id * 2) STORED);
""",
        rows="INSERT INTO t VALUES (1,2)",
        exit=3,
        classes="DW",
        lost=("t.g", "t.a"),
    ),
    Case(
        name="generated becomes plain and source dropped",
        before="""CREATE TABLE t (id int PRIMARY KEY, a int,
    g int GENERATED ALWAYS AS (a * 2) STORED);
""",
        after="CREATE TABLE t (id int PRIMARY KEY, g int);\n",
        rows="INSERT INTO t VALUES (1,2)",
        exit=3,
        classes="CD",
        lost=("t.a",),
    ),
    Case(
        name="nulls not distinct over nulls blocked",
        before="CREATE TABLE t (id int PRIMARY KEY, a int UNIQUE);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a int UNIQUE NULLS NOT DISTINCT);\n",
        rows="INSERT INTO t VALUES (1,NULL),(2,NULL)",
        exit=4,
        classes="X",
        blocked=("unique",),
    ),
    Case(
        name="unique with fillfactor and include changed",
        before="""CREATE TABLE t (id int PRIMARY KEY WITH (fillfactor=70), a int, b int,
    UNIQUE (a) INCLUDE (b));
""",
        after="""CREATE TABLE t (id int PRIMARY KEY WITH (fillfactor=80), a int, b int,
    c int, UNIQUE (a) INCLUDE (b, c) WITH (fillfactor=60));
""",
        rows="INSERT INTO t VALUES (1,1,1)",
        exit=2,
        classes="OS",
    ),
    Case(
        name="pk with fillfactor on fk",
        before="CREATE TABLE p (id int, x int);\n",
        after="""CREATE TABLE p (id int PRIMARY KEY WITH (fillfactor=70), x int);
CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p);
""",
        rows="INSERT INTO p VALUES (1,1)",
        exit=2,
        classes="OS",
    ),
    Case(
        name="exclusion with where changed",
        before="""CREATE TABLE t (id int PRIMARY KEY, r int4range, a boolean,
    EXCLUDE USING gist (r WITH &&));
""",
        after="""CREATE TABLE t (id int PRIMARY KEY, r int4range, a boolean,
    EXCLUDE USING gist (r WITH &&) WHERE (a));
""",
        rows="INSERT INTO t VALUES (1,'[1,3)',true),(2,'[3,5)',true)",
        exit=2,
        classes="W",
    ),
    Case(
        name="exclusion deferrable",
        before="""CREATE TABLE t (id int PRIMARY KEY, r int4range,
    CONSTRAINT ex EXCLUDE USING gist (r WITH &&));
""",
        after="""CREATE TABLE t (id int PRIMARY KEY, r int4range,
    CONSTRAINT ex EXCLUDE USING gist (r WITH &&) DEFERRABLE);
""",
        rows="INSERT INTO t VALUES (1,'[1,3)')",
        exit=2,
        classes="W",
    ),
    Case(
        name="rename type notnull at once",
        before="""CREATE TABLE t (id int PRIMARY KEY, a int DEFAULT 3 CHECK (a > 0));
CREATE INDEX i ON t (a);
""",
        after="""CREATE TABLE t (id int PRIMARY KEY,
    b bigint NOT NULL DEFAULT 4 CHECK (b > 1));
CREATE INDEX i ON t (b DESC);
""",
        rows="INSERT INTO t VALUES (1,2)",
        exit=2,
        classes="COW",
        renames=(moved("t", "b", "a"),),
    ),
    Case(
        name="swap a b with types",
        before="CREATE TABLE t (id int PRIMARY KEY, a int, b text);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a text NOT NULL, b bigint);\n",
        rows="INSERT INTO t VALUES (1,2,'x')",
        exit=2,
        classes="COW",
        renames=(
            moved("t", "b", "a"),
            moved("t", "a", "b"),
        ),
    ),
    Case(
        name="rename table under fk and enum",
        before="""CREATE TYPE s AS ENUM ('a');
CREATE TABLE p (id serial PRIMARY KEY, s s);
CREATE TABLE c (id serial PRIMARY KEY, p_id int REFERENCES p ON DELETE CASCADE);
CREATE INDEX ON c (p_id);
""",
        after="""CREATE TYPE s AS ENUM ('a','b');
CREATE TABLE parents (id serial PRIMARY KEY, s s DEFAULT 'b');
CREATE TABLE c (id serial PRIMARY KEY,
    parent_id int NOT NULL REFERENCES parents ON DELETE CASCADE);
CREATE INDEX ON c (parent_id);
""",
        rows="INSERT INTO p (s) VALUES ('a'); INSERT INTO c (p_id) VALUES (1)",
        exit=2,
        classes="COS",
        renames=(
            moved("p", "parents"),
            moved("c", "parent_id", "p_id"),
        ),
        insert="INSERT INTO parents DEFAULT VALUES",
    ),
    Case(
        name="other schema everything",
        before="""CREATE SCHEMA x;
CREATE TYPE x.e AS ENUM ('a');
CREATE TABLE x.t (id serial PRIMARY KEY, e x.e DEFAULT 'a');
CREATE TABLE t (id int PRIMARY KEY, x_id int REFERENCES x.t);
""",
        after="""CREATE SCHEMA x;
CREATE TYPE x.e AS ENUM ('b','a');
CREATE TABLE x.t (id bigserial PRIMARY KEY, e x.e DEFAULT 'b', n text UNIQUE);
CREATE TABLE t (id int PRIMARY KEY, x_id bigint REFERENCES x.t ON DELETE CASCADE);
CREATE INDEX ti ON x.t (e);
""",
        rows="INSERT INTO x.t DEFAULT VALUES; INSERT INTO t VALUES (1,1)",
        exit=2,
        classes="OSW",
        insert="INSERT INTO x.t DEFAULT VALUES",
    ),
    Case(
        name="same table name in two schemas",
        before="""CREATE SCHEMA x;
CREATE TABLE x.t (id int PRIMARY KEY, a int);
CREATE TABLE t (id int PRIMARY KEY, a int);
""",
        after="""CREATE SCHEMA x;
CREATE TABLE x.t (id int PRIMARY KEY, a bigint);
CREATE TABLE t (id int PRIMARY KEY, a int, b int REFERENCES x.t);
""",
        rows="INSERT INTO x.t VALUES (1,1); INSERT INTO t VALUES (1,1)",
        exit=2,
        classes="OSW",
    ),
    Case(
        name="index expression opclass collate",
        before="""CREATE TABLE t (id int PRIMARY KEY, a text, j jsonb);
CREATE INDEX i ON t (lower(a) text_pattern_ops) WHERE a IS NOT NULL;
""",
        after="""CREATE TABLE t (id int PRIMARY KEY, a text, j jsonb);
CREATE INDEX i ON t (lower(a) COLLATE "C" DESC,
    (j->>'k')) INCLUDE (id) WHERE a IS NOT NULL AND length(a) > 3;
""",
        rows="INSERT INTO t VALUES (1,'x','{}')",
        exit=2,
        classes="O",
    ),
    Case(
        name="unique expression index",
        before="CREATE TABLE t (id int PRIMARY KEY, a text);\n",
        after="""CREATE TABLE t (id int PRIMARY KEY, a text);
CREATE UNIQUE INDEX u ON t (lower(a), (id % 2)) WHERE a <> '';
""",
        rows="INSERT INTO t VALUES (1,'x'),(2,'X'),(3,''),(4,'')",
        exit=2,
        classes="O",
    ),
    Case(
        name="unique coalesce index over repeats",
        before="CREATE TABLE t (id int PRIMARY KEY, a text, b text);\n",
        after="""CREATE TABLE t (id int PRIMARY KEY, a text, b text);
CREATE UNIQUE INDEX u ON t (a, coalesce(b, '-'));
""",
        rows="INSERT INTO t VALUES (1,'x',NULL),(2,'x','-')",
        exit=4,
        classes="X",
        blocked=("unique",),
    ),
    Case(
        name="drop column used in two col index and check",
        before="""CREATE TABLE t (id int PRIMARY KEY, a int, b int, CHECK (a < b));
CREATE INDEX i ON t (a, b);
CREATE UNIQUE INDEX u ON t (b) WHERE a > 0;
""",
        after="""CREATE TABLE t (id int PRIMARY KEY, b int);
CREATE INDEX i ON t (b);
""",
        rows="INSERT INTO t VALUES (1,2,3)",
        exit=3,
        classes="DO",
        lost=("t.a",),
    ),
    Case(
        name="everything on one table",
        before="""CREATE TABLE t (id serial PRIMARY KEY, a int, b text, c date,
    d numeric(5,2), e varchar(10) DEFAULT 'q', f int REFERENCES t, UNIQUE (a, b));
CREATE INDEX i ON t (c);
""",
        after="""CREATE TABLE t (id bigserial PRIMARY KEY, a bigint NOT NULL,
    b varchar(50) NOT NULL DEFAULT '', c timestamp, d numeric(7,2) CHECK (d >= 0), e text,
    f bigint REFERENCES t ON DELETE SET NULL, g uuid NOT NULL DEFAULT gen_random_uuid(),
    h timestamptz NOT NULL DEFAULT now(), UNIQUE (a, b, c));
CREATE INDEX i ON t (c DESC, g);
COMMENT ON TABLE t IS 'x';
""",
        rows="""INSERT INTO t (a,b,c,d) VALUES (1,'x','2020-01-01',1.5),(2,'y','2020-01-02',2.5)""",
        exit=3,
        classes="DOSW",
        insert="INSERT INTO t (a, b) VALUES (9,'b')",
        lost=("t.c",),
    ),
    Case(
        name="char to varchar and bpchar trailing",
        before="CREATE TABLE t (id int PRIMARY KEY, a char(5));\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a varchar(5));\n",
        rows="INSERT INTO t VALUES (1,'ab')",
        exit=2,
        classes="W",
        lost=("t.a",),
    ),
    Case(
        name="interval and time precisions",
        before="CREATE TABLE t (id int PRIMARY KEY, a interval(3), b time(3), c timestamp(6));\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a interval, b time(6), c timestamp(3));\n",
        rows="INSERT INTO t VALUES (1,'1 s','10:00','2020-01-01')",
        exit=3,
        classes="DS",
    ),
    Case(
        name="bit and varbit",
        before="CREATE TABLE t (id int PRIMARY KEY, a bit(3), b varbit(5));\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a bit(3), b varbit(9));\n",
        rows="INSERT INTO t VALUES (1,B'101',B'11')",
        exit=2,
        classes="S",
    ),
    Case(
        name="unlogged to logged with fk",
        before="CREATE UNLOGGED TABLE t (id int PRIMARY KEY);\n",
        after="CREATE TABLE t (id int PRIMARY KEY);\n",
        rows="INSERT INTO t VALUES (1)",
        exit=2,
        classes="W",
    ),
    Case(
        name="view by hand unrelated column added",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a int, b int);\n",
        rows="INSERT INTO t VALUES (1,1); CREATE VIEW v AS SELECT * FROM t",
        exit=2,
        classes="S",
    ),
    Case(
        name="view by hand on renamed column",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, b int);\n",
        rows="INSERT INTO t VALUES (1,1); CREATE VIEW v AS SELECT a FROM t",
        exit=2,
        classes="C",
        renames=(moved("t", "b", "a"),),
    ),
    Case(
        name="trigger by hand, column widened",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a bigint);\n",
        rows="""INSERT INTO t VALUES (1,1);
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
    CREATE TRIGGER tr BEFORE UPDATE OF a ON t FOR EACH ROW EXECUTE FUNCTION f()""",
        exit=4,
        classes="X",
        blocked=("dependents",),
    ),
    Case(
        name="policy by hand on column dropped",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id int PRIMARY KEY);\n",
        rows="""INSERT INTO t VALUES (1,1); ALTER TABLE t ENABLE ROW LEVEL SECURITY;
    CREATE POLICY pl ON t USING (a = 1)""",
        exit=4,
        classes="X",
        blocked=("dependents",),
    ),
    Case(
        name="varbit made shorter",
        before="CREATE TABLE t (id int PRIMARY KEY, b varbit(9));\n",
        after="CREATE TABLE t (id int PRIMARY KEY, b varbit(5));\n",
        rows="INSERT INTO t VALUES (1, B'11')",
        exit=3,
        classes="D",
    ),
    Case(
        name="varbit made too short is blocked",
        before="CREATE TABLE t (id int PRIMARY KEY, b varbit(9));\n",
        after="CREATE TABLE t (id int PRIMARY KEY, b varbit(1));\n",
        rows="INSERT INTO t VALUES (1, B'11')",
        exit=4,
        classes="X",
        blocked=("narrow",),
    ),
]

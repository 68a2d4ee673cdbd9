"""Changes that meet each other on one name, one key or one type, and rarer kinds of objects."""

from appdb.plan.policy import Rename
from support.releases import Case


def moved(table: str, to: str, column: str | None = None) -> Rename:
    return Rename(table=table, to=to, column=column)


CASES = [
    Case(
        name="retype under computed that leaves",
        before="""CREATE TABLE t (id int PRIMARY KEY, a int,
    g int GENERATED ALWAYS AS (a + 1) STORED);
""",
        after="CREATE TABLE t (id int PRIMARY KEY, a bigint);\n",
        rows="INSERT INTO t VALUES (1,1)",
        exit=3,
        classes="DW",
        lost=("t.g",),
    ),
    Case(
        name="domain check text with VALUE in a string",
        before="""CREATE DOMAIN d AS text;
CREATE TABLE t (id int PRIMARY KEY, a d);
""",
        after="""CREATE DOMAIN d AS text CHECK (VALUE <> 'VALUE' AND VALUE <> '{c}');
CREATE TABLE t (id int PRIMARY KEY, a d);
""",
        rows="INSERT INTO t VALUES (1,'x')",
        exit=2,
        classes="O",
    ),
    Case(
        name="domain check broken by string VALUE",
        before="""CREATE DOMAIN d AS text;
CREATE TABLE t (id int PRIMARY KEY, a d);
""",
        after="""CREATE DOMAIN d AS text CHECK (VALUE <> 'VALUE');
CREATE TABLE t (id int PRIMARY KEY, a d);
""",
        rows="INSERT INTO t VALUES (1,'VALUE')",
        exit=4,
        classes="X",
        blocked=("check",),
    ),
    Case(
        name="braces and percents in checks and defaults",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="""CREATE TABLE t (id int PRIMARY KEY, a int CHECK (a::text NOT LIKE '%{0}%'),
    b text NOT NULL DEFAULT '{}%s{c}');
""",
        rows="INSERT INTO t VALUES (1,1)",
        exit=2,
        classes="OS",
    ),
    Case(
        name="default with backslash and dollar",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="""CREATE TABLE t (id int PRIMARY KEY, a int,
    b text NOT NULL DEFAULT 'a\\b$1$$x');
COMMENT ON COLUMN t.b IS 'it''s \\ 100%';
""",
        rows="INSERT INTO t VALUES (1,1)",
        exit=2,
        classes="S",
    ),
    Case(
        name="backfill by another column",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a int, b int NOT NULL UNIQUE);\n",
        rows="INSERT INTO t VALUES (1,1),(2,2)",
        exit=2,
        classes="O",
        insert="INSERT INTO t VALUES (3,3,3)",
        backfills={"t.b": "id * 10"},
    ),
    Case(
        name="backfill of renamed required column",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, b int NOT NULL DEFAULT 5);\n",
        rows="INSERT INTO t VALUES (1,NULL),(2,2)",
        exit=2,
        classes="COS",
        renames=(moved("t", "b", "a"),),
        backfills={"t.b": "0"},
        lost=("t.a", "t.b"),
    ),
    Case(
        name="composite first pk",
        before="CREATE TABLE t (a int, b int);\n",
        after="CREATE TABLE t (a int, b int, PRIMARY KEY (b, a));\n",
        rows="INSERT INTO t VALUES (1,1)",
        exit=2,
        classes="O",
    ),
    Case(
        name="unique moved to pk and back",
        before="""CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE NOT NULL);
CREATE TABLE c (u int REFERENCES t (u));
""",
        after="""CREATE TABLE t (id int UNIQUE, u int PRIMARY KEY);
CREATE TABLE c (u int REFERENCES t);
""",
        rows="INSERT INTO t VALUES (1,2); INSERT INTO c VALUES (2)",
        exit=3,
        classes="COS",
    ),
    Case(
        name="fk target from pk to unique",
        before="""CREATE TABLE t (id int PRIMARY KEY, u int NOT NULL UNIQUE);
CREATE TABLE c (id int PRIMARY KEY, x int REFERENCES t);
""",
        after="""CREATE TABLE t (id int PRIMARY KEY, u int NOT NULL UNIQUE);
CREATE TABLE c (id int PRIMARY KEY, x int REFERENCES t (u));
""",
        rows="INSERT INTO t VALUES (1,1); INSERT INTO c VALUES (1,1)",
        exit=2,
        classes="O",
    ),
    Case(
        name="fk between schemas retargeted",
        before="""CREATE SCHEMA a;
CREATE SCHEMA b;
CREATE TABLE a.p (id int PRIMARY KEY);
CREATE TABLE b.p (id int PRIMARY KEY);
CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES a.p);
""",
        after="""CREATE SCHEMA a;
CREATE SCHEMA b;
CREATE TABLE a.p (id int PRIMARY KEY);
CREATE TABLE b.p (id int PRIMARY KEY);
CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES b.p);
""",
        rows="""INSERT INTO a.p VALUES (1); INSERT INTO b.p VALUES (1);
    INSERT INTO c VALUES (1,1)""",
        exit=2,
        classes="O",
    ),
    Case(
        name="table to other schema (undeclared)",
        before="""CREATE SCHEMA a;
CREATE TABLE t (id int PRIMARY KEY);
""",
        after="""CREATE SCHEMA a;
CREATE TABLE a.t (id int PRIMARY KEY);
""",
        rows="INSERT INTO t VALUES (1)",
        exit=3,
        classes="DS",
        lost=("t", "t.id"),
    ),
    Case(
        name="composite attribute type changed in use",
        before="""CREATE TYPE ad AS (street text, no int);
CREATE TABLE t (id int PRIMARY KEY, a ad);
""",
        after="""CREATE TYPE ad AS (street text, no bigint);
CREATE TABLE t (id int PRIMARY KEY, a ad);
""",
        rows="INSERT INTO t VALUES (1,ROW('x',1))",
        exit=2,
        classes="W",
    ),
    Case(
        name="composite attribute type changed not in use",
        before="""CREATE TYPE ad AS (street text, no int);
CREATE TABLE t (id int PRIMARY KEY, a int);
""",
        after="""CREATE TYPE ad AS (street text, no bigint);
CREATE TABLE t (id int PRIMARY KEY, a int);
""",
        rows="INSERT INTO t VALUES (1,1)",
        exit=2,
        classes="S",
    ),
    Case(
        name="composite attribute renamed-ish",
        before="""CREATE TYPE ad AS (street text, no int);
CREATE TABLE t (id int PRIMARY KEY, a ad);
""",
        after="""CREATE TYPE ad AS (road text, no int);
CREATE TABLE t (id int PRIMARY KEY, a ad);
""",
        rows="INSERT INTO t VALUES (1,ROW('x',1))",
        exit=3,
        classes="DS",
        lost=("t.a",),
    ),
    Case(
        name="uuid default from text default",
        before="CREATE TABLE t (id text PRIMARY KEY DEFAULT gen_random_uuid(), a int);\n",
        after="CREATE TABLE t (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), a int);\n",
        rows="INSERT INTO t (a) VALUES (1)",
        exit=3,
        classes="D",
        casts={"t.id": "id::uuid"},
    ),
    Case(
        name="text to bool by cast with default",
        before="CREATE TABLE t (id int PRIMARY KEY, a text DEFAULT 'no' NOT NULL);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a boolean DEFAULT false NOT NULL);\n",
        rows="INSERT INTO t VALUES (1,'yes')",
        exit=3,
        classes="D",
        casts={"t.a": "a = 'yes'"},
        lost=("t.a",),
    ),
    Case(
        name="text to timestamptz no cast",
        before='CREATE TABLE t (id int PRIMARY KEY, "createdAt" text);\n',
        after='CREATE TABLE t (id int PRIMARY KEY, "createdAt" timestamptz);\n',
        rows="INSERT INTO t VALUES (1,'2020-01-01')",
        exit=4,
        classes="X",
        blocked=("cast",),
    ),
    Case(
        name="money char xml types",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="""CREATE TABLE t (id int PRIMARY KEY, a int, b money DEFAULT 1,
    c "char" DEFAULT 'x', d name, e tsvector, f int8range, g bit varying, h point,
    i timestamptz[] NOT NULL DEFAULT '{}');
""",
        rows="INSERT INTO t VALUES (1,1)",
        exit=2,
        classes="S",
    ),
    Case(
        name="generated tsvector",
        before="CREATE TABLE t (id int PRIMARY KEY, a text);\n",
        after="""CREATE TABLE t (id int PRIMARY KEY, a text,
    v tsvector GENERATED ALWAYS AS (to_tsvector('english', coalesce(a, ''))) STORED);
CREATE INDEX vi ON t USING gin (v);
""",
        rows="INSERT INTO t VALUES (1,'a')",
        exit=2,
        classes="OW",
    ),
    Case(
        name="array dims and element change",
        before="CREATE TABLE t (id int PRIMARY KEY, a varchar(5)[]);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a text[] NOT NULL DEFAULT '{}');\n",
        rows="INSERT INTO t VALUES (1,'{a}')",
        exit=2,
        classes="OW",
    ),
    Case(
        name="numeric scale up under generated and check",
        before="""CREATE TABLE t (id int PRIMARY KEY, a numeric(8,2) CHECK (a > 0),
    g numeric(9,2) GENERATED ALWAYS AS (a * 2) STORED);
""",
        after="""CREATE TABLE t (id int PRIMARY KEY, a numeric(10,4) CHECK (a > 0),
    g numeric(12,4) GENERATED ALWAYS AS (a * 2) STORED);
""",
        rows="INSERT INTO t VALUES (1,1.5)",
        exit=2,
        classes="W",
        lost=("t.a", "t.g"),
    ),
    Case(
        name="enum to other enum by cast",
        before="""CREATE TYPE a AS ENUM ('x','y');
CREATE TABLE t (id int PRIMARY KEY, s a DEFAULT 'x');
""",
        after="""CREATE TYPE b AS ENUM ('y','x','z');
CREATE TABLE t (id int PRIMARY KEY, s b DEFAULT 'z');
""",
        rows="INSERT INTO t VALUES (1,'x')",
        exit=3,
        classes="DS",
        casts={"t.s": "s::text::b"},
    ),
    Case(
        name="enum in other schema same name",
        before="""CREATE SCHEMA o;
CREATE TYPE e AS ENUM ('a');
CREATE TYPE o.e AS ENUM ('a');
CREATE TABLE t (id int PRIMARY KEY, x e, y o.e);
""",
        after="""CREATE SCHEMA o;
CREATE TYPE e AS ENUM ('a','b');
CREATE TYPE o.e AS ENUM ('c','a');
CREATE TABLE t (id int PRIMARY KEY, x e DEFAULT 'b', y o.e DEFAULT 'c');
""",
        rows="INSERT INTO t VALUES (1,'a','a')",
        exit=2,
        classes="S",
    ),
    Case(
        name="Mixed case enum and table",
        before="""CREATE TYPE "UserRole" AS ENUM ('ADMIN','user');
CREATE TABLE "User" (id serial PRIMARY KEY, "role" "UserRole" NOT NULL DEFAULT 'user',
    "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE UNIQUE INDEX "User_role_key" ON "User" ("role");
""",
        after="""CREATE TYPE "UserRole" AS ENUM ('ADMIN','GUEST');
CREATE TABLE "User" (id bigserial PRIMARY KEY, "role" "UserRole" NOT NULL DEFAULT 'GUEST',
    "createdAt" timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE INDEX "User_role_idx" ON "User" ("role");
""",
        rows="INSERT INTO \"User\" (role) VALUES ('ADMIN')",
        exit=3,
        classes="CDOSW",
        insert='INSERT INTO "User" DEFAULT VALUES',
    ),
    Case(
        name="column order differs only",
        before="CREATE TABLE t (id int PRIMARY KEY, a int, b int);\n",
        after="CREATE TABLE t (b int, a int, id int PRIMARY KEY);\n",
        rows="INSERT INTO t VALUES (1,1,1)",
        exit=0,
        classes="",
    ),
    Case(
        name="drop two columns sharing a check and pk part",
        before="CREATE TABLE t (id int, a int, b int, PRIMARY KEY (id, a), CHECK (a < b));\n",
        after="CREATE TABLE t (id int PRIMARY KEY);\n",
        rows="INSERT INTO t VALUES (1,1,2)",
        exit=3,
        classes="CD",
        lost=("t.a", "t.b"),
    ),
    Case(
        name="table dropped and another made with its name as column",
        before="""CREATE TABLE tags (id int PRIMARY KEY);
CREATE TABLE t (id int PRIMARY KEY, tag int REFERENCES tags);
""",
        after="CREATE TABLE t (id int PRIMARY KEY, tag int, tags text[]);\n",
        rows="INSERT INTO tags VALUES (1); INSERT INTO t VALUES (1,1)",
        exit=3,
        classes="CDS",
        lost=("tags", "tags.id"),
    ),
    Case(
        name="index name moves to another table",
        before="""CREATE TABLE t (id int PRIMARY KEY, a int);
CREATE TABLE u (id int PRIMARY KEY, a int);
CREATE INDEX i ON t (a);
""",
        after="""CREATE TABLE t (id int PRIMARY KEY, a int);
CREATE TABLE u (id int PRIMARY KEY, a int);
CREATE INDEX i ON u (a);
""",
        rows="INSERT INTO t VALUES (1,1); INSERT INTO u VALUES (1,1)",
        exit=2,
        classes="O",
    ),
    Case(
        name="index and constraint names swapped",
        before="""CREATE TABLE t (id int PRIMARY KEY, a int, b int, CONSTRAINT x UNIQUE (a));
CREATE INDEX y ON t (b);
""",
        after="""CREATE TABLE t (id int PRIMARY KEY, a int, b int, CONSTRAINT y UNIQUE (a));
CREATE INDEX x ON t (b);
""",
        rows="INSERT INTO t VALUES (1,1,1)",
        exit=2,
        classes="S",
    ),
    Case(
        name="unique names swapped",
        before="""CREATE TABLE t (id int PRIMARY KEY, a int, b int, CONSTRAINT x UNIQUE (a),
    CONSTRAINT y UNIQUE (b));
""",
        after="""CREATE TABLE t (id int PRIMARY KEY, a int, b int, CONSTRAINT y UNIQUE (a),
    CONSTRAINT x UNIQUE (b));
""",
        rows="INSERT INTO t VALUES (1,1,1)",
        exit=2,
        classes="O",
    ),
    Case(
        name="check names swapped",
        before="""CREATE TABLE t (id int PRIMARY KEY, a int, CONSTRAINT x CHECK (a > 0),
    CONSTRAINT y CHECK (a < 9));
""",
        after="""CREATE TABLE t (id int PRIMARY KEY, a int, CONSTRAINT y CHECK (a > 0),
    CONSTRAINT x CHECK (a < 9));
""",
        rows="INSERT INTO t VALUES (1,1)",
        exit=2,
        classes="O",
    ),
    Case(
        name="check name moves to new table",
        before="CREATE TABLE t (id int PRIMARY KEY, a int CONSTRAINT c CHECK (a > 0));\n",
        after="""CREATE TABLE t (id int PRIMARY KEY, a int);
CREATE TABLE u (a int CONSTRAINT c CHECK (a > 0));
""",
        rows="INSERT INTO t VALUES (1,1)",
        exit=3,
        classes="CS",
    ),
    Case(
        name="sequence default shared",
        before="""CREATE SEQUENCE s;
CREATE TABLE t (id int PRIMARY KEY DEFAULT nextval('s'), a int);
CREATE TABLE u (id int PRIMARY KEY DEFAULT nextval('s'));
""",
        after="""CREATE SEQUENCE s INCREMENT 10;
CREATE TABLE t (id bigint PRIMARY KEY DEFAULT nextval('s'), a int);
CREATE TABLE u (id serial PRIMARY KEY);
""",
        rows="INSERT INTO t (a) VALUES (1); INSERT INTO u DEFAULT VALUES",
        exit=2,
        classes="SW",
        insert="INSERT INTO t (a) VALUES (2); INSERT INTO u DEFAULT VALUES",
    ),
    Case(
        name="serial sequence renamed with table",
        before="CREATE TABLE old (id serial PRIMARY KEY, a int);\n",
        after="CREATE TABLE new (id serial PRIMARY KEY, a int);\n",
        rows="INSERT INTO old (a) VALUES (1),(2)",
        exit=2,
        classes="CS",
        renames=(moved("old", "new"),),
        insert="INSERT INTO new (a) VALUES (3)",
    ),
    Case(
        name="identity table renamed and bigint",
        before="CREATE TABLE old (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int);\n",
        after="CREATE TABLE new (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int);\n",
        rows="INSERT INTO old (a) VALUES (1),(2)",
        exit=2,
        classes="CSW",
        renames=(moved("old", "new"),),
        insert="INSERT INTO new (a) VALUES (3)",
    ),
    Case(
        name="rename column to a keyword and back case",
        before='CREATE TABLE t (id int PRIMARY KEY, "Order" int UNIQUE);\n',
        after='CREATE TABLE t (id int PRIMARY KEY, "order" int UNIQUE);\n',
        rows="INSERT INTO t VALUES (1,1)",
        exit=2,
        classes="CS",
        renames=(moved("t", "order", "Order"),),
    ),
    Case(
        name="partition by hand child of declared? parent foreign",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a bigint);\n",
        rows="""INSERT INTO t VALUES (1,1); CREATE TABLE part (id int,
    d date) PARTITION BY RANGE (d);
    CREATE TABLE part1 PARTITION OF part FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')""",
        exit=2,
        classes="W",
    ),
    Case(
        name="matview and function by hand",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="""CREATE TABLE t (id int PRIMARY KEY, a int, b text);
CREATE INDEX i ON t (b);
""",
        rows="""INSERT INTO t VALUES (1,1);
    CREATE MATERIALIZED VIEW mv AS SELECT count(*) FROM t;
    CREATE FUNCTION ff() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM t; END""",
        exit=2,
        classes="OS",
    ),
    Case(
        name="rls on and replica identity kept",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a bigint NOT NULL);\n",
        rows="""INSERT INTO t VALUES (1,1); ALTER TABLE t ENABLE ROW LEVEL SECURITY;
    ALTER TABLE t REPLICA IDENTITY FULL; GRANT SELECT ON t TO PUBLIC""",
        exit=2,
        classes="OW",
    ),
    Case(
        name="replica identity using index, unique changed",
        before="CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL UNIQUE, b int);\n",
        after="""CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL,
    UNIQUE (a, b));
""",
        rows="""INSERT INTO t VALUES (1,1,1);
    ALTER TABLE t REPLICA IDENTITY USING INDEX t_a_key""",
        exit=2,
        classes="O",
    ),
    Case(
        name="storage param and comment on everything",
        before="""CREATE TYPE e AS ENUM ('a');
CREATE TABLE t (id int PRIMARY KEY, a e);
CREATE INDEX i ON t (a);
""",
        after="""CREATE TYPE e AS ENUM ('a');
COMMENT ON TYPE e IS 'e';
CREATE TABLE t (id int PRIMARY KEY, a e) WITH (fillfactor=80, autovacuum_enabled=false);
CREATE INDEX i ON t (a);
COMMENT ON INDEX i IS 'i';
COMMENT ON CONSTRAINT t_pkey ON t IS 'k';
COMMENT ON COLUMN t.a IS 'c';
""",
        rows="INSERT INTO t VALUES (1,'a')",
        exit=2,
        classes="S",
    ),
    Case(
        name="without overlaps key",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="""CREATE TABLE t (id int PRIMARY KEY, a int);
CREATE TABLE w (id int4range, v tstzrange, PRIMARY KEY (id, v WITHOUT OVERLAPS));
""",
        rows="INSERT INTO t VALUES (1,1)",
        exit=2,
        classes="S",
        min_version=18,
    ),
    Case(
        name="virtual generated changed",
        before="""CREATE TABLE t (id int PRIMARY KEY, a int,
    g int GENERATED ALWAYS AS (a + 1) VIRTUAL);
""",
        after="""CREATE TABLE t (id int PRIMARY KEY, a bigint,
    g bigint GENERATED ALWAYS AS (a + 2) VIRTUAL);
""",
        rows="INSERT INTO t VALUES (1,1)",
        exit=2,
        classes="W",
        lost=("t.g",),
        min_version=18,
    ),
    Case(
        name="not enforced check",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="""CREATE TABLE t (id int PRIMARY KEY, a int,
    CONSTRAINT c CHECK (a > 5) NOT ENFORCED);
""",
        rows="INSERT INTO t VALUES (1,1)",
        exit=2,
        classes="O",
        min_version=18,
    ),
    Case(
        name="named not null",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a int CONSTRAINT must NOT NULL);\n",
        rows="INSERT INTO t VALUES (1,1)",
        exit=2,
        classes="O",
        min_version=18,
    ),
    Case(
        name="not null no inherit",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL NO INHERIT);\n",
        rows="INSERT INTO t VALUES (1,1)",
        exit=2,
        classes="O",
        min_version=18,
    ),
    Case(
        name="multi unique over nulls and case",
        before='CREATE TABLE t (id int PRIMARY KEY, "A" int, b int);\n',
        after="""CREATE TABLE t (id int PRIMARY KEY, "A" int, b int, UNIQUE ("A", b),
    UNIQUE NULLS NOT DISTINCT (b));
""",
        rows="INSERT INTO t VALUES (1,1,NULL),(2,1,2)",
        exit=2,
        classes="O",
    ),
    Case(
        name="collation column index",
        before="""CREATE TABLE t (id int PRIMARY KEY, a text UNIQUE);
CREATE INDEX i ON t (a DESC);
""",
        after="""CREATE TABLE t (id int PRIMARY KEY, a varchar(99) COLLATE "C" UNIQUE);
CREATE INDEX i ON t (a COLLATE "POSIX" DESC);
""",
        rows="INSERT INTO t VALUES (1,'x')",
        exit=3,
        classes="DO",
    ),
    Case(
        name="nondeterministic default jsonb to json",
        before="CREATE TABLE t (id int PRIMARY KEY, a jsonb DEFAULT '{}');\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a json DEFAULT '{}');\n",
        rows="INSERT INTO t VALUES (1,'{\"b\": 1}')",
        exit=2,
        classes="W",
        lost=("t.a",),
    ),
]

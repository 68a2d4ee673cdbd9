"""Changes that meet each other, and definitions that must not be taken for changes."""

from appdb.plan.policy import Rename
from support.releases import Case

INSERT = "INSERT INTO t (id) VALUES (9)"
T = "CREATE TABLE t (id int PRIMARY KEY, a int, b int{});\n"
ROWS = "INSERT INTO t VALUES (1, 10, 1), (2, 20, 2)"


def same(name: str, ddl: str, rows: str = "", **more: object) -> Case:
    """A case in which nothing changes."""
    return Case(**{"name": name, "before": ddl, "after": ddl, "rows": rows, "exit": 0, **more})


CASES = [
    same(
        "defaults of every kind are no change",
        """CREATE TABLE t (id int PRIMARY KEY, a int DEFAULT -1, b numeric(8,2) DEFAULT '0.50',
    c text DEFAULT 'it''s "quoted" \\ and \n lines', d text[] DEFAULT '{a,"b c"}',
    e interval DEFAULT '1 day 02:00', f date DEFAULT CURRENT_DATE, g jsonb DEFAULT '{"a": [1]}',
    h timestamptz DEFAULT CURRENT_TIMESTAMP, i boolean DEFAULT 'yes', j bytea DEFAULT '\\xff',
    k json DEFAULT '{}', l time DEFAULT '12:00', m text DEFAULT NULL, n varchar(5) DEFAULT 'x',
    o double precision DEFAULT 1e10, p uuid DEFAULT gen_random_uuid());
""",
        INSERT,
    ),
    same(
        "checks of every kind are no change",
        """CREATE TABLE t (id int PRIMARY KEY, a varchar(9) CHECK (a IN ('x', 'y')),
    b int CHECK (b BETWEEN 1 AND 5), c text CHECK (c ~ '^[a-z]+$' AND length(c) < 9),
    d date CHECK (d > '2020-01-01'), e text CHECK (e IS NOT DISTINCT FROM upper(e)),
    f int[] CHECK (cardinality(f) > 0), g numeric CHECK (g >= 0 OR g IS NULL),
    CHECK (a <> c), CONSTRAINT named CHECK (NOT (b = 3)) NO INHERIT);
""",
        INSERT,
    ),
    same(
        "indexes of every kind are no change",
        """CREATE TABLE t (id int PRIMARY KEY, a text, b int, c jsonb, d int4range, e text[]);
CREATE INDEX i1 ON t (lower(a), b DESC NULLS LAST);
CREATE INDEX i2 ON t USING gin (c jsonb_path_ops);
CREATE INDEX i3 ON t USING gist (d);
CREATE INDEX i4 ON t USING brin (b) WITH (pages_per_range = 8);
CREATE UNIQUE INDEX i5 ON t (b) NULLS NOT DISTINCT WHERE a IS NOT NULL;
CREATE INDEX i6 ON t ((c ->> 'x'), (b % 7)) INCLUDE (a);
CREATE INDEX i7 ON t (a text_pattern_ops, a COLLATE "C");
CREATE INDEX i8 ON t USING hash (a);
CREATE INDEX i9 ON t USING gin (e);
""",
        INSERT,
    ),
    same(
        "types and counters of every kind are no change",
        """CREATE TYPE st AS ENUM ('a', 'b c', 'it''s');
CREATE DOMAIN pos AS int DEFAULT 1 CHECK (VALUE > 0);
CREATE DOMAIN email AS text COLLATE "C" NOT NULL DEFAULT '' CHECK (VALUE ~ '@' OR VALUE = '');
CREATE TYPE ad AS (street text, no int);
CREATE SEQUENCE q AS smallint START 5 INCREMENT -1 MINVALUE -9 MAXVALUE 9 CYCLE;
CREATE TABLE t (id bigserial PRIMARY KEY, a st DEFAULT 'b c', b st[], c pos, d email, e ad,
    f int DEFAULT nextval('q'), g smallserial, h int GENERATED ALWAYS AS IDENTITY (START 7 CACHE 3),
    i int GENERATED ALWAYS AS (1 + 1) STORED, j bit(3), k char(2), l timestamptz(3), m interval,
    n numeric, o text COLLATE "C") WITH (fillfactor = 80);
""",
        "INSERT INTO t (a) VALUES ('a')",
    ),
    same(
        "keys of every kind are no change",
        """CREATE TABLE p (a int, b int, c int UNIQUE, PRIMARY KEY (a, b));
CREATE TABLE t (id int PRIMARY KEY, a int, b int, c int REFERENCES p (c) ON UPDATE CASCADE,
    FOREIGN KEY (a, b) REFERENCES p MATCH FULL ON DELETE SET NULL (a) DEFERRABLE INITIALLY DEFERRED,
    UNIQUE (a, b) INCLUDE (c), UNIQUE NULLS NOT DISTINCT (b), UNIQUE (c) DEFERRABLE,
    EXCLUDE USING btree (a WITH =) WHERE (b > 0));
""".replace("MATCH FULL ", ""),
        INSERT,
    ),
    Case(
        name="type, default and NOT NULL change at once",
        before=T.format(""),
        after="CREATE TABLE t (id int PRIMARY KEY, a bigint NOT NULL DEFAULT 5, b int);\n",
        rows=ROWS,
        classes="OW",
        insert=INSERT,
    ),
    Case(
        name="column of a two-column rule dropped",
        before=T.format(", CHECK (a > b), UNIQUE (a, b)") + "CREATE INDEX i ON t (b, a);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        rows=ROWS,
        exit=3,
        classes="D",
        lost=("t.b",),
        insert=INSERT,
    ),
    Case(
        name="column of a unique dropped, the rest stays unique",
        before=T.format(", UNIQUE (a, b)"),
        after="CREATE TABLE t (id int PRIMARY KEY, a int UNIQUE);\n",
        rows=ROWS,
        exit=3,
        lost=("t.b",),
        insert=INSERT,
    ),
    Case(
        name="columns of a unique in another order",
        before=T.format(", UNIQUE (a, b)"),
        after=T.format(", UNIQUE (b, a)"),
        rows=ROWS,
        classes="O",
        insert=INSERT,
    ),
    Case(
        name="primary key where a unique was",
        before="CREATE TABLE t (id int NOT NULL UNIQUE, a int);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        rows="INSERT INTO t VALUES (1, 1)",
        exit=3,
        insert=INSERT,
    ),
    Case(
        name="primary key where a unique index was",
        before="CREATE TABLE t (id int NOT NULL, a int);\nCREATE UNIQUE INDEX t_pkey ON t (id);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        rows="INSERT INTO t VALUES (1, 1)",
        insert=INSERT,
    ),
    Case(
        name="tables swap names",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n"
        "CREATE TABLE u (id int PRIMARY KEY, b text);\n",
        after="CREATE TABLE u (id int PRIMARY KEY, a int);\n"
        "CREATE TABLE t (id int PRIMARY KEY, b text);\n",
        rows="INSERT INTO t VALUES (1, 1); INSERT INTO u VALUES (1, 'x')",
        renames=(Rename(table="t", to="u"), Rename(table="u", to="t")),
        lost=("t", "u"),
        insert="INSERT INTO u (id, a) VALUES (9, 9)",
    ),
    Case(
        name="table renamed, a column dropped, another table points at it",
        before="CREATE TABLE users (id serial PRIMARY KEY, a int, old text);\n"
        "CREATE TABLE t (id int PRIMARY KEY, u int);\n",
        after="CREATE TABLE people (id serial PRIMARY KEY, a int);\n"
        "CREATE TABLE t (id int PRIMARY KEY, u int REFERENCES people);\n",
        rows="INSERT INTO users (a) VALUES (1); INSERT INTO t VALUES (1, 1)",
        renames=(Rename(table="users", to="people"),),
        exit=3,
        lost=("users.old",),
        insert="INSERT INTO t VALUES (9, 1)",
    ),
    Case(
        name="renamed column under expressions, predicates and a computed column",
        before="CREATE TABLE t (id int PRIMARY KEY, a text, n int CHECK (n > 0 AND length(a) < 9),"
        " c int GENERATED ALWAYS AS (n * 2) STORED);\n"
        "CREATE INDEX i ON t (lower(a)) WHERE n > 1;\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a text, m int CHECK (m > 0 AND length(a) < 9),"
        " c int GENERATED ALWAYS AS (m * 2) STORED);\n"
        "CREATE INDEX i ON t (lower(a)) WHERE m > 1;\n",
        rows="INSERT INTO t (id, a, n) VALUES (1, 'x', 5)",
        renames=(Rename(table="t", column="n", to="m"),),
        insert=INSERT,
    ),
    Case(
        name="table that refers to itself dropped",
        before=T.format("") + "CREATE TABLE u (id int PRIMARY KEY, up int REFERENCES u);\n",
        after=T.format(""),
        rows="INSERT INTO u VALUES (1, NULL), (2, 1)",
        exit=3,
        classes="D",
        lost=("u",),
        insert=INSERT,
    ),
    Case(
        name="key made wider under a foreign key that follows",
        before="CREATE TABLE p (id int PRIMARY KEY);\n"
        "CREATE TABLE t (id int PRIMARY KEY, p_id smallint REFERENCES p);\n",
        after="CREATE TABLE p (id bigint PRIMARY KEY);\n"
        "CREATE TABLE t (id int PRIMARY KEY, p_id bigint REFERENCES p ON DELETE CASCADE);\n",
        rows="INSERT INTO p VALUES (1); INSERT INTO t VALUES (1, 1)",
        insert=INSERT,
    ),
    Case(
        name="new table, new enum and a column that points there",
        before=T.format(""),
        after="CREATE TYPE st AS ENUM ('x');\n"
        "CREATE TABLE p (id serial PRIMARY KEY, s st NOT NULL DEFAULT 'x');\n"
        + T.format(", p_id int REFERENCES p, s st[] DEFAULT '{x}'"),
        rows=ROWS,
        classes="OS",
        insert=INSERT,
    ),
    Case(
        name="computed column that reads a new column",
        before=T.format(""),
        after=T.format(", c int DEFAULT 3, d int GENERATED ALWAYS AS (c + a) STORED"),
        rows=ROWS,
        classes="SW",
        insert=INSERT,
    ),
    Case(
        name="unique and foreign key over a backfilled column",
        before="CREATE TABLE p (id int PRIMARY KEY);\n" + T.format(""),
        after="CREATE TABLE p (id int PRIMARY KEY);\n"
        + T.format(", c int NOT NULL UNIQUE REFERENCES p"),
        rows="INSERT INTO p VALUES (10), (20); " + ROWS,
        backfills={"t.c": "a"},
        classes="O",
        insert="INSERT INTO p VALUES (30); INSERT INTO t (id, c) VALUES (9, 30)",
    ),
    Case(
        name="a backfill that breaks a new unique is blocked",
        before=T.format(""),
        after=T.format(", c int NOT NULL UNIQUE"),
        rows=ROWS,
        backfills={"t.c": "7"},
        exit=4,
        left=4,
        insert=INSERT,
    ),
    Case(
        name="sequence handed to a column",
        before="CREATE SEQUENCE q;\n" + T.format(""),
        after="CREATE SEQUENCE q;\n"
        "CREATE TABLE t (id int PRIMARY KEY, a int DEFAULT nextval('q'), b int);\n"
        "ALTER SEQUENCE q OWNED BY t.a;\n",
        rows=ROWS,
        classes="S",
        insert=INSERT,
    ),
    Case(
        name="schema-qualified everything",
        before="CREATE SCHEMA s;\nCREATE TYPE s.k AS ENUM ('a', 'b');\n"
        "CREATE TABLE s.t (id serial PRIMARY KEY, k s.k DEFAULT 'a', n int);\n",
        after="CREATE SCHEMA s;\nCREATE TYPE s.k AS ENUM ('a', 'b', 'c');\n"
        "CREATE TABLE s.t (id bigserial PRIMARY KEY, k s.k NOT NULL DEFAULT 'c', n int UNIQUE);\n"
        "CREATE INDEX t_k_idx ON s.t (k);\n",
        rows="INSERT INTO s.t (n) VALUES (1), (2)",
        insert="INSERT INTO s.t (n) VALUES (9)",
    ),
]

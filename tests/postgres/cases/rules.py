"""Constraints and indexes that come, go, change, and get other names."""

from support.releases import Case

T = "CREATE TABLE t (id int PRIMARY KEY, a int, b int, c text{});\n"
P = "CREATE TABLE p (id int PRIMARY KEY, k int UNIQUE);\n"
ROWS = "INSERT INTO t VALUES (1, 10, 1, 'x'), (2, 20, 1, 'y'), (3, 30, 2, 'z')"
P_ROWS = "INSERT INTO p VALUES (10, 10), (20, 20), (30, 30); " + ROWS
INSERT = "INSERT INTO t (id) VALUES (9)"


def change(name: str, before: str, after: str, **more: object) -> Case:
    """A case about rules of table t."""
    return Case(
        **{
            "name": name,
            "before": T.format(before),
            "after": T.format(after),
            "rows": ROWS,
            "insert": INSERT,
            **more,
        }
    )


def index(name: str, before: str, after: str, **more: object) -> Case:
    """A case about indexes of table t."""
    return Case(
        **{
            "name": name,
            "before": T.format("") + before,
            "after": T.format("") + after,
            "rows": ROWS,
            "insert": INSERT,
            **more,
        }
    )


def reference(name: str, before: str, after: str, **more: object) -> Case:
    """A case about foreign keys of table t."""
    return Case(
        **{
            "name": name,
            "before": P + T.format(before),
            "after": P + T.format(after),
            "rows": P_ROWS,
            "insert": INSERT,
            **more,
        }
    )


FK = ", FOREIGN KEY (a) REFERENCES p"

CASES = [
    change("check added", "", ", CHECK (a > 0)", classes="O"),
    change("check dropped", ", CHECK (a > 0)", "", exit=3, classes="C"),
    change("check text changed", ", CHECK (a > 0)", ", CHECK (a > 1)", classes="O"),
    change(
        "check changed under another name",
        ", CONSTRAINT one CHECK (a > 0)",
        ", CONSTRAINT two CHECK (a > 1)",
        classes="O",
    ),
    change(
        "check renamed",
        ", CONSTRAINT one CHECK (a > 0)",
        ", CONSTRAINT two CHECK (a > 0)",
        classes="S",
    ),
    change("check over several columns added", "", ", CHECK (a > b)", classes="O"),
    change("check that rows break is blocked", "", ", CHECK (a > 10)", exit=4, blocked=("check",)),
    change(
        "changed check that rows break is blocked",
        ", CHECK (a > 0)",
        ", CHECK (a > 10)",
        exit=4,
        blocked=("check",),
    ),
    change("unique added", "", ", UNIQUE (a)", classes="O"),
    change("unique over two columns added", "", ", UNIQUE (a, b)", classes="O"),
    change("unique that rows break is blocked", "", ", UNIQUE (b)", exit=4, blocked=("unique",)),
    change("unique dropped", ", UNIQUE (a)", "", exit=3, classes="C"),
    change("unique widened", ", UNIQUE (a)", ", UNIQUE (a, b)", classes="O"),
    change(
        "unique changed under its name",
        ", CONSTRAINT u UNIQUE (a)",
        ", CONSTRAINT u UNIQUE (c)",
        classes="O",
    ),
    change(
        "unique renamed",
        ", CONSTRAINT u UNIQUE (a)",
        ", CONSTRAINT v UNIQUE (a)",
        classes="S",
    ),
    change("unique made deferrable", ", UNIQUE (a)", ", UNIQUE (a) DEFERRABLE", classes="O"),
    change(
        "unique made initially deferred",
        ", UNIQUE (a)",
        ", UNIQUE (a) DEFERRABLE INITIALLY DEFERRED",
        classes="O",
    ),
    change(
        "unique made to treat NULLs alike",
        ", UNIQUE (a)",
        ", UNIQUE NULLS NOT DISTINCT (a)",
        classes="O",
    ),
    change("unique includes a column", ", UNIQUE (a)", ", UNIQUE (a) INCLUDE (b)", classes="O"),
    change("unique of another column", ", UNIQUE (a)", ", UNIQUE (c)", exit=3),
    Case(
        name="first primary key added",
        before="CREATE TABLE t (id int, a int);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        rows="INSERT INTO t VALUES (1, 1), (2, 2)",
        classes="O",
        insert="INSERT INTO t (id) VALUES (9)",
    ),
    Case(
        name="first primary key over repeats is blocked",
        before="CREATE TABLE t (id int NOT NULL, a int);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        rows="INSERT INTO t VALUES (1, 1), (1, 2)",
        exit=4,
        blocked=("unique",),
    ),
    Case(
        name="primary key changed",
        before="CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL);\n",
        after="CREATE TABLE t (id int, a int NOT NULL, PRIMARY KEY (id, a));\n",
        rows="INSERT INTO t VALUES (1, 1), (2, 2)",
        exit=3,
        classes="C",
        insert="INSERT INTO t VALUES (9, 9)",
    ),
    Case(
        name="primary key moved to another column",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id int, a int PRIMARY KEY);\n",
        rows="INSERT INTO t VALUES (1, 1), (2, 2)",
        exit=3,
        insert="INSERT INTO t (a) VALUES (9)",
    ),
    Case(
        name="primary key dropped",
        before="CREATE TABLE t (id int PRIMARY KEY, a int);\n",
        after="CREATE TABLE t (id int, a int);\n",
        rows="INSERT INTO t VALUES (1, 1), (2, 2)",
        exit=3,
        insert="INSERT INTO t (a) VALUES (9)",
    ),
    Case(
        name="primary key changed under a foreign key",
        before="CREATE TABLE p (id int PRIMARY KEY, k int NOT NULL UNIQUE);\n"
        "CREATE TABLE t (id int PRIMARY KEY, p_id int REFERENCES p (id));\n",
        after="CREATE TABLE p (id int NOT NULL UNIQUE, k int PRIMARY KEY);\n"
        "CREATE TABLE t (id int PRIMARY KEY, p_id int REFERENCES p (id));\n",
        rows="INSERT INTO p VALUES (1, 2); INSERT INTO t VALUES (1, 1)",
        exit=3,
        insert="INSERT INTO t (id, p_id) VALUES (9, 1)",
    ),
    reference("foreign key added", "", FK, classes="O"),
    reference(
        "foreign key over orphans is blocked",
        "",
        ", FOREIGN KEY (b) REFERENCES p",
        exit=4,
        blocked=("foreignKey",),
    ),
    reference("foreign key dropped", FK, "", exit=3, classes="C"),
    reference("foreign key action changed", FK, FK + " ON DELETE CASCADE", classes="O"),
    reference("foreign key update action changed", FK, FK + " ON UPDATE SET NULL", classes="O"),
    reference("foreign key retargeted", FK, FK + " (k)", classes="O"),
    reference(
        "foreign key made deferrable", FK, FK + " DEFERRABLE INITIALLY DEFERRED", classes="O"
    ),
    reference(
        "foreign key renamed",
        ", CONSTRAINT one FOREIGN KEY (a) REFERENCES p",
        ", CONSTRAINT two FOREIGN KEY (a) REFERENCES p",
        classes="S",
    ),
    Case(
        name="foreign key on itself added",
        before="CREATE TABLE t (id int PRIMARY KEY, up int);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, up int REFERENCES t);\n",
        rows="INSERT INTO t VALUES (1, NULL), (2, 1)",
        classes="O",
        insert="INSERT INTO t (id) VALUES (9)",
    ),
    Case(
        name="foreign key over two columns added",
        before="CREATE TABLE p (a int, b int, PRIMARY KEY (a, b));\n"
        "CREATE TABLE t (id int PRIMARY KEY, a int, b int);\n",
        after="CREATE TABLE p (a int, b int, PRIMARY KEY (a, b));\n"
        "CREATE TABLE t (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES p);\n",
        rows="INSERT INTO p VALUES (1, 2); INSERT INTO t VALUES (1, 1, 2), (2, NULL, 5)",
        classes="O",
        insert="INSERT INTO t (id) VALUES (9)",
    ),
    Case(
        name="exclusion added",
        before="CREATE TABLE t (id int PRIMARY KEY, during int4range);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, during int4range,"
        " EXCLUDE USING gist (during WITH &&));\n",
        rows="INSERT INTO t VALUES (1, '[1,5)'), (2, '[5,9)')",
        classes="W",
        insert="INSERT INTO t (id) VALUES (9)",
    ),
    Case(
        name="exclusion over overlaps is blocked",
        before="CREATE TABLE t (id int PRIMARY KEY, during int4range);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, during int4range,"
        " EXCLUDE USING gist (during WITH &&));\n",
        rows="INSERT INTO t VALUES (1, '[1,6)'), (2, '[5,9)')",
        exit=4,
        blocked=("exclusion",),
    ),
    Case(
        name="exclusion dropped",
        before="CREATE TABLE t (id int PRIMARY KEY, during int4range,"
        " EXCLUDE USING gist (during WITH &&));\n",
        after="CREATE TABLE t (id int PRIMARY KEY, during int4range);\n",
        rows="INSERT INTO t VALUES (1, '[1,5)'), (2, '[5,9)')",
        exit=3,
        classes="C",
        insert="INSERT INTO t (id) VALUES (9)",
    ),
    index("index added", "", "CREATE INDEX i ON t (a);\n", classes="O"),
    index("index dropped", "CREATE INDEX i ON t (a);\n", "", classes="O"),
    index(
        "index columns changed",
        "CREATE INDEX i ON t (a);\n",
        "CREATE INDEX i ON t (a, b);\n",
        classes="O",
    ),
    index("index renamed", "CREATE INDEX i ON t (a);\n", "CREATE INDEX j ON t (a);\n", classes="S"),
    index(
        "index sorted otherwise",
        "CREATE INDEX i ON t (a);\n",
        "CREATE INDEX i ON t (a DESC NULLS LAST);\n",
        classes="O",
    ),
    index(
        "index method changed",
        "CREATE INDEX i ON t (a);\n",
        "CREATE INDEX i ON t USING hash (a);\n",
        classes="O",
    ),
    index(
        "index operator class changed",
        "CREATE INDEX i ON t (c);\n",
        "CREATE INDEX i ON t (c text_pattern_ops);\n",
        classes="O",
    ),
    index(
        "index predicate changed",
        "CREATE INDEX i ON t (a) WHERE b > 1;\n",
        "CREATE INDEX i ON t (a) WHERE b > 2;\n",
        classes="O",
    ),
    index(
        "index includes a column",
        "CREATE INDEX i ON t (a);\n",
        "CREATE INDEX i ON t (a) INCLUDE (b);\n",
        classes="O",
    ),
    index(
        "index expression changed",
        "CREATE INDEX i ON t (lower(c));\n",
        "CREATE INDEX i ON t (upper(c));\n",
        classes="O",
    ),
    index(
        "index collation changed",
        "CREATE INDEX i ON t (c);\n",
        'CREATE INDEX i ON t (c COLLATE "C");\n',
        classes="O",
    ),
    index(
        "index fillfactor changed",
        "CREATE INDEX i ON t (a);\n",
        "CREATE INDEX i ON t (a) WITH (fillfactor = 70);\n",
        classes="O",
    ),
    index("unique index added", "", "CREATE UNIQUE INDEX i ON t (a);\n", classes="O"),
    index(
        "unique expression index over repeats is blocked",
        "",
        "CREATE UNIQUE INDEX i ON t (lower(c), (b % 1));\n",
        rows="INSERT INTO t VALUES (1, 1, 1, 'X'), (2, 2, 2, 'x')",
        exit=4,
        blocked=("unique",),
    ),
    index(
        "unique partial index over allowed repeats",
        "",
        "CREATE UNIQUE INDEX i ON t (b) WHERE a > 15;\n",
        classes="O",
    ),
    index(
        "unique partial index over repeats is blocked",
        "",
        "CREATE UNIQUE INDEX i ON t (b) WHERE a > 5;\n",
        exit=4,
        blocked=("unique",),
    ),
    index("unique index dropped", "CREATE UNIQUE INDEX i ON t (a);\n", "", exit=3, classes="C"),
    index(
        "unique index becomes plain",
        "CREATE UNIQUE INDEX i ON t (a);\n",
        "CREATE INDEX i ON t (a);\n",
        exit=3,
        classes="C",
    ),
    index(
        "plain index becomes unique",
        "CREATE INDEX i ON t (a);\n",
        "CREATE UNIQUE INDEX i ON t (a);\n",
        classes="O",
    ),
    Case(
        name="unique index becomes a constraint",
        before=T.format("") + "CREATE UNIQUE INDEX t_a_key ON t (a);\n",
        after=T.format(", UNIQUE (a)"),
        rows=ROWS,
        classes="O",
        insert=INSERT,
    ),
    Case(
        name="constraint becomes a unique index",
        before=T.format(", UNIQUE (a)"),
        after=T.format("") + "CREATE UNIQUE INDEX t_a_key ON t (a);\n",
        rows=ROWS,
        classes="O",
        insert=INSERT,
    ),
    Case(
        name="gin index added",
        before="CREATE TABLE t (id int PRIMARY KEY, a jsonb);\n",
        after="CREATE TABLE t (id int PRIMARY KEY, a jsonb);\nCREATE INDEX i ON t USING gin (a);\n",
        rows="INSERT INTO t VALUES (1, '{}')",
        classes="O",
        insert="INSERT INTO t (id) VALUES (9)",
    ),
    Case(
        name="comment on a constraint and an index",
        before=T.format(", CONSTRAINT k CHECK (a > 0)") + "CREATE INDEX i ON t (a);\n",
        after=T.format(", CONSTRAINT k CHECK (a > 1)")
        + "CREATE INDEX i ON t (b);\nCOMMENT ON CONSTRAINT k ON t IS 'k';\n"
        "COMMENT ON INDEX i IS 'i';\n",
        rows=ROWS,
        insert=INSERT,
    ),
]

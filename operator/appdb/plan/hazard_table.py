"""What every kind of change costs: the table of docs/migrations.md, as data.

Each row carries an example. A test plans and runs the example on every version of Postgres
and compares class, hazard, lock and rewrite with what the server itself does.
"""

from dataclasses import dataclass

from appdb.plan.hazards import Hazard, Lock, StepClass
from appdb.plan.policy import RenameMode

S, O, W = StepClass.SAFE, StepClass.ONLINE, StepClass.BLOCKS  # noqa: E741 - the classes' names
C, D = StepClass.COMPATIBILITY, StepClass.DESTROYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A kind of change of table `t`, which has rows and the columns `before`.

    `lock` is the strongest one taken on the table; `extra` is DDL that both releases share.
    `rename` is the mode in which `b` is declared to become `c`; where `begun`, that has
    begun before, and the row is about what is left.
    """

    change: str
    before: str
    after: str
    step_class: StepClass
    how: str
    lock: Lock = Lock.ACCESS_EXCLUSIVE
    hazard: Hazard | None = None
    rewrites: bool = False
    extra: str = ""
    before_extra: str = ""
    after_extra: str = ""
    cast: str | None = None
    rename: RenameMode | None = None
    begun: bool = False


def _row(
    change: str, before: str, after: str, step_class: StepClass, how: str, /, **more: object
) -> Row:
    return Row(
        change=change,
        before=before,
        after=after,
        step_class=step_class,
        how=how,
        **more,  # type: ignore[arg-type]  # checked by the dataclass's own names
    )


_ONLINE = "checked beside reads and writes"
_P = "CREATE TABLE p (id int PRIMARY KEY);\n"
_E = "CREATE TYPE st AS ENUM ({});\n"

ROWS: tuple[Row, ...] = (
    _row(
        "add a nullable column, or one with a constant or stable default",
        "",
        "b text",
        S,
        "at once; no row is written",
    ),
    _row(
        "add a column with a volatile default",
        "",
        "b uuid DEFAULT gen_random_uuid()",
        O,
        "added empty, default set, filled in batches",
    ),
    _row(
        "add a serial or identity column",
        "",
        "b int GENERATED ALWAYS AS IDENTITY",
        W,
        "every row is written again",
        rewrites=True,
    ),
    _row(
        "add a stored computed column",
        "",
        "b int GENERATED ALWAYS AS (a * 2) STORED",
        W,
        "every row is written again",
        rewrites=True,
    ),
    _row(
        "drop a column",
        "b text",
        "",
        D,
        "waits; made nullable until then",
        hazard=Hazard.DROP_COLUMN,
    ),
    _row(
        "declared rename of a table or column",
        "b text",
        "c text",
        C,
        "at once; pods that know only the old name fail",
        hazard=Hazard.RENAME,
        rename=RenameMode.DIRECT,
    ),
    _row(
        "declared rename of a column, mode Expand: both columns",
        "b text",
        "c text",
        O,
        "added empty with a trigger that keeps both in step, filled in batches",
        hazard=Hazard.RENAME,
        rename=RenameMode.EXPAND,
    ),
    _row(
        "declared rename of a column, mode Expand: the old column",
        "b text",
        "c text",
        D,
        "waits; goes with the trigger when no row has a value that the new one lacks",
        hazard=Hazard.DROP_COLUMN,
        rename=RenameMode.EXPAND,
        begun=True,
    ),
    _row("set or drop a default", "b int", "b int DEFAULT 3", S, "rows keep their values"),
    _row("make a column optional", "b int NOT NULL DEFAULT 1", "b int DEFAULT 1", S, "at once"),
    _row(
        "make a column required",
        "b int DEFAULT 1",
        "b int NOT NULL DEFAULT 1",
        O,
        f"an unchecked rule first, {_ONLINE}, then set without a scan",
    ),
    _row(
        "smallint to int to bigint, int to numeric, json to jsonb, ...",
        "b int",
        "b bigint",
        W,
        "every row is written again",
        rewrites=True,
    ),
    _row(
        "varchar longer or to text, numeric wider at the same scale",
        "b varchar(5)",
        "b text",
        S,
        "no row is written",
    ),
    _row(
        "bigint to int, varchar shorter, less precision",
        "b bigint",
        "b int",
        D,
        "blocked while a value does not fit; never by a cast that cuts",
        hazard=Hazard.NARROW,
        rewrites=True,
    ),
    _row(
        "types that Postgres does not convert by itself",
        "b text",
        "b int",
        D,
        "blocked until a cast is given; its loss needs an approval",
        hazard=Hazard.NARROW,
        rewrites=True,
        cast="b::int",
    ),
    _row(
        "timestamp to timestamptz",
        "b timestamp",
        "b timestamptz",
        C,
        "values are taken to be in UTC",
        hazard=Hazard.COMPATIBILITY,
    ),
    _row(
        "another collation",
        "b text",
        'b text COLLATE "C"',
        W,
        "indexes on the column are built again",
    ),
    _row(
        "another expression of a computed column",
        "b int GENERATED ALWAYS AS (a * 2) STORED",
        "b int GENERATED ALWAYS AS (a * 3) STORED",
        W,
        "dropped and added",
        rewrites=True,
    ),
    _row(
        "computed to plain",
        "b int GENERATED ALWAYS AS (a * 2) STORED",
        "b int",
        C,
        "the values stay",
        hazard=Hazard.COMPATIBILITY,
    ),
    _row(
        "serial to identity, plain to identity, identity mode",
        "b serial",
        "b int GENERATED BY DEFAULT AS IDENTITY",
        C,
        "counts on behind the greatest number",
        hazard=Hazard.COMPATIBILITY,
    ),
    _row("add a check", "", "CHECK (a > 0)", O, f"new rows at once, old ones {_ONLINE}"),
    _row(
        "drop a check, unique, key or exclusion",
        "CHECK (a > 0)",
        "",
        C,
        "waits",
        hazard=Hazard.DROP_CONSTRAINT,
    ),
    _row(
        "another check in the same place",
        "CHECK (a > 0)",
        "CHECK (a > 1)",
        O,
        "the new one is proved, then they swap",
    ),
    _row(
        "add a unique or a first primary key",
        "",
        "UNIQUE (a)",
        O,
        "index built concurrently, then made the rule",
    ),
    _row(
        "other columns of a unique",
        "UNIQUE (a)",
        "UNIQUE (a, id)",
        O,
        "index built concurrently, then they swap",
    ),
    _row(
        "add a foreign key",
        "",
        "FOREIGN KEY (a) REFERENCES p",
        O,
        f"new rows at once, old ones {_ONLINE}",
        extra=_P,
        lock=Lock.SHARE_ROW_EXCLUSIVE,
    ),
    _row(
        "another action or target of a foreign key",
        "FOREIGN KEY (a) REFERENCES p",
        "FOREIGN KEY (a) REFERENCES p ON DELETE CASCADE",
        O,
        "the new one is proved, then they swap",
        extra=_P,
    ),
    _row(
        "add an exclusion",
        "",
        "EXCLUDE USING gist (int4range(a, a + 1) WITH &&)",
        W,
        "built under the lock; there is no other way",
    ),
    _row(
        "add an index",
        "",
        "",
        O,
        "built concurrently",
        after_extra="CREATE INDEX i ON t (a);\n",
        lock=Lock.SHARE_UPDATE_EXCLUSIVE,
    ),
    _row(
        "drop an index",
        "",
        "",
        O,
        "dropped concurrently",
        before_extra="CREATE INDEX i ON t (a);\n",
        lock=Lock.SHARE_UPDATE_EXCLUSIVE,
    ),
    _row(
        "another definition of an index",
        "",
        "",
        O,
        "built concurrently, then they swap",
        before_extra="CREATE INDEX i ON t (a);\n",
        after_extra="CREATE INDEX i ON t (a, id);\n",
    ),
    _row(
        "drop a unique index",
        "",
        "",
        C,
        "waits",
        hazard=Hazard.DROP_CONSTRAINT,
        before_extra="CREATE UNIQUE INDEX i ON t (a);\n",
        lock=Lock.SHARE_UPDATE_EXCLUSIVE,
    ),
    _row(
        "another name for the same rule or index",
        "CONSTRAINT k CHECK (a > 0)",
        "CONSTRAINT l CHECK (a > 0)",
        S,
        "renamed",
    ),
    _row(
        "add an enum label",
        "b st",
        "b st",
        S,
        "committed before it is used",
        before_extra="",
        lock=Lock.NONE,
    ),
    _row(
        "remove or reorder enum labels",
        "b st",
        "b st",
        D,
        "blocked while used; the type is made anew",
        hazard=Hazard.ENUM_REMOVE,
        rewrites=True,
    ),
    _row(
        "comments, storage parameters",
        "",
        "",
        S,
        "at once",
        after_extra="COMMENT ON TABLE t IS 'x';\n",
        lock=Lock.SHARE_UPDATE_EXCLUSIVE,
    ),
)


def schemas(row: Row) -> tuple[str, str]:
    """The DDL of a row's example before and after."""
    types = ("", "")
    if "enum label" in row.change:
        old, new = ("'x', 'y'", "'x'") if row.step_class is D else ("'x'", "'x', 'y'")
        types = (_E.format(old), _E.format(new))
    return (
        types[0] + row.extra + _table(row.before) + row.before_extra,
        types[1] + row.extra + _table(row.after) + row.after_extra,
    )


def _table(columns: str) -> str:
    more = f", {columns}" if columns else ""
    return f"CREATE TABLE t (id int PRIMARY KEY, a int{more});\n"


def as_markdown() -> str:
    """The table as it stands in docs/migrations.md."""
    lines = [
        "| Change | Class | Hazard | Lock on the table | Rewrites | How |",
        "|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        hazard = f"`{row.hazard}`" if row.hazard else ""
        lock = "" if row.lock is Lock.NONE else row.lock
        rewrites = "yes" if row.rewrites else ""
        lines.append(
            f"| {row.change} | {row.step_class} | {hazard} | {lock} | {rewrites} | {row.how} |"
        )
    return "\n".join(lines) + "\n"

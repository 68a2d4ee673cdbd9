"""Scores one catalog against another.

Every percentage is matched / (expected or actual), so both what is missing and what is
made up counts against it. Names of constraints and indexes are reported apart and never
in the score. `convention` folds names (case, underscores, plural) and types (to classes):
for inputs where no tool defines the schema (Mongoose, plain interfaces).
"""

import json
import re

WEIGHTS = {
    "tables": 20,
    "columns": 40,
    "pks": 8,
    "fks": 14,
    "uniques": 8,
    "indexes": 5,
    "enums": 3,
    "checks": 2,
}
CLASSES = [
    ("array", r".*\[\]$"),
    ("json", r"jsonb?$"),
    ("bool", r"bool"),
    ("time", r"timestamp|date|time"),
    ("bytes", r"bytea"),
    ("number", r"(small|big)?int|numeric|double|real|(small|big)?serial|money"),
    ("text", r""),
]


def fold(name):
    name = re.sub(r"[^a-z0-9.]", "", name.lower())
    for ending, instead in (
        ("ies", "y"),
        ("sses", "ss"),
        ("xes", "x"),
        ("ches", "ch"),
        ("shes", "sh"),
        ("s", ""),
    ):
        if name.endswith(ending) and len(name) > len(ending) + 1 and not name.endswith("ss"):
            return name[: -len(ending)] + instead
    return name


def type_class(name):
    return next(label for label, pattern in CLASSES if re.match(pattern, name.lower()))


class View:
    """One catalog as sets of comparable facts."""

    def __init__(self, found, convention):
        self.name = fold if convention else str
        self.convention = convention
        n = self.name
        self.enums = {n(k): tuple(v) for k, v in found["enums"].items()}
        self.tables, self.columns, self.facts = (
            set(),
            {},
            {k: {} for k in ("pks", "fks", "uniques", "indexes", "checks")},
        )
        self.names = set()
        for table, content in found["tables"].items():
            if content["kind"] in {"table", "foreign"}:
                self.tables.add(n(table))
                self.read(n(table), content)
            else:
                self.tables.add(f"{content['kind']}:{n(table)}")

    def read(self, key, table):
        for column, c in table["columns"].items():
            self.columns[(key, self.name(column))] = self.column(c)
        if table["pk"]:
            self.put("pks", (key, self.cols(table["pk"]["columns"])), table["pk"])
        for fk in table["fks"]:
            ends = (self.cols(fk["columns"]), self.name(fk["table"]), self.cols(fk["references"]))
            rules = (fk["on_delete"], fk["on_update"], fk.get("deferrable"))
            self.put("fks", (key, *ends, *(() if self.convention else rules)), fk)
        for kind in ("uniques", "indexes"):
            for index in table[kind]:
                what = (key, self.keys(index["columns"]))
                self.put(kind, what if self.convention else (*what, *self.details(index)), index)
        for check in [] if self.convention else table["checks"]:
            self.put("checks", (key, check["definition"]), check)

    def details(self, index):
        include = tuple(index.get("include", ()))
        return index.get("method"), index.get("where"), include, index.get("nulls_not_distinct")

    def put(self, kind, fact, source):
        self.facts[kind][fact] = True
        if source.get("name"):
            self.names.add((kind, fact[0], source["name"]))

    def cols(self, columns):
        return tuple(self.name(c) for c in columns)

    def keys(self, columns):
        if self.convention:
            return tuple(self.name(c if isinstance(c, str) else c["on"]) for c in columns)
        return tuple(json.dumps(c, sort_keys=True) for c in columns)

    def column(self, c):
        if self.convention:
            return {"type": type_class(c["type"])}
        out = {"type": c["type"], "nullable": c["nullable"]}
        for key in ("default", "identity", "generated", "collation"):
            out[key] = c.get(key)
        return out


def share(matched, left, right):
    union = len(set(left) | set(right))
    return matched / union if union else None  # nothing on either side: not part of the score


def percent(value):
    return None if value is None else round(100 * value, 2)


def compare(expected, actual, *, convention=False):
    a, b = View(expected, convention), View(actual, convention)
    score, differences = {}, []

    def sets(kind, left, right, same=lambda k: True):
        matched = sum(1 for k in left if k in right and same(k))
        score[kind] = share(matched, left, right)
        differences.extend((kind, "missing", k) for k in sorted(set(left) - set(right), key=str))
        differences.extend((kind, "extra", k) for k in sorted(set(right) - set(left), key=str))

    sets("tables", a.tables, b.tables)
    sets("columns", a.columns, b.columns, lambda k: a.columns[k] == b.columns[k])
    for key in sorted(set(a.columns) & set(b.columns)):
        for field, value in a.columns[key].items():
            if b.columns[key][field] != value:
                differences.append(
                    (
                        "columns",
                        f"{field}: {value!r} expected, {b.columns[key][field]!r} found",
                        key,
                    )
                )
    for kind in ("pks", "fks", "uniques", "indexes", "checks"):
        sets(kind, a.facts[kind], b.facts[kind])
    sets("enums", a.enums, b.enums, lambda k: a.enums[k] == b.enums[k])
    wrong = {d[2] if d[0] == "tables" else d[2][0] for d in differences if d[0] != "enums"}
    exact = sum(1 for t in a.tables if t in b.tables and t not in wrong)
    total = {
        k: w
        for k, w in WEIGHTS.items()
        if score[k] is not None
        and (not convention or k in ("tables", "columns", "pks", "fks", "uniques"))
    }
    result = {
        "score": percent(sum(score[k] * w for k, w in total.items()) / max(sum(total.values()), 1)),
        "exact_tables": percent(share(exact, a.tables, b.tables)),
        **{k: percent(v) for k, v in score.items()},
        "names": percent(share(len(a.names & b.names), a.names, b.names)),
        "counts": {
            "expected_tables": len(a.tables),
            "actual_tables": len(b.tables),
            "expected_columns": len(a.columns),
            "actual_columns": len(b.columns),
        },
    }
    return result, differences

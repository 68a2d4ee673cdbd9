"""What Postgres' types allow: modifiers, collations, default operator classes, references.

A table of facts, checked against the catalogs of 15, 16 and 18 (pg_type, pg_opclass,
pg_amop). Types that an extension brings are known by name, to say which one is needed.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from appdb.model.types import PgType

# Spelling -> the one name under which the tables below know the type.
_ALIASES: Mapping[str, str] = {
    "int": "integer", "int4": "integer", "int2": "smallint", "int8": "bigint",
    "decimal": "numeric", "dec": "numeric", "float4": "real", "float8": "double precision",
    "float": "double precision", "bool": "boolean", "varchar": "character varying",
    "char": "character", "bpchar": "character", "nchar": "character",
    "national character": "character", "national char": "character",
    "char varying": "character varying", "national character varying": "character varying",
    "timestamp": "timestamp without time zone", "timestamptz": "timestamp with time zone",
    "time": "time without time zone", "timetz": "time with time zone",
    "varbit": "bit varying", "serial4": "serial", "serial2": "smallserial",
    "serial8": "bigserial",
}  # fmt: skip
SERIALS: Mapping[str, str] = {
    "serial": "integer", "smallserial": "smallint", "bigserial": "bigint",
}  # fmt: skip
INTEGERS = frozenset({"smallint", "integer", "bigint"})
_TEXTS = frozenset({"text", "character varying", "character", "name"})
_TIMES = frozenset({"date", "timestamp without time zone", "timestamp with time zone"})
_CLOCKS = frozenset({"time without time zone", "time with time zone"})
_FLOATS = frozenset({"real", "double precision"})
_NETWORKS = frozenset({"inet", "cidr"})
RANGES = frozenset(
    f"{base}{kind}"
    for base in ("int4", "int8", "num", "ts", "tstz", "date")
    for kind in ("range", "multirange")
)
SHAPES = frozenset({"point", "line", "lseg", "box", "path", "polygon", "circle"})
# No operator class of btree is the default for these, so no key, unique or plain index.
_UNSORTED = SHAPES | {"json", "xml", "jsonpath", "xid", "cid", "txid_snapshot", "pg_snapshot"}
_OTHERS = frozenset({
    "numeric", "boolean", "bytea", "uuid", "json", "jsonb", "xml", "money", "interval", "bit",
    "bit varying", "macaddr", "macaddr8", "tsvector", "tsquery", "oid", "regclass", "regtype",
    "regproc", "regprocedure", "regoper", "regoperator", "regrole", "regnamespace", "regconfig",
    "regdictionary", "regcollation", "pg_lsn", "jsonpath", "xid", "xid8", "cid", "tid",
    "txid_snapshot", "pg_snapshot", "int2vector", "oidvector", '"char"',
})  # fmt: skip
_BUILTIN = (
    INTEGERS | frozenset(SERIALS) | _TEXTS | _TIMES | _CLOCKS | _FLOATS | _NETWORKS | RANGES
    | SHAPES | _OTHERS
)  # fmt: skip
EXTENSION_OF: Mapping[str, str] = {
    "citext": "citext", "hstore": "hstore", "ltree": "ltree", "lquery": "ltree",
    "ltxtquery": "ltree", "cube": "cube", "seg": "seg", "vector": "vector",
    "halfvec": "vector", "sparsevec": "vector", "geometry": "postgis", "geography": "postgis",
    "box2d": "postgis", "box3d": "postgis", "raster": "postgis_raster", "isbn": "isn",
    "isbn13": "isn", "issn": "isn", "ean13": "isn", "upc": "isn",
}  # fmt: skip
_COLLATABLE = _TEXTS | {"citext"}
_LENGTHS: Mapping[str, int] = {
    "character varying": 10_485_760, "character": 10_485_760,
    "bit": 83_886_080, "bit varying": 83_886_080,
}  # fmt: skip
_PRECISE = _CLOCKS | {
    "timestamp without time zone", "timestamp with time zone", "interval",
}  # fmt: skip
_WRITTEN = re.compile(
    r"(?P<base>\"char\"|[A-Za-z_][\w ]*?)\s*(?:\((?P<modifiers>[\w\s,.-]*)\))?"
    r"(?P<tail>\s+with(?:out)?\s+time\s+zone)?\s*(?P<dimensions>(?:\[\d*\]\s*)*)",
    re.IGNORECASE,
)
_INTERVAL = re.compile(
    r"interval(?: (?:year|month|day|hour|minute|second)(?: to (?:month|hour|minute|second))?)?"
)
_METHODS: Mapping[str, frozenset[str]] = {
    "gin": frozenset({"jsonb", "tsvector", "hstore"}),
    "gist": SHAPES - {"line", "lseg", "path"} | RANGES | {
        "tsvector", "tsquery", "ltree", "cube", "seg", "geometry", "geography",
    },
    "spgist": frozenset({
        "text", "character varying", "point", "box", "polygon", "inet", "cidr", "geometry",
        "geography",
    }) | {each for each in RANGES if not each.endswith("multirange")},
}  # fmt: skip


def written(name: str) -> re.Match[str] | None:
    """Take the spelling of a type apart; None when it is not written like one."""
    return _WRITTEN.fullmatch(name.strip())


def base_of(type_: PgType) -> str | None:
    """Return the known name behind a type's spelling, without modifiers and brackets.

    A declared type has none, nor has one that Postgres and the known extensions lack.
    """
    return None if type_.declared else base_of_words(type_.name)


@lru_cache(maxsize=1024)
def base_of_words(name: str) -> str | None:
    """Return the known name behind the words of a type, e.g. of a cast."""
    found = written(name)
    if found is None:
        return None
    spelled = " ".join((found["base"] + (found["tail"] or "")).lower().split())
    name = _ALIASES.get(spelled, spelled)
    if _INTERVAL.fullmatch(name):
        return "interval"
    return name if name in _BUILTIN or name in EXTENSION_OF else None


def dimensions_of(type_: PgType) -> int:
    """Count the dimensions, also those that are written in the name."""
    found = None if type_.declared or "[" not in type_.name else written(type_.name)
    return type_.dimensions + (found["dimensions"].count("[") if found else 0)


@lru_cache(maxsize=1024)
def modifier_problem(base: str, modifiers: tuple[str, ...]) -> str | None:
    """Say why Postgres would refuse the numbers in parentheses, or None."""
    if not modifiers or base in EXTENSION_OF:
        return None
    if any(not re.fullmatch(r"-?\d{1,9}", each.strip()) for each in modifiers):
        return "its modifiers are not numbers"
    numbers = [int(each) for each in modifiers]
    if base in _LENGTHS:
        fits = len(numbers) == 1 and 1 <= numbers[0] <= _LENGTHS[base]
        return None if fits else f"its length must be 1 to {_LENGTHS[base]}"
    if base == "numeric":
        fits = (
            len(numbers) <= 2 and 1 <= numbers[0] <= 1000 and all(abs(n) <= 1000 for n in numbers)
        )
        return None if fits else "its precision must be 1 to 1000 and its scale within 1000"
    if base in _PRECISE:
        return None if len(numbers) == 1 and numbers[0] >= 0 else "its precision must be 0 to 6"
    if base == "double precision":
        return None if len(numbers) == 1 and 1 <= numbers[0] <= 53 else "it takes one of 1 to 53"
    return "this type takes none"


def is_collatable(base: str | None) -> bool:
    """Tell whether a type may carry a collation."""
    return base in _COLLATABLE


def is_indexable(base: str | None, dimensions: int, method: str) -> bool:
    """Tell whether a method has a default operator class for a type; unknown types pass."""
    if method in {"btree", "hash"}:
        if dimensions or base is None:
            return True
        return base not in _UNSORTED and not (method == "hash" and base in {"money", "tsquery"})
    wanted = _METHODS.get(method)
    if wanted is None:
        return True
    if dimensions:
        return method == "gin"
    return base is not None and base in wanted


def can_refer(own: str | None, target: str | None) -> bool:
    """Tell whether a foreign key of one type may point to a key of another; unknown ones may.

    Source: ri_FetchConstraintInfo and ATAddForeignKeyConstraint: an equality operator of
    the target index's family, if need be after an implicit cast.
    """
    if own is None or target is None or own == target:
        return True
    own, target = SERIALS.get(own, own), SERIALS.get(target, target)
    for family in (INTEGERS, _TEXTS, _TIMES, _FLOATS, _NETWORKS):
        if own in family and target in family:
            return True
    if own in INTEGERS:
        return target in _FLOATS | {"numeric", "oid"} or target in INTEGERS
    if own == "numeric":
        return target in _FLOATS
    if own == "citext":
        return target in _TEXTS
    return own in EXTENSION_OF or target in EXTENSION_OF

"""From TypeORM's words for column types to Postgres types.

The words of the Postgres driver mean themselves. Words of other databases get the type that
holds the same values, with a remark. Whatever else is refused, as TypeORM refuses it.
"""

from dataclasses import dataclass

from appdb.model.types import PgType, builtin, declared
from appdb.source.frameworks.typeorm.metadata import ColumnData

ENUM = "enum"

_NORMAL = {
    "js:Number": "integer", "int": "integer", "int4": "integer",
    "js:String": "character varying", "varchar": "character varying",
    "js:Date": "timestamp without time zone", "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "time": "time without time zone", "timetz": "time with time zone",
    "js:Boolean": "boolean", "bool": "boolean",
    "simple-array": "text", "simple-json": "text", "simple-enum": ENUM,
    "int2": "smallint", "int8": "bigint", "decimal": "numeric",
    "float8": "double precision", "float": "double precision", "float4": "real",
    "char": "character", "varbit": "bit varying",
}  # fmt: skip
_SUPPORTED = frozenset({
    "smallint", "integer", "bigint", "numeric", "real", "money", "character", "text", "citext",
    "hstore", "bytea", "bit", "date", "interval", "boolean", "enum", "point", "line", "lseg",
    "box", "path", "polygon", "circle", "cidr", "inet", "macaddr", "macaddr8", "tsvector",
    "tsquery", "uuid", "xml", "json", "jsonb", "jsonpath", "int4range", "int8range", "numrange",
    "tsrange", "tstzrange", "daterange", "int4multirange", "int8multirange", "nummultirange",
    "tsmultirange", "tstzmultirange", "datemultirange", "geometry", "geography", "cube",
    "ltree", "vector", "halfvec",
})  # fmt: skip
_WORDS_WITH_BLANKS = (
    "double precision",
    "character varying",
    "bit varying",
    "timestamp without time zone",
    "timestamp with time zone",
    "time without time zone",
    "time with time zone",
)
# Words of MySQL, SQLite, SQL Server, Oracle and CockroachDB, and what holds their values.
_FOREIGN = {
    "tinyint": "smallint", "mediumint": "integer", "unsigned big int": "numeric",
    "int64": "bigint", "year": "smallint", "dec": "numeric", "fixed": "numeric",
    "number": "numeric", "smallmoney": "numeric", "double": "double precision",
    "binary_double": "double precision", "binary_float": "real",
    "datetime": "timestamp without time zone", "datetime2": "timestamp without time zone",
    "smalldatetime": "timestamp without time zone",
    "datetimeoffset": "timestamp with time zone",
    "timestamp with local time zone": "timestamp with time zone",
    "tinytext": "text", "mediumtext": "text", "longtext": "text", "ntext": "text",
    "clob": "text", "nclob": "text", "string": "character varying", "set": "text",
    "nvarchar": "character varying", "nvarchar2": "character varying",
    "varchar2": "character varying", "native character": "character",
    "varying character": "character varying", "nchar": "character",
    "national varchar": "character varying", "national char": "character",
    "blob": "bytea", "tinyblob": "bytea", "mediumblob": "bytea", "longblob": "bytea",
    "binary": "bytea", "varbinary": "bytea", "image": "bytea", "raw": "bytea", "bytes": "bytea",
    "rowversion": "bytea", "uniqueidentifier": "uuid",
}  # fmt: skip
_WITH_LENGTH = frozenset(
    ["character varying", "character", "bit", "bit varying", "vector", "halfvec"]
)
_TIMES = frozenset(
    [
        "time without time zone",
        "time with time zone",
        "timestamp without time zone",
        "timestamp with time zone",
    ]
)
_WITH_PRECISION = _TIMES | {"numeric", "interval"}
_SPATIAL = frozenset(["geometry", "geography"])
_SERIAL = {"integer": "serial", "smallint": "smallserial", "bigint": "bigserial"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A column's type, and what there is to remark about it. `type` is None when refused."""

    type: PgType | None
    word: str
    remark: str = ""


def normal_word(word: str | None) -> str:
    """Return Postgres' name of a word; the word itself when it is none of the driver's."""
    lower = (word or "").lower() if not (word or "").startswith("js:") else word or ""
    return _NORMAL.get(lower, lower)


def is_supported(word: str) -> bool:
    """Tell whether a normal word is a type of TypeORM's Postgres driver."""
    return word in _WORDS_WITH_BLANKS or word in _SUPPORTED


def type_of(column: ColumnData, enum: tuple[str, str | None] | None) -> Typed:
    """Return the type of a column; `enum` is the name and schema of its enum type."""
    word, remark = normal_word(column.type), ""
    if not is_supported(word):
        replaced = _FOREIGN.get(word)
        if replaced is None:
            return Typed(type=None, word=word, remark=_refusal(column.type))
        remark = f"{column.type} is no type of Postgres; {replaced} holds its values"
        word = replaced
    if word == ENUM:
        made = declared(*enum) if enum else None
        return _arrayed(made, column, Typed(type=made, word=word, remark=remark))
    if column.generated in {"increment", "rowid"} and word in _SERIAL:
        return Typed(type=builtin(_SERIAL[word]), word=word, remark=remark)
    modifiers = _modifiers(column, word)
    ignored = (column.length or column.precision is not None) and modifiers is None
    if ignored and not remark and (column.length or word not in _WITH_PRECISION):
        remark = f"{word} takes no length or precision; it is left out"
    made = builtin(word, *(modifiers or ()))
    return _arrayed(made, column, Typed(type=made, word=word, remark=remark))


def _arrayed(made: PgType | None, column: ColumnData, typed: Typed) -> Typed:
    if made is None or not column.array:
        return typed
    return Typed(type=made.array(), word=typed.word, remark=typed.remark)


def _refusal(word: str | None) -> str:
    if not word:
        return "it has no type"
    if word.startswith("js:"):
        return f"TypeORM has no column type for {word[3:]}; give a type"
    return f"{word} is no column type of Postgres"


def _modifiers(column: ColumnData, word: str) -> tuple[str, ...] | None:
    if word in _SPATIAL:
        return _spatial(column)
    if column.length and word not in _TIMES:
        takes = word in _WITH_LENGTH or word == "numeric"
        is_number = column.length.isascii() and column.length.isdigit()
        return (column.length,) if takes and is_number else None
    if column.precision is None or word not in _WITH_PRECISION:
        return None
    if word == "numeric" and column.scale is not None:
        return (str(column.precision), str(column.scale))
    return (str(column.precision),)


def _spatial(column: ColumnData) -> tuple[str, ...] | None:
    if column.spatial_type is None or not column.spatial_type.isalnum():
        return None
    if column.srid is None:
        return (column.spatial_type,)
    return (column.spatial_type, str(column.srid))

"""Mongoose's type words and the Postgres types of the convention.

Pure lookups. A word that is not here has no column; guessing one is not allowed.
"""

from collections.abc import Mapping

from appdb.model.types import PgType, builtin
from appdb.source.evaluate.values import External, Literal, MemberOf, Value

TEXT = builtin("text")
JSON = builtin("jsonb")
INTEGER = builtin("integer")
TIME = builtin("timestamp with time zone")

_NUMBER = builtin("double precision")
_BIG = builtin("bigint")

# Scalar words, as Mongoose's own names of schema types.
SCALARS: Mapping[str, PgType] = {
    "String": TEXT,
    "ObjectId": TEXT,
    "Number": _NUMBER,
    "Double": _NUMBER,
    "Int32": INTEGER,
    "BigInt": _BIG,
    "Long": _BIG,
    "Boolean": builtin("boolean"),
    "Date": TIME,
    "Decimal128": builtin("numeric"),
    "Buffer": builtin("bytea"),
    "UUID": builtin("uuid"),
}
# Words that hold anything.
DOCUMENTS = frozenset({"Mixed", "Object", "Map", "DocumentArray", "Embedded", "Subdocument"})
ARRAY = "Array"

_ALIASES = {
    "ObjectID": "ObjectId",
    "Oid": "ObjectId",
    "Bool": "Boolean",
    "SchemaString": "String",
    "SchemaNumber": "Number",
    "SchemaDate": "Date",
    "SchemaBoolean": "Boolean",
    "SchemaBuffer": "Buffer",
    "SchemaMixed": "Mixed",
    "SchemaObjectId": "ObjectId",
    "Decimal": "Decimal128",
    "Uuid": "UUID",
    "Bigint": "BigInt",
    "Int": "Int32",
    # Types of well-known packages, each a text with a check of its own.
    "Email": "String",
    "Url": "String",
    "Currency": "Number",
    "Float": "Number",
    # What Nest reflects for a Uint8Array or a Set.
    "Uint8Array": "Buffer",
    "Set": "Array",
}


def word_of(value: Value) -> str | None:
    """Return the word of a type: a constructor (`Schema.Types.ObjectId`) or a name in quotes."""
    match value:
        case External(names=names) if names:
            word = names[-1]
        case MemberOf(name=name):
            word = name
        case Literal(value=str() as text) if text:
            word = text[0].upper() + text[1:]
        case _:
            return None
    word = _ALIASES.get(word, word)
    return word if word in SCALARS or word in DOCUMENTS or word == ARRAY else None

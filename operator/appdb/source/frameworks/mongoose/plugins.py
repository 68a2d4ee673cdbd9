"""What well-known plugins add to a schema: facts about packages, never their code.

A plugin that is in neither table is a finding; one of the project's own is read instead.
"""

from collections.abc import Mapping

from appdb.source.evaluate.values import ListValue, Literal, ObjectValue, Value, truth

# Packages that add no path.
HARMLESS = frozenset({
    "@meanie/mongoose-to-json", "mongoosastic", "mongoose-aggregate-paginate",
    "mongoose-aggregate-paginate-cursor", "mongoose-aggregate-paginate-v2",
    "mongoose-autopopulate", "mongoose-bcrypt-nodejs", "mongoose-beautiful-unique-validation",
    "mongoose-cachebox", "mongoose-cascade-delete", "mongoose-cast-aggregation",
    "mongoose-cursor-pagination", "mongoose-deep-populate", "mongoose-erase",
    "mongoose-explain-checker", "mongoose-find-or-create", "mongoose-findorcreate",
    "mongoose-hidden", "mongoose-id-validator", "mongoose-idexists", "mongoose-lean-defaults",
    "mongoose-lean-getters", "mongoose-lean-id", "mongoose-lean-virtuals", "mongoose-paginate",
    "mongoose-paginate-v2", "mongoose-patcher", "mongoose-query-random", "mongoose-regexp-search",
    "mongoose-schema-jsonschema", "mongoose-simple-random", "mongoose-to-json",
    "mongoose-transform", "mongoose-unique-validator", "mongoose-validator",
})  # fmt: skip

# Fields by package: name -> Mongoose's word.
_ADDS: Mapping[str, Mapping[str, str]] = {
    "mongoose-timestamp": {"createdAt": "Date", "updatedAt": "Date"},
    "mongoose-timestamps": {"createdAt": "Date", "updatedAt": "Date"},
    "mongoose-createdat-updatedat": {"createdAt": "Date", "updatedAt": "Date"},
    "mongoose-delete": {"deleted": "Boolean"},
    "mongoose-soft-delete": {"deleted": "Boolean"},
    "soft-delete-plugin-mongoose": {"isDeleted": "Boolean", "deletedAt": "Date"},
    "soft-delete-mongoose-plugin": {"isDeleted": "Boolean", "deletedAt": "Date"},
    "mongoose-nanoid": {},
    "mongoose-bcrypt": {"password": "String"},
}
_PASSPORT = ("passport-local-mongoose", "passport-local-mongoose-email")
SEQUENCES = frozenset({
    "mongoose-sequence", "mongoose-auto-increment", "mongoose-autoincrement",
    "@typegoose/auto-increment", "mongoose-plugin-autoinc",
})  # fmt: skip


def added_fields(package: str, options: Value | None) -> dict[str, str] | None:
    """Return the paths that a plugin adds with their words; None when it is not known."""
    given = options if isinstance(options, ObjectValue) else None
    if package in HARMLESS:
        return {}
    if package in _PASSPORT:
        return _passport(given)
    if package in SEQUENCES:
        return _sequence(given)
    if package == "mongoose-delete":
        return _delete(given)
    if package in {"mongoose-timestamp", "mongoose-timestamps"}:
        return {
            _text(given, "createdAt") or "createdAt": "Date",
            _text(given, "updatedAt") or "updatedAt": "Date",
        }
    known = _ADDS.get(package)
    return None if known is None else dict(known)


def _text(options: ObjectValue | None, key: str) -> str | None:
    value = options.get(key) if options else None
    return value.value if isinstance(value, Literal) and isinstance(value.value, str) else None


def _is_on(options: ObjectValue | None, key: str) -> bool:
    value = options.get(key) if options else None
    return value is not None and truth(value) is True


def _passport(options: ObjectValue | None) -> dict[str, str]:
    """Source: passport-local-mongoose, index.js: the fields it adds when they are missing."""
    found = {_text(options, "usernameField") or "username": "String"}
    found[_text(options, "hashField") or "hash"] = "String"
    found[_text(options, "saltField") or "salt"] = "String"
    if _is_on(options, "limitAttempts"):
        found[_text(options, "attemptsField") or "attempts"] = "Number"
        found[_text(options, "lastLoginField") or "last"] = "Date"
    return found


def _sequence(options: ObjectValue | None) -> dict[str, str] | None:
    """The counted field; without a name it is `_id`, which is declared anyway."""
    field = _text(options, "inc_field") or _text(options, "field")
    return {} if field in {None, "_id"} else {field or "": "Number"}


def _delete(options: ObjectValue | None) -> dict[str, str]:
    """Source: mongoose-delete, index.js. The type of `deletedBy` is a text like any id."""
    found = {"deleted": "Boolean"}
    if _is_on(options, "deletedAt"):
        found["deletedAt"] = "Date"
    if _is_on(options, "deletedBy"):
        found["deletedBy"] = "ObjectId"
    return found


def plain_names(value: Value | None) -> tuple[str, ...]:
    """Return a list of texts, or one text, as names."""
    match value:
        case Literal(value=str() as text):
            return tuple(text.split())
        case ListValue(items=items):
            return tuple(
                item.value
                for item in items
                if isinstance(item, Literal) and isinstance(item.value, str)
            )
        case _:
            return ()

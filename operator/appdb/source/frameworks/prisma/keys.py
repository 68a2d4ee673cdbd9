"""Reads primary keys, unique indexes and indexes of a model, with Prisma's own names.

`@unique` and `@@unique` are unique indexes in Prisma, never constraints. What Postgres would
refuse to build is refused here, with the place.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from appdb.model.finding import Evidence
from appdb.model.schema import Index, IndexKey, PrimaryKey
from appdb.model.value import value
from appdb.source.frameworks.prisma.arguments import (
    Arguments,
    items_of,
    name_of,
    read_arguments,
    short_text_of,
)
from appdb.source.frameworks.prisma.config import Datasource
from appdb.source.frameworks.prisma.declarations import Declarations
from appdb.source.frameworks.prisma.methods import check_method, operator_class
from appdb.source.frameworks.prisma.model import Model
from appdb.source.frameworks.prisma.names import index_name, primary_key_name, unique_name
from appdb.source.frameworks.prisma.predicates import predicate
from appdb.source.frameworks.prisma.remarks import Code, Invalid
from appdb.source.frameworks.prisma.syntax import Arity, Attribute, Call, Expression, Name

_METHODS = {
    "BTree": "btree",
    "Hash": "hash",
    "Gin": "gin",
    "Gist": "gist",
    "SpGist": "spgist",
    "Brin": "brin",
}
_ID = ("map", "length", "sort", "clustered")
_UNIQUE = ("map", "length", "sort", "clustered", "where")
_BLOCK_ID = ("fields", "name", "map", "clustered")
_BLOCK_UNIQUE = ("fields", "name", "map", "clustered", "where")
_BLOCK_INDEX = ("fields", "name", "map", "type", "clustered", "where")


@value(frozen=True, slots=True)
class Keys:
    """The keys of one model, by fields in order; `unique` are those of unique indexes."""

    ids: tuple[str, ...]
    primary: PrimaryKey | None
    indexes: tuple[Index, ...]
    unique: frozenset[tuple[str, ...]]


@value(frozen=True, slots=True)
class _Declared:
    """An attribute that makes a key, with the field it stands on or None for a block's."""

    attribute: Attribute
    base: int
    field: str | None


@dataclass(slots=True)
class _Found:
    """What was read so far."""

    ids: tuple[str, ...]
    primary: PrimaryKey | None
    indexes: list[Index]
    unique: set[tuple[str, ...]]


def read_keys(declared: Declarations, model: Model) -> Keys:
    """Read all keys of a model; what is refused is a finding and breaks the model."""
    found = _Found((), None, [], set())
    for key in _declared(model):
        try:
            _read_key(declared.datasource, model, key, found)
        except Invalid as invalid:
            model.is_broken = True
            declared.remarks.error(
                invalid.code, model.source, key.base + invalid.at, invalid.message
            )
    if not model.is_broken and not model.is_view and not _identifies(model, found):
        model.is_broken = True
        message = (
            f"the model `{model.name}` needs a unique criterion of required fields only: "
            "`@id`, `@unique`, `@@id` or `@@unique`"
        )
        declared.remarks.error(Code.KEY, model.source, model.block.at, message)
    return Keys(found.ids, found.primary, tuple(found.indexes), frozenset(found.unique))


def _declared(model: Model) -> Iterator[_Declared]:
    for field in model.block.fields:
        if field.name in model.scalars:
            for attribute in field.attributes:
                if attribute.name in {"id", "unique"}:
                    yield _Declared(attribute, field.base, field.name)
    for placed in model.block.attributes:
        if placed.attribute.name in {"id", "unique", "index", "fulltext"}:
            yield _Declared(placed.attribute, placed.base, None)


def _identifies(model: Model, found: _Found) -> bool:
    sets = [*found.unique, *([found.ids] if found.ids else [])]
    return any(
        all(
            model.scalars[name].arity is not Arity.OPTIONAL
            and model.scalars[name].kind != "Unsupported"
            for name in fields
        )
        for fields in sets
    )


def _read_key(datasource: Datasource, model: Model, key: _Declared, found: _Found) -> None:
    match key.attribute.name:
        case "id":
            _read_primary(datasource, model, key, found)
        case "unique":
            names = _UNIQUE if key.field else _BLOCK_UNIQUE
            _read_index(datasource, model, key, found, names)
        case "fulltext" if datasource.is_postgres:
            message = "Postgres has no index of the kind that `@@fulltext` makes"
            raise Invalid(Code.INDEX, key.attribute.at, message)
        case "fulltext":
            return
        case _:
            _read_index(datasource, model, key, found, _BLOCK_INDEX)


def _read_primary(datasource: Datasource, model: Model, key: _Declared, found: _Found) -> None:
    at = key.attribute.at
    if found.primary is not None:
        raise Invalid(Code.KEY, at, f"the model `{model.name}` has more than one id")
    arguments = _arguments(key, _ID if key.field else _BLOCK_ID)
    parts = _parts(model, key, arguments)
    for field, _, options in parts:
        if datasource.is_postgres and ({"sort", "length", "ops"} & options.keys()):
            message = "a primary key of Postgres has no sort order, length or operator class"
            raise Invalid(Code.KEY, at, message)
        if model.scalars[field].arity is not Arity.REQUIRED:
            raise Invalid(Code.KEY, at, f"`{field}` must be required, it is part of the id")
    columns = tuple(model.scalars[field].column for field, _, _ in parts)
    for field, at_field, _ in parts:
        check_method(model.scalars[field], "btree", None, at_field)
    name = short_text_of(arguments.get("map"), "map") or primary_key_name(model.table)
    found.ids = tuple(field for field, _, _ in parts)
    found.primary = PrimaryKey(
        name=name, columns=columns, evidence=_evidence(model, key, "prisma.id")
    )


def _read_index(
    datasource: Datasource, model: Model, key: _Declared, found: _Found, names: tuple[str, ...]
) -> None:
    arguments = _arguments(key, names)
    is_unique = key.attribute.name == "unique"
    method = _method(arguments.get("type"))
    parts = _parts(model, key, arguments)
    index = Index(
        name=_name_of(model, arguments, parts, is_unique=is_unique),
        keys=tuple(_index_key(datasource, model, part, method) for part in parts),
        evidence=_evidence(model, key, "prisma.unique" if is_unique else "prisma.index"),
        unique=is_unique,
        method=method,
        where=predicate(model, arguments.get("where")),
    )
    found.indexes.append(index)
    if is_unique and index.where is None:
        found.unique.add(tuple(field for field, _, _ in parts))


def _arguments(key: _Declared, names: tuple[str, ...]) -> Arguments:
    return read_arguments(key.attribute, names, None if key.field else "fields")


_Part = tuple[str, int, Arguments]


def _parts(model: Model, key: _Declared, arguments: Arguments) -> tuple[_Part, ...]:
    """The fields of a key with the options of each."""
    if key.field is not None:
        return ((key.field, key.attribute.at, arguments),)
    given = arguments.get("fields")
    items = () if given is None else items_of(given)
    if not items:
        raise Invalid(Code.KEY, key.attribute.at, "a key or an index needs at least one field")
    found: dict[str, _Part] = {}
    for item in items:
        field, options = _part(item)
        if field not in model.scalars:
            message = f"`{field}` is no field of `{model.name}` that has a column"
            raise Invalid(Code.KEY, item.at, message)
        if field in found:
            raise Invalid(Code.KEY, item.at, f"the field `{field}` is named twice")
        found[field] = (field, item.at, options)
    return tuple(found.values())


def _part(item: Expression) -> tuple[str, Arguments]:
    if isinstance(item, Name):
        return item.name, {}
    if not isinstance(item, Call):
        raise Invalid(Code.KEY, item.at, "the fields of a key are names, with or without options")
    options = read_arguments(
        Attribute(item.name, item.arguments, item.at), ("sort", "length", "ops")
    )
    return item.name, options


def _index_key(datasource: Datasource, model: Model, part: _Part, method: str) -> IndexKey:
    field, options_at, options = part
    scalar = model.scalars[field]
    if datasource.is_postgres and "length" in options:
        at = options["length"].at
        raise Invalid(Code.INDEX, at, "an index of Postgres has no length")
    descending = _is_descending(options.get("sort"))
    if descending and method != "btree":
        raise Invalid(
            Code.INDEX, options["sort"].at, f"an index of type {method} has no sort order"
        )
    given = options.get("ops")
    opclass = None if given is None else operator_class(scalar, method, given)
    check_method(scalar, method, opclass, options_at)
    return IndexKey(column=scalar.column, descending=descending, opclass=opclass)


def _is_descending(value: Expression | None) -> bool:
    if value is None:
        return False
    name = name_of(value, "sort")
    if name not in {"Asc", "Desc"}:
        raise Invalid(Code.INDEX, value.at, f"`{name}` is no sort order (Asc, Desc)")
    return name == "Desc"


def _method(value: Expression | None) -> str:
    if value is None:
        return "btree"
    name = name_of(value, "type")
    if name not in _METHODS:
        raise Invalid(Code.INDEX, value.at, f"`{name}` is no index type ({', '.join(_METHODS)})")
    return _METHODS[name]


def _name_of(
    model: Model, arguments: Arguments, parts: tuple[_Part, ...], *, is_unique: bool
) -> str:
    mapped = short_text_of(arguments.get("map"), "map")
    columns = [model.scalars[field].column for field, _, _ in parts]
    if is_unique:
        return mapped or unique_name(model.table, columns)
    legacy = arguments.get("name")
    if legacy is not None and mapped is not None:
        raise Invalid(Code.INDEX, legacy.at, "`name` means `map` here; only one may be given")
    return mapped or short_text_of(legacy, "name") or index_name(model.table, columns)


def _evidence(model: Model, key: _Declared, rule: str) -> Evidence:
    return Evidence(span=model.source.span(key.base + key.attribute.at), rule=rule)

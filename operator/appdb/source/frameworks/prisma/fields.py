"""Reads the fields of the models: columns and relations, once every name is known.

A field that Prisma would refuse, or that is not understood, is a finding and breaks its model:
a table is never made without one of its columns.
"""

import re
from dataclasses import replace
from functools import lru_cache

from appdb.model.schema import Action
from appdb.model.types import PgType
from appdb.source.frameworks.prisma.arguments import (
    items_of,
    name_of,
    read_arguments,
    short_text_of,
    text_of,
)
from appdb.source.frameworks.prisma.declarations import Declarations, database_name
from appdb.source.frameworks.prisma.defaults import Default, Target, read_default
from appdb.source.frameworks.prisma.model import Model, Relation, Scalar
from appdb.source.frameworks.prisma.remarks import Code, Invalid
from appdb.source.frameworks.prisma.sqltext import columns_of, is_type
from appdb.source.frameworks.prisma.syntax import (
    Arity,
    Attribute,
    Expression,
    Field,
    Name,
    Number,
    Text,
)
from appdb.source.frameworks.prisma.types import (
    SCALARS,
    SERIALS,
    UnknownNativeType,
    native_type,
)

_ACTIONS = {
    "Cascade": Action.CASCADE,
    "Restrict": Action.RESTRICT,
    "NoAction": Action.NO_ACTION,
    "SetNull": Action.SET_NULL,
    "SetDefault": Action.SET_DEFAULT,
}
_SCALAR_ATTRIBUTES = frozenset(
    {"id", "unique", "default", "updatedAt", "map", "ignore", "shardKey"}
)
_RELATION_ARGUMENTS = ("name", "fields", "references", "onDelete", "onUpdate", "map")
_KEPT_FROM_OTHERS = frozenset({"CURRENT_TIMESTAMP", "now()", "(CURRENT_TIMESTAMP)"})


def read_fields(declared: Declarations) -> None:
    """Fill every model with its columns and relations."""
    for model in declared.models.values():
        columns: dict[str, str] = {}
        for field in model.block.fields:
            try:
                _read_field(declared, model, field, columns)
            except Invalid as invalid:
                model.is_broken = True
                declared.remarks.error(
                    invalid.code, model.source, field.base + invalid.at, invalid.message
                )
        _drop_defaults_over_columns(declared, model, frozenset(columns))


def _read_field(
    declared: Declarations, model: Model, field: Field, columns: dict[str, str]
) -> None:
    if field.name in model.scalars or field.name in model.relations:
        message = f"the field `{field.name}` is already defined on the model `{model.name}`"
        raise Invalid(Code.DUPLICATE, field.at - field.base, message)
    if field.type_name in declared.models:
        model.add(_relation(field))
        return
    scalar = _scalar(declared, model, field)
    model.scalars[field.name] = scalar
    if scalar.column in columns:
        message = f"the column `{scalar.column}` is already that of `{columns[scalar.column]}`"
        raise Invalid(Code.DUPLICATE, field.at - field.base, message)
    columns[scalar.column] = field.name


def _scalar(declared: Declarations, model: Model, field: Field) -> Scalar:
    given = _attributes(declared, field)
    base = _base_type(declared, model, field, given.get("db."))
    is_list = field.arity is Arity.LIST
    type_ = base.array() if is_list else base
    column = database_name(given["map"]) if "map" in given else field.name
    if "updatedAt" in given and (field.type_name != "DateTime" or is_list):
        raise Invalid(Code.ATTRIBUTE, given["updatedAt"].at, "`@updatedAt` is for one DateTime")
    default = Default()
    enum = declared.enums.get(field.type_name)
    if "default" in given:
        target = Target(
            kind=field.type_name,
            type=type_,
            is_list=is_list,
            enum=enum,
            has_sequences=declared.datasource.provider == "cockroachdb",
            has_names=declared.datasource.provider == "sqlserver",
        )
        default = read_default(given["default"], target)
        if default.verbatim and not declared.datasource.is_postgres:
            default = _foreign_default(declared, model, field, default)
    column_type = SERIALS.get(base.name, type_) if default.serial else type_
    labels = frozenset(enum.labels.values()) if enum is not None else frozenset()
    name = column or field.name
    return Scalar(field, name, field.type_name, type_, column_type, default.sql, labels)


def _attributes(declared: Declarations, field: Field) -> dict[str, Attribute]:
    """Return the attributes by name; the native type's under `db.`, whatever its prefix."""
    found: dict[str, Attribute] = {}
    for attribute in field.attributes:
        name = attribute.name
        prefix, dot, _ = name.partition(".")
        if dot and prefix == declared.datasource.name:
            name = "db."
        elif name not in _SCALAR_ATTRIBUTES:
            hint = " on a field that is no relation" if name == "relation" else ""
            message = f"the attribute `@{attribute.name}` is not known{hint}"
            raise Invalid(Code.ATTRIBUTE, attribute.at, message)
        if name in found:
            message = f"the attribute `@{attribute.name}` can be given once only"
            raise Invalid(Code.ATTRIBUTE, attribute.at, message)
        found[name] = attribute
    return found


def _base_type(
    declared: Declarations, model: Model, field: Field, native: Attribute | None
) -> PgType:
    if field.unsupported is not None:
        return _unsupported(field, field.unsupported)
    enum = declared.enums.get(field.type_name)
    scalar = SCALARS.get(field.type_name)
    base = enum.type if enum is not None else scalar
    if base is None:
        raise _unknown_type(declared, field)
    if native is None:
        return base
    try:
        return _native(field.type_name, native)
    except UnknownNativeType as err:
        if declared.datasource.is_postgres:
            raise Invalid(Code.NATIVE_TYPE, native.at, str(err)) from err
        message = f"`@{native.name}` is left out: {err}"
        declared.remarks.info(Code.NATIVE_TYPE, model.source, field.base + native.at, message)
        return base


def _unknown_type(declared: Declarations, field: Field) -> Invalid:
    at = field.type_at - field.base
    if field.type_name in declared.broken:
        return Invalid(Code.TYPE, at, f"the type `{field.type_name}` could not be read")
    near = {name.lower(): name for name in (*SCALARS, *declared.enums, *declared.models)}
    hint = near.get(field.type_name.lower())
    question = f"; did you mean `{hint}`?" if hint else ""
    return Invalid(Code.TYPE, at, f"the type `{field.type_name}` is not declared{question}")


def _native(scalar: str, attribute: Attribute) -> PgType:
    values = [argument.value for argument in attribute.arguments]
    texts = tuple(v.text if isinstance(v, Number) else "?" for v in values)
    return native_type(scalar, attribute.name.partition(".")[2], texts)


@lru_cache(maxsize=1024)
def _verbatim(text: str) -> PgType:
    """Postgres' own catalog calls `text[]` `_text`, and introspection may write that down."""
    text = text.removeprefix("pg_catalog.")
    if re.fullmatch(r"_[a-z]\w*", text):
        return PgType(name=text[1:], verbatim=True, dimensions=1)
    return PgType(name=text, verbatim=True)


def _unsupported(field: Field, text: str) -> PgType:
    if not is_type(text):
        at = field.type_at - field.base
        raise Invalid(Code.TYPE, at, f"`{text[:60]}` is not the name of one type of Postgres")
    return _verbatim(text.strip())


def _foreign_default(
    declared: Declarations, model: Model, field: Field, default: Default
) -> Default:
    if default.sql in _KEPT_FROM_OTHERS:
        return default
    message = (
        f"`dbgenerated()` of `{field.name}` is written for {declared.datasource.provider} "
        "and left out"
    )
    declared.remarks.warning(Code.DEFAULT, model.source, field.at, message)
    return Default()


def _drop_defaults_over_columns(
    declared: Declarations, model: Model, columns: frozenset[str]
) -> None:
    """A default that reads columns is a generated column as introspection writes it down."""
    for name, scalar in model.scalars.items():
        sql = scalar.default
        if sql is None or "(" not in sql or not columns_of(sql, columns):
            continue
        message = (
            f"the default of `{name}` reads other columns, which Postgres refuses; it is left "
            "out (a generated column cannot be written down in Prisma)"
        )
        declared.remarks.warning(Code.DEFAULT, model.source, scalar.field.at, message)
        model.scalars[name] = replace(scalar, default=None)


def _relation(field: Field) -> Relation:
    arguments: dict[str, Expression] = {}
    is_ignored = False
    for attribute in field.attributes:
        if attribute.name == "ignore":
            is_ignored = True
        elif attribute.name == "relation":
            arguments = read_arguments(attribute, _RELATION_ARGUMENTS, "name")
        else:
            message = f"the attribute `@{attribute.name}` is not known on a relation"
            raise Invalid(Code.ATTRIBUTE, attribute.at, message)
    return Relation(
        field,
        field.type_name,
        text_of(arguments.get("name"), "name"),
        _names(arguments.get("fields")),
        _names(arguments.get("references")),
        _action(arguments.get("onDelete")),
        _action(arguments.get("onUpdate")),
        short_text_of(arguments.get("map"), "map"),
        is_ignored,
    )


def _names(value: Expression | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(name_of(item, "a field") for item in items_of(value))


def _action(value: Expression | None) -> Action | None:
    if value is None:
        return None
    name = value.value if isinstance(value, Text) else name_of(value, "an action")
    if not isinstance(value, Name) or name not in _ACTIONS:
        known = ", ".join(_ACTIONS)
        raise Invalid(Code.RELATION, value.at, f"`{name}` is no action ({known})")
    return _ACTIONS[name]

"""Collects what all files of a schema declare: models, views, enums, the datasource.

Names are one space over all files; whatever stands twice is refused. Fields are read later,
when every name is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from appdb.model.identifiers import fits
from appdb.model.types import declared
from appdb.source.frameworks.prisma.arguments import read_arguments, short_text_of
from appdb.source.frameworks.prisma.config import Datasource, read_datasource
from appdb.source.frameworks.prisma.model import EnumDeclaration, Model
from appdb.source.frameworks.prisma.remarks import Code, Invalid, Remarks
from appdb.source.frameworks.prisma.syntax import Attribute, Block
from appdb.source.frameworks.prisma.types import SCALARS

# Source: Prisma's own list; the client could not be generated for these.
_RESERVED = frozenset({
    "PrismaClient", "async", "await", "break", "case", "catch", "class", "const", "continue",
    "debugger", "default", "delete", "do", "else", "enum", "export", "extends", "false",
    "finally", "for", "function", "if", "implements", "import", "in", "instanceof",
    "interface", "let", "new", "null", "package", "private", "protected", "public", "return",
    "super", "switch", "this", "throw", "true", "try", "using", "typeof", "var", "void",
    "while", "with", "yield",
})  # fmt: skip
_BLOCK_ATTRIBUTES = frozenset(
    {"map", "schema", "ignore", "id", "unique", "index", "fulltext", "shardKey"}
)
_ONCE = frozenset({"map", "schema", "ignore", "id"})
DEFAULT_SCHEMA = "public"


@dataclass(slots=True)
class Declarations:
    """Everything declared, by name; `broken` are names that a finding already speaks about."""

    datasource: Datasource
    remarks: Remarks
    models: dict[str, Model] = field(default_factory=dict)
    enums: dict[str, EnumDeclaration] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)


def collect(blocks: Sequence[Block], remarks: Remarks) -> Declarations:
    """Collect the blocks of all files, in the order given."""
    found = Declarations(read_datasource(blocks, remarks), remarks)
    seen: dict[str, str] = {}
    for block in blocks:
        if block.kind in {"datasource", "generator"}:
            continue
        if _name_is_taken(block, seen, remarks):
            continue
        if block.kind == "type":
            found.broken.add(block.name)
            message = "composite types exist on MongoDB only, Postgres has none of them"
            remarks.error(Code.PROVIDER, block.source, block.at, message)
        elif block.kind == "enum":
            _collect_enum(found, block)
        else:
            _collect_model(found, block)
    _refuse_equal_tables(found)
    return found


def _name_is_taken(block: Block, seen: dict[str, str], remarks: Remarks) -> bool:
    if block.name in SCALARS or block.name == "Unsupported":
        message = f"`{block.name}` is a type of Prisma's own and cannot be declared"
        remarks.error(Code.NAME, block.source, block.at, message)
        return True
    if block.name in seen:
        message = f"the {block.kind} `{block.name}` is already declared as {seen[block.name]}"
        remarks.error(Code.DUPLICATE, block.source, block.at, message)
        return True
    seen[block.name] = f"{block.kind} at {block.source.span(block.at)}"
    if block.name in _RESERVED:
        message = f"the name `{block.name}` is reserved by the client"
        remarks.error(Code.NAME, block.source, block.at, message)
    return False


def database_name(attribute: Attribute) -> str:
    """Return the name that `@map` or `@@map` gives.

    Raises:
        Invalid: the name is missing, empty, or longer than Postgres keeps.
    """
    value = read_arguments(attribute, ("name",), "name").get("name")
    name = short_text_of(value, "name")
    if name is None:
        raise Invalid(Code.ATTRIBUTE, attribute.at, "`map` needs a name")
    return name


def _collect_model(found: Declarations, block: Block) -> None:
    placed = _Placed(block.name)
    model = Model(block.name, block.name, None, block, is_broken=block.is_broken)
    _read_block_attributes(found, block, placed)
    model.table, model.schema = placed.name, placed.schema
    model.is_broken = model.is_broken or placed.is_broken
    if not fits(model.table):
        model.is_broken = True
        message = "Postgres keeps 63 bytes of a name; this one is longer"
        found.remarks.error(Code.NAME, block.source, block.at, message)
    found.models[block.name] = model


@dataclass(slots=True)
class _Placed:
    """Where a block's object stands."""

    name: str
    schema: str | None = None
    is_broken: bool = False


def _read_block_attributes(found: Declarations, block: Block, placed: _Placed) -> None:
    has_schema = False
    seen: set[str] = set()
    for placed_attribute in block.attributes:
        attribute = placed_attribute.attribute
        try:
            _check_block_attribute(block, attribute, seen)
            if attribute.name == "map":
                placed.name = database_name(attribute)
            elif attribute.name == "schema":
                has_schema = True
                placed.schema = _schema_of(found.datasource, attribute)
        except Invalid as invalid:
            placed.is_broken = True
            found.remarks.error(
                invalid.code, block.source, placed_attribute.base + invalid.at, invalid.message
            )
    if found.datasource.schemas and not has_schema:
        placed.is_broken = True
        message = f"the {block.kind} `{block.name}` has no `@@schema`, but the datasource has many"
        found.remarks.error(Code.ATTRIBUTE, block.source, block.at, message)


def _check_block_attribute(block: Block, attribute: Attribute, seen: set[str]) -> None:
    known = {"map", "schema"} if block.kind == "enum" else _BLOCK_ATTRIBUTES
    if attribute.name not in known:
        message = f"the attribute `@@{attribute.name}` is not known for this {block.kind}"
        raise Invalid(Code.ATTRIBUTE, attribute.at, message)
    if attribute.name in seen and attribute.name in _ONCE:
        message = f"the attribute `@@{attribute.name}` can be given once only"
        raise Invalid(Code.ATTRIBUTE, attribute.at, message)
    seen.add(attribute.name)


def _schema_of(datasource: Datasource, attribute: Attribute) -> str | None:
    name = short_text_of(read_arguments(attribute, ("map",), "map").get("map"), "map")
    if name is None:
        raise Invalid(Code.ATTRIBUTE, attribute.at, "`@@schema` needs a name")
    if datasource.schemas is not None and name not in datasource.schemas:
        message = f"the schema `{name}` is not in the `schemas` of the datasource"
        raise Invalid(Code.ATTRIBUTE, attribute.at, message)
    return None if name == DEFAULT_SCHEMA else name


def _collect_enum(found: Declarations, block: Block) -> None:
    placed = _Placed(block.name)
    _read_block_attributes(found, block, placed)
    labels: dict[str, str] = {}
    for value in block.values:
        try:
            if value.name in labels:
                message = f"the enum `{block.name}` has the value `{value.name}` twice"
                found.remarks.error(Code.DUPLICATE, block.source, value.at, message)
                placed.is_broken = True
            labels[value.name] = value.name
            for attribute in value.attributes:
                labels[value.name] = _label(attribute)
        except Invalid as invalid:
            placed.is_broken = True
            found.remarks.error(
                invalid.code, block.source, value.base + invalid.at, invalid.message
            )
    if not _labels_are_sound(found, block, labels) or block.is_broken or placed.is_broken:
        found.broken.add(block.name)
        return
    kind = declared(placed.name, placed.schema)
    found.enums[block.name] = EnumDeclaration(block.name, kind, labels, block.source, block.at)


def _label(attribute: Attribute) -> str:
    if attribute.name != "map":
        message = f"the attribute `@{attribute.name}` is not known for a value of an enum"
        raise Invalid(Code.ATTRIBUTE, attribute.at, message)
    return database_name(attribute)


def _labels_are_sound(found: Declarations, block: Block, labels: dict[str, str]) -> bool:
    message = None
    if not labels and not block.is_broken:
        message = f"the enum `{block.name}` has no value"
    elif len(set(labels.values())) < len(labels):
        message = f"two values of the enum `{block.name}` have the same label in the database"
    if message:
        found.remarks.error(Code.DUPLICATE, block.source, block.at, message)
    return message is None


def _refuse_equal_tables(found: Declarations) -> None:
    seen: dict[tuple[str | None, str], str] = {}
    for model in found.models.values():
        place = (model.schema, model.table)
        if place in seen and not model.is_view:
            model.is_broken = True
            message = f"the table `{model.table}` is already that of the model `{seen[place]}`"
            found.remarks.error(Code.DUPLICATE, model.source, model.block.at, message)
        seen.setdefault(place, model.name)
    types: dict[tuple[str | None, str], str] = {}
    for enum in found.enums.values():
        place = (enum.type.schema, enum.type.name)
        if place in types or place in seen:
            other = types.get(place) or seen[place]
            message = f"the type `{place[1]}` has the name that `{other}` has in the database"
            found.remarks.error(Code.DUPLICATE, enum.source, enum.at, message)
        types[place] = enum.name

"""The datasource and the generators: which database the models were written for.

Reads the blocks as data; connection URLs are never looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from appdb.source.frameworks.prisma.expressions import NotPrisma
from appdb.source.frameworks.prisma.remarks import Code, Remarks
from appdb.source.frameworks.prisma.syntax import (
    Block,
    Call,
    Expression,
    Name,
    Property,
    Text,
)
from appdb.source.frameworks.prisma.syntax import Sequence as Items
from appdb.source.frameworks.prisma.text import SourceText

POSTGRES = frozenset({"postgresql", "postgres"})
RELATIONAL = POSTGRES | {"mysql", "sqlite", "sqlserver", "cockroachdb"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedExtension:
    name: str
    schema: str | None
    source: SourceText
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Datasource:
    """`schemas` is None where nothing says which there are; `name` prefixes native types."""

    name: str = "db"
    provider: str = "postgresql"
    has_foreign_keys: bool = True
    schemas: frozenset[str] | None = None
    extensions: tuple[WantedExtension, ...] = ()

    @property
    def is_postgres(self) -> bool:
        return self.provider in POSTGRES


def read_datasource(blocks: Sequence[Block], remarks: Remarks) -> Datasource:
    """Read the datasource block; without one the models are taken for Postgres'."""
    blocks = [block for block in blocks if block.kind == "datasource"]
    if not blocks:
        return Datasource()
    for extra in blocks[1:]:
        remarks.error(Code.DATASOURCE, extra.source, extra.at, "only one datasource may be defined")
    block = blocks[0]
    values = {entry.name: entry for entry in block.properties}
    provider = _provider(block, values, remarks)
    return Datasource(
        name=block.name,
        provider=provider,
        has_foreign_keys=_has_foreign_keys(block, values, remarks),
        schemas=frozenset(_schemas(block, values, remarks)),
        extensions=_extensions(block, values, remarks),
    )


def _provider(block: Block, values: dict[str, Property], remarks: Remarks) -> str:
    entry = values.get("provider")
    if entry is None:
        remarks.error(Code.DATASOURCE, block.source, block.at, "the datasource has no `provider`")
        return "postgresql"
    value = entry.value
    if isinstance(value, Items) and value.items:
        value = value.items[0]
    provider = value.value if isinstance(value, Text) else None
    if provider in RELATIONAL:
        if provider not in POSTGRES:
            remarks.info(
                Code.PROVIDER,
                block.source,
                entry.at,
                f"written for {provider}; native types that Postgres lacks are left out",
            )
        return provider
    shown = f"`{provider}`" if provider else "this"
    remarks.error(
        Code.PROVIDER,
        block.source,
        entry.at,
        f"{shown} is no provider with tables (postgresql, mysql, sqlite, sqlserver, cockroachdb)",
    )
    return "postgresql"


def _has_foreign_keys(block: Block, values: dict[str, Property], remarks: Remarks) -> bool:
    entry = values.get("relationMode") or values.get("referentialIntegrity")
    if entry is None:
        return True
    mode = entry.value.value if isinstance(entry.value, Text) else None
    if mode not in {"prisma", "foreignKeys"}:
        remarks.error(
            Code.DATASOURCE,
            block.source,
            entry.at,
            f'`{entry.name}` must be "prisma" or "foreignKeys"',
        )
    return mode != "prisma"


def _schemas(block: Block, values: dict[str, Property], remarks: Remarks) -> list[str]:
    entry = values.get("schemas")
    if entry is None:
        return []
    items = entry.value.items if isinstance(entry.value, Items) else ()
    if not items or not all(isinstance(item, Text) and item.value for item in items):
        remarks.error(Code.DATASOURCE, block.source, entry.at, "`schemas` must be a list of names")
    return [item.value for item in items if isinstance(item, Text)]


def _extensions(
    block: Block, values: dict[str, Property], remarks: Remarks
) -> tuple[WantedExtension, ...]:
    entry = values.get("extensions")
    if entry is None or entry.value is None:
        return ()
    found = []
    items = entry.value.items if isinstance(entry.value, Items) else (entry.value,)
    for item in items:
        try:
            found.append(_extension(block, entry, item))
        except NotPrisma as problem:
            remarks.error(Code.EXTENSION, block.source, entry.base + problem.at, problem.message)
    return tuple(sorted(found, key=lambda extension: extension.name))


def _extension(block: Block, entry: Property, item: Expression) -> WantedExtension:
    at = entry.base + item.at
    if isinstance(item, Name):
        return WantedExtension(name=item.name, schema=None, source=block.source, at=at)
    if not isinstance(item, Call):
        raise NotPrisma(item.at, "an extension is a name, with or without arguments")
    given: dict[str, str] = {}
    for argument in item.arguments:
        if argument.name not in {"map", "schema", "version"} or not isinstance(
            argument.value, Text
        ):
            raise NotPrisma(
                argument.at, "an extension takes the strings `map`, `schema` and `version`"
            )
        given[argument.name] = argument.value.value
    return WantedExtension(
        name=given.get("map") or item.name,
        schema=given.get("schema"),
        source=block.source,
        at=at,
    )

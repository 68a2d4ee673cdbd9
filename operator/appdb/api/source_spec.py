"""`AppDatabase.spec.source`: where the application's own source comes from."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from appdb.api.base import Glob, Model, ObjectName, rule, rules


class Template(StrEnum):
    AUTH = "auth"
    BLOG = "blog"
    ECOMMERCE = "ecommerce"
    SAAS = "saas"


class SourceConfigMap(Model):
    name: ObjectName = Field(
        description="Name of a ConfigMap in this namespace. A key is a path; `__` in it stands "
        "for `/`. binaryData may hold a .tar.gz.",
    )
    optional: bool = Field(
        default=False,
        description="When true, a missing ConfigMap is passed over instead of waited for.",
    )


class SourceSpec(Model):
    """The source of the schema; exactly one of configMaps, inline and template."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "[has(self.configMaps), has(self.inline), has(self.template)]"
                ".filter(given, given).size() == 1",
                "source needs exactly one of configMaps, inline and template; without any "
                "source leave spec.source out",
            ),
        ),
    )

    config_maps: (
        Annotated[tuple[SourceConfigMap, ...], Field(min_length=1, max_length=32)] | None
    ) = Field(
        default=None,
        description="ConfigMaps that hold the source files, merged in this order. The same path "
        "in two of them is an error. Label them appdb.chatbuilds.com/source=true so that edits "
        "are noticed at once.",
    )
    inline: (
        Annotated[
            Mapping[str, Annotated[str, Field(max_length=262144)]],
            Field(min_length=1, max_length=64),
        ]
        | None
    ) = Field(
        default=None,
        description="Source files written here, path to text; for small schemas.",
    )
    template: Template | None = Field(
        default=None,
        description="A ready-made schema.",
    )
    framework: Annotated[
        str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z][A-Za-z0-9._-]*$")
    ] = Field(
        default="Auto",
        description="Auto, or the one front end that shall read the source, as Prisma or TypeORM.",
    )
    include: Annotated[tuple[Glob, ...], Field(max_length=64)] = Field(
        default=(),
        description="Globs over paths; only files that match one are read. Empty means all.",
    )
    exclude: Annotated[tuple[Glob, ...], Field(max_length=64)] = Field(
        default=(),
        description="Globs over paths; files that match one are left out.",
    )
    revision: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None,
        description="The revision that is expected. Nothing is applied until the ConfigMap's "
        "annotation appdb.chatbuilds.com/revision, or the digest of the source, equals it.",
    )

"""What all models of the contract share: reading, writing, and bounded scalar types.

Reading is tolerant of unknown fields, so that an older operator survives a newer CRD, and
strict about values; the API server refuses unknown fields where users write.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)
from pydantic.alias_generators import to_camel

from appdb.errors import InvalidSpec

Json = dict[str, Any]

# An empty model is none of these: an empty selector, say, means something.
_EMPTY: tuple[Any, ...] = (None, "", (), {})


class Model(BaseModel):
    """A frozen value with camelCase names outside and snake_case names inside."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
    )

    @classmethod
    def parse(cls, value: Mapping[str, Any] | None, *, at: str = "") -> Self:
        """Read a part of a live object; `at` is its path in the object, as "spec".

        Raises InvalidSpec that names the first wrong field; it never quotes the value.
        """
        try:
            return cls.model_validate(value or {}, by_name=False)
        except ValidationError as error:
            raise InvalidSpec(_located(error, at)) from error

    def to_object(self) -> Json:
        """The JSON form: camelCase names; what is absent or empty is left out."""
        return self.model_dump(mode="json", by_alias=True)

    @model_serializer(mode="wrap")
    def _without_empty(self, dump: SerializerFunctionWrapHandler) -> Json:
        dumped: Json = dump(self)
        for name, field in type(self).model_fields.items():
            if not field.is_required() and getattr(self, name) in _EMPTY:
                dumped.pop(name, None)
                dumped.pop(field.alias or name, None)
        return dumped


def rule(expression: str, message: str) -> dict[str, str]:
    """One CEL rule of `x-kubernetes-validations`; the message names the way out."""
    return {"rule": " ".join(expression.split()), "message": " ".join(message.split())}


def rules(*each: dict[str, str]) -> Json:
    return {"x-kubernetes-validations": list(each)}


def _located(error: ValidationError, at: str) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = at
    for part in first["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    more = error.error_count() - 1
    also = f" (and {more} more)" if more else ""
    return f"{path or 'object'}: {first['msg']}{also}. Correct this field and apply again"


def _to_whole_seconds(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def rfc3339(moment: datetime) -> str:
    """Write a moment in UTC as the Kubernetes API does, in whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


Time = Annotated[
    AwareDatetime,
    AfterValidator(_to_whole_seconds),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
]

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"

# Postgres: identifiers hold at most NAMEDATALEN - 1 = 63 bytes.
SqlName = Annotated[str, Field(min_length=1, max_length=63)]
# A table as people write it, with or without its schema.
TableName = Annotated[str, Field(min_length=1, max_length=127)]
ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=DNS_NAME)]
NamespaceName = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)]
SecretKey = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
HostName = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9._:\[\]-]+$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Glob = Annotated[str, Field(min_length=1, max_length=256)]
Path = Annotated[str, Field(min_length=1, max_length=1024)]
LINE_LIMIT = 1024
WORD_LIMIT = 128


def _cut(value: Any, limit: int) -> Any:
    return value[:limit] if isinstance(value, str) else value


# Texts that we report. Some come from users (a version in package.json, an annotation): too long
# a one is cut, so that the API server never refuses a status because of it.
Line = Annotated[
    str, BeforeValidator(lambda value: _cut(value, LINE_LIMIT)), Field(max_length=LINE_LIMIT)
]
Word = Annotated[
    str, BeforeValidator(lambda value: _cut(value, WORD_LIMIT)), Field(max_length=WORD_LIMIT)
]
Digest = Annotated[str, Field(max_length=71, pattern=r"^sha256:[0-9a-f]{64}$")]
ExtensionName = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z][a-z0-9_-]*$")]
Count = Annotated[int, Field(ge=0, le=2**53)]

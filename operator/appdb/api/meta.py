"""The parts of Kubernetes' own types that we read: object metadata and conditions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from appdb.api.base import Line, Model, Time


class ObjectMeta(Model):
    """Metadata of a live object, as far as the operator looks at it."""

    name: str = Field(default="", description="Name of the object.")
    namespace: str = Field(default="", description="Its namespace; empty for cluster kinds.")
    uid: str = Field(default="", description="Identity of this incarnation of the object.")
    generation: int = Field(default=0, description="Number of changes to the spec.")
    resource_version: str = Field(default="", description="Version for optimistic locking.")
    labels: Mapping[str, str] = Field(default_factory=dict, description="Labels.")
    annotations: Mapping[str, Line] = Field(
        default_factory=dict, description="Annotations; long values are cut."
    )
    finalizers: tuple[str, ...] = Field(default=(), description="Finalizers that hold it.")
    creation_timestamp: Time | None = Field(default=None, description="When it was created.")
    deletion_timestamp: Time | None = Field(default=None, description="When it was deleted.")

    @classmethod
    def of(cls, live: Mapping[str, Any]) -> "ObjectMeta":
        """The metadata of a live object; works however wrong its spec is."""
        return cls.parse(live.get("metadata"), at="metadata")

    @property
    def is_deleting(self) -> bool:
        return self.deletion_timestamp is not None


class Condition(Model):
    """One condition, as metav1.Condition."""

    type: Annotated[str, Field(max_length=316, pattern=r"^[A-Za-z][A-Za-z0-9]*$")] = Field(
        description="What the condition is about; one entry per type.",
    )
    status: Literal["True", "False", "Unknown"] = Field(
        description="Whether it holds.",
    )
    observed_generation: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="The metadata.generation that this condition was computed for.",
    )
    last_transition_time: Time = Field(
        description="When the status last changed; a new message does not move it.",
    )
    reason: Annotated[str, Field(min_length=1, max_length=128)] = Field(
        description="One word for why, out of a closed list; docs/conditions.md explains each.",
    )
    message: Annotated[str, Field(max_length=32768)] = Field(
        default="",
        description="One line: what happened and the next step.",
    )

    @property
    def is_true(self) -> bool:
        return self.status == "True"


Conditions = Annotated[
    tuple[Condition, ...],
    Field(
        max_length=16,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    ),
]


class NameRef(Model):
    name: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        description="Name of the object referred to.",
    )


class Endpoint(Model):
    """Where applications reach Postgres; no credentials."""

    host: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        description="Host name or address.",
    )
    port: Annotated[int, Field(ge=1, le=65535)] = Field(default=5432, description="TCP port.")


def seconds_between(start: datetime, end: datetime) -> float:
    """Seconds from start to end, to the millisecond, as status fields show them."""
    return round((end - start).total_seconds(), 3)

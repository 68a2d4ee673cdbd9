"""The operator's settings: read once from flags and `APPDB_*`, checked, frozen.

Unknown names are refused, so that a typing error does not pass for a default. No
credential is a setting: admin logins stand in Secrets.
"""

import os
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appdb.errors import InvalidSpec

PREFIX = "APPDB_"

# Set for tests and for the sandbox; they are not settings of the operator.
FOREIGN = frozenset(
    {"APPDB_PG_BIN", "APPDB_HELM", "APPDB_ENVTEST_MIRROR", "APPDB_CACHE", "APPDB_OPERATOR_PORT"}
)


class Settings(BaseModel):
    """All settings of `appdb run`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespaces: tuple[str, ...] = Field(
        default=(), description="Namespaces to watch; none means all."
    )
    operator_namespace: str = Field(
        default="appdb-system",
        description="Namespace of the operator: admin Secrets and the Lease are there.",
    )
    http_host: str = Field(default="0.0.0.0", description="Address of the probes and metrics.")  # noqa: S104 - the kubelet probes the pod's address
    http_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8080, description="Port of the probes and metrics; 0 asks for any."
    )
    log_level: str = Field(
        default="info",
        pattern="^(?i:debug|info|warning|error)$",
        description="Least level that is logged.",
    )
    log_format: str = Field(
        default="json", pattern="^(json|text)$", description="Form of a line of log."
    )
    leader_election: bool = Field(
        default=False, description="Elect a leader by a Lease; needed with two replicas."
    )
    workers: Annotated[int, Field(ge=1, le=512)] = Field(
        default=64, description="Most objects that are reconciled at one time."
    )
    grace_seconds: Annotated[float, Field(ge=1)] = Field(
        default=50.0, description="How long running work may end after SIGTERM."
    )


def read_settings(flags: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Return the settings: a flag wins over the variable of the same name.

    Raises:
        InvalidSpec: a value is wrong, or an `APPDB_*` variable is not known.
    """
    values: dict[str, Any] = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX) or variable in FOREIGN:
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in Settings.model_fields:
            known = ", ".join(PREFIX + field.upper() for field in Settings.model_fields)
            raise InvalidSpec(f"{variable} is not a setting; known are {known}")
        values[name] = text.split(",") if name == "namespaces" else text
    values |= {name: value for name, value in flags.items() if value not in (None, ())}
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise InvalidSpec(f"setting {first['loc'][0]}: {first['msg']}") from error


def read_from_process(flags: Mapping[str, Any]) -> Settings:
    """Read the settings of this process."""
    return read_settings(flags, os.environ)

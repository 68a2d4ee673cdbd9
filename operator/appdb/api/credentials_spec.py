"""`AppDatabase.spec.credentials` and `spec.access`: logins and the Secrets that hold them."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from appdb.api.base import Model, ObjectName, rule, rules
from appdb.api.quantities import Duration, parse_duration

DEFAULT_GRACE = timedelta(hours=1)
RESERVED_ACCESS_NAMES = ("owner", "app", "user", "user_b", "ro", "rw")


class EndpointChoice(StrEnum):
    PRIMARY = "Primary"
    POOLER = "Pooler"


class RotationMode(StrEnum):
    IN_PLACE = "InPlace"
    OVERLAP = "Overlap"


class AccessRole(StrEnum):
    READER = "Reader"
    WRITER = "Writer"


class RotationSpec(Model):
    """When the password changes, and how."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.interval) || duration(self.interval) >= duration('1h')",
                "rotation.interval must be at least 1h; to rotate once, change rotation.trigger",
            ),
            rule(
                "!has(self.grace) || duration(self.grace) <= duration('876000h')",
                "rotation.grace must be at most 876000h, a hundred years",
            ),
            rule(
                "!has(self.interval) || !has(self.grace)"
                " || duration(self.grace) < duration(self.interval)",
                "rotation.grace must be shorter than rotation.interval, so that one old login "
                "is gone before the next rotation",
            ),
        ),
    )

    interval: Duration | None = Field(
        default=None,
        description="Time between rotations, at least 1h. Without it only the trigger rotates.",
    )
    trigger: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None,
        description="Any text; a change of it rotates once. One that is there when the object "
        "is created counts as done.",
    )
    mode: RotationMode = Field(
        default=RotationMode.IN_PLACE,
        description="InPlace: the login gets a new password. Overlap: a second login takes over "
        "and the first one is dropped after the grace.",
    )
    grace: Duration | None = Field(
        default=None,
        description="How long the old login of an Overlap stays, from 0s. Default 1h, or half "
        "of the interval when that is shorter.",
    )

    def grace_period(self) -> timedelta:
        """The grace in force: as written, else one hour or half of the interval."""
        if self.grace is not None:
            return parse_duration(self.grace)
        if self.interval is None:
            return DEFAULT_GRACE
        return min(DEFAULT_GRACE, parse_duration(self.interval) / 2)


_OUR_LABELS = rule(
    "!self.exists(key, key.startsWith('appdb.chatbuilds.com/')"
    " || key == 'app.kubernetes.io/managed-by' || key == 'app.kubernetes.io/instance')",
    "labels appdb.chatbuilds.com/*, app.kubernetes.io/managed-by and app.kubernetes.io/instance "
    "belong to the operator and to GitOps tools; choose another key",
)
_OUR_ANNOTATIONS = rule(
    "!self.exists(key, key.startsWith('appdb.chatbuilds.com/'))",
    "annotations appdb.chatbuilds.com/* belong to the operator; choose another key",
)
_TEMPLATE_KEYS = rule(
    "self.all(key, key.matches('^[-._a-zA-Z0-9]{1,253}$'))",
    "keys of credentials.template are keys of a Secret: letters, digits, '-', '_' and '.'",
)


class CredentialsSpec(Model):
    """The login of the application and the Secret that carries it."""

    secret_name: ObjectName | None = Field(
        default=None,
        description="Name of the Secret; default <name>-db. May be set once.",
    )
    endpoint: EndpointChoice = Field(
        default=EndpointChoice.PRIMARY,
        description="Where uri, host and DATABASE_URL point to: the Primary or the Pooler.",
    )
    labels: Annotated[
        Mapping[
            str,
            Annotated[
                str, Field(max_length=63, pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")
            ],
        ],
        Field(max_length=32, json_schema_extra=rules(_OUR_LABELS)),
    ] = Field(
        default_factory=dict,
        description="Labels added to the Secret.",
    )
    annotations: Annotated[
        Mapping[str, Annotated[str, Field(max_length=1024)]],
        Field(max_length=32, json_schema_extra=rules(_OUR_ANNOTATIONS)),
    ] = Field(
        default_factory=dict,
        description="Annotations added to the Secret.",
    )
    template: Annotated[
        Mapping[str, Annotated[str, Field(max_length=4096)]],
        Field(max_length=32, json_schema_extra=rules(_TEMPLATE_KEYS)),
    ] = Field(
        default_factory=dict,
        description="More keys of the Secret; {{key}} in a value is replaced by the standard key "
        "of that name, as in jdbc:postgresql://{{host}}:{{port}}/{{database}}.",
    )
    rotation: RotationSpec | None = Field(
        default=None,
        description="When the password changes, and how; without it, never.",
    )


class AccessSpec(Model):
    """One more login, with a Secret of its own."""

    name: Annotated[
        str, Field(min_length=1, max_length=40, pattern=r"^[a-z]([a-z0-9_-]*[a-z0-9])?$")
    ] = Field(
        description="Name of the login within the database; its role is <database>_<name>.",
        json_schema_extra=rules(
            rule(
                f"!(self.replace('-', '_') in {list(RESERVED_ACCESS_NAMES)})",
                "owner, app, user, user_b, ro and rw are names of the database's own roles; "
                "choose another name",
            ),
        ),
    )
    role: AccessRole = Field(
        default=AccessRole.READER,
        description="Reader may read all tables; Writer may also change rows.",
    )
    secret_name: ObjectName | None = Field(
        default=None,
        description="Name of its Secret; default <object>-db-<name>.",
    )


AccessList = Annotated[
    tuple[AccessSpec, ...],
    Field(
        max_length=16,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        }
        | rules(
            rule(
                "self.all(a, self.exists_one(b,"
                " a.name.replace('-', '_') == b.name.replace('-', '_')))",
                "the names in access must differ in more than '-' and '_'",
            ),
            rule(
                "self.all(a, !self.exists(b, b.name == a.name + '_b'))",
                "of two names in access one must not be the other with _b behind it: that is the "
                "second login of an Overlap; choose another name",
            ),
            rule(
                "self.all(a, !has(a.secretName) || self.exists_one(b,"
                " has(b.secretName) && b.secretName == a.secretName))",
                "each login in access needs a Secret of its own: the secretNames must differ",
            ),
        ),
    ),
]

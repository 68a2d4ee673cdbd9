"""The credential Secret: what it should hold, and what can be read back from it.

Pure. Keys follow Service Binding, libpq's environment and what applications expect; the
list is API. A password comes in as a parameter and goes nowhere but into the result.
"""

import base64
import binascii
import hashlib
import re
import secrets as random_source
import string
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from appdb.api import names
from appdb.errors import InvalidSpec

PASSWORD_LENGTH = 32
# Unreserved characters of RFC 3986 without those that a shell or a template could touch.
PASSWORD_ALPHABET = string.ascii_letters + string.digits + "-_"
PROVIDER = "appdb-operator"
LABEL_VALUE_LIMIT = 63

_MOMENT = "%Y-%m-%dT%H:%M:%SZ"

# libpq falls back by itself with these two; drivers that know only "with" and "without"
# would refuse a server without TLS if the URI named them.
_MODES_LEFT_OUT_OF_URIS = frozenset({"prefer", "allow"})
_PLACEHOLDER = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Address:
    """Where something listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Everything that an application needs to log in."""

    main: Address
    primary: Address
    database: str
    username: str
    password: str = field(repr=False)
    sslmode: str
    ca: str | None = None
    pooler: Address | None = None
    replicas: tuple[Address, ...] = ()
    template: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """When the password in a Secret was made, for which trigger, and after which rotation.

    `since` is the rotation before this one, as status told of it. It is written in one stroke
    with the password, so that a run that was cut off before it could tell is not repeated.
    """

    at: datetime | None = None
    trigger: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretPlace:
    """Whose Secret it is, and the words around the data; `access` names a login of access[]."""

    namespace: str
    name: str
    database_object: str
    access: str = ""
    mark: Mark = field(default_factory=Mark)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    owner: Mapping[str, Any] | None = None


def new_password() -> str:
    """Return 32 characters from the operating system's source of randomness."""
    return "".join(random_source.choice(PASSWORD_ALPHABET) for _ in range(PASSWORD_LENGTH))


def build_secret(place: SecretPlace, credentials: Credentials) -> dict[str, Any]:
    """Return the Secret to apply; only what it names is ours.

    Raises:
        InvalidSpec: the template names a key that does not exist, or one of ours.
    """
    content = secret_keys(credentials)
    metadata: dict[str, Any] = {
        "namespace": place.namespace,
        "name": place.name,
        "labels": dict(place.labels)
        | our_labels(place.database_object)
        | ({names.LABEL_ACCESS: place.access} if place.access else {}),
        "annotations": dict(place.annotations)
        | {names.ANNOTATION_DATA_HASH: data_hash(content)}
        | _mark_annotations(place.mark),
    }
    if place.owner is not None:
        metadata["ownerReferences"] = [dict(place.owner)]
    data = {key: base64.b64encode(value.encode()).decode() for key, value in content.items()}
    return {"metadata": metadata, "type": names.SECRET_TYPE, "data": data}


def our_labels(database_object: str) -> dict[str, str]:
    """Return the labels by which a Secret is ours."""
    return {
        names.LABEL_MANAGED_BY: names.FIELD_MANAGER,
        names.LABEL_APPDATABASE: label_value(database_object),
    }


def label_value(name: str) -> str:
    """Fit an object's name into a label value: 63 characters, the rest hashed."""
    if len(name) <= LABEL_VALUE_LIMIT:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: LABEL_VALUE_LIMIT - 9].rstrip('-.')}-{digest}"


def is_ours(secret: Mapping[str, Any], database_object: str) -> bool:
    """Tell whether a live Secret belongs to the AppDatabase of that name."""
    labels = secret.get("metadata", {}).get("labels") or {}
    return bool(labels.get(names.LABEL_APPDATABASE) == label_value(database_object))


def has_lost_its_labels(secret: Mapping[str, Any]) -> bool:
    """Tell whether a live Secret is one that we wrote, and that nobody could tell to be ours."""
    metadata = secret.get("metadata", {})
    is_labelled = names.LABEL_APPDATABASE in (metadata.get("labels") or {})
    return not is_labelled and bool(_our_keys(metadata.get("managedFields") or ()))


def is_of_access(secret: Mapping[str, Any], database_object: str) -> bool:
    """Tell whether a live Secret is that of a login of access[], and no copy that somebody made.

    Only what we applied ourselves has our field manager on its keys.
    """
    metadata = secret.get("metadata", {})
    return (
        is_ours(secret, database_object)
        and names.LABEL_ACCESS in (metadata.get("labels") or {})
        and bool(_our_keys(metadata.get("managedFields") or ()))
    )


def is_intact(secret: Mapping[str, Any]) -> bool:
    """Tell whether what we wrote still stands as we wrote it.

    Which keys are ours is known from managedFields, so other people's keys do not matter.
    """
    metadata = secret.get("metadata", {})
    noted = (metadata.get("annotations") or {}).get(names.ANNOTATION_DATA_HASH)
    content = read_keys(secret)
    ours = _our_keys(metadata.get("managedFields") or ())
    return noted is not None and noted == data_hash({k: content[k] for k in ours if k in content})


def differs(live: Mapping[str, Any], desired: Mapping[str, Any]) -> bool:
    """Tell whether applying `desired` would change anything that is ours in `live`."""
    metadata, wanted = live.get("metadata", {}), desired["metadata"]
    owners = {owner["uid"] for owner in metadata.get("ownerReferences") or ()}
    wanted_owners = {owner["uid"] for owner in wanted.get("ownerReferences") or ()}
    return (
        not _contains(metadata.get("labels") or {}, wanted["labels"])
        or not _contains(metadata.get("annotations") or {}, wanted["annotations"])
        or _data_differs(live, desired)
        or not wanted_owners <= owners
        or (bool(owners) and not wanted_owners)
    )


def is_sealed_against(live: Mapping[str, Any], desired: Mapping[str, Any]) -> bool:
    """Tell whether somebody made a Secret immutable that has to change."""
    return bool(live.get("immutable")) and _data_differs(live, desired)


def _data_differs(live: Mapping[str, Any], desired: Mapping[str, Any]) -> bool:
    ours = _our_keys(live.get("metadata", {}).get("managedFields") or ())
    is_there = _contains(live.get("data") or {}, desired["data"])
    return not is_there or bool(ours - set(desired["data"]))


def _contains(whole: Mapping[str, str], part: Mapping[str, str]) -> bool:
    return all(whole.get(key) == value for key, value in part.items())


def _our_keys(managed_fields: Iterable[Mapping[str, Any]]) -> set[str]:
    return {
        key.removeprefix("f:")
        for entry in managed_fields
        if entry.get("manager") == names.FIELD_MANAGER
        for key in entry.get("fieldsV1", {}).get("f:data", {})
        if key.startswith("f:")
    }


def read_keys(secret: Mapping[str, Any]) -> dict[str, str]:
    """Decode the data of a Secret; what is not text is left out."""
    content: dict[str, str] = {}
    for key, value in (secret.get("data") or {}).items():
        try:
            content[key] = binascii.a2b_base64(value, strict_mode=True).decode()
        except ValueError:
            continue
    return content


def read_password(secret: Mapping[str, Any]) -> str | None:
    """Read back the password that we gave out, even after somebody edited a key.

    The password stands in several keys; what at least two of them agree on is taken. None
    means that nothing trustworthy is left and a new one must be made.
    """
    content = read_keys(secret)
    votes = Counter(
        vote
        for vote in (
            content.get("password"),
            content.get("PGPASSWORD"),
            _password_in(content.get("uri")),
            _password_in(content.get("DATABASE_URL")),
        )
        if vote
    )
    if not votes:
        return None
    password, count = votes.most_common(1)[0]
    return password if count >= 2 else None


def read_username(secret: Mapping[str, Any]) -> str | None:
    """Read back the login that we gave out, even after somebody edited a key."""
    content = read_keys(secret)
    found = (content.get("username"), content.get("user"), content.get("PGUSER"))
    votes = Counter(
        vote for vote in (*found, _username_in(content.get("uri"))) if vote
    ).most_common(1)
    return votes[0][0] if votes else None


def read_mark(secret: Mapping[str, Any]) -> Mark:
    """Read when and for what the password was made; what cannot be read is left out."""
    annotations = secret.get("metadata", {}).get("annotations") or {}
    return Mark(
        at=_moment(annotations.get(names.ANNOTATION_ROTATED_AT)),
        trigger=annotations.get(names.ANNOTATION_ROTATED_FOR, ""),
        since=_moment(annotations.get(names.ANNOTATION_ROTATED_SINCE)),
    )


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, _MOMENT).replace(tzinfo=UTC)
    except ValueError:
        return None


def _mark_annotations(mark: Mark) -> dict[str, str]:
    written = {
        names.ANNOTATION_ROTATED_AT: mark.at.strftime(_MOMENT) if mark.at else "",
        names.ANNOTATION_ROTATED_FOR: mark.trigger,
        names.ANNOTATION_ROTATED_SINCE: mark.since.strftime(_MOMENT) if mark.since else "",
    }
    return {name: text for name, text in written.items() if text}


def data_hash(content: Mapping[str, str]) -> str:
    """Return a digest of keys and values, to see later whether they were touched."""
    digest = hashlib.sha256()
    for key in sorted(content):
        digest.update(f"{len(key)}:{key}{len(content[key])}:{content[key]}".encode())
    return f"sha256:{digest.hexdigest()}"


def secret_keys(credentials: Credentials) -> dict[str, str]:
    """Return every key of the Secret with its value, the template's included."""
    standard = _standard_keys(credentials)
    return standard | _rendered(credentials.template, standard)


def _standard_keys(credentials: Credentials) -> dict[str, str]:
    main = credentials.main
    uri = _uri(credentials, (main,))
    content = {
        "type": "postgresql",
        "provider": PROVIDER,
        "host": main.host.strip("[]"),
        "port": str(main.port),
        "database": credentials.database,
        "dbname": credentials.database,
        "username": credentials.username,
        "user": credentials.username,
        "password": credentials.password,
        "uri": uri,
        "connection_string": uri,
        "jdbc-uri": _jdbc_uri(credentials),
        "pgpass": _pgpass(credentials),
        "sslmode": credentials.sslmode,
        "DATABASE_URL": uri,
        "PGHOST": main.host.strip("[]"),
        "PGPORT": str(main.port),
        "PGUSER": credentials.username,
        "PGPASSWORD": credentials.password,
        "PGDATABASE": credentials.database,
        "PGSSLMODE": credentials.sslmode,
    }
    if credentials.ca is not None:
        content["ca.crt"] = credentials.ca
    if credentials.pooler is not None:
        content["direct-uri"] = _uri(credentials, (credentials.primary,))
        content["pooler-uri"] = _uri(credentials, (credentials.pooler,))
    if credentials.replicas:
        content["replica-uri"] = _uri(credentials, credentials.replicas)
        content["direct-uri"] = _uri(credentials, (credentials.primary,))
    return content


def _rendered(template: Mapping[str, str], standard: Mapping[str, str]) -> dict[str, str]:
    taken = sorted(set(template) & set(standard))
    if taken:
        raise InvalidSpec(
            f"credentials.template: {taken[0]} is a standard key of the Secret; choose another name"
        )
    return {key: _substituted(key, text, standard) for key, text in template.items()}


def _substituted(key: str, text: str, standard: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in standard:
            raise InvalidSpec(
                f"credentials.template.{key}: {{{{{name}}}}} is not a standard key of the Secret; "
                f"known are {', '.join(sorted(standard))}"
            )
        return standard[name]

    return _PLACEHOLDER.sub(value, text)


def _encoded(text: str) -> str:
    return quote(text, safe="")


def _host(address: Address) -> str:
    """RFC 3986: an IPv6 address stands in brackets."""
    bare = address.host.strip("[]")
    return f"[{bare}]" if ":" in bare else _encoded(bare)


def _uri(credentials: Credentials, addresses: tuple[Address, ...]) -> str:
    """Spell a URI of libpq; several hosts are tried in their order."""
    hosts = ",".join(f"{_host(address)}:{address.port}" for address in addresses)
    login = f"{_encoded(credentials.username)}:{_encoded(credentials.password)}"
    uri = f"postgresql://{login}@{hosts}/{_encoded(credentials.database)}"
    if credentials.sslmode in _MODES_LEFT_OUT_OF_URIS:
        return uri
    return f"{uri}?sslmode={_encoded(credentials.sslmode)}"


def _jdbc_uri(credentials: Credentials) -> str:
    host = f"{_host(credentials.main)}:{credentials.main.port}"
    return (
        f"jdbc:postgresql://{host}/{_encoded(credentials.database)}"
        f"?user={_encoded(credentials.username)}&password={_encoded(credentials.password)}"
        f"&sslmode={_encoded(credentials.sslmode)}"
    )


def _pgpass(credentials: Credentials) -> str:
    r"""Spell a line of a password file; libpq wants `:` and `\` escaped."""
    fields = (
        credentials.main.host.strip("[]"),
        str(credentials.main.port),
        credentials.database,
        credentials.username,
        credentials.password,
    )
    return ":".join(part.replace("\\", "\\\\").replace(":", "\\:") for part in fields)


def _password_in(uri: str | None) -> str | None:
    return _part_of(uri, "password")


def _username_in(uri: str | None) -> str | None:
    return _part_of(uri, "username")


def _part_of(uri: str | None, part: str) -> str | None:
    if not uri:
        return None
    try:
        encoded = getattr(urlsplit(uri), part)
    except ValueError:
        return None
    return unquote(encoded) if encoded else None

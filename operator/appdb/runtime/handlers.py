"""kopf's handlers: each turns a watch event into keys of the queue, and does nothing else.

No request, no decision, nothing that can fail: events repeat after every new list, and
each run reads afresh, so a lost event heals. What only we ourselves changed is left out,
so that an object is not looked at again because of its own status.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import kopf

from appdb.api import names
from appdb.cluster.resources import (
    APP_DATABASES,
    CONFIG_MAPS,
    DATABASE_SERVERS,
    NAMESPACES,
    SECRETS,
    Resource,
)
from appdb.cluster.secrets import is_intact
from appdb.reconcile.keys import Kind, ObjectKey, database_key, plan_key, server_key
from appdb.reconcile.refs import DEFAULT_SERVER, Ref, ReferenceMap, Relation

# Several ConfigMaps of one `kubectl apply` arrive within this time and make one run.
SETTLE_SECONDS = 0.3

# A server counts its databases this long after one came or went, so once for many; after a
# start, that is after all of them have been listed.
COUNT_SECONDS = 1.0

_RELATIONS = {CONFIG_MAPS: Relation.SOURCE, SECRETS: Relation.SECRET}

Body = Mapping[str, Any]
Add = Callable[[ObjectKey], None]
IsAsListed = Callable[[Resource, Body, str | None], bool]
AddAfter = Callable[[ObjectKey, float], None]


@dataclass(slots=True, kw_only=True)
class Triggers:
    """Keeps the reference map and feeds the queue."""

    refs: ReferenceMap
    add: Add
    add_after: AddAfter
    forget: Callable[[ObjectKey], None]
    operator_namespace: str
    add_behind: Add
    is_as_listed: IsAsListed = lambda _resource, _body, _change: False
    ask: Callable[[ObjectKey], None] = lambda _key: None
    leave: Callable[[ObjectKey, bool], None] = lambda _key, _is_leaving: None
    _seen: dict[ObjectKey, tuple[object, ...]] = field(default_factory=dict)
    _labels: dict[str, Mapping[str, str]] = field(default_factory=dict)
    _decisions: dict[str, str | None] = field(default_factory=dict)
    _admin_secrets: dict[str, str] = field(default_factory=dict)

    def on_database(self, change: str | None, body: Body) -> None:
        """Handle an AppDatabase: remember its references, look at it when it changed."""
        metadata = body["metadata"]
        key = database_key(metadata["namespace"], metadata["name"])
        is_left = self.is_as_listed(APP_DATABASES, body, change)
        self.leave(key, change != "DELETED" and "deletionTimestamp" in metadata)
        if change == "DELETED":
            self._recount(key)
            self._gone(key)
            return
        is_new = not self.refs.knows(key)
        self.refs.update(key, database_refs(body))
        if is_new:
            self._recount(key)
        seen = (*fingerprint(body), _lost_finalizer(body), _last_rotated(body))
        if self._is_news(key, seen) or change is None:
            # What the process before left in order does not go before what changes now.
            (self.add_behind if is_left and _is_handled(body) else self.add)(key)

    def on_server(self, change: str | None, body: Body) -> None:
        """Handle a DatabaseServer: look at it, and at every database on it, when it changed."""
        name = body["metadata"]["name"]
        key = server_key(name)
        users = self._users_of(name)
        is_left = self.is_as_listed(DATABASE_SERVERS, body, change)
        if change == "DELETED":
            self._gone(key)
            self._add_all(users)
            return
        self.refs.update(key, server_refs(body, self.operator_namespace))
        is_news = self._is_news(key, fingerprint(body))
        if change is None and _is_handled(body):
            self.add_after(key, COUNT_SECONDS)
        elif is_news or change is None:
            self.add(key)
        if is_news and not is_left:
            self._add_all(users)

    def on_plan(self, change: str | None, body: Body) -> None:
        """Handle a SchemaPlan: look at its database when somebody decided, or took it away."""
        metadata, spec = body["metadata"], body.get("spec") or {}
        database = (spec.get("appDatabaseRef") or {}).get("name", "")
        key = database_key(metadata["namespace"], database)
        uid, decision = str(metadata.get("uid")), spec.get("decision")
        known = self._decisions.get(uid)
        if change == "DELETED":
            self._decisions.pop(uid, None)
        else:
            self._decisions[uid] = decision
        if _is_asked(body):
            self.add(plan_key(metadata["namespace"], metadata["name"]))
        # A new plan is our own, and what stands in it from its start nobody else decided.
        is_news = change == "DELETED" or known not in {None, decision}
        if is_news and self.refs.knows(key):
            self.ask(key)
            self.add(key)

    def on_config_map(self, change: str | None, body: Body) -> None:
        """Handle a ConfigMap with source: a new one is waited for, an edited one may be many."""
        ref = Ref(Relation.SOURCE, body["metadata"]["namespace"], body["metadata"]["name"])
        if self.is_as_listed(CONFIG_MAPS, body, change):
            return
        for key in self.refs.who(ref):
            if change in {None, "ADDED"}:
                self.add(key)
            else:
                self.add_after(key, SETTLE_SECONDS)

    def on_secret(self, change: str | None, body: Body) -> None:
        """Handle a Secret of ours that is gone or not as we wrote it."""
        if self.is_as_listed(SECRETS, body, change):
            return
        if change != "DELETED" and is_intact(body):
            return
        ref = Ref(Relation.SECRET, body["metadata"]["namespace"], body["metadata"]["name"])
        self._add_all(self.refs.who(ref))

    def on_admin_secret(self, change: str | None, body: Body) -> None:
        """Handle a Secret of the operator's namespace: look at the servers that name it."""
        name, version = body["metadata"]["name"], body["metadata"]["resourceVersion"]
        before = self._admin_secrets.get(name)
        if change == "DELETED":
            self._admin_secrets.pop(name, None)
        else:
            self._admin_secrets[name] = version
        # At the start every server is looked at anyway; a new list tells what is known.
        if before == version or (change is None and before is None):
            return
        ref = Ref(Relation.SECRET, self.operator_namespace, name)
        self._add_all(key for key in self.refs.who(ref) if key.kind is Kind.DATABASE_SERVER)

    def on_namespace(self, change: str | None, body: Body) -> None:
        """Handle a namespace whose labels changed: it may have lost or won a server."""
        name = body["metadata"]["name"]
        labels = dict(body["metadata"].get("labels") or {})
        before = self._labels.get(name)
        self._labels[name] = labels
        is_left = self.is_as_listed(NAMESPACES, body, change)
        if change == "DELETED":
            del self._labels[name]
        elif before != labels and not is_left and (before is not None or change is None):
            self._add_all(self.refs.who(Ref(Relation.NAMESPACE, "", name)))

    def on_listed(self, databases: Iterable[Body]) -> None:
        """Remember who refers to what before the watches tell of it one by one."""
        for body in databases:
            metadata = body["metadata"]
            key = database_key(metadata["namespace"], metadata["name"])
            self.refs.update(key, database_refs(body))

    def on_unseen(self, resource: Resource, namespace: str, name: str) -> None:
        """Handle what was listed at the start and was gone before the watches began."""
        if resource is APP_DATABASES:
            key = database_key(namespace, name)
            self._recount(key)
            self._gone(key)
            self.add(key)
        elif resource is DATABASE_SERVERS:
            self._add_all(self._users_of(name))
        elif resource in _RELATIONS:
            self._add_all(self.refs.who(Ref(_RELATIONS[resource], namespace, name)))

    def _recount(self, database: ObjectKey) -> None:
        """Have the server of a database count again; of an unnamed one, each that may be it."""
        name = self.refs.server_of(database)
        servers = (server_key(name),) if name else self.refs.keys_of(Kind.DATABASE_SERVER)
        for server in servers:
            self.add_after(server, COUNT_SECONDS)

    def _gone(self, key: ObjectKey) -> None:
        self._seen.pop(key, None)
        self.refs.remove(key)
        self.forget(key)

    def _is_news(self, key: ObjectKey, seen: tuple[object, ...]) -> bool:
        before = self._seen.get(key)
        self._seen[key] = seen
        return before != seen

    def _users_of(self, server: str) -> tuple[ObjectKey, ...]:
        named = self.refs.who(Ref(Relation.SERVER, "", server))
        return named + self.refs.who(Ref(Relation.SERVER, "", DEFAULT_SERVER))

    def _add_all(self, keys: Iterable[ObjectKey]) -> None:
        for key in keys:
            self.add(key)


def fingerprint(body: Body) -> tuple[object, ...]:
    """Reduce an object to what a person or another controller changed; status is left out."""
    metadata = body["metadata"]
    annotations = metadata.get("annotations") or {}
    return (
        metadata.get("uid"),
        metadata.get("generation"),
        metadata.get("deletionTimestamp"),
        annotations.get(names.ANNOTATION_REQUESTED_AT),
        annotations.get(names.ANNOTATION_FORCE_FORGET),
        annotations.get(names.ANNOTATION_ACCEPT_SERVER),
    )


def server_refs(body: Body, operator_namespace: str) -> tuple[Ref, ...]:
    """Return the Secrets that a DatabaseServer refers to: of its admin, and of its CA."""
    spec = body.get("spec") or {}
    named = (spec.get("adminSecretRef"), (spec.get("tls") or {}).get("caSecretRef"))
    return tuple(
        Ref(Relation.SECRET, operator_namespace, each.get("name", "")) for each in named if each
    )


def database_refs(body: Body) -> tuple[Ref, ...]:
    """Return everything that an AppDatabase refers to; tolerant of whatever stands in it."""
    metadata, spec = body["metadata"], body.get("spec") or {}
    namespace, name = metadata["namespace"], metadata["name"]
    sources = (spec.get("source") or {}).get("configMaps") or ()
    secret = (spec.get("credentials") or {}).get("secretName") or f"{name}-db"
    server = (spec.get("serverRef") or {}).get("name") or DEFAULT_SERVER
    accesses = spec.get("access") or ()
    return (
        Ref(Relation.SERVER, "", server),
        Ref(Relation.NAMESPACE, "", namespace),
        Ref(Relation.SECRET, namespace, secret),
        *(Ref(Relation.SOURCE, namespace, source["name"]) for source in sources),
        *(
            Ref(
                Relation.SECRET,
                namespace,
                access.get("secretName") or f"{name}-db-{access['name'].replace('_', '-')}",
            )
            for access in accesses
        ),
    )


def _is_asked(body: Body) -> bool:
    """Tell whether somebody asked for a look by annotation and did not get it yet."""
    annotations = body["metadata"].get("annotations") or {}
    requested = annotations.get(names.ANNOTATION_REQUESTED_AT)
    handled = (body.get("status") or {}).get("lastHandledReconcileAt")
    return bool(requested) and requested != handled


def _is_handled(body: Body) -> bool:
    """Tell whether the object has been looked at since its spec last changed."""
    observed = (body.get("status") or {}).get("observedGeneration")
    return bool(observed == body["metadata"].get("generation"))


def _lost_finalizer(body: Body) -> bool:
    """Tell whether somebody took our finalizer away; that we added it is no news."""
    has_database = bool((body.get("status") or {}).get("database"))
    return has_database and names.FINALIZER not in (body["metadata"].get("finalizers") or ())


def _last_rotated(body: Body) -> object:
    """Read when the password of an object that rotates was last set: a person may set it back."""
    if not ((body.get("spec") or {}).get("credentials") or {}).get("rotation"):
        return None
    return ((body.get("status") or {}).get("credentials") or {}).get("lastRotated")


Deliver = Callable[[str | None, Body], None]


def register(
    registry: kopf.OperatorRegistry,
    triggers: Triggers,
    deliver: Callable[[Deliver, str | None, Body], None],
) -> None:
    """Bind the triggers to kopf's watches, in a registry of our own.

    `deliver` brings an event to the loop on which the triggers may be called.
    """

    def on(group: str, version: str, plural: str, act: Deliver) -> None:
        _bind(registry, (group, version, plural), act, deliver)

    on(names.GROUP, names.VERSION, names.APPDATABASES, triggers.on_database)
    on(names.GROUP, names.VERSION, names.DATABASESERVERS, triggers.on_server)
    on(names.GROUP, names.VERSION, names.SCHEMAPLANS, triggers.on_plan)
    on("", "v1", "configmaps", triggers.on_config_map)
    on("", "v1", "secrets", triggers.on_secret)
    on("", "v1", "namespaces", triggers.on_namespace)


def register_admin_secrets(
    registry: kopf.OperatorRegistry,
    triggers: Triggers,
    deliver: Callable[[Deliver, str | None, Body], None],
) -> None:
    """Bind the one trigger for the Secrets of the operator's own namespace."""
    _bind(registry, ("", "v1", "secrets"), triggers.on_admin_secret, deliver)


def _bind(
    registry: kopf.OperatorRegistry,
    resource: tuple[str, str, str],
    act: Deliver,
    deliver: Callable[[Deliver, str | None, Body], None],
) -> None:
    @kopf.on.event(*resource, registry=registry)
    async def _handle(event: kopf.RawEvent, **_: Any) -> None:
        deliver(act, event["type"], event["object"])

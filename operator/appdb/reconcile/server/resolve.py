"""Finds the server of an AppDatabase, and the operator's sessions on it.

Reads only. Tenants name a server; host and admin login come from objects that only the
platform team can write.
"""

import asyncio

from appdb.api.server import DatabaseServer
from appdb.cluster.client import Json, Reader
from appdb.cluster.resources import DATABASE_SERVERS, NAMESPACES, SECRETS
from appdb.cluster.secrets import read_keys
from appdb.errors import AuthenticationFailed, ServerNotAllowed, ServerNotFound, TLSFailed
from appdb.postgres.connect import Login, ServerAddress
from appdb.postgres.sessions import AdminSessions
from appdb.reconcile.context import Context


async def find_server(cluster: Reader, name: str | None) -> DatabaseServer:
    """Return the server of that name, or the default one.

    Raises:
        ServerNotFound: there is none, or not exactly one default.
    """
    if name is None:
        return await _default_server(cluster)
    live = await cluster.get(DATABASE_SERVERS, None, name)
    if live is None:
        raise ServerNotFound(
            f"DatabaseServer {name} does not exist; create it, or make this object anew with "
            "another spec.serverRef.name"
        )
    return DatabaseServer.of(live)


async def require_admission(cluster: Reader, server: DatabaseServer, namespace: str) -> None:
    """Check that the server admits the namespace.

    Raises:
        ServerNotAllowed: it does not; existing data stays untouched.
    """
    allowed = server.spec.allowed_namespaces
    labels: dict[str, str] = {}
    if allowed.selector is not None:
        live = await cluster.get(NAMESPACES, None, namespace) or {}
        labels = live.get("metadata", {}).get("labels") or {}
    if not allowed.admits(namespace, labels):
        raise ServerNotAllowed(
            f"DatabaseServer {server.metadata.name} does not admit namespace {namespace}; ask its "
            "owner to add it to spec.allowedNamespaces, or name another server"
        )


async def admin_sessions(context: Context, server: DatabaseServer) -> AdminSessions:
    """Give the operator's sessions on a server.

    The admin login, and the CA where one is named, are read anew from the operator's namespace.

    Raises:
        AuthenticationFailed: the Secret or one of its keys is missing.
        TLSFailed: the Secret of the CA is missing.
    """
    cluster, operator_namespace = context.cluster, context.operator_namespace
    ref, tls = server.spec.admin_secret_ref, server.spec.tls
    names = [ref.name, *([tls.ca_secret_ref.name] if tls.ca_secret_ref else [])]
    found = await asyncio.gather(
        *(cluster.get(SECRETS, operator_namespace, name) for name in names)
    )
    login = _login(found[0], server, operator_namespace)
    ca_pem = _ca(found[1], server, operator_namespace) if tls.ca_secret_ref else None
    address = ServerAddress(
        host=server.spec.host,
        port=server.spec.port,
        maintenance_database=server.spec.maintenance_database,
        tls_mode=tls.effective_mode().value,
        ca_pem=ca_pem,
        name=server.metadata.name,
    )
    return await context.sessions.sessions_for(
        server.metadata.name, address, login, limit=server.spec.connections.max
    )


async def _default_server(cluster: Reader) -> DatabaseServer:
    live = await cluster.list(DATABASE_SERVERS)
    defaults = [each for each in live if (each.get("spec") or {}).get("isDefault")]
    if len(defaults) == 1:
        return DatabaseServer.of(defaults[0])
    if not defaults:
        raise ServerNotFound(
            "no DatabaseServer is the default; name one in spec.serverRef.name, or ask the "
            "platform team to set isDefault on one"
        )
    names = ", ".join(sorted(each["metadata"]["name"] for each in defaults))
    raise ServerNotFound(
        f"more than one DatabaseServer is the default ({names}); name one in "
        "spec.serverRef.name, or ask the platform team to leave one default"
    )


def _login(secret: Json | None, server: DatabaseServer, namespace: str) -> Login:
    ref = server.spec.admin_secret_ref
    place = f"Secret {namespace}/{ref.name} of DatabaseServer {server.metadata.name}"
    if secret is None:
        raise AuthenticationFailed(f"{place} does not exist; create it with the admin login")
    # `echo word | base64` brings the end of its line along, which is part of no login.
    content = {key: value.rstrip("\r\n") for key, value in read_keys(secret).items()}
    for key in (ref.username_key, ref.password_key):
        if not content.get(key):
            others = ", ".join(sorted(content)) or "none"
            raise AuthenticationFailed(
                f"{place} has nothing under the key {key}; add it, or name another in"
                f" spec.adminSecretRef (keys that are there: {others})"
            )
    return Login(username=content[ref.username_key], password=content[ref.password_key])


def _ca(secret: Json | None, server: DatabaseServer, namespace: str) -> str:
    ref = server.spec.tls.ca_secret_ref
    key = ref.key if ref else ""
    found = read_keys(secret).get(key) if secret is not None else None
    if not found:
        raise TLSFailed(
            f"Secret {namespace}/{ref.name if ref else ''} of DatabaseServer "
            f"{server.metadata.name} has no certificates under {key}; put the CA there as PEM"
        )
    return found

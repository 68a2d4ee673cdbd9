"""The resources that the operator reads or writes, and their URLs.

Names only; what may be done with each is said by the roles in deploy/.
"""

from dataclasses import dataclass

from appdb.api import names


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object: group and version as in the URL, and the plural name."""

    api_version: str
    plural: str
    kind: str
    namespaced: bool = True

    def path(self, namespace: str | None, name: str | None = None, subresource: str = "") -> str:
        """Return the URL path of one object, or of a collection without a name."""
        root = (
            f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        )
        parts = [root]
        if self.namespaced and namespace is not None:
            parts.append(f"namespaces/{namespace}")
        parts.append(self.plural)
        if name is not None:
            parts.append(name)
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


APP_DATABASES = Resource(names.API_VERSION, names.APPDATABASES, "AppDatabase")
DATABASE_SERVERS = Resource(
    names.API_VERSION, names.DATABASESERVERS, "DatabaseServer", namespaced=False
)
SCHEMA_PLANS = Resource(names.API_VERSION, names.SCHEMAPLANS, "SchemaPlan")
CONFIG_MAPS = Resource("v1", "configmaps", "ConfigMap")
SECRETS = Resource("v1", "secrets", "Secret")
EVENTS = Resource("v1", "events", "Event")
NAMESPACES = Resource("v1", "namespaces", "Namespace", namespaced=False)
KINDS = Resource(
    "apiextensions.k8s.io/v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    namespaced=False,
)
# Of these only what carries the label is listed and watched: without it every one of them in the
# cluster would stream through the operator.
SELECTORS = {
    CONFIG_MAPS: f"{names.LABEL_SOURCE}=true",
    SECRETS: f"{names.LABEL_MANAGED_BY}={names.FIELD_MANAGER}",
}
LEASES = Resource("coordination.k8s.io/v1", "leases", "Lease")

"""Every name that other people's manifests, selectors and scripts may hold.

They are API: a change here breaks users. The values are constants; nothing is computed.
"""

GROUP = "appdb.chatbuilds.com"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
CATEGORY = "dbplatform"

FIELD_MANAGER = "appdb-operator"
FINALIZER = f"{GROUP}/database"

# Labels
LABEL_SOURCE = f"{GROUP}/source"  # on ConfigMaps: "true" makes edits noticed at once
LABEL_APPDATABASE = f"{GROUP}/appdatabase"  # on Secrets and plans: the object they belong to
LABEL_ACCESS = f"{GROUP}/access"  # on Secrets of spec.access: the name of the login
LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
LABEL_INSTANCE = "app.kubernetes.io/instance"  # never set by us: GitOps tools track by it
LABEL_PROVISIONED_SERVICE = "servicebinding.io/provisioned-service"

# Annotations
ANNOTATION_REQUESTED_AT = f"{GROUP}/requested-at"  # reconcile now; every kind
ANNOTATION_FORCE_FORGET = f"{GROUP}/force-forget"  # release a finalizer whose server is gone
ANNOTATION_REVISION = f"{GROUP}/revision"  # on ConfigMaps: the revision of the source
ANNOTATION_ACCEPT_SERVER = f"{GROUP}/accept-server"  # on DatabaseServer: a system identifier
ANNOTATION_DATA_HASH = f"{GROUP}/data-hash"  # on Secrets: digest of what we wrote
ANNOTATION_ROTATED_AT = f"{GROUP}/rotated-at"  # on Secrets: when their password was made
ANNOTATION_ROTATED_FOR = f"{GROUP}/rotated-for"  # on Secrets: the trigger it was made for
ANNOTATION_ROTATED_SINCE = f"{GROUP}/rotated-since"  # on Secrets: the rotation before it

SECRET_TYPE = "servicebinding.io/postgresql"  # noqa: S105 - a type of Secret, not a secret

# Resources (plural names) as they stand in URLs and RBAC
APPDATABASES = "appdatabases"
DATABASESERVERS = "databaseservers"
SCHEMAPLANS = "schemaplans"

"""Is it still the same Postgres cluster? Pure.

A server that was restored, replaced or mixed up answers under the old address with
another system identifier; writing to it could destroy what belongs to somebody else.
"""

from appdb.api import names
from appdb.api.server import DatabaseServer
from appdb.errors import ServerChanged


def require_same_server(server: DatabaseServer, found: str, known: str) -> None:
    """Check the identity of the cluster that answers against what was known.

    Raises:
        ServerChanged: it is another one, and no person has confirmed it yet.
    """
    accepted = server.metadata.annotations.get(names.ANNOTATION_ACCEPT_SERVER, "")
    expected = {known, server.status.system_identifier} - {""}
    if expected <= {found} or accepted == found:
        return
    raise ServerChanged(
        f"DatabaseServer {server.metadata.name} was Postgres cluster "
        f"{min(expected - {found})}, now {found} answers; nothing is written. If that is right, "
        f'annotate it with {names.ANNOTATION_ACCEPT_SERVER}="{found}"'
    )

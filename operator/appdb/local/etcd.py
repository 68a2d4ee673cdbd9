"""Forgets etcd's history, as a busy cluster does every five minutes.

Speaks etcd's JSON gateway over its UNIX socket; for tests that want a real 410 Gone.
"""

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from appdb.local.failure import SandboxError

SOCKET_NAME = "etcd.sock:0"
TIMEOUT_SECONDS = 10


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a UNIX socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_SECONDS)
        self.sock.connect(str(self._path))


def compact(etcd_dir: Path) -> int:
    """Drop all revisions but the newest; that one is returned.

    A watch from an older one gets 410 Gone once the API server's own cache has not got it
    either, which is so after its restart.
    """
    revision = int(_ask(etcd_dir, "/v3/kv/range", {"key": "AA=="})["header"]["revision"])
    _ask(etcd_dir, "/v3/kv/compaction", {"revision": revision, "physical": True})
    return revision


def _ask(etcd_dir: Path, path: str, body: dict[str, Any]) -> dict[str, Any]:
    connection = _SocketConnection(etcd_dir / SOCKET_NAME)
    try:
        connection.request("POST", path, json.dumps(body))
        answer = connection.getresponse()
        text = answer.read().decode()
    except OSError as err:
        raise SandboxError(f"etcd does not answer at {etcd_dir / SOCKET_NAME}: {err}") from err
    finally:
        connection.close()
    if answer.status != 200:
        raise SandboxError(f"etcd refused {path}: {text}")
    found: dict[str, Any] = json.loads(text)
    return found

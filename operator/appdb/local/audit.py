"""Reads the API server's audit log: who asked for what, for counting requests."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Of its requests without their bodies, in bytes.
_LONGEST_LINE = 2**16
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; `resource` carries a subresource behind a slash, as RBAC writes it."""

    verb: str
    user: str
    resource: str
    namespace: str
    name: str
    status: int

    @property
    def is_write(self) -> bool:
        return self.verb in WRITES


def mark_end(log: Path) -> int:
    """Where the last whole line of the log ends, in bytes: what `read_requests` may start from."""
    if not log.exists():
        return 0
    with log.open("rb") as stream:
        end = stream.seek(0, os.SEEK_END)
        start = stream.seek(max(0, end - _LONGEST_LINE))
        return start + stream.read().rfind(b"\n") + 1


def read_requests(log: Path, *, since: int = 0, user: str = "") -> tuple[Request, ...]:
    """All answered requests after a mark, of one user when named.

    A watch is in it twice: when it starts and, with another line, when it ends.
    """
    with log.open("rb") as stream:
        stream.seek(since)
        return tuple(
            request
            for request in _requests(stream.read().splitlines(keepends=True))
            if not user or request.user == user
        )


def _requests(lines: list[bytes]) -> Iterator[Request]:
    for line in lines:
        # The last line may still be on its way.
        if line.endswith(b"\n"):
            yield _build_request(json.loads(line))


def _build_request(event: Mapping[str, Any]) -> Request:
    target = event.get("objectRef", {})
    parts = (target.get("resource", ""), target.get("subresource", ""))
    return Request(
        verb=event["verb"],
        user=event["user"]["username"],
        resource="/".join(filter(None, parts)),
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        status=event.get("responseStatus", {}).get("code", 0),
    )

"""Logs kopf in, and again whenever the API server refuses the login that it has.

A token that was rotated is in its file before long; until then the old one is tried again,
more and more seldom. kopf would take a login that was refused once for refused for ever,
and end the process.
"""

import asyncio
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import kopf
import yaml

from appdb.runtime.backoff import EndlessBackoff

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Logins:
    """kopf's login handler is `read`; it is called at the start and after each refusal."""

    _last: kopf.ConnectionInfo | None = None
    _times: int = 0
    _pauses: Iterator[float] = field(default_factory=lambda: iter(EndlessBackoff()))

    async def read(self, **kwargs: Any) -> kopf.ConnectionInfo | None:
        """Read the login; one that was refused is given out once more after a pause."""
        found = self._read(kwargs)
        if found == self._last:
            log.warning("the API server refuses the login; it is read and tried again")
            await asyncio.sleep(next(self._pauses))
            found = self._read(kwargs)
        if found != self._last:
            self._pauses = iter(EndlessBackoff())
        self._last = found
        self._times += 1
        # kopf does not take a login that equals one of those that were refused.
        return found and replace(found, priority=self._times)

    def _read(self, kwargs: dict[str, Any]) -> kopf.ConnectionInfo | None:
        try:
            return _read(kwargs)
        except (OSError, ValueError, LookupError, yaml.YAMLError, kopf.LoginError):
            # A file that is just being replaced; before the first login it is an error.
            if self._last is None:
                raise
            return self._last


def _read(kwargs: dict[str, Any]) -> kopf.ConnectionInfo | None:
    """Log in as the ServiceAccount of the pod, outside of one as KUBECONFIG says."""
    found = kopf.login_with_service_account(**kwargs)
    if found is None:
        return kopf.login_with_kubeconfig(**kwargs)
    server = _address()
    return replace(found, server=server) if server else found


def _address() -> str | None:
    """Return the API server's address as every pod is told it: no name has to resolve."""
    host, port = (os.environ.get(f"KUBERNETES_SERVICE_{what}") for what in ("HOST", "PORT"))
    if not host or not port:
        return None
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"

"""kopf's settings: which streams are opened, and how long anything may take.

ConfigMaps and Secrets are watched by label only: without it every one of them in the
cluster would stream through this process.
"""

import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import kopf

from appdb.api import names

Login = Callable[..., Awaitable[kopf.ConnectionInfo | None]]

_LABELS = {
    ("v1", "configmaps"): f"{names.LABEL_SOURCE}=true",
    ("v1", "secrets"): f"{names.LABEL_MANAGED_BY}={names.FIELD_MANAGER}",
}


class EndlessBackoff:
    """Pauses between tries of a request of kopf's: 1 s doubling to 30 s, jittered, for ever.

    kopf ends the process when the pauses run out; a long outage is no reason for that.
    """

    def __iter__(self) -> Iterator[float]:
        """Start again from the shortest pause."""
        seconds = 1.0
        while True:
            yield seconds * random.uniform(0.5, 1.0)  # noqa: S311 - a pause is no secret
            seconds = min(30.0, seconds * 2)


def configured() -> tuple[kopf.OperatorSettings, Login]:
    """Return the settings and the one login handler."""
    settings = kopf.OperatorSettings()
    for resource, selector in _LABELS.items():
        settings.watching.label_selectors[resource] = selector
    settings.watching.chunk_size = 500
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 310
    settings.watching.connect_timeout = 10
    settings.networking.connect_timeout = 10
    settings.networking.request_timeout = 30
    settings.networking.error_backoffs = EndlessBackoff()
    settings.queueing.idle_timeout = 1
    # Our handlers only enqueue: there is nothing to wait for.
    settings.queueing.exit_timeout = 0.5
    settings.posting.enabled = False
    settings.posting.loggers = False
    settings.persistence.finalizer = f"{names.GROUP}/kopf-unused"
    settings.scanning.disabled = False
    settings.process.ultimate_exiting_timeout = 90
    return settings, _login


async def _login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """Log in as the ServiceAccount of the pod, outside of one as KUBECONFIG says."""
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)

"""kopf's settings: which streams are opened, and how long anything may take.

ConfigMaps and Secrets are watched by label only: without it every one of them in the
cluster would stream through this process. In the operator's own namespace are only few.
"""

from typing import Any

import kopf

from appdb.api import names
from appdb.cluster.resources import SELECTORS
from appdb.runtime.backoff import EndlessBackoff
from appdb.runtime.login import Logins


def configured() -> tuple[kopf.OperatorSettings, Logins]:
    """Return the settings and the one login handler."""
    settings = _settings()
    for resource, selector in SELECTORS.items():
        place = (resource.api_version, resource.plural)
        settings.watching.label_selectors[place] = selector
    return settings, Logins()


def configured_for_admin_secrets() -> tuple[kopf.OperatorSettings, Logins]:
    """Return the same for the one namespace in which Secrets are watched whatever their labels."""
    settings = _settings()
    # Secrets are there from the start: no new kinds are looked for.
    settings.scanning.disabled = True
    return settings, Logins()


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
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
    settings.persistence.diffbase_storage = _NoEssence()
    settings.persistence.progress_storage = _NoProgress()
    settings.scanning.disabled = False
    settings.process.ultimate_exiting_timeout = 90
    return settings


class _NoEssence(kopf.DiffBaseStorage):
    """Handlers of events compare nothing: copying each object for it is half of kopf's work."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        return None

    def store(self, **_: Any) -> None:
        """Nothing is written on anybody's object."""


class _NoProgress(kopf.ProgressStorage):
    """Handlers of events are never repeated, so that nothing is remembered of them."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        """Nothing is written on anybody's object."""

    def purge(self, **_: Any) -> None:
        """There is nothing to take away."""

    def touch(self, **_: Any) -> None:
        """Nothing waits to be touched."""

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence

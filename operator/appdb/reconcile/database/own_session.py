"""The application's own session in a run: healed where it must be, behind the fence.

Apart from the modules that use it, which would import each other for it.
"""

from contextlib import AbstractAsyncContextManager
from functools import partial

from appdb.postgres.connect import Session
from appdb.postgres.provision import Provisioned, app_session
from appdb.reconcile.database.on_cluster import require_unchanged
from appdb.reconcile.database.work import Work


def own_session(
    work: Work, *, after: Provisioned | None = None
) -> AbstractAsyncContextManager[Session]:
    """Lend the session; a password is set anew only while the Secret still says so."""
    place, confirm = work.place, partial(require_unchanged, work)
    return app_session(place.sessions, place.wanted, after=after, confirm=confirm)

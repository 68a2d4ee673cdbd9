"""Actions of an AppDatabase on the API server: the finalizer and the Secret."""

from appdb.api import names
from appdb.cluster.events import EventReason
from appdb.cluster.resources import SECRETS
from appdb.cluster.secrets import build_secret, differs
from appdb.reconcile.database.wanted import credentials_of, effective_policy, secret_place
from appdb.reconcile.database.work import Work


async def hold_object(work: Work) -> None:
    """Put our finalizer on exactly the version of the object that was read."""
    await work.writer.hold(names.FINALIZER)


async def write_secrets(work: Work) -> None:
    """Write the Secret where it differs from what it should hold; foreign keys stay."""
    place, database = work.place, work.database
    credentials = credentials_of(database, work.server, place.address, place.wanted)
    desired = build_secret(
        secret_place(database, effective_policy(database, work.server)), credentials
    )
    live = work.observed.secret
    work.has_secret = True
    if live is not None and not differs(live, desired):
        return
    await work.context.cluster.apply(SECRETS, desired)
    had_one_before = database.status.binding is not None
    if live is None and had_one_before:
        work.events.append(
            (EventReason.SECRET_CREATED, f"Secret {database.secret_name} was made again")
        )

"""Actions of an AppDatabase on the API server: the finalizer and the Secrets."""

from collections.abc import Iterable, Mapping
from typing import Any

from appdb.api import names
from appdb.cluster.events import EventReason
from appdb.cluster.resources import SECRETS
from appdb.cluster.secrets import (
    differs,
    is_of_access,
    is_sealed_against,
    read_password,
    read_username,
)
from appdb.errors import ConcurrentUpdate, SecretConflict
from appdb.reconcile.database.logins import (
    MADE_AGAIN,
    Issue,
    default_secret_name,
    secret_names,
)
from appdb.reconcile.database.wanted import secret_of
from appdb.reconcile.database.work import Work


async def hold_object(work: Work) -> None:
    """Put our finalizer on exactly the version of the object that was read."""
    await work.writer.hold(names.FINALIZER)


async def write_secrets(work: Work) -> None:
    """Write the Secrets where they differ from what they should hold; foreign keys stay.

    Raises:
        ConcurrentUpdate: another operator has just given out a password of its own.
        SecretConflict: somebody made one immutable.
    """
    for issue in work.issues:
        await _write_secret(work, issue)
    work.has_secret = True


async def require_unchanged(work: Work) -> None:
    """See that the Secrets are as this run found or wrote them, before a login is changed.

    Raises:
        ConcurrentUpdate: somebody wrote one; what is due may have been done.
    """
    namespace = work.database.metadata.namespace
    for issue in work.issues:
        name = issue.slot.secret_name
        live = await work.context.cluster.get(SECRETS, namespace, name)
        if not _is_known(work, issue, live):
            _look_again(work)
            raise ConcurrentUpdate(f"Secret {name} was written meanwhile; trying again")


def _is_known(work: Work, issue: Issue, live: Mapping[str, Any] | None) -> bool:
    if not work.has_secret:
        return _version(live) == _version(_live(work, issue))
    if live is None:
        return False
    login = issue.login
    return (read_username(live), read_password(live)) == (login.username, login.password)


async def delete_leftover_secrets(work: Work, dropped: Iterable[str]) -> None:
    """Delete the Secrets of logins that were taken out of access[].

    A run that was killed may not have told status of one: `dropped` are roles without one.
    """
    database, cluster = work.database, work.context.cluster
    namespace, asked = database.metadata.namespace, secret_names(database)
    found = list(work.observed.leftover_secrets)
    known = {each["metadata"]["name"] for each in found}
    name = work.place.wanted.name
    guessed = {default_secret_name(database, name, role) for role in dropped} - asked - known
    for secret_name in sorted(guessed):
        live = await cluster.get(SECRETS, namespace, secret_name)
        if live is not None and is_of_access(live, database.metadata.name):
            found.append(live)
    for secret in found:
        metadata = secret["metadata"]
        await cluster.delete(SECRETS, namespace, metadata["name"], uid=metadata["uid"])


async def _write_secret(work: Work, issue: Issue) -> None:
    place, live = work.place, _live(work, issue)
    desired = secret_of(work.database, work.server, place.address, place.wanted, issue)
    if live is not None and not differs(live, desired):
        return
    if live is not None and is_sealed_against(live, desired):
        namespace, name = desired["metadata"]["namespace"], desired["metadata"]["name"]
        raise SecretConflict(
            f"Secret {namespace}/{name} was made immutable and is not as it should be; delete it,"
            f" then {MADE_AGAIN}"
        )
    if issue.is_new and live is not None:
        # Only one of two operators gives out a password: the other one's version is too old.
        desired["metadata"]["resourceVersion"] = _version(live)
    try:
        await work.context.cluster.apply(SECRETS, desired)
    except ConcurrentUpdate:
        _look_again(work)
        raise
    if live is None and issue.slot.recorded:
        work.events.append(
            (EventReason.SECRET_CREATED, f"Secret {issue.slot.secret_name} was made again")
        )


def _look_again(work: Work) -> None:
    """Have the next run prove the login, whatever the Secret looks like by then."""
    work.context.resync.ask(work.key)


def _live(work: Work, issue: Issue) -> Mapping[str, Any] | None:
    if issue.slot.access is None:
        return work.observed.secret
    return work.observed.access_secrets.get(issue.slot.secret_name)


def _version(live: Mapping[str, Any] | None) -> str:
    return str(live["metadata"].get("resourceVersion", "")) if live is not None else ""

"""Actions of an AppDatabase on its logins: set passwords, prove them, drop what is left over.

A login that is no longer asked for goes only after the one that took its place has proved
itself. One session is held at a time.
"""

from functools import partial

from appdb.api.base import rfc3339
from appdb.api.reasons import Reason
from appdb.cluster.events import EventReason
from appdb.errors import LockTimeout, LoginFailed, ObjectsRemain
from appdb.model.claim import Part
from appdb.model.words import counted
from appdb.postgres.deprovision import delete_logins
from appdb.postgres.provision import ensure_access, ensure_passwords
from appdb.reconcile.database.logins import Issue, conflict_of, leftover_roles, usable
from appdb.reconcile.database.on_cluster import delete_leftover_secrets, require_unchanged
from appdb.reconcile.database.own_session import own_session
from appdb.reconcile.database.rotation import (
    Held,
    Turn,
    credentials_status,
    is_asked_for,
    is_over,
    is_untold,
    without_previous,
)
from appdb.reconcile.database.schema import sync_with_engine, sync_with_session
from appdb.reconcile.database.work import Work
from appdb.reconcile.results import Done, Failed, Stage


async def prove_logins(work: Work) -> None:
    """Set new passwords on logins that nobody uses yet, and log in with them.

    Raises:
        ConcurrentUpdate: a Secret was written since this run read it.
        LoginFailed: the Secrets stay as they are.
    """
    await _set_new_passwords(work)
    async with own_session(work):
        pass
    await _ensure_access(work)


async def use_login(work: Work) -> None:
    """Log in as the app does, heal what keeps it out, and make the tables over that session."""
    if work.turn is not Turn.SWAP:
        await _set_new_passwords(work)
    async with own_session(work, after=work.provisioned) as session:
        _note_credentials(work)
        if Stage.SCHEMA not in work.results:
            await sync_with_session(work, session)
    if work.turn is not Turn.SWAP:
        await _use_access(work)
    if Stage.SCHEMA not in work.results:
        await sync_with_engine(work)


async def _use_access(work: Work) -> None:
    """Log in as readers and writers do; one that fails holds up nobody but itself."""
    try:
        await _ensure_access(work)
    except LoginFailed as error:
        work.results[Stage.CREDENTIALS] = Failed(error)


async def _ensure_access(work: Work) -> None:
    place, confirm = work.place, partial(require_unchanged, work)
    await ensure_access(place.sessions, place.wanted, confirm=confirm)


async def retire_logins(work: Work) -> None:
    """Drop the logins whose grace is over and those taken out of access[], with their Secrets.

    Sessions of a login before an Overlap live on; those of one that lost its access do not.
    """
    status, place = work.credentials_status, work.place
    result = work.results.get(Stage.CREDENTIALS)
    has_failed = isinstance(result, Failed) and isinstance(result.error, LoginFailed)
    if status is None or has_failed:
        return
    doomed = leftover_roles(
        place.claimed,
        place.slots,
        (role.name for role in place.wanted.wanted_roles()),
        is_over=is_over(status, work.observed.now),
    )
    replaced = {side for slot in place.slots for side in (*slot.sides, slot.recorded)}
    taken_out = [
        role for role in doomed if place.claimed[role] is Part.ACCESS and role not in replaced
    ]
    await delete_leftover_secrets(work, taken_out)
    # A group goes after its members.
    for role in sorted(doomed, key=lambda role: not _is_login(place.claimed[role])):
        await _drop(work, role, ends_sessions=role not in replaced)
    if not _previous_sides(work) & set(place.claimed):
        work.credentials_status = without_previous(status)
    work.has_retired = True
    _note_grace(work)


async def _drop(work: Work, role: str, *, ends_sessions: bool) -> None:
    """Drop a role, or say what keeps it; it is tried again at every full look."""
    place = work.place
    try:
        await delete_logins(
            place.sessions,
            place.wanted,
            (role,),
            ends_sessions=ends_sessions,
            confirm=partial(require_unchanged, work),
        )
        place.claimed.pop(role)
    except (ObjectsRemain, LockTimeout) as error:
        work.notes.append(f"{role} cannot log in any more and waits to be dropped: {error.message}")


def _previous_sides(work: Work) -> set[str]:
    """Name the roles that the logins of this object had before an Overlap, or would go to."""
    in_use = {issue.login.username for issue in work.issues}
    slots = usable(work.place.slots)
    return {side for slot in slots for side in (*slot.sides, slot.recorded)} - in_use


def _is_login(part: Part) -> bool:
    return part in {Part.LOGIN, Part.ACCESS}


async def _set_new_passwords(work: Work) -> None:
    """Set the passwords that were made in this run; a role that was made in it has its own."""
    fresh = {issue.login.username for issue in work.issues if issue.is_new}
    if fresh and not work.has_made_database:
        confirm = partial(require_unchanged, work)
        place = work.place
        await ensure_passwords(place.sessions, place.wanted, only=fresh, confirm=confirm)


def _note_credentials(work: Work) -> None:
    """Write down what was proved: the condition, status, and whether a rotation has ended."""
    database, own, now = work.database, work.issues[0], work.observed.now
    rotation, known = database.spec.credentials.rotation, database.status.credentials
    held = Held(mark=own.mark, is_new=own.is_new, previous=_previous(work, own))
    work.credentials_status = credentials_status(rotation, known, held, now)
    is_rotated = work.turn is not Turn.KEEP or is_untold(own.mark, known, now)
    conflict = conflict_of(work.place.slots)
    if is_rotated:
        work.events.append((EventReason.CREDENTIALS_ROTATED, _told(work, own)))
    if conflict is not None:
        work.results[Stage.CREDENTIALS] = Failed(conflict)
        return
    before = work.reason_before(Stage.CREDENTIALS, otherwise=Reason.ISSUED)
    reason = Reason.ROTATED if is_rotated else before
    work.results[Stage.CREDENTIALS] = Done(reason, _message(own))


def _note_grace(work: Work) -> None:
    """Say in the condition how long the login before an Overlap still works."""
    result, status = work.results.get(Stage.CREDENTIALS), work.credentials_status
    if status is None or not isinstance(result, Done) or status.previous_login_until is None:
        return
    who = status.previous_login or "the logins before the last rotation"
    also = f"{who} until {rfc3339(status.previous_login_until)}"
    work.results[Stage.CREDENTIALS] = Done(result.reason, f"{result.message}; {also}")


def _previous(work: Work, own: Issue) -> str:
    """Name the login before this one, when it is there: what status names, or the other side.

    An object that was made again knows of no Overlap; who logs in still gets a grace.
    """
    claimed = work.place.claimed
    if own.previous in claimed:
        return own.previous
    is_unknown = work.database.status.credentials is None
    others = [side for side in own.slot.sides if side != own.login.username and side in claimed]
    return others[0] if is_unknown and others else ""


def _message(own: Issue) -> str:
    return f"{own.login.username} logs in with Secret {own.slot.secret_name}"


def _told(work: Work, own: Issue) -> str:
    more = len(work.issues) - 1
    also = f", and {counted(more, 'login')} of access" if more else ""
    rotation, known = work.database.spec.credentials.rotation, work.database.status.credentials
    is_triggered = rotation is not None and known is not None and is_asked_for(rotation, known)
    why = f"trigger {rotation.trigger}" if rotation and is_triggered else "interval"
    return f"new password for {own.login.username} in Secret {own.slot.secret_name}{also}; by {why}"

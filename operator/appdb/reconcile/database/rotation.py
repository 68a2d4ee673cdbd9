"""Decides when passwords change, and what of that goes into status. Pure: time is a parameter.

The Secret is the record of a rotation: login, password and mark are written in one stroke,
status follows. What a Secret says it has had is therefore never done again.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from appdb.api.appdatabase_status import CredentialsStatus
from appdb.api.credentials_spec import RotationMode, RotationSpec
from appdb.api.quantities import parse_duration
from appdb.cluster.secrets import Mark

# Clocks of two operators differ; a mark further ahead than this was not set by one.
_SKEW = timedelta(minutes=5)
_NEVER = datetime.max.replace(tzinfo=UTC, microsecond=0)


class Turn(StrEnum):
    """What happens to a login in this run: nothing, a new password, or the other login."""

    KEEP = "Keep"
    RENEW = "Renew"
    SWAP = "Swap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What became of the application's own login in a run.

    `previous` is the login that its Secret held when status was last written, when that is
    another one and still there.
    """

    mark: Mark
    is_new: bool
    previous: str = ""


def turn_of(rotation: RotationSpec | None, known: CredentialsStatus | None, now: datetime) -> Turn:
    """Decide by trigger and by interval; what is not in status yet was never due."""
    if rotation is None or known is None or known.last_rotated is None:
        return Turn.KEEP
    due = next_rotation(rotation, known.last_rotated)
    if not is_asked_for(rotation, known) and (due is None or due > now):
        return Turn.KEEP
    return Turn.SWAP if rotation.mode is RotationMode.OVERLAP else Turn.RENEW


def turn_for(
    mark: Mark,
    turn: Turn,
    rotation: RotationSpec | None,
    known: CredentialsStatus | None,
    now: datetime,
) -> Turn:
    """Decide for one Secret: one that has had this rotation, before a kill, keeps what it holds."""
    if turn is Turn.KEEP or rotation is None or known is None or known.last_rotated is None:
        return Turn.KEEP
    if mark.at is None or not is_untold(mark, known, now):
        return turn
    due = next_rotation(rotation, known.last_rotated)
    has_had_trigger = not is_asked_for(rotation, known) or mark.trigger == rotation.trigger
    has_had_interval = due is None or due > now or mark.at >= due
    return Turn.KEEP if has_had_trigger and has_had_interval else turn


def is_asked_for(rotation: RotationSpec, known: CredentialsStatus) -> bool:
    """Tell whether the trigger is another one than that which was handled."""
    return rotation.trigger is not None and rotation.trigger != known.last_trigger


def next_rotation(rotation: RotationSpec | None, last: datetime) -> datetime | None:
    """Return when the interval is over; None without one."""
    if rotation is None or rotation.interval is None:
        return None
    return _after(last, parse_duration(rotation.interval))


def is_untold(mark: Mark, known: CredentialsStatus | None, now: datetime) -> bool:
    """Tell whether a Secret has had a password that status does not know of.

    It names the rotation that it followed: status that is still there was cut off, status
    that is anywhere else was set to it by hand.
    """
    if known is None or known.last_rotated is None or mark.at is None:
        return False
    return mark.since == known.last_rotated < mark.at <= now + _SKEW


def next_moment(rotation: RotationSpec | None, known: CredentialsStatus | None) -> datetime | None:
    """Return when something is due by the clock: the next rotation, or the end of a grace."""
    if known is None:
        return None
    due = next_rotation(rotation, known.last_rotated) if known.last_rotated else None
    moments = [each for each in (due, known.previous_login_until) if each is not None]
    return min(moments, default=None)


def is_over(known: CredentialsStatus | None, now: datetime) -> bool:
    """Tell whether the logins before an Overlap have had their grace."""
    return known is None or known.previous_login_until is None or known.previous_login_until <= now


def new_mark(rotation: RotationSpec | None, known: CredentialsStatus | None, now: datetime) -> Mark:
    """Return the mark of a password that is made now: it covers whatever was due."""
    trigger = rotation.trigger if rotation and rotation.trigger else ""
    since = known.last_rotated if known else None
    at = now.replace(microsecond=0)
    if since is not None and since >= at:
        # Marks tell rotations apart by whole seconds.
        at = _after(since, timedelta(seconds=1))
    return Mark(at=at, trigger=trigger, since=since)


def credentials_status(
    rotation: RotationSpec | None, known: CredentialsStatus | None, held: Held, now: datetime
) -> CredentialsStatus:
    """Return what status says after a run in which every Secret proved itself."""
    before = known or CredentialsStatus()
    last = _last_rotated(before, held, now)
    until = before.previous_login_until
    previous = before.previous_login
    if held.previous:
        previous = held.previous
        began = min(last, now) if known else now
        until = _after(began, (rotation or RotationSpec()).grace_period())
    elif until is not None and rotation is not None and rotation.grace is not None:
        # A grace that was shortened counts from now on; one that was begun is never made longer.
        until = min(until, _after(now, rotation.grace_period()))
    return CredentialsStatus(
        last_rotated=last,
        next_rotation=next_rotation(rotation, last),
        last_trigger=(rotation.trigger if rotation else None) or before.last_trigger,
        previous_login=previous,
        previous_login_until=until,
    )


def without_previous(status: CredentialsStatus) -> CredentialsStatus:
    """Return what status says when the logins before an Overlap are gone."""
    return status.model_copy(update={"previous_login": "", "previous_login_until": None})


def _last_rotated(before: CredentialsStatus, held: Held, now: datetime) -> datetime:
    at, known = held.mark.at, before.last_rotated
    if known is not None and not held.is_new and not is_untold(held.mark, before, now):
        return known
    return at if at is not None and at <= now + _SKEW else now.replace(microsecond=0)


def _after(moment: datetime, span: timedelta) -> datetime:
    try:
        return moment + span
    except OverflowError:
        return _NEVER

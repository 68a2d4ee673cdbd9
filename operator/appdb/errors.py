"""The one tree of errors: what happened, in words, and what to do next.

    AppDBError
    ├── InvalidInput            a person must change what they wrote       (retry: on change)
    │   ├── InvalidSpec
    │   ├── SourceInvalid       a path clash, a link, an unreadable archive
    │   ├── SourceTooLarge
    │   ├── ParseFailed         a file of the source does not parse
    │   └── NothingDetected     no schema in the source
    ├── Blocked                 a person must decide something             (retry: on change)
    │   ├── ServerNotAllowed
    │   ├── ServerChanged
    │   ├── NameConflict        the name belongs to somebody else
    │   ├── AdoptionRequired    the database exists and is nobody's
    │   ├── SecretConflict
    │   ├── ExtensionNotAllowed
    │   ├── Protected
    │   ├── PlanPendingApproval
    │   ├── PlanRejected
    │   ├── PlanDiverges        replaying the plan does not reach the target
    │   ├── DataConflict        the rows forbid the change
    │   └── DDLFailed
    ├── Unavailable             wait and try again                         (retry: back-off)
    │   ├── ServerNotFound
    │   ├── SourceNotFound
    │   ├── RevisionMismatch
    │   ├── Unreachable
    │   ├── TooManyConnections
    │   ├── LockTimeout
    │   ├── WaitsForTurn        slow changes of other databases go first
    │   ├── DatabaseMissing     it was there; nobody makes an empty one in its place
    │   ├── SessionsOpen        somebody is still connected
    │   ├── ObjectsRemain       a role still owns something
    │   ├── LoginFailed
    │   │   └── DatabaseFull    its own limit of sessions is used up
    │   └── ClusterUnavailable  the API server does not answer
    ├── Conflict                somebody else wrote first                  (retry: at once)
    │   └── ConcurrentUpdate
    └── Forbidden               a right is missing                         (retry: slowly)
        ├── AuthenticationFailed
        ├── InsufficientPrivilege
        ├── TLSFailed
        └── ClusterForbidden    RBAC refuses the operator

A message is one line of at most 400 characters: what happened, to which object, and
the next step. It never carries a credential or a value from a row.
"""

from enum import StrEnum
from typing import ClassVar

MESSAGE_LIMIT = 400


class Retry(StrEnum):
    """When the queue should look at the object again without being told."""

    ON_CHANGE = "OnChange"
    BACKOFF = "Backoff"
    AT_ONCE = "AtOnce"
    SLOWLY = "Slowly"


def one_line(text: str) -> str:
    """Fold text into one line of at most 400 characters, as conditions and events want it."""
    folded = " ".join(text.split())
    if len(folded) <= MESSAGE_LIMIT:
        return folded
    return folded[: MESSAGE_LIMIT - 1].rstrip() + "…"


class AppDBError(Exception):
    """Root of the tree. `reason` is the condition reason the error shows as."""

    reason: ClassVar[str] = "InternalError"
    retry: ClassVar[Retry] = Retry.BACKOFF

    def __init__(self, message: str) -> None:
        self.message = one_line(message)
        super().__init__(self.message)


class InvalidInput(AppDBError):  # noqa: N818 - the tree reads as states, not as suffixes
    retry = Retry.ON_CHANGE
    reason = "InvalidSpec"


class InvalidSpec(InvalidInput):
    reason = "InvalidSpec"


class SourceInvalid(InvalidInput):
    reason = "SourceInvalid"


class SourceTooLarge(InvalidInput):
    reason = "SourceTooLarge"


class ParseFailed(InvalidInput):
    reason = "ParseFailed"


class NothingDetected(InvalidInput):
    reason = "NothingDetected"


class Blocked(AppDBError):  # noqa: N818 - see InvalidInput
    retry = Retry.ON_CHANGE


class ServerNotAllowed(Blocked):
    reason = "ServerNotAllowed"


class ServerChanged(Blocked):
    reason = "ServerChanged"


class NameConflict(Blocked):
    reason = "NameConflict"


class AdoptionRequired(Blocked):
    reason = "AdoptionRequired"


class SecretConflict(Blocked):
    reason = "SecretConflict"


class ExtensionNotAllowed(Blocked):
    reason = "ExtensionNotAllowed"


class Protected(Blocked):
    reason = "Protected"


class PlanPendingApproval(Blocked):
    reason = "PlanPendingApproval"


class PlanRejected(Blocked):
    reason = "PlanRejected"


class PlanDiverges(Blocked):
    reason = "DDLFailed"


class DataConflict(Blocked):
    reason = "DataConflict"


class DDLFailed(Blocked):
    reason = "DDLFailed"


class Unavailable(AppDBError):  # noqa: N818 - see InvalidInput
    retry = Retry.BACKOFF
    reason = "Unreachable"


class ServerNotFound(Unavailable):
    reason = "ServerNotFound"


class SourceNotFound(Unavailable):
    reason = "NotFound"


class RevisionMismatch(Unavailable):
    reason = "RevisionMismatch"


class Unreachable(Unavailable):
    reason = "Unreachable"


class TooManyConnections(Unavailable):
    reason = "TooManyConnections"


class LockTimeout(Unavailable):
    reason = "LockTimeout"


class WaitsForTurn(Unavailable):
    reason = "Applying"


class DatabaseMissing(Unavailable):
    reason = "Missing"


class SessionsOpen(Unavailable):
    reason = "SessionsOpen"


class ObjectsRemain(Unavailable):
    reason = "ObjectsRemain"


class LoginFailed(Unavailable):
    reason = "LoginFailed"


class DatabaseFull(LoginFailed):
    """Not the server: the database, or a role, has as many sessions as it may have."""


class ClusterUnavailable(Unavailable):
    reason = "ProgressingWithRetry"


class Conflict(AppDBError):  # noqa: N818 - see InvalidInput
    retry = Retry.AT_ONCE
    reason = "ProgressingWithRetry"


class ConcurrentUpdate(Conflict):
    reason = "ProgressingWithRetry"


class Forbidden(AppDBError):  # noqa: N818 - see InvalidInput
    retry = Retry.SLOWLY
    reason = "InsufficientPrivilege"


class AuthenticationFailed(Forbidden):
    reason = "AuthenticationFailed"


class InsufficientPrivilege(Forbidden):
    reason = "InsufficientPrivilege"


class TLSFailed(Forbidden):
    reason = "TLSFailed"


class ClusterForbidden(Forbidden):
    reason = "InsufficientPrivilege"

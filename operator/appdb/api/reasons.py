"""The closed lists of condition types and reasons, each with its meaning and next step.

Scripts and alerts hold these words, so they are API. docs/conditions.md is generated from this
table. A table of data: it decides nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ConditionType(StrEnum):
    """In the order in which conditions are shown."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    SERVER_REACHABLE = "ServerReachable"
    DATABASE_READY = "DatabaseReady"
    CREDENTIALS_READY = "CredentialsReady"
    SOURCE_READY = "SourceReady"
    SCHEMA_SYNCED = "SchemaSynced"
    DRIFTED = "Drifted"
    # DatabaseServer
    REACHABLE = "Reachable"
    PRIVILEGED = "Privileged"
    # SchemaPlan
    APPROVED = "Approved"
    APPLIED = "Applied"


class Reason(StrEnum):
    # The whole
    PROVISIONED = "Provisioned"
    PENDING = "Pending"
    PROGRESSING = "Progressing"
    DEPENDENCY_NOT_READY = "DependencyNotReady"
    PROVISIONING = "Provisioning"
    APPLYING_SCHEMA = "ApplyingSchema"
    ROTATING_CREDENTIALS = "RotatingCredentials"
    DEPROVISIONING = "Deprovisioning"
    PROGRESSING_WITH_RETRY = "ProgressingWithRetry"
    INTERNAL_ERROR = "InternalError"
    # What a person wrote
    INVALID_SPEC = "InvalidSpec"
    PROTECTED = "Protected"
    QUOTA_DENIED = "QuotaDenied"
    EXTENSION_NOT_ALLOWED = "ExtensionNotAllowed"
    # The server
    CONNECTED = "Connected"
    PRIVILEGES_SUFFICIENT = "PrivilegesSufficient"
    SERVER_NOT_FOUND = "ServerNotFound"
    SERVER_NOT_ALLOWED = "ServerNotAllowed"
    SERVER_CHANGED = "ServerChanged"
    UNREACHABLE = "Unreachable"
    TLS_FAILED = "TLSFailed"
    AUTHENTICATION_FAILED = "AuthenticationFailed"
    TOO_MANY_CONNECTIONS = "TooManyConnections"
    INSUFFICIENT_PRIVILEGE = "InsufficientPrivilege"
    # The database
    CREATED = "Created"
    ADOPTED = "Adopted"
    RESTORED = "Restored"
    CREATING = "Creating"
    MISSING = "Missing"
    SESSIONS_OPEN = "SessionsOpen"
    OBJECTS_REMAIN = "ObjectsRemain"
    NAME_CONFLICT = "NameConflict"
    ADOPTION_REQUIRED = "AdoptionRequired"
    # The credentials
    ISSUED = "Issued"
    ROTATED = "Rotated"
    SECRET_CONFLICT = "SecretConflict"  # noqa: S105 - a word, not a secret
    LOGIN_FAILED = "LoginFailed"
    # The source
    ANALYZED = "Analyzed"
    NOT_FOUND = "NotFound"
    REVISION_MISMATCH = "RevisionMismatch"
    TOO_LARGE = "TooLarge"
    INVALID = "Invalid"
    PARSE_FAILED = "ParseFailed"
    NOTHING_DETECTED = "NothingDetected"
    SOURCE_INVALID = "SourceInvalid"
    SOURCE_TOO_LARGE = "SourceTooLarge"
    # The schema
    APPLIED = "Applied"
    NO_CHANGES = "NoChanges"
    DISABLED = "Disabled"
    PLAN_ONLY = "PlanOnly"
    MIGRATOR_OWNED = "MigratorOwned"
    PLANNING = "Planning"
    APPLYING = "Applying"
    PLAN_PENDING_APPROVAL = "PlanPendingApproval"
    PLAN_REJECTED = "PlanRejected"
    DDL_FAILED = "DDLFailed"
    LOCK_TIMEOUT = "LockTimeout"
    DATA_CONFLICT = "DataConflict"
    DRIFT_DETECTED = "DriftDetected"
    # A plan
    APPROVED = "Approved"
    REJECTED = "Rejected"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SUPERSEDED = "Superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonHelp:
    """What a reason means, and on which conditions it stands with status True or another."""

    text: str
    true_on: frozenset[ConditionType]
    other_on: frozenset[ConditionType]

    @property
    def stalls(self) -> bool:
        """Whether a person must change something before work goes on."""
        return ConditionType.STALLED in self.true_on


_T = ConditionType


def _help(
    text: str, *, true: tuple[ConditionType, ...] = (), other: tuple[ConditionType, ...] = ()
) -> ReasonHelp:
    return ReasonHelp(text=text, true_on=frozenset(true), other_on=frozenset(other))


_SERVER = (_T.SERVER_REACHABLE, _T.REACHABLE)
_EVERY_SUMMARY = (_T.READY,)

REASONS: Mapping[Reason, ReasonHelp] = {
    Reason.PROVISIONED: _help(
        "Database, login and, where a source is given, tables are there and were tried.",
        true=(_T.READY,),
    ),
    Reason.PENDING: _help(
        "Not looked at yet. If it stays, see whether the operator runs.",
        other=(_T.READY, _T.REACHABLE, _T.PRIVILEGED, _T.APPROVED, _T.APPLIED),
    ),
    Reason.PROGRESSING: _help("Work is under way; Reconciling says which.", other=_EVERY_SUMMARY),
    Reason.DEPENDENCY_NOT_READY: _help(
        "Something that it needs is not there or not ready yet; the message names it. It goes on "
        "by itself.",
        other=(_T.READY, _T.REACHABLE, _T.PRIVILEGED),
    ),
    Reason.PROVISIONING: _help(
        "Roles, database and Secret are being made.", true=(_T.RECONCILING,)
    ),
    Reason.APPLYING_SCHEMA: _help("The tables are being changed.", true=(_T.RECONCILING,)),
    Reason.ROTATING_CREDENTIALS: _help("The password is being changed.", true=(_T.RECONCILING,)),
    Reason.DEPROVISIONING: _help(
        "The object is being deleted; the message says what it waits for.", true=(_T.RECONCILING,)
    ),
    Reason.PROGRESSING_WITH_RETRY: _help(
        "Something failed that may pass; it is tried again. The message says what.",
        true=(_T.RECONCILING,),
    ),
    Reason.INTERNAL_ERROR: _help(
        "The operator met a case it does not know. It tries again; look into its log and report "
        "it.",
        true=(_T.RECONCILING,),
        other=_EVERY_SUMMARY,
    ),
    Reason.INVALID_SPEC: _help(
        "A field of the object has a wrong value; the message names it. Correct it.",
        true=(_T.STALLED,),
        other=_EVERY_SUMMARY,
    ),
    Reason.PROTECTED: _help(
        "The object is being deleted, has deletionPolicy Delete and protect true. Nothing was "
        "touched. Set protect to false to go on, or deletionPolicy to Retain.",
        true=(_T.STALLED,),
        other=_EVERY_SUMMARY,
    ),
    Reason.QUOTA_DENIED: _help(
        "A limit of the server or tier forbids it. Ask for a higher one or free some.",
        true=(_T.STALLED,),
        other=_EVERY_SUMMARY,
    ),
    Reason.EXTENSION_NOT_ALLOWED: _help(
        "The source or spec.extensions asks for a Postgres extension that the server does not "
        "allow or have. Add it to allowedExtensions of the DatabaseServer, or do without.",
        true=(_T.STALLED,),
        other=(_T.DATABASE_READY, _T.SCHEMA_SYNCED),
    ),
    Reason.CONNECTED: _help(
        "The operator can log in to the server.",
        true=(_T.SERVER_REACHABLE, _T.REACHABLE, _T.READY),
    ),
    Reason.PRIVILEGES_SUFFICIENT: _help(
        "The admin role may create databases and roles.", true=(_T.PRIVILEGED,)
    ),
    Reason.SERVER_NOT_FOUND: _help(
        "The DatabaseServer does not exist, or none is named and not exactly one is the default. "
        "Create it, or name one in serverRef. It goes on by itself.",
        other=(_T.SERVER_REACHABLE,),
    ),
    Reason.SERVER_NOT_ALLOWED: _help(
        "The DatabaseServer does not admit this namespace. Ask its owner to add the namespace to "
        "allowedNamespaces. Existing data is not touched.",
        true=(_T.STALLED,),
        other=(_T.SERVER_REACHABLE,),
    ),
    Reason.SERVER_CHANGED: _help(
        "Another Postgres cluster answers at this address. Nothing is written until a person "
        "confirms by the annotation appdb.chatbuilds.com/accept-server on the DatabaseServer.",
        true=(_T.STALLED,),
        other=(*_SERVER, _T.READY),
    ),
    Reason.UNREACHABLE: _help(
        "The server does not answer. Check host, port, network policies and whether it runs.",
        other=(*_SERVER, _T.READY),
    ),
    Reason.TLS_FAILED: _help(
        "No TLS connection as tls.mode wants it. Check the certificate, its host name and the "
        "CA in caSecretRef.",
        true=(_T.STALLED,),
        other=(*_SERVER, _T.READY),
    ),
    Reason.AUTHENTICATION_FAILED: _help(
        "The server refuses the operator's login. Correct the Secret that adminSecretRef names.",
        true=(_T.STALLED,),
        other=(*_SERVER, _T.READY),
    ),
    Reason.TOO_MANY_CONNECTIONS: _help(
        "The server has no connection to spare. Free some, or raise max_connections there.",
        other=(*_SERVER, _T.READY),
    ),
    Reason.INSUFFICIENT_PRIVILEGE: _help(
        "The admin role lacks a right. The message carries the statement to run.",
        true=(_T.STALLED,),
        other=(_T.DATABASE_READY, _T.CREDENTIALS_READY, _T.SCHEMA_SYNCED, _T.PRIVILEGED, _T.READY),
    ),
    Reason.CREATED: _help("The database was made for this object.", true=(_T.DATABASE_READY,)),
    Reason.ADOPTED: _help("The database existed and was taken over.", true=(_T.DATABASE_READY,)),
    Reason.RESTORED: _help("The database was filled from a backup.", true=(_T.DATABASE_READY,)),
    Reason.CREATING: _help("The database is being made.", other=(_T.DATABASE_READY,)),
    Reason.MISSING: _help(
        "The database is gone from the server though it was there. Restore it, or delete the "
        "object and create it anew.",
        other=(_T.DATABASE_READY,),
    ),
    Reason.SESSIONS_OPEN: _help(
        "The database cannot be dropped while sessions are open that the operator may not end; "
        "the message names them. End them.",
        other=(_T.DATABASE_READY,),
    ),
    Reason.OBJECTS_REMAIN: _help(
        "A role cannot be dropped because it still owns something; the message names it. "
        "Reassign or drop that.",
        other=(_T.DATABASE_READY,),
    ),
    Reason.NAME_CONFLICT: _help(
        "A database or role of that name belongs to somebody else. Choose another databaseName.",
        true=(_T.STALLED,),
        other=(_T.DATABASE_READY,),
    ),
    Reason.ADOPTION_REQUIRED: _help(
        "The database or its tables exist and are nobody's. Set adopt to IfUnclaimed where the "
        "server allows it, approve the plan, or choose another databaseName.",
        true=(_T.STALLED,),
        other=(_T.DATABASE_READY, _T.SCHEMA_SYNCED),
    ),
    Reason.ISSUED: _help(
        "The Secret is there and its login was tried.", true=(_T.CREDENTIALS_READY,)
    ),
    Reason.ROTATED: _help(
        "The password was changed, and the new one was tried.", true=(_T.CREDENTIALS_READY,)
    ),
    Reason.SECRET_CONFLICT: _help(
        "A Secret of that name exists and is not ours; it was not touched. The message names it. "
        "Choose another secretName in credentials or access, or remove that Secret.",
        true=(_T.STALLED,),
        other=(_T.CREDENTIALS_READY,),
    ),
    Reason.LOGIN_FAILED: _help(
        "A login in a Secret does not work yet; it is set again. The message names it. If it "
        "stays, check pg_hba.conf.",
        other=(_T.CREDENTIALS_READY,),
    ),
    Reason.ANALYZED: _help("The source was read.", true=(_T.SOURCE_READY,)),
    Reason.NOT_FOUND: _help(
        "A ConfigMap of spec.source does not exist yet. Create it; it goes on by itself.",
        other=(_T.SOURCE_READY,),
    ),
    Reason.REVISION_MISMATCH: _help(
        "The source is not the one that source.revision asks for. It goes on when it arrives.",
        other=(_T.SOURCE_READY,),
    ),
    Reason.TOO_LARGE: _help(
        "The source is over a limit of size or number of files. Leave out what is no schema.",
        other=(_T.SOURCE_READY,),
    ),
    Reason.INVALID: _help(
        "The source cannot be put together: two files of one path, a path out of the tree, a "
        "link, a binary file. The message names it.",
        other=(_T.SOURCE_READY,),
    ),
    Reason.PARSE_FAILED: _help(
        "A file of the source does not parse; the message has file, line and column. The tables "
        "stay as they are.",
        other=(_T.SOURCE_READY,),
    ),
    Reason.NOTHING_DETECTED: _help(
        "No schema was found in the source. Check include, exclude and framework.",
        true=(_T.STALLED,),
        other=(_T.SOURCE_READY,),
    ),
    Reason.SOURCE_INVALID: _help(
        "The source must be corrected; SourceReady says where. The tables stay as they are.",
        true=(_T.STALLED,),
    ),
    Reason.SOURCE_TOO_LARGE: _help(
        "The source must get smaller; SourceReady says by how much.", true=(_T.STALLED,)
    ),
    Reason.APPLIED: _help("The tables are as the source declares them.", true=(_T.SCHEMA_SYNCED,)),
    Reason.NO_CHANGES: _help(
        "The tables were as the source declares them already.", true=(_T.SCHEMA_SYNCED,)
    ),
    Reason.DISABLED: _help(
        "schema.mode is Off, or there is no source: the tables are left alone.",
        true=(_T.SCHEMA_SYNCED,),
    ),
    Reason.PLAN_ONLY: _help(
        "schema.mode is PlanOnly: the message says what was planned and not done.",
        true=(_T.SCHEMA_SYNCED,),
    ),
    Reason.MIGRATOR_OWNED: _help(
        "The application's own migrations look after the tables.", true=(_T.SCHEMA_SYNCED,)
    ),
    Reason.PLANNING: _help("The change is being planned.", other=(_T.SCHEMA_SYNCED,)),
    Reason.APPLYING: _help("The change is being made.", other=(_T.SCHEMA_SYNCED, _T.APPLIED)),
    Reason.PLAN_PENDING_APPROVAL: _help(
        "Steps of the plan wait for an approval; the old tables serve on. Look at the SchemaPlan "
        "and decide it.",
        true=(_T.STALLED,),
        other=(_T.SCHEMA_SYNCED,),
    ),
    Reason.PLAN_REJECTED: _help(
        "The plan was rejected; the old tables serve on. Change the source.",
        true=(_T.STALLED,),
        other=(_T.SCHEMA_SYNCED,),
    ),
    Reason.DDL_FAILED: _help(
        "A statement failed; the message has the error of Postgres. Nothing is left half done.",
        true=(_T.STALLED,),
        other=(_T.SCHEMA_SYNCED,),
    ),
    Reason.LOCK_TIMEOUT: _help(
        "A lock was not to be had in time; it is tried again. The message names who holds it.",
        other=(_T.SCHEMA_SYNCED,),
    ),
    Reason.DATA_CONFLICT: _help(
        "Rows forbid the change; the message says how many and of which table. Correct them.",
        true=(_T.STALLED,),
        other=(_T.SCHEMA_SYNCED,),
    ),
    Reason.DRIFT_DETECTED: _help(
        "Managed tables were changed by hand; the message names them. Undo it, declare it in the "
        "source, or set schema.driftPolicy to Repair.",
        true=(_T.DRIFTED,),
    ),
    Reason.APPROVED: _help("The plan was approved.", true=(_T.APPROVED,)),
    Reason.REJECTED: _help("The plan was rejected and never runs.", other=(_T.APPROVED,)),
    Reason.SUCCEEDED: _help("All steps of the plan ran.", true=(_T.APPLIED,)),
    Reason.FAILED: _help(
        "A step of the plan failed; status.failedStep says which.", other=(_T.APPLIED,)
    ),
    Reason.SUPERSEDED: _help(
        "Source or database changed since; the plan never runs, another one takes its place.",
        other=(_T.APPLIED, _T.APPROVED),
    ),
}

# What SourceReady says in one word, Stalled says in another.
_AS_STALLED = {
    Reason.TOO_LARGE: Reason.SOURCE_TOO_LARGE,
    Reason.INVALID: Reason.SOURCE_INVALID,
    Reason.PARSE_FAILED: Reason.SOURCE_INVALID,
}
_AS_SOURCE = {
    Reason.SOURCE_TOO_LARGE: Reason.TOO_LARGE,
    Reason.SOURCE_INVALID: Reason.INVALID,
}


def stalled_reason(reason: Reason) -> Reason | None:
    """The reason that Stalled carries for this one; None when it passes without a person."""
    stalled = _AS_STALLED.get(reason, reason)
    return stalled if REASONS[stalled].stalls else None


def source_reason(reason: Reason) -> Reason:
    """The reason that SourceReady carries for the reason of an error."""
    return _AS_SOURCE.get(reason, reason)


def is_allowed(kind: ConditionType, reason: Reason, *, true: bool) -> bool:
    """Whether the contract lets the reason stand there; Ready may repeat any failing condition."""
    help_ = REASONS[reason]
    if true:
        return kind in help_.true_on
    return kind in help_.other_on or (
        kind is ConditionType.READY and bool(help_.other_on or help_.stalls)
    )

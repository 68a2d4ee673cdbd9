"""Actions of an AppDatabase on its Postgres server.

One session is held at a time, so that the bound on sessions cannot lock two runs up.
"""

from dataclasses import dataclass, field, replace
from functools import partial

from appdb.api.reasons import Reason
from appdb.cluster.events import EventReason
from appdb.errors import DatabaseMissing, ExtensionNotAllowed, NameConflict
from appdb.model.analysis import Analysis
from appdb.model.claim import Part
from appdb.model.ddl import DdlKind
from appdb.postgres.claims import (
    ANOTHER_NAME,
    is_ours,
    is_taken_by_sibling,
    judge_claims,
    refuse_renamed,
)
from appdb.postgres.connect import Session
from appdb.postgres.ddl import operator_made
from appdb.postgres.drop import read_claimed_roles
from appdb.postgres.extensions import read_trust
from appdb.postgres.facts import read_claims, read_database, read_names
from appdb.postgres.provision import Outcome, ensure_database
from appdb.postgres.roles import require_administration
from appdb.postgres.server import read_server, require_usable
from appdb.postgres.wanted import WantedDatabase
from appdb.reconcile.database.logins import Issue, LoginSlot, issue, login_slots, wanted_access
from appdb.reconcile.database.on_cluster import require_unchanged
from appdb.reconcile.database.wanted import database_name, has_derived_name, wanted_on_server
from appdb.reconcile.database.work import OnServer, Work
from appdb.reconcile.results import Done, Failed, Stage
from appdb.reconcile.server.identity import require_same_server
from appdb.reconcile.server.resolve import admin_sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """What is wanted under one name, and the logins in it."""

    wanted: WantedDatabase
    slots: tuple[LoginSlot, ...]
    issues: tuple[Issue, ...]
    claimed: dict[str, Part] = field(default_factory=dict)


async def check_names(work: Work) -> None:
    """See that it is still the same server and that the names on it are free or ours."""
    context, server = work.context, work.server
    sessions = await admin_sessions(context, server)
    async with sessions.maintenance() as session:
        facts = await read_server(session)
        require_same_server(server, facts.system_identifier or "", _known_identifier(work))
        require_usable(facts, session)
        await _refuse_extensions(session, work)
        judged = await _judged(session, work)
        refuse_renamed(judged.claimed, judged.wanted)
        await _require_there(session, work, judged.wanted, facts.system_identifier or "")
    work.issues = judged.issues
    work.on_server = OnServer(
        sessions=sessions,
        address=sessions.address,
        facts=facts,
        wanted=judged.wanted,
        slots=judged.slots,
        claimed=judged.claimed,
    )
    work.results[Stage.SERVER] = Done(
        Reason.CONNECTED, f"Postgres {facts.version} on {sessions.address} answers"
    )


async def _require_there(session: Session, work: Work, wanted: WantedDatabase, found: str) -> None:
    """Make no empty database in the place of one that was lost: that would hide the loss.

    Raises:
        DatabaseMissing: this very server had it, and has it no more.
    """
    known = work.database.status.database
    if known is None or not known.oid or found != _known_identifier(work):
        return
    there = (await read_database(session, wanted)).database
    if there is not None and there.is_valid:
        return
    what = "is gone" if there is None else "was dropped half-way"
    raise DatabaseMissing(
        f"database {wanted.name} {what} from {work.server.metadata.name}, where it had oid"
        f" {known.oid}; restore it under that name with owner {wanted.roles.owner}, or delete this"
        " object and make it anew for an empty one"
    )


async def provision(work: Work) -> None:
    """Bring roles and database to what is wanted."""
    place = work.place
    confirm = partial(require_unchanged, work)
    done = await ensure_database(place.sessions, place.wanted, confirm=confirm)
    work.oid, work.provisioned = done.oid, done
    reason = Reason.ADOPTED if done.outcome is Outcome.ADOPTED else Reason.CREATED
    if done.outcome is Outcome.KEPT:
        reason = work.reason_before(Stage.DATABASE, otherwise=Reason.CREATED)
    work.results[Stage.DATABASE] = Done(
        reason, f"database {place.wanted.name} is owned by {place.wanted.roles.owner}"
    )
    if done.outcome is Outcome.CREATED:
        told = (
            f"created database {place.wanted.name} on DatabaseServer "
            f"{work.server.metadata.name}; its login is in Secret {work.database.secret_name}"
        )
        work.events.append((EventReason.DATABASE_CREATED, told))
    elif done.outcome is Outcome.ADOPTED:
        work.events.append(
            (EventReason.DATABASE_ADOPTED, f"took over database {place.wanted.name}")
        )


async def _judged(session: Session, work: Work) -> _Judged:
    """Return what is wanted under a name that is free or ours.

    A derived name that another object of the namespace has is derived again with its hash.
    That of another namespace or cluster is a conflict, which a person solves by a name.
    """
    plain = _wanted(work, hashed=False)
    if work.database.status.database is not None:
        return await _judge_recorded(session, plain)
    if not has_derived_name(work.database):
        return await _judge(session, plain)
    second = _wanted(work, hashed=True)
    claims = await read_claims(session, [role.name for role in second.wanted.wanted_roles()])
    if any(is_ours(claim, second.wanted) for claim in claims):
        # An object that is restored without its status finds what it had.
        return await _judge(session, second)
    try:
        return await _judge(session, plain)
    except NameConflict:
        if not is_taken_by_sibling(await read_database(session, plain.wanted), plain.wanted):
            raise
        return await _judge(session, second)


async def _judge_recorded(session: Session, judged: _Judged) -> _Judged:
    """Judge the name in status, which no change of the spec can change any more."""
    try:
        return await _judge(session, judged)
    except NameConflict as err:
        if not err.message.endswith(ANOTHER_NAME):
            raise
        what = err.message.removesuffix(f"; {ANOTHER_NAME}")
        raise NameConflict(
            f"{what}, though status.database of this object names it; delete this object, which"
            " touches nothing of that, and make it anew without its status"
        ) from err


async def _judge(session: Session, judged: _Judged) -> _Judged:
    wanted = judged.wanted
    facts = await read_database(session, wanted)
    judge_claims(facts, wanted)
    if facts.database is None and not facts.roles:
        return judged
    claims = await read_claimed_roles(session, wanted.name)
    claimed = {role: claim.part for role, claim in claims.items() if is_ours(claim, wanted)}
    if any(each.is_new for each in judged.issues):
        # A Secret must not get a password that the server will refuse to learn.
        known = await read_names(session, wanted.name, tuple(claimed))
        require_administration(session, known, known.roles)
    return judged if facts.database is None else replace(judged, claimed=claimed)


def _wanted(work: Work, *, hashed: bool) -> _Judged:
    name = database_name(work.database, hashed=hashed)
    slots = login_slots(work.observed, name)
    issues = issue(work.observed, slots, work.context.new_password)
    own = issues[0].login
    wanted = wanted_on_server(
        work.database, work.server, work.observed.cluster_id, name=name, password=own.password
    )
    wanted = replace(wanted, logins=(own,), access=tuple(wanted_access(issues)))
    return _Judged(wanted=_with_source(wanted, work.analysis), slots=slots, issues=issues)


def _with_source(wanted: WantedDatabase, analysis: Analysis | None) -> WantedDatabase:
    """Add the extensions and schemas that the source declares: the app may not make them."""
    if analysis is None:
        return wanted
    declared = analysis.statements
    extensions = (*wanted.extensions, *operator_made(declared, DdlKind.EXTENSION))
    return replace(
        wanted,
        extensions=tuple(dict.fromkeys(extensions)),
        schemas=operator_made(declared, DdlKind.NAMESPACE),
        may_create_schemas=any(each.wants_schemas for each in analysis.migrators),
    )


async def _refuse_extensions(session: Session, work: Work) -> None:
    """A source that asks for more than the server gives keeps nobody from database and login."""
    if work.analysis is None:
        return
    asked = operator_made(work.analysis.statements, DdlKind.EXTENSION)
    if not asked:
        return
    allowed = work.server.spec.allowed_extensions
    available = await read_trust(session, asked)
    for name in asked:
        if name not in allowed:
            lacking = (
                f"add it to allowedExtensions of DatabaseServer {work.server.metadata.name}, or "
                "do without it"
            )
        elif name not in available:
            lacking = f"its files are not installed on {work.server.metadata.name}"
        else:
            continue
        error = ExtensionNotAllowed(f"the source asks for the extension {name}: {lacking}")
        work.results[Stage.SCHEMA] = Failed(error)
        work.analysis = None
        return


def _known_identifier(work: Work) -> str:
    known = work.database.status.server
    return known.system_identifier if known else ""

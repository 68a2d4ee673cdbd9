"""Actions of an AppDatabase on its Postgres server.

One session is held at a time, so that the bound on sessions cannot lock two runs up.
"""

from dataclasses import replace

from appdb.api.reasons import Reason
from appdb.cluster.events import EventReason
from appdb.cluster.secrets import is_ours, read_password
from appdb.errors import ExtensionNotAllowed, NameConflict
from appdb.model.analysis import Analysis
from appdb.model.ddl import DdlKind
from appdb.postgres.claims import judge_claims
from appdb.postgres.connect import Session
from appdb.postgres.ddl import operator_made
from appdb.postgres.facts import read_database
from appdb.postgres.provision import Outcome, app_session, ensure_database
from appdb.postgres.server import read_server, require_usable
from appdb.postgres.wanted import WantedDatabase
from appdb.reconcile.database.schema import sync_with_engine, sync_with_session
from appdb.reconcile.database.wanted import database_name, has_derived_name, wanted_on_server
from appdb.reconcile.database.work import OnServer, Work
from appdb.reconcile.results import Done, Failed, Stage
from appdb.reconcile.server.identity import require_same_server
from appdb.reconcile.server.resolve import read_admin_access


async def check_names(work: Work) -> None:
    """See that it is still the same server and that the names on it are free or ours."""
    context, server = work.context, work.server
    access = await read_admin_access(context.cluster, server, context.operator_namespace)
    sessions = await context.sessions.sessions_for(
        server.metadata.name, access.address, access.login, limit=server.spec.connections.max
    )
    async with sessions.maintenance() as session:
        facts = await read_server(session)
        require_same_server(server, facts.system_identifier or "", _known_identifier(work))
        require_usable(facts, session)
        _refuse_extensions(work, facts.extensions)
        wanted = await _judged(session, work)
    work.on_server = OnServer(sessions=sessions, address=access.address, facts=facts, wanted=wanted)
    work.results[Stage.SERVER] = Done(
        Reason.CONNECTED, f"Postgres {facts.version} on {access.address} answers"
    )


async def provision(work: Work) -> None:
    """Bring roles and database to what is wanted."""
    place = work.place
    done = await ensure_database(place.sessions, place.wanted)
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


async def use_login(work: Work) -> None:
    """Log in as the app does, heal what keeps it out, and make the tables over that session."""
    place = work.place
    async with app_session(place.sessions, place.wanted, after=work.provisioned) as session:
        work.results[Stage.CREDENTIALS] = Done(
            Reason.ISSUED,
            f"{place.wanted.logins[0].username} logs in with Secret {work.database.secret_name}",
        )
        if Stage.SCHEMA not in work.results:
            await sync_with_session(work, session)
    if Stage.SCHEMA not in work.results:
        await sync_with_engine(work)


async def _judged(session: Session, work: Work) -> WantedDatabase:
    """Return what is wanted under a name that is free or ours.

    A derived name that another object has already is derived again with its hash.
    """
    wanted = _wanted(work, hashed=False)
    try:
        judge_claims(await read_database(session, wanted), wanted)
    except NameConflict:
        if not has_derived_name(work.database):
            raise
        wanted = _wanted(work, hashed=True)
        judge_claims(await read_database(session, wanted), wanted)
    return wanted


def _wanted(work: Work, *, hashed: bool) -> WantedDatabase:
    secret, database = work.observed.secret, work.database
    ours = secret is not None and is_ours(secret, database.metadata.name)
    password = read_password(secret) if secret is not None and ours else None
    wanted = wanted_on_server(
        database,
        work.server,
        work.observed.cluster_id,
        name=database_name(database, hashed=hashed),
        password=password or work.context.new_password(),
    )
    return _with_source(wanted, work.analysis)


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


def _refuse_extensions(work: Work, available: tuple[str, ...]) -> None:
    """A source that asks for more than the server gives keeps nobody from database and login."""
    if work.analysis is None:
        return
    allowed = work.server.spec.allowed_extensions
    for name in operator_made(work.analysis.statements, DdlKind.EXTENSION):
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

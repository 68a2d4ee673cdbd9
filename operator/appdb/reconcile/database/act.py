"""Carries out the actions of a decision in their order, and notes what became of each stage.

Nothing is decided here but what to leave out after a failure. Each action may be
repeated, and a kill between any two heals in the next run: names are checked before the
Secret is written, and the Secret is written before the password of a login in use is set.
"""

from collections.abc import Awaitable, Callable
from typing import assert_never

from appdb.api.reasons import Reason
from appdb.errors import AppDBError, ClusterUnavailable, Conflict
from appdb.reconcile.database.decide import (
    Action,
    Analyze,
    CheckNames,
    Decision,
    HoldObject,
    ProveLogins,
    Provision,
    RetireLogins,
    UseLogin,
    WriteSecrets,
)
from appdb.reconcile.database.on_cluster import hold_object, write_secrets
from appdb.reconcile.database.on_logins import prove_logins, retire_logins, use_login
from appdb.reconcile.database.on_server import check_names, provision
from appdb.reconcile.database.on_source import analyze
from appdb.reconcile.database.work import Work
from appdb.reconcile.results import Failed, Stage, Waits

OF_THE_SERVER = frozenset(
    {
        Reason.SERVER_NOT_FOUND,
        Reason.SERVER_NOT_ALLOWED,
        Reason.SERVER_CHANGED,
        Reason.UNREACHABLE,
        Reason.TOO_MANY_CONNECTIONS,
        Reason.AUTHENTICATION_FAILED,
        Reason.TLS_FAILED,
    }
)


# What a look at the server itself would find too.
SIGNS_OF_A_BAD_SERVER = (OF_THE_SERVER - {Reason.SERVER_NOT_FOUND, Reason.SERVER_NOT_ALLOWED}) | {
    Reason.INSUFFICIENT_PRIVILEGE
}


async def act(work: Work, decision: Decision) -> None:
    """Carry out a decision; failures end up in `work.results`.

    Raises:
        Conflict: somebody wrote the object meanwhile; the run is to be repeated.
        ClusterUnavailable: the API server is the one that fails.
        ClusterForbidden: it refuses our finalizer, without which nothing may be made.
    """
    work.results |= decision.known
    work.turn = decision.turn
    stopped: Stage | None = None
    for action in decision.actions:
        stage = _stage_of(action)
        if stopped is not None:
            work.results.setdefault(stage, Waits(stopped))
            continue
        failed = await _try(work, action, stage)
        # A source that cannot be read keeps nobody from database and login.
        stopped = failed if failed is not Stage.SOURCE else None


def _stage_of(action: Action) -> Stage:
    match action:
        case Analyze():
            return Stage.SOURCE
        case HoldObject() | CheckNames() | Provision():
            return Stage.DATABASE
        case WriteSecrets() | ProveLogins() | UseLogin() | RetireLogins():
            return Stage.CREDENTIALS
        case _:
            assert_never(action)


def _carry_out(action: Action) -> Callable[[Work], Awaitable[None]]:
    match action:
        case Analyze():
            return analyze
        case HoldObject():
            return hold_object
        case CheckNames():
            return check_names
        case WriteSecrets():
            return write_secrets
        case Provision():
            return provision
        case ProveLogins():
            return prove_logins
        case UseLogin():
            return use_login
        case RetireLogins():
            return retire_logins
        case _:
            assert_never(action)


async def _try(work: Work, action: Action, stage: Stage) -> Stage | None:
    try:
        await _carry_out(action)(work)
    except (Conflict, ClusterUnavailable):
        raise
    except AppDBError as error:
        if isinstance(action, HoldObject):
            raise
        at = Stage.SERVER if Reason(error.reason) in OF_THE_SERVER else stage
        work.results[at] = Failed(error)
        _let_wait(work, after=at)
        return at
    return None


def _let_wait(work: Work, *, after: Stage) -> None:
    """What depends on a failed stage waits for it; only the source stands for itself."""
    order = (Stage.SERVER, Stage.DATABASE, Stage.CREDENTIALS, Stage.SCHEMA)
    if after not in order:
        work.results.setdefault(Stage.SCHEMA, Waits(after))
        return
    for stage in order[order.index(after) + 1 :]:
        work.results.setdefault(stage, Waits(after))

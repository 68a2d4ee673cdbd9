"""Proves that an application's migrations and its declared schema say the same.

Both run in the scratch database, in transactions that are rolled back, and the catalogs
are compared. What runs was picked by the source layer from an allow-list; a folder that
holds anything else cannot be proved and never gets here.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

import psycopg

from appdb.model.catalog import Catalog, Key, Kind
from appdb.model.ddl import DdlStatement
from appdb.model.migrator import Migrator, Replay
from appdb.model.words import counted
from appdb.plan.bookkeeping import impossible
from appdb.plan.clone import clone_statements
from appdb.plan.diff import (
    Altered,
    Change,
    Commented,
    Created,
    Dropped,
    Leftover,
    Renamed,
    Replaced,
    diff_catalogs,
)
from appdb.postgres.scratch import Scratch, declared_catalog

# Others wait for the scratch database meanwhile.
REPLAY_SECONDS = 60.0
# A new label of an enum cannot be used in the transaction that adds it (before Postgres 17).
_UNUSABLE_LABEL = "55P04"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`differences` are sentences; `unproved` says why there was nothing to compare."""

    differences: tuple[str, ...] = ()
    unproved: str = ""


async def require_same(
    scratch: Scratch, statements: Sequence[DdlStatement], migrator: Migrator, live: Catalog
) -> None:
    """See that a folder of SQL says what is declared; a folder of programs is believed.

    Raises:
        InvalidSpec: they differ.
        DDLFailed: the declared statements do not load.
    """
    if migrator.replay is None:
        return
    found = await compare_with_migrations(scratch, statements, migrator.replay, live)
    if found.differences:
        more = len(found.differences) - 1
        others = f" (and {counted(more, 'more difference')})" if more else ""
        raise impossible(
            f"{found.differences[0]}{others}, in {migrator}",
            "nothing was changed; make both say the same, or use Detect",
        )


async def compare_with_migrations(
    scratch: Scratch, statements: Sequence[DdlStatement], replay: Replay, live: Catalog
) -> Comparison:
    """Compare what the migrations make of an empty database with what is declared.

    `live` is the database's own catalog: its extensions are there in both.

    Raises:
        DDLFailed, InvalidSpec: the declared statements do not load.
    """
    desired = await scratch.desired(statements, live)
    replayed = await replay_on(scratch, replay, live)
    if isinstance(replayed, Comparison):
        return replayed
    changes = diff_catalogs(replayed, desired, frozenset(replayed.objects))
    return Comparison(differences=tuple(dict.fromkeys(_told(changes))))


async def read_schema(scratch: Scratch, migrator: Migrator, live: Catalog) -> tuple[str, ...]:
    """Return the statements that make what a folder of SQL makes, in an order that loads.

    Raises:
        InvalidSpec: it cannot be replayed.
    """
    replayed = await replay_on(scratch, migrator.replay or Replay(), live)
    if isinstance(replayed, Comparison):
        why = replayed.unproved or replayed.differences[0]
        raise impossible(f"{why}, in {migrator}", "use Detect to leave the tables to it")
    return clone_statements(replayed)


async def replay_on(scratch: Scratch, replay: Replay, live: Catalog) -> Catalog | Comparison:
    """Replay migrations on an empty schema; what stands there then, or why it cannot be told."""
    installed = {key.name for key in live.keys(Kind.EXTENSION)}
    lacking = [name for name in replay.extensions if name not in installed]
    if lacking:
        return Comparison(
            differences=(f"the migrations install extension {lacking[0]}, which is not declared",)
        )
    try:
        async with scratch.bench(live) as bench, asyncio.timeout(REPLAY_SECONDS):
            for statement in replay.statements:
                await bench.run(statement)
            replayed = declared_catalog(await bench.catalog())
    except TimeoutError:
        long = f"the migrations take more than {REPLAY_SECONDS:g} s on an empty database"
        return Comparison(differences=(long,))
    except psycopg.Error as err:
        if err.sqlstate == _UNUSABLE_LABEL:
            return Comparison(unproved="they use a label of an enum that they add themselves")
        said = err.diag.message_primary or "no reason given"
        return Comparison(differences=(f"the migrations do not run on an empty database: {said}",))
    return replayed


def _told(changes: Sequence[Change]) -> Iterator[str]:
    """Say what differs; the parts of a table that is missing as a whole are not told apart."""
    whole = {
        change.key
        for change in changes
        if isinstance(change, Created | Dropped) and change.key.kind is Kind.TABLE
    }
    for change in changes:
        if change.key.parent and change.key.table in whole:
            continue
        yield _sentence(change)


def _sentence(change: Change) -> str:
    thing = _thing(change.key)
    match change:
        case Created():
            return f"{thing} is declared, and no migration makes it"
        case Dropped():
            return f"a migration makes {thing}, which is not declared"
        case Renamed(to=to):
            return f"{thing} of the migrations is declared as {to.name}"
        case Altered() | Replaced() | Commented():
            return f"{thing} is declared in another way than the migrations make it"
        case Leftover():
            return f"a migration makes {thing}, whose name is one of the operator's"
        case _:
            assert_never(change)


def _thing(key: Key) -> str:
    return f"{key.kind.value} {key}"

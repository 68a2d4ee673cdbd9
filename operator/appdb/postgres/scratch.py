"""A scratch database: where declared DDL and plans are tried before anything real is touched.

Every use is one transaction that is rolled back, as a role of its own without rights
where the login may make one; statements go one at a time and only of allowed kinds. A
scratch database that we made is dropped; those that a killed run left are dropped by the
next.
"""

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    suppress,
)
from dataclasses import dataclass, field, replace

import psycopg
from psycopg import sql

from appdb.errors import DDLFailed, ExtensionNotAllowed, InsufficientPrivilege, InvalidSpec
from appdb.model.catalog import Catalog, Constraint, Extension, Kind
from appdb.model.ddl import DdlKind, DdlStatement
from appdb.model.digest import digest_of_texts, short
from appdb.plan.clone import clone_statements
from appdb.postgres.connect import Login, ServerAddress, Session, SessionSettings, connect
from appdb.postgres.inspect import read_catalog

PREFIX = "_appdb_scratch_"
STALE_SECONDS = 3_600
SETTINGS = SessionSettings(role=None, application_name="appdb-scratch", statement_timeout_ms=60_000)

_NAME = r'(?:"(?:[^"]|"")+"|[\w$]+)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[\w$]+))?'
_ALLOWED = re.compile(
    r"(?:CREATE\s+(?:SCHEMA|(?:UNLOGGED\s+)?TABLE|TYPE|DOMAIN|SEQUENCE|(?:UNIQUE\s+)?INDEX"
    r"|EXTENSION)\b"
    rf"|ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?{_NAME}\s+(?:ADD\b"
    rf"|ALTER\s+(?:COLUMN\s+)?{_NAME}\s+(?:SET\s+DEFAULT|ADD\s+GENERATED)\b)"
    rf"|ALTER\s+SEQUENCE\s+(?:IF\s+EXISTS\s+)?{_NAME}\s.*\bOWNED\s+BY\b"
    r"|COMMENT\s+ON\b)",
    re.IGNORECASE | re.DOTALL,
)
_REFUSED = re.compile(
    r"CREATE\s+(?:UNLOGGED\s+)?TABLE\s[^(]*\bAS\s+(?:\(|SELECT|TABLE|VALUES|EXECUTE|WITH)"
    r"|CREATE\s+(?:UNLOGGED\s+)?TABLE\s.*\)\s*AS\s+(?:SELECT|TABLE|VALUES|EXECUTE|WITH)\b"
    r"|CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY",
    re.IGNORECASE | re.DOTALL,
)
_REMARKS = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_UNSUPPORTED = {"partitioned table", "partition", "foreign table"}
_EXTENSION_NAME = re.compile(
    r'CREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:"([^"]+)"|(\w+))', re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a statement did to tables that were there: rewritten, or scanned."""

    rewritten: tuple[str, ...]
    scanned: tuple[str, ...]


class Bench:
    """One rolled-back transaction in a scratch database."""

    def __init__(self, conn: Session) -> None:
        self._conn = conn
        self._said: list[str] = []

    async def run(self, statement: str) -> None:
        """Run one statement; raises psycopg.Error."""
        # A binary result makes libpq use the protocol that takes a single statement only.
        await self._conn.execute(statement.encode(), binary=True)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Take back what is done inside when it fails."""
        async with self._conn.transaction():
            yield

    async def clone(self, catalog: Catalog) -> None:
        """Make everything of a catalog but its extensions."""
        await run_all(self._conn, clone_statements(catalog))

    async def catalog(self) -> Catalog:
        """Read what is there now."""
        return await read_catalog(self._conn)

    async def measure(self, statements: Sequence[str]) -> Measured:
        """Run statements and tell which tables Postgres rewrote or scanned for them."""
        self._said.clear()
        self._conn.add_notice_handler(self._listen)
        try:
            await self._conn.execute("SET LOCAL client_min_messages = debug1")
            for statement in statements:
                await self.run(statement)
            await self._conn.execute("SET LOCAL client_min_messages = error")
        finally:
            self._conn.remove_notice_handler(self._listen)
        return Measured(
            rewritten=_tables(self._said, "rewriting table"),
            scanned=_tables(self._said, "verifying table"),
        )

    def _listen(self, notice: psycopg.errors.Diagnostic) -> None:
        self._said.append(notice.message_primary or "")


async def run_all(conn: Session, statements: Iterable[str]) -> None:
    """Run statements without waiting for each; the first error ends the whole."""
    async with conn.pipeline():
        for statement in statements:
            await conn.execute(statement.encode(), binary=True)


def _tables(said: Iterable[str], words: str) -> tuple[str, ...]:
    return tuple(text.partition('"')[2].rstrip('"') for text in said if text.startswith(words))


@dataclass(kw_only=True)
class Scratch:
    """A session in a scratch database; uses are one after another.

    Without `conn` the first use asks `opener` for it, or borrows it from `lend`: a plan that
    finds nothing to do needs none. What was borrowed is given back by `rest`, until the next use.
    """

    conn: Session | None = None
    opener: Callable[[], Awaitable[Session]] | None = None
    lend: Callable[[], AbstractAsyncContextManager[Session]] | None = None
    _loan: AsyncExitStack = field(default_factory=AsyncExitStack)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _desired: dict[str, Catalog] = field(default_factory=dict)

    async def _open(self) -> None:
        if self.conn is None and self.opener is not None:
            self.conn = await self.opener()
        if self.conn is None and self.lend is not None:
            self.conn = await self._loan.enter_async_context(self.lend())

    async def rest(self) -> None:
        """Let others have the scratch database, while the live one is asked something long."""
        if self.lend is None:
            return
        async with self._lock:
            self.conn = None
            await self._loan.aclose()

    @property
    def _conn(self) -> Session:
        assert self.conn is not None  # noqa: S101 - each use opens it first
        return self.conn

    @asynccontextmanager
    async def bench(self, extensions: Catalog | None = None) -> AsyncIterator[Bench]:
        """Open a bench with these extensions in place; it is always rolled back."""
        async with self._lock:
            await self._open()
            await self._conn.execute("BEGIN")
            try:
                await self._prepare(extensions)
                yield Bench(self._conn)
            finally:
                await self._conn.execute("ROLLBACK")

    async def _prepare(self, live: Catalog | None) -> None:
        schemas = ["public"]
        for key in live.keys(Kind.EXTENSION) if live else ():
            record = live.objects[key] if live else None
            if isinstance(record, Extension):
                await self._install(key.name, record.schema)
                schemas.append(record.schema)
        await self._drop_rights()
        path = sql.SQL(", ").join(sql.Identifier(s) for s in dict.fromkeys(schemas))
        await self._conn.execute(sql.SQL("SET LOCAL search_path = {}").format(path))

    async def _install(self, name: str, schema: str | None) -> None:
        try:
            if schema is None:
                query = sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name))
            else:
                place = sql.Identifier(schema)
                await self._conn.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(place))
                query = sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA {}").format(
                    sql.Identifier(name), place
                )
            await self._conn.execute(query)
        except psycopg.errors.InsufficientPrivilege as err:
            raise ExtensionNotAllowed(
                f"extension {name} cannot be installed in the scratch database:"
                f" {err.diag.message_primary}; ask the platform team, or use --scratch-url with"
                " a database that has it"
            ) from err
        except psycopg.Error as err:
            raise DDLFailed(
                f"extension {name} cannot be installed: {err.diag.message_primary}"
            ) from err

    async def _drop_rights(self) -> None:
        """Work as a new role without rights; it goes with the rollback."""
        found = await self._conn.execute(
            "SELECT has_schema_privilege('public', 'public', 'CREATE') FROM pg_roles"
            " WHERE rolname = current_user AND (rolsuper OR rolcreaterole)"
        )
        row = await found.fetchone()
        if row is None:
            return
        (is_open,) = row
        name = sql.Identifier(f"{PREFIX}{secrets.token_hex(6)}")
        database = sql.Identifier(self._conn.info.dbname)
        for query in (
            "CREATE ROLE {role} NOLOGIN",
            "GRANT {role} TO CURRENT_USER",
            "GRANT CREATE, TEMPORARY ON DATABASE {database} TO {role}",
            *(() if is_open else ("GRANT ALL ON SCHEMA public TO {role}",)),
            "SET LOCAL ROLE {role}",
        ):
            await self._conn.execute(sql.SQL(query).format(role=name, database=database))

    async def desired(self, statements: Sequence[DdlStatement], live: Catalog) -> Catalog:
        """Run declared DDL and read what it makes.

        Raises:
            DDLFailed: a statement fails; the message says where it comes from.
            InvalidSpec: a statement is of a kind that a source may not hold.
        """
        extensions = [repr((k, live.objects[k])) for k in live.keys(Kind.EXTENSION)]
        cache_key = digest_of_texts([*(s.sql for s in statements), "", *sorted(extensions)])
        found = self._desired.get(cache_key)
        if found is None:
            found = declared_catalog(await self._make_desired(statements, live))
            self._desired.clear()
            self._desired[cache_key] = found
        return found

    async def _make_desired(self, statements: Sequence[DdlStatement], live: Catalog) -> Catalog:
        check_statements(statements)
        own = [s for s in statements if s.kind is not DdlKind.EXTENSION]
        async with self._lock:
            await self._open()
            with suppress(psycopg.Error):
                async with self._declaring(statements, live):
                    await run_all(self._conn, (statement.sql for statement in own))
                    return await read_catalog(self._conn)
            # Once more, one by one, to say which statement it is.
            async with self._declaring(statements, live):
                for statement in own:
                    await self._declare(statement)
                return await read_catalog(self._conn)

    @asynccontextmanager
    async def _declaring(
        self, statements: Sequence[DdlStatement], live: Catalog
    ) -> AsyncIterator[None]:
        await self._conn.execute("BEGIN")
        try:
            for statement in statements:
                if statement.kind is DdlKind.EXTENSION:
                    await self._declare_extension(statement, live)
            await self._prepare(live)
            yield
        finally:
            await self._conn.execute("ROLLBACK")

    async def _declare_extension(self, statement: DdlStatement, live: Catalog) -> None:
        found = _EXTENSION_NAME.match(statement.sql)
        name = (found[1] or found[2]) if found else statement.name
        if not any(key.name == name for key in live.keys(Kind.EXTENSION)):
            await self._install(name, statement.schema or "public")

    async def _declare(self, statement: DdlStatement) -> None:
        try:
            await self._conn.execute(statement.sql.encode(), binary=True)
        except psycopg.Error as err:
            place = f"{statement.evidence.span}: " if statement.evidence else ""
            raise DDLFailed(
                f"{place}the declared {statement.kind.name.lower()} {statement.name} does not"
                f" load: {err.diag.message_primary}"
            ) from err

    async def canonical(self, catalog: Catalog) -> Catalog:
        """Return a catalog after one more round through Postgres' parser."""
        async with self.bench(catalog) as bench:
            await bench.clone(catalog)
            return await bench.catalog()


def declared_catalog(catalog: Catalog) -> Catalog:
    """Refuse what cannot be managed, and take every declared rule for one that holds."""
    refused = [s for s in catalog.strangers if s.kind in _UNSUPPORTED]
    if refused:
        raise InvalidSpec(
            f"the source declares {refused[0].kind} {refused[0].name}: partitions and foreign"
            " tables cannot be managed; make them by hand and leave them out of the source"
        )
    objects = {
        key: replace(record, is_valid=True)
        if isinstance(record, Constraint) and not record.is_valid
        else record
        for key, record in catalog.objects.items()
    }
    return replace(catalog, objects=objects)


def check_statements(statements: Iterable[DdlStatement]) -> None:
    """Refuse what a source may not hold: anything but declarations of a schema."""
    for statement in statements:
        text = statement.sql[_REMARKS.match(statement.sql).end() :]  # type: ignore[union-attr]  # it matches nothing at least
        if not _ALLOWED.match(text) or _REFUSED.match(text):
            place = f"{statement.evidence.span}: " if statement.evidence else ""
            words = " ".join(text.split()[:3])
            raise InvalidSpec(
                f"{place}statement {words!r} may not stand in a source: allowed are CREATE SCHEMA,"
                " TABLE, TYPE, DOMAIN, SEQUENCE, INDEX, EXTENSION, ALTER TABLE ADD CONSTRAINT,"
                " ALTER SEQUENCE OWNED BY, COMMENT"
            )


@asynccontextmanager
async def temporary_scratch(
    conn: Session, address: ServerAddress, login: Login
) -> AsyncIterator[Scratch]:
    """Lend a scratch database beside the live one: made for its first use, dropped afterwards.

    Raises:
        InsufficientPrivilege: the login may not create databases; by the first use.
    """
    async with AsyncExitStack() as stack:

        async def make() -> Session:
            await _drop_stale(conn)
            name = f"{PREFIX}{int(time.time()):x}_{secrets.token_hex(4)}"
            await _create(conn, name)
            stack.push_async_callback(_drop_quietly, conn, name)
            session = await connect(address, login, database=name, settings=SETTINGS)
            stack.push_async_callback(session.close)
            return session

        yield Scratch(opener=make)


async def _create(conn: Session, name: str) -> None:
    query = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
    try:
        await conn.execute(query)
    except psycopg.errors.InsufficientPrivilege as err:
        raise InsufficientPrivilege(
            f"{conn.info.user} may not create the scratch database that a plan is tried in:"
            " give --scratch-url with an empty database, on any server of this version, or use a"
            f' login that may; for a role of your own: ALTER ROLE "{conn.info.user}" CREATEDB'
        ) from err


async def _drop_quietly(conn: Session, name: str) -> None:
    """What cannot be dropped now is stale for a later run."""
    with suppress(psycopg.Error):
        await _drop(conn, name)


@asynccontextmanager
async def scratch_at(
    address: ServerAddress, login: Login, *, database: str
) -> AsyncIterator[Scratch]:
    """Use a database that is there; nothing stays in it."""
    conn = await connect(address, login, database=database, settings=SETTINGS)
    try:
        yield Scratch(conn=conn)
    finally:
        await conn.close()


async def ensure_scratch_database(conn: Session, name: str) -> str:
    """Make a scratch database that stays, unless it is there; no tenant gets into it.

    Returns its name: where that of `name` is another admin's, one before us or one of another
    cluster on the server, it is one of our own beside it.
    """
    if await _is_anothers(conn, name):
        name = f"{name}_of_{short(digest_of_texts([conn.info.user]), 8)}"
    if await _is_open_to_public(conn, name) is None:
        with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            await conn.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
            )
    if await _is_open_to_public(conn, name):
        query = sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name))
        await conn.execute(query)
    return name


async def open_to_roles(conn: Session) -> None:
    """Let every role make things in the schema of a scratch database that nobody else enters.

    A right on a schema, given and taken back by each use, would make Postgres forget all plans.
    """
    found = await conn.execute(
        "SELECT FROM pg_database WHERE datname = current_database()"
        " AND NOT has_database_privilege('public', oid, 'CONNECT')"
        " AND NOT has_schema_privilege('public', 'public', 'CREATE')"
    )
    if await found.fetchone() is not None:
        await conn.execute("GRANT ALL ON SCHEMA public TO PUBLIC")


async def _is_anothers(conn: Session, name: str) -> bool:
    """Tell whether a database is there for whose owner the session may not act."""
    query = "SELECT NOT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = %s"
    row = await (await conn.execute(query, (name,))).fetchone()
    return row is not None and bool(row[0])


async def _is_open_to_public(conn: Session, name: str) -> bool | None:
    """Tell whether everybody may connect to a database; None when there is none."""
    found = await conn.execute(
        "SELECT has_database_privilege('public', oid, 'CONNECT') FROM pg_database"
        " WHERE datname = %s",
        (name,),
    )
    row = await found.fetchone()
    return None if row is None else bool(row[0])


async def _drop_stale(conn: Session) -> None:
    """Drop what killed runs of this login left more than an hour ago."""
    found = await conn.execute(
        "SELECT datname FROM pg_database d WHERE datname LIKE %s AND"
        " pg_has_role(datdba, 'USAGE') AND NOT EXISTS"
        " (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)",
        (PREFIX.replace("_", r"\_") + "%",),
    )
    for (name,) in await found.fetchall():
        stamp = re.match(r"([0-9a-f]+)_", name.removeprefix(PREFIX))
        if stamp and time.time() - int(stamp[1], 16) > STALE_SECONDS:
            with suppress(psycopg.Error):
                await _drop(conn, name)


async def _drop(conn: Session, name: str) -> None:
    query = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    await conn.execute(query)

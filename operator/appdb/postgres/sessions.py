"""Bounds the operator's sessions on a server, and keeps those to the maintenance database.

A session costs about 9 ms to open and one of the server's connections to keep. Every
session of the operator counts against one limit, idle ones too, so that the server's
owner can rely on `connections.max`. A task must hold at most one session at a time: two
tasks that each wait for a second one would wait for ever.

Where many wait, each half of the limit is for one kind of session: those that are kept would
else be closed for those that are not, and opened again a moment later.
"""

import asyncio
import os
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import psycopg
from psycopg.pq import TransactionStatus

from appdb.postgres.connect import (
    AS_ADMIN,
    AS_MAINTAINER,
    AS_TENANT,
    Login,
    ServerAddress,
    Session,
    SessionSettings,
    connect,
)

DEFAULT_LIMIT = 8
IDLE_SECONDS = 30.0
_LONGEST_GOODBYE_SECONDS = 2.0
# Who holds its session for longer works on tables or waits for a lock itself.
PATIENCE_SECONDS = 1.0


class AdminSessions:
    """The sessions of one admin login on one server; waiting is first come, first served."""

    def __init__(
        self,
        address: ServerAddress,
        login: Login,
        *,
        limit: int = DEFAULT_LIMIT,
        idle_seconds: float = IDLE_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
        on_connect: Callable[[bool], None] = lambda _ok: None,
    ) -> None:
        self.address = address
        self.login = login
        self.limit = limit
        self._idle_seconds = idle_seconds
        self._on_connect = on_connect
        self._slots = asyncio.Semaphore(limit)
        # Who plans holds two of a kind at once.
        half = max(2, -(-limit // 2))
        self._kept_half = _Half(half, patience_seconds)
        self._short_half = _Half(half, patience_seconds)
        self._idle: list[tuple[Session, asyncio.TimerHandle]] = []
        self._lent = 0
        self._leaving: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def open(self) -> int:
        """Count the sessions that are open now or being opened, lent or idle."""
        return self._lent + len(self._idle)

    @asynccontextmanager
    async def maintenance(self) -> AsyncIterator[Session]:
        """Lend a session to the maintenance database; it is kept for the next borrower."""
        async with self._kept_half.share(), self._place():
            session = self._take_idle() or await self._open(self.login, None, AS_MAINTAINER)
            try:
                yield session
            finally:
                await self._give_back(session)

    @asynccontextmanager
    async def database(
        self, name: str, *, settings: SessionSettings = AS_ADMIN
    ) -> AsyncIterator[Session]:
        """Lend the admin's session to a database; closed afterwards, it would block a drop."""
        async with self._short_lived(self.login, name, settings) as session:
            yield session

    @asynccontextmanager
    async def tenant(
        self, login: Login, database: str, *, settings: SessionSettings = AS_TENANT
    ) -> AsyncIterator[Session]:
        """Lend a session of somebody else's login; it counts like our own."""
        async with self._short_lived(login, database, settings) as session:
            yield session

    async def aclose(self) -> None:
        """Close what is idle; what is lent is closed when it comes back."""
        self._is_closed = True
        while self._idle:
            await self._close_oldest()
        await asyncio.gather(*self._leaving)

    @asynccontextmanager
    async def _short_lived(
        self, login: Login, database: str, settings: SessionSettings
    ) -> AsyncIterator[Session]:
        stay = AsyncExitStack()
        await stay.enter_async_context(self._short_half.share())
        gone: Awaitable[None] | None = None
        try:
            await stay.enter_async_context(self._place())
            session = await self._open(login, database, settings)
            try:
                yield session
            finally:
                gone = await _closed(session)
        finally:
            task = asyncio.create_task(_leave(stay, gone))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """Wait for a place; it counts from now on, while the session is still being opened."""
        async with self._slots:
            self._lent += 1
            try:
                yield
            finally:
                self._lent -= 1

    async def _open(self, login: Login, database: str | None, settings: SessionSettings) -> Session:
        # Our place is counted already: only idle sessions can stand in the way of the limit.
        while self._idle and self.open > self.limit:
            await self._close_oldest()
        succeeded = False
        try:
            session = await connect(self.address, login, database=database, settings=settings)
            succeeded = True
        finally:
            self._on_connect(succeeded)
        return session

    def _take_idle(self) -> Session | None:
        while self._idle:
            session, timer = self._idle.pop()
            timer.cancel()
            if _is_quiet(session):
                return session
            session.pgconn.finish()
        return None

    async def _give_back(self, session: Session) -> None:
        is_reusable = (
            not self._is_closed
            and not session.closed
            and session.info.transaction_status is TransactionStatus.IDLE
        )
        if not is_reusable:
            await session.close()
            return
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._idle_seconds, self._expire, session)
        self._idle.append((session, timer))

    def _expire(self, session: Session) -> None:
        self._idle = [entry for entry in self._idle if entry[0] is not session]
        session.pgconn.finish()

    async def _close_oldest(self) -> None:
        session, timer = self._idle.pop(0)
        timer.cancel()
        gone = await _closed(session)
        if gone is not None:
            await gone


class _Half:
    """The sessions of one kind that may be open while both kinds are waited for."""

    def __init__(self, count: int, patience_seconds: float) -> None:
        self._free = asyncio.Semaphore(count)
        self._patience_seconds = patience_seconds

    @asynccontextmanager
    async def share(self) -> AsyncIterator[None]:
        """Wait for a place; when none becomes free for long, go on without."""
        has_place = False
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience_seconds):
                has_place = await self._free.acquire()
        try:
            yield
        finally:
            if has_place:
                self._free.release()


class ServerSessions:
    """One `AdminSessions` for each server by name; a changed server or password makes a new one."""

    def __init__(self, on_connect: Callable[[str, bool], None] = lambda _name, _ok: None) -> None:
        self._by_name: dict[str, AdminSessions] = {}
        self._on_connect = on_connect

    async def sessions_for(
        self, name: str, address: ServerAddress, login: Login, *, limit: int = DEFAULT_LIMIT
    ) -> AdminSessions:
        """Give the sessions of a server, as its objects describe it now."""
        known = self._by_name.get(name)
        if known and (known.address, known.login, known.limit) == (address, login, limit):
            return known
        fresh = AdminSessions(
            address, login, limit=limit, on_connect=lambda ok: self._on_connect(name, ok)
        )
        self._by_name[name] = fresh
        if known:
            await known.aclose()
        return fresh

    async def forget(self, name: str) -> None:
        """Close the sessions of a server that is no longer wanted."""
        known = self._by_name.pop(name, None)
        if known:
            await known.aclose()

    async def aclose(self) -> None:
        """Close everything, at the end of the process."""
        for name in list(self._by_name):
            await self.forget(name)


async def _leave(stay: AsyncExitStack, gone: Awaitable[None] | None) -> None:
    """Give a place free once the server has let go of the session, which takes a moment."""
    async with stay:
        if gone is not None:
            await gone


async def _closed(session: Session) -> Awaitable[None] | None:
    """Close a session; returns what to wait for until its backend is gone, None if it is."""
    try:
        last = socket.socket(fileno=os.dup(session.pgconn.socket))
    except (psycopg.OperationalError, OSError):
        await session.close()
        return None
    await session.close()
    return _await_end(last)


async def _await_end(last: socket.socket) -> None:
    """Read until the server closes its side, which it does when it has forgotten the session."""
    loop = asyncio.get_running_loop()
    last.settimeout(0)
    with last, suppress(OSError, TimeoutError):
        async with asyncio.timeout(_LONGEST_GOODBYE_SECONDS):
            while await loop.sock_recv(last, 4096):
                pass


def _is_quiet(session: Session) -> bool:
    """Tell whether an idle session still stands: a server that says something unasked left it."""
    if session.closed:
        return False
    poll = select.poll()
    with suppress(psycopg.OperationalError):
        poll.register(session.pgconn.socket, select.POLLIN | select.POLLHUP)
        return not poll.poll(0)
    return False

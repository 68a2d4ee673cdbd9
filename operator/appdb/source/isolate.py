"""Reads sources in processes of their own, so that no source can harm the operator.

One clean process (`zygote`) has everything imported; for each source it forks a reader
with limits on time, memory and files, which ends after its one answer. Nothing is parsed
on this side but the answer, and that into our own classes only.
"""

import array
import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field

from appdb.errors import AppDBError, SourceInvalid
from appdb.model.analysis import Analysis
from appdb.source import wire
from appdb.source.analyze import DEFAULT_OPTIONS, AnalysisOptions
from appdb.source.bundle import SourceBundle
from appdb.source.worker import OUT_OF_MEMORY, WorkerLimits, serve

DEFAULT_LIMITS = WorkerLimits()
_START_SECONDS = 20.0
# Behind the zygote's own time-out; only a zygote that hangs lets it pass.
_GRACE_SECONDS = 5.0
_DECODED_AT_ONCE = 32 * 1024
_PROGRAM = """\
import json, sys
fd, path, limits = json.loads(sys.argv[1])
sys.path[:] = path
from appdb.source.zygote import main
from appdb.source.worker import WorkerLimits
main(fd, WorkerLimits(**limits))
"""
_NEXT = "leave out large or generated files with spec.source.exclude"


@dataclass(eq=False)
class _Zygote:
    """The running process, and who waits for which of its readers."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    ready: asyncio.Future[int]
    waiting: dict[int, asyncio.Future[int]] = field(default_factory=dict)
    is_alive: bool = True

    def heard(self) -> None:
        """Take the messages that are there; none at all means that the process is gone."""
        try:
            while data := self.control.recv(4096):
                number, status = json.loads(data)
                found = self.ready if number == 0 else self.waiting.pop(number, None)
                if found is not None and not found.done():
                    found.set_result(status)
        except BlockingIOError:
            return
        except OSError:
            pass
        self.end()

    def end(self) -> None:
        """Stop the process and let nobody wait for it any longer."""
        if not self.is_alive:
            return
        self.is_alive = False
        asyncio.get_running_loop().remove_reader(self.control)
        self.control.close()
        self.process.kill()
        self.process.wait()
        for each in (self.ready, *self.waiting.values()):
            if not each.done():
                each.cancel()


class Isolation:
    """Analyses in processes of their own, at most `concurrency` at once (the cores by default)."""

    def __init__(
        self, limits: WorkerLimits = DEFAULT_LIMITS, concurrency: int | None = None
    ) -> None:
        self._limits = limits
        self._slots = asyncio.Semaphore(concurrency or os.cpu_count() or 1)
        self._starting = asyncio.Lock()
        self._numbers = itertools.count(1)
        self._zygote: _Zygote | None = None

    async def start(self) -> None:
        """Start the process, so that the first analysis finds it warm.

        Raises:
            AppDBError: it does not start.
        """
        await self._running()

    async def close(self) -> None:
        """Stop the process and every analysis that still runs."""
        if self._zygote is not None:
            self._zygote.end()
            self._zygote = None

    async def analyze(
        self, bundle: SourceBundle, options: AnalysisOptions = DEFAULT_OPTIONS
    ) -> Analysis:
        """Read a source as `appdb.source.analyze.analyze` does.

        Raises:
            SourceInvalid: it takes too long or too much memory, or the reader crashed.
            InvalidInput: what the analysis itself raises.
            AppDBError: the reading process does not start.
        """
        async with self._slots:
            request = wire.request(bundle, options)
            for _ in range(2):
                zygote = await self._running()
                with contextlib.suppress(_ZygoteGone):
                    data = await self._exchange(zygote, request)
                    if len(data) <= _DECODED_AT_ONCE:
                        return wire.read_answer(data, bundle)
                    return await asyncio.to_thread(wire.read_answer, data, bundle)
        raise AppDBError("the process that reads sources ended twice in a row")

    async def _running(self) -> _Zygote:
        async with self._starting:
            if self._zygote is None or not self._zygote.is_alive:
                self._zygote = _start(self._limits)
            zygote = self._zygote
            try:
                async with asyncio.timeout(_START_SECONDS):
                    await asyncio.wait([zygote.ready])
            except TimeoutError:
                zygote.end()
            if zygote.ready.cancelled():
                raise AppDBError("the process that reads sources does not start")
            return zygote

    async def _exchange(self, zygote: _Zygote, request: bytes) -> bytes:
        """Send a request to a reader of its own and return the answer."""
        ours, theirs = socket.socketpair()
        number = next(self._numbers)
        ending = zygote.waiting[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._limits.wall_seconds + _GRACE_SECONDS):
                with theirs:
                    _pass(zygote, number, theirs)
                data = await _talk(ours, request)
                status = 0 if data else await _status(ending)
        except TimeoutError:
            zygote.end()
            status, data = -signal.SIGALRM, b""
        finally:
            ours.close()
            zygote.waiting.pop(number, None)
        if data:
            return data
        raise SourceInvalid(_why(status, self._limits))


class _ZygoteGone(Exception):  # noqa: N818 - a state, handled here
    """The process ended while a reader of it was at work."""


def _start(limits: WorkerLimits) -> _Zygote:
    """Start the process: isolated mode, no site, no variables, no files but one socket."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    wanted = {
        "cpu_seconds": limits.cpu_seconds,
        "wall_seconds": limits.wall_seconds,
        "memory_bytes": limits.memory_bytes,
    }
    path = [os.path.abspath(each or ".") for each in sys.path]  # noqa: PTH100 - text in, text out
    with theirs:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own program
            [
                *(sys.executable, "-I", "-S", "-c", _PROGRAM),
                json.dumps([theirs.fileno(), path, wanted]),
            ],
            pass_fds=(theirs.fileno(),),
            env={"LANG": "C.UTF-8"},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    ours.setblocking(False)  # noqa: FBT003 - the socket's own signature
    loop = asyncio.get_running_loop()
    zygote = _Zygote(process=process, control=ours, ready=loop.create_future())
    loop.add_reader(ours, zygote.heard)
    return zygote


def _pass(zygote: _Zygote, number: int, connection: socket.socket) -> None:
    """Hand a connection to the zygote."""
    fds = array.array("i", [connection.fileno()])
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)]
    try:
        zygote.control.sendmsg([number.to_bytes(8, "big")], rights)
    except OSError as err:
        zygote.end()
        raise _ZygoteGone from err


async def _talk(connection: socket.socket, request: bytes) -> bytes:
    """Send the request, and read the answer to its end; nothing when the reader is gone."""
    reader, writer = await asyncio.open_unix_connection(sock=connection)
    parts: list[bytes] = []
    size = 0
    try:
        writer.write(request)
        writer.write_eof()
        await writer.drain()
        while size <= wire.MOST_ANSWER and (part := await reader.read(1 << 18)):
            parts.append(part)
            size += len(part)
    except (ConnectionError, OSError):
        return b""
    finally:
        writer.transport.abort()
    return b"".join(parts) if size <= wire.MOST_ANSWER else b""


async def _status(ending: asyncio.Future[int]) -> int:
    """Return how a reader ended."""
    await asyncio.wait([ending])
    if ending.cancelled():
        raise _ZygoteGone
    return ending.result()


def _why(status: int, limits: WorkerLimits) -> str:
    if status == 0:
        return f"reading the source gave no answer or too large a one; {_NEXT}"
    if status == OUT_OF_MEMORY:
        return f"reading the source takes too much memory; {_NEXT}"
    words = {
        signal.SIGALRM: f"takes more than {limits.wall_seconds:g} s",
        signal.SIGXCPU: f"takes more than {limits.cpu_seconds} s of CPU",
        signal.SIGKILL: "was stopped: it takes too much time or memory",
    }
    what = words.get(signal.Signals(-status)) if -status in signal.valid_signals() else None
    return f"reading the source {what or f'crashed ({_name(status)})'}; {_NEXT}"


def _name(status: int) -> str:
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"exit code {status}"


def analyze_once(
    bundle: SourceBundle,
    options: AnalysisOptions = DEFAULT_OPTIONS,
    limits: WorkerLimits = DEFAULT_LIMITS,
) -> Analysis:
    """Read one source in a child of this process, for the command line. Not for threads.

    Raises:
        SourceInvalid, InvalidInput: as `Isolation.analyze`.
    """
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            ours.close()
            serve(theirs, limits)
            status = 0
        finally:
            os._exit(status)
    theirs.close()
    with ours:
        ours.settimeout(limits.wall_seconds)
        data = b""
        late = False
        try:
            ours.sendall(wire.request(bundle, options))
            ours.shutdown(socket.SHUT_WR)
            data = b"".join(iter(lambda: ours.recv(1 << 18), b""))
        except TimeoutError:
            late = True
        except OSError:
            pass
        if late:
            os.kill(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if not data:
        raise SourceInvalid(_why(-signal.SIGALRM if late else status, limits))
    return wire.read_answer(data, bundle)

"""What runs in the process that reads one source: give up all rights, read, answer, end.

It is forked for one analysis and never used again, so nothing of one tenant's source
stays for the next. It must not open a file, start a process or reach the network; the
limits are set before the first byte of the source is looked at.
"""

import contextlib
import ctypes
import gc
import os
import resource
import signal
import socket
import traceback
from dataclasses import dataclass
from functools import cache

from appdb.errors import InvalidInput, SourceInvalid
from appdb.source import wire
from appdb.source.analyze import analyze

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_OPEN_FILES = 32
_DRAINED = 16 * 1024
# Exit code of a reader that needed more memory than it may have; it has none left to say so.
OUT_OF_MEMORY = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """What one analysis may use, at most.

    `memory_bytes` is address space, which holds the program's own libraries too.
    """

    cpu_seconds: int = 15
    wall_seconds: float = 30.0
    memory_bytes: int = 1024 * 1024 * 1024


def serve(connection: socket.socket, limits: WorkerLimits) -> None:
    """Answer the one request of a connection. Does not return to anything but an exit."""
    try:
        _serve(connection, limits)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)


def _serve(connection: socket.socket, limits: WorkerLimits) -> None:
    confine(limits)
    gc.disable()
    with connection:
        answer = _answer(connection)
        # A request that was given up half-way is read to its end, or the answer would be lost.
        while connection.recv(_DRAINED):
            pass
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)


def _answer(connection: socket.socket) -> bytes:
    try:
        bundle, options = wire.read_request(_Exactly(connection))
        return wire.answer(analyze(bundle, options))
    except InvalidInput as error:
        return wire.failure(error)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a process entry: a bug of ours must have a name
        place = traceback.extract_tb(error.__traceback__)[-1]
        name = os.path.basename(place.filename)  # noqa: PTH119 - no need of a Path for a name
        return wire.failure(
            SourceInvalid(
                f"reading the source failed by a defect of appdb ({type(error).__name__} at "
                f"{name}:{place.lineno}); please report it"
            )
        )


class _Exactly:
    """Reads so many bytes as are asked for."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def __call__(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = self._connection.recv(min(size - len(parts), 1 << 20))
            if not part:
                raise EOFError("the request was cut off")
            parts += part
        return bytes(parts)


def confine(limits: WorkerLimits) -> None:
    """Take away what reading needs not. What the kernel does not grant is gone without."""
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_AS, limits.memory_bytes),
    ):
        hard = resource.getrlimit(limit)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(limit, (bound, bound))
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends."""
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def leave_network() -> bool:
    """Move into a network namespace of its own, which has no way out; tell whether it worked.

    Needs user namespaces or CAP_SYS_ADMIN, which a hardened container has not; there a
    NetworkPolicy is what keeps the pod off the network.
    """
    return any(
        _libc().unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET)
    )


def prctl(option: int, value: int) -> None:
    """Set a property of this process."""
    # Only Linux has it; the command line runs elsewhere too.
    with contextlib.suppress(AttributeError):
        _libc().prctl(option, value, 0, 0, 0)


@cache
def _libc() -> ctypes.CDLL:
    """Look the library up once: a reader that is forked later finds it."""
    return ctypes.CDLL(None)

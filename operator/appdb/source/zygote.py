"""A process that is warm and forks one reader for each source.

It never looks at anybody's source itself and holds no right, file or variable of the operator:
it is started clean and knows one socket. Over that socket come the connections to serve;
back go their numbers and how their readers ended. It ends when the socket closes.
"""

import array
import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from appdb.source.warmup import warm_up
from appdb.source.worker import WorkerLimits, die_with_parent, leave_network, serve

_NUMBER = 8
READY = 0
_NICE = 5
_OOM_SCORE = "800"


def main(control_fd: int, limits: WorkerLimits) -> None:
    """Serve connections until the control socket closes."""
    control = socket.socket(fileno=control_fd)
    _prepare()
    _say(control, READY, 0)
    children: dict[int, tuple[int, float]] = {}
    with _woken_by_children() as woken, selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            events = selector.select(_wait(children))
            for key, _ in events:
                if key.fileobj is woken:
                    woken.recv(4096)
                elif not _accept(control, children, limits, woken):
                    return
            _kill_late(children)
            for number, status in _ended(children):
                _say(control, number, status)


def _prepare() -> None:
    warm_up()
    leave_network()
    # Behind the namespaces: a change of rights makes the kernel forget this.
    die_with_parent()
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")
    # What is there now is shared with every child; the collector need not touch it.
    gc.collect()
    gc.freeze()


@contextlib.contextmanager
def _woken_by_children() -> Iterator[socket.socket]:
    """A socket that gets a byte whenever a child ends."""
    woken, waker = socket.socketpair()
    with woken, waker:
        woken.setblocking(False)  # noqa: FBT003 - the socket's own signature
        waker.setblocking(False)  # noqa: FBT003 - the socket's own signature
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        yield woken


def _wait(children: dict[int, tuple[int, float]]) -> float | None:
    if not children:
        return None
    return max(0.0, min(deadline for _, deadline in children.values()) - time.monotonic())


def _accept(
    control: socket.socket,
    children: dict[int, tuple[int, float]],
    limits: WorkerLimits,
    woken: socket.socket,
) -> bool:
    """Take one connection and fork its reader; False when the operator is gone."""
    size = array.array("i").itemsize
    data, ancillary, _, _ = control.recvmsg(_NUMBER, socket.CMSG_SPACE(size))
    if not data:
        return False
    number = int.from_bytes(data, "big")
    fds = array.array("i")
    for _, _, passed in ancillary:
        fds.frombytes(passed[: len(passed) - len(passed) % size])
    with socket.socket(fileno=fds[0]) as connection:
        try:
            pid = os.fork()
        except OSError:
            _say(control, number, -signal.SIGKILL)
            return True
        if pid == 0:
            control.close()
            woken.close()
            _child(connection, limits)
    children[pid] = (number, time.monotonic() + limits.wall_seconds)
    return True


def _child(connection: socket.socket, limits: WorkerLimits) -> None:
    """Serve one connection and end at once, whatever happens."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        die_with_parent()
        serve(connection, limits)
        status = 0
    finally:
        # Never back into the zygote's loop, and no clean-up that a stranger's data could steer.
        os._exit(status)


def _kill_late(children: dict[int, tuple[int, float]]) -> None:
    now = time.monotonic()
    for pid, (_, deadline) in children.items():
        if deadline <= now:
            os.kill(pid, signal.SIGKILL)


def _ended(children: dict[int, tuple[int, float]]) -> Iterator[tuple[int, int]]:
    """Yield the numbers of readers that ended, with the negative signal or the exit code."""
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        number, deadline = children.pop(pid)
        late = deadline <= time.monotonic()
        yield number, -signal.SIGALRM if late else os.waitstatus_to_exitcode(status)


def _say(control: socket.socket, number: int, status: int) -> None:
    control.sendall(json.dumps([number, status]).encode())

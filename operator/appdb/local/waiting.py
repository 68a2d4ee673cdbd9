"""Waiting for real parts: conditions with deadlines.

The one place of the sandbox where time passes on purpose.
"""

import threading
import time
from collections.abc import Callable

INTERVAL_SECONDS = 0.02


def pause(seconds: float = INTERVAL_SECONDS) -> None:
    """Let other processes get on."""
    threading.Event().wait(seconds)


def wait_until(
    condition: Callable[[], bool],
    *,
    timeout_seconds: float,
    interval_seconds: float = INTERVAL_SECONDS,
) -> bool:
    """Ask until the answer is yes; False when the time is over."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        pause(interval_seconds)
    return True

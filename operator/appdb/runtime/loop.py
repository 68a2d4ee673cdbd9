"""The event loop of a process whose right to act may end while it sleeps.

A process that was stopped, or a machine that slept, wakes up with callbacks that are due.
None of them may run when somebody else has taken over since: the loop looks at the time
each time it comes back from waiting, and again when a signal says that it was stopped in
the middle of a callback. Must know nothing of leases.
"""

import asyncio
import selectors
import signal
from collections.abc import Callable

Check = Callable[[], bool]
End = Callable[[], None]


class MortalLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop; `end_when` gives it something to look at."""

    def __init__(self) -> None:
        self._selector_that_looks = _LookingSelector()
        super().__init__(self._selector_that_looks)

    def end_when(self, is_over: Check, end: End) -> None:
        """Call `end` instead of the next callback as soon as `is_over`; it must not return."""

        def look() -> None:
            if is_over():
                end()

        self._selector_that_looks.look = look
        # A handler runs as soon as the call that was stopped, or about to be made, is over.
        signal.signal(signal.SIGCONT, lambda _number, _frame: look())


def mortal_loop() -> MortalLoop:
    """Return the running loop."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, MortalLoop):
        raise TypeError("what must end with its lease runs on a MortalLoop")
    return loop


class _LookingSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.look: Callable[[], None] = lambda: None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(timeout)
        self.look()
        return events

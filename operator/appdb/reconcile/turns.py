"""Who may hold several sessions of a server at one time.

Who plans or applies holds two, and there are so few of them that one session is left for
the scratch database, which one at a time uses: none of them ever waits for another's. One
place is never taken by slow steps, so that quick ones do not wait for them.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from appdb.errors import WaitsForTurn
from appdb.model.words import counted
from appdb.reconcile.keys import ObjectKey

# A planner holds the scratch database, the app's login and the ledger; an applier the last two.
PLANNER_SESSIONS = 3
APPLIER_SESSIONS = 2


class Turns:
    """The turns that runs take, by the name of a server and its bound of sessions."""

    def __init__(self) -> None:
        self._planners: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._appliers: dict[tuple[str, int], asyncio.Semaphore] = {}
        self._slow: defaultdict[str, int] = defaultdict(int)
        self._waiting: defaultdict[str, dict[ObjectKey, None]] = defaultdict(dict)

    def planner(self, server: str) -> asyncio.Lock:
        """Return the turn to use the scratch database; a context manager."""
        return self._planners[server]

    def applier(self, server: str, limit: int) -> asyncio.Semaphore:
        """Return the turn to plan and apply, under a bound of sessions; a context manager."""
        places = _places(limit)
        return self._appliers.setdefault((server, limit), asyncio.Semaphore(places))

    @contextmanager
    def slow(
        self, server: str, limit: int, key: ObjectKey, wake: Callable[[ObjectKey], None]
    ) -> Iterator[None]:
        """Hold one of the places for slow steps; the next who waits for it is woken after.

        Raises:
            WaitsForTurn: all of them are taken.
        """
        if self._slow[server] >= max(1, _places(limit) - 1):
            self._waiting[server][key] = None
            raise WaitsForTurn(
                f"{counted(self._slow[server], 'database')} of server {server} "
                f"{'is' if self._slow[server] == 1 else 'are'} being changed by slow steps; it "
                "goes on when one of them is done"
            )
        self._waiting[server].pop(key, None)
        self._slow[server] += 1
        try:
            yield
        finally:
            self._slow[server] -= 1
            if self._waiting[server]:
                following = next(iter(self._waiting[server]))
                del self._waiting[server][following]
                wake(following)


def _places(limit: int) -> int:
    """Return how many may plan or apply at once.

    One session is left for the scratch database and one for all the others.
    """
    return max(1, (limit - 2) // APPLIER_SESSIONS)

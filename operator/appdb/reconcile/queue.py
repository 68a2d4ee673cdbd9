"""The keyed queue: which object is looked at next.

Semantics of controller-runtime's work queue: one run per key at a time, an add during a
run means one more run, failures back off per key. Beyond it: two priorities, and groups
(one per database server) that bound how many keys of one server run at once, so that a
slow server never takes the places of the others. Pure: time and chance are parameters;
the loop around it lives in `dispatch`.
"""

import heapq
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 300.0


class Priority(IntEnum):
    """Lower runs first: what a person changed goes before the round of inspection."""

    CHANGE = 0
    RESYNC = 1


@dataclass(slots=True)
class KeyedQueue(Generic[Key]):
    """Keys to run; never the same key twice at once, never an add lost.

    `group_of` names the group of a key, `limit_of` how many keys of a group may run at
    once; `jitter` yields numbers in [0, 1).
    """

    group_of: Callable[[Key], str]
    limit_of: Callable[[str], int]
    jitter: Callable[[], float]
    # Ready keys by priority and group, each with the time since when it waits: the next one
    # is found without passing over the keys of groups that are full.
    _ready: dict[Priority, dict[str, OrderedDict[Key, float]]] = field(
        default_factory=lambda: {priority: {} for priority in Priority}
    )
    _place: dict[Key, tuple[Priority, str]] = field(default_factory=dict)
    _busy: dict[Key, str] = field(default_factory=dict)
    _dirty: dict[Key, Priority] = field(default_factory=dict)
    _delayed: dict[Key, tuple[float, Priority]] = field(default_factory=dict)
    _timers: list[tuple[float, int, Key]] = field(default_factory=list)
    _timer_count: int = 0
    _running: dict[str, int] = field(default_factory=dict)
    _failures: dict[Key, int] = field(default_factory=dict)

    def add(self, key: Key, *, now: float, priority: Priority = Priority.CHANGE) -> None:
        """Ask for a run as soon as possible; cheap and idempotent."""
        self._delayed.pop(key, None)
        if key in self._busy:
            self._dirty[key] = min(priority, self._dirty.get(key, priority))
            return
        since = now
        if key in self._place:
            known, _ = self._place[key]
            if known <= priority:
                return
            since = self._leave(key)
        group = self.group_of(key)
        self._place[key] = (priority, group)
        self._ready[priority].setdefault(group, OrderedDict())[key] = since

    def add_after(
        self, key: Key, delay_seconds: float, *, now: float, priority: Priority = Priority.CHANGE
    ) -> None:
        """Ask for a run later; of several delays of one key the earliest counts."""
        due = now + delay_seconds
        known = self._delayed.get(key)
        if known is not None and known[0] <= due:
            return
        self._delayed[key] = (due, priority)
        self._timer_count += 1
        heapq.heappush(self._timers, (due, self._timer_count, key))

    def take(self, *, now: float) -> Key | None:
        """Hand out the next key that may run, or None; the caller owes a `done`."""
        self._wake(now)
        for groups in self._ready.values():
            heads = {
                group: next(iter(keys.items()))
                for group, keys in groups.items()
                if self._running.get(group, 0) < self.limit_of(group)
            }
            if not heads:
                continue
            group, (key, _) = min(heads.items(), key=lambda head: head[1][1])
            self._leave(key)
            # A run reads afresh: whatever was to be looked at later is looked at now.
            self._delayed.pop(key, None)
            self._busy[key] = group
            self._running[group] = self._running.get(group, 0) + 1
            return key
        return None

    def done(self, key: Key, *, now: float) -> None:
        """Say that a run has ended; a key that was added meanwhile is ready again."""
        group = self._busy.pop(key)
        self._running[group] -= 1
        if not self._running[group]:
            del self._running[group]
        priority = self._dirty.pop(key, None)
        if priority is not None:
            self.add(key, now=now, priority=priority)

    def succeed(self, key: Key) -> None:
        """Forget the failures of a key."""
        self._failures.pop(key, None)

    def back_off(self, key: Key) -> float:
        """Count a failure and return the seconds to wait: 1 s doubling to 5 min, jittered."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        longest = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** min(failures, 16))
        return longest * (0.5 + 0.5 * self.jitter())

    def next_due(self) -> float | None:
        """Return when the next delayed key becomes ready, or None."""
        while self._timers:
            due, _, key = self._timers[0]
            if self._delayed.get(key, (None,))[0] == due:
                return due
            heapq.heappop(self._timers)
        return None

    def failing(self, key: Key) -> bool:
        """Tell whether the last run of a key failed."""
        return key in self._failures

    def depth(self) -> int:
        """Count the keys that are ready or running."""
        return len(self._busy) + len(self._place)

    def waiting(self) -> int:
        """Count the keys that are ready but not running."""
        return len(self._place)

    def oldest_seconds(self, *, now: float) -> float:
        """Return how long the longest waiting ready key has waited."""
        added = (
            next(iter(keys.values())) for groups in self._ready.values() for keys in groups.values()
        )
        return max((now - at for at in added), default=0.0)

    def _leave(self, key: Key) -> float:
        """Take a ready key out of its line; returns since when it waited."""
        priority, group = self._place.pop(key)
        keys = self._ready[priority][group]
        since = keys.pop(key)
        if not keys:
            del self._ready[priority][group]
        return since

    def _wake(self, now: float) -> None:
        while (due := self.next_due()) is not None and due <= now:
            _, _, key = heapq.heappop(self._timers)
            _, priority = self._delayed.pop(key)
            self.add(key, now=now, priority=priority)

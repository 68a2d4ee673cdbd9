"""When an object is due for a full look although nobody changed it.

One clock for all: each object has a phase of its own in the period, from a digest of its
name, so that a thousand objects never come at once, not even after a restart. Pure.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from appdb.reconcile.keys import ObjectKey


def phase_of(key: ObjectKey, period_seconds: float) -> float:
    """Return the moment within the period, in seconds from its start, when a key is due."""
    digest = hashlib.sha256(str(key).encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 * period_seconds


def next_due(key: ObjectKey, *, now: float, period_seconds: float) -> float:
    """Return the next moment after `now` at which a key is due."""
    phase = phase_of(key, period_seconds)
    rounds = (now - phase) // period_seconds + 1
    return phase + rounds * period_seconds


@dataclass(slots=True)
class ResyncClock:
    """Remembers when each key is due next; `period_of` gives its period in seconds."""

    period_of: Callable[[ObjectKey], float]
    _due: dict[ObjectKey, tuple[float, float]] = field(default_factory=dict)
    _asked: set[ObjectKey] = field(default_factory=set)

    def due(self, keys: Iterable[ObjectKey], *, now: float) -> tuple[ObjectKey, ...]:
        """Return the keys whose time has come, each once a period.

        A key seen for the first time waits for its phase, and so does one of another period.
        """
        found = []
        for key in keys:
            period = self.period_of(key)
            due, known = self._due.get(key, (0.0, None))
            if known == period and due > now:
                continue
            self._due[key] = (next_due(key, now=now, period_seconds=period), period)
            if known == period:
                self._asked.add(key)
                found.append(key)
        return tuple(found)

    def is_due(self, key: ObjectKey) -> bool:
        """Tell whether a full look at a key was asked for and not yet taken."""
        return key in self._asked

    def ask(self, key: ObjectKey) -> None:
        """Ask for a full look at a key, out of turn."""
        self._asked.add(key)

    def looked(self, key: ObjectKey) -> None:
        """Note that a full look has just been taken."""
        self._asked.discard(key)

    def forget(self, key: ObjectKey) -> None:
        """Forget an object that is gone."""
        self._due.pop(key, None)
        self._asked.discard(key)

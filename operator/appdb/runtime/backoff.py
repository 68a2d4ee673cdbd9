"""Pauses between tries of what has to succeed some day: an outage is no reason to end."""

import random
from collections.abc import Iterator


class EndlessBackoff:
    """1 s doubling to 30 s, jittered, for ever; kopf ends the process when pauses run out."""

    def __iter__(self) -> Iterator[float]:
        """Start again from the shortest pause."""
        seconds = 1.0
        while True:
            yield seconds * random.uniform(0.5, 1.0)  # noqa: S311 - a pause is no secret
            seconds = min(30.0, seconds * 2)

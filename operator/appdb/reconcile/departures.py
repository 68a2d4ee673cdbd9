"""Breaks off long work on the tables of an object that is being deleted.

A run sees the object as it was at its start; an index or a backfill may take hours, and a
deletion must not wait so long. What is broken off is taken back by Postgres, as after a kill.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from appdb.errors import ConcurrentUpdate
from appdb.reconcile.keys import ObjectKey

T = TypeVar("T")


class Departures:
    """Which objects are being deleted, as far as the watches know."""

    def __init__(self) -> None:
        self._leaving: set[ObjectKey] = set()
        self._told: dict[ObjectKey, asyncio.Event] = {}

    def note(self, key: ObjectKey, *, is_leaving: bool) -> None:
        """Remember whether an object is being deleted; work on one that is ends at once."""
        if not is_leaving:
            self._leaving.discard(key)
            return
        self._leaving.add(key)
        if key in self._told:
            self._told[key].set()

    async def unless_leaving(self, key: ObjectKey, work: Coroutine[Any, Any, T]) -> T:
        """Do work of the one run of an object, as long as nobody deletes the object.

        Raises:
            ConcurrentUpdate: somebody did; the work has ended.
        """
        told = self._told[key] = asyncio.Event()
        if key in self._leaving:
            told.set()
        task, waiting = asyncio.ensure_future(work), asyncio.ensure_future(told.wait())
        try:
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise ConcurrentUpdate("the object is being deleted: work on its tables is broken off")
        finally:
            del self._told[key]
            waiting.cancel()
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

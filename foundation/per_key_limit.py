"""Limits concurrent tasks per key; keys do not block each other."""

import asyncio
import weakref
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class PerKeyLimit:
    """Lets a number of tasks per key run at once; further tasks wait in order. An unused key takes no memory.

    Tasks that share a key must run on the same event loop.
    """

    def __init__(self) -> None:
        self._by_key: weakref.WeakValueDictionary[Hashable, asyncio.Semaphore] = weakref.WeakValueDictionary()

    @asynccontextmanager
    async def slot(self, key: Hashable, at_once: int) -> AsyncIterator[None]:
        """Occupy one of the key's `at_once` slots. A new value of `at_once` counts once the key is unused."""
        slots = self._by_key.get(key)
        if slots is None:
            slots = self._by_key[key] = asyncio.Semaphore(at_once)
        async with slots:
            yield

"""Limits concurrent tasks per key; keys do not block each other."""

import asyncio
import weakref
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class PerKeyLimit:
    """Admits a number of tasks at once for each key; further ones wait in order. An unused key takes no memory.

    The tasks that share a key run on one event loop.
    """

    def __init__(self) -> None:
        self._by_key: weakref.WeakValueDictionary[Hashable, asyncio.Semaphore] = weakref.WeakValueDictionary()

    @asynccontextmanager
    async def slot(self, key: Hashable, at_once: int) -> AsyncIterator[None]:
        """Hold one of the key's `at_once` slots. A changed `at_once` holds once the key is no longer in use."""
        slots = self._by_key.get(key)
        if slots is None:
            slots = self._by_key[key] = asyncio.Semaphore(at_once)
        async with slots:
            yield

"""Work of many keys side by side, and of one key not more at once than it can use."""

import asyncio
import weakref
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class Turns:
    """Lets `at_once` tasks in for each key; further ones wait for their turn. Keeps nothing of a key that nobody uses.

    The tasks that meet at one key belong to one event loop.
    """

    def __init__(self) -> None:
        self._by_key: weakref.WeakValueDictionary[Hashable, asyncio.Semaphore] = weakref.WeakValueDictionary()

    @asynccontextmanager
    async def taken(self, key: Hashable, at_once: int) -> AsyncIterator[None]:
        """Have a turn. `at_once` holds from the key's next use on."""
        turns = self._by_key.get(key)
        if turns is None:
            turns = self._by_key[key] = asyncio.Semaphore(at_once)
        async with turns:
            yield

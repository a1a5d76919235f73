"""Keeps one object per event loop, made on first use and dropped with its loop.

Connections, locks and tasks belong to the loop that made them. A server process has one loop; each asynchronous test
and the thread for large queries have loops of their own.
"""

import asyncio
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerLoop(Generic[T]):
    """Calling it returns the running loop's object; the first call makes it with `factory`.

    Raises RuntimeError where no loop runs.
    """

    def __init__(self, factory: Callable[[], T]) -> None:
        self._factory = factory
        self._objects: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, T] = weakref.WeakKeyDictionary()

    def __call__(self) -> T:
        loop = asyncio.get_running_loop()
        found = self._objects.get(loop)
        if found is None:
            found = self._objects[loop] = self._factory()
        return found

    def pop(self) -> T | None:
        """Remove and return the running loop's object; None if there is none."""
        return self._objects.pop(asyncio.get_running_loop(), None)

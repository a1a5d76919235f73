"""One object per event loop, made on first use; it goes when its loop does.

Connections, locks and tasks belong to the loop that made them. A server process has one loop, each asynchronous test
has its own, and so has the thread of large queries.
"""

import asyncio
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerLoop(Generic[T]):
    """Call it for the running loop's object, which `factory` makes when it is first asked for.

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
        """Forget the running loop's object and return it; None if there is none."""
        return self._objects.pop(asyncio.get_running_loop(), None)

"""Combines the lookups of concurrent callers into one."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from functools import partial
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LookupCancelled(Exception):  # noqa: N818 - what happened to it
    """The lookup was cancelled. Its callers were not, and may try again."""


class Batcher(Generic[K, V]):
    """Collects the keys that callers load in one turn of the event loop and fetches them together. Caches nothing.

    `fetch` gets distinct keys and returns the values that it found; `load` returns None for the others. With `in_turn`,
    a fetch begins when the previous one has ended, with all keys that were loaded meanwhile.
    """

    def __init__(
        self, fetch: Callable[[list[K]], Awaitable[Mapping[K, V]]], *, in_turn: bool = False
    ) -> None:
        self._fetch = fetch
        self._in_turn = in_turn
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def load(self, key: K) -> V | None:
        """The value of `key`, or None. Raises what `fetch` raised, or LookupCancelled if the fetch was cancelled."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._start)
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = loop.create_future()
        return await asyncio.shield(future)

    def _start(self) -> None:
        if not self._waiting or (self._in_turn and self._tasks):
            return
        waiting, self._waiting = self._waiting, {}
        task = asyncio.get_running_loop().create_task(self._run(waiting))
        self._tasks.add(task)
        task.add_done_callback(partial(self._on_done, waiting))

    def _on_done(self, waiting: dict[K, asyncio.Future[V | None]], task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        _fail([future for future in waiting.values() if not future.done()], LookupCancelled())
        if self._in_turn:
            self._start()

    async def _run(self, waiting: dict[K, asyncio.Future[V | None]]) -> None:
        try:
            found = await self._fetch(list(waiting))
        except Exception as error:
            _fail(waiting.values(), error)
        else:
            for key, future in waiting.items():
                future.set_result(found.get(key))


def _fail(futures: Iterable[asyncio.Future[Any]], error: Exception) -> None:
    for future in futures:
        future.set_exception(error)
        future.exception()  # counts as retrieved: without callers, asyncio would log a warning

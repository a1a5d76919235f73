"""Lookups of many callers gathered into one."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from functools import partial
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LookupCut(Exception):  # noqa: N818 - what happened to it
    """The lookup was cancelled. Its callers were not: they may ask again."""


class Batcher(Generic[K, V]):
    """Gathers the keys asked for in one turn of the event loop and looks them up together. Keeps no results.

    `fetch` gets distinct keys and returns what it found; a key that it leaves out is answered with None. With `in_turn`
    a lookup begins when the one before has ended, and gathers what was asked for meanwhile.
    """

    def __init__(
        self, fetch: Callable[[list[K]], Awaitable[Mapping[K, V]]], *, in_turn: bool = False
    ) -> None:
        self._fetch = fetch
        self._in_turn = in_turn
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def load(self, key: K) -> V | None:
        """What was found under `key`; an error of the lookup reaches each caller, its cancelling as LookupCut."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._begin)
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = loop.create_future()
        return await asyncio.shield(future)

    def _begin(self) -> None:
        if not self._waiting or (self._in_turn and self._tasks):
            return
        waiting, self._waiting = self._waiting, {}
        task = asyncio.get_running_loop().create_task(self._run(waiting))
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, waiting))

    def _ended(self, waiting: dict[K, asyncio.Future[V | None]], task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        _fail([future for future in waiting.values() if not future.done()], LookupCut())
        if self._in_turn:
            self._begin()

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
        future.exception()  # a caller that left must not leave a warning behind

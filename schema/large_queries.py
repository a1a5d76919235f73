"""Runs large queries on a thread and an event loop of their own, so that they do not block all other clients.

graphql-core completes a page of rows without yielding to the loop, and a query within MAX_QUERY_COST may have tens of
thousands of values: no ping would be answered for half a second. On another thread the query shares the interpreter,
which switches threads every few milliseconds. Small queries stay on the main loop, since the hop to another thread and
back costs time. Mutations stay too, since they publish through the loop that they run on.
"""

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def run_on_own_thread(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run the coroutine that `work` makes on that loop, and return its result or raise its exception.

    Cancelling the caller cancels the coroutine too.
    """
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), _loop()))


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="large queries", daemon=True).start()
    return loop

"""Large queries, beside the loop that serves everybody: on a thread and a loop of their own.

graphql-core completes a page of rows without giving way, and a query within MAX_QUERY_COST may have tens of thousands
of values: nobody's ping would be answered for half a second. On another thread it shares the interpreter, which changes
hands every few milliseconds. Small operations stay where they are, since the way there and back has its price, and so
do mutations, whose publications leave through the loop that they came by.
"""

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def run_on_own_thread(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run the coroutine that `work` makes on that loop; its result and its exceptions come through.

    Whoever is cancelled meanwhile cancels it there too.
    """
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), _loop()))


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="large queries", daemon=True).start()
    return loop

"""Synchronous ORM work, kept off the event loop on a bounded pool of threads.

`sync_to_async(thread_sensitive=True)` would run the work of every websocket of a process on one thread
(asgiref's rule for code outside a request), so the sockets come here instead.
"""

import asyncio
import contextvars
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import close_old_connections

P = ParamSpec("P")
T = TypeVar("T")

_calling_loop: contextvars.ContextVar[asyncio.AbstractEventLoop | None] = contextvars.ContextVar(
    "calling_loop", default=None
)


def calling_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that waits for the current synchronous work or runs the current code; None in a plain process."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return _calling_loop.get()


@functools.cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.DATABASE_THREADS, thread_name_prefix="database")


@functools.cache
def _password_threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.PASSWORD_THREADS, thread_name_prefix="password")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `function` on a database thread and return what it returns; its exceptions come through.

    At most `DATABASE_THREADS` run at once, the others wait in order. The thread gives its connection back to
    the pool afterwards, so a waiting feed holds none.
    """
    return await _run(_threads(), functools.partial(function, *args, **kwargs))


async def in_password_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The same for work that hashes passwords, which takes a good part of a second each time on purpose.

    At most `PASSWORD_THREADS` run at once, and however many wait, all other database work goes on beside them.
    """
    return await _run(_password_threads(), functools.partial(function, *args, **kwargs))


async def _run(threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    loop = asyncio.get_running_loop()
    context = contextvars.copy_context()
    context.run(_calling_loop.set, loop)
    return await loop.run_in_executor(threads, functools.partial(context.run, _and_release, work))


def _and_release(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        close_old_connections()

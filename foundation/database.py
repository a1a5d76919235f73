"""Runs synchronous ORM work on a bounded pool of threads, off the event loop.

`sync_to_async(thread_sensitive=True)` would run the work of all websockets of a process on one thread (asgiref's rule
for code outside a request).
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
    """The running loop or, in a database thread, the loop that waits for it; None in a process without a loop."""
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
    """Run `function` on a database thread; return its result or raise its exception.

    At most `DATABASE_THREADS` calls run at once, the others wait in order. The thread returns its connection to the
    pool afterwards, so that an idle feed uses none.
    """
    return await _run(_threads(), functools.partial(function, *args, **kwargs))


async def in_password_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Like `in_thread`, for work that hashes passwords, which takes much of a second by design.

    At most `PASSWORD_THREADS` calls run at once, on threads of their own, so that they never delay other database work.
    """
    return await _run(_password_threads(), functools.partial(function, *args, **kwargs))


async def _run(threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    loop = asyncio.get_running_loop()
    context = contextvars.copy_context()
    context.run(_calling_loop.set, loop)
    return await loop.run_in_executor(threads, functools.partial(context.run, _call_and_release, work))


def _call_and_release(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        close_old_connections()

"""Drains the process before its server stops: tells clients when to reconnect and closes their sockets in order."""

import signal
import threading
from asyncio import AbstractEventLoop, Task, get_running_loop
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from django.conf import settings

from api.http.open_subscriptions import open_subscriptions
from api.process.composition import local_sockets
from api.socket.operation_table import wait_for_operations
from foundation.errors import ErrorCode

RESTART_MESSAGE = "The server restarts: subscribe again, with `since`."

SignalHandler = Callable[[int, FrameType | None], object]

_has_begun = False


def is_draining() -> bool:
    """Whether this process has begun to drain; it never serves again."""
    return _has_begun


async def drain() -> None:
    """End all subscriptions over HTTP, close all sockets over DRAIN_SECONDS, and wait for their mutations.

    Returns at once when there are none.
    """
    global _has_begun
    _has_begun = True
    open_subscriptions.end_all(ErrorCode.GONE, RESTART_MESSAGE)
    await local_sockets().drain(settings.DRAIN_SECONDS)
    open_subscriptions.end_all(ErrorCode.GONE, RESTART_MESSAGE)  # those that started meanwhile
    await wait_for_operations(settings.DRAIN_GRACE_SECONDS)


class DrainOnSignal:
    """Under uvicorn: drains on SIGINT and SIGTERM before it passes the signal on to uvicorn's handler.

    On a signal uvicorn closes all sockets at once, without a reason, and informs the application afterwards. So its
    handler is called only when the drain is over; a second signal goes straight to it. Works on the main thread, where
    signal handlers run; elsewhere, and under servers that drain by themselves, it changes nothing.
    """

    def __init__(self) -> None:
        self._loop: AbstractEventLoop = get_running_loop()
        self._handlers: dict[int, SignalHandler] = {}
        self._drain_task: Task[None] | None = None

    def install(self) -> None:
        """Replace uvicorn's handlers, which must be installed already."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number)
            if callable(handler) and _belongs_to_uvicorn(handler):
                self._handlers[number] = handler
                signal.signal(number, self._handle)

    def remove(self) -> None:
        """Restore uvicorn's handlers."""
        for number, handler in self._handlers.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._drain_task is not None:
            self._handlers[number](number, frame)
            return
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._begin, number)

    def _begin(self, number: int) -> None:
        if self._drain_task is None:
            self._drain_task = self._loop.create_task(self._drain(number), name="drain")

    async def _drain(self, number: int) -> None:
        try:
            await drain()
        finally:
            self._handlers[number](number, None)


def _belongs_to_uvicorn(handler: SignalHandler) -> bool:
    owner = type(getattr(handler, "__self__", None))
    return any(each.__module__.partition(".")[0] == "uvicorn" for each in owner.__mro__)

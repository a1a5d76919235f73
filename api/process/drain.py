"""How a process leaves: its clients are told and closed before its server stops, instead of cut off."""

import signal
import threading
from asyncio import AbstractEventLoop, Task, get_running_loop
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from django.conf import settings

from api.http.open_streams import open_streams
from api.process.composition import local_sockets
from api.socket.operation_table import all_ended
from foundation.errors import ErrorCode

RESTART = "The server restarts: subscribe again, with `since`."

Handler = Callable[[int, FrameType | None], object]


_draining = False


def is_draining() -> bool:
    """Whether this process has been asked to end."""
    return _draining


async def drain() -> None:
    """End all streamed subscriptions, close all sockets over DRAIN_SECONDS, and have their mutations carried out.

    At once when there are none.
    """
    global _draining
    _draining = True
    open_streams.end_all(ErrorCode.GONE, RESTART)
    await local_sockets().drain(settings.DRAIN_SECONDS)
    open_streams.end_all(ErrorCode.GONE, RESTART)  # those that began meanwhile
    await all_ended(settings.DRAIN_GRACE_SECONDS)


class DrainOnSignal:
    """Drains between a signal to end and what uvicorn does about it.

    uvicorn closes all sockets in the moment of the signal, without a word, and tells the application afterwards. So
    its handler is called when the drain is over; a second signal goes straight to it. To be used on the main thread,
    where handlers live; elsewhere, and under servers that drain by themselves, it changes nothing.
    """

    def __init__(self) -> None:
        self._loop: AbstractEventLoop = get_running_loop()
        self._handlers: dict[int, Handler] = {}
        self._draining: Task[None] | None = None

    def install(self) -> None:
        """Step in front of uvicorn's handlers, which must be in place."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number)
            if callable(handler) and _is_of_uvicorn(handler):
                self._handlers[number] = handler
                signal.signal(number, self._handle)

    def remove(self) -> None:
        """Leave the handlers as they were found."""
        for number, handler in self._handlers.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._draining is not None:
            self._handlers[number](number, frame)
            return
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._begin, number)

    def _begin(self, number: int) -> None:
        if self._draining is None:
            self._draining = self._loop.create_task(self._drain(number), name="drain")

    async def _drain(self, number: int) -> None:
        try:
            await drain()
        finally:
            self._handlers[number](number, None)


def _is_of_uvicorn(handler: Handler) -> bool:
    owner = type(getattr(handler, "__self__", None))
    return any(each.__module__.partition(".")[0] == "uvicorn" for each in owner.__mro__)

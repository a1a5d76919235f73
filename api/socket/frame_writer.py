"""The way out of one socket through ASGI, written for feeds that hand the same payload to thousands of sockets.

A task for each frame costs more than the frame. But the `send` of Daphne, and that of uvicorn while its transport takes
more, never really waits: run by hand to its first suspension, it has already ended. Only a `send` that does suspend is
finished in a task, one per socket, while later frames queue behind it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from functools import partial
from types import coroutine
from typing import Any

from api.socket.close_codes import CloseCode

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]

# A registered code that the server program cannot send becomes one with which clients do the same.
_STANDINS = {
    int(code): int(CloseCode.CONNECTION_INIT_TIMEOUT if code.retry else CloseCode.BAD_REQUEST)
    for code in list(CloseCode)
    if code < CloseCode.BAD_REQUEST
}

logger = logging.getLogger(__name__)


class AsgiFrameWriter:
    """A FrameWriter over an ASGI `send`. `closing` is called once, when `close` is."""

    __slots__ = ("_backlog", "_broken", "_closing", "_drained", "_queue", "_send", "_writer")

    def __init__(self, send: Send, closing: Callable[[], object]) -> None:
        self._send = send
        self._closing = closing
        self._queue: deque[Message] | None = None  # made when first needed: an empty one has 0.7 kB
        self._backlog = 0
        self._writer: asyncio.Task[None] | None = None
        self._drained: Callable[[], None] | None = None
        self._broken = False

    @property
    def backlog(self) -> int:
        """Characters that wait for the server to take them."""
        return self._backlog

    def on_drained(self, callback: Callable[[], None]) -> None:
        """Have `callback` called whenever a backlog is gone."""
        self._drained = callback

    def send_text(self, text: str) -> None:
        """Send one text frame, in order."""
        self._put({"type": "websocket.send", "text": text})

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the socket. Frames that the server has not taken by now are given up: their reader may be stuck."""
        self._drained = None
        self._queue = None
        if self._writer is not None:
            self._writer.cancel()
            self._writer = None
        self._put({"type": "websocket.close", "code": int(code), "reason": reason})
        self._closing()

    def _put(self, message: Message) -> None:
        if self._broken:
            return
        if self._writer is not None:
            if self._queue is None:
                self._queue = deque()
            self._queue.append(message)
            self._backlog += len(message.get("text", ""))
            return
        unfinished = self._begin(message)
        if unfinished is not None:
            self._backlog = len(message.get("text", ""))
            self._writer = asyncio.get_running_loop().create_task(self._drain(message, unfinished))

    def _begin(self, message: Message) -> Awaitable[None] | None:
        """Run the server's `send` as far as it goes at once; the rest of it, if there is one."""
        sending = self._send(message)
        if not isinstance(sending, Coroutine):
            return sending
        try:
            waits_for = sending.send(None)
        except StopIteration:
            return None
        except Exception as error:
            self._failed(message, error)
            return None
        return _rest(sending, waits_for)

    async def _drain(self, message: Message, unfinished: Awaitable[None]) -> None:
        failure: Exception | None = None
        try:
            await unfinished
            while self._queue:
                self._backlog -= len(message.get("text", ""))
                message = self._queue.popleft()
                await self._send(message)
        except Exception as error:
            failure = error
        self._writer = None
        self._backlog = 0
        if failure is not None:
            self._failed(message, failure)
        if self._drained is not None:
            self._drained()

    def _failed(self, message: Message, error: Exception) -> None:
        standin = _STANDINS.get(message.get("code", 0))
        if standin is not None:
            # Stock Daphne raises for all registered codes but 1000; `api.servers.daphne` does not.
            self._put({**message, "code": standin})
            return
        # The client is gone: the server tells the consumer so too, and that ends the connection.
        logger.debug("A frame could not be sent: %s", type(error).__name__)
        self._broken = True
        self._queue = None


@coroutine
def _rest(sending: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """Go on with a coroutine that has been run by hand until it waited for `waits_for`."""
    while True:
        try:
            result = yield waits_for
        except BaseException as error:
            resume = partial(sending.throw, error)
        else:
            resume = partial(sending.send, result)
        try:
            waits_for = resume()
        except StopIteration:
            return

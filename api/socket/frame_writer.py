"""Writes the frames of one socket to an ASGI server, made for feeds that hand one payload to thousands of sockets.

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

# A server program that cannot send a registered code sends this one instead, which clients treat alike.
_FALLBACK_CODES = {
    int(code): int(CloseCode.CONNECTION_INIT_TIMEOUT if code.retry else CloseCode.BAD_REQUEST)
    for code in list(CloseCode)
    if code < CloseCode.BAD_REQUEST
}

logger = logging.getLogger(__name__)


class AsgiFrameWriter:
    """A FrameWriter over an ASGI `send`. `on_close` is called once, when `close` is."""

    __slots__ = ("_backlog", "_broken", "_on_close", "_on_drained", "_queue", "_send", "_sending")

    def __init__(self, send: Send, on_close: Callable[[], object]) -> None:
        self._send = send
        self._on_close = on_close
        self._queue: deque[Message] | None = None  # made when first needed: an empty one has 0.7 kB
        self._backlog = 0
        self._sending: asyncio.Task[None] | None = None
        self._on_drained: Callable[[], None] | None = None
        self._broken = False

    @property
    def backlog(self) -> int:
        """Characters that wait for the server to take them."""
        return self._backlog

    def on_drained(self, callback: Callable[[], None]) -> None:
        """Call `callback` each time that a backlog has been taken."""
        self._on_drained = callback

    def send_text(self, text: str) -> None:
        """Send one text frame, in order."""
        self._send_or_queue({"type": "websocket.send", "text": text})

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the socket. Frames that the server has not taken yet are dropped: their reader may be stuck."""
        self._on_drained = None
        self._queue = None
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None
        self._send_or_queue({"type": "websocket.close", "code": int(code), "reason": reason})
        self._on_close()

    def _send_or_queue(self, message: Message) -> None:
        if self._broken:
            return
        if self._sending is not None:
            if self._queue is None:
                self._queue = deque()
            self._queue.append(message)
            self._backlog += len(message.get("text", ""))
            return
        rest = self._start_sending(message)
        if rest is not None:
            self._backlog = len(message.get("text", ""))
            self._sending = asyncio.get_running_loop().create_task(self._finish_sending(message, rest))

    def _start_sending(self, message: Message) -> Awaitable[None] | None:
        """Run the server's `send` up to its first suspension; returns the rest of it, or None when it has ended."""
        sending = self._send(message)
        if not isinstance(sending, Coroutine):
            return sending
        try:
            waits_for = sending.send(None)
        except StopIteration:
            return None
        except Exception as error:
            self._on_send_error(message, error)
            return None
        return _continue(sending, waits_for)

    async def _finish_sending(self, message: Message, rest: Awaitable[None]) -> None:
        failure: Exception | None = None
        try:
            await rest
            while self._queue:
                self._backlog -= len(message.get("text", ""))
                message = self._queue.popleft()
                await self._send(message)
        except Exception as error:
            failure = error
        self._sending = None
        self._backlog = 0
        if failure is not None:
            self._on_send_error(message, failure)
        if self._on_drained is not None:
            self._on_drained()

    def _on_send_error(self, message: Message, error: Exception) -> None:
        fallback = _FALLBACK_CODES.get(message.get("code", 0))
        if fallback is not None:
            # Stock Daphne raises for all registered codes but 1000; `api.servers.daphne` does not.
            self._send_or_queue({**message, "code": fallback})
            return
        # The client is gone: the server tells the consumer so too, and that ends the socket.
        logger.debug("A frame could not be sent: %s", type(error).__name__)
        self._broken = True
        self._queue = None


@coroutine
def _continue(sending: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """Finish a coroutine that was run by hand until it waited for `waits_for`."""
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

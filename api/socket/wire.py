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

# What a client does with the registered codes, it does with these.
_STANDINS = {
    int(code): CloseCode.CONNECTION_INIT_TIMEOUT if code.retry else CloseCode.BAD_REQUEST
    for code in CloseCode
}

logger = logging.getLogger(__name__)

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]


class AsgiWire:
    """A Wire over an ASGI `send`."""

    __slots__ = ("_backlog", "_broken", "_drained", "_queue", "_send", "_writer")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._queue: deque[Message] = deque()
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
        """Close the socket, after the frame that is being written; frames still queued are given up."""
        self._queue.clear()
        self._put({"type": "websocket.close", "code": int(code), "reason": reason})

    def _put(self, message: Message) -> None:
        if self._broken:
            return
        if self._writer is not None:
            self._queue.append(message)
            self._backlog += len(message.get("text", ""))
            return
        unfinished = self._begin(message)
        if unfinished is not None:
            self._backlog = len(message.get("text", ""))
            self._writer = asyncio.get_running_loop().create_task(self._drain(unfinished))

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

    async def _drain(self, unfinished: Awaitable[None]) -> None:
        message: Message = {}
        failure: Exception | None = None
        try:
            await unfinished
            while self._queue and not self._broken:
                self._backlog = max(0, self._backlog - len(message.get("text", "")))
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
        if message.get("type") == "websocket.close" and message["code"] < 3000:
            # Stock Daphne can send none of the registered codes but 1000. `api.daphne` can.
            standin = (
                CloseCode.CONNECTION_INIT_TIMEOUT
                if CloseCode(message["code"]).retry
                else CloseCode.BAD_REQUEST
            )
            self._put({**message, "code": int(standin)})
            return
        # The client is gone: the server says so to the consumer too, which ends the connection.
        logger.debug("A frame could not be sent: %s", type(error).__name__)
        self._broken = True
        self._queue.clear()


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

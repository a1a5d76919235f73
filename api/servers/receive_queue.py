"""A small queue of incoming messages between a server program and the application of one socket."""

import asyncio
from typing import Any

Message = dict[str, Any]


class ReceiveQueue:
    """The received messages that the application has not taken: as much of an asyncio.Queue as the servers use.

    An asyncio.Queue has three deques and an event with a fourth, 3 kB for each socket.
    """

    __slots__ = ("_arrival", "_incoming", "_reversed")

    def __init__(self) -> None:
        self._incoming: list[Message] = []
        self._reversed: list[Message] = []  # the next message is at the end
        self._arrival: asyncio.Future[None] | None = None

    def put_nowait(self, message: Message) -> None:
        """Add a message."""
        self._incoming.append(message)
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def empty(self) -> bool:
        """Whether no message waits."""
        return not (self._reversed or self._incoming)

    async def get(self) -> Message:
        """Wait for the next message and take it. For one caller at a time, as an ASGI application is."""
        if not self._reversed:
            if not self._incoming:
                self._arrival = asyncio.get_running_loop().create_future()
                await self._arrival
                self._arrival = None
            self._reversed = self._incoming[::-1]
            self._incoming = []
        return self._reversed.pop()

"""The queue between a server program and the application of one socket."""

import asyncio
from typing import Any

Message = dict[str, Any]


class Arrivals:
    """What came on a socket and its application has not taken: as much of an asyncio.Queue as servers use.

    A Queue has three deques and an event with a fourth, 3 kB for each socket.
    """

    __slots__ = ("_arrival", "_came", "_next")

    def __init__(self) -> None:
        self._came: list[Message] = []
        self._next: list[Message] = []  # the last comes first
        self._arrival: asyncio.Future[None] | None = None

    def put_nowait(self, message: Message) -> None:
        """Add a message."""
        self._came.append(message)
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def empty(self) -> bool:
        """Whether nothing waits to be taken."""
        return not (self._next or self._came)

    async def get(self) -> Message:
        """The next message, when there is one. For one caller at a time, as an ASGI application is."""
        if not self._next:
            if not self._came:
                self._arrival = asyncio.get_running_loop().create_future()
                await self._arrival
                self._arrival = None
            self._next = self._came[::-1]
            self._came = []
        return self._next.pop()

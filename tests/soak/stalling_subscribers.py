"""Subscribers of one socket each that can stop reading, and resume."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Sequence

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.soak.clients import Json, Subscriber, connected, send
from tests.soak.delivery_verdict import MessageAges, ReceivedEvents

CATCH_UP_SECONDS = 600.0
# A starting server takes its time.
START_SECONDS = 90.0


class StampedMessageAges(MessageAges):
    """Ages of messages whose texts begin with the nanosecond at which they were sent."""

    def arrive(self, text: str) -> None:
        """Note that a subscriber received it."""
        self.arrived.append(time.monotonic_ns() - int(text.partition(" ")[0]))


class StallingSubscriber(Subscriber):
    """Connects once, reads unless stopped, and notes the close code."""

    def __init__(self, address: str, token: str, chat_ids: Sequence[str], by_inbox: bool) -> None:
        received = {chat_id: ReceivedEvents(start=1) for chat_id in chat_ids}
        # Unused: only `Subscriber.follow` acts at random.
        super().__init__(token, [address], random.Random(), received, by_inbox, StampedMessageAges())
        self.typings = 0
        self.close_code: int | None = None
        self.may_read = asyncio.Event()
        self.may_read.set()
        self._stack = contextlib.AsyncExitStack()
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Connect, and subscribe to the events after those received."""
        self.close_code = None
        # The library's own pings would close a stalled socket from the client's side.
        socket = await self._stack.enter_async_context(
            connected(self.address(), self.token, START_SECONDS, ping_interval=None)
        )
        await self.subscribe(socket)
        self._task = asyncio.create_task(self._read_on(socket))

    async def end(self) -> None:
        """Close the socket."""
        if self._task is not None:
            self._task.cancel()
        await self._stack.aclose()

    def has_all(self, last: dict[str, int]) -> bool:
        """Whether it has received the events up to `last` of its chats."""
        return all(one.last >= last[chat_id] for chat_id, one in self.received.items())

    async def _read_on(self, socket: ClientConnection) -> None:
        try:
            while True:
                await self.may_read.wait()
                frame = json.loads(await socket.recv())
                if frame["type"] == "ping":
                    await send(socket, type="pong")
                elif frame["type"] == "next":
                    self.record(frame["payload"])
        except ConnectionClosed as error:
            self.close_code = error.rcvd.code if error.rcvd is not None else 1006

    def record(self, payload: Json) -> None:
        """Record the event of a payload, and count typing events."""
        super().record(payload)
        (event,) = payload["data"].values()
        self.typings += event["__typename"] == "TypingChanged"


class StallingSubscribers:
    """Subscribers that stop and resume together; half of them use `chatFeed`, half `inboxFeed`."""

    def __init__(self, address: str, tokens: Sequence[str], busy: str, quiet: str) -> None:
        self._readers = [
            StallingSubscriber(
                address, token, [busy, quiet] if number % 2 else [busy], by_inbox=bool(number % 2)
            )
            for number, token in enumerate(tokens)
        ]

    async def begin(self) -> None:
        """Connect and subscribe."""
        for one in self._readers:
            await one.begin()

    async def stop_reading(self) -> None:
        """Stop reading."""
        for one in self._readers:
            one.may_read.clear()
            one.typings = 0

    async def resume_reading(self) -> None:
        """Resume reading."""
        for one in self._readers:
            one.may_read.set()

    async def close_codes(self, seconds: float) -> list[int | None]:
        """Return the close codes once all sockets are closed or the seconds are over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while any(one.close_code is None for one in self._readers):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        return [one.close_code for one in self._readers]

    async def reconnect(self) -> None:
        """Connect again, with `since`, and resume."""
        for one in self._readers:
            await one.end()
            await one.begin()

    async def catch_up(self, last: dict[str, int]) -> float | None:
        """Return the seconds until all have the events up to `last`; None if it takes too long or a socket closes."""
        began = time.monotonic()
        while not all(one.has_all(last) for one in self._readers):
            has_ended = any(one.close_code is not None for one in self._readers)
            if has_ended or time.monotonic() - began > CATCH_UP_SECONDS:
                return None
            await asyncio.sleep(0.05)
        return time.monotonic() - began

    async def received(self) -> tuple[list[dict[str, ReceivedEvents]], int]:
        """Return what each received, and how many ephemeral events all received since they stopped."""
        return [one.received for one in self._readers], sum(one.typings for one in self._readers)

"""Readers of one socket each, who count what comes, and who may stand still."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Sequence

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.soak.account import Ages, Received
from tests.soak.people import Follower, Json, connected, send

CATCH_UP_SECONDS = 600.0
# A server that has just been started takes its time.
START_SECONDS = 90.0


class StampedAges(Ages):
    """Of messages whose texts begin with the nanosecond of their sending."""

    def arrive(self, text: str) -> None:
        """Somebody got it."""
        self.arrived.append(time.monotonic_ns() - int(text.partition(" ")[0]))


class Reader(Follower):
    """Begins once, reads unless told to stand still, and notes how the socket ended."""

    def __init__(self, address: str, token: str, chat_ids: Sequence[str], by_inbox: bool) -> None:
        received = {chat_id: Received(start=1) for chat_id in chat_ids}
        # Nothing here is left to chance: it would rest now and then.
        super().__init__(token, [address], random.Random(), received, by_inbox, StampedAges())
        self.typings = 0
        self.close_code: int | None = None
        self.may_read = asyncio.Event()
        self.may_read.set()
        self._stack = contextlib.AsyncExitStack()
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Connect and follow, from where it had come to."""
        self.close_code = None
        # The library's own pings would end the socket of who stands still, from the wrong side.
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
        """Whether it has come to `last` in its chats."""
        return all(one.last >= last[chat_id] for chat_id, one in self.received.items())

    async def _read_on(self, socket: ClientConnection) -> None:
        try:
            while True:
                await self.may_read.wait()
                frame = json.loads(await socket.recv())
                if frame["type"] == "ping":
                    await send(socket, type="pong")
                elif frame["type"] == "next":
                    self.take(frame["payload"])
        except ConnectionClosed as error:
            self.close_code = error.rcvd.code if error.rcvd is not None else 1006

    def take(self, payload: Json) -> None:
        """One payload."""
        super().take(payload)
        (event,) = payload["data"].values()
        self.typings += event["__typename"] == "TypingChanged"


class Group:
    """Readers who stand still and go on together; half of them by `chatFeed`, half by `inboxFeed`."""

    def __init__(self, address: str, tokens: Sequence[str], loud: str, quiet: str) -> None:
        self._readers = [
            Reader(address, token, [loud, quiet] if number % 2 else [loud], by_inbox=bool(number % 2))
            for number, token in enumerate(tokens)
        ]

    async def begin(self) -> None:
        """Connect and follow."""
        for one in self._readers:
            await one.begin()

    async def stand_still(self) -> None:
        """Read nothing from now on."""
        for one in self._readers:
            one.may_read.clear()
            one.typings = 0

    async def go_on(self) -> None:
        """Read again."""
        for one in self._readers:
            one.may_read.set()

    async def ends(self, seconds: float) -> list[int | None]:
        """The close codes, once all sockets are closed or the seconds are over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while any(one.close_code is None for one in self._readers):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        return [one.close_code for one in self._readers]

    async def come_back(self) -> None:
        """Connect again, with `since`."""
        for one in self._readers:
            await one.end()
            await one.begin()

    async def catch_up(self, last: dict[str, int]) -> float | None:
        """How many seconds it takes until all have come to `last`; None if it takes too long or a socket ends."""
        began = time.monotonic()
        while not all(one.has_all(last) for one in self._readers):
            has_ended = any(one.close_code is not None for one in self._readers)
            if has_ended or time.monotonic() - began > CATCH_UP_SECONDS:
                return None
            await asyncio.sleep(0.05)
        return time.monotonic() - began

    async def account(self) -> tuple[list[dict[str, Received]], int]:
        """What each got, and how many ephemeral events all got since they stood still."""
        return [one.received for one in self._readers], sum(one.typings for one in self._readers)

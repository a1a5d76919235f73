"""A client does not read while thousands of events pass: what it costs, and how it resumes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
import pytest

from tests.client import SocketClient, SocketOperation
from tests.live.conftest import Start
from tests.live.people import FEED, SEND, Person, register
from tests.server import Server

EVENTS = 800
TEXT = "x" * 3000
WARMING = 100
SENDERS = 16
SET_TYPING = "mutation ($chatId: ID!, $typing: Boolean!) { setTyping(chatId: $chatId, typing: $typing) }"
# Large enough for the writer and for a busy machine.
LIMITS = {"MAX_FRAMES_PER_SECOND": "100000", "MAX_FRAME_BURST": "100000", "KEEP_ALIVE_SECONDS": "60"}
# A stalled client costs its window, the buffers on the way, and what Python keeps of past events.
BOUND_BYTES = 24 * 2**20


class Talk:
    """A writer and a reader that keeps reading."""

    def __init__(self, writer: SocketClient, reader: SocketOperation, chat_id: str) -> None:
        self.writer = writer
        self.reader = reader
        self.chat_id = chat_id
        self.last = 2

    async def send(self, count: int) -> None:
        """Send messages; the reader must get them all in order."""
        numbers = itertools.count()

        async def one_sender() -> None:
            while next(numbers) < count:
                given = {"chatId": self.chat_id, "text": TEXT}
                assert "errors" not in await self.writer.execute(SEND, {"input": given})

        async with asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(one_sender())
            await self.arrive(count, self.reader, self.last)
        self.last += count

    async def arrive(self, count: int, operation: SocketOperation, after: int) -> None:
        """Expect the next durable events of an operation, each once and in order."""
        for seq in range(after + 1, after + count + 1):
            event = (await operation.data(30))["chatFeed"]
            while event["__typename"] == "TypingChanged":
                event = (await operation.data(30))["chatFeed"]
            assert event["seq"] == seq


async def follow(client: SocketClient, chat_id: str, since: int | None = None) -> SocketOperation:
    operation = await client.subscribe(FEED, {"chatId": chat_id, "since": since})
    assert (await operation.data())["chatFeed"]["__typename"] == "FeedReady"
    return operation


@asynccontextmanager
async def talking(server: Server) -> AsyncIterator[tuple[Talk, Person]]:
    ann, bob = await register(server), await register(server)
    chat_id = await ann.create_group(server, bob)
    async with await ann.connect(server) as writer, await bob.connect(server) as reader:
        yield Talk(writer, await follow(reader, chat_id), chat_id), bob


def memory(server: Server) -> int:
    return int(psutil.Process(server.process.pid).memory_info().rss)


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_a_stalled_client_costs_little_and_misses_nothing(start: Start, kind: str) -> None:
    with start(kind, **LIMITS) as server:
        async with talking(server) as (talk, bob), await bob.connect(server) as stalled:
            feed = await follow(stalled, talk.chat_id)
            await talk.send(WARMING)  # what the events themselves leave in memory is then part of `before`
            await talk.arrive(WARMING, feed, 2)
            stalled.connection.transport.pause_reading()
            before = memory(server)
            await talk.send(EVENTS)
            for typing in [True, False] * 20:
                await talk.writer.execute(SET_TYPING, {"chatId": talk.chat_id, "typing": typing})
            assert memory(server) - before < BOUND_BYTES
            stalled.connection.transport.resume_reading()
            await talk.arrive(EVENTS, feed, talk.last - EVENTS)
            await stalled.ping()
            typed = [frame for frame in stalled.frames if "TypingChanged" in str(frame)]
            assert len(typed) == 1, "only the latest counts"
            await talk.send(1)
            await talk.arrive(1, feed, talk.last - 1)


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_a_client_that_stalls_for_long_is_closed_and_resumes(start: Start, kind: str) -> None:
    with start(kind, **LIMITS, SLOW_CONSUMER_SECONDS="1", MAX_REPLAY_EVENTS="5000") as server:
        async with talking(server) as (talk, bob), await bob.connect(server) as stalled:
            feed = await follow(stalled, talk.chat_id)
            stalled.connection.transport.pause_reading()
            await talk.send(EVENTS)
            closed = asyncio.create_task(stalled.expect_close(20))
            await talk.send(200)  # the others go on
            stalled.connection.transport.resume_reading()
            code, _reason = await closed
            assert code in (
                4450,
                1006,
            )  # Daphne may drop a connection whose client does not read even the close frame
            got = [
                frame["payload"]["data"]["chatFeed"]["seq"]
                for frame in feed.queue.frames
                if "payload" in frame
            ]
            assert got == list(range(3, 3 + len(got)))
            async with await bob.connect(server) as again:
                since = 2 + len(got)
                await talk.arrive(talk.last - since, await follow(again, talk.chat_id, since), since)

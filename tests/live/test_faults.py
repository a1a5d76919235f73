"""Redis and PostgreSQL fail while users send: every event arrives once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.client import SocketClient, SocketOperation
from tests.live.conftest import assert_answers
from tests.live.faulty import Faulty, faulty_services
from tests.live.people import FEED, SEND, Json, Person, register
from tests.server import Server

SET_TYPING = "mutation ($chatId: ID!) { setTyping(chatId: $chatId, typing: true) }"


@dataclass
class World:
    """Two servers of different kinds."""

    faulty: Faulty
    one: Server
    other: Server


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with faulty_services(tmp_path_factory.mktemp("faulty")) as faulty, ExitStack() as stack:
        one, other = (stack.enter_context(faulty.server(kind)) for kind in ("daphne", "uvicorn"))
        for server in (one, other):
            assert_answers(server)
        yield World(faulty, one, other)


@dataclass
class Talk:
    """A user who sends through one server, and a user who reads through the other."""

    chat_id: str
    ann: Person
    bob: Person
    writer: SocketClient
    reader: SocketClient
    feed: SocketOperation
    sent: int = 0
    last: int = 2

    async def send(self, count: int = 1) -> None:
        """Send messages; each must be acknowledged."""
        for _ in range(count):
            self.sent += 1
            given = {"chatId": self.chat_id, "text": f"number {self.sent}", "clientId": str(self.sent)}
            payload = await self.writer.execute(SEND, {"input": given})
            assert "errors" not in payload, payload

    async def arrives(self, count: int, feed: SocketOperation | None = None) -> None:
        """Expect the next messages, each once and in order."""
        for _ in range(count):
            event = (await (feed or self.feed).data(20))["chatFeed"]
            self.last += 1
            assert (event["seq"], event["message"]["text"]) == (self.last, f"number {self.last - 2}")

    async def nothing_more(self) -> None:
        """Expect no further frame: nothing came twice."""
        await self.reader.ping()
        assert not self.feed.queue.frames


@asynccontextmanager
async def talking(world: World) -> AsyncIterator[Talk]:
    ann, bob = await register(world.one), await register(world.other)
    chat_id = await ann.create_group(world.one, bob)
    async with await ann.connect(world.one) as writer, await bob.connect(world.other) as reader:
        feed = await follow(reader, chat_id)
        talk = Talk(chat_id, ann, bob, writer, reader, feed)
        await talk.send()
        await talk.arrives(1)
        yield talk
        await talk.nothing_more()


async def follow(client: SocketClient, chat_id: str, since: int | None = None) -> SocketOperation:
    operation = await client.subscribe(FEED, {"chatId": chat_id, "since": since})
    ready: Json = (await operation.data())["chatFeed"]
    assert ready["__typename"] == "FeedReady"
    return operation


async def test_redis_is_restarted(world: World) -> None:
    async with talking(world) as talk:
        sending = asyncio.create_task(talk.send(60))
        await talk.arrives(10)
        await asyncio.to_thread(world.faulty.stop_redis)
        await asyncio.to_thread(world.faulty.start_redis)
        await sending
        await talk.arrives(50)
        await talk.send(3)
        await talk.arrives(3)


async def test_redis_is_away(world: World) -> None:
    """The poll delivers, also to new subscribers and in chats that are new to a process."""
    async with talking(world) as talk:
        await asyncio.to_thread(world.faulty.stop_redis)
        try:
            for _ in range(3):
                await talk.send(5)
                await talk.arrives(5)
            again = await follow(talk.reader, talk.chat_id, since=talk.last)
            await talk.send(2)
            await talk.arrives(2)
            talk.last -= 2
            await talk.arrives(2, again)
        finally:
            await asyncio.to_thread(world.faulty.start_redis)
        await talk.send(5)
        await talk.arrives(5)
        talk.last -= 5
        await talk.arrives(5, again)


async def test_redis_hangs(world: World) -> None:
    async with talking(world) as talk:
        with world.faulty.hung_redis():
            await talk.send(5)
            await talk.arrives(5)
            again = await follow(talk.reader, talk.chat_id, since=talk.last)
            await talk.send(1)
            await talk.arrives(1)
            talk.last -= 1
            await talk.arrives(1, again)
        await talk.send(5)
        await talk.arrives(5)


async def test_subscriptions_of_redis_are_cut(world: World) -> None:
    async with talking(world) as talk:
        with world.faulty.redis_client() as client:
            for _ in range(4):
                sending = asyncio.create_task(talk.send(10))
                await talk.arrives(3)
                client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
                await sending
                await talk.arrives(7)


async def test_ephemeral_events_come_again_after_redis_is_restarted(world: World) -> None:
    async with talking(world) as talk:
        await asyncio.to_thread(world.faulty.stop_redis)
        await asyncio.to_thread(world.faulty.start_redis)
        async with asyncio.timeout(20):
            while not talk.feed.queue.frames:
                await talk.writer.execute(SET_TYPING, {"chatId": talk.chat_id})
        await talk.send()
        kinds = []
        while "MessagePosted" not in kinds:
            kinds.append((await talk.feed.data(20))["chatFeed"]["__typename"])
        assert kinds[0] == "TypingChanged"


async def test_postgres_is_restarted(world: World) -> None:
    async with talking(world) as talk:
        await asyncio.to_thread(world.faulty.stop_postgres)
        try:
            payload = await talk.writer.execute(SEND, {"input": {"chatId": talk.chat_id, "text": "in vain"}})
            assert [error["extensions"]["code"] for error in payload["errors"]] == ["INTERNAL"]
            assert "connection" not in str(payload)
        finally:
            await asyncio.to_thread(world.faulty.start_postgres)
        await talk.send(5)
        await talk.arrives(5)


async def test_a_server_is_killed_while_users_send(world: World) -> None:
    async with talking(world) as talk:
        with world.faulty.server("uvicorn") as doomed:
            assert_answers(doomed)
            client = await talk.bob.connect(doomed)
            feed = await follow(client, talk.chat_id, since=talk.last)
            sending = asyncio.create_task(talk.send(60))
            await talk.arrives(20, feed)
            doomed.kill()
            await client.expect_close()
        last = talk.last + len(feed.queue.frames)
        await talk.arrives(last - talk.last, feed)
        again = await follow(talk.reader, talk.chat_id, since=last)
        await sending
        await talk.arrives(61 - (last - 2), again)
        talk.last = 3
        await talk.arrives(60)

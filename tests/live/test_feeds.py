"""Feeds over real sockets: across processes, many on one socket, and resumed after a process was killed."""

import asyncio
import contextlib

import pytest

from tests.client import Frame, SocketClient, SocketOperation
from tests.live.conftest import Start
from tests.live.people import FEED, SEND, Person, register
from tests.server import Server


async def follow(client: SocketClient, chat_id: str, since: int | None = None) -> SocketOperation:
    """Subscribe to a chat's feed and read its FeedReady."""
    operation = await client.subscribe(FEED, {"chatId": chat_id, "since": since})
    ready = (await operation.data())["chatFeed"]
    assert ready["__typename"] == "FeedReady"
    if since is not None:
        assert ready["seq"] == since
    return operation


async def event_of(operation: SocketOperation) -> Frame:
    event: Frame = (await operation.data())["chatFeed"]
    return event


async def two_people(server: Server) -> tuple[Person, Person, str]:
    """Register two users with a group, whose last seq is 2."""
    ann, bob = await register(server), await register(server)
    return ann, bob, await ann.create_group(server, bob)


@pytest.mark.parametrize(("sender", "reader"), [("daphne", "other daphne"), ("uvicorn", "daphne")])
async def test_a_message_sent_through_one_process_arrives_through_another(
    servers: dict[str, Server], sender: str, reader: str
) -> None:
    ann, bob, chat_id = await two_people(servers[sender])
    async with await bob.connect(servers[reader]) as client:
        feed = await follow(client, chat_id)
        sent = await ann.say(servers[sender], chat_id, "Good day")
        assert await event_of(feed) == {
            "__typename": "MessagePosted",
            "seq": 3,
            "message": {"id": sent["id"], "text": "Good day", "sender": {"username": ann.username}},
        }


async def test_many_operations_on_one_socket_each_under_its_own_id(server: Server) -> None:
    ann, bob, first = await two_people(server)
    second = await ann.create_group(server, bob)
    async with await bob.connect(server) as client:
        feeds = {chat_id: await follow(client, chat_id) for chat_id in (first, second)}
        again = await follow(client, first)
        for chat_id in (second, first, second):
            payload = await client.execute(SEND, {"input": {"chatId": chat_id, "text": chat_id}})
            assert payload["data"]["sendMessage"]["text"] == chat_id
        assert [(await event_of(feeds[second]))["seq"] for _ in range(2)] == [3, 4]
        assert await event_of(feeds[first]) == await event_of(again)
        await feeds[first].complete()
        await ann.say(server, first, "Only to the other operation")
        assert (await event_of(again))["seq"] == 4
        await client.ping()
        assert not feeds[first].queue.frames


async def test_an_id_in_use_is_refused_and_a_free_one_is_accepted_again(server: Server) -> None:
    _ann, bob, chat_id = await two_people(server)
    async with await bob.connect(server) as client:
        feed = await follow(client, chat_id)
        await feed.complete()
        operation = await client.subscribe(FEED, {"chatId": chat_id}, id=feed.id)
        assert (await event_of(operation))["__typename"] == "FeedReady"
        await client.subscribe(FEED, {"chatId": chat_id}, id=feed.id)
        assert (await client.expect_close())[0] == 4409


async def test_a_feed_goes_on_elsewhere_after_its_process_was_killed(start: Start, daphne: Server) -> None:
    ann, bob, chat_id = await two_people(daphne)
    with start("daphne") as doomed:
        client = await bob.connect(doomed)
        feed = await follow(client, chat_id)
        await ann.say(daphne, chat_id, "before")
        last = (await event_of(feed))["seq"]
        await client.ping()
        doomed.kill()
        await client.expect_close()
    for number in range(3):
        await ann.say(daphne, chat_id, f"meanwhile {number}")
    async with await bob.connect(daphne) as client:
        feed = await follow(client, chat_id, since=last)
        await ann.say(daphne, chat_id, "after")
        events = [await event_of(feed) for _ in range(4)]
    assert [event["seq"] for event in events] == [4, 5, 6, 7]
    assert events[-1]["message"]["text"] == "after"


async def test_writes_of_a_killed_process_arrive(start: Start, daphne: Server) -> None:
    """Committed messages are delivered even if the process was killed before it published them."""
    ann, bob, chat_id = await two_people(daphne)
    async with await bob.connect(daphne) as reader:
        feed = await follow(reader, chat_id)
        with start("daphne") as doomed:
            writer = await ann.connect(doomed)
            for number in range(40):
                await writer.subscribe(SEND, {"input": {"chatId": chat_id, "text": str(number)}})
            first = await event_of(feed)
            doomed.kill()
            with contextlib.suppress(ExceptionGroup):
                await writer.expect_close()
        last = (await ann.ask(daphne, "query ($id: ID!) { chat(id: $id) { lastSeq } }", id=chat_id))["chat"][
            "lastSeq"
        ]
        async with asyncio.timeout(20):  # the poll finds what was never published
            events = [first, *[await event_of(feed) for _ in range(last - 3)]]
    assert [event["seq"] for event in events] == list(range(3, last + 1))
    assert len({event["message"]["id"] for event in events}) == len(events)


async def test_concurrent_senders_on_all_servers_make_one_sequence(servers: dict[str, Server]) -> None:
    ann, bob, chat_id = await two_people(servers["daphne"])
    readers = [await bob.connect(server) for server in servers.values()]
    feeds = [await follow(client, chat_id) for client in readers]
    writers = [await ann.connect(server) for server in servers.values()]

    async def send_all(client: SocketClient) -> None:
        for number in range(20):
            payload = await client.execute(SEND, {"input": {"chatId": chat_id, "text": str(number)}})
            assert "errors" not in payload

    await asyncio.gather(*map(send_all, writers))
    for feed in feeds:
        assert [(await event_of(feed))["seq"] for _ in range(60)] == list(range(3, 63))
    for client in (*readers, *writers):
        await client.close()

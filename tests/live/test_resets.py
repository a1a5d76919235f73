"""FeedReset for each reason, on chatFeed and inboxFeed; the feed goes on after it."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.client import SocketClient, SocketOperation
from tests.live.conftest import Start
from tests.live.people import FEED, Json, Person, register
from tests.server import Server

REPLAYED = 5  # MAX_REPLAY_EVENTS
INBOX = """subscription ($since: [ChatCursorInput!]) {
  inboxFeed(since: $since) {
    __typename
    ... on InboxReady { chats { chatId seq } }
    ... on FeedReset { chatId seq reason }
    ... on ChatEvent { chatId seq }
  }
}"""
# The client's `since` and the reason that it gets. The chat is at seq 10, and the log begins at 7.
CASES = {
    "served": (6, None),
    "at it": (10, None),
    "above the bound": (4, "TOO_MANY"),
    "beyond the horizon": (5, "BEYOND_HORIZON"),
    "from the beginning": (0, "BEYOND_HORIZON"),
    "ahead of the server": (11, "AHEAD_OF_SERVER"),
}


@pytest.fixture(scope="module")
def server(start: Start) -> Iterator[Server]:
    with start("uvicorn", MAX_REPLAY_EVENTS=str(REPLAYED)) as server:
        yield server


async def a_chat(server: Server, environment: dict[str, str], case: str) -> tuple[Person, str]:
    """Make a chat of two users at seq 10."""
    ann, bob = await register(server), await register(server)
    chat_id = await ann.create_group(server, bob)
    for number in range(8):
        await ann.say(server, chat_id, f"{number}")
    if case != "above the bound":
        with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
            newest = "SELECT chat_id FROM chats_message ORDER BY id DESC LIMIT 1"
            connection.execute(f"DELETE FROM chats_event WHERE seq < 7 AND chat_id = ({newest})")
    return ann, chat_id


async def event(operation: SocketOperation, field: str) -> Json:
    found: Json = (await operation.data())[field]
    return found


@pytest.mark.parametrize("case", CASES)
async def test_a_chat_feed(server: Server, environment: dict[str, str], case: str) -> None:
    since, reason = CASES[case]
    ann, chat_id = await a_chat(server, environment, case)
    async with await ann.connect(server) as client:
        feed = await client.subscribe(FEED, {"chatId": chat_id, "since": since})
        begin = since if reason is None else 10
        ready = {"__typename": "FeedReady", "seq": begin, "replayed": 10 - begin}
        assert await event(feed, "chatFeed") == ready
        if reason is not None:
            reset = {"__typename": "FeedReset", "seq": 10, "reason": reason}
            assert await event(feed, "chatFeed") == reset
        await ann.say(server, chat_id, "and on")
        assert [(await event(feed, "chatFeed"))["seq"] for _ in range(11 - begin)] == [*range(begin + 1, 12)]


@pytest.mark.parametrize("case", CASES)
async def test_an_inbox(server: Server, environment: dict[str, str], case: str) -> None:
    """The inbox also has a chat that is replayed, and an unnamed one, which is live from now on."""
    since, reason = CASES[case]
    ann, chat_id = await a_chat(server, environment, case)
    served = await ann.create_group(server)
    unnamed = await ann.create_group(server)
    await ann.say(server, served, "missed")
    await ann.say(server, unnamed, "read elsewhere")
    async with await ann.connect(server) as client:
        feed = await follow_inbox(client, {chat_id: since, served: 1})
        begin = since if reason is None else 10
        replayed = 1 + (10 - begin if reason is None else 1)  # or the reset
        ready, *events = [await event(feed, "inboxFeed") for _ in range(1 + replayed)]
        assert ready["__typename"] == "InboxReady"
        assert {cursor["chatId"]: cursor["seq"] for cursor in ready["chats"]} == {
            chat_id: begin,
            served: 1,
            unnamed: 2,
        }
        resets = [found for found in events if found["__typename"] == "FeedReset"]
        expected = {"__typename": "FeedReset", "chatId": chat_id, "seq": 10, "reason": reason}
        assert resets == ([] if reason is None else [expected])
        for chat in (chat_id, served, unnamed):
            await ann.say(server, chat, "and on")
        events += [await event(feed, "inboxFeed") for _ in range(3)]
        told = {
            chat: [found["seq"] for found in events if found["chatId"] == chat and found not in resets]
            for chat in (chat_id, served, unnamed)
        }
        assert told == {chat_id: [*range(begin + 1, 12)], served: [2, 3], unnamed: [3]}
        await client.ping()
        assert not feed.queue.frames


async def follow_inbox(client: SocketClient, since: dict[str, int]) -> SocketOperation:
    cursors = [{"chatId": chat_id, "seq": seq} for chat_id, seq in since.items()]
    return await client.subscribe(INBOX, {"since": cursors})

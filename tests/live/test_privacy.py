"""On three processes: a removed member gets nothing more, and no replay shows deleted text."""

import asyncio

import pytest

from tests.client import SocketClient, SocketOperation
from tests.live.conftest import Start
from tests.live.people import FEED, Json, Person, register
from tests.server import Server

EDIT = "mutation ($id: ID!, $text: String!) { editMessage(messageId: $id, text: $text) { id } }"
DELETE = "mutation ($id: ID!) { deleteMessage(messageId: $id) { id } }"
REMOVE = "mutation ($chat: ID!, $user: ID!) { removeMember(chatId: $chat, userId: $user) { id } }"
SET_TYPING = "mutation ($chat: ID!) { setTyping(chatId: $chat, typing: true) }"
INBOX = """subscription ($since: [ChatCursorInput!]) {
  inboxFeed(since: $since) {
    __typename
    ... on InboxReady { chats { chatId seq } }
    ... on ChatRemoved { chatId }
    ... on ChatEvent { chatId seq }
    ... on MessagePosted { message { text } }
    ... on MessageEdited { message { text } }
    ... on TypingChanged { typing }
  }
}"""
FEED_WITH_EDITS = FEED.replace(
    "... on MessagePosted", "... on MessageEdited { message { text } } ... on MessagePosted"
)
PERSONAL = FEED_WITH_EDITS.replace("message { text }", "message { text chat { id } }")
FIELDS = ("chatFeed", "chatFeed", "inboxFeed")
SECRET = "what is gone for good"
TIMEOUT_SECONDS = 20


async def seqs(operation: SocketOperation, field: str, last: int) -> list[int]:
    """Return the seqs of the events up to `last`."""
    found: list[int] = []
    while not found or found[-1] != last:
        event: Json = (await operation.data(TIMEOUT_SECONDS))[field]
        if "seq" in event:
            found.append(event["seq"])
    return found


async def subscribe(client: SocketClient, chat_id: str, since: int) -> tuple[list[SocketOperation], Json]:
    """Subscribe to all feeds that show a chat from `since` on; return them and the first one's FeedReady."""
    cursors = [{"chatId": chat_id, "seq": since}]
    feeds = [
        await client.subscribe(FEED_WITH_EDITS, {"chatId": chat_id, "since": since}),
        await client.subscribe(PERSONAL, {"chatId": chat_id, "since": since}),
        await client.subscribe(INBOX, {"since": cursors}),
    ]
    firsts = [(await feed.data(TIMEOUT_SECONDS))[field] for feed, field in zip(feeds, FIELDS, strict=True)]
    assert [first["__typename"] for first in firsts] == ["FeedReady", "FeedReady", "InboxReady"]
    return feeds, firsts[0]


async def test_no_process_replays_deleted_or_former_text(servers: dict[str, Server]) -> None:
    one, *_others = servers.values()
    ann, bob = await register(one), await register(one)
    chat_id = await ann.create_group(one, bob)
    watchers = [await bob.connect(server) for server in servers.values()]
    watching = [feed for client in watchers for feed in (await subscribe(client, chat_id, 2))[0]]
    gone = await ann.say(one, chat_id, f"{SECRET} 1")
    changed = await ann.say(one, chat_id, f"{SECRET} 2")
    await ann.ask(one, EDIT, id=gone["id"], text=f"{SECRET} 3")
    for number, feed in enumerate(watching):  # all processes have the texts in memory now
        assert await seqs(feed, FIELDS[number % 3], 5) == [3, 4, 5]
    await ann.ask(one, DELETE, id=gone["id"])
    await ann.ask(one, EDIT, id=changed["id"], text="harmless")
    for number, feed in enumerate(watching):
        assert await seqs(feed, FIELDS[number % 3], 7) == [6, 7]
    for server in servers.values():
        async with await bob.connect(server) as again:
            feeds, _ready = await subscribe(again, chat_id, 2)
            for field, feed in zip(FIELDS, feeds, strict=True):
                assert await seqs(feed, field, 7) == [3, 4, 5, 6, 7]
            assert SECRET not in str(again.frames)
            assert str(again.frames).count("harmless") == 6
    for client in watchers:
        await client.close()


async def test_replays_while_messages_are_edited_away(servers: dict[str, Server]) -> None:
    """A replay that knows of an edit shows no text from before it."""
    one, *_others = servers.values()
    ann, bob = await register(one), await register(one)
    chat_id = await ann.create_group(one, bob)
    messages = [await ann.say(one, chat_id, f"{SECRET} {number}") for number in range(12)]
    edited = asyncio.Event()
    knew: set[int] = set()

    async def edit_all() -> None:
        for message in messages:
            await ann.ask(one, EDIT, id=message["id"], text="harmless")
        edited.set()

    async def replay(server: Server) -> None:
        while not edited.is_set():
            async with await bob.connect(server) as client:
                feeds, ready = await subscribe(client, chat_id, 2)
                last = ready["seq"] + ready["replayed"]
                for field, feed in zip(FIELDS, feeds, strict=True):
                    assert await seqs(feed, field, last) == list(range(3, last + 1))
                told = str(client.frames)
                assert not [number for number in range(last - 14) if f"{SECRET} {number}'" in told], last
                knew.add(last)

    async with asyncio.TaskGroup() as group:
        group.create_task(edit_all())
        for server in servers.values():
            group.create_task(replay(server))
    assert len(knew) > 1, "no replay ran while messages were edited"


async def test_a_removed_member_gets_nothing_more_on_any_process(servers: dict[str, Server]) -> None:
    one, *_others = servers.values()
    ann, bob, cy = await register(one), await register(one), await register(one)
    chat_id = await ann.create_group(one, bob, cy)
    clients = [await bob.connect(server) for server in servers.values()]
    feeds = [(await subscribe(client, chat_id, 3))[0] for client in clients]
    witnesses = [await witness(cy, server, chat_id) for server in servers.values()]
    message = await ann.say(one, chat_id, "before")
    await ann.ask(one, REMOVE, chat=chat_id, user=bob.id)
    await ann.ask(one, EDIT, id=message["id"], text=SECRET)
    await ann.say(one, chat_id, SECRET)
    await ann.ask(one, SET_TYPING, chat=chat_id)
    for _client, feed in witnesses:  # each process has heard all of it
        assert await seqs(feed, "chatFeed", 7) == [4, 5, 6, 7]
        assert (await feed.data(TIMEOUT_SECONDS))["chatFeed"]["__typename"] == "TypingChanged"
    for client, (feed, personal, inbox) in zip(clients, feeds, strict=True):
        for ending in (feed, personal):
            assert (await ending.data(TIMEOUT_SECONDS))["chatFeed"]["seq"] in (4, 5)
            while (frame := await ending.frame(TIMEOUT_SECONDS))["type"] != "complete":
                assert frame["payload"]["data"]["chatFeed"]["seq"] == 5
        while (await inbox.data(TIMEOUT_SECONDS))["inboxFeed"]["__typename"] != "ChatRemoved":
            pass
        again = await client.subscribe(FEED, {"chatId": chat_id, "since": 3})
        assert [error["extensions"]["code"] for error in await again.errors()] == ["NOT_FOUND"]
        later = await client.subscribe(INBOX, {"since": [{"chatId": chat_id, "seq": 3}]})
        assert (await later.data())["inboxFeed"] == {"__typename": "InboxReady", "chats": []}
        await client.ping()
        assert SECRET not in str(client.frames)
        assert "TypingChanged" not in str(client.frames)
    for client in (*clients, *(client for client, _ in witnesses)):
        await client.close()


async def witness(person: Person, server: Server, chat_id: str) -> tuple[SocketClient, SocketOperation]:
    """Follow the chat as a member who stays."""
    client = await person.connect(server)
    feed = await client.subscribe(FEED, {"chatId": chat_id, "since": 3})
    assert (await feed.data(TIMEOUT_SECONDS))["chatFeed"]["__typename"] == "FeedReady"
    return client, feed


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_a_slow_member_who_is_removed_gets_only_the_end(
    start: Start, daphne: Server, kind: str
) -> None:
    """The socket owes more than its window, the missed events have left the ring, and then they are edited."""
    ann, bob, cy = await register(daphne), await register(daphne), await register(daphne)
    chat_id = await ann.create_group(daphne, bob, cy)
    bounds = {"SEND_WINDOW_BYTES": "4000", "FLOW_PING_BYTES": "1000", "FEED_RING_EVENTS": "2"}
    with start(kind, **bounds) as server:
        client = await SocketClient.connect(server.socket, bob.token, answer_pings=False)
        feeds, _ready = await subscribe(client, chat_id, 3)
        _, watching = await witness(cy, server, chat_id)
        messages = [await ann.say(daphne, chat_id, f"{number}" + "x" * 1000) for number in range(12)]
        assert await seqs(watching, "chatFeed", 15) == list(range(4, 16))
        await ann.ask(daphne, REMOVE, chat=chat_id, user=bob.id)
        for message in messages:
            await ann.ask(daphne, EDIT, id=message["id"], text=SECRET)
        assert await seqs(watching, "chatFeed", 28) == list(range(16, 29))
        while client.pings.frames:
            client.pings.frames.popleft()
            await client.send({"type": "pong"})
        await client.ping()
        told = str(client.frames)
        assert SECRET not in told
        assert "7xxx" not in told, "the socket was not behind"
        for feed in feeds[:2]:
            assert feed.queue.frames[-1]["type"] == "complete"
        assert "ChatRemoved" in str(feeds[2].queue.frames[-1])
        await client.close()

"""Clients that send and clients that subscribe; after every fault they reconnect to any server and resume."""

import asyncio
import contextlib
import itertools
import json
import random
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from tests.soak.delivery_verdict import MessageAges, ReceivedEvents

Json = dict[str, Any]

EVENT = """__typename
... on FeedReset { chatId seq reason }
... on ChatEvent { chatId seq }
... on MessagePosted { message { id text } }
... on MessageEdited { message { id text } }
... on MessageDeleted { messageId }"""
CHAT_FEED = (
    f"subscription ($chatId: ID!, $since: Int) {{ chatFeed(chatId: $chatId, since: $since) {{ {EVENT} }} }}"
)
INBOX_FEED = f"subscription ($since: [ChatCursorInput!]) {{ inboxFeed(since: $since) {{ {EVENT} }} }}"
SEND = "mutation ($input: SendMessageInput!) { sendMessage(input: $input) { id } }"
EDIT = "mutation ($id: ID!, $text: String!) { editMessage(messageId: $id, text: $text) { id } }"
DELETE = "mutation ($id: ID!) { deleteMessage(messageId: $id) { id } }"

ANSWER_SECONDS = 15.0
CONNECTION_ERRORS = (OSError, WebSocketException, TimeoutError)


class ServerClosedError(OSError):
    """The server ended the operation; the client may start it again."""


@contextlib.asynccontextmanager
async def connected(address: str, token: str, open_timeout: float = ANSWER_SECONDS, **options: Any) -> Any:
    """Open a socket and await its acknowledgement; `options` go to websockets."""
    async with connect(
        f"ws://{address}/graphql/",
        subprotocols=[Subprotocol("graphql-transport-ws")],
        compression=None,
        open_timeout=open_timeout,
        close_timeout=1,
        max_size=None,
        **options,
    ) as socket:
        await send(socket, type="connection_init", payload={"Authorization": f"Bearer {token}"})
        async with asyncio.timeout(ANSWER_SECONDS):
            await socket.recv()
        yield socket


async def send(socket: ClientConnection, **frame: object) -> None:
    """Send one frame."""
    await socket.send(json.dumps(frame))


class Client:
    """A client with a token; it chooses one of the servers at random."""

    def __init__(self, token: str, addresses: list[str], rng: random.Random) -> None:
        self.token = token
        self.addresses = addresses
        self.rng = rng

    def address(self) -> str:
        """Return the address of a random server."""
        return self.rng.choice(self.addresses)

    async def back_off(self) -> None:
        """Wait a little before the next attempt."""
        await asyncio.sleep(self.rng.uniform(0.05, 0.5))


class Subscriber(Client):
    """Subscribes to one chat by `chatFeed` or to all by `inboxFeed`, and sometimes stops reading for a while."""

    def __init__(
        self,
        token: str,
        addresses: list[str],
        rng: random.Random,
        received: dict[str, ReceivedEvents],
        by_inbox: bool,
        ages: MessageAges,
    ) -> None:
        super().__init__(token, addresses, rng)
        self.ages = ages
        self.received = received
        self.by_inbox = by_inbox
        self.connections = 0

    @property
    def count(self) -> int:
        """The number of events received."""
        return sum(len(one.seqs) for one in self.received.values())

    async def follow(self) -> None:
        """Receive events until cancelled, over one connection after the other."""
        while True:
            with contextlib.suppress(*CONNECTION_ERRORS):
                async with connected(self.address(), self.token) as socket:
                    self.connections += 1
                    await self.subscribe(socket)
                    await self._read(socket)
            await self.back_off()

    async def subscribe(self, socket: ClientConnection) -> None:
        """Subscribe to the events after those received."""
        if self.by_inbox:
            since = [{"chatId": chat_id, "seq": one.last} for chat_id, one in self.received.items()]
            payload: Json = {"query": INBOX_FEED, "variables": {"since": since}}
            await send(socket, id="inbox", type="subscribe", payload=payload)
            return
        for chat_id, one in self.received.items():
            payload = {"query": CHAT_FEED, "variables": {"chatId": chat_id, "since": one.last}}
            await send(socket, id=chat_id, type="subscribe", payload=payload)

    async def _read(self, socket: ClientConnection) -> None:
        async for data in socket:
            frame = json.loads(data)
            if frame["type"] == "ping":
                await send(socket, type="pong")
            elif frame["type"] == "next":
                self.record(frame["payload"])
            else:
                raise ServerClosedError(frame["type"])
            if self.rng.random() < 0.0005:
                await asyncio.sleep(self.rng.uniform(0, 3))

    def record(self, payload: Json) -> None:
        """Record the event of a payload."""
        (event,) = payload["data"].values()
        name = event["__typename"]
        if name == "FeedReset":
            self.received[event["chatId"]].resets.append(event["reason"])
        elif "seq" in event:
            message_id = event.get("messageId") or event.get("message", {}).get("id")
            if name == "MessagePosted":
                self.ages.arrive(event["message"]["text"])
            self.received[event["chatId"]].add(event["seq"], (name, message_id))


class Sender(Client):
    """Sends each message until it is acknowledged, and sometimes edits or deletes one."""

    def __init__(
        self, token: str, addresses: list[str], rng: random.Random, name: str, ages: MessageAges
    ) -> None:
        super().__init__(token, addresses, rng)
        self.name = name
        self.ages = ages
        self.sent = 0
        self.repeated = 0
        self._numbers = itertools.count(1)

    async def send_messages(
        self, chat_ids: list[str], is_over: Callable[[], bool], pause_seconds: float
    ) -> None:
        """Send until `is_over`, and until the last message is acknowledged."""
        own: list[str] = []
        todo: tuple[str, Json] | None = None
        while todo is not None or not is_over():
            with contextlib.suppress(*CONNECTION_ERRORS):
                async with connected(self.address(), self.token) as socket:
                    while todo is not None or not is_over():
                        todo = todo or self._choose(chat_ids, own)
                        done = await self._execute(socket, *todo)
                        if todo[0] == SEND:
                            own.append(done["sendMessage"]["id"])
                            self.ages.acknowledged.add(own[-1])
                            self.sent += 1
                        todo = None
                        await asyncio.sleep(self.rng.expovariate(1 / pause_seconds))
            self.repeated += todo is not None
            await self.back_off()

    def _choose(self, chat_ids: list[str], own: list[str]) -> tuple[str, Json]:
        kind = self.rng.random()
        if own and kind < 0.08:
            return DELETE, {"id": own.pop(self.rng.randrange(len(own)))}
        if own and kind < 0.25:
            return EDIT, {"id": self.rng.choice(own), "text": f"edited {next(self._numbers)}"}
        client_id = f"{self.name}-{next(self._numbers)}"
        self.ages.send(client_id)
        given = {"chatId": self.rng.choice(chat_ids), "text": client_id, "clientId": client_id}
        return SEND, {"input": given}

    async def _execute(self, socket: ClientConnection, query: str, variables: Json) -> Json:
        await send(socket, id="1", type="subscribe", payload={"query": query, "variables": variables})
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                frame = json.loads(await socket.recv())
                if frame["type"] == "ping":
                    await send(socket, type="pong")
                elif frame["type"] == "next":
                    payload = frame["payload"]
                elif frame["type"] == "complete":
                    break
                else:
                    raise ServerClosedError(frame["type"])
        errors = payload.get("errors")
        # An earlier attempt may have deleted the message.
        if errors and errors[0]["extensions"]["code"] not in ("GONE", "NOT_FOUND"):
            raise ServerClosedError(errors[0]["extensions"]["code"])
        data: Json = payload["data"] or {}
        return data

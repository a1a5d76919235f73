"""Clients that send messages through Parlor's API, over HTTP or a websocket, one message at a time each."""

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Sequence
from typing import Protocol, Self

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from bench.http_client import HttpConnection
from bench.message_timestamps import text
from bench.population import Chat, Person
from bench.servers import Server

_SEQ = re.compile(rb'"seq":(\d+)')
SEND = "mutation($input: SendMessageInput!) { sendMessage(input: $input) { id seq createdAt } }"


class Sender(Protocol):
    """One user on one connection."""

    async def send(self, chat: Chat, message: str) -> int:
        """Send a message and return its seq after the response. Raises SendRefusedError."""


class SendRefusedError(Exception):
    """The response was an error."""


class Senders:
    """Concurrent senders. Sender n sends to chat n (modulo the number of chats), as a member of it."""

    def __init__(self, chats: Sequence[Chat], senders: Sequence[Sender]) -> None:
        self._chats = chats
        self._senders = senders
        self._until = 0.0

    async def send_for(self, seconds: float) -> int:
        """Send for `seconds`. Returns the number of accepted messages."""
        self._until = time.monotonic() + seconds
        counts = await asyncio.gather(
            *(self._send(number, sender) for number, sender in enumerate(self._senders))
        )
        return sum(counts)

    async def send_count(self, count: int) -> int:
        """Send `count` messages in sequence, from the first sender to the first chat. Returns the last seq."""
        seq = 0
        for index in range(count):
            seq = await self._senders[0].send(self._chats[0], text(index))
        return seq

    async def _send(self, number: int, sender: Sender) -> int:
        count = 0
        chat = self._chats[number % len(self._chats)]
        while time.monotonic() < self._until:
            await sender.send(chat, text(count))
            count += 1
        return count

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, server: Server, chats: Sequence[Chat], count: int) -> AsyncIterator[Self]:
        """Connect `count` senders; disconnect them at the end."""
        people = [_member(chats, number) for number in range(count)]
        senders = [await cls._connect(server, person) for person in people]
        try:
            yield cls(chats, senders)
        finally:
            for sender in senders:
                sender.close()

    @classmethod
    async def _connect(cls, server: Server, person: Person) -> "HttpSender | SocketSender":
        raise NotImplementedError


def _member(chats: Sequence[Chat], number: int) -> Person:
    members = chats[number % len(chats)].members
    return members[number // len(chats) % len(members)]


class HttpSenders(Senders):
    """Senders over HTTP, with one keep-alive connection each."""

    @classmethod
    async def _connect(cls, server: Server, person: Person) -> "HttpSender":
        return HttpSender(await HttpConnection.connect(server.port), person)


class SocketSenders(Senders):
    """Senders over one websocket each."""

    @classmethod
    async def _connect(cls, server: Server, person: Person) -> "SocketSender":
        _, sender = await ws_connect(
            lambda: SocketSender(person),
            server.url,
            extra_headers={"Sec-WebSocket-Protocol": "graphql-transport-ws"},
        )
        assert isinstance(sender, SocketSender)
        await sender.ready
        return sender


class HttpSender:
    """Sends with `POST /graphql/`."""

    def __init__(self, connection: HttpConnection, person: Person) -> None:
        self._connection = connection
        self._token = person.token

    async def send(self, chat: Chat, message: str) -> int:
        """Send a message and return its seq after the response. Raises SendRefusedError."""
        answer = await self._connection.post(
            "/graphql/", self._token, json.dumps(_request(chat, message)).encode()
        )
        if b'"errors"' in answer:
            raise SendRefusedError(answer.decode())
        return _seq(answer)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class SocketSender(WSListener):
    """Sends each mutation in a `subscribe` message."""

    def __init__(self, person: Person) -> None:
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self._answer: asyncio.Future[int] = loop.create_future()
        self._person = person
        self._number = 0
        self._transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Send connection_init."""
        self._transport = transport
        payload = {"Authorization": f"Bearer {self._person.token}"}
        self._write({"type": "connection_init", "payload": payload})

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Handle a frame of the server."""
        if frame.msg_type is not WSMsgType.TEXT:
            return
        payload = frame.get_payload_as_bytes()
        if b'"next"' in payload and b'"errors"' not in payload:
            self._answer.set_result(_seq(payload))
        elif b'"ping"' in payload:
            transport.send(WSMsgType.TEXT, b'{"type":"pong"}')
        elif b'"connection_ack"' in payload:
            self.ready.set_result(None)
        elif b'"complete"' not in payload and not self._answer.done():
            self._answer.set_exception(SendRefusedError(payload.decode()))

    async def send(self, chat: Chat, message: str) -> int:
        """Send a message and return its seq after the response. Raises SendRefusedError."""
        self._answer = asyncio.get_running_loop().create_future()
        self._number += 1
        self._write({"id": str(self._number), "type": "subscribe", "payload": _request(chat, message)})
        return await self._answer

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    def _write(self, message: dict[str, object]) -> None:
        assert self._transport is not None
        self._transport.send(WSMsgType.TEXT, json.dumps(message).encode())


def _seq(answer: bytes) -> int:
    found = _SEQ.search(answer)
    if found is None:
        raise SendRefusedError(answer.decode())
    return int(found[1])


def _request(chat: Chat, message: str) -> dict[str, object]:
    return {"query": SEND, "variables": {"input": {"chatId": chat.global_id, "text": message}}}

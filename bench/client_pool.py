"""Connects, counts and disconnects many feed clients of one server."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from picows import ws_connect

from bench.feed_clients import Deliveries, FeedSocket, GraphQLSocket, GraphQLWsSocket, SocketIoSocket
from bench.population import Chat, Person
from bench.programs import Kind
from bench.servers import Server

_CLIENT_CLASSES: dict[Kind, type[FeedSocket]] = {
    "parlor": GraphQLSocket,
    "stock": GraphQLSocket,
    "raw": GraphQLSocket,
    "node": GraphQLWsSocket,
    "socketio": SocketIoSocket,
}
_READY_SECONDS = 60.0

ChatMember = tuple[Chat, Person]


def members_of(chats: Iterable[Chat], per_chat: int | None = None) -> list[ChatMember]:
    """All members of these chats, or the first `per_chat` members of each."""
    return [(chat, person) for chat in chats for person in chat.members[:per_chat]]


@dataclass(slots=True)
class ClientPool:
    """The sockets of one benchmark and what they received. Every `sample_every`-th socket measures ages and order."""

    server: Server
    deliveries: Deliveries = field(default_factory=Deliveries)
    sockets: list[FeedSocket] = field(default_factory=list)
    sample_every: int = 4

    async def connect(
        self, members: Sequence[ChatMember], at_once: int = 50, since: Mapping[int, int] | None = None
    ) -> None:
        """Connect and subscribe a socket for every member, at most `at_once` at the same time.

        `since` maps chat ids to the seq after which to resume. Raises TimeoutError, and ConnectionError for a socket
        that was closed before its subscription was ready.
        """
        slots = asyncio.Semaphore(at_once)
        connecting = [
            self._connect_one(member, slots, since or {}, is_sampled=number % self.sample_every == 0)
            for number, member in enumerate(members)
        ]
        async with asyncio.timeout(_READY_SECONDS):
            self.sockets += await asyncio.gather(*connecting)

    async def disconnect(self) -> None:
        """Drop every connection and wait until all are closed."""
        for socket in self.sockets:
            socket.disconnect()
        for socket in self.sockets:
            if socket.transport is not None:
                await socket.transport.wait_disconnected()
        self.sockets.clear()

    async def _connect_one(
        self, member: ChatMember, slots: asyncio.Semaphore, since: Mapping[int, int], *, is_sampled: bool
    ) -> FeedSocket:
        chat, person = member
        client_class = _CLIENT_CLASSES[self.server.program.kind]
        headers = {} if client_class is SocketIoSocket else {"Sec-WebSocket-Protocol": "graphql-transport-ws"}
        headers["Origin"] = f"http://127.0.0.1:{self.server.port}"
        async with slots:
            _, client = await ws_connect(
                lambda: client_class(
                    self.deliveries, person, chat, since.get(chat.chat_id), is_sampled=is_sampled
                ),
                self.server.url,
                extra_headers=headers,
                websocket_handshake_timeout=_READY_SECONDS,
            )
            assert isinstance(client, FeedSocket)
            await client.ready
        return client

"""Many clients of one server: connected with a bound on those under way, counted together, dropped together."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from picows import ws_connect

from bench.population import Chat, Person
from bench.servers import Server
from bench.sockets import FeedSocket, GraphQLSocket, GraphQLWsSocket, Ledger, SocketIoSocket
from bench.subjects import Kind

_DIALECTS: dict[Kind, type[FeedSocket]] = {
    "parlor": GraphQLSocket,
    "stock": GraphQLSocket,
    "raw": GraphQLSocket,
    "node": GraphQLWsSocket,
    "socketio": SocketIoSocket,
}
_READY_SECONDS = 60.0

Seat = tuple[Chat, Person]


def seats_of(chats: Iterable[Chat], per_chat: int | None = None) -> list[Seat]:
    """A seat for each member of these chats, or for the first `per_chat` of each."""
    return [(chat, person) for chat in chats for person in chat.members[:per_chat]]


@dataclass(slots=True)
class Crowd:
    """The sockets of one experiment and what they received."""

    server: Server
    ledger: Ledger = field(default_factory=Ledger)
    sockets: list[FeedSocket] = field(default_factory=list)
    witness_every: int = 4

    async def join(
        self, seats: Sequence[Seat], at_once: int = 50, since: Mapping[int, int] | None = None
    ) -> None:
        """Connect and subscribe a socket for every seat, `at_once` at a time. Raises what a client raised.

        `since` says, by chat id, after which seq to go on.
        """
        gate = asyncio.Semaphore(at_once)
        made = [
            self._join_one(seat, gate, since or {}, is_witness=place % self.witness_every == 0)
            for place, seat in enumerate(seats)
        ]
        async with asyncio.timeout(_READY_SECONDS):
            self.sockets += await asyncio.gather(*made)

    async def leave(self) -> None:
        """Drop every connection and wait until they are gone."""
        for socket in self.sockets:
            socket.leave()
        for socket in self.sockets:
            if socket.transport is not None:
                await socket.transport.wait_disconnected()
        self.sockets.clear()

    async def _join_one(
        self, seat: Seat, gate: asyncio.Semaphore, since: Mapping[int, int], *, is_witness: bool
    ) -> FeedSocket:
        chat, person = seat
        dialect = _DIALECTS[self.server.subject.kind]
        headers = {} if dialect is SocketIoSocket else {"Sec-WebSocket-Protocol": "graphql-transport-ws"}
        headers["Origin"] = f"http://127.0.0.1:{self.server.port}"
        async with gate:
            _, made = await ws_connect(
                lambda: dialect(self.ledger, person, chat, since.get(chat.chat_id), is_witness=is_witness),
                self.server.url,
                extra_headers=headers,
                websocket_handshake_timeout=_READY_SECONDS,
            )
            assert isinstance(made, FeedSocket)
            await made.ready
        return made

"""The clients: one websocket each, which subscribes to one chat, counts what comes and measures how old it is.

A delivery costs a search for the mark and two small integers, and that only at every fourth socket, a witness; the
others count. JSON is parsed only for frames that are no deliveries.
"""

import asyncio
import json
import time
from array import array
from dataclasses import dataclass, field

from picows import WSFrame, WSListener, WSMsgType, WSTransport

from bench.marks import INDEX_OFFSET, MARK, SHORTEST_DELIVERY
from bench.population import Chat, Person

FEED = """subscription($chatId: ID!, $since: Int) {
  chatFeed(chatId: $chatId, since: $since) {
    __typename
    ... on FeedReady { seq }
    ... on MessagePosted {
      seq
      at
      actor { id displayName }
      message { id text createdAt sender { id displayName avatarUrl } }
    }
  }
}"""


@dataclass(slots=True)
class Ledger:
    """What a crowd of sockets received; of its witnesses the ages in nanoseconds, and what came out of order."""

    received: int = 0
    ages: "array[int]" = field(default_factory=lambda: array("q"))
    disorders: int = 0
    last_at: int = 0
    closed: int = 0

    def clear(self) -> None:
        """Begin anew."""
        self.received = 0
        del self.ages[:]
        self.disorders = 0


class FeedSocket(WSListener):
    """What the dialects share: marked frames. `ready` is done when the subscription stands."""

    def __init__(
        self, ledger: Ledger, person: Person, chat: Chat, since: int | None, *, is_witness: bool
    ) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: WSTransport | None = None
        self._is_witness = is_witness
        self._next_index = 0
        self._ledger = ledger
        self._record = ledger.ages.append
        self._person = person
        self._chat = chat
        self._since = since

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is done."""
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Count a delivery, or handle another frame."""
        if frame.payload_size < SHORTEST_DELIVERY:
            self._other(transport, frame, frame.get_payload_as_bytes())
            return
        ledger = self._ledger
        ledger.received += 1
        if self._is_witness:
            self._witness(ledger, frame.get_payload_as_bytes())

    def _witness(self, ledger: Ledger, payload: bytes) -> None:
        mark = payload.find(MARK)
        now = time.monotonic_ns()
        self._record(now - int(payload[mark + 1 : mark + 20]))
        ledger.last_at = now
        index = int(payload[mark + INDEX_OFFSET : mark + INDEX_OFFSET + 8])
        if index != self._next_index:
            ledger.disorders += 1
        self._next_index = index + 1

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The socket is gone, whoever closed it."""
        del transport
        self._ledger.closed += 1
        self._fail("closed before it was ready")

    def leave(self) -> None:
        """Drop the connection."""
        if self.transport is not None:
            self.transport.disconnect(graceful=False)

    def _other(self, transport: WSTransport, frame: WSFrame, payload: bytes) -> None:
        if frame.msg_type is WSMsgType.PING:
            transport.send_pong(payload)
        elif frame.msg_type is WSMsgType.CLOSE:
            self._fail(f"closed with {frame.get_close_code()}: {frame.get_close_message()!r}")
            transport.disconnect()
        else:
            self._control(transport, payload)

    def _control(self, transport: WSTransport, payload: bytes) -> None:
        raise NotImplementedError

    def _fail(self, why: str) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(why))

    def _is_ready(self) -> None:
        if not self.ready.done():
            self.ready.set_result(None)


class GraphQLSocket(FeedSocket):
    """graphql-transport-ws. Ready at the feed's first event, or with `ready_by_pong` at the pong after `subscribe`."""

    ready_by_pong = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Initialise the connection."""
        super().on_ws_connected(transport)
        payload = {"Authorization": f"Bearer {self._person.token}"}
        _send(transport, {"type": "connection_init", "payload": payload})

    def _control(self, transport: WSTransport, payload: bytes) -> None:
        message = json.loads(payload)
        match message["type"]:
            case "ping":
                transport.send(WSMsgType.TEXT, b'{"type":"pong"}')
            case "connection_ack":
                variables: dict[str, object] = {"chatId": self._chat.global_id}
                if self._since is not None:
                    variables["since"] = self._since
                subscribe = {"query": FEED, "variables": variables}
                _send(transport, {"id": "1", "type": "subscribe", "payload": subscribe})
                if self.ready_by_pong:
                    transport.send(WSMsgType.TEXT, b'{"type":"ping"}')
            case "next" if not message["payload"].get("errors"):
                self._is_ready()
            case "pong":
                self._is_ready()
            case _:
                self._fail(payload.decode())


class GraphQLWsSocket(GraphQLSocket):
    """For the Node peer, whose feed has no first event."""

    ready_by_pong = True


class SocketIoSocket(FeedSocket):
    """Socket.IO 5 over Engine.IO 4, on a websocket from the start. Ready when the server acknowledges the room."""

    def _control(self, transport: WSTransport, payload: bytes) -> None:
        if payload.startswith(b"0"):
            transport.send(WSMsgType.TEXT, b"40")
        elif payload.startswith(b"40"):
            transport.send(WSMsgType.TEXT, b'420["join","%s"]' % self._chat.global_id.encode())
        elif payload.startswith(b"430"):
            self._is_ready()
        elif payload == b"2":
            transport.send(WSMsgType.TEXT, b"3")


def _send(transport: WSTransport, message: dict[str, object]) -> None:
    transport.send(WSMsgType.TEXT, json.dumps(message, separators=(",", ":")).encode())

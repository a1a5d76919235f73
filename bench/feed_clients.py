"""Feed clients: each opens one websocket, subscribes to one chat, counts deliveries and measures their age.

Only every fourth socket is sampled: it reads time and number from each delivery's text. The others only count. JSON is
parsed only for frames that are not deliveries.
"""

import asyncio
import json
import time
from array import array
from dataclasses import dataclass, field

from picows import WSFrame, WSListener, WSMsgType, WSTransport

from bench.message_timestamps import INDEX_OFFSET, SEPARATOR, SHORTEST_DELIVERY
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
class Deliveries:
    """What the sockets of one benchmark received.

    `ages` (nanoseconds) and `disorders` (deliveries out of order or after a gap) are those of sampled sockets only.
    """

    received: int = 0
    ages: "array[int]" = field(default_factory=lambda: array("q"))
    disorders: int = 0
    last_at: int = 0
    closed: int = 0

    def clear(self) -> None:
        """Forget all deliveries."""
        self.received = 0
        del self.ages[:]
        self.disorders = 0


class FeedSocket(WSListener):
    """The common part of all clients. `ready` completes when the subscription is active."""

    def __init__(
        self, deliveries: Deliveries, person: Person, chat: Chat, since: int | None, *, is_sampled: bool
    ) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: WSTransport | None = None
        self._is_sampled = is_sampled
        self._next_index = 0
        self._deliveries = deliveries
        self._record = deliveries.ages.append
        self._person = person
        self._chat = chat
        self._since = since

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Store the transport (picows)."""
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Count a delivery, or handle another frame (picows)."""
        if frame.payload_size < SHORTEST_DELIVERY:
            self._handle_other_frame(transport, frame, frame.get_payload_as_bytes())
            return
        deliveries = self._deliveries
        deliveries.received += 1
        if self._is_sampled:
            self._sample(deliveries, frame.get_payload_as_bytes())

    def _sample(self, deliveries: Deliveries, payload: bytes) -> None:
        start = payload.find(SEPARATOR)
        now = time.monotonic_ns()
        self._record(now - int(payload[start + 1 : start + 20]))
        deliveries.last_at = now
        index = int(payload[start + INDEX_OFFSET : start + INDEX_OFFSET + 8])
        if index != self._next_index:
            deliveries.disorders += 1
        self._next_index = index + 1

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Count a closed socket, whichever side closed it (picows)."""
        del transport
        self._deliveries.closed += 1
        self._fail("closed before it was ready")

    def disconnect(self) -> None:
        """Close the connection without a close frame."""
        if self.transport is not None:
            self.transport.disconnect(graceful=False)

    def _handle_other_frame(self, transport: WSTransport, frame: WSFrame, payload: bytes) -> None:
        if frame.msg_type is WSMsgType.PING:
            transport.send_pong(payload)
        elif frame.msg_type is WSMsgType.CLOSE:
            self._fail(f"closed with {frame.get_close_code()}: {frame.get_close_message()!r}")
            transport.disconnect()
        else:
            self._handle_protocol_message(transport, payload)

    def _handle_protocol_message(self, transport: WSTransport, payload: bytes) -> None:
        raise NotImplementedError

    def _fail(self, why: str) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(why))

    def _set_ready(self) -> None:
        if not self.ready.done():
            self.ready.set_result(None)


class GraphQLSocket(FeedSocket):
    """A client of graphql-transport-ws.

    It is ready at the feed's first event or, with `ready_by_pong`, at the pong that follows `subscribe`.
    """

    ready_by_pong = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Send connection_init."""
        super().on_ws_connected(transport)
        payload = {"Authorization": f"Bearer {self._person.token}"}
        _send(transport, {"type": "connection_init", "payload": payload})

    def _handle_protocol_message(self, transport: WSTransport, payload: bytes) -> None:
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
                self._set_ready()
            case "pong":
                self._set_ready()
            case _:
                self._fail(payload.decode())


class GraphQLWsSocket(GraphQLSocket):
    """A client of the graphql-ws peer, whose feed has no first event."""

    ready_by_pong = True


class SocketIoSocket(FeedSocket):
    """A client of Socket.IO 5 over Engine.IO 4, websocket only. Ready when the server acknowledges the room."""

    def _handle_protocol_message(self, transport: WSTransport, payload: bytes) -> None:
        if payload.startswith(b"0"):
            transport.send(WSMsgType.TEXT, b"40")
        elif payload.startswith(b"40"):
            transport.send(WSMsgType.TEXT, b'420["join","%s"]' % self._chat.global_id.encode())
        elif payload.startswith(b"430"):
            self._set_ready()
        elif payload == b"2":
            transport.send(WSMsgType.TEXT, b"3")


def _send(transport: WSTransport, message: dict[str, object]) -> None:
    transport.send(WSMsgType.TEXT, json.dumps(message, separators=(",", ":")).encode())

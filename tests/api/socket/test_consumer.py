"""The consumer between an ASGI server, made by hand here, and the state machine."""

import asyncio
from typing import Any

import pytest

from api.socket import consumer
from api.socket.interfaces import SocketDependencies
from tests.api.socket.fakes import LIMITS, FakeGate, FakeOperations, FakeSockets, turns

Message = dict[str, Any]


class Server:
    """One socket as an ASGI server offers it."""

    def __init__(self, **scope: Any) -> None:
        self.scope = {"type": "websocket", "headers": [], "subprotocols": ["graphql-transport-ws"], **scope}
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.incoming.put_nowait({"type": "websocket.connect"})
        self.sent: list[Message] = []
        self.sockets = FakeSockets()
        services = SocketDependencies(FakeOperations(), FakeGate(), self.sockets, LIMITS)
        application = consumer.GraphQLConsumer(lambda: services)
        self.task = asyncio.ensure_future(application(self.scope, self.incoming.get, self.send))

    async def send(self, message: Message) -> None:
        """Take what the application sends."""
        self.sent.append(message)

    def text(self, text: str) -> None:
        """A frame of the client."""
        self.incoming.put_nowait({"type": "websocket.receive", "text": text})

    @property
    def codes(self) -> list[int]:
        """The codes of the closes that were sent."""
        return [message["code"] for message in self.sent if message["type"] == "websocket.close"]


INIT = '{"type":"connection_init","payload":{"Authorization":"Bearer good"}}'


async def test_a_client_that_leaves_ends_the_consumer() -> None:
    server = Server()
    server.text(INIT)
    await turns(lambda: len(server.sent) == 2)
    assert server.sent == [
        {"type": "websocket.accept", "subprotocol": "graphql-transport-ws"},
        {"type": "websocket.send", "text": '{"type":"connection_ack"}'},
    ]
    assert len(server.sockets.present) == 1
    server.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await server.task
    assert server.sockets.present == []


@pytest.mark.parametrize(
    "member", [{"bytes": b""}, {"bytes": b"x", "text": None}, {"text": None, "bytes": None}]
)
async def test_what_is_no_text_is_binary(member: Message) -> None:
    server = Server()
    server.incoming.put_nowait({"type": "websocket.receive", **member})
    await turns(lambda: server.codes)
    assert server.codes == [4400]
    server.incoming.put_nowait({"type": "websocket.disconnect", "code": 4400})
    await server.task


async def test_a_client_that_never_answers_the_close_does_not_keep_the_consumer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumer, "CLOSE_SECONDS", 0.01)
    server = Server()
    server.text("[]")
    async with asyncio.timeout(30):
        await server.task
    assert server.codes == [4400]


async def test_a_cancelled_consumer_leaves_nothing_and_stays_cancelled() -> None:
    server = Server()
    server.text(INIT)
    await turns(lambda: server.sockets.present)
    server.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await server.task
    assert server.sockets.present == []


async def test_a_foreign_origin_is_refused_before_anything() -> None:
    server = Server(headers=[(b"host", b"chat.example"), (b"origin", b"https://evil.example")])
    await server.task
    assert server.sent == [{"type": "websocket.close"}]


@pytest.mark.parametrize("host", [b"chat.example", b"CHAT.example", b"chat.example:8000"])
async def test_the_own_host_is_no_foreign_origin(host: bytes) -> None:
    server = Server(headers=[(b"Host", host), (b"Origin", b"https://" + host.lower())])
    await turns(lambda: server.sent)
    assert server.sent[0]["type"] == "websocket.accept"
    server.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await server.task


async def test_a_flood_of_one_socket_lets_the_loop_go_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "SLICE_SECONDS", 0.0)
    server = Server()
    for _ in range(500):
        server.text('{"type":"ping"}')
    rounds = 0
    while len(server.sent) < 501:
        await asyncio.sleep(0)
        rounds += 1
    assert rounds > 100
    server.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await server.task

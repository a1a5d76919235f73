"""The consumer, between a fake ASGI server and the state machine."""

import asyncio
from typing import Any

import pytest

from api.http.allowed_origins import may_open_socket
from api.socket import consumer
from api.socket.interfaces import SocketDependencies
from tests.api.socket.fakes import LIMITS, FakeAuthenticator, FakeExecutor, FakeRegistry, turns

Message = dict[str, Any]


class Server:
    """An ASGI server with one socket."""

    def __init__(self, **scope: Any) -> None:
        self.scope = {"type": "websocket", "headers": [], "subprotocols": ["graphql-transport-ws"], **scope}
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.incoming.put_nowait({"type": "websocket.connect"})
        self.sent: list[Message] = []
        self.registry = FakeRegistry()
        dependencies = SocketDependencies(FakeExecutor(), FakeAuthenticator(), self.registry, LIMITS)
        application = consumer.GraphQLConsumer(lambda: dependencies, may_open_socket)
        self.task = asyncio.ensure_future(application(self.scope, self.incoming.get, self.send))

    async def send(self, message: Message) -> None:
        """Record a message of the application."""
        self.sent.append(message)

    def text(self, text: str) -> None:
        """Deliver a text frame of the client."""
        self.incoming.put_nowait({"type": "websocket.receive", "text": text})

    @property
    def codes(self) -> list[int]:
        """The codes of the closes so far."""
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
    assert len(server.registry.admitted) == 1
    server.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await server.task
    assert server.registry.admitted == []


@pytest.mark.parametrize(
    "member", [{"bytes": b""}, {"bytes": b"x", "text": None}, {"text": None, "bytes": None}]
)
async def test_a_message_without_text_is_binary(member: Message) -> None:
    server = Server()
    server.incoming.put_nowait({"type": "websocket.receive", **member})
    await turns(lambda: server.codes)
    assert server.codes == [4400]
    server.incoming.put_nowait({"type": "websocket.disconnect", "code": 4400})
    await server.task


async def test_the_consumer_ends_though_the_client_never_answers_the_close(
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
    await turns(lambda: server.registry.admitted)
    server.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await server.task
    assert server.registry.admitted == []


async def test_a_foreign_origin_is_refused_before_the_accept() -> None:
    server = Server(headers=[(b"host", b"chat.example"), (b"origin", b"https://evil.example")])
    await server.task
    assert server.sent == [{"type": "websocket.close"}]


async def test_an_allowed_origin_is_accepted() -> None:
    server = Server(headers=[(b"Host", b"chat.example"), (b"Origin", b"https://chat.example")])
    await turns(lambda: server.sent)
    assert server.sent[0]["type"] == "websocket.accept"
    server.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await server.task


async def test_other_tasks_run_during_a_flood_of_frames(monkeypatch: pytest.MonkeyPatch) -> None:
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

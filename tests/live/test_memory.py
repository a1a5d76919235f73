"""A socket with an idle feed takes little memory: most sockets of a chat server are idle."""

import asyncio
import json
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.live.people import FEED, Person, register
from tests.server import Server, serving

SOCKETS = 500
MOST_KILOBYTES = 25


def resident_kilobytes(server: Server) -> int:
    """Return the resident memory of the process in kB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


async def follow(server: Server, person: Person, chat_id: str) -> ClientConnection:
    """Open a socket with a running feed."""
    socket = await connect(
        server.socket, subprotocols=[Subprotocol("graphql-transport-ws")], compression=None, open_timeout=30
    )
    payload = {"Authorization": f"Bearer {person.token}"}
    await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
    assert json.loads(await socket.recv())["type"] == "connection_ack"
    operation = {"query": FEED, "variables": {"chatId": chat_id}}
    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": operation}))
    assert json.loads(await socket.recv())["type"] == "next"
    return socket


async def follow_all(server: Server, person: Person, chat_id: str, count: int) -> list[ClientConnection]:
    """Open so many of them, fifty at a time."""
    sockets: list[ClientConnection] = []
    while len(sockets) < count:
        sockets += await asyncio.gather(*(follow(server, person, chat_id) for _ in range(50)))
    return sockets


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_a_socket_with_a_feed_takes_25_kilobytes_at_most(
    kind: str, environment: dict[str, str], tmp_path: Path
) -> None:
    more = {"SOCKETS_PER_USER": "1000"}
    with serving(kind, "api.asgi:application", tmp_path / "log", **environment, **more) as server:
        ann = await register(server)
        chat_id = await ann.create_group(server)
        first = await follow_all(server, ann, chat_id, 50)  # lazily made singletons come with them
        before = resident_kilobytes(server)
        others = await follow_all(server, ann, chat_id, SOCKETS)
        each = (resident_kilobytes(server) - before) / SOCKETS
        for socket in (*first, *others):
            socket.transport.abort()
    assert each <= MOST_KILOBYTES

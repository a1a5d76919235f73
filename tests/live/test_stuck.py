"""A client that asks for much and reads nothing, not even its own end: it keeps nothing of the server's."""

import asyncio
import math
import socket

import psutil
import pytest

from api.servers.daphne import Server as Daphne
from tests.client import SocketClient, eventually
from tests.live.conftest import Start
from tests.live.people import SEND, register
from tests.server import Server

WINDOW_BYTES = 4096
PAGE = "query ($id: ID!) { chat(id: $id) { messages(last: 100) { edges { node { id text } } } } }"
# More than MAX_UNSENT_BYTES and all that the kernel takes besides.
MESSAGES, TEXT, QUERIES = 100, "x" * 4000, 40
LIMITS = {"KEEP_ALIVE_SECONDS": "60", "MAX_FRAMES_PER_SECOND": "100000", "MAX_FRAME_BURST": "100000"}


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_the_connection_of_who_does_not_read_their_end_is_cut(start: Start, kind: str) -> None:
    with start(kind, **LIMITS) as server:
        ann = await register(server)
        chat_id = await ann.create_group(server)
        async with await ann.connect(server) as writer:
            for _ in range(MESSAGES):
                given = {"chatId": chat_id, "text": TEXT}
                assert "errors" not in await writer.execute(SEND, {"input": given})

            stuck = await SocketClient.connect(
                server.socket, ann.token, sock=small_window(server), ping_interval=None
            )
            stuck.connection.transport.pause_reading()
            for _ in range(QUERIES):
                await stuck.subscribe(PAGE, {"id": chat_id})

            async def is_closed() -> bool:
                payload = await writer.execute("{ viewer { sockets { id } } }")
                return len(payload["data"]["viewer"]["sockets"]) == 1

            async def is_cut() -> bool:
                return connections(server) == 1

            await eventually(is_closed, 30)
            await eventually(is_cut, 30)
            stuck.abort()
            await asyncio.wait_for(stuck.expect_close(), 30)


def connections(server: Server) -> int:
    """How many TCP connections of clients its process holds."""
    port = int(server.address.partition(":")[2])
    found = psutil.Process(server.process.pid).net_connections("tcp4")
    return sum(one.laddr.port == port and bool(one.raddr) for one in found)


def small_window(server: Server) -> socket.socket:
    """A connection whose client's kernel takes little."""
    host, _, port = server.address.partition(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW_BYTES)
    connection.connect((host, int(port)))
    return connection


def test_daphne_itself_pings_nobody() -> None:
    """Its pings would drop who stands still, long before a SLOW_CONSUMER_SECONDS that is raised."""
    server = Daphne(application=None, endpoints=["tcp:port=0"])
    assert (server.ping_interval, server.ping_timeout) == (math.inf, 0)

"""A client that asks for much and does not read even the close frame is disconnected."""

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
# More than MAX_UNSENT_BYTES plus what the kernel buffers.
MESSAGES, TEXT, QUERIES = 100, "x" * 4000, 40
LIMITS = {"KEEP_ALIVE_SECONDS": "60", "MAX_FRAMES_PER_SECOND": "100000", "MAX_FRAME_BURST": "100000"}


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_a_client_that_does_not_read_its_close_frame_is_disconnected(start: Start, kind: str) -> None:
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
    """Count the TCP connections that clients have to the server's process."""
    port = int(server.address.partition(":")[2])
    found = psutil.Process(server.process.pid).net_connections("tcp4")
    return sum(one.laddr.port == port and bool(one.raddr) for one in found)


def small_window(server: Server) -> socket.socket:
    """Open a connection whose client has a small receive buffer."""
    host, _, port = server.address.partition(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW_BYTES)
    connection.connect((host, int(port)))
    return connection


def test_daphne_sends_no_pings_of_its_own() -> None:
    """They would drop a stalled client long before a raised SLOW_CONSUMER_SECONDS."""
    server = Daphne(application=None, endpoints=["tcp:port=0"])
    assert (server.ping_interval, server.ping_timeout) == (math.inf, 0)

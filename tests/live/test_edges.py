"""Both servers refuse handshakes for unknown hosts and bodies that trickle in."""

import asyncio
from collections.abc import Iterator

import msgspec
import pytest

from tests.live.conftest import Start
from tests.server import Server

HANDSHAKE = (
    "GET /graphql/ HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
REFUSAL = {"errors": [{"message": "This host is not served here.", "extensions": {"code": "BAD_INPUT"}}]}


async def answer_to(server: Server, request: str, *, then: bytes = b"") -> tuple[int, bytes]:
    """Send a request and then one byte of `then` every 0.1 s; return the status and the body of the answer."""
    host, port = server.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    trickle = asyncio.create_task(_trickle(writer, then))
    try:
        async with asyncio.timeout(30):
            writer.write(request.encode())
            status = int((await reader.readline()).split()[1])
            length = 0
            while (line := await reader.readline()) != b"\r\n":
                name, _, value = line.decode().partition(":")
                if name.lower() == "content-length":
                    length = int(value)
            return status, await reader.readexactly(length)
    finally:
        trickle.cancel()
        writer.transport.abort()


async def _trickle(writer: asyncio.StreamWriter, content: bytes) -> None:
    for byte in content:
        await asyncio.sleep(0.1)
        writer.write(bytes([byte]))


async def test_a_handshake_for_an_unknown_host_is_refused(servers: dict[str, Server]) -> None:
    for host in ("evil.example", "localhost.evil.example", "local host", ""):
        status, body = await answer_to(servers["uvicorn"], HANDSHAKE.format(host=host))
        assert status == 400
        if host.endswith("example"):  # the others are refused by the server program itself
            assert msgspec.json.decode(body) == REFUSAL
        status, _ = await answer_to(servers["daphne"], HANDSHAKE.format(host=host))
        assert status in (400, 403)


async def test_a_handshake_for_an_allowed_host_is_accepted(server: Server) -> None:
    for host in ("localhost", "127.0.0.1:1", server.address):
        assert (await answer_to(server, HANDSHAKE.format(host=host)))[0] == 101


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def hasty(request: pytest.FixtureRequest, start: Start) -> Iterator[Server]:
    with start(request.param, BODY_TIMEOUT_SECONDS="1") as running:
        yield running


@pytest.mark.parametrize("path", ["/auth/token/", "/admin/login/", "/graphql/"])
async def test_a_body_that_trickles_in_is_cut_off(path: str, hasty: Server) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    status, _ = await answer_to(hasty, head, then=b"x" * 400)
    assert status == 408

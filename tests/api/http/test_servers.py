"""HTTP under real server programs: clients that leave or do not read, and huge bodies."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from tests.api.http.fakes import SUBSCRIPTION
from tests.server import Server, serving

MEBIBYTE = 1024 * 1024
# How much the kernel's buffers at both ends may hold on the loopback; a flood could write far more.
KERNEL_BYTES = 24 * MEBIBYTE


@pytest.fixture(params=["daphne", "uvicorn"], scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The flooding application under each server program, with a short SLOW_CONSUMER_SECONDS."""
    log = tmp_path_factory.mktemp("flood") / "log"
    with serving(
        request.param, "tests.api.http.flood:application", log, SLOW_CONSUMER_SECONDS="1"
    ) as running:
        yield running
    logged = log.read_text()
    assert not [word for word in ("Traceback", "destroyed", "without completing") if word in logged], logged


async def ask(address: str, operation_name: str) -> int:
    """Send the query `Idle` or `Sent`; returns the number in the answer."""
    query = f"query {operation_name} {{ __typename }}"
    async with httpx.AsyncClient(timeout=120) as client:
        answer = await client.post(
            f"http://{address}/graphql/", json={"query": query, "operationName": operation_name}
        )
    return int(answer.json()["data"])


async def subscribe(address: str, *, receive_buffer: int | None = None) -> socket.socket:
    """Open a stream on a plain socket; its first bytes have been read."""
    host, port = address.split(":")
    connection = socket.socket()
    if receive_buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, (host, int(port)))
    body = msgspec.json.encode({"query": SUBSCRIPTION})
    head = (
        f"POST /graphql/ HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    await loop.sock_sendall(connection, head.encode() + body)
    async with asyncio.timeout(120):  # it may still be starting
        assert b"200 OK" in await loop.sock_recv(connection, 1000)
    return connection


async def test_a_client_that_leaves_stops_its_operation(server: Server) -> None:
    address = server.address
    connection = await subscribe(address)
    connection.close()
    await ask(address, "Idle")


async def test_a_client_that_does_not_read_is_dropped_and_takes_little_memory(server: Server) -> None:
    address = server.address
    connection = await subscribe(address, receive_buffer=4096)
    with connection:
        await ask(address, "Idle")  # the server has dropped the client
        assert await ask(address, "Sent") < KERNEL_BYTES
        await read_to_the_end(connection)


async def read_to_the_end(connection: socket.socket) -> None:
    """Read everything that was sent; the connection must then end."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(30):
        try:
            while await loop.sock_recv(connection, MEBIBYTE):
                pass
        except ConnectionResetError:
            return


async def test_a_client_that_reads_gets_far_more_than_any_buffer_holds(server: Server) -> None:
    address = server.address
    loop = asyncio.get_running_loop()
    with await subscribe(address) as connection:
        read = 0
        async with asyncio.timeout(30):
            while read < 2 * KERNEL_BYTES:
                chunk = await loop.sock_recv(connection, MEBIBYTE)
                assert chunk
                read += len(chunk)
    await ask(address, "Idle")


async def test_an_8_mib_body_is_refused_with_a_graphql_error(server: Server) -> None:
    headers = {"content-type": "application/json"}
    async with httpx.AsyncClient(timeout=120) as client:
        answer = await client.post(server.http, content=b" " * 8 * MEBIBYTE, headers=headers)
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["extensions"] == {"code": "TOO_LARGE", "maxBytes": MEBIBYTE}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc")
async def test_a_huge_body_is_not_stored(server: Server) -> None:
    """Daphne reads the whole body before it calls the application."""
    host, port = server.address.split(":")
    head = (
        f"POST /graphql/ HTTP/1.1\r\nHost: {server.address}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {256 * MEBIBYTE}\r\n\r\n"
    )
    await ask(server.address, "Idle")  # the server has started and has loaded everything
    before = _peak_kilobytes(server)
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head.encode())
    try:
        with contextlib.suppress(ConnectionError):
            for _ in range(256):
                writer.write(b" " * MEBIBYTE)
                await writer.drain()
            async with asyncio.timeout(30):
                assert b" 413 " in await reader.readline()
    finally:
        writer.transport.abort()  # a close would wait until the rest of the body is read
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    assert _peak_kilobytes(server) - before < 64 * 1024


def _peak_kilobytes(server: Server) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])

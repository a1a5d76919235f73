"""Sockets under real server programs: close codes, bad frames, handshakes, stalled readers, fairness."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest
from websockets.exceptions import InvalidStatus

from api.socket.close_codes import CloseCode
from tests.api.socket.fakes import RETRY
from tests.client import SocketClient, SocketOperation, eventually
from tests.server import ROOT, Server, serving

LIMITS = {
    "MAX_FRAME_BYTES": "65536",
    "SLOW_CONSUMER_SECONDS": "3",
    "ALLOWED_HOSTS": "127.0.0.1",
    "SOCKET_ORIGINS": "https://app.example",
}


APPLICATION = "tests.api.socket.served:application"


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("served") / f"{request.param}.log"
    with serving(request.param, APPLICATION, log, **LIMITS) as running:
        yield running


@contextlib.contextmanager
def stock_daphne() -> Iterator[str]:
    """Run stock Daphne; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        descriptor = listener.fileno()
        process = subprocess.Popen(
            [sys.executable, "-m", "daphne", "--fd", str(descriptor), "-v", "0", APPLICATION],
            cwd=ROOT,
            env={**os.environ, **LIMITS},
            pass_fds=[descriptor],
            stderr=subprocess.DEVNULL,
        )
        try:
            yield f"ws://127.0.0.1:{listener.getsockname()[1]}/graphql/"
        finally:
            process.terminate()
            process.wait(10)


def memory(served: Server) -> int:
    """The resident memory of the server; bytes."""
    return int(psutil.Process(served.process.pid).memory_info().rss)


@pytest.mark.parametrize(
    "code", [code for code in CloseCode if code not in (1000, 1007)], ids=lambda code: code.name
)
async def test_codes_and_reasons_arrive(served: Server, code: CloseCode) -> None:
    client = await SocketClient.connect(served.socket, "good")
    await client.subscribe(f"close {code.name}")
    assert await client.expect_close() == (code, code.meaning)


async def test_a_whole_session(served: Server) -> None:
    async with await SocketClient.connect(served.socket, "good") as client:
        assert await client.ping({"a": "ж"}) == {"type": "pong", "payload": {"a": "ж"}}
        operation = await client.subscribe("stream 3 10", id="ж😀")
        assert [(await operation.data())["number"] for _ in range(3)] == [0, 1, 2]
        await operation.completed()


@pytest.mark.parametrize("size", [65_537, 1_100_000])
async def test_a_frame_that_is_too_large_closes_1009(served: Server, size: int) -> None:
    client = await SocketClient.connect(served.socket, "good")
    await client.send_raw("x" * size)
    code, reason = await client.expect_close()
    assert code == 1009
    assert reason


async def test_a_fragmented_frame_is_measured_as_a_whole(served: Server) -> None:
    client = await SocketClient.connect(served.socket, "good")
    with contextlib.suppress(Exception):
        await client.connection.send("x" * 1000 for _ in range(70))
    assert (await client.expect_close())[0] == 1009


async def test_a_frame_that_is_not_utf8_closes_1007(served: Server) -> None:
    client = await SocketClient.connect(served.socket, "good")
    await client.connection.send(b'{"type":"\xff\xfe"}', text=True)
    assert (await client.expect_close())[0] == 1007


async def test_a_binary_frame_closes_4400(served: Server) -> None:
    client = await SocketClient.connect(served.socket, "good")
    await client.send_raw(b'{"type":"ping"}')
    assert (await client.expect_close())[0] == 4400


@pytest.mark.parametrize("subprotocols", [(), ("graphql-ws",), ("a", "b")], ids=str)
async def test_other_subprotocols_close_4406(served: Server, subprotocols: tuple[str, ...]) -> None:
    client = await SocketClient.connect(served.socket, ack=False, subprotocols=subprotocols)
    assert (await client.expect_close())[0] == 4406
    assert client.connection.subprotocol == (subprotocols[0] if subprotocols else None)


async def test_our_subprotocol_is_chosen_among_others(served: Server) -> None:
    offered = ("graphql-ws", "graphql-transport-ws")
    async with await SocketClient.connect(served.socket, "good", subprotocols=offered) as client:
        assert client.connection.subprotocol == "graphql-transport-ws"


@pytest.mark.parametrize(
    ("query", "headers", "payload"),
    [
        ("", {"Authorization": "Bearer good"}, None),
        ("?JWT=good", None, None),
        ("?ticket=ticket", None, None),
        ("?JWT=bad", {"Authorization": "Bearer good"}, None),
        ("?JWT=bad", {"Authorization": "Bearer bad"}, {"ticket": "ticket"}),
    ],
)
async def test_credentials_of_the_handshake(
    served: Server, query: str, headers: dict[str, str] | None, payload: dict[str, object] | None
) -> None:
    async with await SocketClient.connect(served.socket + query, headers=headers, payload=payload):
        pass


async def test_a_bad_credential_is_not_replaced_by_that_of_a_later_place(served: Server) -> None:
    url = served.socket + "?JWT=good&ticket=ticket"
    client = await SocketClient.connect(url, ack=False, headers={"Authorization": "Bearer bad"})
    await client.send({"type": "connection_init"})
    assert (await client.expect_close())[0] == 4403


async def test_credentials_stay_out_of_the_log(served: Server) -> None:
    async with await SocketClient.connect(served.socket + "?a=1&JWT=good&ticket=topsecretticket"):
        pass
    log = served.log.read_text()
    assert "topsecretticket" not in log
    assert "JWT=good" not in log


@pytest.mark.parametrize("origin", [None, "SAME", "https://app.example"])
async def test_allowed_origins(served: Server, origin: str | None) -> None:
    if origin == "SAME":
        origin = served.socket.replace("ws:", "http:").removesuffix("/graphql/")
    async with await SocketClient.connect(served.socket, "good", origin=origin):
        pass


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "http://["]
)
async def test_foreign_origins_are_refused_with_403(served: Server, origin: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await SocketClient.connect(served.socket, ack=False, origin=origin)
    # Daphne itself refuses an Origin that is not a URL.
    assert caught.value.response.status_code == (
        400 if origin == "http://[" and "daphne" in served.log.name else 403
    )


async def test_a_stream_of_60000_does_not_delay_another_socket(served: Server) -> None:
    # The other socket is in another process, or this test would measure its own load.
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.api.socket.probe", served.socket, str(served.process.pid)),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdin is not None
    assert other.stdout is not None
    assert await other.stdout.readline() == b"ready\n"
    async with await SocketClient.connect(served.socket, "good") as busy:
        stream = await busy.subscribe("stream 60000 100")
        for number in range(60_000):
            assert (await stream.data())["number"] == number
        await stream.completed()
    other.stdin.close()
    waits = sorted(json.loads(await other.stdout.readline()))
    await other.wait()
    assert len(waits) > 20
    assert waits[len(waits) // 2] < 0.01
    assert waits[-1] < 0.1


async def state(probe: SocketClient) -> dict[str, int]:
    """The numbers of running operations and of sockets, the probe's own included."""
    data: dict[str, int] = (await probe.execute("count -"))["data"]
    return data


async def stalled(
    served: Server, query: str, receive_buffer: int = 4096
) -> tuple[SocketClient, SocketOperation]:
    """Open a client with a small TCP window that stops reading right after its subscribe."""
    raw = socket.create_connection(("127.0.0.1", int(served.socket.rsplit(":", 1)[1].split("/")[0])))
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    raw.setblocking(False)
    client = await SocketClient.connect(served.socket, "good", sock=raw, max_queue=1)
    operation = await client.subscribe(query)
    client.connection.transport.pause_reading()
    return client, operation


async def test_a_stalled_reader_takes_bounded_memory_and_is_closed(served: Server) -> None:
    async with await SocketClient.connect(served.socket, "good") as probe:
        await probe.execute("count -")
        before = memory(served)
        clients = [(await stalled(served, "stream 1000000 5000"))[0] for _ in range(10)]

        async def gone() -> bool:
            assert memory(served) - before < 10 * 4_000_000
            return await state(probe) == {"tasks": 1, "sockets": 1}

        await eventually(gone, 60)
        for client in clients:
            client.abort()


async def test_a_reader_that_resumes_in_time_misses_nothing(served: Server) -> None:
    client, operation = await stalled(served, "stream 3000 1000", 65_536)
    await asyncio.sleep(0.4)
    client.connection.transport.resume_reading()
    for number in range(3000):
        assert (await operation.data())["number"] == number
    await operation.completed()
    await client.close()


async def test_aborted_connections_leave_nothing(served: Server) -> None:
    async with await SocketClient.connect(served.socket, "good") as probe:
        clients = [await SocketClient.connect(served.socket, "good") for _ in range(100)]
        for client in clients:
            await client.subscribe("hang -")
            await client.subscribe("stream 5 5")
        for client in clients:
            client.abort()

        async def gone() -> bool:
            return await state(probe) == {"tasks": 1, "sockets": 1}

        await eventually(gone, 60)


async def test_a_flood_of_frames_closes_its_socket_and_no_other(served: Server) -> None:
    async with await SocketClient.connect(served.socket, "good") as other:
        client = await SocketClient.connect(served.socket, "good")
        await asyncio.gather(*(client.send({"type": "ping"}) for _ in range(1000)))
        assert (await client.expect_close())[0] == CloseCode.TOO_MANY_FRAMES
        await other.ping()


async def test_stock_daphne_closes_with_a_fallback_code() -> None:
    with stock_daphne() as url:
        for code in (CloseCode.SUPERSEDED, CloseCode.RESTARTING, CloseCode.SLOW_CONSUMER):
            client = await SocketClient.connect(url, "good")
            await client.subscribe(f"close {code.name}")
            arrived, _no_reason = await client.expect_close()
            assert arrived is not None
            assert RETRY[arrived] is code.retry

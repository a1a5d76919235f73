"""Liveness and readiness under both servers: without Redis, without PostgreSQL, and during a drain."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest

from tests.live.conftest import Start, assert_answers
from tests.live.faulty import Faulty, faulty_services
from tests.live.people import register
from tests.server import Server

Answer = tuple[int, dict[str, object]]

GOOD: Answer = (200, {"ok": True, "failed": []})
KINDS = ("daphne", "uvicorn")


def bad(*failed: str) -> Answer:
    return 503, {"ok": False, "failed": [*failed]}


async def ask(server: Server, what: str = "ready", client: httpx.AsyncClient | None = None) -> Answer:
    async with httpx.AsyncClient(timeout=30) as own:
        answer = await (client or own).get(
            f"http://{server.address}/health/{what}", headers={"host": "10.0.0.7"}
        )
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()


async def becomes(server: Server, expected: Answer) -> None:
    """Ask until the answer is the expected one."""
    async with asyncio.timeout(30):
        while await ask(server) != expected:  # noqa: ASYNC110 - only the answer itself shows it
            await asyncio.sleep(0.05)


@dataclass
class World:
    """A server per program, over services that tests can stop."""

    faulty: Faulty
    servers: list[Server]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    short = {"HEALTH_TIMEOUT_SECONDS": "0.5", "HEALTH_CACHE_SECONDS": "0.05"}
    with faulty_services(tmp_path_factory.mktemp("health")) as faulty, ExitStack() as stack:
        servers = [stack.enter_context(faulty.server(kind, **short)) for kind in KINDS]
        for server in servers:
            assert_answers(server)
        yield World(faulty, servers)


async def test_a_process_with_redis_and_postgres_is_ready(world: World) -> None:
    for server in world.servers:
        assert await ask(server, "live") == GOOD
        await becomes(server, GOOD)
        async with httpx.AsyncClient(base_url=f"http://{server.address}", timeout=30) as client:
            head = await client.head("/health/ready")
            assert (head.status_code, head.content) == (200, b"")
            assert (await client.post("/health/ready")).status_code == 405


async def test_without_redis_it_is_live_but_not_ready(world: World) -> None:
    world.faulty.stop_redis()
    try:
        for server in world.servers:
            await becomes(server, bad("redis"))
            assert await ask(server, "live") == GOOD
    finally:
        world.faulty.start_redis()
    for server in world.servers:
        await becomes(server, GOOD)


async def test_a_hung_redis_does_not_delay_the_answer(world: World) -> None:
    with world.faulty.hung_redis():
        for server in world.servers:
            await becomes(server, bad("redis"))
            async with asyncio.timeout(10):
                assert await ask(server) == bad("redis")
    for server in world.servers:
        await becomes(server, GOOD)


async def test_without_postgres_it_is_live_but_not_ready(world: World) -> None:
    world.faulty.stop_postgres()
    try:
        for server in world.servers:
            await becomes(server, bad("database"))
            assert await ask(server, "live") == GOOD
    finally:
        world.faulty.start_postgres()
    for server in world.servers:
        await becomes(server, GOOD)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_draining_process_is_not_ready(kind: str, start: Start) -> None:
    """uvicorn still accepts connections then; Daphne serves the open ones."""
    with start(kind, DRAIN_SECONDS="4") as doomed:
        ann = await register(doomed)
        clients = [await ann.connect(doomed) for _ in range(3)]
        async with httpx.AsyncClient(timeout=30) as kept:
            assert await ask(doomed, client=kept) == GOOD
            doomed.ask(signal.SIGTERM)
            await asyncio.wait(
                [asyncio.create_task(client.expect_close()) for client in clients],
                return_when=asyncio.FIRST_COMPLETED,
            )
            assert await ask(doomed, client=kept) == bad("draining")
            assert await ask(doomed, "live", client=kept) == GOOD
        for client in clients:
            await client.expect_close()
        await doomed.ended()

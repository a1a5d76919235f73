"""The asynchronous client: cancelling works, and two tasks can share a connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import partial
from typing import Any

import pytest
import redis.asyncio
from pytest_django import Settings
from redis.asyncio import ConnectionPool
from redis.asyncio.client import PubSub
from redis.asyncio.connection import AbstractConnection

from foundation.redis import async_redis, close_async_redis, connection_options


@pytest.fixture
async def client() -> AsyncIterator[None]:
    await async_redis().ping()
    yield
    await close_async_redis()


async def test_a_cancellation_while_a_command_is_sent_is_not_lost(
    client: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = AbstractConnection._send_packed_command

    async def send_and_cancel(connection: AbstractConnection, command: Iterable[bytes]) -> None:
        await send(connection, command)
        task.cancel()

    monkeypatch.setattr(AbstractConnection, "_send_packed_command", send_and_cancel)
    task = asyncio.ensure_future(async_redis().echo("not read"))
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.undo()
    assert await async_redis().echo("read") == b"read"


async def test_a_cancelled_task_can_still_use_the_client_to_clean_up(client: None) -> None:
    async def wait_and_clean_up() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            answers.append(await async_redis().echo("cleaned up"))

    answers: list[bytes | str] = []
    task = asyncio.create_task(wait_and_clean_up())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert answers == [b"cleaned up"]


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("redis://one:6380/2", "SharedConnection"),
        ("rediss://one", "SharedSSLConnection"),
        ("unix:///run/redis.sock", "SharedUnixDomainSocketConnection"),
    ],
)
def test_every_kind_of_url_works(url: str, kind: str) -> None:
    options = connection_options(url, 1.5)
    assert options["connection_class"].__name__ == kind
    assert (options["socket_timeout"], options["socket_connect_timeout"]) == (1.5, 1.5)


@pytest.fixture
async def subscription(settings: Settings) -> AsyncIterator[PubSub]:
    """A subscription to "a"; its connection has the client name "shared"."""
    options = connection_options(settings.REDIS_URL, 5)
    pool = ConnectionPool(**options, client_name="shared")
    async with redis.asyncio.Redis.from_pool(pool) as client, client.pubsub() as pubsub:
        await pubsub.subscribe("a")
        yield pubsub


async def test_a_lost_connection_that_tasks_share_is_reopened_once(subscription: PubSub) -> None:
    """One task reads the subscription while others subscribe, as in channels_redis. Each retries by itself."""

    async def retry(attempt: Callable[[], Awaitable[Any]]) -> Any:
        while True:
            try:
                return await attempt()
            except redis.ConnectionError:
                pass

    async def read() -> None:
        while b"done" not in received:
            message = await retry(partial(subscription.get_message, timeout=0.1))
            received.append(message and message["data"])

    received: list[object] = []
    client: Any = async_redis()
    reader = asyncio.create_task(read())
    async with asyncio.timeout(60):
        for round_ in range(20):
            await client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            await asyncio.gather(
                *(retry(partial(subscription.subscribe, f"{round_}.{part}")) for part in range(3))
            )
            while len([one for one in await client.client_list() if one["name"] == "shared"]) != 1:  # noqa: ASYNC110
                await asyncio.sleep(0.001)  # Redis notices a closed one a little later
        await client.publish("a", "done")
        await reader
    await close_async_redis()

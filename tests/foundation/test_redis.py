"""The asynchronous client: what is cancelled ends."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest
from redis.asyncio.connection import AbstractConnection

from foundation.redis import async_redis, close_async_redis, connection_options


@pytest.fixture
async def client() -> AsyncIterator[None]:
    await async_redis().ping()
    yield
    await close_async_redis()


async def test_a_cancellation_that_comes_as_a_command_is_sent_is_not_lost(
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


async def test_a_task_that_was_cancelled_can_still_tidy_up(client: None) -> None:
    async def wait_and_tidy() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            tidied.append(await async_redis().echo("tidied"))

    tidied: list[bytes | str] = []
    task = asyncio.create_task(wait_and_tidy())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert tidied == [b"tidied"]


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("redis://one:6380/2", "CancellableConnection"),
        ("rediss://one", "CancellableSSLConnection"),
        ("unix:///run/redis.sock", "CancellableUnixDomainSocketConnection"),
    ],
)
def test_every_kind_of_address_is_understood(url: str, kind: str) -> None:
    options = connection_options(url, 1.5)
    assert options["connection_class"].__name__ == kind
    assert (options["socket_timeout"], options["socket_connect_timeout"]) == (1.5, 1.5)

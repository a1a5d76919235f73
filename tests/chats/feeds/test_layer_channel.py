"""LayerChannel: its restart of a layer that stops receiving, and its end."""

import asyncio
import contextlib
from typing import Any

import pytest
from pytest_django import Settings

from chats.feeds.hub import Hub
from chats.feeds.layer_channel import LayerChannel
from foundation.redis import close_async_redis
from tests.chats.feeds.test_random_layers import FaultyLayer


class DeafLayer(FaultyLayer):
    """Nothing that is sent arrives. Its `flush` swallows a cancellation, as that of channels_redis does."""

    def __init__(self) -> None:
        super().__init__()
        self.flushing = asyncio.Event()

    async def send(self, channel: str, message: Any) -> None:
        """Lose it."""

    async def flush(self) -> None:
        """Cancel the reader and wait for it."""
        reader = asyncio.create_task(asyncio.Event().wait())
        self.flushing.set()
        with contextlib.suppress(asyncio.CancelledError):
            await reader


async def test_a_hub_can_be_closed_while_its_layer_restarts(settings: Settings) -> None:
    settings.FEED_PROBE_SECONDS = settings.FEED_DEAF_SECONDS = 0.01
    layer = DeafLayer()
    hub = Hub(layer)
    await hub.listen_control(1, lambda _body: None)
    async with asyncio.timeout(20):
        await layer.flushing.wait()
        await hub.close()
    await close_async_redis()
    assert [task for task in asyncio.all_tasks() if task.get_name() == "hub poll"] == []


@pytest.mark.parametrize("count", [1, 3])
async def test_a_restarted_layer_joins_all_its_groups_again(settings: Settings, count: int) -> None:
    settings.FEED_PROBE_SECONDS = settings.FEED_DEAF_SECONDS = 0.01
    layer = FaultyLayer()
    hub = Hub(layer)
    for user_id in range(count):
        await hub.listen_control(user_id, lambda _body: None)
    groups = set(layer.groups)
    restarted = asyncio.Event()

    async def send(channel: str, message: Any) -> None:
        pass

    async def flush() -> None:
        layer.groups.clear()
        restarted.set()

    layer.send, layer.flush = send, flush  # type: ignore[method-assign]
    async with asyncio.timeout(20):
        await restarted.wait()
        while layer.groups != groups:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0)
    await hub.close()
    await close_async_redis()


async def test_a_blocked_process_does_not_restart_the_layer(settings: Settings) -> None:
    """Its probes are late, and the echo that each of them expects could not arrive."""
    settings.FEED_PROBE_SECONDS = 1
    settings.FEED_DEAF_SECONDS = 2.5
    layer = FaultyLayer()
    restarts = 0

    async def flush() -> None:
        nonlocal restarts
        restarts += 1

    async def send(channel: str, message: Any) -> None:
        pass

    layer.send, layer.flush = send, flush  # type: ignore[method-assign]
    channel = LayerChannel(layer, lambda _message: None)
    await channel.join("group")
    restarts_after = []
    for _ in range(8):
        await channel.probe_delivery()  # however late: a probe reads no clock
        restarts_after.append(restarts)
    await channel.close()
    await close_async_redis()
    assert restarts_after == [0, 0, 0, 1, 1, 1, 2, 2]


async def test_a_closed_channel_has_no_receiving_task() -> None:
    layer = FaultyLayer()
    channel = LayerChannel(layer, lambda _message: None)
    await channel.join("group")
    await channel.close()
    await channel.close()
    assert [task for task in asyncio.all_tasks() if task.get_name() == "hub receive"] == []
